//! Messages as they usually are, for whoever measures what coding them costs: `benches/codec.rs` and `weft bench`.
//!
//! Knows nothing of clocks.

use bytes::Bytes;
use rust_openflow::message::{
    FlowMod, FlowStats, MultipartReply, NO_BUFFER, PacketIn, PacketIn2, PacketInReason, Received,
    Reply, Role, RoleMessage, Stats,
};
use rust_openflow::text::{Flow, Names, TextError, parse_flow};
use rust_openflow::{Action, Field, Instruction, Match, Message, PortNo, TableId};

/// A flow that finds the packets of a connection whose addresses are to be translated, as `ovs-ofctl` has it.
pub(crate) const NAT: &str = "table=5, priority=200,ct_state=+new+trk,ip,reg5=0x7,metadata=0x1234 \
     actions=ct(commit,table=9,zone=NXM_NX_REG6[0..15],nat(src=192.0.2.1-192.0.2.9:1024-65535,random),\
     exec(set_field:0x1->ct_mark,move:NXM_NX_REG1[]->NXM_NX_CT_LABEL[0..31]))";

/// Messages with a name: one, or the parts of one answer.
pub(crate) fn messages() -> Result<[(&'static str, Vec<Message>); 5], TextError> {
    let nat = parse_flow(NAT, &Names::default())?;
    // As long in every case: nothing of it needs memory of its own.
    let role = RoleMessage::new(Role::MASTER, 7);
    let nat = flow_mod(nat.table, nat.priority, nat.matches, nat.instructions);
    Ok([
        ("flow_mod", vec![typical()]),
        ("packet_in", vec![packet_in()]),
        ("role_request", vec![Message::RoleRequest(role)]),
        ("flow_mod with ct and nat", vec![Message::FlowMod(nat)]),
        (
            "statistics of 1,000 flows",
            vec![statistics(true), statistics(false)],
        ),
    ])
}

/// A flow by itself, for its text.
pub(crate) fn flow() -> Flow {
    match typical() {
        Message::FlowMod(flow) => flow.into(),
        _ => Flow::default(),
    }
}

fn flow_mod(
    table: TableId,
    priority: u16,
    matches: Match,
    instructions: Vec<Instruction>,
) -> FlowMod {
    FlowMod::add(table, priority, matches, instructions, 0x1122_3344)
}

/// Four fields and four actions, as a flow that sends to a tunnel has.
fn typical() -> Message {
    let matches = Match::any()
        .with(Field::Metadata, 0x1234_u64)
        .with(Field::EthDst, 0xfa16_3e00_0001_u64)
        .with(Field::EthType, 0x0800_u16)
        .with(Field::Reg1, 7_u32);
    let actions = vec![
        Action::set(Field::TunnelId, 5_001_u64),
        Action::set(Field::Reg0, 1_u32),
        Action::resubmit(9),
        Action::output(PortNo(3)),
    ];
    let instructions = vec![Instruction::apply(actions)];
    Message::FlowMod(flow_mod(TableId(3), 100, matches, instructions))
}

/// As a request for an address is.
fn packet_in() -> Message {
    Message::PacketIn2(PacketIn2::from(Received {
        packet_in: PacketIn {
            buffer_id: NO_BUFFER,
            total_len: 342,
            reason: PacketInReason::APPLY_ACTION,
            table: TableId(3),
            cookie: 0x1122_3344,
            metadata: Match::any()
                .with(Field::InPort, PortNo(1))
                .with(Field::Metadata, 0x1234_u64)
                .with(Field::Reg1, 7_u32),
            packet: Bytes::from(vec![0x50; 342]),
        },
        userdata: Bytes::from_static(&[1, 2, 3, 4]),
        continuation: None,
    }))
}

/// Half of an answer: 500 flows of two fields and two actions.
fn statistics(more: bool) -> Message {
    let flow = |number: u32| FlowStats {
        table: TableId(3),
        priority: 100,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: Default::default(),
        importance: 0,
        cookie: u64::from(number),
        matches: Match::any()
            .with(Field::EthType, 0x0800_u16)
            .with(Field::Ipv4Dst, number),
        stats: Stats::new((5, 0), 10, 1_000),
        instructions: vec![Instruction::apply(vec![
            Action::dec_ttl(),
            Action::output(PortNo(3)),
        ])],
    };
    let flows = (0..500).map(flow).collect();
    Message::MultipartReply(MultipartReply::new(Reply::Flow(flows), more))
}
