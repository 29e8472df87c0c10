//! Files that are generated from tables: compared in tests, written with `UPDATE=1`.

use std::path::Path;

/// Asserts that a file of `docs/` holds that text; writes it when `UPDATE=1`.
pub(crate) fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).expect("docs can be written");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == text,
        "docs/{file} is not current; UPDATE=1 writes it"
    );
}
