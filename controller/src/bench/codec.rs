//! What encoding and decoding typical messages costs.

use std::hint::black_box;

use bytes::Bytes;
use rust_openflow::message::{FlowMod, NO_BUFFER, PacketIn, PacketIn2, PacketInReason, Received};
use rust_openflow::{
    Action, EncodeError, Field, Instruction, Match, Message, PortNo, TableId, Version,
};

use super::figures::{Budget, Figure, Sample, Section};
use super::machine;

/// How many times a message is coded between two looks at the clock, and how many such rounds.
const TIMES: u32 = 20_000;
const ROUNDS: u32 = 25;

/// Measures.
pub(super) fn run() -> Result<Section, EncodeError> {
    let mut figures = Vec::new();
    let budget = Some(Budget::Below(200.0));
    for (name, message, budget) in [
        ("flow_mod", flow_mod(), budget),
        ("packet_in", packet_in(), None),
    ] {
        for version in [Version::V1_3, Version::V1_5] {
            let bytes = message.encode(version, 1)?;
            let encode = nanoseconds(|| message.encode(version, black_box(1)).is_ok());
            let decode = nanoseconds(|| Message::decode(black_box(&bytes)).is_ok());
            for (verb, value) in [("encode", encode), ("decode", decode)] {
                let figure = Figure::new(format!("{verb} {name}, {version}"), value, "ns");
                figures.push(match budget {
                    Some(budget) => figure.within(budget),
                    None => figure,
                });
            }
        }
    }
    Ok(Section {
        title: "Coding OpenFlow",
        how: format!(
            "A flow_mod of four fields and four actions, and a packet_in of 342 bytes with three \
             fields: CPU time of one, median of {ROUNDS} rounds of {TIMES}."
        ),
        command: "weft bench codec".to_owned(),
        figures,
    })
}

/// The CPU time of one call.
fn nanoseconds(mut call: impl FnMut() -> bool) -> f64 {
    let mut sample = Sample::default();
    for _ in 0..ROUNDS {
        let start = machine::thread_cpu();
        for _ in 0..TIMES {
            black_box(call());
        }
        sample.push(machine::thread_cpu().saturating_sub(start) / TIMES);
    }
    sample.median() * 1e9
}

/// As a flow that sends to a tunnel is.
fn flow_mod() -> Message {
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
    Message::FlowMod(FlowMod::add(
        TableId(3),
        100,
        matches,
        instructions,
        0x1122_3344,
    ))
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
