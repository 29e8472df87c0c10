//! What reviewers would otherwise have to say: about Rust source its length, a first paragraph, no
//! unfinished work, no pauses; about pages, links that lead nowhere. Knows text only, not Rust.

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

/// All files of a kind below a folder, except what was built or is hidden.
fn files(folder: &Path, kind: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            files(&path, kind, found);
        } else if path.extension().is_some_and(|extension| extension == kind) {
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
    let mut sources = Vec::new();
    files(&root, "rs", &mut sources);
    assert!(
        sources
            .iter()
            .any(|file| file.ends_with("tests/tests/tidy.rs"))
    );
    let complaints: Vec<String> = sources
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

/// The targets of a page's links, without those that leave the tree. Code is not looked at.
fn links(page: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for (n, prose) in page.split("```").enumerate() {
        let ends = prose.match_indices("](").filter(|_| n % 2 == 0);
        for (at, mark) in ends {
            let rest = &prose[at + mark.len()..];
            let link = rest.split(')').next().unwrap_or_default();
            if !link.contains("://") {
                links.push(link);
            }
        }
    }
    links
}

/// The anchors of a page's headings, as they are made from their words.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// Why a link of a page in a folder leads nowhere, if it does.
fn broken(folder: &Path, page: &str, link: &str) -> Option<String> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = folder.join(file);
    if !path.exists() {
        return Some(format!("{link}: no such file"));
    }
    let target = match file {
        "" => page.to_owned(),
        _ => std::fs::read_to_string(path).unwrap_or_default(),
    };
    let found = anchor.is_empty() || anchors(&target).iter().any(|known| known == anchor);
    (!found).then(|| format!("{link}: no such heading"))
}

#[test]
fn links_of_pages_lead_to_files_and_headings() {
    let root = workspace();
    let mut pages = Vec::new();
    files(&root, "md", &mut pages);
    let mut complaints = Vec::new();
    let mut followed = 0;
    for path in &pages {
        let page = std::fs::read_to_string(path).expect("text");
        let folder = path.parent().unwrap_or(&root);
        for link in links(&page) {
            followed += 1;
            if let Some(reason) = broken(folder, &page, link) {
                complaints.push(format!("{}: {reason}", path.display()));
            }
        }
    }
    assert!(followed > 0, "no page has a link");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn links_that_lead_nowhere_are_noticed() {
    let page = "# One, two\n[a](tidy.rs) [b](gone.md#x)\n```\n[c](code)\n```\n[d](http://e/f)";
    assert_eq!(links(page), ["tidy.rs", "gone.md#x"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    assert_eq!(broken(&folder, page, "tidy.rs"), None);
    assert_eq!(broken(&folder, page, "#one-two"), None);
    assert!(broken(&folder, page, "#three").is_some());
    assert!(broken(&folder, page, "gone.md#x").is_some());
}
