//! `weft ports`: the logical ports, where they are, and whether their switches have their flows.
//!
//! What makes a port ready is the member's business.

use std::io::Write;

use serde::{Deserialize, Serialize};
use weft_member::status::PortStatus;

use crate::client::{Client, Controller};
use crate::{show, switches};

/// What follows the options in the help of `weft ports`.
pub(crate) const EXAMPLES: &str = "\
A port is somewhere once an interface of a hypervisor's br-int says so in external_ids:iface-id.
It is ready when the hypervisor's switch has acknowledged its flows. A port whose machine moves
is in two places; the first line is where it appeared last.

Examples:
  weft ports --hypervisor hv1
  weft ports --network 4b1e6d5c-61a5-4d7a-8a0e-6a3f2f7a6c1d
  weft ports --json | jq '.ports[] | select(.error)'";

/// The options of `weft ports`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// Only ports of this network
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// Only ports on this hypervisor: its system-id, host name or datapath id
    #[arg(long, value_name = "NAME")]
    hypervisor: Option<String>,
}

/// The answer to a question for ports.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ports {
    /// All there are.
    pub ports: Vec<PortStatus>,
}

/// Asks and prints.
///
/// # Errors
///
/// Those of the [`Client`], [`crate::Error::NoHypervisor`], and when the output cannot be written.
pub async fn run(
    args: &Args,
    client: &Client,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let hypervisor = match &args.hypervisor {
        Some(name) => Some(switches::find(client, name).await?.system_id),
        None => None,
    };
    let mut answer: Ports = client.get("/ports").await?;
    answer
        .ports
        .retain(|port| wanted(port, args.network.as_deref(), hypervisor.as_deref()));
    match json {
        true => show::json(out, &answer)?,
        false => writeln!(out, "{}", text(show::list_width(), &answer.ports))?,
    }
    Ok(())
}

/// Whether a port is among those that were asked for.
fn wanted(port: &PortStatus, network: Option<&str>, hypervisor: Option<&str>) -> bool {
    let on = |hypervisor| {
        let also_on = port.also_on.as_ref();
        port.hypervisor.as_deref() == Some(hypervisor)
            || also_on.is_some_and(|place| place.hypervisor == hypervisor)
    };
    network.is_none_or(|network| port.network_id == network) && hypervisor.is_none_or(on)
}

const COLUMNS: [&str; 8] = [
    "port",
    "network",
    "MAC",
    "addresses",
    "hypervisor",
    "interface",
    "ready",
    "error",
];

fn text(width: u16, ports: &[PortStatus]) -> String {
    if ports.is_empty() {
        return "There is no such port.".to_owned();
    }
    show::table(width, 3, COLUMNS, ports.iter().map(cells))
}

/// A port's row, in the order of [`COLUMNS`].
fn cells(port: &PortStatus) -> [String; 8] {
    let interface = match (&port.interface, port.ofport) {
        (Some(name), Some(ofport)) => Some(format!("{name} ({ofport})")),
        (name, _) => name.clone(),
    };
    let mut place = [
        show::or_dash(port.hypervisor.as_ref()),
        show::or_dash(interface),
        show::yes(port.ready),
        show::or_dash(port.error.as_ref()),
    ];
    if let Some(also_on) = &port.also_on {
        let second = [
            also_on.hypervisor.clone(),
            format!("{} ({})", also_on.interface, also_on.ofport),
            show::yes(also_on.ready),
            show::or_dash(also_on.error.as_ref()),
        ];
        for (cell, second) in place.iter_mut().zip(second) {
            *cell = format!("{cell}\n{second}");
        }
    }
    let [hypervisor, interface, ready, error] = place;
    [
        port.id.clone(),
        port.network_id.clone(),
        port.mac_address.clone(),
        show::lines(&port.addresses),
        hypervisor,
        interface,
        ready,
        error,
    ]
}

#[cfg(test)]
mod tests {
    use weft_member::status::PlaceStatus;

    use super::*;

    fn port() -> PortStatus {
        PortStatus {
            id: "p1".to_owned(),
            network_id: "n1".to_owned(),
            mac_address: "fa:16:3e:00:00:01".to_owned(),
            addresses: vec!["10.0.0.5".to_owned()],
            hypervisor: Some("hv1".to_owned()),
            interface: Some("tap1".to_owned()),
            ofport: Some(7),
            ready: true,
            error: None,
            also_on: None,
        }
    }

    fn moving() -> PortStatus {
        PortStatus {
            also_on: Some(PlaceStatus {
                hypervisor: "hv2".to_owned(),
                interface: "tap1".to_owned(),
                ofport: 3,
                ready: false,
                error: None,
            }),
            ..port()
        }
    }

    fn words(text: &str, row: &str) -> Vec<String> {
        let line = text.lines().find(|line| line.trim().starts_with(row));
        let line = line.unwrap_or_else(|| panic!("no {row} in {text}"));
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_port_that_is_somewhere_shows_where_and_one_that_is_nowhere_dashes() {
        let away = PortStatus {
            id: "p2".to_owned(),
            addresses: Vec::new(),
            hypervisor: None,
            interface: None,
            ofport: None,
            ready: false,
            error: Some("table-full".to_owned()),
            ..port()
        };
        let text = text(140, &[port(), away]);
        assert_eq!(
            words(&text, "p1").join(" "),
            "p1 n1 fa:16:3e:00:00:01 10.0.0.5 hv1 tap1 (7) yes -"
        );
        assert_eq!(
            words(&text, "p2").join(" "),
            "p2 n1 fa:16:3e:00:00:01 - - - no table-full"
        );
    }

    #[test]
    fn a_port_that_moves_shows_both_places() {
        let text = text(140, &[moving()]);
        let (first, second) = text.split_once("hv1").unwrap();
        assert!(
            first.contains("p1") && second.contains("tap1 (7)"),
            "{text}"
        );
        assert_eq!(words(&text, "hv2").join(" "), "hv2 tap1 (3) no -");
    }

    #[test]
    fn ports_are_chosen_by_network_and_by_hypervisor() {
        assert!(wanted(&moving(), None, Some("hv1")) && wanted(&moving(), None, Some("hv2")));
        assert!(!wanted(&moving(), None, Some("hv3")));
        let port = port();
        assert!(wanted(&port, None, None));
        assert!(wanted(&port, Some("n1"), Some("hv1")));
        assert!(!wanted(&port, Some("n2"), None));
        assert!(!wanted(&port, Some("n1"), Some("hv2")));
        let away = PortStatus {
            hypervisor: None,
            ..port
        };
        assert!(!wanted(&away, None, Some("hv1")));
    }
}
