//! Random requests: few flows, groups and meters, so that they meet.

use proptest::prelude::*;
use rust_openflow::message::{
    Band, Bucket, BundleAdd, BundleControl, BundleControlType, BundleFlags, FlowCommand,
    FlowFilter, FlowFlags, FlowMod, GroupCommand, GroupDescFilter, GroupFilter, GroupMod,
    GroupType, Message, MeterCommand, MeterFilter, MeterMod, MultipartRequest, Nested, Request,
    Role, RoleMessage,
};
use rust_openflow::{
    Action, Field, GroupId, Instruction, Match, MeterId, PortNo, TableId, Version,
};

/// What is done on one of the connections.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) connection: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    One(Message),
    Bundle(Vec<Message>),
    Role(Role, u64),
    Show,
}

impl Step {
    /// The messages that a version can say.
    pub(super) fn messages(&self, version: Version) -> Vec<Message> {
        let sayable = |message: &Message| message.encode(version, 0).is_ok();
        let messages = match &self.what {
            What::One(message) => vec![message.clone()],
            What::Bundle(list) => bundle(version, list),
            What::Role(role, generation) => {
                vec![Message::RoleRequest(RoleMessage::new(*role, *generation))]
            }
            What::Show => show(),
        };
        messages.into_iter().filter(sayable).collect()
    }
}

/// A bundle from its beginning to its end.
fn bundle(version: Version, list: &[Message]) -> Vec<Message> {
    let flags = BundleFlags::ATOMIC | BundleFlags::ORDERED;
    let control = |kind| {
        Message::BundleControl(BundleControl {
            bundle_id: 7,
            kind,
            flags,
            properties: Vec::new(),
        })
    };
    let add = |message: &Message| {
        let message = Nested(message.encode(version, 0).ok()?);
        Some(Message::BundleAdd(BundleAdd {
            bundle_id: 7,
            flags,
            message,
            properties: Vec::new(),
        }))
    };
    let mut messages = vec![control(BundleControlType::OPEN_REQUEST)];
    messages.extend(list.iter().filter_map(add));
    messages.push(control(BundleControlType::COMMIT_REQUEST));
    messages
}

/// Everything that there is.
fn show() -> Vec<Message> {
    let group = GroupId::ALL;
    let meter = MeterId::ALL;
    let requests = [
        Request::Flow(FlowFilter::all()),
        Request::Aggregate(FlowFilter::all()),
        Request::GroupDesc(GroupDescFilter::default()),
        Request::GroupStats(GroupFilter { group }),
        Request::MeterConfig(MeterFilter { meter }),
        Request::MeterStats(MeterFilter { meter }),
    ];
    let asked = requests.map(|request| Message::MultipartRequest(MultipartRequest::new(request)));
    asked.into()
}

fn matches() -> impl Strategy<Value = Match> {
    let ip = || Match::any().with(Field::EthType, 0x0800_u16);
    prop_oneof![
        Just(Match::any()),
        (1..4_u32).prop_map(|port| Match::any().with(Field::InPort, PortNo(port))),
        (0..3_u32, 14..17_u32).prop_map(move |(net, bits)| {
            let mask = u32::MAX << (32 - bits);
            ip().with_masked(Field::Ipv4Dst, (0x0a00_0000 | net << 16) & mask, mask)
        }),
        (0..2_u16).prop_map(move |port| ip().with(Field::IpProto, 6_u8).with(Field::TcpDst, port)),
        Just(Match::any().with(Field::TcpDst, 5_u16)),
        (0..4_u64).prop_map(|value| Match::any().with_masked(Field::Metadata, value, 3_u64)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..4_u32).prop_map(|port| Action::output(PortNo(port))),
        2 => (1..4_u32).prop_map(|group| Action::group(GroupId(group))),
        1 => Just(Action::set(Field::Ipv4Dst, 7_u32)),
        1 => (0..9_u32).prop_map(|value| Action::set(Field::Reg0, value)),
        1 => Just(Action::output(PortNo::ANY)),
    ]
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let actions = || prop::collection::vec(action(), 0..3);
    let applied = actions().prop_map(|actions| vec![Instruction::apply(actions)]);
    prop_oneof![
        6 => applied,
        2 => (actions(), 0..4_u8).prop_map(|(actions, table)| {
            vec![Instruction::apply(actions), Instruction::goto(TableId(table))]
        }),
        1 => actions().prop_map(|actions| vec![Instruction::write_actions(actions)]),
        1 => (1..4_u32).prop_map(|meter| {
            let meter_id = MeterId(meter);
            let output = Instruction::apply(vec![Action::output(PortNo(2))]);
            vec![Instruction::Meter { meter_id }, output]
        }),
        1 => Just(Vec::new()),
    ]
}

fn flow() -> impl Strategy<Value = Message> {
    let command = prop_oneof![
        6 => Just(FlowCommand::ADD),
        1 => Just(FlowCommand::MODIFY),
        1 => Just(FlowCommand::MODIFY_STRICT),
        1 => Just(FlowCommand::DELETE),
        1 => Just(FlowCommand::DELETE_STRICT),
    ];
    let flags = prop_oneof![5 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(4)];
    let table = 0..3_u8;
    let cookie = (
        0..4_u64,
        prop_oneof![3 => Just(0), 1 => Just(u64::MAX), 1 => Just(1)],
    );
    let wanted = prop_oneof![6 => Just(PortNo::ANY), 1 => Just(PortNo(2))];
    (
        command,
        flags,
        table,
        0..3_u16,
        matches(),
        instructions(),
        cookie,
        wanted,
    )
        .prop_map(
            |(command, flags, table, priority, matches, list, (cookie, cookie_mask), out_port)| {
                Message::FlowMod(FlowMod {
                    command,
                    flags: FlowFlags(flags),
                    cookie_mask,
                    out_port,
                    ..FlowMod::add(TableId(table), priority, matches, list, cookie)
                })
            },
        )
}

fn group() -> impl Strategy<Value = Message> {
    let command = prop_oneof![
        4 => Just(GroupCommand::ADD),
        2 => Just(GroupCommand::MODIFY),
        1 => Just(GroupCommand::DELETE),
    ];
    let buckets = prop::collection::vec(prop::collection::vec(action(), 0..3), 0..3);
    (command, 0..4_u8, 1..4_u32, buckets).prop_map(|(command, kind, id, buckets)| {
        let deletes = command == GroupCommand::DELETE;
        let buckets = (0..)
            .zip(buckets)
            .filter(|_| !deletes)
            .map(|(id, actions)| Bucket {
                id,
                ..Bucket::new(actions)
            });
        Message::GroupMod(GroupMod {
            command,
            ..GroupMod::add(GroupId(id), GroupType(kind), buckets.collect())
        })
    })
}

fn meter() -> impl Strategy<Value = Message> {
    let command = prop_oneof![
        4 => Just(MeterCommand::ADD),
        2 => Just(MeterCommand::MODIFY),
        1 => Just(MeterCommand::DELETE),
    ];
    (command, 1..4_u32, 1..4_u32).prop_map(|(command, id, rate)| {
        let band = Band::Drop { rate, burst: 1 };
        let bands = match command {
            MeterCommand::DELETE => Vec::new(),
            _ => vec![band],
        };
        Message::MeterMod(MeterMod {
            command,
            ..MeterMod::add(MeterId(id), MeterMod::KBPS, bands)
        })
    })
}

/// What is done, in order.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bundled = prop_oneof![3 => flow(), 1 => group()];
    let role = prop_oneof![
        2 => Just(Role::EQUAL),
        1 => Just(Role::MASTER),
        1 => Just(Role::SLAVE),
    ];
    let what = prop_oneof![
        10 => flow().prop_map(What::One),
        4 => group().prop_map(What::One),
        3 => meter().prop_map(What::One),
        2 => prop::collection::vec(bundled, 1..6).prop_map(What::Bundle),
        1 => (role, 0..4_u64).prop_map(|(role, generation)| What::Role(role, generation)),
        3 => Just(What::Show),
    ];
    let step = (0..2_usize, what).prop_map(|(connection, what)| Step { connection, what });
    prop::collection::vec(step, 40..80)
}
