//! Properties of the codec: what is written is read as it was, and no bytes do harm.

use bytes::Bytes;
use proptest::prelude::*;
use rust_openflow::action::{Subfield, ToController, Zone};
use rust_openflow::frame::Framer;
use rust_openflow::message::{
    Band, Bucket, BucketProperty, FlowCommand, FlowFlags, FlowMod, GroupCommand, GroupMod,
    GroupType, MeterMod, PacketIn, PacketIn2, PacketInReason, PacketOut, Received,
};
use rust_openflow::session::{Config, End};
use rust_openflow::{
    Action, Field, GroupId, Instruction, Match, Message, MeterId, PortNo, Session, TableId, Version,
};

const VERSIONS: [Version; 3] = [Version::V1_3, Version::V1_4, Version::V1_5];

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(&VERSIONS[..])
}

fn matches() -> impl Strategy<Value = Match> {
    let field = prop::sample::select(vec![
        Field::InPort,
        Field::Metadata,
        Field::EthDst,
        Field::Reg1,
        Field::Reg15,
        Field::TunnelId,
        Field::Ipv4Src,
        Field::Ipv6Dst,
        Field::CtState,
        Field::CtMark,
        Field::Xxreg1,
    ]);
    let entry = (field, any::<u128>(), prop::option::of(any::<u128>()));
    prop::collection::vec(entry, 0..6).prop_map(|entries| {
        entries
            .into_iter()
            .fold(Match::any(), |matches, (field, value, mask)| {
                let value = value & field.full_mask();
                match mask {
                    Some(mask) => matches.with_masked(field, value, mask),
                    None => matches.with(field, value),
                }
            })
    })
}

fn bytes(longest: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..longest).prop_map(Bytes::from)
}

fn simple_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<u32>().prop_map(|port| Action::output(PortNo(port))),
        any::<u32>().prop_map(|group| Action::group(GroupId(group))),
        any::<u32>().prop_map(Action::queue),
        Just(Action::pop_vlan()),
        Just(Action::dec_ttl()),
        Just(Action::CtClear {}),
        any::<u8>().prop_map(Action::set_ttl),
        any::<u64>().prop_map(|id| Action::set(Field::TunnelId, id)),
        (any::<u32>(), 1..u32::MAX).prop_map(|(value, mask)| Action::set_masked(
            Field::Reg3,
            value,
            mask
        )),
        any::<u8>().prop_map(Action::resubmit),
        (0..16_u16, 1..16_u16).prop_map(|(offset, bits)| Action::copy_bits(
            Subfield::new(Field::Reg1, offset, bits),
            Subfield::new(Field::Reg2, 16 - bits, bits),
        )),
        (any::<u32>(), 1..3_u8).prop_map(|(id, clause)| Action::conjunction(id, clause, 2)),
        (any::<u16>(), bytes(20), any::<bool>()).prop_map(|(max_len, userdata, pause)| {
            Action::from(ToController {
                max_len,
                userdata,
                pause,
                ..ToController::default()
            })
        }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    simple_action().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Action::clone_of),
            (any::<bool>(), any::<u16>(), prop::option::of(0..255_u8)).prop_map(
                |(commit, zone, table)| {
                    Action::ct(u16::from(commit), Zone::Number(zone), table, Vec::new())
                }
            ),
        ]
    })
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(action(), 0..6)
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let one = prop_oneof![
        actions().prop_map(Instruction::apply),
        actions().prop_map(Instruction::write_actions),
        Just(Instruction::ClearActions {}),
        (any::<u64>(), any::<u64>())
            .prop_map(|(metadata, mask)| Instruction::WriteMetadata { metadata, mask }),
        any::<u8>().prop_map(|table| Instruction::goto(TableId(table))),
    ];
    prop::collection::vec(one, 0..4)
}

fn flow_mod() -> impl Strategy<Value = Message> {
    let numbers = any::<(u8, u8, u16, u64, u64, u16, u16, u16)>();
    (numbers, matches(), instructions()).prop_map(|(numbers, matches, instructions)| {
        let (command, table, priority, cookie, cookie_mask, idle, hard, flags) = numbers;
        Message::FlowMod(FlowMod {
            command: FlowCommand(command),
            cookie_mask,
            idle_timeout: idle,
            hard_timeout: hard,
            flags: FlowFlags(flags),
            ..FlowMod::add(TableId(table), priority, matches, instructions, cookie)
        })
    })
}

fn bucket(version: Version) -> impl Strategy<Value = Bucket> {
    let numbers = (any::<u32>(), prop::option::of(1..u16::MAX), any::<bool>());
    (numbers, actions()).prop_map(move |((id, weight, watch), actions)| {
        let new = version >= Version::V1_5;
        let mut bucket = Bucket::new(actions);
        if let Some(weight) = weight {
            bucket = bucket.weighing(weight);
        }
        bucket = if watch {
            bucket.watching_port(PortNo(id >> 8))
        } else {
            bucket.watching_group(GroupId(id >> 8))
        };
        if new {
            bucket.id = id;
            bucket.properties.push(BucketProperty::Unknown {
                number: 0xfff0,
                data: Bytes::from_static(&[1, 2, 3]).into(),
            });
        }
        bucket
    })
}

fn group_mod(version: Version) -> impl Strategy<Value = Message> {
    let numbers = any::<(u16, u8, u32)>();
    (numbers, prop::collection::vec(bucket(version), 0..4)).prop_map(
        |((command, kind, group), buckets)| {
            Message::GroupMod(GroupMod {
                command: GroupCommand(command),
                ..GroupMod::add(GroupId(group), GroupType(kind), buckets)
            })
        },
    )
}

fn packet_in() -> impl Strategy<Value = Message> {
    (any::<(u8, u8, u64)>(), matches(), bytes(200), bytes(20)).prop_map(
        |((reason, table, cookie), metadata, packet, userdata)| {
            Message::PacketIn2(PacketIn2::from(Received {
                packet_in: PacketIn {
                    buffer_id: 7,
                    total_len: 1_000,
                    reason: PacketInReason(reason),
                    table: TableId(table),
                    cookie,
                    metadata,
                    packet,
                },
                continuation: (reason > 100).then(|| userdata.clone()),
                userdata,
            }))
        },
    )
}

fn message(version: Version) -> impl Strategy<Value = Message> {
    prop_oneof![
        flow_mod(),
        group_mod(version),
        packet_in(),
        (any::<u32>(), actions(), bytes(100)).prop_map(|(port, actions, packet)| {
            Message::PacketOut(PacketOut::new(PortNo(port), actions, packet))
        }),
        any::<(u32, u16, u32, u32)>().prop_map(|(meter, flags, rate, burst)| {
            let bands = vec![Band::Drop { rate, burst }];
            Message::MeterMod(MeterMod::add(MeterId(meter), flags, bands))
        }),
    ]
}

fn any_message() -> impl Strategy<Value = (Version, Message)> {
    version().prop_flat_map(|version| (Just(version), message(version)))
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was((version, message) in any_message(), xid: u32) {
        let wire = message.encode(version, xid).unwrap();
        let (header, again) = Message::decode(&wire).unwrap();
        prop_assert_eq!((header.version, header.xid), (version.wire(), xid));
        prop_assert_eq!(&again, &message);
        prop_assert_eq!(again.encode(version, xid).unwrap(), wire);
    }

    #[test]
    fn changed_bytes_do_no_harm_and_what_is_still_a_message_keeps_its_meaning(
        (version, message) in any_message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut wire = message.encode(version, 1).unwrap().to_vec();
        for (at, byte) in changes {
            let at = at.index(wire.len());
            // The length is the framer's affair.
            if !(2..4).contains(&at) {
                wire[at] = byte;
            }
        }
        if let Ok((header, read)) = Message::decode(&wire.into())
            && let Some(version) = Version::from_wire(header.version)
        {
            let written = read.encode(version, header.xid).unwrap();
            prop_assert_eq!(Message::decode(&written).unwrap().1, read);
        }
    }

    #[test]
    fn no_bytes_at_all_make_a_decoder_panic(
        version in 0..8_u8,
        kind in 0..40_u8,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let length = (8 + body.len()) as u16;
        let mut wire = vec![version, kind];
        wire.extend(length.to_be_bytes());
        wire.extend([0, 0, 0, 1]);
        wire.extend(body);
        let _ = Message::decode(&wire.into());
    }

    #[test]
    fn a_session_survives_any_stream(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
        controller: bool,
        polite: bool,
    ) {
        let role = rust_openflow::message::RoleMessage::new(
            rust_openflow::message::Role::MASTER,
            1,
        );
        let end = if controller { End::Controller(role) } else { End::Switch };
        let mut session = Session::new(end, Config::default(), 0);
        if polite {
            session.receive(&[6, 0, 0, 8, 0, 0, 0, 1], 0);
        }
        for (now, chunk) in chunks.iter().enumerate() {
            session.receive(chunk, now as u64);
            while session.next_event().is_some() {}
        }
        prop_assert!(session.queue_len() < 100_000);
    }

    #[test]
    fn the_framer_gives_back_what_was_put_together(
        lengths in prop::collection::vec(8..200_usize, 0..10),
        cuts in prop::collection::vec(1..50_usize, 1..10),
    ) {
        let mut stream = Vec::new();
        for length in &lengths {
            let start = stream.len();
            stream.extend([5, 2]);
            stream.extend((*length as u16).to_be_bytes());
            stream.resize(start + length, 0);
        }
        let mut framer = Framer::default();
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            framer.push(now);
            rest = later;
            while let Some(message) = framer.next_message().unwrap() {
                found.push(message.len());
            }
        }
        prop_assert_eq!(found, lengths);
    }
}
