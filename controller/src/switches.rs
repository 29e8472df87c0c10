//! `weft switches`: the hypervisors and how their switches stand to their programs; releasing one
//! that is held, and forgetting one that has gone for good.
//!
//! When a switch is held, and when a hypervisor may be forgotten, is the member's business.

use std::io::Write;

use serde::{Deserialize, Serialize};
use weft_member::status::SwitchStatus;

use crate::client::{Client, Controller, segment};
use crate::{Error, show};

/// What follows the options in the help of `weft switches`.
pub(crate) const EXAMPLES: &str = "\
States:
  disconnected  the switch has no OpenFlow connection
  reading       it is asked what it has
  updating      it was told what is missing and has not acknowledged all of it
  in order      it has its program
  refusing      it refuses what nothing of its program explains; after a while it is tried again
  held          most of its flows would go, and it was programmed from another database or from a
                later state of this one: `weft switches release NAME` says that this is meant

Examples:
  weft switches
  weft switches --json | jq '.switches[] | select(.state != \"in order\").system_id'
  weft switches release hv1
  weft switches forget hv9
      a hypervisor that has gone for good: its tunnels and its ports' places go on all others";

/// The options of `weft switches`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    #[command(subcommand)]
    action: Option<Action>,
}

/// What can be done to switches.
#[derive(clap::Subcommand, Debug, Clone)]
enum Action {
    /// Forget a hypervisor that has gone for good, with its interfaces; it must not be connected
    Forget {
        /// The hypervisor: its system-id, host name or datapath id
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Let a held switch have its program, although that takes most of its flows away
    Release {
        /// The hypervisor: its system-id, host name or datapath id
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// The answer to a question for switches.
#[derive(Debug, Serialize, Deserialize)]
pub struct Switches {
    /// All there are.
    pub switches: Vec<SwitchStatus>,
}

/// The answer to a release.
#[derive(Debug, Serialize, Deserialize)]
pub struct Released {
    /// The hypervisor that was meant.
    pub system_id: String,
    /// Whether its switch was held, and is not any more.
    pub released: bool,
}

/// The answer to a wish to forget.
#[derive(Debug, Serialize, Deserialize)]
pub struct Forgotten {
    /// The hypervisor that was meant.
    pub system_id: String,
    /// How many of its interfaces carried ports.
    pub interfaces: usize,
}

/// Asks and prints.
///
/// # Errors
///
/// Those of the [`Client`], [`Error::NotHeld`], and when the output cannot be written.
pub async fn run(
    args: &Args,
    client: &Client,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match &args.action {
        None => {
            let answer: Switches = client.get("/switches").await?;
            match json {
                true => show::json(out, &answer)?,
                false => writeln!(out, "{}", text(show::list_width(), &answer.switches))?,
            }
        }
        Some(Action::Forget { name }) => {
            let path = format!("/switches/{}", segment(name));
            let answer: Forgotten = client.delete(&path).await?;
            match json {
                true => show::json(out, &answer)?,
                false => writeln!(
                    out,
                    "forgotten: {} and its {} interfaces",
                    answer.system_id, answer.interfaces
                )?,
            }
        }
        Some(Action::Release { name }) => {
            let path = format!("/switches/{}/release", segment(name));
            let answer: Released = client.post(&path, &()).await?;
            if json {
                show::json(out, &answer)?;
            }
            match (answer.released, json) {
                (false, _) => return Err(Error::NotHeld(answer.system_id).into()),
                (true, true) => {}
                (true, false) => writeln!(
                    out,
                    "released: the switch of {} gets its program",
                    answer.system_id
                )?,
            }
        }
    }
    Ok(())
}

/// The hypervisors whose switch has a name, as the controller finds them.
pub(crate) async fn find(client: &Client, name: &str) -> Result<SwitchStatus, Error> {
    let answer: Switches = client.get("/switches").await?;
    let mut switches = answer.switches.into_iter();
    switches
        .find(|switch| {
            switch.system_id == name
                || switch.hostname == name
                || switch.datapath_id.as_deref() == Some(name)
        })
        .ok_or_else(|| Error::NoHypervisor(name.to_owned()))
}

const COLUMNS: [&str; 9] = [
    "system-id",
    "host",
    "datapath",
    "OVSDB",
    "OpenFlow",
    "state",
    "acknowledged",
    "flows",
    "encapsulations",
];

fn text(width: u16, switches: &[SwitchStatus]) -> String {
    if switches.is_empty() {
        return "No hypervisor has connected yet. `ovs-vsctl set-manager tcp:CONTROLLER:6640`, typed \
                on one, connects it."
            .to_owned();
    }
    show::table(width, 3, COLUMNS, switches.iter().map(cells))
}

/// A switch's row, in the order of [`COLUMNS`].
fn cells(switch: &SwitchStatus) -> [String; 9] {
    let flows = match switch.refused {
        0 => switch.flows.to_string(),
        refused => format!("{}, {refused} refused", switch.flows),
    };
    [
        switch.system_id.clone(),
        switch.hostname.clone(),
        show::or_dash(switch.datapath_id.as_ref()),
        show::yes(switch.ovsdb),
        show::or_dash(switch.openflow.as_ref()),
        switch.state.clone(),
        show::or_dash(switch.acknowledged),
        flows,
        show::lines(&switch.encapsulations),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch() -> SwitchStatus {
        SwitchStatus {
            system_id: "hv1".to_owned(),
            hostname: "rack1-a".to_owned(),
            datapath_id: Some("0000aabbccddeeff".to_owned()),
            ovsdb: true,
            openflow: Some("1.5".to_owned()),
            state: "in order".to_owned(),
            acknowledged: Some(42),
            flows: 105,
            refused: 0,
            encapsulations: vec!["vxlan 192.0.2.1".to_owned(), "gre 192.0.2.1".to_owned()],
        }
    }

    #[test]
    fn every_switch_has_a_row_and_what_is_not_known_a_dash() {
        let away = SwitchStatus {
            system_id: "hv2".to_owned(),
            hostname: "rack1-b".to_owned(),
            datapath_id: None,
            ovsdb: false,
            openflow: None,
            state: "disconnected".to_owned(),
            acknowledged: None,
            flows: 3,
            refused: 2,
            encapsulations: Vec::new(),
        };
        let text = text(140, &[switch(), away]);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let row = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(
            rows.contains(
                &row("hv1 rack1-a 0000aabbccddeeff yes 1.5 in order 42 105 vxlan 192.0.2.1")
                    .iter()
                    .map(String::as_str)
                    .collect()
            )
        );
        assert!(rows.contains(&vec!["gre", "192.0.2.1"]), "{text}");
        assert!(
            rows.contains(
                &row("hv2 rack1-b - no - disconnected - 3, 2 refused -")
                    .iter()
                    .map(String::as_str)
                    .collect()
            )
        );
    }

    #[test]
    fn where_no_hypervisor_is_the_command_that_connects_one_is_named() {
        assert!(text(140, &[]).contains("ovs-vsctl set-manager tcp:CONTROLLER:6640"));
    }
}
