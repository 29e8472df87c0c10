//! Messages about ports and their queues.

use super::{Context, count, known, print_time};
use crate::message::{
    Message, Port, PortDescProperty, PortMod, PortModProperty, PortReason, PortStats,
    PortStatsProperty, QueueStats, Reply, Request,
};
use crate::record::Name;
use crate::text::value::push;
use crate::{PortNo, Version};

/// Names of bits: where they are in 1.0 and since; zero where they are not.
type Bits = [(&'static str, u32, u32)];

/// How a port is set up.
const CONFIG: &Bits = &[
    ("PORT_DOWN", 1, 1),
    ("NO_STP", 1 << 1, 0),
    ("NO_RECV", 1 << 2, 1 << 2),
    ("NO_RECV_STP", 1 << 3, 0),
    ("NO_FLOOD", 1 << 4, 0),
    ("NO_FWD", 1 << 5, 1 << 5),
    ("NO_PACKET_IN", 1 << 6, 1 << 6),
];

/// How a port is, since 1.1.
const STATE: &[(u32, &str)] = &[(1, "LINK_DOWN"), (1 << 1, "BLOCKED"), (1 << 2, "LIVE")];

/// What a port can do.
const FEATURES: &Bits = &[
    ("10MB-HD", 1, 1),
    ("10MB-FD", 1 << 1, 1 << 1),
    ("100MB-HD", 1 << 2, 1 << 2),
    ("100MB-FD", 1 << 3, 1 << 3),
    ("1GB-HD", 1 << 4, 1 << 4),
    ("1GB-FD", 1 << 5, 1 << 5),
    ("10GB-FD", 1 << 6, 1 << 6),
    ("40GB-FD", 0, 1 << 7),
    ("100GB-FD", 0, 1 << 8),
    ("1TB-FD", 0, 1 << 9),
    ("OTHER", 0, 1 << 10),
    ("COPPER", 1 << 7, 1 << 11),
    ("FIBER", 1 << 8, 1 << 12),
    ("AUTO_NEG", 1 << 9, 1 << 13),
    ("AUTO_PAUSE", 1 << 10, 1 << 14),
    ("AUTO_PAUSE_ASYM", 1 << 11, 1 << 15),
];

/// Megabits per second, by the bits of what a port can do.
const SPEEDS: &[(u32, u32)] = &[
    (1 << 9, 1_000_000),
    (1 << 8, 100_000),
    (1 << 7, 40_000),
    (1 << 6, 10_000),
    (0b11 << 4, 1_000),
    (0b11 << 2, 100),
    (0b11, 10),
];

/// The names of bits as a version has them.
fn of(rows: &'static Bits, version: Version) -> Vec<(u32, &'static str)> {
    let bit = |first, since| match version {
        Version::V1_0 => first,
        _ => since,
    };
    rows.iter()
        .map(|(name, first, since)| (bit(*first, *since), *name))
        .collect()
}

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message, context: Context<'_>) -> bool {
    match message {
        Message::PortStatus(status) => {
            let reason = match status.reason {
                PortReason::ADD => "ADD".to_owned(),
                PortReason::DELETE => "DEL".to_owned(),
                PortReason::MODIFY => "MOD".to_owned(),
                PortReason(other) => other.to_string(),
            };
            push(out, format_args!(" {reason}:"));
            print_port(out, &status.port, context);
        }
        Message::PortMod(change) => print_port_mod(out, change, context),
        Message::QueueGetConfigRequest(request) => {
            push(
                out,
                format_args!(" port={}", context.names.port(request.port)),
            );
        }
        _ => return false,
    }
    true
}

/// Writes a request, if it is one of these.
pub(super) fn print_request(out: &mut String, request: &Request, context: Context<'_>) -> bool {
    match request {
        Request::PortStats(filter) => {
            push(
                out,
                format_args!(" port_no={}", context.names.port(filter.port)),
            );
        }
        Request::PortDesc(filter) => {
            let port = match context.version >= Version::V1_5 {
                true => filter.port,
                // Before that they are not told apart.
                false => PortNo::ANY,
            };
            push(out, format_args!(" port={}", context.names.port(port)));
        }
        Request::QueueStats(filter) => {
            let port = context.names.port(filter.port);
            push(
                out,
                format_args!(" port={port} queue={}", queue_name(filter.queue)),
            );
        }
        Request::QueueDesc(filter) => {
            push(
                out,
                format_args!(" port={}", context.names.port(filter.port)),
            );
            if filter.queue != ALL_QUEUES {
                push(out, format_args!(" queue={}", filter.queue));
            }
        }
        _ => return false,
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::PortDesc(ports) => print_ports(out, ports, context),
        Reply::PortStats(ports) => {
            push(out, format_args!(" {} ports", ports.len()));
            ports
                .iter()
                .for_each(|port| print_port_stats(out, port, context));
        }
        Reply::QueueStats(queues) => {
            push(out, format_args!(" {} queues", queues.len()));
            queues
                .iter()
                .for_each(|queue| print_queue_stats(out, queue, context));
        }
        _ => return false,
    }
    true
}

/// What a port can do now, what it says that it can, what it could, what the other side says, and the speeds in
/// kilobits per second that it has and could have.
fn abilities(port: &Port) -> ([u32; 4], [u32; 2]) {
    let own = (
        [port.curr, port.advertised, port.supported, port.peer],
        [port.curr_speed, port.max_speed],
    );
    let mut ethernet = port
        .properties
        .iter()
        .filter_map(|property| match *property {
            PortDescProperty::Ethernet {
                curr,
                advertised,
                supported,
                peer,
                curr_speed,
                max_speed,
            } => Some(([curr, advertised, supported, peer], [curr_speed, max_speed])),
            _ => None,
        });
    ethernet.next_back().unwrap_or(own)
}

/// The printable characters that a name begins with, of which the last has no room.
fn shown(name: &Name<16>) -> String {
    let text = name.to_text();
    let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
    text.chars().take_while(plain).take(15).collect()
}

/// Writes ports by their numbers, each on lines of its own.
pub(super) fn print_ports(out: &mut String, ports: &[Port], context: Context<'_>) {
    let mut ports: Vec<&Port> = ports.iter().collect();
    ports.sort_by_key(|port| port.number);
    for port in ports {
        out.push('\n');
        print_port(out, port, context);
    }
}

/// Writes a port.
pub(super) fn print_port(out: &mut String, port: &Port, context: Context<'_>) {
    let version = context.version;
    let (number, name) = (context.names.port(port.number), shown(&port.name));
    push(
        out,
        format_args!(" {number}({name}): addr:{}\n", port.address),
    );
    let config = known(port.config, &of(CONFIG, version));
    push(out, format_args!("     config:     {config}\n"));
    let state = match version {
        Version::V1_0 => spanning_tree(port.state),
        _ => known(port.state, STATE),
    };
    push(out, format_args!("     state:      {state}\n"));
    let (features, speeds) = abilities(port);
    let titles = ["current:   ", "advertised:", "supported: ", "peer:      "];
    let names = of(FEATURES, version);
    for (title, bits) in titles.iter().zip(features) {
        let bits = known(bits, &names);
        if bits != "0" {
            push(out, format_args!("     {title} {bits}\n"));
        }
    }
    let [now, most] = match version {
        Version::V1_0 => [speed(features[0]), speed(features[2])],
        _ => speeds.map(|speed| speed / 1_000),
    };
    push(
        out,
        format_args!("     speed: {now} Mbps now, {most} Mbps max"),
    );
}

/// What a port of 1.0 is: its place in the spanning tree, and whether there is a link.
fn spanning_tree(state: u32) -> String {
    let place = match state >> 8 & 3 {
        0 => "",
        1 => "STP_LEARN",
        2 => "STP_FORWARD",
        _ => "STP_BLOCK",
    };
    match (place, state & 1) {
        ("", 0) => "0".to_owned(),
        (place, 0) => place.to_owned(),
        ("", _) => "LINK_DOWN".to_owned(),
        (place, _) => format!("{place} LINK_DOWN"),
    }
}

fn speed(features: u32) -> u32 {
    let features = features & 0x7f;
    let fastest = SPEEDS.iter().find(|row| features & row.0 != 0);
    fastest.map_or(0, |row| row.1)
}

fn print_port_mod(out: &mut String, change: &PortMod, context: Context<'_>) {
    let names = of(CONFIG, context.version);
    let port = context.names.port(change.port);
    push(
        out,
        format_args!(" port: {port}: addr:{}\n", change.address),
    );
    push(
        out,
        format_args!(
            "     config: {}\n     mask:   {}\n",
            known(change.config & change.mask, &names),
            known(change.mask, &names)
        ),
    );
    let mut ethernet = change
        .properties
        .iter()
        .filter_map(|property| match property {
            PortModProperty::Ethernet { advertise } => Some(*advertise),
            _ => None,
        });
    let advertise = ethernet.next_back().unwrap_or(change.advertise);
    let advertise = known(advertise, &of(FEATURES, context.version));
    let advertise = if advertise == "0" {
        "UNCHANGED"
    } else {
        &advertise
    };
    push(out, format_args!("     advertise: {advertise}"));
}

fn print_port_stats(out: &mut String, port: &PortStats, context: Context<'_>) {
    let mut ethernet = port
        .properties
        .iter()
        .filter_map(|property| match *property {
            PortStatsProperty::Ethernet {
                rx_frame_err,
                rx_over_err,
                rx_crc_err,
                collisions,
            } => Some([rx_frame_err, rx_over_err, rx_crc_err, collisions]),
            _ => None,
        });
    let own = match context.version >= Version::V1_4 {
        true => [u64::MAX; 4],
        false => [
            port.rx_frame_err,
            port.rx_over_err,
            port.rx_crc_err,
            port.collisions,
        ],
    };
    let [frame, over, crc, collisions] = ethernet.next_back().unwrap_or(own).map(count);
    let name = context.names.port(port.port).to_string();
    push(
        out,
        format_args!(
            "\n  port {name:>2}: rx pkts={}, bytes={}, drop={}, errs={}, frame={frame}, over={over}, crc={crc}\n",
            count(port.rx_packets),
            count(port.rx_bytes),
            count(port.rx_dropped),
            count(port.rx_errors),
        ),
    );
    push(
        out,
        format_args!(
            "           tx pkts={}, bytes={}, drop={}, errs={}, coll={collisions}",
            count(port.tx_packets),
            count(port.tx_bytes),
            count(port.tx_dropped),
            count(port.tx_errors),
        ),
    );
    if context.version >= Version::V1_3 && port.duration_sec != u32::MAX {
        out.push_str("\n           duration=");
        print_time(out, port.duration_sec, port.duration_nsec);
    }
}

/// `OFPQ_ALL`.
const ALL_QUEUES: u32 = u32::MAX;

/// A queue, or all of them.
fn queue_name(queue: u32) -> String {
    match queue {
        ALL_QUEUES => "ALL".to_owned(),
        queue => queue.to_string(),
    }
}

fn print_queue_stats(out: &mut String, queue: &QueueStats, context: Context<'_>) {
    push(
        out,
        format_args!(
            "\n  port {} queue {}: bytes={}, pkts={}, errors={}, duration=",
            context.names.port(queue.port),
            queue_name(queue.queue),
            count(queue.tx_bytes),
            count(queue.tx_packets),
            count(queue.tx_errors),
        ),
    );
    let told = context.version >= Version::V1_3 && queue.duration_sec != u32::MAX;
    match told {
        true => print_time(out, queue.duration_sec, queue.duration_nsec),
        false => out.push('?'),
    }
}
