//! A guest asks for its address: the answer goes to its port, and to nobody when it has gone.

use bytes::Bytes;
use etherparse::PacketBuilder;
use rust_openflow::action::ToController;
use rust_openflow::message::{Message, NO_BUFFER, PacketIn, PacketIn2, PacketInReason, Received};
use rust_openflow::{Action, Field, Instruction, MacAddr, Match, TableId};

use crate::arrival::cloud;
use crate::world::World;

/// A DHCPDISCOVER in its frame.
fn discover(mac: MacAddr) -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
    message.extend([0; 16]);
    message.extend(mac.0);
    message.extend([0; 10 + 64 + 128]);
    message.extend([99, 130, 83, 99, 53, 1, 1, 255]);
    let mut frame = Vec::new();
    let headers = PacketBuilder::ethernet2(mac.0, [0xff; 6])
        .ipv4([0; 4], [255; 4], 64)
        .udp(68, 67);
    headers.write(&mut frame, &message).unwrap();
    frame
}

/// What the switch's own flow says of a packet that it hands up: the user data, and the sender's slot.
fn handed_up(world: &World, host: usize, key: u64) -> (ToController, Match) {
    let table = world.table(host);
    let punts = table.flows.values().find_map(|flow| {
        let Some(Instruction::ApplyActions { actions }) = flow.instructions.first() else {
            return None;
        };
        let punt = actions.iter().find_map(Action::to_controller)?;
        let slot = flow
            .matches
            .fields()
            .find(|field| u128::from(key) == field.value && field.field != Field::UdpDst)?;
        let mut metadata = Match::any();
        metadata.push(*slot);
        Some((punt, metadata))
    });
    punts.expect("a port has a flow for DHCP")
}

fn packet_in(userdata: Bytes, metadata: Match, frame: Vec<u8>) -> Message {
    Message::PacketIn2(PacketIn2::from(Received {
        packet_in: PacketIn {
            buffer_id: NO_BUFFER,
            total_len: u16::try_from(frame.len()).unwrap(),
            reason: PacketInReason::APPLY_ACTION,
            table: TableId(0),
            cookie: 1,
            metadata,
            packet: frame.into(),
        },
        userdata,
        continuation: None,
    }))
}

fn hand_up(world: &mut World, host: usize, message: &Message) {
    world.hosts[host]
        .channel
        .as_mut()
        .unwrap()
        .session
        .send(message)
        .unwrap();
    world.settle();
}

fn facts(world: &World, port: &str) -> (u64, MacAddr) {
    world.store.read(|state| {
        let row = state.row("port", port).unwrap();
        (
            row.get("_key").unwrap().as_u64().unwrap(),
            row.text("mac_address").parse().unwrap(),
        )
    })
}

#[test]
fn a_request_is_answered_at_the_port_that_asked() {
    let (mut world, ports) = cloud(1);
    let (key, mac) = facts(&world, &ports[2]);
    let (punt, metadata) = handed_up(&world, 1, key);
    let message = packet_in(punt.userdata, metadata, discover(mac));
    hand_up(&mut world, 1, &message);
    let packets: Vec<usize> = world
        .hosts
        .iter()
        .map(|host| host.switch.packets.len())
        .collect();
    assert_eq!(packets, [0, 1, 0]);
    let row = world
        .interfaces()
        .into_iter()
        .find(|row| row.port_id == ports[2])
        .unwrap();
    let packet = &world.hosts[1].switch.packets[0];
    assert_eq!(
        packet.actions,
        [Action::output(rust_openflow::PortNo(row.ofport.unwrap()))]
    );
    assert_eq!(packet.packet[..6], mac.0);
    assert_eq!(world.noticed("unanswered"), 0);
}

#[test]
fn a_request_of_a_port_that_has_gone_or_is_elsewhere_is_dropped() {
    let (mut world, ports) = cloud(2);
    let (key, mac) = facts(&world, &ports[2]);
    let (punt, metadata) = handed_up(&world, 1, key);
    let message = packet_in(punt.userdata, metadata, discover(mac));
    // From another hypervisor's switch.
    hand_up(&mut world, 0, &message);
    world.unplug(1, "tap0");
    world.settle();
    hand_up(&mut world, 1, &message);
    world.delete("port", &ports[2]);
    world.settle();
    hand_up(&mut world, 1, &message);
    assert_eq!(world.noticed("unanswered"), 3);
    assert!(
        world
            .hosts
            .iter()
            .all(|host| host.switch.packets.is_empty())
    );
}

#[test]
fn packets_that_nobody_asked_for_are_dropped() {
    let (mut world, ports) = cloud(3);
    let (key, mac) = facts(&world, &ports[0]);
    let (punt, metadata) = handed_up(&world, 0, key);
    let cases = [
        (Bytes::new(), metadata.clone(), discover(mac)),
        (Bytes::from_static(&[200]), metadata.clone(), discover(mac)),
        (Bytes::from_static(&[1, 1]), metadata.clone(), discover(mac)),
        (punt.userdata.clone(), Match::any(), discover(mac)),
        (punt.userdata.clone(), metadata.clone(), Vec::new()),
        (punt.userdata, metadata, vec![0xff; 60]),
    ];
    for (userdata, metadata, frame) in cases {
        hand_up(&mut world, 0, &packet_in(userdata, metadata, frame));
    }
    assert!(world.hosts[0].switch.packets.is_empty());
    world.check();
}
