//! Whatever comes, a host goes on: no panic, bounded memory, bounded time.

use proptest::prelude::*;
use weft_simulations::host::{Addressing, Exchange, Host, SECOND, Service};

use crate::wire::{GOOD, Wire, fixed, mac};

/// Hosts in the middle of everything, and the frames of their history.
fn busy() -> Wire {
    let mut wire = Wire::up(2, GOOD, 1);
    for number in 0..2 {
        let now = wire.now;
        let host = &mut wire.hosts[number];
        host.serve(Service::TcpEcho, 7, now);
        host.serve(Service::TcpSource, 8, now);
        host.serve(Service::UdpEcho, 7, now);
    }
    for to in ["10.0.0.2:7", "[2001:db8::2]:7"] {
        let to: std::net::SocketAddr = to.parse().unwrap();
        let now = wire.now;
        let ask = Exchange::Ask {
            count: 3,
            bytes: 100,
            interval: SECOND,
        };
        wire.hosts[0].connect(to, ask, now);
        wire.hosts[0].stream(1, to, SECOND / 5, 100, 10, now);
        wire.hosts[0].ping(to.ip(), 3, SECOND, now);
    }
    wire.run_for(2 * SECOND);
    wire
}

/// Lets a host live for a while after what it got.
fn live(host: &mut Host, now: u64) {
    let mut now = now;
    for _ in 0..200 {
        while host.next_frame().is_some() {}
        while host.next_event().is_some() {}
        let Some(at) = host.next_timeout() else { break };
        now = now.max(at);
        host.advance(now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_frames_do_no_harm(
        frames in proptest::collection::vec(
            (0..4_usize, proptest::collection::vec(any::<u8>(), 0..200)), 1..20),
    ) {
        let types = [[8, 0], [8, 6], [0x86, 0xdd], [0x81, 0]];
        let mut host = Host::new(mac(0), 1);
        host.boot(&Addressing::Automatic, 0);
        for (number, (kind, rest)) in frames.iter().enumerate() {
            let mut frame = mac(0).0.to_vec();
            frame.extend(mac(1).0);
            frame.extend(types[*kind]);
            frame.extend(rest);
            host.receive(&frame, number as u64);
            host.receive(rest, number as u64);
        }
        live(&mut host, 100);
    }

    #[test]
    fn frames_that_were_changed_on_their_way_do_no_harm(
        changes in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut wire = busy();
        let frames: Vec<Vec<u8>> = wire.frames.iter().map(|(_, _, f)| f.clone()).collect();
        for (frame, place, byte, cut, to) in changes {
            let mut frame = frame.get(&frames).clone();
            let place = place.index(frame.len());
            frame[place] = byte;
            if cut {
                frame.truncate(place);
            }
            checksums(&mut frame);
            let now = wire.now;
            wire.hosts[usize::from(to)].receive(&frame, now);
        }
        let now = wire.now;
        for host in &mut wire.hosts {
            live(host, now);
        }
    }
}

/// Makes the checksums right again, so that the change is looked at.
fn checksums(frame: &mut [u8]) {
    use etherparse::{LaxPacketHeaders, TransportHeader};
    let Ok(headers) = LaxPacketHeaders::from_ethernet(frame) else {
        return;
    };
    let Some(net) = headers.net.clone() else {
        return;
    };
    let payload = headers.payload.slice().to_vec();
    let Some(mut transport) = headers.transport.clone() else {
        return;
    };
    let mut out = frame[..14].to_vec();
    match &net {
        etherparse::NetHeaders::Ipv4(ip, _) => {
            let _ = transport.update_checksum_ipv4(ip, &payload);
            let _ = ip.write(&mut out);
        }
        etherparse::NetHeaders::Ipv6(ip, _) => {
            let _ = transport.update_checksum_ipv6(ip, &payload);
            let _ = ip.write(&mut out);
        }
        etherparse::NetHeaders::Arp(_) => return,
    }
    let _ = match &transport {
        TransportHeader::Udp(header) => header.write(&mut out),
        TransportHeader::Tcp(header) => header.write(&mut out),
        TransportHeader::Icmpv4(header) => header.write(&mut out),
        TransportHeader::Icmpv6(header) => header.write(&mut out),
        TransportHeader::Igmp(_) => return,
    };
    let length = out.len().min(frame.len());
    frame[..length].copy_from_slice(&out[..length]);
}

#[test]
fn nothing_grows_without_bound() {
    let mut host = Host::new(mac(0), 1);
    host.boot(&fixed(0), 0);
    host.advance(3 * SECOND);
    host.advance(5 * SECOND);
    host.capture(10);
    host.serve(Service::TcpSink, 80, 5 * SECOND);
    // 20,000 different clients open a connection each, and say nothing more.
    for number in 0..20_000_u32 {
        let mut frame = Vec::new();
        let [a, b, c, d] = number.to_be_bytes();
        etherparse::PacketBuilder::ethernet2([2, 0, a, b, c, d], mac(0).0)
            .ipv4([10, 1, c, d], [10, 0, 0, 1], 64)
            .tcp(1024, 80, number, 1000)
            .syn()
            .write(&mut frame, &[])
            .unwrap();
        host.receive(&frame, 5 * SECOND);
    }
    assert_eq!(host.captured().len(), 10);
    let mut frames = 0;
    while host.next_frame().is_some() {
        frames += 1;
    }
    assert!(frames <= 4096, "{frames}");
}
