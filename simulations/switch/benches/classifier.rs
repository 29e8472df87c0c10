//! What a lookup costs by the number of flows of one shape, and by the number of shapes; and what adding and
//! removing a flow costs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rust_openflow::{Field, Match, PortNo};
use weft_switch::classifier::{Classifier, Key};
use weft_switch::{Packet, Tunnel};

fn packet(metadata: u64) -> Packet {
    let mut frame = vec![2; 12];
    frame.extend([0x88, 0xb5]);
    frame.resize(60, 0);
    let mut packet = Packet::new(PortNo(1), Tunnel::default(), &frame);
    packet.set(Field::Metadata, u128::from(metadata), u128::MAX);
    packet
}

fn of_network(metadata: u64, mac: u64) -> Key {
    let matches = Match::any()
        .with(Field::Metadata, metadata)
        .with(Field::EthDst, mac);
    Key::of(&matches)
}

/// A table of so many flows of one shape.
fn flat(count: u64) -> Classifier<u64> {
    let mut classifier = Classifier::default();
    for n in 0..count {
        classifier.insert(of_network(n, 0x0202_0202_0202), 100, [].into(), n);
    }
    classifier
}

/// A table of so many shapes, with a flow each, of which the last agrees.
fn steep(count: u32) -> Classifier<u64> {
    let mut classifier = Classifier::default();
    for n in 0..count {
        let matches = Match::any().with_masked(Field::Reg0, 0_u32, u32::MAX << n);
        let matches = matches.with(Field::Reg1, u32::from(n + 1 < count));
        classifier.insert(Key::of(&matches), 100, [].into(), u64::from(n));
    }
    classifier
}

fn lookups(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup, flows of one shape");
    for count in [100, 10_000, 100_000] {
        let classifier = flat(count);
        let mut packet = packet(count / 2);
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| classifier.lookup(black_box(&mut packet)));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("lookup, shapes");
    for count in [1, 8, 32] {
        let classifier = steep(count);
        let mut packet = packet(0);
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| classifier.lookup(black_box(&mut packet)));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("add and remove, flows of one shape");
    for count in [100, 100_000] {
        let mut classifier = flat(count);
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                classifier.insert(of_network(7, 8), 100, [].into(), 9);
                classifier.remove(&of_network(7, 8), 100)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lookups);
criterion_main!(benches);
