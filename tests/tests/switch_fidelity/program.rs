//! What a switch is told and which frames it gets, and what comes of it; and what comes of it in the software switch.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use rust_openflow::message::{ErrorKind, ErrorMessage, FlowFilter, FlowMod, FlowStats, Received};
use rust_openflow::text::{self, Names, TextError};
use rust_openflow::{Action, Field, FieldValue, Instruction, Match, Message, PortNo, Version};
use weft_switch::{Output, Port, Switch, Tunnel};

/// The ports of the bridge, beside its own.
pub(crate) const PORTS: [PortNo; 4] = [PortNo(1), PortNo(2), PortNo(3), PortNo(4)];

/// Messages for a switch that is empty.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) title: String,
    /// Each with the version in which it is said.
    pub(crate) told: Vec<(Version, Message)>,
}

impl Program {
    /// A program in the syntax of `ovs-ofctl`: a group, a meter or a flow on each line, said in the newest version
    /// that can.
    ///
    /// # Panics
    /// When a line is none of these.
    pub(crate) fn of_text(title: &str, lines: &str) -> Self {
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let told = lines.map(|line| {
            let message = parse(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let mut versions = Version::ALL.into_iter().rev();
            let spoken = versions.find(|version| message.encode(*version, 0).is_ok());
            (spoken.expect("a version that can say it"), message)
        });
        Self {
            title: title.to_owned(),
            told: told.collect(),
        }
    }

    /// Every action, those inside of others too.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        let mut found = Vec::new();
        let mut lists: Vec<&[Action]> = Vec::new();
        for (_, message) in &self.told {
            match message {
                Message::FlowMod(flow) => {
                    lists.extend(flow.instructions.iter().map(Instruction::actions));
                }
                Message::GroupMod(group) => {
                    lists.extend(group.buckets.iter().map(|bucket| bucket.actions.as_slice()));
                }
                _ => {}
            }
        }
        while let Some(list) = lists.pop() {
            found.extend(list);
            lists.extend(
                list.iter()
                    .filter_map(Action::nested)
                    .map(|list| list.as_slice()),
            );
        }
        found
    }

    /// The messages as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(version, message): &(Version, Message)| match message {
            Message::GroupMod(group) => text::print_group(group, &Names::default()),
            Message::MeterMod(meter) => text::print_meter(meter),
            Message::FlowMod(flow) => {
                let flow = text::Flow::from(flow.clone());
                format!(
                    "{} in {version}",
                    text::print_flow(&flow, &Names::default())
                )
            }
            other => format!("{other:?}"),
        };
        self.told.iter().map(line).collect()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.title)?;
        self.lines()
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn parse(line: &str) -> Result<Message, TextError> {
    let names = Names::default();
    Ok(if line.starts_with("group_id=") {
        Message::GroupMod(text::parse_group(line, &names)?)
    } else if line.starts_with("meter=") {
        Message::MeterMod(text::parse_meter(line)?)
    } else {
        let flow = flow(text::parse_flow(line, &names)?);
        Message::FlowMod(spoken(flow, Version::V1_5))
    })
}

/// Whether a message has more than one thing that can be wrong.
pub(crate) fn is_long(message: &Message) -> bool {
    match message {
        Message::FlowMod(flow) => {
            let actions = flow.instructions.iter().map(|list| list.actions().len());
            flow.instructions.len() > 1 || actions.sum::<usize>() > 1
        }
        Message::GroupMod(group) => group.buckets.iter().any(|bucket| bucket.actions.len() > 1),
        _ => false,
    }
}

/// A flow with actions in the form in which Open vSwitch takes them in a version.
pub(crate) fn spoken(mut flow: FlowMod, version: Version) -> FlowMod {
    for instruction in &mut flow.instructions {
        if let Instruction::ApplyActions { actions } | Instruction::WriteActions { actions } =
            instruction
        {
            let old = std::mem::take(actions).into_iter();
            *actions = old.map(|action| action.for_version(version)).collect();
        }
    }
    flow
}

/// The message that adds a flow.
pub(crate) fn flow(flow: text::Flow) -> FlowMod {
    FlowMod::add(
        flow.table,
        flow.priority,
        flow.matches,
        flow.instructions,
        flow.cookie,
    )
}

/// A frame, and the port that it comes in by.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) port: PortNo,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in_port={} {}", self.port, hex(&self.bytes))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What came of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// By port, in the order in which they went out of it.
    pub(crate) frames: BTreeMap<PortNo, Vec<Vec<u8>>>,
    /// What the controller was told.
    pub(crate) packets: Vec<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (port, frames) in &self.frames {
            for frame in frames {
                writeln!(f, "  port {port}: {}", hex(frame))?;
            }
        }
        self.packets
            .iter()
            .try_for_each(|packet| writeln!(f, "  controller: {packet}"))
    }
}

/// A packet for the controller as a line.
pub(crate) fn packet_line(packet: &Received) -> String {
    let told = &packet.packet_in;
    format!(
        "{} table={} cookie={:#x} total_len={} {} userdata={} {}{}",
        told.reason,
        told.table.0,
        told.cookie,
        told.total_len,
        text::print_match(&told.metadata, &Names::default()),
        hex(&packet.userdata),
        hex(&told.packet),
        if packet.continuation.is_some() {
            " paused"
        } else {
            ""
        },
    )
}

/// What came of a program and frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// For each message, the name of the error that refuses it.
    pub(crate) refusals: Vec<Option<String>>,
    /// For each frame.
    pub(crate) seen: Vec<Seen>,
    /// The flows that there are in the end, with their counters, sorted.
    pub(crate) flows: Vec<String>,
}

impl Outcome {
    /// Whether anything was refused or met.
    pub(crate) fn is_something(&self) -> bool {
        let met = |line: &String| !line.contains(" packets=0 ");
        self.refusals.iter().any(Option::is_some) || self.flows.iter().any(met)
    }
}

/// A flow with its counters as a line; without its actions, which Open vSwitch tells in other forms.
pub(crate) fn flow_line(flow: FlowStats) -> String {
    let [packets, bytes] = [flow.stats.packets(), flow.stats.bytes()];
    // Open vSwitch tells these with other masks, or not at all when they are asked to be nothing.
    let in_other_words = |asked: &FieldValue| match asked.field {
        Field::VlanTci | Field::VlanVid | Field::VlanPcp | Field::CtState => true,
        field => asked.value == 0 && (Field::ErspanVer..=Field::GtpuMsgtype).contains(&field),
    };
    let mut matches = Match::any();
    let told = flow.matches.fields();
    told.filter(|asked| !in_other_words(asked))
        .for_each(|asked| matches.push(*asked));
    let matches = text::print_match(&matches, &Names::default());
    format!(
        "table={} priority={} cookie={:#x} {matches} packets={packets} bytes={bytes} timeouts={}/{}",
        flow.table.0, flow.priority, flow.cookie, flow.idle_timeout, flow.hard_timeout
    )
}

/// The name of an error.
pub(crate) fn error_name(error: &ErrorKind) -> String {
    let name = error.name().map(str::to_owned);
    name.unwrap_or_else(|| format!("{error:?}"))
}

/// What the software switch makes of a program and frames.
pub(crate) fn simulate(program: &Program, frames: &[Frame]) -> Outcome {
    let mut switch = Switch::new();
    for port in PORTS.into_iter().chain([PortNo::LOCAL]) {
        let port_is = Port {
            up: true,
            floods: true,
        };
        switch.set_port(port, Some(port_is));
    }
    let refusals = program.told.iter().map(|(version, message)| {
        let bytes = message
            .encode(*version, 0)
            .expect("what the version can say");
        tell(&mut switch, *version, &bytes)
    });
    Outcome {
        refusals: refusals.collect(),
        seen: frames
            .iter()
            .map(|frame| receive(&mut switch, frame))
            .collect(),
        flows: {
            let flows = switch.flow_stats(&FlowFilter::all()).expect("all flows");
            let mut flows: Vec<String> = flows.into_iter().map(flow_line).collect();
            flows.sort();
            flows
        },
    }
}

/// Tells the switch what came as bytes; answers with the name of the error that it answers with.
fn tell(switch: &mut Switch, version: Version, bytes: &Bytes) -> Option<String> {
    let error = match Message::decode(bytes) {
        Err(error) => ErrorMessage::new(error.answer, Bytes::new()).error,
        Ok((_, message)) => match hear(switch, version, &message) {
            Ok(()) => return None,
            Err(refusal) => refusal.error(),
        },
    };
    // Open vSwitch says by an error of its own that a version has no words for one.
    Some(match error.numbers(version) {
        Some(_) => error_name(&error),
        None => "NXBRC_UNENCODABLE_ERROR".to_owned(),
    })
}

fn hear(
    switch: &mut Switch,
    version: Version,
    message: &Message,
) -> Result<(), weft_switch::Refusal> {
    match message {
        Message::FlowMod(flow) => switch.flow_mod_in(version, flow),
        Message::GroupMod(group) => switch.group_mod(group),
        Message::MeterMod(meter) => switch.meter_mod(meter),
        other => panic!("programs do not consist of {other:?}"),
    }
}

fn receive(switch: &mut Switch, frame: &Frame) -> Seen {
    let mut seen = Seen::default();
    for output in switch.receive(frame.port, Tunnel::default(), &frame.bytes) {
        match output {
            Output::Port { port, frame, .. } => seen.frames.entry(port).or_default().push(frame),
            // Nobody here has chosen an id.
            Output::Controller { id: 0, packet } => seen.packets.push(packet_line(&packet)),
            Output::Controller { .. } => {}
        }
    }
    seen
}
