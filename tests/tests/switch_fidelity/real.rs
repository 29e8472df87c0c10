//! An Open vSwitch bridge that is told programs and gets frames.
//!
//! Behind each frame comes a mark by the same port, which goes out of every port and to the controller: so it is
//! known when the frame is through, and what came of which. Open vSwitch keeps no flows in its datapath here, so that every
//! packet goes through the tables as they are.

use std::collections::BTreeMap;

use rust_openflow::message::{
    AsyncConfig, AsyncProperty, FlowFilter, FlowMod, GroupMod, MeterMod, MultipartRequest,
    Received, Reply, Request,
};
use rust_openflow::text::{self, Names};
use rust_openflow::{GroupId, Match, Message, MeterId, PortNo, TableId, Version};
use weft_tests::dummy::{Capture, WAITING};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::wait;

use super::program::{
    Frame, Outcome, PORTS, Program, Seen, error_name, flow, flow_line, packet_line,
};
use crate::connection::{BRIDGE, Connection};

/// An Ethernet type of nobody (IEEE 802, local experimental).
const MARK: u16 = 0x88b6;
/// The cookie of the flow that sends marks everywhere.
const MARKING: u64 = u64::MAX - 1;

/// How many packets for the controller may come at once: what is not read in time, Open vSwitch throws away.
const MOST_PACKETS: usize = 100;

/// A bridge.
pub(crate) struct Real<'a> {
    hypervisor: &'a Hypervisor,
    /// The one that gets packets.
    connection: Connection,
    others: BTreeMap<Version, Connection>,
    captures: BTreeMap<PortNo, Capture>,
    /// How many marks there were.
    marks: u32,
}

fn name(port: PortNo) -> String {
    match port {
        PortNo::LOCAL => BRIDGE.to_owned(),
        port => format!("p{port}"),
    }
}

fn mark(number: u32) -> Vec<u8> {
    let mut mark = vec![0xff; 12];
    mark.extend(MARK.to_be_bytes());
    mark.extend(number.to_be_bytes());
    mark.resize(60, 0);
    mark
}

/// The number of a mark.
fn marked(frame: &[u8]) -> Option<u32> {
    let number = frame.get(14..18)?.try_into().ok()?;
    let is_one = frame[12..14] == MARK.to_be_bytes() && frame[6..12] == [0xff; 6];
    is_one.then(|| u32::from_be_bytes(number))
}

impl<'a> Real<'a> {
    pub(crate) fn start(hypervisor: &'a Hypervisor) -> Self {
        let mut connection = Connection::start(hypervisor);
        // Packets whose TTL runs out come only when that is said.
        connection.send(&Message::SetAsync(AsyncConfig {
            properties: vec![AsyncProperty::PacketInMaster { mask: 0x3f }].into(),
        }));
        hypervisor.vsctl(&["set", "Open_vSwitch", ".", "other_config:flow-limit=0"]);
        let local = hypervisor.capture_bridge(BRIDGE);
        let mut captures = BTreeMap::from([(PortNo::LOCAL, local)]);
        for port in PORTS {
            hypervisor.add_dummy_port(BRIDGE, &name(port), Some(port.0), None);
            assert_eq!(hypervisor.ofport(&name(port)), port.0);
            captures.insert(port, hypervisor.capture(&name(port)));
        }
        Self {
            hypervisor,
            connection,
            others: BTreeMap::new(),
            captures,
            marks: 0,
        }
    }

    /// What becomes of a program and frames; `expected` says how many packets for the controller come about.
    pub(crate) fn run(
        &mut self,
        program: &Program,
        frames: &[Frame],
        expected: &Outcome,
    ) -> Outcome {
        self.clear();
        let refusals = self.tell(&program.told);
        let packets = expected.seen.iter().map(|seen| seen.packets.len() + 1);
        let mut seen = Vec::new();
        let (mut batch, mut room) = (Vec::new(), MOST_PACKETS);
        for (frame, packets) in frames.iter().zip(packets) {
            let together = batch
                .last()
                .is_none_or(|last: &&Frame| last.port == frame.port);
            if !together || batch.len() == WAITING / 2 - 2 || room < packets {
                seen.extend(self.inject(&std::mem::take(&mut batch)));
                room = MOST_PACKETS;
            }
            batch.push(frame);
            room = room.saturating_sub(packets);
        }
        seen.extend(self.inject(&batch));
        Outcome {
            refusals,
            seen,
            flows: self.flows(),
        }
    }

    /// Forgets everything, but for what is done with marks.
    fn clear(&mut self) {
        let ports: Vec<String> = PORTS.iter().map(|port| port.to_string()).collect();
        let marking = format!(
            "table=0,priority=65535,cookie={MARKING},dl_type={MARK},dl_src=ff:ff:ff:ff:ff:ff,actions={},local,in_port,controller",
            ports.join(",")
        );
        let marking = text::parse_flow(&marking, &Names::default()).expect("a flow");
        for message in [
            Message::FlowMod(FlowMod::delete(TableId::ALL, Match::any(), 0)),
            Message::GroupMod(GroupMod::delete(GroupId::ALL)),
            Message::MeterMod(MeterMod::delete(MeterId::ALL)),
            Message::FlowMod(flow(marking)),
        ] {
            self.connection.send(&message);
        }
        self.connection.barrier();
        self.connection.packets.clear();
    }

    fn connection(&mut self, version: Version) -> &mut Connection {
        if version == Version::V1_5 {
            return &mut self.connection;
        }
        let hypervisor = self.hypervisor;
        let others = self.others.entry(version);
        others.or_insert_with(|| Connection::open(hypervisor, version))
    }

    /// Tells messages; answers with the name of the error for each.
    fn tell(&mut self, told: &[(Version, Message)]) -> Vec<Option<String>> {
        let mut refusals = vec![None; told.len()];
        let mut first = 0;
        for messages in told.chunk_by(|one, other| one.0 == other.0) {
            let version = messages[0].0;
            let connection = self.connection(version);
            for (n, (_, message)) in messages.iter().enumerate() {
                let bytes = message.encode(version, (first + n) as u32 + 2);
                connection.send_bytes(&bytes.expect("what the version can say"));
            }
            connection.send(&Message::BarrierRequest);
            loop {
                match connection.next_with_header() {
                    (header, Message::Error(error)) => {
                        refusals[header.xid as usize - 2] = Some(error_name(&error.error));
                    }
                    (_, Message::BarrierReply) => break,
                    _ => {}
                }
            }
            first += messages.len();
        }
        refusals
    }

    /// Lets frames in by one port; answers with what came of each.
    fn inject(&mut self, frames: &[&Frame]) -> Vec<Seen> {
        let Some(port) = frames.first().map(|frame| name(frame.port)) else {
            return Vec::new();
        };
        let first = self.marks;
        self.marks += frames.len() as u32;
        let all: Vec<Vec<u8>> = (first..)
            .zip(frames)
            .flat_map(|(number, frame)| [frame.bytes.clone(), mark(number)])
            .collect();
        self.hypervisor
            .inject_all(&port, all.iter().map(Vec::as_slice));
        let mut seen = vec![Seen::default(); frames.len()];
        self.take_packets(first, &mut seen);
        for (port, capture) in &mut self.captures {
            let mut number = 0;
            wait::until(&format!("the marks at port {port}"), || {
                for frame in capture.read() {
                    match marked(&frame) {
                        Some(mark) => {
                            assert_eq!(mark, first + number, "the marks are in order");
                            number += 1;
                        }
                        None => seen[number as usize]
                            .frames
                            .entry(*port)
                            .or_default()
                            .push(frame),
                    }
                }
                if number as usize == frames.len() {
                    Ok(())
                } else {
                    Err(number)
                }
            });
        }
        seen
    }

    /// Takes the packets for the controller, up to the last mark.
    fn take_packets(&mut self, first: u32, seen: &mut [Seen]) {
        let mut number = 0;
        while number < seen.len() {
            let packet: Received = match self.connection.packets.pop_front() {
                Some(packet) => packet,
                None => {
                    self.connection.take();
                    continue;
                }
            };
            match marked(&packet.packet_in.packet) {
                Some(mark) => {
                    assert_eq!(
                        mark as usize,
                        first as usize + number,
                        "the marks are in order"
                    );
                    number += 1;
                }
                None => seen[number].packets.push(packet_line(&packet)),
            }
        }
    }

    /// The flows that there are.
    fn flows(&mut self) -> Vec<String> {
        let request = MultipartRequest::new(Request::Flow(FlowFilter::all()));
        self.connection.send(&Message::MultipartRequest(request));
        self.connection.send(&Message::BarrierRequest);
        let mut found = Vec::new();
        loop {
            match self.connection.next() {
                Message::MultipartReply(part) => match part.reply {
                    Reply::Flow(flows) => found.extend(flows),
                    other => panic!("flows were asked for, not {other:?}"),
                },
                Message::BarrierReply => break,
                _ => {}
            }
        }
        let flows = found.into_iter().filter(|flow| flow.cookie != MARKING);
        let mut lines: Vec<String> = flows.map(flow_line).collect();
        lines.sort();
        lines
    }

    /// Open vSwitch's own words about a frame's way.
    pub(crate) fn trace(&self, frame: &Frame) -> String {
        let from = format!("in_port={}", frame.port);
        let hex = super::program::hex(&frame.bytes);
        self.hypervisor
            .appctl("ofproto/trace", &[BRIDGE, &from, &hex])
    }
}
