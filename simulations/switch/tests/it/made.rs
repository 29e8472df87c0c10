//! Frames made up from bytes: any bytes give a well-formed frame with right checksums, fewer bytes a simpler
//! one. Shares no code with the switch, so that it can judge it.

/// Bytes that decide; zeros when there are no more.
pub(crate) struct Source<'a>(pub(crate) &'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }
}

/// The sum of all words, which is all ones when a checksum among them is right (RFC 1071).
pub(crate) fn sum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// CRC-32C, bit by bit (RFC 9260, Appendix A).
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

/// A frame.
pub(crate) fn frame(s: &mut Source<'_>) -> Vec<u8> {
    let mut frame = s.bytes(12);
    for _ in 0..s.pick(&[0, 0, 1, 2, 3]) {
        frame.extend(s.pick(&[0x8100_u16, 0x88a8]).to_be_bytes());
        // Without the bit that says that it may be dropped, which nobody keeps.
        frame.extend([s.byte() & 0xef, s.byte()]);
    }
    let (kind, content) = match s.below(12) {
        0..4 => (0x0800, ipv4(s)),
        4..8 => (0x86dd, ipv6(s)),
        8 => (s.pick(&[0x0806_u16, 0x8035]), arp(s)),
        9 => (s.pick(&[0x8847_u16, 0x8848]), mpls(s)),
        10 => (0x894f, nsh(s)),
        _ => (s.pick(&[0x88b5_u16, 0x0100, 0x88e7]), s.bytes(46)),
    };
    // Some have their type behind a SNAP header.
    if s.below(16) == 15 {
        frame.extend((content.len() as u16 + 8).to_be_bytes());
        frame.extend([0xaa, 0xaa, 3, 0, 0, 0]);
    }
    frame.extend(kind.to_be_bytes());
    frame.extend(content);
    frame
}

fn arp(s: &mut Source<'_>) -> Vec<u8> {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, s.byte()];
    arp.extend(s.bytes(20));
    arp
}

fn mpls(s: &mut Source<'_>) -> Vec<u8> {
    let count = 1 + usize::from(s.below(5));
    let mut labels = s.bytes(4 * count);
    for (n, label) in labels.chunks_mut(4).enumerate() {
        label[2] = label[2] & 0xfe | u8::from(n + 1 == count);
    }
    labels.extend(s.bytes(20));
    labels
}

fn nsh(s: &mut Source<'_>) -> Vec<u8> {
    let (kind, words) = s.pick(&[(1, 6), (2, 2), (2, 4)]);
    let ttl = s.byte();
    let mut nsh = vec![
        s.byte() & 0x30 | ttl >> 4 & 0x0f,
        ttl << 6 & 0xc0 | words,
        kind,
    ];
    nsh.push(s.pick(&[1, 2, 3]));
    nsh.extend(s.bytes(usize::from(words) * 4 - 4));
    nsh.extend(s.bytes(20));
    nsh
}

fn ipv4(s: &mut Source<'_>) -> Vec<u8> {
    let options = usize::from(s.pick(&[0_u8, 0, 4, 8]));
    let fragment = s.pick(&[0_u16, 0x4000, 0, 0x2000, 5, 0x2005]);
    let addresses = s.bytes(8);
    let (protocol, transport) = transport(s, &addresses, false);
    let length = 20 + options + transport.len();
    let mut ip = vec![0x45 + options as u8 / 4, s.byte()];
    ip.extend((length as u16).to_be_bytes());
    ip.extend(s.bytes(2));
    ip.extend(fragment.to_be_bytes());
    ip.extend([s.byte(), protocol, 0, 0]);
    ip.extend(addresses);
    ip.extend(vec![1; options]);
    let checksum = !sum(&[&ip]);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    ip.extend(transport);
    // Padding of the frame.
    ip.extend(vec![0; usize::from(s.pick(&[0_u8, 0, 6]))]);
    ip
}

fn ipv6(s: &mut Source<'_>) -> Vec<u8> {
    let addresses = s.bytes(32);
    let (protocol, transport) = transport(s, &addresses, true);
    let (mut next, mut extensions) = (protocol, Vec::new());
    for _ in 0..s.pick(&[0, 0, 0, 1, 2]) {
        let kind = s.pick(&[0_u8, 43, 44, 51, 60]);
        let units = if kind == 44 { 0 } else { s.below(2) };
        let mut header = vec![next, units, 0, 0, 0, 0, 0, 0];
        header.extend(vec![0; usize::from(units) * if kind == 51 { 4 } else { 8 }]);
        if kind == 44 {
            header[2..4].copy_from_slice(&s.pick(&[0_u16, 1, 0x28, 0x29]).to_be_bytes());
        }
        if kind == 51 {
            // Its length counts words, less two.
            header.truncate(8 + 4 * usize::from(units));
        }
        header.extend(std::mem::take(&mut extensions));
        (next, extensions) = (kind, header);
    }
    let length = extensions.len() + transport.len();
    let mut ip = s.bytes(4);
    ip[0] = ip[0] & 0x0f | 0x60;
    ip.extend((length as u16).to_be_bytes());
    ip.extend([next, s.byte()]);
    ip.extend(addresses);
    ip.extend(extensions);
    ip.extend(transport);
    ip
}

fn transport(s: &mut Source<'_>, addresses: &[u8], v6: bool) -> (u8, Vec<u8>) {
    // Protocol, shortest header, where the checksum stands.
    let (protocol, header, checksum) = match s.below(6) {
        0 => (17, 8, 6),
        1 => (6, 20, 16),
        2 => (132, 12, 8),
        3 | 4 if v6 => (58, 8, 2),
        3 | 4 => (1, 8, 2),
        _ => return (s.pick(&[47, 59, 50]), s.bytes(12)),
    };
    let mut bytes = s.bytes(header);
    if protocol == 6 {
        bytes[12] = 0x50 | bytes[12] & 0x0f;
    }
    if protocol == 58 && s.below(2) == 0 {
        bytes[..2].copy_from_slice(&[s.pick(&[135, 136]), 0]);
        bytes.extend(s.bytes(16));
        for _ in 0..s.below(3) {
            bytes.extend([s.pick(&[1, 2, 5]), 1]);
            bytes.extend(s.bytes(6));
        }
    } else {
        let more = usize::from(s.below(9));
        bytes.extend(s.bytes(more));
    }
    if protocol == 17 {
        let length = (bytes.len() as u16).to_be_bytes();
        bytes[4..6].copy_from_slice(&length);
    }
    bytes[checksum..checksum + 2].fill(0);
    match protocol {
        132 => {
            bytes[8..12].fill(0);
            let sum = crc32c(&bytes).to_le_bytes();
            bytes[8..12].copy_from_slice(&sum);
        }
        // Without a checksum.
        17 if s.below(8) == 7 => {}
        _ => {
            let sum = match !transport_sum(protocol, addresses, &bytes) {
                0 if protocol == 17 => 0xffff,
                sum => sum,
            };
            bytes[checksum..checksum + 2].copy_from_slice(&sum.to_be_bytes());
        }
    }
    (protocol, bytes)
}

/// The sum of a transport header, what it carries, and its pseudo header.
pub(crate) fn transport_sum(protocol: u8, addresses: &[u8], bytes: &[u8]) -> u16 {
    let pseudo = [[0, protocol], (bytes.len() as u16).to_be_bytes()].concat();
    match protocol {
        1 => sum(&[bytes]),
        _ => sum(&[addresses, &pseudo, bytes]),
    }
}
