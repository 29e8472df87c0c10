//! What decoding asks the allocator for: nothing where a message has one size, and never much more than the message
//! itself takes.
//!
//! The allocator counts for the whole process, so this file has one test, and of several counts the least is taken:
//! the harness may allocate meanwhile.

use std::alloc::System;
use std::collections::BTreeSet;

use bytes::Bytes;
use rust_openflow::message::{Kind, ROWS};
use rust_openflow::record::Dice;
use rust_openflow::{Message, Version};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Messages of a kind, made up from different bytes.
fn made_up(kind: Kind, version: Version) -> Vec<Bytes> {
    let mut seed = 1_u64;
    let mut byte = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let mut one = || {
        let choices: Vec<u8> = (0..600).map(|_| byte()).collect();
        let message = Message::generate(kind, &mut Dice::new(&choices), version);
        message.encode(version, 7).ok()
    };
    (0..60).filter_map(|_| one()).collect()
}

/// What decoding asked for, and whether there was a message.
fn decoding(bytes: &Bytes) -> (Stats, bool) {
    let region = Region::new(ALLOCATOR);
    let decoded = Message::decode(bytes);
    let stats = region.change();
    (stats, decoded.is_ok())
}

/// The least number of allocations.
fn allocations(bytes: &Bytes) -> usize {
    let count = |_| {
        let (stats, is_ok) = decoding(bytes);
        assert!(is_ok, "{bytes:02x?}");
        stats.allocations + stats.reallocations
    };
    (0..5).map(count).min().unwrap_or_default()
}

#[test]
fn messages_of_one_size_are_decoded_without_allocating() {
    let mut without = BTreeSet::new();
    let mut with = BTreeSet::new();
    for row in ROWS {
        for version in Version::ALL {
            let messages = made_up(row.kind, version);
            let lengths: BTreeSet<usize> = messages.iter().map(Bytes::len).collect();
            if lengths.len() == 1 {
                let free = messages.iter().all(|bytes| allocations(bytes) == 0);
                let sort = if free { &mut without } else { &mut with };
                sort.insert((row.name, version.name()));
            }
        }
    }
    assert_eq!(with, BTreeSet::new());
    for message in [
        ("role_request", "1.3"),
        ("barrier_reply", "1.3"),
        ("get_config_reply", "1.3"),
        ("port_mod", "1.3"),
        // What is a list in later versions, and here.
        ("set_async", "1.3"),
        ("flow_removed", "1.0"),
    ] {
        assert!(without.contains(&message), "{message:?}: {without:?}");
    }
}
