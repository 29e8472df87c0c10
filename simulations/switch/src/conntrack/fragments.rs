//! Fragments, held back until the packet that they are parts of is whole.
//!
//! As `lib/ipf.c` of Open vSwitch 3.1: the whole packet is tracked, and what is found out of it is known to each fragment,
//! which goes on by itself. Fragments that are too small, or overlap others, are invalid packets. What is not
//! whole in time is forgotten. It knows nothing of connections.

use std::collections::{BTreeMap, BTreeSet};

use crate::checksum;
use crate::packet::Packet;
use crate::parse::{Extensions, be};

use super::Tracked;
use super::key::network;

/// How long fragments are held back, in milliseconds.
const TIMEOUT: u64 = 15_000;
/// How many of them at most.
const LIMIT: usize = 1000;
/// How large packets with fragments must be but for the last one, of IPv4 and of IPv6.
const SMALLEST: [usize; 2] = [1200, 1280];
/// How large a packet can be.
const LARGEST: usize = 65_535;
/// IPv6's fragment header (RFC 8200, 4.5), and those that may stand before it.
const FRAGMENT: u8 = 44;
const BEFORE: [u8; 4] = [0, 43, AUTHENTICATION, 60];
const AUTHENTICATION: u8 = 51;

/// What fragments of one packet have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Whole {
    addresses: [u128; 2],
    id: u32,
    v6: bool,
    protocol: u8,
    zone: u16,
    /// How often the packet was tracked and went on before.
    round: u32,
}

/// A fragment.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) frame: Vec<u8>,
    pub(crate) tracked: Tracked,
    /// Where what it is a part of begins in the frame, and ends.
    data: (usize, usize),
    /// Where it belongs.
    at: usize,
    last: bool,
}

#[derive(Debug, Clone, Default)]
struct Parts {
    parts: Vec<Part>,
    expires: u64,
    /// The whole would be too large.
    failed: bool,
}

/// The fragments that are held back.
#[derive(Debug, Clone, Default)]
pub(super) struct Fragments {
    wholes: BTreeMap<Whole, Parts>,
    deadlines: BTreeSet<(u64, Whole)>,
    count: usize,
}

/// What becomes of a packet.
pub(super) enum Gathered {
    /// It is no fragment, or one that nothing can come of.
    Itself,
    Held,
    /// It is the last that was missing: all of them in order, and the whole packet.
    Complete(Vec<Part>, Box<Packet>),
}

impl Fragments {
    /// Lets time go by.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(first) = self
            .deadlines
            .first()
            .copied()
            .filter(|first| first.0 < now)
        {
            self.deadlines.remove(&first);
            self.forget(&first.1);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        self.deadlines.first().map(|(time, _)| *time + 1)
    }

    fn forget(&mut self, whole: &Whole) -> Vec<Part> {
        let Some(gone) = self.wholes.remove(whole) else {
            return Vec::new();
        };
        self.deadlines.remove(&(gone.expires, *whole));
        self.count -= gone.parts.len();
        gone.parts
    }

    /// Takes a packet, if it is a fragment.
    pub(super) fn gather(&mut self, packet: &Packet, zone: u16, round: u32, now: u64) -> Gathered {
        let Some((whole, part)) = read(packet, zone, round) else {
            return Gathered::Itself;
        };
        if self.count >= LIMIT {
            return Gathered::Itself;
        }
        let parts = self.wholes.entry(whole).or_insert_with(|| {
            let expires = now + TIMEOUT;
            self.deadlines.insert((expires, whole));
            Parts {
                expires,
                ..Parts::default()
            }
        });
        if parts.failed || parts.overlaps(&part) {
            return Gathered::Itself;
        }
        parts.parts.push(part);
        self.count += 1;
        if !parts.is_complete() {
            return Gathered::Held;
        }
        match assembled(packet, &parts.parts, whole.v6) {
            Some(packet) => Gathered::Complete(self.forget(&whole), Box::new(packet)),
            None => {
                parts.failed = true;
                Gathered::Held
            }
        }
    }
}

impl Part {
    fn end(&self) -> usize {
        self.at + self.data.1 - self.data.0
    }

    /// What was found out of the whole is known to the part, and its addresses and, in the first, its transport
    /// header are those of the whole.
    pub(super) fn learn(&mut self, whole: &Packet, is_first: bool) -> Option<()> {
        let known = self.tracked.known.take();
        self.tracked = Tracked {
            known,
            ..whole.tracked.clone()
        };
        let (network, v6) = network(whole)?;
        let (addresses, header) = if v6 { (8..40, 40) } else { (12..20, 0) };
        let range = network + addresses.start..network + addresses.end;
        let (old, new) = (
            self.frame.get(range.clone())?.to_vec(),
            whole.frame.get(range.clone())?,
        );
        self.frame.get_mut(range)?.copy_from_slice(new);
        let transport = if v6 {
            network + header
        } else {
            let sum = be(&self.frame, network + 10, 2)? as u16;
            let sum = checksum::updated(sum, false, &old, new).to_be_bytes();
            self.frame
                .get_mut(network + 10..network + 12)?
                .copy_from_slice(&sum);
            self.data.0
        };
        if is_first {
            let (start, end) = self.data;
            let new = whole.frame.get(transport..transport + end - start)?;
            self.frame.get_mut(start..end)?.copy_from_slice(new);
        }
        Some(())
    }
}

impl Parts {
    fn overlaps(&self, new: &Part) -> bool {
        let last = |part: &Part| part.end().saturating_sub(1);
        self.parts.iter().any(|part| {
            let within = |at: usize| (part.at..=last(part)).contains(&at);
            within(new.at) || within(last(new))
        })
    }

    /// Whether nothing is missing; then the parts are in order.
    fn is_complete(&mut self) -> bool {
        self.parts.sort_by_key(|part| part.at);
        let ends = self.parts.first().is_some_and(|part| part.at == 0)
            && self.parts.iter().any(|part| part.last);
        ends && self
            .parts
            .windows(2)
            .all(|pair| pair[0].end() == pair[1].at)
    }
}

/// A packet as a part of a whole; none when it is none, or too small.
fn read(packet: &Packet, zone: u16, round: u32) -> Option<(Whole, Part)> {
    let (start, v6) = network(packet)?;
    let end = packet.layout.end;
    let bytes = packet.frame.get(start..end)?;
    let (offset, more, id, protocol, data) = if v6 {
        let extensions = Extensions::read(bytes)?;
        let header = fragment_header(bytes)?;
        let position = be(bytes, header + 2, 2)? as usize;
        let id = be(bytes, header + 4, 4)? as u32;
        (position & 0xfff8, position & 1 != 0, id, 0, extensions.end)
    } else {
        let header = usize::from(bytes.first()? & 0x0f) * 4;
        if checksum::computed(&[bytes.get(..header)?]) != 0 {
            return None;
        }
        let position = be(bytes, 6, 2)? as usize;
        let id = be(bytes, 4, 2)? as u32;
        let offset = (position & 0x1fff) * 8;
        (offset, position & 0x2000 != 0, id, bytes[9], header)
    };
    if offset == 0 && !more || more && bytes.len() < SMALLEST[usize::from(v6)] {
        return None;
    }
    let addresses = match v6 {
        true => [be(bytes, 8, 16)?, be(bytes, 24, 16)?],
        false => [be(bytes, 12, 4)?, be(bytes, 16, 4)?],
    };
    let whole = Whole {
        addresses,
        id,
        v6,
        protocol,
        zone,
        round,
    };
    let part = Part {
        frame: packet.frame.clone(),
        tracked: packet.tracked.clone(),
        data: (start + data, end),
        at: offset,
        last: !more,
    };
    Some((whole, part))
}

/// Where IPv6's fragment header begins.
fn fragment_header(packet: &[u8]) -> Option<usize> {
    let (mut kind, mut at) = (*packet.get(6)?, 40);
    while BEFORE.contains(&kind) {
        let [next, length] = *packet.get(at..at + 2)? else {
            return None;
        };
        at += match kind {
            AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        kind = next;
    }
    (kind == FRAGMENT).then_some(at)
}

/// The packet that parts in order are the whole of; none when it would be too large.
fn assembled(packet: &Packet, parts: &[Part], v6: bool) -> Option<Packet> {
    let (start, _) = network(packet)?;
    let first = parts.first()?;
    let header = if v6 { start + 40 } else { first.data.0 };
    let mut frame = first.frame.get(..header)?.to_vec();
    let protocol = match v6 {
        true => Extensions::read(first.frame.get(start..first.data.1)?)?.protocol,
        false => 0,
    };
    for part in parts {
        frame.extend(part.frame.get(part.data.0..part.data.1)?);
    }
    if frame.len() > LARGEST {
        return None;
    }
    let length = frame.len() - start;
    let ip = frame.get_mut(start..)?;
    if v6 {
        ip[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
        ip[6] = protocol;
    } else {
        ip[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        // The whole may still be one that is not to be cut.
        ip[6] &= 0xc0;
        ip[7] = 0;
        ip[10..12].fill(0);
        let sum = checksum::computed(&[&ip[..first.data.0 - start]]);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let mut whole = packet.clone();
    (whole.frame, whole.tracked) = (frame, first.tracked.clone());
    whole.parse();
    Some(whole)
}
