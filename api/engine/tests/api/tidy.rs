//! Rules that the sources keep.

use std::fs;
use std::path::PathBuf;

use weft_schema::RESOURCES;

/// What serves every resource alike.
const GENERIC: &[&str] = &[
    "body",
    "documents",
    "draft",
    "engine",
    "policy",
    "query",
    "verbs",
    "view",
];

fn sources() -> Vec<(String, String)> {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).expect("the folder can be read") {
            let path = file.expect("the folder can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let text = fs::read_to_string(&path).expect("the file can be read");
                    sources.push((path.display().to_string(), text));
                }
            }
        }
    }
    sources
}

#[test]
fn what_serves_every_resource_names_none() {
    let mut seen = 0;
    for (path, text) in sources() {
        let generic = GENERIC.iter().any(|name| {
            path.ends_with(&format!("src/{name}.rs")) || path.contains(&format!("src/{name}/"))
        });
        seen += usize::from(generic);
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|_| generic) {
            for resource in RESOURCES {
                for name in [resource.name, resource.collection] {
                    let constant = format!("resource::{}", name.to_uppercase());
                    let literal = format!("\"{name}\"");
                    assert!(
                        !line.contains(&literal) && !line.contains(&constant),
                        "{path}: {line}"
                    );
                }
            }
        }
    }
    assert!(seen > GENERIC.len());
}

#[test]
fn files_are_short_and_begin_with_what_they_are() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path}");
        assert!(text.lines().count() < 1000, "{path}");
    }
}
