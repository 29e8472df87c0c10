//! Packets between two ends, with right checksums. Shares no code with the switch, so that it can judge it.

use std::net::IpAddr;

/// What a packet carries.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Tcp {
        ports: (u16, u16),
        /// Of `FSRPAU`.
        flags: &'static str,
        sequence: u32,
        acknowledged: u32,
        window: u16,
        options: Vec<u8>,
        data: Vec<u8>,
    },
    Udp {
        ports: (u16, u16),
        data: Vec<u8>,
    },
    /// Of the addresses' version of IP: type, code, the four bytes behind the checksum.
    Icmp {
        kind: u8,
        code: u8,
        rest: [u8; 4],
        data: Vec<u8>,
    },
    Other {
        protocol: u8,
        data: Vec<u8>,
    },
}

/// A packet.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) content: Content,
}

/// A TCP segment without options and data.
pub(crate) fn tcp(
    ports: (u16, u16),
    flags: &'static str,
    sequence: u32,
    acknowledged: u32,
) -> Content {
    Content::Tcp {
        ports,
        flags,
        sequence,
        acknowledged,
        window: 1000,
        options: Vec::new(),
        data: Vec::new(),
    }
}

pub(crate) fn udp(from: u16, to: u16) -> Content {
    Content::Udp {
        ports: (from, to),
        data: b"data".to_vec(),
    }
}

/// A query or an answer.
pub(crate) fn echo(kind: u8, id: u16) -> Content {
    let [high, low] = id.to_be_bytes();
    Content::Icmp {
        kind,
        code: 0,
        rest: [high, low, 0, 1],
        data: b"echo".to_vec(),
    }
}

impl Datagram {
    pub(crate) fn new(source: &str, destination: &str, content: Content) -> Self {
        let address = |text: &str| text.parse().expect("an address");
        Self {
            source: address(source),
            destination: address(destination),
            content,
        }
    }

    /// An ICMP error from somewhere about a packet, of which so many bytes are quoted.
    pub(crate) fn error(from: &str, kind: u8, about: &[u8], quoted: usize) -> Self {
        let packet = &about[14..];
        let source = match packet[0] >> 4 {
            4 => IpAddr::from([packet[12], packet[13], packet[14], packet[15]]),
            _ => IpAddr::from(<[u8; 16]>::try_from(&packet[8..24]).expect("an address")),
        };
        Self {
            source: from.parse().expect("an address"),
            destination: source,
            content: Content::Icmp {
                kind,
                code: 1,
                rest: [0; 4],
                data: packet[..packet.len().min(quoted)].to_vec(),
            },
        }
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        frame.extend(match self.source {
            IpAddr::V4(_) => [0x08, 0x00],
            IpAddr::V6(_) => [0x86, 0xdd],
        });
        let (protocol, message) = self.message();
        let length = message.len() as u16;
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = vec![0x45, 0];
                header.extend((length + 20).to_be_bytes());
                header.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
                header.extend(source.octets());
                header.extend(destination.octets());
                let sum = checksum(&header).to_be_bytes();
                header[10..12].copy_from_slice(&sum);
                frame.extend(header);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x60, 0, 0, 0]);
                frame.extend(length.to_be_bytes());
                frame.extend([protocol, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            _ => panic!("both ends have the same version"),
        }
        frame.extend(message);
        frame
    }

    /// The protocol, and what stands behind IP's header.
    fn message(&self) -> (u8, Vec<u8>) {
        let v6 = self.source.is_ipv6();
        let (protocol, at, mut message) = match &self.content {
            Content::Tcp {
                ports,
                flags,
                sequence,
                acknowledged,
                window,
                options,
                data,
            } => {
                let bits = flags
                    .chars()
                    .map(|flag| "FSRPAU".find(flag).expect("a flag"));
                let bits: u8 = bits.map(|bit| 1 << bit).sum();
                let mut header = [ports.0, ports.1].map(u16::to_be_bytes).concat();
                header.extend(sequence.to_be_bytes());
                header.extend(acknowledged.to_be_bytes());
                header.extend([((20 + options.len()) as u8 / 4) << 4, bits]);
                header.extend(window.to_be_bytes());
                header.extend([0; 4]);
                (6, Some(16), [&header, &options[..], data].concat())
            }
            Content::Udp { ports, data } => {
                let length = 8 + data.len() as u16;
                let header = [ports.0, ports.1, length, 0].map(u16::to_be_bytes).concat();
                (17, Some(6), [&header, &data[..]].concat())
            }
            Content::Icmp {
                kind,
                code,
                rest,
                data,
            } => {
                let header = [*kind, *code, 0, 0];
                let protocol = if v6 { 58 } else { 1 };
                (protocol, Some(2), [&header, &rest[..], data].concat())
            }
            Content::Other { protocol, data } => (*protocol, None, data.clone()),
        };
        if let Some(at) = at {
            let mut covered = if protocol == 1 {
                Vec::new()
            } else {
                self.pseudo(protocol, &message)
            };
            covered.extend(&message);
            let sum = match checksum(&covered) {
                0 if protocol == 17 => u16::MAX,
                sum => sum,
            };
            message[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        (protocol, message)
    }

    fn pseudo(&self, protocol: u8, message: &[u8]) -> Vec<u8> {
        let octets = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let mut pseudo = octets(self.source);
        pseudo.extend(octets(self.destination));
        pseudo.extend((message.len() as u32).to_be_bytes());
        pseudo.extend([0, 0, 0, protocol]);
        pseudo
    }
}

/// The fragments of a frame's packet, each with so many bytes of it at most, which is a multiple of eight.
pub(crate) fn fragments(frame: &[u8], size: usize) -> Vec<Vec<u8>> {
    let v6 = frame[12] == 0x86;
    let (head, data) = frame.split_at(if v6 { 54 } else { 34 });
    let pieces = data.chunks(size).enumerate().map(|(at, piece)| {
        let more = (at + 1) * size < data.len();
        let mut fragment = head.to_vec();
        if v6 {
            fragment[18..20].copy_from_slice(&(piece.len() as u16 + 8).to_be_bytes());
            fragment[20] = 44;
            let offset = (at * size) as u16 | u16::from(more);
            fragment.extend([head[20], 0]);
            fragment.extend(offset.to_be_bytes());
            fragment.extend([0, 0, 0, 77]);
        } else {
            let offset = (at * size / 8) as u16 | if more { 0x2000 } else { 0 };
            fragment[16..18].copy_from_slice(&(piece.len() as u16 + 20).to_be_bytes());
            fragment[20..22].copy_from_slice(&offset.to_be_bytes());
            fragment[24..26].fill(0);
            let sum = checksum(&fragment[14..34]).to_be_bytes();
            fragment[24..26].copy_from_slice(&sum);
        }
        fragment.extend(piece);
        fragment
    });
    pieces.collect()
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !sum as u16
}
