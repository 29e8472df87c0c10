//! Handshakes, flows, packets, ports and roles.

use rust_openflow::message::{
    FlowFilter, FlowMod, Message, PacketIn, PacketInReason, PacketOut, PortDescFilter, PortFilter,
    PortMod, PortReason, Reply, Request, Role, RoleMessage,
};
use rust_openflow::{Action, Field, Instruction, Match, PortNo, TableId, Version};
use weft_switch::Tunnel;

use super::{World, answer, payload, spec, world};
use crate::{frame, output};

const MODERN: [Version; 3] = [Version::V1_3, Version::V1_4, Version::V1_5];

fn flow(priority: u16, actions: Vec<Action>) -> Message {
    let matches = Match::any().with(Field::InPort, PortNo(1));
    let list = vec![Instruction::apply(actions)];
    let mut flow = FlowMod::add(TableId(0), priority, matches, list, 7);
    flow.flags = rust_openflow::message::FlowFlags::SEND_FLOW_REMOVED;
    Message::FlowMod(flow)
}

#[test]
fn every_version_is_agreed_on() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        let features = world.ask(0, &Message::FeaturesRequest);
        let [Message::FeaturesReply(features)] = &features[..] else {
            panic!("{features:?}");
        };
        assert_eq!((features.datapath.0, features.tables), (0xaa, 254));
        let ports = if version < Version::V1_3 { 3 } else { 0 };
        assert_eq!(features.ports.len(), ports);
        assert_eq!(
            world.ask(0, &Message::BarrierRequest),
            [Message::BarrierReply]
        );
    }
}

#[test]
fn flows_are_told_as_they_were_told() {
    for version in MODERN {
        let mut world = world(&[version]);
        world.done(0, &flow(9, vec![output(2)]));
        let told = world.describe(0, Request::Flow(FlowFilter::all()));
        let [Reply::Flow(flows)] = &told[..] else {
            panic!("{told:?}");
        };
        let [flow] = &flows[..] else {
            panic!("{flows:?}");
        };
        assert_eq!((flow.priority, flow.cookie), (9, 7));
        assert_eq!(flow.instructions, [Instruction::apply(vec![output(2)])]);
    }
}

#[test]
fn a_long_answer_comes_in_parts_and_before_what_was_asked_after_it() {
    let mut world = world(&[Version::V1_5]);
    for priority in 0..1_000 {
        world.done(0, &flow(priority, vec![output(2)]));
    }
    let request = rust_openflow::message::MultipartRequest::new(Request::Flow(FlowFilter::all()));
    world.controllers[0]
        .send(&Message::MultipartRequest(request))
        .expect("a request");
    world.send(0, &Message::BarrierRequest);
    let messages = world.unasked(0);
    let (barrier, parts) = messages.split_last().expect("answers");
    assert_eq!(*barrier, Message::BarrierReply);
    assert!(parts.len() > 1);
    let flows: usize = parts
        .iter()
        .map(|part| match part {
            Message::MultipartReply(part) => match &part.reply {
                Reply::Flow(flows) => flows.len(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(flows, 1_000);
}

#[test]
fn what_is_refused_says_why_in_each_version() {
    for version in MODERN {
        let mut world = world(&[version]);
        let error = world.refused(0, &flow(1, vec![Action::group(rust_openflow::GroupId(9))]));
        assert!(error.is(answer(2, 9)), "{error}");
        let error = world.refused(0, &Message::EchoReply(Default::default()).into_unknown());
        assert!(error.is(answer(1, 1)), "{error}");
    }
}

/// A message of a type that nobody has.
trait IntoUnknown {
    fn into_unknown(self) -> Message;
}

impl IntoUnknown for Message {
    fn into_unknown(self) -> Message {
        Message::Unknown {
            kind: 99,
            body: payload(&[]),
        }
    }
}

#[test]
fn packets_go_to_the_controller_and_back() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        world.done(
            0,
            &flow(
                1,
                vec![Action::Output {
                    port: PortNo::CONTROLLER,
                    max_len: 0xffff,
                }],
            ),
        );
        let out = world.agent.frame(PortNo(1), Tunnel::default(), &frame(), 0);
        assert_eq!(out, []);
        world.settle();
        let [Message::PacketIn(packet)] = &world.unasked(0)[..] else {
            panic!();
        };
        assert_eq!(packet.packet, frame());
        assert_eq!(PacketIn::in_port(packet), Some(PortNo(1)));
        assert_eq!(packet.reason, PacketInReason::APPLY_ACTION);
        let back = PacketOut::new(PortNo::CONTROLLER, vec![output(3)], payload(&frame()));
        world.done(0, &Message::PacketOut(back));
        let frame_out = world.agent.next_frame().expect("a frame");
        assert_eq!((frame_out.port, frame_out.bytes), (PortNo(3), frame()));
    }
}

#[test]
fn ports_are_told_of_and_configured() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        world.agent.set_port(PortNo(4), Some(spec(4)), 0);
        world.settle();
        let [Message::PortStatus(status)] = &world.unasked(0)[..] else {
            panic!();
        };
        assert_eq!(
            (status.reason, status.port.number),
            (PortReason::ADD, PortNo(4))
        );
        world.done(0, &flow(1, vec![output(2)]));
        let config = PortMod {
            port: PortNo(2),
            address: spec(2).address,
            config: 0x20,
            mask: 0x20,
            advertise: 0,
            properties: Vec::new(),
        };
        world.send(0, &Message::PortMod(config.clone()));
        let [Message::PortStatus(status)] = &world.unasked(0)[..] else {
            panic!();
        };
        assert_eq!(
            (status.reason, status.port.config),
            (PortReason::MODIFY, 0x20)
        );
        assert_eq!(
            world.agent.frame(PortNo(1), Tunnel::default(), &frame(), 0),
            []
        );
        let other = PortMod {
            address: spec(3).address,
            ..config
        };
        let error = world.refused(0, &Message::PortMod(other));
        assert!(error.is(answer(7, 1)), "{error}");
    }
}

#[test]
fn ports_are_described_and_counted() {
    for version in MODERN {
        let mut world = world(&[version]);
        world.done(0, &flow(1, vec![output(2)]));
        world.agent.frame(PortNo(1), Tunnel::default(), &frame(), 0);
        let told = world.describe(
            0,
            Request::PortDesc(PortDescFilter { port: PortNo::ANY }.said(version)),
        );
        let [Reply::PortDesc(ports)] = &told[..] else {
            panic!("{told:?}");
        };
        let names: Vec<_> = ports.iter().map(|port| port.name.to_text()).collect();
        assert_eq!(names, ["port1", "port2", "port3"]);
        let told = world.describe(0, Request::PortStats(PortFilter { port: PortNo(2) }));
        let [Reply::PortStats(ports)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            (ports.len(), ports[0].tx_packets, ports[0].rx_packets),
            (1, 1, 0)
        );
    }
}

/// A filter as a version can say it.
trait Said {
    fn said(self, version: Version) -> Self;
}

impl Said for PortDescFilter {
    fn said(self, version: Version) -> Self {
        match version {
            Version::V1_5 => self,
            _ => Self::default(),
        }
    }
}

fn role(world: &mut World, controller: usize, role: Role, generation: u64) -> Message {
    let asked = RoleMessage::new(role, generation);
    let told = world.ask(controller, &Message::RoleRequest(asked));
    told.into_iter().next().expect("an answer")
}

#[test]
fn one_is_master_and_older_masters_are_refused() {
    let mut world = world(&[Version::V1_5, Version::V1_5]);
    let master = |generation| Message::RoleReply(RoleMessage::new(Role::MASTER, generation));
    assert_eq!(role(&mut world, 0, Role::MASTER, 5), master(5));
    assert_eq!(role(&mut world, 1, Role::MASTER, 6), master(6));
    let [Message::RoleStatus(status)] = &world.unasked(0)[..] else {
        panic!();
    };
    assert_eq!((status.role, status.generation_id), (Role::SLAVE, 6));
    let error = world.refused(0, &flow(1, vec![output(2)]));
    assert!(error.is(answer(1, 10)), "{error}");
    let stale = Message::RoleRequest(RoleMessage::new(Role::MASTER, 5));
    let error = world.refused(0, &stale);
    assert!(error.is(answer(11, 0)), "{error}");
    world.done(1, &flow(1, vec![output(2)]));
}

#[test]
fn flows_that_go_are_told_of() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        world.done(0, &flow(9, vec![output(2)]));
        let delete = FlowMod::delete(TableId(0), Match::any(), 0);
        world.send(0, &Message::FlowMod(delete));
        let [Message::FlowRemoved(removed)] = &world.unasked(0)[..] else {
            panic!();
        };
        assert_eq!((removed.priority, removed.cookie), (9, 7));
    }
}
