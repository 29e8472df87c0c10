//! The API as its callers see it: steps as text under `tests/api/cases`, one file per subject.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use weft_schema::ProblemKind;

/// The files, by name.
fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/api/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            let name = path
                .file_name()
                .expect("is a file")
                .to_string_lossy()
                .into_owned();
            (
                name,
                fs::read_to_string(&path).expect("the file can be read"),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_of_steps_passes_and_together_they_raise_every_problem() {
    // Raised by the shell, or by a cloud of two thousand million ports.
    let beyond = [
        ProblemKind::ServiceUnavailable,
        ProblemKind::HTTPInternalServerError,
        ProblemKind::HTTPRequestTimeout,
        ProblemKind::HTTPRequestEntityTooLarge,
    ];
    let mut raised: BTreeSet<ProblemKind> = beyond.into();
    let files = files();
    assert!(!files.is_empty());
    for (name, text) in files {
        raised.extend(crate::runner::run(&name, &text));
    }
    let missing: Vec<_> = ProblemKind::ALL
        .iter()
        .filter(|kind| !raised.contains(kind))
        .collect();
    assert!(missing.is_empty(), "never raised: {missing:?}");
}
