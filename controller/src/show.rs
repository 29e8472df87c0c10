//! How answers are printed: tables for people, JSON for programs, Markdown for the book.
//!
//! What the cells mean is not known here.

use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, presets};
use serde::Serialize;

/// Columns of output that goes to no terminal.
const WIDTH: u16 = 140;

/// Columns of the terminal, or of what is no terminal.
pub(crate) fn width() -> u16 {
    terminal().unwrap_or(WIDTH)
}

/// The same for lists, of which other programs look at single lines: no terminal, no end of a line.
pub(crate) fn list_width() -> u16 {
    terminal().unwrap_or(u16::MAX)
}

fn terminal() -> Option<u16> {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| size.ws_col)
}

/// A table within a width. The first columns hold names, as many as is said.
pub(crate) fn table<const N: usize>(
    width: u16,
    names: usize,
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    table_of(width, names, columns, rows)
}

/// The same for columns of which it is not known here how many there are.
pub(crate) fn table_of<R: Into<Row>>(
    width: u16,
    names: usize,
    columns: impl Into<Row>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(columns)
        .add_rows(rows);
    // Names are looked for and copied: they are never broken.
    for column in table.column_iter_mut().take(names) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt()
}

/// A table of Markdown.
pub(crate) fn markdown_table<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    markdown_table_of(&columns, rows)
}

/// The same for columns of which it is not known here how many there are.
pub(crate) fn markdown_table_of<R: AsRef<[String]>>(
    columns: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let line = "---|".repeat(columns.len());
    let mut text = format!("| {} |\n|{line}\n", columns.join(" | "));
    for row in rows {
        let cells: Vec<_> = row
            .as_ref()
            .iter()
            .map(|cell| cell.replace('|', "\\|"))
            .collect();
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// What there is, as JSON.
pub(crate) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// A cell that may be empty.
pub(crate) fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
}

/// Values in a cell, a line for each.
pub(crate) fn lines(values: &[String]) -> String {
    match values {
        [] => "-".to_owned(),
        values => values.join("\n"),
    }
}

/// A yes or a no.
pub(crate) fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
