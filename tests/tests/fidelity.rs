//! The software switch does what Open vSwitch does: both are told the same programs, get the same
//! frames, and must send the same frames out of the same ports and the same packets to the controller.
//!
//! The programs are those of random networks, the frames those that the reference meaning is tested
//! with, whole and broken. Tunnel ports are ordinary ports here, so that everything can be seen; what
//! classify does with outer addresses is not compared. Open vSwitch also must report the flows in the
//! form in which it was told them. For what programs mean see `weft_verify`.

#[path = "../../simulations/verify/tests/it/frames.rs"]
mod frames;
#[path = "../../simulations/verify/tests/it/universe.rs"]
mod universe;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_openflow::message::{FlowFilter, FlowMod, MultipartRequest, Received, Reply, Request};
use rust_openflow::{Action, Field, Instruction, Match, Message, PortNo};
use weft_compiler::diff::Installed;
use weft_compiler::engine::Input;
use weft_compiler::{Compiler, Content, Production, Secret, Stage};
use weft_switch::{Output, Switch, Tunnel};
use weft_tests::hypervisor::Hypervisor;
use weft_tests::{Part, dummy, need, wait};
use weft_topology::TunnelKind;

use crate::connection::{self, BRIDGE, Connection};
use universe::{CHASSIS, PORTS, SLOTS, chassis_id, ofport};

/// Where frames of [`MARK`] come out: all that was injected before them is done.
const MARKS: PortNo = PortNo(4000);
/// An Ethernet type of nobody (IEEE 802, local experimental).
const MARK: u16 = 0x88b6;

/// What came out of a switch: frames by port, and packets for the controller.
#[derive(Debug, PartialEq, Eq, Default)]
struct Seen {
    frames: BTreeMap<PortNo, Vec<Vec<u8>>>,
    packets: Vec<Received>,
}

impl Seen {
    /// Frames of different ports may overtake each other on their way in.
    fn sorted(mut self) -> Self {
        for frames in self.frames.values_mut() {
            frames
                .iter_mut()
                .for_each(|frame| forget_wrong_checksum(frame));
            frames.sort();
        }
        self.frames.retain(|_, frames| !frames.is_empty());
        self.packets.sort_by_key(|packet| {
            (
                format!("{:?}", packet.packet_in.metadata),
                packet.packet_in.packet.clone(),
            )
        });
        self
    }
}

/// Open vSwitch 3.1 computes the checksum of a rewritten neighbour advertisement with the next header
/// and length of IPv6's own header (`packet_csum_pseudoheader6`), which is wrong behind extension headers.
fn forget_wrong_checksum(frame: &mut [u8]) {
    let is_extension = |next: &u8| [0, 43, 60].contains(next);
    let extended =
        frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(20).is_some_and(is_extension);
    let Some(length) = frame.get(55).filter(|_| extended) else {
        return;
    };
    let at = 62 + 8 * usize::from(*length);
    if let Some([136, _, checksum @ ..]) = frame.get_mut(at..at + 4) {
        checksum.fill(0);
    }
}

/// An Open vSwitch bridge with a port for everything, and a connection to it.
struct Real<'a> {
    hypervisor: &'a Hypervisor,
    connection: Connection,
    /// How many frames of each port were seen before.
    seen: BTreeMap<PortNo, usize>,
    marks: usize,
}

fn name(port: PortNo) -> String {
    format!("p{port}")
}

/// The ports of the bridge: of guests, for tunnels.
fn port_numbers() -> Vec<PortNo> {
    let tunnels = TunnelKind::ALL.iter().map(|kind| kind.ofport());
    (0..PORTS).map(ofport).chain(tunnels).collect()
}

impl<'a> Real<'a> {
    fn start(hypervisor: &'a Hypervisor) -> Self {
        let connection = Connection::start(hypervisor);
        for port in port_numbers().into_iter().chain([MARKS]) {
            hypervisor.add_dummy_port(BRIDGE, &name(port), Some(port.0), None);
            assert_eq!(hypervisor.ofport(&name(port)), port.0);
        }
        Self {
            hypervisor,
            connection,
            seen: BTreeMap::new(),
            marks: 0,
        }
    }

    /// The flows that the bridge says it has.
    fn reported(&mut self, secret: &Secret) -> Installed {
        let request = MultipartRequest::new(Request::Flow(FlowFilter::all()));
        self.connection.send(&Message::MultipartRequest(request));
        self.connection.send(&Message::BarrierRequest);
        let mut installed = Installed::default();
        loop {
            match self.connection.next() {
                Message::MultipartReply(part) => match part.reply {
                    Reply::Flow(flows) => {
                        for flow in flows {
                            installed.add_flow(secret, flow);
                        }
                    }
                    other => panic!("flows were asked for, not {other:?}"),
                },
                Message::BarrierReply => return installed,
                other => panic!("flows were asked for, not {other:?}"),
            }
        }
    }

    /// Open vSwitch's own words about a frame's way.
    fn trace(&self, (port, frame): &(PortNo, Vec<u8>)) -> String {
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        let from = format!("in_port={port}");
        self.hypervisor
            .appctl("ofproto/trace", &[BRIDGE, &from, &hex])
    }

    /// Waits until the switch is done with all that was injected before.
    fn wait_behind(&mut self) {
        let mut mark = vec![0xff; 12];
        mark.extend(MARK.to_be_bytes());
        mark.extend([0; 46]);
        for port in port_numbers() {
            self.hypervisor.inject(&name(port), &mark);
            self.marks += 1;
        }
        wait::until("the marks behind the frames", || {
            let there = self.hypervisor.received(&name(MARKS)).len();
            if there == self.marks {
                Ok(())
            } else {
                Err(there)
            }
        });
    }

    /// Injects frames, each by a port, and answers with what comes out; `packets` are expected.
    fn inject(&mut self, frames: &[(PortNo, Vec<u8>)], packets: usize) -> Seen {
        for (port, frame) in frames {
            self.hypervisor.inject(&name(*port), frame);
        }
        // Twice: what came in together goes out in the order of ports.
        for _ in 0..2 {
            self.wait_behind();
        }
        while self.connection.packets.len() < packets {
            self.connection.take();
        }
        self.connection.barrier();
        let mut seen = Seen {
            frames: BTreeMap::new(),
            packets: self.connection.packets.drain(..).collect(),
        };
        for port in port_numbers() {
            let all = self.hypervisor.received(&name(port));
            let before = self.seen.insert(port, all.len()).unwrap_or(0);
            seen.frames.insert(port, all[before..].to_vec());
        }
        seen
    }
}

/// What the software switch makes of frames.
fn simulate(switch: &mut Switch, frames: &[(PortNo, Vec<u8>)]) -> Seen {
    let mut seen = Seen::default();
    let outputs = frames.iter().flat_map(|(port, frame)| {
        // Time goes by between frames, so that no meter holds one back.
        switch.advance(switch.now() + 60_000);
        switch.receive(*port, Tunnel::default(), frame)
    });
    for output in outputs {
        match output {
            Output::Port { port, frame, .. } => seen.frames.entry(port).or_default().push(frame),
            Output::Controller { packet, .. } => seen.packets.push(*packet),
        }
    }
    seen
}

/// Everything that a switch is told: an empty switch, a hypervisor's program, and what stands in for
/// tunnels on the way in, and marks.
fn messages(program: &[Content]) -> Vec<Message> {
    let mut messages = connection::messages(program);
    for kind in TunnelKind::ALL {
        messages.push(Message::FlowMod(FlowMod::add(
            Stage::Classify.table(),
            u16::MAX - 1,
            Match::any().with(Field::InPort, kind.ofport()),
            vec![
                Instruction::apply(vec![Action::set(Field::TunnelId, 100_u64)]),
                Instruction::goto(Stage::TunnelIn.table()),
            ],
            1,
        )));
    }
    messages.push(Message::FlowMod(FlowMod::add(
        Stage::Classify.table(),
        u16::MAX,
        Match::any().with(Field::EthType, MARK),
        vec![Instruction::apply(vec![Action::output(MARKS)])],
        2,
    )));
    messages
}

fn tell(switch: &mut Switch, message: &Message) {
    let told = match message {
        Message::FlowMod(flow) => switch.flow_mod(flow),
        Message::GroupMod(group) => switch.group_mod(group),
        Message::MeterMod(meter) => switch.meter_mod(meter),
        _ => unreachable!("programs consist of these"),
    };
    told.unwrap_or_else(|refusal| panic!("{refusal}: {message:?}"));
}

/// How a frame is broken on its way.
#[derive(Debug, Clone, Copy)]
enum Damage {
    None,
    /// Cut off after so many bytes.
    Cut(usize),
    /// A byte with another value.
    Changed(usize, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::None),
        1 => (14..90_usize).prop_map(Damage::Cut),
        2 => (12..90_usize, any::<u8>()).prop_map(|(at, byte)| Damage::Changed(at, byte)),
    ]
}

impl Damage {
    fn apply(self, frame: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Cut(length) => frame.truncate(length),
            Self::Changed(at, value) => {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = value;
                }
            }
        }
    }
}

/// A value of a strategy, always the same for the same runner.
fn draw<S: Strategy>(strategy: S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("a value").current()
}

/// Frames for ports: many for those that are there and for tunnels, through which come those of
/// guests elsewhere, one for the others.
fn draw_frames(
    runner: &mut TestRunner,
    is_there: impl Fn(PortNo) -> bool,
) -> Vec<(PortNo, Vec<u8>)> {
    let mut frames = Vec::new();
    for (n, port) in port_numbers().into_iter().enumerate() {
        let count = if is_there(port) { 24 } else { 1 };
        let drawn = prop::collection::vec((frames::recipe(), damage()), count);
        for (recipe, damage) in draw(drawn, runner) {
            let mut frame = recipe.frame(n as u8 % SLOTS);
            damage.apply(&mut frame);
            frames.push((port, frame));
        }
    }
    frames
}

#[test]
fn the_software_switch_does_what_open_vswitch_does_with_the_same_program() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let mut real = Real::start(lab.hypervisor(1));
    let mut runner = TestRunner::deterministic();
    for round in 0..20 {
        // Every other network's long flood lists are passed on in two steps.
        let compiler = Compiler::new(Production, Secret::new([7; 16]));
        let mut compiler = compiler.with_flood_direct(round % 2 * u16::from(CHASSIS));
        let mut changes = draw(universe::universe(), &mut runner);
        changes.extend(draw(
            prop::collection::vec(universe::change(), 8),
            &mut runner,
        ));
        compiler.update(Input {
            changes,
            manage: (0..CHASSIS).map(chassis_id).collect(),
            release: Vec::new(),
        });
        for chassis in (0..2).map(chassis_id) {
            let mut switch = Switch::new();
            let program = compiler.program(&chassis);
            for message in messages(&program) {
                tell(&mut switch, &message);
                real.connection.send(&message);
            }
            real.connection.barrier();
            says_what_it_was_told(&mut real, compiler.secret(), &program);
            lab.hypervisor(1).revalidate();
            let frames = draw_frames(&mut runner, |port| {
                let mut flows = switch.flows();
                flows.any(|(_, flow)| {
                    flow.matches
                        .get(Field::InPort)
                        .is_some_and(|asked| asked.value == u128::from(port.0))
                })
            });
            compare(&mut real, &mut switch, &frames);
        }
    }
}

/// The form in which Open vSwitch reports flows is the form in which they were compiled.
fn says_what_it_was_told(real: &mut Real<'_>, secret: &Secret, program: &[Content]) {
    let installed = real.reported(secret);
    let told = program.iter().filter_map(|content| match content {
        Content::Flow(flow) => Some(flow.cookie),
        _ => None,
    });
    let told: BTreeSet<u64> = told.collect();
    assert_eq!(
        installed.cookies.iter().copied().collect::<BTreeSet<_>>(),
        told
    );
    // The flows of marks and of the tunnels are not of the program.
    assert_eq!(installed.foreign.len(), 1 + TunnelKind::ALL.len());
}

/// Compares what becomes of frames; when it differs, names the frames that make the difference.
fn compare(real: &mut Real<'_>, switch: &mut Switch, frames: &[(PortNo, Vec<u8>)]) {
    let simulated = simulate(switch, frames);
    let packets = simulated.packets.len();
    if real.inject(frames, packets).sorted() == simulated.sorted() {
        return;
    }
    for frame in frames {
        let frame = std::slice::from_ref(frame);
        let simulated = simulate(switch, frame);
        let packets = simulated.packets.len();
        let seen = real.inject(frame, packets).sorted();
        assert_eq!(
            seen,
            simulated.sorted(),
            "of {frame:?}:\n{}",
            real.trace(&frame[0])
        );
    }
    panic!("the frames together differ, but none by itself");
}
