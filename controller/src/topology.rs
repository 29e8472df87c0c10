//! `weft topology`: the hypervisors and the tunnels that carry networks between them.
//!
//! Which tunnels those are is the member's business; how graphs are written is petgraph's.

use std::io::Write;

use petgraph::dot::Dot;
use weft_member::status::{Node, Topology, Tunnel};

use crate::client::{Client, Controller};
use crate::show;

/// What follows the options in the help of `weft topology`.
pub(crate) const EXAMPLES: &str = "\
A tunnel is listed when at least one network has ports at both of its ends.

Examples:
  weft topology
  weft topology --dot | dot -Tsvg >topology.svg";

/// The options of `weft topology`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// Print a graph for Graphviz
    #[arg(long, conflicts_with = "json")]
    dot: bool,
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
    let topology: Topology = client.get("/topology").await?;
    match (json, args.dot) {
        (true, _) => show::json(out, &topology)?,
        (_, true) => write!(out, "{}", Dot::new(&topology.graph()))?,
        _ => writeln!(out, "{}", text(show::list_width(), &topology))?,
    }
    Ok(())
}

const HYPERVISOR_COLUMNS: [&str; 4] = ["system-id", "host", "connected", "ports"];
const TUNNEL_COLUMNS: [&str; 4] = ["from", "to", "encapsulation", "networks"];

fn text(width: u16, topology: &Topology) -> String {
    if topology.hypervisors.is_empty() {
        return "There are no hypervisors.".to_owned();
    }
    let hypervisors = topology.hypervisors.iter().map(hypervisor_cells);
    let hypervisors = show::table(width, 1, HYPERVISOR_COLUMNS, hypervisors);
    if topology.tunnels.is_empty() {
        return format!("{hypervisors}\n\nNo network has ports on two hypervisors.");
    }
    let tunnels = topology.tunnels.iter();
    let tunnels = tunnels.map(|tunnel| tunnel_cells(topology, tunnel));
    let tunnels = show::table(width, 2, TUNNEL_COLUMNS, tunnels);
    format!("{hypervisors}\n\n{tunnels}")
}

/// A hypervisor's row, in the order of [`HYPERVISOR_COLUMNS`].
fn hypervisor_cells(node: &Node) -> [String; 4] {
    [
        node.system_id.clone(),
        node.hostname.clone(),
        show::yes(node.connected),
        node.ports.to_string(),
    ]
}

/// A tunnel's row, in the order of [`TUNNEL_COLUMNS`].
fn tunnel_cells(topology: &Topology, tunnel: &Tunnel) -> [String; 4] {
    let end = |at: usize| show::or_dash(topology.hypervisors.get(at).map(|node| &node.system_id));
    [
        end(tunnel.from),
        end(tunnel.to),
        tunnel.kind.clone(),
        tunnel.networks.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        let node = |system_id: &str, ports| Node {
            system_id: system_id.to_owned(),
            hostname: format!("{system_id}.example.org"),
            connected: ports > 0,
            ports,
        };
        Topology {
            hypervisors: vec![node("hv1", 2), node("hv2", 0)],
            tunnels: vec![Tunnel {
                kind: "vxlan".to_owned(),
                from: 0,
                to: 1,
                networks: 3,
            }],
        }
    }

    fn rows(text: &str) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).collect()
    }

    #[test]
    fn hypervisors_and_tunnels_have_a_table_each() {
        let rows = rows(&text(100, &topology()));
        for row in [
            "hv1 hv1.example.org yes 2",
            "hv2 hv2.example.org no 0",
            "hv1 hv2 vxlan 3",
        ] {
            assert!(rows.contains(&row.to_owned()), "{row} in {rows:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut topology = topology();
        topology.tunnels.clear();
        assert!(text(100, &topology).ends_with("No network has ports on two hypervisors."));
        topology.hypervisors.clear();
        assert_eq!(text(100, &topology), "There are no hypervisors.");
    }

    #[test]
    fn the_graph_is_undirected_and_its_labels_have_lines() {
        let dot = Dot::new(&topology().graph()).to_string();
        assert!(dot.starts_with("graph {"), "{dot}");
        assert!(
            dot.contains(r#"[ label = "hv1.example.org\l2 ports" ]"#),
            "{dot}"
        );
        assert!(dot.contains(r#"0 -- 1 [ label = "vxlan (3)" ]"#), "{dot}");
    }
}
