//! `weft explain`: where a flow comes from, by its cookie.
//!
//! How emitters are found is the compiler's business.

use std::io::{self, Write};

use weft_compiler::pipeline::STAGES;
use weft_member::status::FlowStatus;

use crate::client::{Client, Controller, segment};
use crate::show;

/// What follows the options in the help of `weft explain`.
pub(crate) const EXAMPLES: &str = "\
A flow's cookie is a hash of all that it says: the same flow has the same cookie on every switch.

Examples:
  weft explain 0x3f2a9c41d07be655
  ovs-ofctl -O OpenFlow15 --names dump-flows br-int
      typed on a hypervisor: shows the cookies of its flows";

/// The options of `weft explain`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// A flow's cookie, as `weft flows` and ovs-ofctl print it: up to 16 hex digits
    #[arg(value_name = "COOKIE")]
    cookie: String,
}

/// Asks and prints.
///
/// # Errors
///
/// Those of the [`Client`], and when the output cannot be written.
pub async fn run(
    args: &Args,
    client: &Client,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let flow: FlowStatus = client
        .get(&format!("/flows/{}", segment(&args.cookie)))
        .await?;
    match json {
        true => show::json(out, &flow)?,
        false => print(out, &flow)?,
    }
    Ok(())
}

fn print(out: &mut dyn Write, flow: &FlowStatus) -> io::Result<()> {
    writeln!(out, "{}", flow.flow)?;
    let row = STAGES.iter().find(|row| row.name == flow.stage);
    let sentence = row.map_or("a stage that this version of Weft does not know", |row| {
        row.doc
    });
    writeln!(out, "stage    {}: {sentence}", flow.stage)?;
    for owner in &flow.owners {
        writeln!(out, "from     {owner}")?;
    }
    match &flow.refused {
        Some(words) => writeln!(out, "refused  {words}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_told_with_the_sentence_of_its_stage_and_all_that_emitted_it() {
        let row = &STAGES[0];
        let flow = FlowStatus {
            cookie: "0x000000000000002a".to_owned(),
            stage: row.name.to_owned(),
            flow: "cookie=0x2a, priority=1 actions=drop".to_owned(),
            owners: vec!["A at a.rs:1".to_owned(), "B at b.rs:2".to_owned()],
            refused: Some("OFPFMFC_TABLE_FULL".to_owned()),
        };
        let mut out = Vec::new();
        print(&mut out, &flow).unwrap();
        let expected = format!(
            "{}\nstage    {}: {}\nfrom     A at a.rs:1\nfrom     B at b.rs:2\n\
             refused  OFPFMFC_TABLE_FULL\n",
            flow.flow, row.name, row.doc
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
