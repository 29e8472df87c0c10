//! A DHCP client for the tests: what it sends, and how it reads what comes back.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder};
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use rust_openflow::MacAddr;
use weft_responders::dhcp4::Facts;
use weft_responders::{Event, Reply};

pub(crate) const CLIENT_MAC: MacAddr = MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0x05]);
pub(crate) const SERVER_MAC: MacAddr = MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0x02]);

/// 10.0.0.5/24 behind 10.0.0.1, served by 10.0.0.2.
pub(crate) fn facts() -> Facts {
    Facts {
        mac: CLIENT_MAC,
        address: Ipv4Addr::new(10, 0, 0, 5),
        subnet: "10.0.0.0/24".parse().unwrap(),
        gateway: Some(Ipv4Addr::new(10, 0, 0, 1)),
        server_mac: SERVER_MAC,
        server_ip: Ipv4Addr::new(10, 0, 0, 2),
        dns: vec![Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(8, 8, 4, 4)],
        host_routes: vec![(
            "10.229.128.0/17".parse().unwrap(),
            Ipv4Addr::new(10, 0, 0, 254),
        )],
        mtu: 1450,
        lease_seconds: 86_400,
        domain: None,
        hostname: None,
    }
}

/// Bytes from a text of hex digits, where `#` begins a comment and `@N` stands for N zeros.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let words = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    words
        .flat_map(|word| match word.strip_prefix('@') {
            Some(zeros) => vec![0; zeros.parse().unwrap()],
            None => vec![u8::from_str_radix(word, 16).unwrap()],
        })
        .collect()
}

/// A broadcast frame from an unconfigured client to the server's port.
pub(crate) fn datagram(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(CLIENT_MAC.0, [0xff; 6])
        .ipv4([0; 4], [255; 4], 64)
        .udp(68, 67)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// A message to send.
pub(crate) struct Client {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) op: u8,
    pub(crate) hardware: (u8, u8),
    pub(crate) flags: u16,
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) giaddr: Ipv4Addr,
    pub(crate) chaddr: MacAddr,
    pub(crate) sname: [u8; 64],
    pub(crate) file: [u8; 128],
    pub(crate) options: Vec<(u8, Vec<u8>)>,
    /// Bytes after the options, in place of the end mark.
    pub(crate) tail: Vec<u8>,
    /// In place of magic cookie, options and tail.
    pub(crate) vendor: Option<Vec<u8>>,
}

impl Client {
    /// A broadcast message of this type, with no other option.
    pub(crate) fn new(message_type: u8) -> Self {
        Self {
            source: Ipv4Addr::UNSPECIFIED,
            destination: Ipv4Addr::BROADCAST,
            port: 67,
            op: 1,
            hardware: (1, 6),
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: CLIENT_MAC,
            sname: [0; 64],
            file: [0; 128],
            options: vec![(53, vec![message_type])],
            tail: vec![255],
            vendor: None,
        }
    }

    /// With these options too.
    pub(crate) fn with(mut self, options: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Self {
        self.options.extend(options);
        self
    }

    /// The Ethernet frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let (htype, hlen) = self.hardware;
        let mut message = vec![self.op, htype, hlen, 0, 1, 2, 3, 4, 0, 0];
        message.extend(self.flags.to_be_bytes());
        message.extend(self.ciaddr.octets());
        message.extend([0; 8]);
        message.extend(self.giaddr.octets());
        message.extend(self.chaddr.0);
        message.extend([0; 10]);
        message.extend(self.sname);
        message.extend(self.file);
        match &self.vendor {
            Some(vendor) => message.extend(vendor),
            None => {
                message.extend([99, 130, 83, 99]);
                for (code, value) in &self.options {
                    message.extend([*code, u8::try_from(value.len()).unwrap()]);
                    message.extend(value);
                }
                message.extend(&self.tail);
            }
        }
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(self.chaddr.0, [0xff; 6])
            .ipv4(self.source.octets(), self.destination.octets(), 64)
            .udp(68, self.port)
            .write(&mut frame, &message)
            .unwrap();
        frame
    }
}

/// An answer that came back.
pub(crate) struct Got {
    pub(crate) event: Event,
    pub(crate) source: (MacAddr, Ipv4Addr),
    pub(crate) destination: (MacAddr, Ipv4Addr),
    pub(crate) payload: Vec<u8>,
    pub(crate) message: Message,
}

impl Got {
    /// Reads the answer; ports and checksums must be right.
    pub(crate) fn read(reply: &Reply) -> Self {
        let frame = reply.frame.as_deref().expect("an answer");
        let packet = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(TransportSlice::Udp(udp)) = &packet.transport else {
            panic!("not UDP: {packet:?}");
        };
        assert_eq!((udp.source_port(), udp.destination_port()), (67, 68));
        assert_eq!(sum(&frame[14..34]), 0xffff, "IPv4 checksum");
        let length = u16::try_from(frame.len() - 34).unwrap();
        let pseudo = [
            &frame[26..34],
            &[0, 17],
            &length.to_be_bytes(),
            &frame[34..],
        ]
        .concat();
        assert_eq!(sum(&pseudo), 0xffff, "UDP checksum");
        let mac = |at: usize| MacAddr(frame[at..at + 6].try_into().unwrap());
        let ip = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).unwrap());
        let payload = udp.payload().to_vec();
        let message = Message::decode(&mut Decoder::new(&payload)).unwrap();
        Self {
            event: reply.event.clone(),
            source: (mac(6), ip(26)),
            destination: (mac(0), ip(30)),
            payload,
            message,
        }
    }

    pub(crate) fn message_type(&self) -> MessageType {
        self.message.opts().msg_type().expect("option 53")
    }

    pub(crate) fn option(&self, code: OptionCode) -> Option<&DhcpOption> {
        self.message.opts().get(code)
    }

    /// Options as they stand, before the end mark, which must be there.
    fn parts(&self) -> Vec<(u8, &[u8])> {
        let mut rest = &self.payload[240..];
        let mut parts = Vec::new();
        while rest[0] != 255 {
            let end = 2 + usize::from(rest[1]);
            parts.push((rest[0], &rest[2..end]));
            rest = &rest[end..];
        }
        assert!(rest[1..].iter().all(|byte| *byte == 0), "padding");
        parts
    }

    /// The codes of the options in their order.
    pub(crate) fn codes(&self) -> Vec<u8> {
        self.parts().into_iter().map(|(code, _)| code).collect()
    }

    /// The value of an option, its parts joined.
    pub(crate) fn raw(&self, code: u8) -> Vec<u8> {
        let parts = self.parts().into_iter();
        parts
            .filter(|part| part.0 == code)
            .flat_map(|part| part.1.to_vec())
            .collect()
    }
}

/// The one's complement sum of RFC 1071; all ones when it includes a right checksum.
fn sum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut total: u32 = bytes.chunks(2).map(word).sum();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::try_from(total).unwrap()
}
