//! The book's page on scenarios: its tables of keys are those that the reader goes by.

use std::fmt::Write;

use super::keys::File;
use super::read::{Book, Chapter, Row, Value};

/// What stands before the tables.
const OPENING: &str = include_str!("opening.md");

/// `docs/scenarios.md`.
#[must_use]
pub fn reference() -> String {
    let mut book = Book::new();
    File::describe(&mut book);
    let mut page = OPENING.to_owned();
    for chapter in &book {
        write_chapter(&mut page, chapter);
    }
    page
}

fn write_chapter(page: &mut String, chapter: &Chapter) {
    let title = match chapter.title {
        "(top)" => "At the top of the file".to_owned(),
        title => format!("`{title}`"),
    };
    // Writing to a text cannot fail.
    let _ = write!(page, "\n### {title}\n\n{}\n\n", chapter.about);
    write_rows(page, &chapter.rows);
    for variant in &chapter.variants {
        let heading = match (chapter.tag, &variant.target) {
            (Some(tag), _) => format!("`{tag} = \"{}\"`: {}", variant.word, variant.about),
            (None, Some(target)) => {
                format!("`{}`: {} Value: {target}.", variant.word, variant.about)
            }
            (None, None) => format!("`{}`: {}", variant.word, variant.about),
        };
        let _ = write!(page, "\n{heading}\n");
        if !variant.rows.is_empty() {
            page.push('\n');
            write_rows(page, &variant.rows);
        }
    }
}

fn write_rows(page: &mut String, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    page.push_str("| key | means | value | default |\n|---|---|---|---|\n");
    for Row {
        key,
        about,
        expected,
        default,
    } in rows
    {
        let _ = writeln!(page, "| `{key}` | {about} | {expected} | {default} |");
    }
}
