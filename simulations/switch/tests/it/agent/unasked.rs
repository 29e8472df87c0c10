//! What controllers are told without a request: packets in every form, changes of flows, others' requests.

use rust_openflow::message::{
    AsyncConfig, AsyncProperty, Bucket, FlowMod, FlowMonitorRequest, FlowUpdate, GroupMod,
    GroupType, Message, MonitorCommand, MultipartReply, PacketInFormat, PacketInReason, Received,
    Reply, Request, SetControllerId, SetPacketInFormat,
};
use rust_openflow::{Action, Field, GroupId, Instruction, Match, PortNo, TableId, Version};
use weft_switch::Tunnel;

use super::{World, world};
use crate::{frame, output};

fn to_controller() -> Message {
    let action = Action::Output {
        port: PortNo::CONTROLLER,
        max_len: 0xffff,
    };
    let list = vec![Instruction::apply(vec![action])];
    Message::FlowMod(FlowMod::add(TableId(0), 1, Match::any(), list, 7))
}

fn comes_in(world: &mut World) {
    world.agent.frame(PortNo(1), Tunnel::default(), &frame(), 0);
    world.settle();
}

#[test]
fn packets_come_in_the_form_that_was_chosen() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        world.done(0, &to_controller());
        for format in [
            PacketInFormat::NXT_PACKET_IN2,
            PacketInFormat::NXT_PACKET_IN,
            PacketInFormat::STANDARD,
        ] {
            world.done(0, &Message::SetPacketInFormat(SetPacketInFormat { format }));
            comes_in(&mut world);
            let received = match world.unasked(0).pop() {
                Some(Message::PacketIn2(packet)) if format == PacketInFormat::NXT_PACKET_IN2 => {
                    Received::from(packet)
                }
                Some(Message::NxPacketIn(packet)) if format == PacketInFormat::NXT_PACKET_IN => {
                    Received::from(packet)
                }
                Some(Message::PacketIn(packet)) if format == PacketInFormat::STANDARD => {
                    Received::from(packet)
                }
                other => panic!("{format}: {other:?}"),
            };
            assert_eq!(received.packet_in.packet, frame());
            assert_eq!(received.packet_in.in_port(), Some(PortNo(1)));
        }
    }
}

#[test]
fn packets_that_no_flow_is_for_come_where_the_version_has_it_so() {
    for version in Version::ALL {
        let mut world = world(&[version]);
        comes_in(&mut world);
        let packets = world.unasked(0);
        match (&packets[..], version < Version::V1_3) {
            ([Message::PacketIn(packet)], true) => {
                assert_eq!(packet.reason, PacketInReason::TABLE_MISS);
            }
            ([], false) => {}
            (other, _) => panic!("{version}: {other:?}"),
        }
    }
}

#[test]
fn packets_go_to_the_controllers_whose_number_the_action_says() {
    let mut world = world(&[Version::V1_5, Version::V1_5]);
    let controller_id = 9;
    world.done(
        1,
        &Message::SetControllerId(SetControllerId { controller_id }),
    );
    world.done(0, &to_controller());
    comes_in(&mut world);
    assert_eq!((world.unasked(0).len(), world.unasked(1).len()), (1, 0));
}

#[test]
fn what_was_not_chosen_does_not_come() {
    let mut world = world(&[Version::V1_5]);
    let properties = [AsyncProperty::PacketInMaster { mask: 0 }].into();
    world.done(0, &Message::SetAsync(AsyncConfig { properties }));
    world.done(0, &to_controller());
    comes_in(&mut world);
    assert_eq!(world.unasked(0), []);
}

#[test]
fn others_are_told_of_changed_groups_if_they_want() {
    let mut world = world(&[Version::V1_5, Version::V1_4, Version::V1_4]);
    let properties = [AsyncProperty::RequestforwardMaster { mask: 1 }].into();
    world.done(1, &Message::SetAsync(AsyncConfig { properties }));
    let group = GroupMod::add(
        GroupId(1),
        GroupType::ALL,
        vec![Bucket::new(vec![output(1)])],
    );
    world.done(0, &Message::GroupMod(group));
    let [Message::Requestforward(told)] = &world.unasked(1)[..] else {
        panic!();
    };
    let (_, Message::GroupMod(told)) = told.request.decode().expect("a message") else {
        panic!();
    };
    assert_eq!(told.group, GroupId(1));
    assert_eq!(world.unasked(2), []);
}

fn watch(world: &mut World, controller: usize, flags: u16) -> Vec<Reply> {
    let request = Request::FlowMonitor(vec![FlowMonitorRequest {
        monitor_id: 1,
        out_port: PortNo::ANY,
        out_group: GroupId::ANY,
        flags,
        table: TableId::ALL,
        command: MonitorCommand::ADD,
        matches: Match::any(),
    }]);
    world.describe(controller, request)
}

fn updates(world: &mut World, controller: usize) -> Vec<FlowUpdate> {
    let messages = world.unasked(controller).into_iter();
    let updates = messages.flat_map(|message| match message {
        Message::MultipartReply(MultipartReply {
            reply: Reply::FlowMonitor(updates),
            ..
        }) => updates,
        other => panic!("{other:?}"),
    });
    updates.collect()
}

fn flow(priority: u16, port: u32) -> Message {
    let matches = Match::any().with(Field::InPort, PortNo(port));
    let list = vec![Instruction::apply(vec![output(2)])];
    Message::FlowMod(FlowMod::add(TableId(0), priority, matches, list, 7))
}

#[test]
fn changes_of_flows_are_told_to_who_watches() {
    let mut world = world(&[Version::V1_5, Version::V1_4]);
    world.done(0, &flow(1, 1));
    let there = watch(&mut world, 0, 0x1f);
    assert!(
        matches!(&there[..], [Reply::FlowMonitor(flows)] if matches!(flows[..], [FlowUpdate::Initial { .. }])),
        "{there:?}"
    );
    watch(&mut world, 1, 0x1e);
    let xid = world.send(0, &flow(2, 2));
    assert_eq!(updates(&mut world, 0), [FlowUpdate::Abbrev { xid }]);
    assert!(matches!(
        updates(&mut world, 1)[..],
        [FlowUpdate::Added { priority: 2, .. }]
    ));
    let delete = FlowMod::delete(TableId(0), Match::any(), 0);
    world.send(1, &Message::FlowMod(delete));
    assert!(matches!(
        updates(&mut world, 0)[..],
        [FlowUpdate::Removed { .. }, FlowUpdate::Removed { .. }]
    ));
}

#[test]
fn who_does_not_read_is_told_later_what_changed() {
    let mut world = world(&[Version::V1_5, Version::V1_5]);
    watch(&mut world, 1, 0x1e);
    // The second controller reads nothing meanwhile.
    for priority in 0..4_000 {
        world.controllers[0]
            .send(&flow(priority, 1))
            .expect("a flow");
        while let Some(bytes) = world.controllers[0].next_output() {
            world.agent.receive(weft_switch::ConnectionId(0), &bytes, 0);
        }
    }
    world.settle();
    let told = updates(&mut world, 1);
    let paused = told
        .iter()
        .position(|update| *update == FlowUpdate::Paused {});
    let paused = paused.expect("a pause");
    assert_eq!(told.last(), Some(&FlowUpdate::Resumed {}));
    assert_eq!(told.len(), 4_000 + 2, "each flow, once");
    assert!(paused < 3_999);
}
