//! `weft trace` and `weft why`: what becomes of a packet, and whether one port can talk to another.
//!
//! How a packet is followed is the simulator's business ([`weft_simulations::trace`]); which port is meant by a word
//! is found out here.

use std::io::Write;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use weft_member::Member;
use weft_schema::State;
use weft_simulations::trace::{Cloud, Follower, Question, Trace, TraceError};
use weft_simulations::why::{self, Why};
use weft_topology::PortId;

use crate::client::{Client, Controller};
use crate::southbound::MemberHandle;
use crate::{Error, show};

/// What follows the options in the help of `weft trace`.
pub(crate) const EXAMPLES: &str = "\
Nothing is sent: the packet goes through software switches that have the programs of the real \
ones, over tunnels from one to the next and into the controller's own services. A port is named \
by its id, the beginning of its id, or its name. Of the packet, everything that is not said \
follows from the ports; what is said goes before it.

Examples:
  weft trace --from web --to db --proto tcp --dport 5432
  weft trace --from 4b1e 'arp,arp_tpa=10.0.0.9'
      what ovs-ofctl(8) writes as the match of a flow
  weft trace --from web 'udp,dl_dst=ff:ff:ff:ff:ff:ff,nw_src=0.0.0.0,nw_dst=255.255.255.255,\
tp_src=68,tp_dst=67'
      what a DHCP client sends first";

/// What follows the options in the help of `weft why`.
pub(crate) const WHY_EXAMPLES: &str = "\
Each asks where the other is, and sends: four packets that must arrive. The answer names the \
stage and the flow that decides for each, up to the first that does not arrive. The exit status is 1 \
when they do not reach each other.

Examples:
  weft why web db --proto tcp --dport 5432
  weft why web db --json | jq '.exchanges[] | select(.succeeds | not).decision'";

/// What a packet is.
#[derive(clap::Args, Debug, Clone)]
pub struct Packet {
    /// What the packet carries; an echo request when nothing is said
    #[arg(long, value_name = "NAME")]
    proto: Option<Protocol>,
    /// IPv6 even when the ports have IPv4 addresses
    #[arg(short = '6', long, requires = "proto")]
    ipv6: bool,
    /// The source port of TCP, UDP or SCTP
    #[arg(long, value_name = "PORT", requires = "proto")]
    sport: Option<u16>,
    /// The destination port of TCP, UDP or SCTP
    #[arg(long, value_name = "PORT", requires = "proto")]
    dport: Option<u16>,
    /// Fields of the packet, as the match of a flow in ovs-ofctl(8): tcp,tp_dst=80
    #[arg(value_name = "FIELDS")]
    fields: Option<String>,
}

/// What a packet carries.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// An echo request
    Icmp,
    /// A segment that begins a connection
    Tcp,
    /// A datagram
    Udp,
    /// A packet of SCTP
    Sctp,
    /// A question who has an address
    Arp,
}

impl Packet {
    /// The same in the words of a match.
    fn text(&self) -> String {
        let protocol = self.proto.map(|protocol| match (protocol, self.ipv6) {
            (Protocol::Icmp, false) => "icmp,icmp_type=8",
            (Protocol::Icmp, true) => "icmp6,icmpv6_type=128",
            (Protocol::Tcp, false) => "tcp",
            (Protocol::Tcp, true) => "tcp6",
            (Protocol::Udp, false) => "udp",
            (Protocol::Udp, true) => "udp6",
            (Protocol::Sctp, false) => "sctp",
            (Protocol::Sctp, true) => "sctp6",
            (Protocol::Arp, _) => "arp",
        });
        let parts = [
            protocol.map(str::to_owned),
            self.sport.map(|port| format!("tp_src={port}")),
            self.dport.map(|port| format!("tp_dst={port}")),
            self.fields.clone(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(",")
    }
}

/// The options of `weft trace`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// The port that sends the packet
    #[arg(long, value_name = "PORT")]
    from: String,
    /// The port that the packet is for
    #[arg(long, value_name = "PORT")]
    to: Option<String>,
    /// The packet.
    #[command(flatten)]
    packet: Packet,
}

/// The options of `weft why`.
#[derive(clap::Args, Debug, Clone)]
pub struct WhyArgs {
    /// Which controller to ask.
    #[command(flatten)]
    pub controller: Controller,
    /// The port that begins
    #[arg(value_name = "A")]
    from: String,
    /// The port that it wants to reach
    #[arg(value_name = "B")]
    to: String,
    /// The packet.
    #[command(flatten)]
    packet: Packet,
}

/// What is asked of the controller.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// The port that sends: id, beginning of an id, or name.
    pub from: String,
    /// The port for which the packet is.
    #[serde(default)]
    pub to: Option<String>,
    /// The packet, as the match of a flow.
    #[serde(default)]
    pub packet: String,
}

/// Asks and prints a packet's way.
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
    let asked = Asked {
        from: args.from.clone(),
        to: args.to.clone(),
        packet: args.packet.text(),
    };
    let trace: Trace = client.post("/trace", &asked).await?;
    match json {
        true => show::json(out, &trace)?,
        false => write!(out, "{trace}")?,
    }
    Ok(())
}

/// Asks and prints whether one port reaches another.
///
/// # Errors
///
/// [`Error::Unreached`], those of the [`Client`], and when the output cannot be written.
pub async fn run_why(
    args: &WhyArgs,
    client: &Client,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let asked = Asked {
        from: args.from.clone(),
        to: Some(args.to.clone()),
        packet: args.packet.text(),
    };
    let why: Why = client.post("/why", &asked).await?;
    match json {
        true => show::json(out, &why)?,
        false => write!(out, "{why}")?,
    }
    if !why.reaches {
        let (from, to) = (args.from.clone(), args.to.clone());
        return Err(Error::Unreached { from, to }.into());
    }
    Ok(())
}

// --- The controller's side. ---

/// What is asked, with the ids of the ports that its words mean.
pub(crate) fn question(state: &State, asked: &Asked) -> Result<Question, String> {
    let ports = || {
        let rows = state.rows("port");
        rows.map(|row| (&*row.key.id, row.text("name")))
    };
    let find = |word: &String| find(ports(), word);
    Ok(Question {
        from: find(&asked.from)?,
        to: asked.to.as_ref().map(find).transpose()?,
        packet: asked.packet.clone(),
    })
}

/// The port that a word means, of ports with id and name: the one of that id, else of that name, else whose id
/// begins so.
fn find<'a>(ports: impl Iterator<Item = (&'a str, &'a str)>, word: &str) -> Result<PortId, String> {
    let mut candidates = [Vec::new(), Vec::new(), Vec::new()];
    for (id, name) in ports {
        let rank = match () {
            () if id == word => 0,
            () if name == word => 1,
            () if id.starts_with(word) => 2,
            () => continue,
        };
        candidates[rank].push(id);
    }
    let meant = candidates.iter().find(|found| !found.is_empty());
    match meant.map_or(&[][..], Vec::as_slice) {
        _ if word.is_empty() => Err("a port is named by its id or its name".to_owned()),
        [] => Err(format!("no port has the id or name '{word}'")),
        [id] => id
            .parse()
            .map_err(|_| format!("the id of port {id} is not a UUID")),
        [first, ..] => Err(format!(
            "'{word}' means more than one port: say the id of one, such as {first}"
        )),
    }
}

/// The member's thread, looked at from a thread that may wait.
struct Looking {
    member: MemberHandle,
    runtime: Handle,
}

impl Cloud for Looking {
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, TraceError> {
        let looked = self.runtime.block_on(self.member.look(look));
        looked.ok_or(TraceError::Ending)
    }
}

/// Follows packets on a thread of its own: filling switches takes a while, and the member has other work.
async fn following<T: Send + 'static>(
    member: MemberHandle,
    ask: impl FnOnce(&mut Follower<Looking>) -> Result<T, TraceError> + Send + 'static,
) -> Result<T, TraceError> {
    let runtime = Handle::current();
    let follow = move || ask(&mut Follower::new(Looking { member, runtime }));
    // It ends early only with the process.
    let followed = tokio::task::spawn_blocking(follow).await;
    followed.unwrap_or(Err(TraceError::Ending))
}

/// What becomes of a packet.
pub(crate) async fn trace(member: MemberHandle, question: Question) -> Result<Trace, TraceError> {
    following(member, move |follower| follower.trace(&question)).await
}

/// Whether one port reaches another.
pub(crate) async fn why(member: MemberHandle, question: Question) -> Result<Why, TraceError> {
    following(member, move |follower| why::why(follower, &question)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "4b1e6d5c-61a5-4d7a-8a0e-6a3f2f7a6c1d";
    const DB: &str = "4b1e6d5c-61a5-4d7a-8a0e-6a3f2f7a6c1e";

    #[test]
    fn a_port_is_meant_by_its_id_its_name_or_the_beginning_of_its_id() {
        let ports = [
            (WEB, "web"),
            (DB, "db"),
            ("9b1e6d5c-61a5-4d7a-8a0e-6a3f2f7a6c1e", "4b1e6d5c"),
        ];
        let found = |word| find(ports.into_iter(), word).map(|id| id.to_string());
        assert_eq!(found(WEB), Ok(WEB.to_owned()));
        assert_eq!(found("db"), Ok(DB.to_owned()));
        assert!(found("9b").is_ok());
        // A name goes before a beginning.
        assert!(found("4b1e6d5c").unwrap().starts_with("9b"));
        assert!(found("4b1e").unwrap_err().contains("more than one"));
        assert!(found("").unwrap_err().contains("named by"));
        assert!(found("dbx").unwrap_err().contains("no port"));
    }

    #[test]
    fn a_packet_is_told_in_the_words_of_a_match() {
        let packet = |proto, ipv6, dport, fields: Option<&str>| Packet {
            proto,
            ipv6,
            sport: None,
            dport,
            fields: fields.map(str::to_owned),
        };
        let text = packet(Some(Protocol::Tcp), true, Some(80), Some("nw_ttl=1")).text();
        assert_eq!(text, "tcp6,tp_dst=80,nw_ttl=1");
        assert_eq!(packet(None, false, None, None).text(), "");
    }
}
