//! Connection tracking: which connections there are, and what a packet is to them.
//!
//! As Open vSwitch 3.1 does in its userspace datapath (`lib/conntrack.c`): `key` reads from a packet what tells
//! its connection, `protocol` and `tcp` say how connections go and how long they live, `nat` translates addresses,
//! `entry` is what is told of a connection, `checked` what actions may want. It knows nothing of flows and tables: what comes before and after is in
//! [`crate::execute`]. Time and a seed are arguments; no packet costs more because there are more connections.

mod checked;
mod entry;
mod fragments;
mod key;
mod nat;
mod protocol;
mod state;
mod tcp;

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use rust_openflow::field::Field;

use crate::classifier::Mixer;
use crate::fields::Header;
use crate::packet::Packet;
use crate::parse;

pub use entry::{Connection, Direction, Transport};
use fragments::{Fragments, Gathered, Part};
use key::{Found, Key};
use nat::Rewriting;
pub(crate) use nat::{Side, Target};
use protocol::{Progress, Timeout, Update};

/// How many connections there are at most unless something else is said (`DEFAULT_N_CONN_LIMIT`).
const LIMIT: usize = 3_000_000;

/// What is wanted of connection tracking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) zone: u16,
    /// A new connection is remembered.
    pub(crate) commit: bool,
    /// One of the other direction gives way.
    pub(crate) force: bool,
    /// The mark and the label that the connection gets, each with a mask.
    pub(crate) mark: (u32, u32),
    pub(crate) label: (u128, u128),
    /// Addresses are translated: those of a known connection as it is, of a new one to this.
    pub(crate) nat: Option<Target>,
}

/// What was found out of a packet; it stays with it wherever it goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracked {
    state: u8,
    zone: u16,
    mark: u32,
    label: u128,
    /// The key of the connection's first packet.
    original: Option<Key>,
    /// Its connection, which is not looked up again in the same zone.
    known: Option<Known>,
    /// How it was rewritten, in order.
    rewritten: Vec<Rewriting>,
}

/// What a packet is to a connection.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: u64,
    reply: bool,
    related: bool,
}

/// What was found of a packet's connection.
struct Met {
    key: Key,
    id: Option<u64>,
    /// Whether it goes to who began.
    reply: bool,
    /// Whether it was found by the answers of a connection that is translated.
    apart: bool,
}

/// A connection.
#[derive(Debug, Clone)]
struct Tracking {
    key: Key,
    /// The key of answers, which is not the reverse when addresses are translated.
    answers: Key,
    /// Whether translation was wanted, and of which side.
    translates: bool,
    side: Option<Side>,
    progress: Progress,
    mark: u32,
    label: u128,
    /// It gave way to another, but its answers are told from others until time goes by.
    over: bool,
    /// When it is over unless another packet comes.
    expires: u64,
    /// When that is looked at next; not later.
    looked_at: u64,
}

type Table<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// The connections of a switch.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    tracked: Table<u64, Tracking>,
    /// The connections that have a key, and whether it is that of their answers; the newest last.
    by_key: Table<Key, Vec<(u64, bool)>>,
    fragments: Fragments,
    /// When connections may be over.
    deadlines: BTreeSet<(u64, u64)>,
    /// How many there ever were.
    serial: u64,
    /// For how many no address and port was left.
    exhausted: u64,
    limit: usize,
    seed: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            tracked: Table::default(),
            by_key: Table::default(),
            fragments: Fragments::default(),
            deadlines: BTreeSet::new(),
            serial: 0,
            exhausted: 0,
            limit: LIMIT,
            seed: 0,
        }
    }
}

impl Connections {
    /// Says how many connections there may be, and what ports are chosen by.
    pub(crate) fn set(&mut self, limit: usize, seed: u64) {
        (self.limit, self.seed) = (limit, seed);
    }

    /// For how many connections no address and port was left.
    pub(crate) fn exhausted(&self) -> u64 {
        self.exhausted
    }

    /// The connections, in the order in which they began.
    pub(crate) fn list(&self, now: u64) -> impl Iterator<Item = Connection> {
        let alive = |(_, tracking): &(&u64, &Tracking)| !tracking.over;
        let mut all: Vec<(&u64, &Tracking)> = self.tracked.iter().filter(alive).collect();
        all.sort_unstable_by_key(|(id, _)| **id);
        all.into_iter()
            .map(move |(_, tracking)| entry::connection(tracking, now))
    }

    /// Forgets the connections of which that is said.
    pub(crate) fn forget(&mut self, now: u64, mut is_meant: impl FnMut(&Connection) -> bool) {
        let meant = |(_, tracking): &(&u64, &Tracking)| is_meant(&entry::connection(tracking, now));
        let mut ids: Vec<u64> = self
            .tracked
            .iter()
            .filter(meant)
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        ids.into_iter().for_each(|id| self.remove(id));
    }

    /// The next time at which [`Self::advance`] may have something to do.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        let connections = self.deadlines.first().map(|(time, _)| *time);
        connections
            .into_iter()
            .chain(self.fragments.next_timeout())
            .min()
    }

    /// Lets time go by: connections go that no packet came for.
    pub(crate) fn advance(&mut self, now: u64) {
        self.fragments.advance(now);
        while let Some((time, id)) = self
            .deadlines
            .first()
            .copied()
            .filter(|(time, _)| *time <= now)
        {
            self.deadlines.remove(&(time, id));
            match self.tracked.get_mut(&id) {
                // Packets came since.
                Some(tracking) if tracking.expires > now => {
                    tracking.looked_at = tracking.expires;
                    self.deadlines.insert((tracking.expires, id));
                }
                _ => self.remove(id),
            }
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(tracking) = self.tracked.remove(&id) else {
            return;
        };
        self.deadlines.remove(&(tracking.looked_at, id));
        self.release(&tracking.key, id);
        self.release(&tracking.answers, id);
    }

    /// A connection gives way to another. As in Open vSwitch, one that is translated is not cleared away at once.
    fn replace(&mut self, id: u64, now: u64) {
        let Some(tracking) = self.tracked.get_mut(&id) else {
            return;
        };
        if !tracking.translates {
            return self.remove(id);
        }
        tracking.over = true;
        tracking.expires = now + 1;
        let before = std::mem::replace(&mut tracking.looked_at, now + 1);
        let key = tracking.key;
        self.deadlines.remove(&(before, id));
        self.deadlines.insert((now + 1, id));
        self.release(&key, id);
    }

    /// A key is no more that of a connection.
    fn release(&mut self, key: &Key, id: u64) {
        if let Some(ids) = self.by_key.get_mut(key) {
            ids.retain(|(other, _)| *other != id);
            if ids.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    fn insert(&mut self, tracking: Tracking) -> u64 {
        self.serial += 1;
        let id = self.serial;
        // Who talks to itself is never answered.
        for (key, reply) in [(tracking.answers, true), (tracking.key, false)] {
            self.by_key.entry(key).or_default().push((id, reply));
        }
        self.deadlines.insert((tracking.looked_at, id));
        self.tracked.insert(id, tracking);
        id
    }

    /// The connection that has a key, and whether it is that of its answers.
    fn lookup(&self, key: &Key) -> Option<(u64, bool)> {
        self.by_key.get(key)?.last().copied()
    }

    /// A connection lives on.
    fn prolong(&mut self, id: u64, timeout: Timeout, now: u64) {
        let Some(tracking) = self.tracked.get_mut(&id) else {
            return;
        };
        tracking.expires = now + timeout.milliseconds();
        if tracking.expires < tracking.looked_at {
            self.deadlines.remove(&(tracking.looked_at, id));
            tracking.looked_at = tracking.expires;
            self.deadlines.insert((tracking.looked_at, id));
        }
    }

    /// Tracks a packet that was tracked and went on so many times. Gives what goes on in its place: itself, nothing when it
    /// is a fragment and others are missing, or all fragments of a packet that is whole now.
    pub(crate) fn track(
        &mut self,
        packet: &Packet,
        wanted: &Wanted,
        round: u32,
        now: u64,
    ) -> Vec<Packet> {
        let with = |frame: Vec<u8>, tracked: Tracked| {
            let mut packet = packet.clone();
            (packet.frame, packet.tracked) = (frame, tracked);
            packet
        };
        match self.fragments.gather(packet, wanted.zone, round, now) {
            Gathered::Itself => {
                let mut packet = packet.clone();
                self.track_whole(&mut packet, wanted, now);
                vec![packet]
            }
            Gathered::Held => Vec::new(),
            Gathered::Complete(parts, mut whole) => {
                self.track_whole(&mut whole, wanted, now);
                let learnt = |(at, mut part): (usize, Part)| {
                    part.learn(&whole, at == 0);
                    with(part.frame, part.tracked)
                };
                parts.into_iter().enumerate().map(learnt).collect()
            }
        }
    }

    /// Tracks a packet: finds out what it is to which connection, remembers that, and translates its addresses.
    fn track_whole(&mut self, packet: &mut Packet, wanted: &Wanted, now: u64) {
        let known = packet.tracked.known.filter(|known| {
            let tracking = self.tracked.get(&known.id);
            tracking.is_some_and(|tracking| tracking.key.zone == wanted.zone)
        });
        if let Some(known) = known.filter(|_| !wanted.force && !is_for_helper(packet)) {
            if wanted.nat.is_some() {
                self.translate(packet, known, wanted.zone);
                packet.tracked.known = None;
            }
            self.describe(&mut packet.tracked, wanted, Some(known.id), None);
        } else if let Some(found) = key::extract(packet, wanted.zone) {
            self.look(packet, found, wanted, now);
        } else {
            packet.tracked.state = state::INVALID;
            self.describe(&mut packet.tracked, wanted, None, None);
        }
    }

    /// Tracks a packet whose connection is not known.
    fn look(&mut self, packet: &mut Packet, found: Found, wanted: &Wanted, now: u64) {
        if packet.tracked.zone != wanted.zone {
            packet.tracked.state = 0;
        }
        let translated = packet.tracked.state & state::TRANSLATED != 0;
        let Met {
            key,
            mut id,
            mut reply,
            apart,
        } = self.find(translated, found.key);
        let over = |id| self.tracked.get(&id).is_some_and(|own| own.over);
        if id.is_some_and(over) {
            packet.tracked.state |= state::INVALID;
            return self.describe(&mut packet.tracked, wanted, None, None);
        }
        // Open vSwitch has the answers of a translated connection apart, which always begin and never give way.
        if wanted.force && if apart { translated } else { reply } {
            let gone = id.take().filter(|_| !apart);
            gone.into_iter().for_each(|id| self.replace(id, now));
            reply = true;
        }
        let translates = id.is_some() && wanted.nat.is_some();
        let id = id.or_else(|| self.by_original(&packet.tracked, &key, wanted));
        let mut known = id.map(|id| Known {
            id,
            reply,
            related: found.related,
        });
        let begins = match known {
            Some(known) => self.update(packet, found, known, now),
            None if found.related => {
                packet.tracked.state = state::INVALID;
                false
            }
            None => true,
        };
        if begins {
            let free = self.lookup(&key).is_none();
            let id = free.then(|| self.begin(packet, found, key, wanted, now));
            known = id.flatten().map(|id| Known {
                id,
                reply,
                related: found.related,
            });
        } else if let Some(known) = known.filter(|_| translates) {
            self.translate(packet, known, wanted.zone);
        }
        packet.tracked.known = known.filter(|_| wanted.nat.is_none());
        let id = known.map(|known| known.id);
        self.describe(&mut packet.tracked, wanted, id, Some(key));
    }

    /// The connection that a key belongs to. A packet that was translated is found by what would answer it; then
    /// the key is what it was before.
    fn find(&self, translated: bool, key: Key) -> Met {
        let looked_up = if translated { key.reversed() } else { key };
        let Some((id, answers)) = self.lookup(&looked_up) else {
            return Met {
                key,
                id: None,
                reply: false,
                apart: false,
            };
        };
        let reply = answers != translated;
        let own = self.tracked.get(&id);
        Met {
            key: match own.filter(|_| translated) {
                Some(own) if reply => own.answers,
                Some(own) => own.key,
                None => key,
            },
            id: Some(id),
            reply,
            apart: answers && own.is_some_and(|own| own.translates),
        }
    }

    /// The connection of a packet that was translated by another, by the key of its first packet.
    fn by_original(&self, tracked: &Tracked, key: &Key, wanted: &Wanted) -> Option<u64> {
        let translated = tracked.state & state::TRANSLATED != 0 && wanted.nat.is_none();
        let mut original = tracked.original.filter(|_| translated)?;
        if original.v6 != key.v6 {
            return None;
        }
        if key.is_icmp() {
            original.source.port = key.source.port;
            original.destination.port = key.destination.port;
        }
        self.lookup(&original).map(|(id, _)| id)
    }

    /// A packet of a connection. True when it begins a new one in its place.
    fn update(&mut self, packet: &mut Packet, found: Found, known: Known, now: u64) -> bool {
        let reply = if known.reply { state::REPLY } else { 0 };
        if known.related {
            packet.tracked.state |= state::RELATED | reply;
            return false;
        }
        let message = &packet.frame[found.message..packet.layout.end];
        let update = match self.tracked.get_mut(&known.id) {
            Some(tracking) => tracking.progress.update(message, known.reply),
            None => Update::Invalid,
        };
        let state = &mut packet.tracked.state;
        match update {
            Update::Established(timeout) => {
                *state = *state & !state::NEW | state::ESTABLISHED | reply;
                if let Some(timeout) = timeout {
                    self.prolong(known.id, timeout, now);
                }
            }
            Update::New(timeout) => {
                *state |= state::NEW;
                self.prolong(known.id, timeout, now);
            }
            Update::Anew => {
                self.replace(known.id, now);
                return true;
            }
            Update::Invalid => *state = state::INVALID,
        }
        false
    }

    /// The first packet of a connection, which is remembered if that is wanted.
    fn begin(
        &mut self,
        packet: &mut Packet,
        found: Found,
        key: Key,
        wanted: &Wanted,
        now: u64,
    ) -> Option<u64> {
        let message = &packet.frame[found.message..packet.layout.end];
        let Some((progress, timeout)) = Progress::begin(key.protocol, message) else {
            packet.tracked.state = state::INVALID;
            return None;
        };
        packet.tracked.state = state::NEW;
        if !wanted.commit || self.tracked.len() >= self.limit {
            return None;
        }
        let taken = |key: &Key| self.lookup(key).is_some();
        let answers = match &wanted.nat {
            Some(target) => nat::choose(&key, target, self.seed, taken),
            None => Some(key.reversed()),
        };
        let Some(answers) = answers else {
            // It goes on as it is, and nothing is remembered.
            self.exhausted += 1;
            return None;
        };
        let expires = now + timeout.milliseconds();
        let id = self.insert(Tracking {
            key,
            answers,
            translates: wanted.nat.is_some(),
            side: wanted.nat.and_then(|target| target.side),
            progress,
            mark: 0,
            label: 0,
            expires,
            over: false,
            looked_at: expires,
        });
        let (reply, related) = (false, found.related);
        self.translate(packet, Known { id, reply, related }, wanted.zone);
        Some(id)
    }

    /// Translates a packet as its connection is, unless that was done in this zone.
    fn translate(&self, packet: &mut Packet, known: Known, zone: u16) {
        let tracking = self.tracked.get(&known.id);
        let Some((tracking, side)) = tracking.and_then(|own| Some((own, own.side?))) else {
            return;
        };
        let tracked = &mut packet.tracked;
        if tracked.state & state::TRANSLATED != 0 && tracked.zone == zone {
            return;
        }
        let (answers, side) = match known.reply {
            true => (tracking.key, side.other()),
            false => (tracking.answers, side),
        };
        tracked.state = tracked.state & !state::TRANSLATED
            | match side {
                Side::Source => state::SOURCE,
                Side::Destination => state::DESTINATION,
            };
        let rewriting = Rewriting {
            answers,
            side,
            related: known.related,
        };
        rewriting.apply(packet);
        packet.tracked.rewritten.push(rewriting);
    }

    /// Writes down what was found out of a packet, and what its connection is to be told.
    fn describe(
        &mut self,
        tracked: &mut Tracked,
        wanted: &Wanted,
        id: Option<u64>,
        key: Option<Key>,
    ) {
        tracked.state |= state::TRACKED;
        tracked.zone = wanted.zone;
        (tracked.mark, tracked.label) = (0, 0);
        tracked.original = key;
        if let Some(tracking) = id.and_then(|id| self.tracked.get_mut(&id)) {
            let ((mark, bits), (label, wide)) = (wanted.mark, wanted.label);
            tracking.mark = tracking.mark & !bits | mark & bits;
            tracking.label = tracking.label & !wide | label & wide;
            (tracked.mark, tracked.label) = (tracking.mark, tracking.label);
            tracked.original = Some(tracking.key);
        }
    }
}

/// Whether a packet is one of those that helpers look into, FTP's and TFTP's, whose connections are looked up
/// each time.
fn is_for_helper(packet: &Packet) -> bool {
    const FTP: u128 = 21;
    const TFTP: u128 = 69;
    let is = |field, port| packet.get(field) == Some(port);
    is(Field::TcpSrc, FTP) || is(Field::TcpDst, FTP) || is(Field::UdpDst, TFTP)
}

/// The fields of a connection's first packet, in the order in which Open vSwitch writes them.
pub(crate) const ORIGINAL: [Field; 7] = [
    Field::CtNwSrc,
    Field::CtIpv6Src,
    Field::CtNwDst,
    Field::CtIpv6Dst,
    Field::CtNwProto,
    Field::CtTpSrc,
    Field::CtTpDst,
];

/// What was found out of a packet, as bits of `ct_state`.
pub(crate) fn state(packet: &Packet) -> u32 {
    packet.tracked.state.into()
}

/// Shows in a packet's fields what was found out of it.
pub(crate) fn show(packet: &mut Packet) {
    hide(packet);
    let tracked = packet.tracked.clone();
    if tracked.state == 0 {
        return;
    }
    packet.put(Field::CtState, tracked.state);
    packet.put(Field::CtZone, tracked.zone);
    packet.put(Field::CtMark, tracked.mark);
    packet.put(Field::CtLabel, tracked.label);
    let v6 = packet.layout.at(Header::Ipv6).is_some();
    let Some(original) = tracked.original.filter(|original| original.v6 == v6) else {
        return;
    };
    let [source, destination] = match v6 {
        true => [Field::CtIpv6Src, Field::CtIpv6Dst],
        false => [Field::CtNwSrc, Field::CtNwDst],
    };
    packet.put(source, original.source.address);
    packet.put(destination, original.destination.address);
    packet.put(Field::CtNwProto, original.protocol);
    // Open vSwitch shows ports where it reads a transport header.
    let headers = [
        Header::Tcp,
        Header::Udp,
        Header::Sctp,
        Header::Icmpv4,
        Header::Icmpv6,
    ];
    if headers
        .iter()
        .any(|header| packet.layout.at(*header).is_some())
    {
        let (from, to) = original.ports();
        packet.put(Field::CtTpSrc, from);
        packet.put(Field::CtTpDst, to);
    }
}

/// A packet as it was, with what tracking has made of a copy since: Open vSwitch undoes only what it did itself.
pub(crate) fn keep(packet: &mut Packet, tracked: Tracked) {
    let known = packet.tracked.rewritten.len();
    if let Some(new) = tracked.rewritten.get(known..).filter(|new| !new.is_empty()) {
        let mut copy = packet.clone();
        new.iter().for_each(|rewriting| rewriting.apply(&mut copy));
        packet.frame = copy.frame;
    }
    packet.tracked = tracked;
}

/// Shows nothing of it.
pub(crate) fn hide(packet: &mut Packet) {
    let first = Field::CtState as usize..=Field::CtLabel as usize;
    for field in first.chain(Field::CtNwProto as usize..=Field::CtTpDst as usize) {
        packet.values[field] = 0;
    }
}

/// Whether it is shown to what connection a packet belongs.
pub(crate) fn is_known(packet: &Packet) -> bool {
    let known = state::NEW | state::ESTABLISHED | state::REPLY;
    packet.value(Field::CtState) & u128::from(known) != 0
}

/// Exchanges a packet's addresses, protocol and ports with those of its connection's first packet, as far as they
/// are shown.
pub(crate) fn swap(packet: &mut Packet) {
    let v6 = packet.layout.at(Header::Ipv6).is_some();
    let pairs = match v6 {
        true => [
            (Field::Ipv6Src, Field::CtIpv6Src),
            (Field::Ipv6Dst, Field::CtIpv6Dst),
        ],
        false => [
            (Field::Ipv4Src, Field::CtNwSrc),
            (Field::Ipv4Dst, Field::CtNwDst),
        ],
    };
    let own = ports(packet.value(Field::IpProto), v6);
    for (field, original) in pairs
        .into_iter()
        .chain([(Field::IpProto, Field::CtNwProto)])
    {
        packet.values.swap(field as usize, original as usize);
    }
    let others = ports(packet.value(Field::IpProto), v6);
    let originals = [Field::CtTpSrc, Field::CtTpDst];
    let take = |packet: &mut Packet, fields: Option<[Field; 2]>| {
        fields.map_or([0, 0], |fields| {
            fields.map(|field| std::mem::take(&mut packet.values[field as usize]))
        })
    };
    let was = take(packet, own);
    let original = take(packet, Some(originals));
    for (field, value) in others.into_iter().flatten().zip(original) {
        packet.put(field, value);
    }
    for (field, value) in originals.into_iter().zip(was) {
        packet.put(field, value);
    }
}

/// The fields of a protocol that Open vSwitch has one place for: ports, or ICMP's type and code.
fn ports(protocol: u128, v6: bool) -> Option<[Field; 2]> {
    Some(match (u8::try_from(protocol).ok()?, v6) {
        (parse::TCP, _) => [Field::TcpSrc, Field::TcpDst],
        (parse::UDP, _) => [Field::UdpSrc, Field::UdpDst],
        (parse::SCTP, _) => [Field::SctpSrc, Field::SctpDst],
        (parse::ICMP, false) => [Field::Icmpv4Type, Field::Icmpv4Code],
        (parse::ICMPV6, true) => [Field::Icmpv6Type, Field::Icmpv6Code],
        _ => return None,
    })
}
