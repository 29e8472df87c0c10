//! A packet as the pipeline sees it: fields read from the frame, and those that only the switch
//! knows (ports, tunnel, registers, connection).
//!
//! What fields there are is in [`crate::fields`], how a frame is read in [`crate::parse`], how fields are
//! written back in [`crate::rewrite`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rust_openflow::field::{Field, Prerequisite, ROWS};
use rust_openflow::{FieldValue, PortNo};

use crate::conntrack::{self, Tracked};
use crate::fields::{self, Access, Header, registers};
use crate::parse::{self, Layout};

/// What travels in the outer headers of a tunnelled frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tunnel {
    /// The key or VNI.
    pub id: u64,
    /// The outer source.
    pub source: Option<IpAddr>,
    /// The outer destination.
    pub destination: Option<IpAddr>,
    /// What only some encapsulations have.
    pub options: TunnelOptions,
}

macro_rules! tunnel_options {
    ($($field:ident $name:ident: $kind:ty, $doc:literal;)*) => {
        /// What only some encapsulations have room for; zero when it is not there.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct TunnelOptions {
            $(#[doc = $doc] pub $name: $kind,)*
        }

        impl TunnelOptions {
            fn put(&self, packet: &mut Packet) {
                $(packet.put(Field::$field, u128::from(self.$name) & Field::$field.full_mask());)*
            }

            fn of(packet: &Packet) -> Self {
                // Values have no more bits than their fields, and these have no more than the types.
                Self { $($name: packet.value(Field::$field) as $kind,)* }
            }
        }
    };
}

tunnel_options! {
    TunFlags flags: u16, "Flags of the tunnel header: 1 for maintenance (OAM).";
    TunGbpId policy: u16, "VXLAN group policy id.";
    TunGbpFlags policy_flags: u8, "VXLAN group policy flags.";
    ErspanVer erspan_version: u8, "ERSPAN version, 1 or 2.";
    ErspanIdx erspan_index: u32, "ERSPAN index, in version 1.";
    ErspanDir erspan_direction: u8, "ERSPAN direction, in version 2.";
    ErspanHwid erspan_hardware: u8, "ERSPAN hardware id, in version 2.";
    GtpuFlags gtpu_flags: u8, "Flags of the GTP-U header.";
    GtpuMsgtype gtpu_message: u8, "Type of the GTP-U message.";
}

/// A packet on its way through the tables.
#[derive(Debug, Clone)]
pub struct Packet {
    pub(crate) frame: Vec<u8>,
    pub(crate) values: [u128; ROWS.len()],
    pub(crate) layout: Layout,
    /// What connection tracking found out of it.
    pub(crate) tracked: Tracked,
    /// How many VLAN tags are read; what follows is an Ethernet type like others.
    pub(crate) vlan_limit: u8,
}

impl Packet {
    /// Behind how many VLAN tags a packet is read unless more is wanted, as in Open vSwitch
    /// (`other_config:vlan-limit`). A tag behind these is an Ethernet type like others.
    pub const VLAN_LIMIT: u8 = 1;

    /// A frame that comes in; registers and metadata are zero.
    #[must_use]
    pub fn new(in_port: PortNo, tunnel: Tunnel, frame: &[u8]) -> Self {
        Self::behind_tags(in_port, tunnel, frame, Self::VLAN_LIMIT)
    }

    /// A frame that comes in and is read behind so many VLAN tags; 0 for any number.
    #[must_use]
    pub fn behind_tags(in_port: PortNo, tunnel: Tunnel, frame: &[u8], vlan_limit: u8) -> Self {
        let mut packet = Self {
            frame: frame.to_vec(),
            values: [0; ROWS.len()],
            layout: Layout::default(),
            tracked: Tracked::default(),
            vlan_limit: if vlan_limit == 0 { u8::MAX } else { vlan_limit },
        };
        packet.put(Field::InPort, in_port.0);
        packet.put(Field::TunnelId, tunnel.id);
        for (address, v4, v6) in [
            (tunnel.source, Field::TunSrc, Field::TunIpv6Src),
            (tunnel.destination, Field::TunDst, Field::TunIpv6Dst),
        ] {
            match address {
                Some(IpAddr::V4(address)) => packet.put(v4, address.to_bits()),
                Some(IpAddr::V6(address)) => packet.put(v6, address.to_bits()),
                None => {}
            }
        }
        tunnel.options.put(&mut packet);
        packet.parse();
        // What stood behind that is no tag even when those before it go.
        packet.vlan_limit = packet.layout.tags;
        packet
    }

    /// The frame as it is now.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The port that it came in by.
    #[must_use]
    pub fn in_port(&self) -> PortNo {
        // Values have no more bits than their fields.
        PortNo(self.value(Field::InPort) as u32)
    }

    /// The tunnel metadata as it is now. An IPv4 address goes before an IPv6 address.
    #[must_use]
    pub fn tunnel(&self) -> Tunnel {
        let address = |v4, v6| match (self.value(v4), self.value(v6)) {
            (0, 0) => None,
            (0, v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6))),
            (v4, _) => Some(IpAddr::V4(Ipv4Addr::from_bits(v4 as u32))),
        };
        Tunnel {
            id: self.value(Field::TunnelId) as u64,
            source: address(Field::TunSrc, Field::TunIpv6Src),
            destination: address(Field::TunDst, Field::TunIpv6Dst),
            options: TunnelOptions::of(self),
        }
    }

    /// A field's value; none when the packet has no such field. A field of a header that could not be
    /// read is zero.
    #[inline]
    #[must_use]
    pub fn get(&self, field: Field) -> Option<u128> {
        if let Some((first, count)) = registers(field) {
            let parts = &self.values[first as usize..first as usize + count];
            return Some(parts.iter().fold(0, |value, part| value << 32 | part));
        }
        self.has(field).then(|| self.value(field))
    }

    /// Whether the packet agrees with what is asked of a field.
    #[must_use]
    pub fn agrees(&self, asked: &FieldValue) -> bool {
        let mask = asked.significant();
        self.matched(asked.field)
            .is_some_and(|value| value & mask == asked.value & mask)
    }

    /// What a match sees of a field: like [`Self::get`], but what is told of connections also in packets that are only
    /// related to one, which actions do not see.
    #[inline]
    pub(crate) fn matched(&self, field: Field) -> Option<u128> {
        use Prerequisite::{CtIp, CtIpv4, CtIpv6};
        match field.row().prerequisite {
            CtIp | CtIpv4 | CtIpv6 => Some(self.value(field)),
            _ => self.get(field),
        }
    }

    /// Whether actions can set a field.
    #[must_use]
    pub fn writable(field: Field) -> bool {
        fields::access(field) == Some(Access::Write)
    }

    pub(crate) fn value(&self, field: Field) -> u128 {
        self.values[field as usize]
    }

    pub(crate) fn put(&mut self, field: Field, value: impl Into<u128>) {
        self.values[field as usize] = value.into();
    }

    /// Does something with the packet as flows match it: with fragments the ports of transport protocols are not there
    /// (OpenFlow 1.5.1, 7.3.2, `OFPC_FRAG_NORMAL`), not even those of a first fragment, which actions see.
    pub(crate) fn as_matched<T>(&mut self, with: impl FnOnce(&mut Self) -> T) -> T {
        if self.value(Field::IpFrag) == 0 {
            return with(self);
        }
        let ports = Self::PORTS.map(|field| std::mem::take(&mut self.values[field as usize]));
        let done = with(self);
        for (field, port) in Self::PORTS.into_iter().zip(ports) {
            self.put(field, port);
        }
        done
    }

    /// The ports of transport protocols, and what stands in their place in ICMP.
    const PORTS: [Field; 10] = [
        Field::TcpSrc,
        Field::TcpDst,
        Field::UdpSrc,
        Field::UdpDst,
        Field::SctpSrc,
        Field::SctpDst,
        Field::Icmpv4Type,
        Field::Icmpv4Code,
        Field::Icmpv6Type,
        Field::Icmpv6Code,
    ];

    /// Whether the headers that a field needs are there (ovs-fields(7), "Prerequisites").
    #[inline]
    pub(crate) fn has(&self, field: Field) -> bool {
        let needed = field.row().prerequisite;
        if needed == Prerequisite::None {
            return fields::access(field).is_some();
        }
        self.satisfies(needed)
    }

    fn satisfies(&self, needed: Prerequisite) -> bool {
        let kind = self.value(Field::EthType) as u16;
        let ip = kind == parse::IPV4 || kind == parse::IPV6;
        let carries = |protocol: u8| ip && self.value(Field::IpProto) == u128::from(protocol);
        let icmpv6 = || kind == parse::IPV6 && carries(parse::ICMPV6);
        let message = |of: &[u8]| {
            let kind = self.value(Field::Icmpv6Type);
            icmpv6() && of.iter().any(|n| kind == u128::from(*n))
        };
        let tracked = || conntrack::is_known(self);
        match needed {
            Prerequisite::None => true,
            Prerequisite::Arp => kind == parse::ARP || kind == parse::RARP,
            Prerequisite::Ipv4 => kind == parse::IPV4,
            Prerequisite::Ipv6 => kind == parse::IPV6,
            Prerequisite::Ip => ip,
            Prerequisite::Mpls => parse::MPLS.contains(&kind),
            Prerequisite::Tcp => carries(parse::TCP),
            Prerequisite::Udp => carries(parse::UDP),
            Prerequisite::Sctp => carries(parse::SCTP),
            Prerequisite::Icmpv4 => kind == parse::IPV4 && carries(parse::ICMP),
            Prerequisite::Icmpv6 => icmpv6(),
            Prerequisite::NeighbourDiscovery => {
                message(&[parse::SOLICITATION, parse::ADVERTISEMENT])
            }
            Prerequisite::NeighbourSolicitation => message(&[parse::SOLICITATION]),
            Prerequisite::NeighbourAdvertisement => message(&[parse::ADVERTISEMENT]),
            Prerequisite::Vlan => self.layout.at(Header::Vlan).is_some(),
            Prerequisite::Pbb => kind == parse::PBB,
            Prerequisite::Nsh => kind == parse::NSH,
            Prerequisite::CtIpv4 => kind == parse::IPV4 && tracked(),
            Prerequisite::CtIpv6 => kind == parse::IPV6 && tracked(),
            Prerequisite::CtIp => ip && tracked(),
        }
    }
}
