//! More of what both switches are told: bundles, monitors of flows, options of tunnels, and what is said between
//! controllers.

use bytes::Bytes;
use rust_openflow::matches::Fields;
use rust_openflow::message::{
    AsyncConfig, AsyncProperty, Band, Bucket, BundleAdd, BundleControl, BundleControlType,
    BundleFlags, FlowCommand, FlowFlags, FlowMod, FlowMonitorCancel, FlowMonitorRequest,
    GroupDescFilter, GroupMod, GroupType, Message, MeterMod, MonitorCommand, Nested,
    NxFlowMonitorRequest, NxRole, NxRoleMessage, OnfFlowMonitorRequest, OnfMatch, PacketOut,
    Request, Role, RoleMessage, TlvMap, TlvTableCommand, TlvTableMod,
};
use rust_openflow::record::Port16;
use rust_openflow::{
    Action, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId, Version,
};

use super::steps::{ask, flow, in_port, out, shown};

/// A message in a bundle; the number is put in when it is sent.
fn add(version: Version, bundle_id: u32, flags: BundleFlags, message: &Message) -> Vec<Message> {
    let inner = message.encode(version, 0).ok();
    let add = inner.map(|inner| {
        Message::BundleAdd(BundleAdd {
            bundle_id,
            flags,
            message: Nested(inner),
            properties: Vec::new(),
        })
    });
    add.into_iter().collect()
}

pub(super) fn bundles(version: Version) -> Vec<Message> {
    const ATOMIC: BundleFlags = BundleFlags::ATOMIC;
    const ORDERED: BundleFlags = BundleFlags::ORDERED;
    let control = |bundle_id, kind, flags| {
        Message::BundleControl(BundleControl {
            bundle_id,
            kind,
            flags,
            properties: Vec::new(),
        })
    };
    let open = |id, flags| control(id, BundleControlType::OPEN_REQUEST, flags);
    let close = |id, flags| control(id, BundleControlType::CLOSE_REQUEST, flags);
    let commit = |id, flags| control(id, BundleControlType::COMMIT_REQUEST, flags);
    let discard = |id, flags| control(id, BundleControlType::DISCARD_REQUEST, flags);
    let bucket = Bucket::new(vec![Action::output(PortNo(1))]);
    let group = |id| {
        Message::GroupMod(GroupMod::add(
            GroupId(id),
            GroupType::ALL,
            vec![bucket.clone()],
        ))
    };
    let to_group = |priority, id| {
        let list = vec![Instruction::apply(vec![Action::group(GroupId(id))])];
        Message::FlowMod(flow(0, priority, in_port(1), list))
    };
    let plain = |priority| Message::FlowMod(flow(0, priority, in_port(1), out(2)));
    let both = ATOMIC | ORDERED;
    let inside = |id, flags, list: Vec<Message>| -> Vec<Message> {
        list.iter()
            .flat_map(|message| add(version, id, flags, message))
            .collect()
    };
    let wrong = flow(0, 9, Match::any().with(Field::TcpDst, 80_u16), out(1));
    let groups = || ask(Request::GroupDesc(GroupDescFilter::default()));
    let parts = [
        vec![open(1, ATOMIC), open(1, ATOMIC), commit(1, ATOMIC)],
        vec![open(2, both), close(2, both), close(2, both)],
        vec![open(3, both), close(3, ATOMIC), discard(3, both)],
        vec![open(4, both), discard(4, ATOMIC), discard(4, both)],
        vec![commit(9, both), close(9, both)],
        vec![open(6, both)],
        inside(6, both, vec![group(1), to_group(5, 1), plain(6)]),
        vec![close(6, both)],
        inside(6, both, vec![plain(7)]),
        vec![commit(6, both), groups()],
        // Not opened before.
        inside(7, both, vec![group(1), to_group(5, 1), plain(6)]),
        vec![commit(7, both), groups()],
        // The last cannot be done.
        vec![open(8, both)],
        inside(
            8,
            both,
            vec![
                Message::FlowMod(FlowMod::delete(TableId(0), Match::any(), 0)),
                plain(20),
                group(2),
                Message::GroupMod(GroupMod::delete(GroupId(1))),
                to_group(21, 1),
                plain(22),
            ],
        ),
        vec![commit(8, both), groups()],
        // One cannot be read; the rest is done.
        inside(
            10,
            ORDERED,
            vec![plain(30), Message::FlowMod(wrong), plain(31)],
        ),
        vec![commit(10, ORDERED)],
        inside(
            11,
            both,
            vec![
                Message::BarrierRequest,
                Message::MeterMod(MeterMod::delete(MeterId(1))),
                Message::PacketOut(PacketOut::new(
                    PortNo(1),
                    vec![],
                    Bytes::from_static(&[0; 60]),
                )),
                Message::PacketOut(PacketOut::new(
                    PortNo(1),
                    vec![Action::group(GroupId(66))],
                    Bytes::from_static(&[0; 60]),
                )),
                group(1),
            ],
        ),
        vec![commit(11, both)],
        inside(12, BundleFlags::default(), vec![plain(40)]),
        inside(12, both, vec![plain(41)]),
        vec![commit(12, BundleFlags::default())],
        shown(),
        vec![
            Message::FlowMod(FlowMod::delete(TableId(0), Match::any(), 0)),
            Message::GroupMod(GroupMod::delete(GroupId::ALL)),
        ],
    ];
    parts.concat()
}

/// A monitor in the form of a version.
fn monitor(version: Version, id: u32, flags: u16, table: u8, command: MonitorCommand) -> Message {
    let (table, matches) = (TableId(table), Match::any());
    ask(match version {
        Version::V1_4 | Version::V1_5 => Request::FlowMonitor(vec![FlowMonitorRequest {
            monitor_id: id,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            flags,
            table,
            command,
            matches,
        }]),
        Version::V1_3 => Request::OnfFlowMonitor(vec![OnfFlowMonitorRequest {
            id,
            flags,
            out_port: PortNo::ANY,
            table,
            matches: OnfMatch::Match(matches),
        }]),
        _ => Request::NxFlowMonitor(vec![NxFlowMonitorRequest {
            id,
            flags,
            out_port: Port16(PortNo::ANY),
            table,
            matches: Fields(matches),
        }]),
    })
}

pub(super) fn monitors(version: Version) -> Vec<Message> {
    let watch = |id, flags| monitor(version, id, flags, 255, MonitorCommand::ADD);
    let end = |id| match version {
        Version::V1_3 => Message::OnfFlowMonitorCancel(FlowMonitorCancel { id }),
        _ => Message::FlowMonitorCancel(FlowMonitorCancel { id }),
    };
    let plain = |priority, port| Message::FlowMod(flow(0, priority, in_port(port), out(2)));
    let change = |priority, port| {
        Message::FlowMod(FlowMod {
            command: FlowCommand::MODIFY_STRICT,
            ..flow(0, priority, in_port(port), out(3))
        })
    };
    let delete = || Message::FlowMod(FlowMod::delete(TableId(0), in_port(1), 0));
    let mut messages = vec![plain(1, 1), plain(2, 2)];
    // All of it, then with own changes in full, then without instructions.
    if version >= Version::V1_4 {
        // Open vSwitch 3.1 answers the end of a monitor with an error that has no number.
        messages.extend([
            watch(1, 0x1f),
            plain(3, 1),
            plain(3, 1),
            change(3, 1),
            delete(),
        ]);
        return messages;
    }
    for (id, flags) in [(1, 0x1f), (2, 0x3f), (3, 0x2e)] {
        messages.push(watch(id, flags));
        messages.extend([
            plain(3, 1),
            plain(3, 1),
            change(3, 1),
            change(2, 2),
            delete(),
        ]);
        messages.extend([end(id), end(id), plain(1, 1)]);
    }
    messages.push(Message::FlowMod(FlowMod::delete(
        TableId(0),
        Match::any(),
        0,
    )));
    messages
}

pub(super) fn options() -> Vec<Message> {
    let map = |option_class, option_type, option_len, index| TlvMap {
        option_class,
        option_type,
        option_len,
        index,
    };
    let change = |command, maps| Message::TlvTableMod(TlvTableMod { command, maps });
    let add = |maps| change(TlvTableCommand::ADD, maps);
    vec![
        Message::TlvTableRequest,
        add(vec![map(1, 1, 4, 0), map(1, 2, 8, 3)]),
        Message::TlvTableRequest,
        add(vec![map(1, 3, 4, 0)]),
        add(vec![map(1, 1, 4, 5)]),
        add(vec![map(1, 5, 5, 5)]),
        add(vec![map(1, 5, 0, 5)]),
        add(vec![map(1, 5, 4, 64)]),
        add(vec![map(1, 5, 124, 6), map(1, 6, 124, 7)]),
        change(TlvTableCommand::DELETE, vec![map(1, 2, 8, 3)]),
        change(TlvTableCommand::DELETE, vec![map(1, 2, 8, 9)]),
        change(TlvTableCommand(9), vec![]),
        Message::TlvTableRequest,
        change(TlvTableCommand::CLEAR, vec![]),
        Message::TlvTableRequest,
    ]
}

/// Messages on connections of several versions, each with the connection's place.
pub(super) fn between(versions: &[Version]) -> Vec<(usize, Message)> {
    let role = |role, generation| Message::RoleRequest(RoleMessage::new(role, generation));
    let forward = Message::SetAsync(AsyncConfig {
        properties: [AsyncProperty::RequestforwardMaster { mask: 3 }].into(),
    });
    let bucket = Bucket::new(vec![Action::output(PortNo(1))]);
    let group = |id| {
        Message::GroupMod(GroupMod::add(
            GroupId(id),
            GroupType::ALL,
            vec![bucket.clone()],
        ))
    };
    let band = Band::Drop { rate: 9, burst: 9 };
    let meter = |id| {
        Message::MeterMod(MeterMod::add(
            MeterId(id),
            MeterMod::KBPS,
            vec![band.clone()],
        ))
    };
    let told = |priority, port| {
        Message::FlowMod(FlowMod {
            flags: FlowFlags::SEND_FLOW_REMOVED,
            ..flow(0, priority, in_port(port), out(2))
        })
    };
    let delete = || Message::FlowMod(FlowMod::delete(TableId(0), Match::any(), 0));
    let watch = |at: usize, flags| monitor(versions[at], 1, flags, 255, MonitorCommand::ADD);
    let to_controller = || {
        let action = Action::Output {
            port: PortNo::CONTROLLER,
            max_len: 0xffff,
        };
        Message::FlowMod(flow(
            0,
            5,
            Match::any(),
            vec![Instruction::apply(vec![action])],
        ))
    };
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    frame.resize(60, 7);
    let through = || {
        let actions = vec![Action::output(PortNo::TABLE)];
        Message::PacketOut(PacketOut::new(PortNo(3), actions, frame.clone().into()))
    };
    vec![
        (1, forward),
        (0, group(1)),
        (0, meter(1)),
        (2, Message::GroupMod(GroupMod::delete(GroupId(1)))),
        (0, told(1, 1)),
        (1, watch(1, 0x1f)),
        (2, watch(2, 0x1f)),
        (3, watch(3, 0x1f)),
        (0, told(2, 2)),
        (2, told(2, 2)),
        (3, told(3, 3)),
        (0, to_controller()),
        (2, through()),
        (0, delete()),
        (3, through()),
        (0, role(Role::MASTER, 1)),
        (1, role(Role::MASTER, 2)),
        (0, role(Role::NO_CHANGE, 0)),
        (0, told(1, 1)),
        (2, role(Role::MASTER, 1)),
        (2, role(Role::MASTER, 3)),
        (1, role(Role::NO_CHANGE, 0)),
        (1, told(1, 1)),
        (
            3,
            Message::NxRoleRequest(NxRoleMessage {
                role: NxRole::MASTER,
            }),
        ),
        (2, role(Role::NO_CHANGE, 0)),
        (3, told(4, 1)),
        (0, to_controller()),
        (3, to_controller()),
        (3, through()),
        (3, delete()),
        (0, role(Role::EQUAL, 0)),
        (0, told(1, 1)),
        (0, delete()),
        (0, Message::MeterMod(MeterMod::delete(MeterId::ALL))),
    ]
}
