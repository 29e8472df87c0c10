//! What reviewers would otherwise have to say about Rust source: length, a first paragraph, no
//! unfinished work, no pauses. Knows text only, not Rust.

use std::path::{Path, PathBuf};

/// A file longer than this is to be divided.
const LINES: usize = 1000;

/// What must not stand in source, and the only file that may have it. The words are divided here,
/// so that this file may be checked as well.
const FORBIDDEN: &[(&str, Option<&str>)] = &[
    (concat!("to", "do!"), None),
    (concat!("unimple", "mented!"), None),
    (concat!("TO", "DO"), None),
    (concat!("FIX", "ME"), None),
    (concat!("#[ig", "nore"), None),
    (concat!("thread::", "sleep"), Some("tests/src/wait.rs")),
];

fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the folder above tests/")
        .to_path_buf()
}

/// All Rust source below a folder, except what was built or is hidden.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What is wrong with a file; `name` is its path from the root of the workspace.
fn complaints(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push(format!("{name}:1: does not begin with a //! paragraph"));
    }
    let lines = text.lines().count();
    if lines > LINES {
        complaints.push(format!("{name}: {lines} lines"));
    }
    for (number, line) in text.lines().enumerate() {
        for (word, exception) in FORBIDDEN {
            if line.contains(word) && *exception != Some(name) {
                complaints.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    complaints
}

#[test]
fn source_is_tidy() {
    let root = workspace();
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(
        files
            .iter()
            .any(|file| file.ends_with("tests/tests/tidy.rs"))
    );
    let complaints: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy();
            let text = std::fs::read_to_string(file).expect("text");
            complaints(&name, &text)
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn untidy_source_is_noticed() {
    for (word, _) in FORBIDDEN {
        let text = format!("//! A file.\n{word}");
        assert_eq!(complaints("a.rs", &text), [format!("a.rs:2: {word}")]);
    }
    assert!(complaints("tests/src/wait.rs", concat!("//! W\nthread::", "sleep")).is_empty());
    assert_eq!(complaints("a.rs", "fn main() {}").len(), 1);
    assert_eq!(
        complaints("a.rs", &format!("//! A{}", "\n".repeat(LINES + 1))).len(),
        1
    );
}
