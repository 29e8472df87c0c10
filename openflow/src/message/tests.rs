//! Vectors: what Open vSwitch 3.1.0 and its `ovs-ofctl` sent, and what it means.

use bytes::Bytes;

use super::*;
use crate::action::ToController;
use crate::{Action, DatapathId, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId};

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert!(digits.len().is_multiple_of(2), "{hex}");
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Decodes, encodes again, compares.
fn decoded(hex: &str) -> Message {
    let wire = bytes(hex);
    let (header, message) = Message::decode(&wire).unwrap();
    let version = Version::from_wire(header.version).unwrap();
    assert_eq!(
        message.encode(version, header.xid).unwrap(),
        wire,
        "{message:#?}"
    );
    message
}

#[test]
fn rows_stand_in_the_order_of_the_kinds_and_codes_are_unique_per_version() {
    for (at, row) in ROWS.iter().enumerate() {
        assert_eq!(row.kind as usize, at);
        assert!(row.doc.ends_with('.'), "{}", row.name);
        for code in row.codes {
            assert!(code.vendor.is_some() || code.number < 256);
            for other in ROWS[at + 1..].iter().flat_map(|row| row.codes) {
                let same = (code.vendor, code.number) == (other.vendor, other.number);
                assert!(!same || code.until < other.since || other.until < code.since);
            }
        }
    }
}

#[test]
fn errors_stand_once_and_say_a_sentence() {
    for version in Version::ALL {
        let mut numbers: Vec<_> = ERRORS
            .iter()
            .filter_map(|row| row.code(version).map(ErrorCode::numbers))
            .collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "OpenFlow {version}");
    }
    for (at, row) in ERRORS.iter().enumerate() {
        assert!(
            !ERRORS[at + 1..].iter().any(|other| other.name == row.name),
            "{}",
            row.name
        );
        assert!(row.doc.ends_with('.'), "{}", row.name);
        let ordered = row
            .codes
            .windows(2)
            .all(|pair| pair[0].until < pair[1].since);
        assert!(ordered, "{}", row.name);
    }
}

/// `ovs-ofctl add-flow 'table=3,cookie=0x1122334455667788,priority=100,tcp,nw_dst=10.0.0.0/24,
/// tp_dst=80,metadata=0x7,actions=set_field:00:00:00:00:00:02->eth_dst,load:5->NXM_NX_REG0[0..15],
/// dec_ttl,resubmit(,9)'`
const ADD_FLOW: [(Version, &str); 3] = [
    (
        Version::V1_3,
        "040e00a8 00000006 1122334455667788 0000000000000000 03 00 0000 0000 0064 ffffffff ffffffff
         ffffffff 0000 0000 0001002d 80000a020800 800019080a000000ffffff00 8000140106 80001c020050
         800004080000000000000007 000000 0004004800000000 0019001080000606000000000002 0000
         ffff00180000232000 07000f000100040000000000000005 0018000800000000
         ffff001000002320000efff809000000",
    ),
    (
        Version::V1_4,
        "050e00a8 00000006 1122334455667788 0000000000000000 03 00 0000 0000 0064 ffffffff ffffffff
         ffffffff 0000 0000 0001002d 80000a020800 800019080a000000ffffff00 8000140106 80001c020050
         800004080000000000000007 000000 0004004800000000 0019001080000606000000000002 0000
         ffff00180000232000 07000f000100040000000000000005 0018000800000000
         ffff001000002320000efff809000000",
    ),
    (
        Version::V1_5,
        "060e00a0 00000006 1122334455667788 0000000000000000 03 00 0000 0000 0064 ffffffff ffffffff
         ffffffff 0000 0000 0001002d 80000a020800 800019080a000000ffffff00 8000140106 80001c020050
         800004080000000000000007 000000 0004004000000000 0019001080000606000000000002 0000
         00190010000101080000000 50000ffff 0018000800000000 ffff001000002320000efff809000000",
    ),
];

#[test]
fn flow_mods_of_every_version_are_read_and_written_as_ovs_ofctl_writes_them() {
    for (version, hex) in ADD_FLOW {
        let Message::FlowMod(flow) = decoded(hex) else {
            panic!("not a flow-mod");
        };
        let expected = Match::any()
            .with(Field::EthType, 0x0800_u16)
            .with_masked(
                Field::Ipv4Dst,
                std::net::Ipv4Addr::new(10, 0, 0, 0),
                0xffff_ff00_u32,
            )
            .with(Field::IpProto, 6_u8)
            .with(Field::TcpDst, 80_u16)
            .with(Field::Metadata, 7_u64);
        assert_eq!(flow.matches, expected);
        assert_eq!(flow.cookie, 0x1122_3344_5566_7788);
        assert_eq!((flow.table, flow.priority), (TableId(3), 100));
        let [Instruction::ApplyActions { actions }] = &flow.instructions[..] else {
            panic!("{:?}", flow.instructions);
        };
        assert_eq!(actions.len(), 4);
        assert_eq!(actions[3], Action::resubmit(9));
        let again = FlowMod::add(
            TableId(3),
            100,
            expected,
            flow.instructions.clone(),
            0x1122_3344_5566_7788,
        );
        assert_eq!(
            Message::FlowMod(again).encode(version, 6).unwrap(),
            bytes(hex)
        );
    }
}

#[test]
fn deletions_are_what_ovs_ofctl_sends() {
    // ovs-ofctl del-flows 'table=3'
    let hex = "040e0038 00000002 0000000000000000 0000000000000000 03 03 0000 0000 8000 ffffffff
               ffffffff ffffffff 0000 0000 0001000400000000";
    let Message::FlowMod(flow) = decoded(hex) else {
        panic!("not a flow-mod");
    };
    let expected = FlowMod {
        priority: 0x8000,
        ..FlowMod::delete(TableId(3), Match::any(), 0)
    };
    assert_eq!(flow, expected);
    let by_cookie = FlowMod::delete_cookie(9);
    assert_eq!(by_cookie.table, TableId::ALL);
    assert_eq!(by_cookie.cookie_mask, u64::MAX);
}

#[test]
fn flow_descriptions_are_read_in_the_form_of_1_3_and_of_1_5() {
    // Open vSwitch 3.1, one flow each: table 1, cookie 9, drop.
    let old = "04130048 00000002 0001 0000 00000000 0038 01 00 0000002d 25ab8e00 8000 0000 0000
               0000 00000000 0000000000000009 0000000000000000 0000000000000000
               0001000400000000";
    let new = "06130068 00000002 0001 0000 00000000 0058 0000 01 00 8000 0000 0000 0000 0000
               0000000000000009 0001000400000000 0000 0034 80020008 0000002e 2aad4b00 80020208
               0000002f 00000000 80020808 0000000000000000 80020a08 0000000000000000 00000000";
    for (hex, seconds) in [(old, 45), (new, 46)] {
        let Message::MultipartReply(part) = decoded(hex) else {
            panic!("not a reply");
        };
        assert!(!part.more());
        let Reply::Flow(flows) = part.reply else {
            panic!("not flows");
        };
        assert_eq!(flows.len(), 1);
        assert_eq!((flows[0].cookie, flows[0].table), (9, TableId(1)));
        assert_eq!(flows[0].priority, 0x8000);
        assert_eq!(flows[0].stats.duration().0, seconds);
        assert!(flows[0].instructions.is_empty());
    }
}

#[test]
fn requests_for_flows_are_what_ovs_ofctl_sends() {
    // ovs-ofctl dump-flows
    for version in ["04", "05", "06"] {
        let hex = format!(
            "{version}120038 00000002 0001000000000000 ff000000 ffffffff ffffffff 00000000
             0000000000000000 0000000000000000 0001000400000000"
        );
        let request = MultipartRequest::new(Request::Flow(FlowFilter::all()));
        assert_eq!(decoded(&hex), Message::MultipartRequest(request));
    }
}

#[test]
fn sums_over_flows_are_read_in_both_forms() {
    let old = "04130028 00000002 0002000000000000 0000000000000000 0000000000000000 00000002
               00000000";
    let new = "06130038 00000002 0002000000000000 0000 0024 80020808 0000000000000000 80020a08
               0000000000000000 80020604 00000001 00000000";
    for (hex, flows) in [(old, 2), (new, 1)] {
        let Message::MultipartReply(part) = decoded(hex) else {
            panic!("not a reply");
        };
        assert!(matches!(part.reply, Reply::Aggregate(sums) if sums.stats.flows() == flows));
    }
}

#[test]
fn groups_are_what_ovs_ofctl_sends() {
    // ovs-ofctl add-group 'group_id=7,type=select,bucket=weight=3,actions=output:1,
    // bucket=weight=5,actions=drop'
    let old = "040f0040 00000002 0000 01 00 00000007 0020 0003 ffffffff ffffffff 00000000
               00000010000000010000000000000000 0010 0005 ffffffff ffffffff 00000000";
    let new = "060f0048 00000002 0000 01 00 00000007 0030 0000 ffffffff 0020 0010 00000000
               00000010000000010000000000000000 0000000800030000 0010 0000 00000001
               0000000800050000";
    for hex in [old, new] {
        let Message::GroupMod(group) = decoded(hex) else {
            panic!("not a group-mod");
        };
        assert_eq!((group.group, group.kind), (GroupId(7), GroupType::SELECT));
        assert_eq!(group.command, GroupCommand::ADD);
        assert_eq!(group.buckets[0].weight(), Some(3));
        assert_eq!(group.buckets[0].actions, vec![Action::output(PortNo(1))]);
        assert_eq!(group.buckets[1].weight(), Some(5));
    }
    // ovs-ofctl -O OpenFlow14 add-group 'group_id=10,type=ff,bucket=watch_port:1,actions=output:1'
    let failover = "050f0030 00000006 0000 03 00 0000000a 0020 0000 00000001 ffffffff 00000000
                    00000010000000010000000000000000";
    let Message::GroupMod(group) = decoded(failover) else {
        panic!("not a group-mod");
    };
    assert_eq!(group.buckets[0].watch_port(), Some(PortNo(1)));
    // ovs-ofctl del-groups
    for (version, hex) in [
        (Version::V1_3, "040f0010 00000002 0002 00 00 fffffffc"),
        (
            Version::V1_5,
            "060f0018 00000002 0002 00 00 fffffffc 0000 0000 ffffffff",
        ),
    ] {
        let all = Message::GroupMod(GroupMod::delete(GroupId::ALL));
        assert_eq!(decoded(hex), all);
        assert_eq!(all.encode(version, 2).unwrap(), bytes(hex));
    }
}

#[test]
fn selection_methods_are_properties_of_groups() {
    // ovs-ofctl -O OpenFlow15 add-group 'group_id=8,type=select,selection_method=hash,
    // fields(ip_src,tcp_dst),bucket=bucket_id=1,weight=3,actions=output:1'
    let hex = "060f0070 00000002 0000 01 00 00000008 0020 0000 ffffffff 0020 0010 00000001
               00000010000000010000000000000000 0000000800030000 ffff0036 0000154d 00000001 00000000
               68617368000000000000000000000000 0000000000000000 80001604ffffffff 80001c02ffff 0000";
    let Message::GroupMod(group) = decoded(hex) else {
        panic!("not a group-mod");
    };
    assert_eq!(group.buckets[0].id, 1);
    let GroupProperty::SelectionMethod {
        method,
        parameter,
        fields,
    } = &group.properties[0]
    else {
        panic!("{:?}", group.properties);
    };
    assert_eq!((&*method.to_text(), *parameter), ("hash", 0));
    assert!(fields.0.get(Field::Ipv4Src).is_some());
}

#[test]
fn meters_are_what_ovs_ofctl_sends() {
    // ovs-ofctl add-meter 'meter=4,kbps,burst,band=type=drop,rate=1000,burst_size=200'
    let expected = MeterMod::add(
        MeterId(4),
        MeterMod::KBPS | MeterMod::BURST,
        vec![Band::Drop {
            rate: 1000,
            burst: 200,
        }],
    );
    let hex = "041d0020 00000002 0000 0005 00000004 0001 0010 000003e8 000000c8 00000000";
    assert_eq!(decoded(hex), Message::MeterMod(expected.clone()));
    // The answer to ovs-ofctl dump-meters.
    let hex = "06130028 00000002 000a000000000000 0018 0005 00000004 0001 0010 000003e8 000000c8
               00000000";
    let Message::MultipartReply(part) = decoded(hex) else {
        panic!("not a reply");
    };
    let Reply::MeterConfig(meters) = part.reply else {
        panic!("not meters");
    };
    assert_eq!(
        (meters[0].meter, &meters[0].bands),
        (MeterId(4), &expected.bands)
    );
    assert_eq!(
        decoded("041d0010 00000002 0002 0000 ffffffff"),
        Message::MeterMod(MeterMod::delete(MeterId::ALL))
    );
}

#[test]
fn features_and_ports_are_what_open_vswitch_sends() {
    let Message::FeaturesReply(features) =
        decoded("06060020 00000002 0000000000000001 00000000 fe 00 0000 0000024f 00000000")
    else {
        panic!("not features");
    };
    assert_eq!(features.datapath, DatapathId(1));
    assert_eq!(features.tables, 254);
    let old = "04130090 00000003 000d000000000000 00000001 00000000 aa55aa550001 0000
               70310000000000000000000000000000 00000000 00000004 00000000 00000000 00000000 00000000
               00000000 00000000 fffffffe 00000000 5e431dcd1246 0000
               62723100000000000000000000000000 00000000 00000004 00000000 00000000 00000000 00000000
               00000000 00000000";
    let new = "061300a0 00000003 000d000000000000 00000001 0048 0000 aa55aa550001 0000
               70310000000000000000000000000000 00000000 00000004 0000 0020 00000000 00000000
               00000000 00000000 00000000 00000000 00000000 fffffffe 0048 0000 5e431dcd1246 0000
               62723100000000000000000000000000 00000000 00000004 0000 0020 00000000 00000000
               00000000 00000000 00000000 00000000 00000000";
    for hex in [old, new] {
        let Message::MultipartReply(part) = decoded(hex) else {
            panic!("not a reply");
        };
        let Reply::PortDesc(ports) = part.reply else {
            panic!("not ports");
        };
        assert_eq!(ports[0].number, PortNo(1));
        assert_eq!(ports[0].name.to_text(), "p1");
        assert_eq!(ports[1].number, PortNo::LOCAL);
    }
}

#[test]
fn packet_ins_of_the_standard_are_read() {
    let packet = "505400000002 505400000001 0800 4500001400000000401100000102030405060708
                  0000000000000000";
    for hex in [
        format!(
            "040a005c 00000000 ffffffff 002a 01 00 0000000000000055 00010014 80000004 00000001
             00010204 00000007 00000000 0000 {packet}"
        ),
        format!(
            "060a0064 00000000 ffffffff 002a 01 00 0000000000000055 00010020 80000004 00000001
             80010110 0000000000000007 00000000ffffffff 0000 {packet}"
        ),
    ] {
        let Message::PacketIn(packet_in) = decoded(&hex) else {
            panic!("not a packet-in");
        };
        assert_eq!(packet_in.in_port(), Some(PortNo(1)));
        assert_eq!(packet_in.reason, PacketInReason::APPLY_ACTION);
        assert_eq!(packet_in.cookie, 0x55);
        assert_eq!(packet_in.packet, bytes(packet));
        // Open vSwitch says registers in pairs from 1.5 on.
        assert_eq!(packet_in.field(Field::Reg1), Some(7));
        assert_eq!(packet_in.field(Field::Reg0), None);
        assert_eq!(packet_in.total_len, 42);
    }
}

#[test]
fn packet_ins_of_nicira_carry_user_data_and_continuation() {
    let hex = "040400a8 00000000 00002320 0000001e
               0000002e 5054000000025054000000010800450000140000000040110000010203040506070800000000
               00000000 0000
               0003000500000000 00040010000000000000000000000055 0005000501000000
               00060014 80000004 00000001 00010204 00000007 00000000
               00080028 00000000 80000014b033a3f403473748ceb600bb711df655 00000000 8008000800000001
               00070007 010203 00";
    let Message::PacketIn2(packet) = decoded(hex) else {
        panic!("not a packet-in");
    };
    let received = Received::from(packet.clone());
    assert_eq!(received.userdata, Bytes::from_static(&[1, 2, 3]));
    assert_eq!(received.packet_in.field(Field::Reg1), Some(7));
    let packet_in = &received.packet_in;
    assert_eq!((packet_in.cookie, packet_in.total_len), (0x55, 42));
    assert_eq!(received.continuation.as_ref().map(Bytes::len), Some(36));
    let resume = Message::Resume(packet);
    let again = resume.encode(Version::V1_3, 0).unwrap();
    assert_eq!(Message::decode(&again).unwrap().1, resume);
}

#[test]
fn packet_outs_are_what_ovs_ofctl_sends() {
    // ovs-ofctl packet-out 'in_port=CONTROLLER,packet=50540000000750540000000808061234,
    // actions=output:1'
    let packet = bytes("50540000000750540000000808061234");
    let expected = PacketOut::new(PortNo::CONTROLLER, vec![Action::output(PortNo(1))], packet);
    for hex in [
        "040d0038 00000002 ffffffff fffffffd 0010 000000000000 00000010000000010000000000000000
         50540000000750540000000808061234",
        "060d0040 00000002 ffffffff 0010 0000 0001000c 80000004 fffffffd 00000000
         00000010000000010000000000000000 50540000000750540000000808061234",
    ] {
        assert_eq!(decoded(hex), Message::PacketOut(expected.clone()));
    }
}

#[test]
fn flow_removed_is_read_in_both_forms() {
    for (hex, nanoseconds) in [
        (
            "040b0040 00000000 0000000000000055 8000 02 00 00000000 19bfcc00 0005 0000
             0000000000000001 000000000000002a 0001000c 80000004 00000001 00000000",
            432_000_000,
        ),
        (
            "060b0050 00000000 00 02 8000 0005 0000 0000000000000055 0001000c 80000004 00000001
             00000000 0000 0028 80020008 00000000 018cba80 80020808 0000000000000000 80020a08
             0000000000000000",
            26_000_000,
        ),
    ] {
        let Message::FlowRemoved(removed) = decoded(hex) else {
            panic!("not a flow-removed");
        };
        assert_eq!(removed.cookie, 0x55);
        assert_eq!(
            (removed.reason, removed.priority),
            (FlowRemovedReason::DELETE, 0x8000)
        );
        assert_eq!(removed.idle_timeout, 5);
        assert_eq!(removed.stats.duration(), (0, nanoseconds));
    }
}

#[test]
fn bundles_of_1_3_are_those_of_the_onf_extension() {
    // ovs-ofctl --bundle add-flow 'cookie=0x9,table=1,actions=drop'
    let open = BundleControl {
        bundle_id: 0,
        kind: BundleControlType::OPEN_REQUEST,
        flags: BundleFlags::ATOMIC | BundleFlags::ORDERED,
        properties: Vec::new(),
    };
    for hex in [
        "05210010 00000007 00000000 0000 0003",
        "04040018 00000007 4f4e4600 000008fc 00000000 0000 0003",
    ] {
        assert_eq!(decoded(hex), Message::BundleControl(open.clone()));
    }
    for hex in [
        "05220048 00000006 00000000 0000 0003 050e0038 00000006 0000000000000009 0000000000000000 01
         00 0000 0000 8000 ffffffff ffffffff ffffffff 0000 0001 0001000400000000",
        "04040050 00000006 4f4e4600 000008fd 00000000 0000 0003 040e0038 00000006 0000000000000009
         0000000000000000 01 00 0000 0000 8000 ffffffff ffffffff ffffffff 0001 0000
         0001000400000000",
    ] {
        let Message::BundleAdd(add) = decoded(hex) else {
            panic!("not in a bundle");
        };
        let (header, inner) = Message::decode(&add.message.0).unwrap();
        assert_eq!(header.xid, 6);
        assert!(matches!(inner, Message::FlowMod(flow) if flow.cookie == 9));
    }
}

#[test]
fn what_comes_unasked_is_said_in_fields_in_1_3_and_in_properties_since() {
    // Open vSwitch's answers to get-async.
    for (hex, has_role_status) in [
        (
            "041b0020 00000002 00000003 00000000 00000007 00000007 0000000f 00000000",
            false,
        ),
        (
            "061b0068 00000002 0000000800000000 000100080000003b 0002000800000007 0003000800000007
             0004000800000000 000500080000003f 0006000800000000 0007000800000000 0008000800000000
             0009000800000000 000a000800000000 000b000800000000",
            true,
        ),
    ] {
        let Message::GetAsyncReply(config) = decoded(hex) else {
            panic!("not what comes unasked");
        };
        let has = |property| config.properties.contains(&property);
        assert!(has(AsyncProperty::PortStatusSlave { mask: 7 }));
        assert!(has(AsyncProperty::FlowRemovedSlave { mask: 0 }));
        let role_status = AsyncProperty::RoleStatusMaster { mask: 0 };
        assert_eq!(has(role_status), has_role_status);
    }
}

#[test]
fn errors_carry_the_offending_message() {
    // The answer to ovs-ofctl add-flow 'table=3,actions=group:99'
    let hex =
        "06010054 00000002 0002 0009 060e0048 00000002 0000000000000000 0000000000000000 03 00
               0000 0000 8000 ffffffff ffffffff ffffffff 0000 0000 0001000400000000
               0004001000000000 0016000800000063";
    let Message::Error(error) = decoded(hex) else {
        panic!("not an error");
    };
    assert_eq!(
        error.to_string(),
        "OFPBAC_BAD_OUT_GROUP: An action names a group that is not there."
    );
    assert_eq!(Header::peek(&error.data).unwrap().kind, 14);
}

#[test]
fn vendor_messages_are_what_ovs_ofctl_sends_and_unknown_ones_are_kept() {
    // ovs-ofctl ct-flush-zone 30
    let hex = "06040018 00000002 00002320 0000001d 000000000000001e";
    assert_eq!(
        decoded(hex),
        Message::CtFlushZone(CtFlushZone { zone_id: 30 })
    );
    assert!(matches!(
        decoded("06040013 00000002 00002320 0000ffff 010203"),
        Message::Experimenter(Experimenter { kind: 0xffff, .. })
    ));
    assert!(matches!(
        decoded("060400 10 00000002 12345678 00000001"),
        Message::Experimenter(Experimenter {
            vendor: 0x1234_5678,
            ..
        })
    ));
    assert!(matches!(
        decoded("0663000a 00000002 abcd"),
        Message::Unknown { kind: 0x63, .. }
    ));
}

#[test]
fn a_vendors_message_of_1_0_has_no_type_but_the_vendors_own() {
    // OpenFlow 1.0.1, 5.5.4: ofp_vendor_header is all there must be.
    for hex in [
        "0104000c 00000002 00abcdef",
        "0104000e 00000002 00abcdef 0102",
        "01040010 00000002 00002320 00ffffff",
    ] {
        let Message::Experimenter(message) = decoded(hex) else {
            panic!("not a vendor's");
        };
        assert_eq!(message.kind, 0);
        let again = Message::Experimenter(message).encode(Version::V1_0, 2);
        assert_eq!(again, Ok(bytes(hex)));
    }
    assert!(Message::decode(&bytes("0104000a 00000002 00ab")).is_err());
}

#[test]
fn hello_error_and_echo_are_understood_under_any_version() {
    let hello = bytes("77000010 00000001 00010008 00000070");
    let (header, message) = Message::decode(&hello).unwrap();
    assert_eq!(header.version, 0x77);
    let Message::Hello(hello) = message else {
        panic!("not a hello");
    };
    assert!(hello.speaks(Version::V1_5, 0x77) && !hello.speaks(Version::V1_2, 0x77));
    let (_, echo) = Message::decode(&bytes("7702000a 00000001 abcd")).unwrap();
    assert_eq!(
        echo,
        Message::EchoRequest(Echo {
            data: bytes("abcd")
        })
    );
    let (_, other) = Message::decode(&bytes("770e000a 00000001 abcd")).unwrap();
    assert!(matches!(other, Message::Unknown { kind: 14, .. }));
}

#[test]
fn what_a_version_cannot_say_is_an_error() {
    let group = GroupMod {
        properties: vec![GroupProperty::Unknown {
            number: 1,
            data: Bytes::new().into(),
        }],
        ..GroupMod::delete(GroupId(1))
    };
    assert!(Message::GroupMod(group).encode(Version::V1_3, 1).is_err());
    let flow = FlowMod {
        importance: 1,
        ..FlowMod::delete_cookie(1)
    };
    assert!(
        Message::FlowMod(flow.clone())
            .encode(Version::V1_3, 1)
            .is_err()
    );
    assert!(Message::FlowMod(flow).encode(Version::V1_0, 1).is_err());
    let many = vec![
        Action::from(ToController {
            userdata: vec![0; 60_000].into(),
            ..ToController::default()
        });
        2
    ];
    let flow = FlowMod::add(
        TableId(0),
        1,
        Match::any(),
        vec![Instruction::apply(many)],
        1,
    );
    assert!(matches!(
        Message::FlowMod(flow).encode(Version::V1_5, 1),
        Err(EncodeError::TooLong { .. })
    ));
}
