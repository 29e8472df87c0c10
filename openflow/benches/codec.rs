//! What encoding and decoding usual messages costs, and reading and printing a flow.

mod samples;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rust_openflow::text::{Names, parse_flow, print_flow};
use rust_openflow::{Message, Version};

fn codec(c: &mut Criterion) {
    for (name, messages) in samples::messages().expect("a flow") {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for version in [Version::V1_3, Version::V1_5] {
            let encode = |message: &Message| message.encode(version, 1);
            let bytes = messages.iter().map(encode).collect::<Result<Vec<_>, _>>();
            let bytes = bytes.expect("the version can say it");
            group.bench_function(format!("encode {version}"), |b| {
                b.iter(|| {
                    black_box(&messages)
                        .iter()
                        .for_each(|message| drop(black_box(encode(message))))
                });
            });
            group.bench_function(format!("decode {version}"), |b| {
                b.iter(|| {
                    black_box(&bytes)
                        .iter()
                        .for_each(|bytes| drop(black_box(Message::decode(bytes))))
                });
            });
        }
        group.finish();
    }
}

fn text(c: &mut Criterion) {
    let names = Names::default();
    let flow = samples::flow();
    let line = print_flow(&flow, &names);
    let mut group = c.benchmark_group("text");
    group.bench_function("print flow", |b| {
        b.iter(|| print_flow(black_box(&flow), &names));
    });
    group.bench_function("parse flow", |b| {
        b.iter(|| parse_flow(black_box(&line), &names));
    });
    group.bench_function("parse flow with ct and nat", |b| {
        b.iter(|| parse_flow(black_box(samples::NAT), &names));
    });
    group.finish();
}

criterion_group!(benches, codec, text);
criterion_main!(benches);
