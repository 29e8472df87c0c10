//! What a host costs that does nothing: tens of thousands of them live in one world. It is a process of its own because
//! it counts what the process allocates.

use std::alloc::System;

use rust_openflow::MacAddr;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use weft_simulations::host::{Addressing, Host, Service};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HOSTS: u32 = 1000;

/// A host with two addresses and two servers, after all that a boot takes.
fn idle(number: u32) -> Host {
    let [_, _, c, d] = number.to_be_bytes();
    let mut host = Host::new(MacAddr([2, 0, 0, 0, c, d]), number.into());
    let addressing = Addressing::Static {
        addresses: vec![
            format!("10.0.{c}.{d}/8").parse().unwrap(),
            format!("2001:db8::{c}:{d}/64").parse().unwrap(),
        ],
        routes: vec![],
        mtu: None,
    };
    host.boot(&addressing, 0);
    host.serve(Service::UdpSink, 9000, 0);
    host.serve(Service::TcpSink, 9000, 0);
    while let Some(at) = host.next_timeout() {
        host.advance(at);
        while host.next_frame().is_some() {}
        while host.next_event().is_some() {}
    }
    host
}

#[test]
fn an_idle_host_needs_no_time_and_little_memory() {
    let region = Region::new(ALLOCATOR);
    let mut hosts = Vec::with_capacity(HOSTS as usize);
    hosts.extend((1..=HOSTS).map(idle));
    let change = region.change();
    let each = (change.bytes_allocated - change.bytes_deallocated) / hosts.len();
    println!("{each} bytes per idle host");
    assert!(each < 4096, "{each}");
    assert!(hosts.iter().all(|host| host.next_timeout().is_none()));
}
