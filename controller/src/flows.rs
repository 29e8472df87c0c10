//! `weft flows`: the program of a switch, as `ovs-ofctl --names dump-flows` would show it.
//!
//! What a program is made of is the compiler's business, the notation rust_openflow's.

use std::io::{self, Write};

use clap::builder::PossibleValuesParser;
use serde::{Deserialize, Serialize};
use weft_compiler::pipeline::STAGES;
use weft_member::status::FlowStatus;

use crate::client::{Client, Controller, segment};
use crate::show;

/// What follows the options in the help of `weft flows`.
pub(crate) const EXAMPLES: &str = "\
Flows are written as by ovs-ofctl(8), with the names of stages in place of table numbers; \
`weft pipeline` tells what the stages do. What the switch has besides, a flow in the stage \
`marker`, says who programmed it and is not part of its program.

Examples:
  weft flows hv1
  weft flows hv1 --stage port_security --owners
  ovs-ofctl -O OpenFlow15 --names --no-stats dump-flows br-int
      typed on the hypervisor: the same, as the switch has it";

/// The options of `weft flows`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// The switch's hypervisor: its system-id, host name or datapath id
    #[arg(value_name = "SWITCH")]
    switch: String,
    /// Only flows of this stage
    #[arg(long, value_name = "NAME", value_parser = stage_names(), hide_possible_values = true)]
    stage: Option<String>,
    /// Print what emitted each flow, too
    #[arg(long)]
    owners: bool,
}

fn stage_names() -> PossibleValuesParser {
    PossibleValuesParser::new(STAGES.iter().map(|row| row.name))
}

/// The answer to a question for flows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Flows {
    /// A switch's program, in the order of the pipeline.
    pub flows: Vec<FlowStatus>,
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
    let path = format!("/switches/{}/flows", segment(&args.switch));
    let mut answer: Flows = client.get(&path).await?;
    if let Some(stage) = &args.stage {
        answer.flows.retain(|flow| flow.stage == *stage);
    }
    match json {
        true => show::json(out, &answer)?,
        false => print(out, &answer.flows, args.owners)?,
    }
    Ok(())
}

/// A line for each flow, and lines below it for what else is to be said of it.
fn print(out: &mut dyn Write, flows: &[FlowStatus], owners: bool) -> io::Result<()> {
    for flow in flows {
        writeln!(out, "{}", flow.flow)?;
        if owners {
            for owner in &flow.owners {
                writeln!(out, "    from {owner}")?;
            }
        }
        if let Some(words) = &flow.refused {
            writeln!(out, "    refused: {words}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(refused: Option<&str>) -> FlowStatus {
        FlowStatus {
            cookie: "0x000000000000002a".to_owned(),
            stage: "locate".to_owned(),
            flow: "cookie=0x2a, table=locate, priority=1 actions=drop".to_owned(),
            owners: vec!["Remote(1) at a.rs:1".to_owned()],
            refused: refused.map(str::to_owned),
        }
    }

    fn printed(flow: FlowStatus, owners: bool) -> String {
        let mut out = Vec::new();
        print(&mut out, &[flow], owners).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_flow_is_a_line_and_its_owners_stand_below_it_when_asked_for() {
        let line = "cookie=0x2a, table=locate, priority=1 actions=drop\n";
        assert_eq!(printed(flow(None), false), line);
        let with_owners = format!("{line}    from Remote(1) at a.rs:1\n");
        assert_eq!(printed(flow(None), true), with_owners);
    }

    #[test]
    fn what_a_switch_said_when_it_refused_a_flow_is_always_told() {
        let text = printed(flow(Some("OFPFMFC_TABLE_FULL")), false);
        assert!(
            text.ends_with("\n    refused: OFPFMFC_TABLE_FULL\n"),
            "{text}"
        );
    }
}
