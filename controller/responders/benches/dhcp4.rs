//! What a DHCPDISCOVER costs, from the frame that came to the frame that goes. It measures one
//! core and no switch.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::Criterion;
use rust_openflow::MacAddr;
use weft_responders::Responder;
use weft_responders::dhcp4::{DEFAULT_LEASE_SECONDS, Facts};
use weft_responders::frame::Udp4;

const MAC: MacAddr = MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0x05]);

fn facts() -> Facts {
    Facts {
        mac: MAC,
        address: Ipv4Addr::new(10, 0, 0, 5),
        subnet: "10.0.0.0/24".parse().expect("a subnet"),
        gateway: Some(Ipv4Addr::new(10, 0, 0, 1)),
        server_mac: MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0x02]),
        server_ip: Ipv4Addr::new(10, 0, 0, 2),
        dns: vec![Ipv4Addr::new(8, 8, 8, 8)],
        host_routes: vec![(
            "192.0.2.0/24".parse().expect("a subnet"),
            Ipv4Addr::new(10, 0, 0, 254),
        )],
        mtu: 1450,
        lease_seconds: DEFAULT_LEASE_SECONDS,
        domain: None,
        hostname: None,
    }
}

/// A DHCPDISCOVER with the parameter request list of a common client.
fn discover() -> Vec<u8> {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[28..34].copy_from_slice(&MAC.0);
    message.extend([99, 130, 83, 99]);
    message.extend([53, 1, 1]);
    message.extend([55, 8, 1, 3, 6, 12, 15, 26, 28, 121]);
    message.push(255);
    Udp4 {
        source_mac: MAC,
        destination_mac: MacAddr::BROADCAST,
        source: Ipv4Addr::UNSPECIFIED,
        destination: Ipv4Addr::BROADCAST,
        source_port: 68,
        destination_port: 67,
        payload: &message,
    }
    .to_frame()
    .expect("a datagram")
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (facts, discover) = (facts(), discover());
    assert!(facts.respond(&discover).frame.is_some());
    criterion.bench_function("dhcp4: DHCPDISCOVER to DHCPOFFER", |bencher| {
        bencher.iter(|| facts.respond(black_box(&discover)));
    });
    criterion.final_summary();
}
