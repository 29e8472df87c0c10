//! What encoding and decoding typical messages costs.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rust_openflow::message::{FlowMod, NO_BUFFER, PacketIn, PacketIn2, PacketInReason, Received};
use rust_openflow::{Action, Field, Instruction, Match, Message, PortNo, TableId, Version};

/// Four fields and four actions, as a flow that sends to a tunnel has.
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

fn codec(c: &mut Criterion) {
    for (name, message) in [("flow_mod", flow_mod()), ("packet_in", packet_in())] {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for version in [Version::V1_3, Version::V1_5] {
            let bytes = message.encode(version, 1).expect("the version can say it");
            group.bench_function(format!("encode {version}"), |b| {
                b.iter(|| black_box(&message).encode(version, 1));
            });
            group.bench_function(format!("decode {version}"), |b| {
                b.iter(|| Message::decode(black_box(&bytes)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
