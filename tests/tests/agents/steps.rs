//! What both switches are told, message by message. What a version cannot say is left out there.

use bytes::Bytes;
use rust_openflow::message::{
    AsyncConfig, AsyncProperty, Band, Bucket, BundleControl, BundleControlType, BundleFlags,
    FlowCommand, FlowFilter, FlowFlags, FlowMod, FlowModTableId, GroupCommand, GroupDescFilter,
    GroupFilter, GroupMod, GroupType, Message, MeterCommand, MeterFilter, MeterMod,
    MultipartExperimenter, MultipartRequest, NxRole, NxRoleMessage, PacketInFormat, PacketOut,
    PortDescFilter, PortFilter, PortMod, QueueFilter, QueueGetConfigRequest, Request, Role,
    RoleMessage, SetPacketInFormat, SwitchConfig, TableMod, TableModProperty,
};
use rust_openflow::{
    Action, Field, GroupId, Instruction, MacAddr, Match, MeterId, PortNo, TableId, Version,
};

use super::extensions;

/// All of them, in order.
pub(super) fn messages(version: Version) -> Vec<Message> {
    let all = [
        identity(),
        flows(version),
        wrong_flows(version),
        groups(),
        meters(),
        ports(version),
        tables(),
        packets(version),
        nicira(),
        roles(),
        unasked(),
        unknown(),
        extensions::bundles(version),
        extensions::monitors(version),
        extensions::options(),
    ];
    let sayable = |message: &Message| message.encode(version, 0).is_ok();
    all.into_iter().flatten().filter(sayable).collect()
}

pub(super) fn ask(request: Request) -> Message {
    Message::MultipartRequest(MultipartRequest::new(request))
}

fn identity() -> Vec<Message> {
    let config = |flags, miss_send_len| {
        Message::SetConfig(SwitchConfig {
            flags,
            miss_send_len,
        })
    };
    let queue = |port| ask(Request::QueueStats(QueueFilter { port, queue: 3 }));
    let queues = |port| ask(Request::QueueDesc(QueueFilter { port, queue: 3 }));
    let config_of = |port| Message::QueueGetConfigRequest(QueueGetConfigRequest { port });
    let mut messages = vec![
        Message::FeaturesRequest,
        Message::GetConfigRequest,
        config(1, 99),
        Message::GetConfigRequest,
        config(0, u16::MAX),
        ask(Request::Desc),
        ask(Request::Table),
        ask(Request::GroupFeatures),
        ask(Request::MeterFeatures),
        ask(Request::TableDesc),
        ask(Request::ControllerStatus),
        Message::GetAsyncRequest,
    ];
    for port in [PortNo::ANY, PortNo(2), PortNo(77), PortNo::LOCAL, PortNo(0)] {
        messages.push(ask(Request::PortDesc(PortDescFilter { port })));
        messages.push(ask(Request::PortStats(PortFilter { port })));
        messages.extend([queue(port), queues(port)]);
    }
    // A dummy device has a queue, so ports that are there are not asked for theirs.
    messages.extend([PortNo(77), PortNo::LOCAL].map(config_of));
    messages.push(ask(Request::PortDesc(PortDescFilter::default())));
    messages.push(ask(Request::QueueStats(QueueFilter {
        port: PortNo(1),
        queue: 3,
    })));
    messages
}

pub(super) fn flow(table: u8, priority: u16, matches: Match, list: Vec<Instruction>) -> FlowMod {
    FlowMod::add(TableId(table), priority, matches, list, u64::from(priority))
}

pub(super) fn out(port: u32) -> Vec<Instruction> {
    vec![Instruction::apply(vec![Action::output(PortNo(port))])]
}

pub(super) fn in_port(port: u32) -> Match {
    Match::any().with(Field::InPort, PortNo(port))
}

fn ip(address: u32, mask: u32) -> Match {
    Match::any()
        .with(Field::EthType, 0x0800_u16)
        .with_masked(Field::Ipv4Dst, address, mask)
}

/// Questions that show what is there.
pub(super) fn shown() -> Vec<Message> {
    let filters = [
        FlowFilter::all(),
        FlowFilter {
            table: TableId(1),
            ..FlowFilter::all()
        },
        FlowFilter {
            matches: ip(0x0a00_0000, 0xff00_0000),
            ..FlowFilter::all()
        },
        FlowFilter {
            out_port: PortNo(2),
            ..FlowFilter::all()
        },
        FlowFilter {
            cookie: 2,
            cookie_mask: 3,
            ..FlowFilter::all()
        },
        FlowFilter {
            out_group: GroupId(1),
            ..FlowFilter::all()
        },
        FlowFilter {
            table: TableId(200),
            ..FlowFilter::all()
        },
    ];
    let asked = filters.into_iter().flat_map(|filter| {
        [
            ask(Request::Flow(filter.clone())),
            ask(Request::Aggregate(filter)),
        ]
    });
    asked.collect()
}

fn of_table(version: Version, table: u8) -> u8 {
    match version {
        Version::V1_0 => 0,
        _ => table,
    }
}

fn flows(version: Version) -> Vec<Message> {
    let table = |number| of_table(version, number);
    let set = vec![
        Action::set(Field::EthDst, MacAddr([2, 0, 0, 0, 0, 9])),
        Action::output(PortNo(3)),
    ];
    let change = |command, mut flow: FlowMod| {
        flow.command = command;
        flow
    };
    let mut list = vec![
        flow(0, 10, in_port(1), out(2)),
        flow(0, 11, in_port(2), out(2)),
        flow(
            0,
            12,
            ip(0x0a01_0000, 0xffff_0000),
            vec![Instruction::apply(set)],
        ),
        flow(0, 13, ip(0x0a01_0200, 0xffff_ff00), Vec::new()),
        flow(table(1), 14, Match::any(), out(PortNo::IN_PORT.0)),
        flow(
            table(1),
            15,
            in_port(1),
            vec![Instruction::goto(TableId(7))],
        ),
        flow(
            table(2),
            16,
            in_port(1),
            vec![
                Instruction::write_actions(vec![Action::output(PortNo(1))]),
                Instruction::ClearActions {},
                Instruction::apply(vec![Action::output(PortNo::CONTROLLER)]),
            ],
        ),
        // In place of another.
        FlowMod {
            cookie: 99,
            ..flow(0, 10, in_port(1), out(3))
        },
        // Overlaps.
        FlowMod {
            flags: FlowFlags::CHECK_OVERLAP,
            ..flow(0, 12, ip(0x0a01_0700, 0xffff_ff00), out(1))
        },
        FlowMod {
            idle_timeout: 300,
            hard_timeout: 600,
            importance: 5,
            flags: FlowFlags::SEND_FLOW_REMOVED,
            ..flow(table(3), 20, in_port(3), out(1))
        },
        // Changes.
        change(
            FlowCommand::MODIFY,
            flow(0, 0, ip(0x0a00_0000, 0xff00_0000), out(1)),
        ),
        change(FlowCommand::MODIFY_STRICT, flow(0, 11, in_port(2), out(3))),
        change(FlowCommand::MODIFY, flow(table(5), 30, in_port(2), out(3))),
        change(
            FlowCommand::MODIFY_STRICT,
            flow(table(5), 31, in_port(2), out(3)),
        ),
        FlowMod {
            cookie: 99,
            cookie_mask: u64::MAX,
            ..change(FlowCommand::MODIFY, flow(0, 30, Match::any(), out(1)))
        },
        FlowMod {
            cookie: 98,
            cookie_mask: u64::MAX,
            ..change(FlowCommand::MODIFY_STRICT, flow(0, 33, in_port(3), out(1)))
        },
    ];
    let deletes = vec![
        FlowMod {
            out_port: PortNo(1),
            ..FlowMod::delete(TableId(table(0)), in_port(2), 0)
        },
        change(
            FlowCommand::DELETE_STRICT,
            flow(0, 13, ip(0x0a01_0200, 0xffff_ff00), Vec::new()),
        ),
        change(
            FlowCommand::DELETE_STRICT,
            flow(0, 10, in_port(2), Vec::new()),
        ),
        FlowMod::delete(TableId(table(3)), Match::any(), 0),
        FlowMod::delete_cookie(14),
        FlowMod {
            cookie: 0,
            cookie_mask: 1,
            ..FlowMod::delete(TableId::ALL, Match::any(), 0)
        },
    ];
    let mut messages = Vec::new();
    let mods = |list: &mut Vec<FlowMod>| -> Vec<Message> {
        list.drain(..).map(Message::FlowMod).collect()
    };
    messages.append(&mut mods(&mut list));
    messages.append(&mut shown());
    let mut deletes = deletes;
    messages.append(&mut mods(&mut deletes));
    messages.append(&mut shown());
    messages
}

fn wrong_flows(version: Version) -> Vec<Message> {
    let good = || flow(0, 40, in_port(1), out(2));
    let applied = |action| flow(0, 40, in_port(1), vec![Instruction::apply(vec![action])]);
    let table = |number| of_table(version, number);
    let mut list = vec![
        FlowMod {
            buffer_id: 7,
            ..good()
        },
        FlowMod {
            table: TableId(254),
            ..good()
        },
        FlowMod {
            table: TableId::ALL,
            ..good()
        },
        FlowMod {
            command: FlowCommand(9),
            ..good()
        },
        FlowMod {
            cookie_mask: 3,
            ..good()
        },
        flow(
            table(3),
            40,
            in_port(1),
            vec![Instruction::goto(TableId(2))],
        ),
        flow(0, 40, in_port(1), vec![Instruction::goto(TableId(254))]),
        flow(0, 40, Match::any().with(Field::TcpDst, 80_u16), out(1)),
        flow(
            0,
            40,
            in_port(1),
            vec![Instruction::Meter {
                meter_id: MeterId(5),
            }],
        ),
        applied(Action::Meter {
            meter_id: MeterId(5),
        }),
        applied(Action::group(GroupId(55))),
        applied(Action::set(Field::Ipv4Dst, 7_u32)),
        applied(Action::set(Field::TcpDst, 7_u16)),
        FlowMod::delete(TableId(254), Match::any(), 0),
        FlowMod {
            out_port: PortNo(0),
            ..FlowMod::delete(TableId::ALL, Match::any(), 0)
        },
        FlowMod {
            out_group: GroupId(77),
            ..FlowMod::delete(TableId::ALL, Match::any(), 0)
        },
    ];
    for flags in [4, 8, 16, 32, 0x8000, 3] {
        list.push(FlowMod {
            flags: FlowFlags(flags),
            priority: 41 + flags,
            ..good()
        });
    }
    let ports = [
        PortNo(0),
        PortNo(1),
        PortNo(99),
        PortNo(0xfeff),
        PortNo(0xff00),
        PortNo(0x1_0000),
        PortNo::UNSET,
        PortNo::IN_PORT,
        PortNo::TABLE,
        PortNo::FLOOD,
        PortNo::ALL,
        PortNo::CONTROLLER,
        PortNo::LOCAL,
        PortNo::ANY,
    ];
    list.extend(ports.into_iter().map(|port| applied(Action::output(port))));
    let mut messages: Vec<Message> = list.into_iter().map(Message::FlowMod).collect();
    messages.append(&mut shown());
    messages.push(Message::FlowMod(FlowMod::delete(
        TableId(table(255)),
        Match::any(),
        0,
    )));
    messages.append(&mut shown());
    messages
}

fn groups() -> Vec<Message> {
    let bucket = |port: u32| Bucket::new(vec![Action::output(PortNo(port))]);
    let numbered = |id, port| Bucket { id, ..bucket(port) };
    let group = |id, kind, buckets| GroupMod::add(GroupId(id), kind, buckets);
    let command = |command, group| GroupMod { command, ..group };
    let list = vec![
        group(1, GroupType::ALL, vec![bucket(1), bucket(2)]),
        group(1, GroupType::ALL, vec![bucket(1)]),
        group(
            2,
            GroupType::SELECT,
            vec![bucket(1).weighing(3), bucket(2).weighing(1)],
        ),
        group(3, GroupType::INDIRECT, vec![bucket(3)]),
        group(4, GroupType::INDIRECT, vec![bucket(3), bucket(2)]),
        group(5, GroupType::INDIRECT, vec![]),
        group(
            6,
            GroupType::FAST_FAILOVER,
            vec![bucket(1).watching_port(PortNo(1))],
        ),
        group(7, GroupType::FAST_FAILOVER, vec![bucket(1)]),
        group(8, GroupType(7), vec![bucket(1)]),
        group(9, GroupType::ALL, vec![bucket(1).weighing(4)]),
        group(
            10,
            GroupType::ALL,
            vec![Bucket::new(vec![Action::group(GroupId(1))])],
        ),
        group(
            11,
            GroupType::ALL,
            vec![Bucket::new(vec![Action::group(GroupId(99))])],
        ),
        group(
            12,
            GroupType::ALL,
            vec![Bucket::new(vec![Action::group(GroupId(12))])],
        ),
        group(0xffff_ff01, GroupType::ALL, vec![bucket(1)]),
        group(0xffff_fffc, GroupType::ALL, vec![bucket(1)]),
        group(13, GroupType::ALL, vec![bucket(0)]),
        group(14, GroupType::ALL, vec![bucket(9999)]),
        group(15, GroupType::ALL, vec![]),
        command(
            GroupCommand::MODIFY,
            group(1, GroupType::SELECT, vec![bucket(3).weighing(1)]),
        ),
        command(
            GroupCommand::MODIFY,
            group(33, GroupType::ALL, vec![bucket(3)]),
        ),
        command(GroupCommand(77), group(33, GroupType::ALL, vec![bucket(3)])),
        command(
            GroupCommand::ADD_OR_MODIFY,
            group(34, GroupType::ALL, vec![bucket(3)]),
        ),
        group(20, GroupType::ALL, vec![numbered(5, 1), numbered(6, 2)]),
        group(21, GroupType::ALL, vec![numbered(5, 1), numbered(5, 2)]),
        GroupMod {
            command: GroupCommand::INSERT_BUCKET,
            command_bucket: rust_openflow::message::BucketId::FIRST,
            ..group(20, GroupType::ALL, vec![numbered(7, 3)])
        },
        GroupMod {
            command: GroupCommand::INSERT_BUCKET,
            command_bucket: rust_openflow::message::BucketId(5),
            ..group(20, GroupType::ALL, vec![numbered(8, 3)])
        },
        GroupMod {
            command: GroupCommand::INSERT_BUCKET,
            command_bucket: rust_openflow::message::BucketId(55),
            ..group(20, GroupType::ALL, vec![numbered(9, 3)])
        },
        GroupMod {
            command: GroupCommand::INSERT_BUCKET,
            command_bucket: rust_openflow::message::BucketId::LAST,
            ..group(20, GroupType::ALL, vec![numbered(5, 3)])
        },
        GroupMod {
            command: GroupCommand::INSERT_BUCKET,
            ..group(66, GroupType::ALL, vec![numbered(5, 3)])
        },
        GroupMod {
            command: GroupCommand::REMOVE_BUCKET,
            command_bucket: rust_openflow::message::BucketId(6),
            ..group(20, GroupType::ALL, vec![])
        },
        GroupMod {
            command: GroupCommand::REMOVE_BUCKET,
            command_bucket: rust_openflow::message::BucketId(66),
            ..group(20, GroupType::ALL, vec![])
        },
    ];
    let user = flow(
        0,
        3,
        in_port(1),
        vec![Instruction::apply(vec![Action::group(GroupId(1))])],
    );
    let described = || {
        let groups = [GroupId::ALL, GroupId(1), GroupId(98)];
        groups.into_iter().flat_map(|group| {
            [
                ask(Request::GroupStats(GroupFilter { group })),
                ask(Request::GroupDesc(GroupDescFilter { group })),
            ]
        })
    };
    let mut messages: Vec<Message> = list.into_iter().map(Message::GroupMod).collect();
    let told = FlowMod {
        flags: FlowFlags::SEND_FLOW_REMOVED,
        ..user
    };
    messages.push(Message::FlowMod(told));
    messages.push(ask(Request::GroupDesc(GroupDescFilter::default())));
    messages.extend(described());
    messages.append(&mut shown());
    for id in [10, 1, 99, 0xffff_fffc] {
        messages.push(Message::GroupMod(GroupMod::delete(GroupId(id))));
        messages.extend(described());
        messages.push(ask(Request::GroupDesc(GroupDescFilter::default())));
    }
    messages.append(&mut shown());
    messages
}

fn meters() -> Vec<Message> {
    let drop = |rate| Band::Drop { rate, burst: 5 };
    let meter = |id, flags, bands| MeterMod::add(MeterId(id), flags, bands);
    let kbps = MeterMod::KBPS | MeterMod::BURST | MeterMod::STATS;
    let list = vec![
        meter(1, kbps, vec![drop(100)]),
        meter(1, kbps, vec![drop(200)]),
        meter(2, MeterMod::PKTPS, vec![drop(100), drop(300)]),
        meter(3, 0, vec![drop(100)]),
        meter(4, MeterMod::PKTPS | MeterMod::KBPS, vec![drop(100)]),
        meter(5, MeterMod::PKTPS, vec![]),
        meter(
            6,
            MeterMod::PKTPS,
            vec![Band::DscpRemark {
                rate: 1,
                burst: 1,
                levels: 1,
            }],
        ),
        meter(0, kbps, vec![drop(100)]),
        meter(0xffff_0000, kbps, vec![drop(100)]),
        meter(0xffff_0001, kbps, vec![drop(100)]),
        meter(0xffff_fffd, kbps, vec![drop(100)]),
        meter(0xffff_fffe, kbps, vec![drop(100)]),
        meter(0xffff_ffff, kbps, vec![drop(100)]),
        meter(300_000, kbps, vec![drop(100)]),
        meter(8, kbps, vec![drop(1); 9]),
        meter(9, 0x40 | kbps, vec![drop(1)]),
        MeterMod {
            command: MeterCommand::MODIFY,
            ..meter(1, MeterMod::PKTPS, vec![drop(7)])
        },
        MeterMod {
            command: MeterCommand::MODIFY,
            ..meter(44, MeterMod::PKTPS, vec![drop(7)])
        },
        MeterMod {
            command: MeterCommand(9),
            ..meter(1, MeterMod::PKTPS, vec![drop(7)])
        },
    ];
    let described = || {
        let meters = [MeterId::ALL, MeterId(1), MeterId(98), MeterId(0)];
        meters.into_iter().flat_map(|meter| {
            [
                ask(Request::MeterStats(MeterFilter { meter })),
                ask(Request::MeterConfig(MeterFilter { meter })),
            ]
        })
    };
    let metered = |list: Vec<Instruction>| {
        Message::FlowMod(FlowMod {
            flags: FlowFlags::SEND_FLOW_REMOVED,
            ..flow(4, 3, in_port(1), list)
        })
    };
    let meter_id = MeterId(1);
    let mut messages: Vec<Message> = list.into_iter().map(Message::MeterMod).collect();
    messages.push(metered(vec![
        Instruction::Meter { meter_id },
        Instruction::apply(vec![Action::output(PortNo(2))]),
    ]));
    messages.push(metered(vec![Instruction::apply(vec![
        Action::Meter { meter_id },
        Action::output(PortNo(2)),
    ])]));
    messages.extend(described());
    messages.append(&mut shown());
    for id in [1, 98, 0, u32::MAX] {
        messages.push(Message::MeterMod(MeterMod::delete(MeterId(id))));
        messages.extend(described());
    }
    messages.append(&mut shown());
    messages
}

fn ports(version: Version) -> Vec<Message> {
    let change = |port, address, config, mask| {
        Message::PortMod(PortMod {
            port,
            address,
            config,
            mask,
            advertise: 0,
            properties: Vec::new(),
        })
    };
    let wrong = MacAddr([2, 0, 0, 0, 0, 1]);
    let mut messages = vec![
        change(PortNo(99), wrong, 1, 1),
        change(PortNo(1), wrong, 1, 1),
    ];
    let _ = version;
    messages.push(ask(Request::PortDesc(PortDescFilter::default())));
    messages
}

fn tables() -> Vec<Message> {
    let change = |table, config, properties| {
        Message::TableMod(TableMod {
            table: TableId(table),
            config,
            properties,
        })
    };
    let eviction = |flags| vec![TableModProperty::Eviction { flags }];
    let vacancy = |down, up| {
        vec![TableModProperty::Vacancy {
            vacancy_down: down,
            vacancy_up: up,
            vacancy: 0,
        }]
    };
    vec![
        change(1, 0, vec![]),
        change(254, 0, vec![]),
        change(255, 0, vec![]),
        change(1, 3, vec![]),
        change(1, 4, vec![]),
        change(1, 8, vec![]),
        change(2, 4, eviction(0)),
        change(2, 4, eviction(7)),
        change(3, 8, vacancy(20, 80)),
        change(3, 8, vacancy(80, 20)),
        change(3, 8, vacancy(20, 101)),
        ask(Request::TableDesc),
        change(255, 0, vec![]),
        ask(Request::TableDesc),
    ]
}

fn packets(version: Version) -> Vec<Message> {
    let frame = |length: usize| {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
        frame.resize(length, 7);
        Bytes::from(frame)
    };
    let send = |port, actions: Vec<Action>| PacketOut::new(port, actions, frame(60));
    let ports = [
        PortNo(1),
        PortNo(0),
        PortNo(99),
        PortNo::CONTROLLER,
        PortNo::LOCAL,
        PortNo::ANY,
        PortNo::IN_PORT,
        PortNo::TABLE,
        PortNo::FLOOD,
    ];
    let from = ports.map(|port| send(port, vec![Action::output(PortNo(2))]));
    let to = ports.map(|port| send(PortNo(1), vec![Action::output(port)]));
    let mut list: Vec<PacketOut> = from.into_iter().chain(to).collect();
    list.extend([
        send(PortNo::CONTROLLER, vec![]),
        PacketOut {
            buffer_id: 5,
            ..send(PortNo(1), vec![])
        },
        PacketOut::new(PortNo(1), vec![Action::output(PortNo(2))], Bytes::new()),
        PacketOut::new(
            PortNo(1),
            vec![Action::output(PortNo(2))],
            Bytes::from_static(&[1, 2, 3]),
        ),
        send(PortNo(1), vec![Action::group(GroupId(77))]),
        send(PortNo(1), vec![Action::output(PortNo::CONTROLLER)]),
        send(
            PortNo(1),
            vec![Action::Meter {
                meter_id: MeterId(3),
            }],
        ),
    ]);
    let mut messages: Vec<Message> = list.into_iter().map(Message::PacketOut).collect();
    // To the controller by way of the tables.
    let to_controller = |max_len| {
        let action = Action::Output {
            port: PortNo::CONTROLLER,
            max_len,
        };
        Message::FlowMod(flow(
            0,
            5,
            Match::any(),
            vec![Instruction::apply(vec![action])],
        ))
    };
    let through = Message::PacketOut(send(PortNo(3), vec![Action::output(PortNo::TABLE)]));
    for max_len in [0, 20, 0xffff] {
        messages.extend([to_controller(max_len), through.clone()]);
    }
    for format in [
        PacketInFormat::NXT_PACKET_IN,
        PacketInFormat::NXT_PACKET_IN2,
        PacketInFormat(9),
        PacketInFormat::STANDARD,
    ] {
        messages.push(Message::SetPacketInFormat(SetPacketInFormat { format }));
        messages.extend([to_controller(30), through.clone()]);
    }
    // Nothing is for it.
    let table = of_table(version, 255);
    messages.push(Message::FlowMod(FlowMod::delete(
        TableId(table),
        Match::any(),
        0,
    )));
    messages.push(through);
    messages
}

fn nicira() -> Vec<Message> {
    let named = |set| Message::FlowModTableId(FlowModTableId { set });
    let mut messages = vec![named(1)];
    let of_tables = [
        flow(3, 7, in_port(1), out(2)),
        flow(254, 7, in_port(1), out(2)),
        flow(255, 7, in_port(1), out(2)),
        FlowMod::delete(TableId(3), Match::any(), 0),
    ];
    messages.extend(of_tables.into_iter().map(Message::FlowMod));
    messages.append(&mut shown());
    messages.push(named(0));
    messages.push(Message::FlowMod(FlowMod::delete(
        TableId(255),
        Match::any(),
        0,
    )));
    messages.push(Message::FlowMod(FlowMod::delete(
        TableId(0),
        Match::any(),
        0,
    )));
    messages.append(&mut shown());
    messages
}

fn roles() -> Vec<Message> {
    let ask = |role, generation| Message::RoleRequest(RoleMessage::new(role, generation));
    let nicira = |role| Message::NxRoleRequest(NxRoleMessage { role });
    vec![
        ask(Role::NO_CHANGE, 0),
        ask(Role::EQUAL, 5),
        ask(Role::MASTER, u64::MAX),
        ask(Role::MASTER, 3),
        ask(Role::SLAVE, u64::MAX),
        ask(Role::SLAVE, 3),
        Message::FlowMod(flow(0, 1, in_port(1), out(2))),
        Message::GroupMod(GroupMod::delete(GroupId(1))),
        Message::MeterMod(MeterMod::delete(MeterId(1))),
        Message::PacketOut(PacketOut::new(
            PortNo(1),
            vec![],
            Bytes::from_static(&[0; 60]),
        )),
        Message::TableMod(TableMod {
            table: TableId(1),
            config: 0,
            properties: vec![],
        }),
        Message::PortMod(PortMod {
            port: PortNo(99),
            address: MacAddr::default(),
            config: 0,
            mask: 0,
            advertise: 0,
            properties: vec![],
        }),
        Message::BundleControl(BundleControl {
            bundle_id: 1,
            kind: BundleControlType::OPEN_REQUEST,
            flags: BundleFlags::ATOMIC,
            properties: vec![],
        }),
        // A slave may change what is its own.
        Message::SetConfig(SwitchConfig {
            flags: 0,
            miss_send_len: 77,
        }),
        Message::GetConfigRequest,
        Message::SetConfig(SwitchConfig {
            flags: 0,
            miss_send_len: u16::MAX,
        }),
        ask(Role::EQUAL, 0),
        ask(Role(9), 4),
        nicira(NxRole::MASTER),
        nicira(NxRole::SLAVE),
        Message::FlowMod(flow(0, 1, in_port(1), out(2))),
        nicira(NxRole(7)),
        nicira(NxRole::OTHER),
        Message::FlowMod(FlowMod::delete(TableId(0), Match::any(), 0)),
        ask(Role::NO_CHANGE, 0),
    ]
}

fn unasked() -> Vec<Message> {
    let choose = |properties: Vec<AsyncProperty>| {
        let properties = properties.into();
        Message::SetAsync(AsyncConfig { properties })
    };
    vec![
        Message::GetAsyncRequest,
        choose(vec![AsyncProperty::PacketInMaster { mask: 2 }]),
        Message::GetAsyncRequest,
        choose(vec![
            AsyncProperty::PacketInSlave { mask: 0xff },
            AsyncProperty::FlowRemovedMaster { mask: 1 },
        ]),
        Message::GetAsyncRequest,
        choose(vec![AsyncProperty::RequestforwardMaster { mask: 3 }]),
        choose(vec![AsyncProperty::TableStatusMaster { mask: 0x18 }]),
        choose(vec![AsyncProperty::FlowStatsMaster { mask: 1 }]),
        choose(vec![AsyncProperty::ContStatusMaster { mask: 1 }]),
        Message::GetAsyncRequest,
    ]
}

fn unknown() -> Vec<Message> {
    let experimenter = |vendor, kind| {
        Message::Experimenter(rust_openflow::message::Experimenter {
            vendor,
            kind,
            body: Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 1]),
        })
    };
    let asked = |vendor, kind| {
        ask(Request::Experimenter(MultipartExperimenter {
            vendor,
            kind,
            data: Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 1]),
        }))
    };
    let body = Bytes::new();
    vec![
        Message::Unknown {
            kind: 99,
            body: body.clone(),
        },
        Message::FeaturesReply(Default::default()),
        Message::BarrierReply,
        ask(Request::Unknown { kind: 0x7777, body }),
        experimenter(0x1234, 5),
        experimenter(0x2320, 999),
        experimenter(0x4f4e_4600, 999),
        experimenter(0, 0),
        asked(0x1234, 5),
        asked(0x2320, 999),
        asked(0x4f4e_4600, 999),
    ]
}
