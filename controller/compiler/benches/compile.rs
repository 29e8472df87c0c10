//! What compiling costs: a small cloud from nothing, a hypervisor's program, and one port more.
//! `weft bench compile` measures large clouds and memory.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use weft_compiler::{Compiler, Input, Production, Secret};

#[path = "../../src/bench/cloud.rs"]
#[expect(unreachable_pub, reason = "it is public where it comes from")]
mod cloud;

use cloud::Cloud;

const CLOUD: Cloud = Cloud {
    hypervisors: 50,
    ports: 1_000,
    networks: 50,
};

fn everything() -> Input {
    Input {
        changes: CLOUD.changes(),
        manage: CLOUD.chassis().collect(),
        release: Vec::new(),
    }
}

fn compiler() -> Compiler<Production> {
    Compiler::new(Production, Secret::new([7; 16]))
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("1,000 ports");
    group.sample_size(20);
    group.bench_function("from nothing", |b| {
        b.iter_batched(
            || (compiler(), everything()),
            |(mut compiler, everything)| {
                compiler.update(everything);
                compiler
            },
            BatchSize::PerIteration,
        );
    });
    let mut compiler = compiler();
    compiler.update(everything());
    let first = CLOUD.chassis().next().expect("a hypervisor");
    assert!(CLOUD.ports_per_network() < CLOUD.hypervisors);
    group.bench_function("program of a hypervisor", |b| {
        b.iter(|| compiler.program(black_box(&first)));
    });
    for (name, where_it_is) in [("in its place", true), ("in a new place", false)] {
        let more = CLOUD.port_more(0, where_it_is);
        group.bench_function(format!("a port more {name}, and without it again"), |b| {
            b.iter(|| {
                for changes in [more.to_vec(), Cloud::without(&more)] {
                    compiler.update(Input {
                        changes,
                        ..Input::default()
                    });
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, compile);
criterion_main!(benches);
