//! `weft openflow spec`: the tables of [`rust_openflow::reference`], for people and for programs.

use std::fmt::Write as _;
use std::io::Write;

use rust_openflow::record::Value;
use rust_openflow::reference::{Section, sections};

use crate::Error;
use crate::show::{self, list_width};

pub(super) const EXAMPLES: &str = "\
Examples:
  weft openflow spec
      all tables
  weft openflow spec errors | grep BUNDLE
      the errors of bundles, with the numbers that each version gives them
  weft openflow spec fields --json | jq '.fields[] | select(.mask == \"no\") | .name'
      the fields that are matched whole";

/// The options of `weft openflow spec`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which table: messages, multiparts, fields, instructions, actions, properties or errors; all
    /// without one
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    /// Print a page of Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Prints tables.
///
/// # Errors
///
/// When there is no such table, or the output cannot be written.
pub(super) fn run(args: &Args, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut chosen = sections();
    if let Some(name) = &args.table {
        let names: Vec<_> = chosen.iter().map(|section| section.name).collect();
        let expected = format!("one of the tables {}, not '{name}'", names.join(", "));
        chosen.retain(|section| section.name == name);
        if chosen.is_empty() {
            return Err(Error::Expected(expected).into());
        }
    }
    match (json, args.markdown) {
        (true, _) => show::json(out, &as_json(&chosen))?,
        (_, true) => out.write_all(as_markdown(&chosen).as_bytes())?,
        _ => out.write_all(as_text(&chosen).as_bytes())?,
    }
    Ok(())
}

fn as_json(sections: &[Section]) -> Value {
    let table = |section: &Section| {
        let rows = section.entries.iter().map(|entry| entry.value()).collect();
        (section.name.into(), Value::List(rows))
    };
    Value::Object(sections.iter().map(table).collect())
}

/// A section's columns, and the cells of its rows.
fn columns(section: &Section) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let rows: Vec<_> = section.entries.iter().map(|entry| entry.cells()).collect();
    let first = rows.first().into_iter().flatten();
    let names = first.map(|(name, _)| *name).collect();
    let cells = rows
        .into_iter()
        .map(|row| row.into_iter().map(|(_, cell)| cell).collect());
    (names, cells.collect())
}

fn as_text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let (names, rows) = columns(section);
        let table = show::table_of(list_width(), 1, names, rows);
        // Writing to a text does not fail.
        let _ = writeln!(text, "{}: {}\n\n{table}\n", section.name, section.doc);
    }
    text
}

fn as_markdown(sections: &[Section]) -> String {
    let mut page = "\
# OpenFlow

What `weft openflow spec --markdown` prints: the tables that the library goes by, which knows OpenFlow 1.0 to
1.5 with the extensions of Nicira and the ONF. A code stands before the versions that it is sent in; where
versions write one thing differently, it has several. A name after a code is what these versions call it.
`weft openflow decode` names things as they are named here.
"
    .to_owned();
    for section in sections {
        let (names, rows) = columns(section);
        let _ = write!(page, "\n## {}\n\n{}\n\n", section.name, section.doc);
        page += &show::markdown_table_of(&names, rows);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(table: Option<&str>, markdown: bool, json: bool) -> anyhow::Result<String> {
        let table = table.map(ToOwned::to_owned);
        let mut out = Vec::new();
        run(&Args { table, markdown }, json, &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn the_page_of_openflow_is_current() {
        let page = printed(None, true, false).unwrap();
        crate::golden::check("openflow.md", &page);
    }

    #[test]
    fn a_table_by_itself_is_text_or_json() {
        let text = printed(Some("errors"), false, false).unwrap();
        assert!(text.contains("OFPFMFC_TABLE_FULL") && !text.contains("echo_request"));
        let json: serde_json::Value =
            serde_json::from_str(&printed(Some("messages"), false, true).unwrap()).unwrap();
        let rows = json["messages"].as_array().unwrap();
        let hello = &rows[0];
        assert_eq!(hello["name"], "hello");
        assert_eq!(hello["codes"][0]["numbers"][0], 0);
        assert_eq!(hello["codes"][0]["until"], "1.5");
    }

    #[test]
    fn a_table_that_is_not_there_is_asked_for_wrongly() {
        let error = printed(Some("errros"), false, false).unwrap_err();
        let error = error.downcast_ref::<Error>().unwrap();
        assert!(error.is_usage());
        assert!(error.to_string().contains("errors"), "{error}");
    }
}
