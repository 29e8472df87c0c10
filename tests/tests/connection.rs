//! A bridge that a test programs itself: an OpenFlow connection to it, and how it is told a program.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rust_openflow::message::{
    FlowMod, Header, Hello, MeterMod, PacketInFormat, Received, SetPacketInFormat, SwitchConfig,
};
use rust_openflow::{Match, Message, MeterId, TableId, Version};
use weft_compiler::Content;
use weft_tests::hypervisor::Hypervisor;
use weft_tests::wait;

/// The bridge.
pub(crate) const BRIDGE: &str = "br-int";

/// A connection to the bridge.
pub(crate) struct Connection {
    stream: UnixStream,
    version: Version,
    /// Packets for the controller that have come.
    pub(crate) packets: VecDeque<Received>,
}

impl Connection {
    /// Makes the bridge on a hypervisor of the dummy lab and connects to it.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub(crate) fn start(hypervisor: &Hypervisor) -> Self {
        let bridge = "datapath_type=dummy fail_mode=secure";
        let mut words = vec!["add-br", BRIDGE, "--", "set", "Bridge", BRIDGE];
        words.extend(bridge.split(' '));
        hypervisor.vsctl(&words);
        let mut connection = Self::open(hypervisor, Version::V1_5);
        // A connection of this kind gets packets when it says how much of them it wants.
        connection.send(&Message::SetConfig(SwitchConfig {
            flags: 0,
            miss_send_len: u16::MAX,
        }));
        connection.send(&Message::SetPacketInFormat(SetPacketInFormat {
            format: PacketInFormat::NXT_PACKET_IN2,
        }));
        connection.barrier();
        connection
    }

    /// Connects to the bridge, which is there, with a version.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub(crate) fn open(hypervisor: &Hypervisor, version: Version) -> Self {
        let socket = hypervisor.rundir().join(format!("{BRIDGE}.mgmt"));
        let stream = UnixStream::connect(socket).expect("the bridge listens");
        stream.set_read_timeout(Some(wait::LIMIT)).expect("a limit");
        let mut connection = Self {
            stream,
            version,
            packets: VecDeque::new(),
        };
        connection.send(&Message::Hello(Hello::new(&[version])));
        connection
    }

    pub(crate) fn send(&mut self, message: &Message) {
        let bytes = message.encode(self.version, 1);
        self.send_bytes(&bytes.expect("a message of the version"));
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bridge reads");
    }

    /// The next message, whatever it is.
    pub(crate) fn next(&mut self) -> Message {
        self.next_with_header().1
    }

    pub(crate) fn next_with_header(&mut self) -> (Header, Message) {
        let mut header = [0; 8];
        self.stream
            .read_exact(&mut header)
            .expect("the bridge answers");
        let length = Header::peek(&header).expect("a header").length;
        let mut bytes = vec![0; usize::from(length)];
        bytes[..8].copy_from_slice(&header);
        self.stream
            .read_exact(&mut bytes[8..])
            .expect("a whole message");
        Message::decode(&bytes.into()).expect("a message")
    }

    /// Takes what came; answers with true for the barrier's reply.
    pub(crate) fn take(&mut self) -> bool {
        match self.next() {
            Message::PacketIn2(packet) => self.packets.push_back(packet.into()),
            Message::Error(error) => panic!("Open vSwitch refuses: {error:?}"),
            Message::BarrierReply => return true,
            _ => {}
        }
        false
    }

    /// Waits until the bridge is done with what it was sent.
    pub(crate) fn barrier(&mut self) {
        self.send(&Message::BarrierRequest);
        while !self.take() {}
    }
}

/// What makes a bridge have a program and nothing else.
pub(crate) fn messages(program: &[Content]) -> Vec<Message> {
    let mut messages = vec![
        Message::FlowMod(FlowMod::delete(TableId::ALL, Match::any(), 0)),
        Message::MeterMod(MeterMod::delete(MeterId::ALL)),
    ];
    let (meters, others): (Vec<_>, Vec<_>) = program
        .iter()
        .partition(|content| matches!(content, Content::Meter(_)));
    let contents = meters.into_iter().chain(others);
    messages.extend(contents.map(|content| match content {
        Content::Meter(meter) => Message::MeterMod(MeterMod::clone(meter)),
        Content::Group(group) => Message::GroupMod((**group).clone()),
        Content::Flow(flow) => Message::FlowMod(flow.decode()),
    }));
    messages
}
