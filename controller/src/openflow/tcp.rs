//! OpenFlow in captured packets: TCP put together again, both directions, with segments that came twice, out of
//! order or in fragments.
//!
//! It knows how messages begin and how long they are, and nothing of what they say. A stream that does not begin
//! with a hello is left out; where its beginning was not captured, a segment must look like messages. What
//! was not captured is told, and the stream goes on where a segment begins with a message. Memory is bounded
//! by the limits below.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use etherparse::{
    EtherType, IpNumber, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice,
};
use rust_openflow::Version;
use rust_openflow::frame::{FrameError, Framer};
use rust_openflow::message::{HEADER_LEN, Header};

use super::fragments::{Fragment, Fragments, Key};
use super::pcap::Packet;

/// The most streams that are followed, each direction by itself.
const STREAM_LIMIT: usize = 4096;
/// The most bytes of a stream that wait for those before them.
const PENDING_LIMIT: usize = 1 << 18;
/// What a waiting segment costs beside its bytes.
const SEGMENT_COST: usize = 128;
/// The highest type of a message; what is higher is no OpenFlow.
const LAST_TYPE: u8 = 35;

/// When a packet was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(i128);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            // Years that no calendar has.
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

/// A message, or why there is none, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// When its last byte was captured.
    pub(super) time: Time,
    /// Who sent it.
    pub(super) from: SocketAddr,
    /// To whom.
    pub(super) to: SocketAddr,
    /// Its bytes.
    pub(super) what: Result<Bytes, Lost>,
}

/// What is missing in a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lost {
    /// Bytes that the capture does not have.
    #[error("{0} bytes of the stream were not captured")]
    Gap(u32),
    /// The end of a message.
    #[error("the capture ends within a message")]
    End,
    /// The stream is no longer one of messages.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Who sent to whom.
type Way = (SocketAddr, SocketAddr);

/// The streams of a capture.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: HashMap<Way, Stream>,
    fragments: Fragments,
    found: VecDeque<Found>,
    /// Packets with TCP in them.
    count: usize,
}

#[derive(Debug)]
struct Stream {
    /// The sequence number of the byte that is awaited.
    next: u32,
    /// Segments that came too early, by their distance from the first byte, and what they cost.
    pending: BTreeMap<u64, Vec<u8>>,
    cost: usize,
    /// Distance of the awaited byte from the first.
    position: u64,
    content: Content,
    /// When and as which packet its last one came.
    time: Time,
    used: usize,
}

/// What a stream is known to be.
#[derive(Debug)]
enum Content {
    /// Bytes that are too few to tell.
    Beginning(Vec<u8>),
    /// Its beginning is not there: a segment that looks like messages is awaited.
    Hunting,
    Messages(Framer),
    Foreign,
}

impl Streams {
    /// Takes a packet, if it is known what it begins with.
    pub(super) fn packet(&mut self, packet: &Packet) -> Result<(), UnknownLink> {
        let Some(sliced) = sliced(packet)? else {
            return Ok(());
        };
        if let Some(TransportSlice::Tcp(tcp)) = &sliced.transport {
            if let Some(addresses) = addresses(&sliced) {
                self.tcp(addresses, tcp, packet.time);
            }
        } else if let Some((key, fragment)) = fragment(&sliced)
            && let Some(whole) = self.fragments.add(key, fragment, packet.time)
            && let Ok(tcp) = TcpSlice::from_slice(&whole)
        {
            self.tcp((key.source, key.destination), &tcp, packet.time);
        }
        Ok(())
    }

    fn tcp(&mut self, addresses: (IpAddr, IpAddr), tcp: &TcpSlice<'_>, time: i128) {
        let (source, destination) = addresses;
        let from = SocketAddr::new(source, tcp.source_port());
        let to = SocketAddr::new(destination, tcp.destination_port());
        self.count += 1;
        let time = Time(time);
        self.segment((from, to), tcp, time);
        if tcp.ack() {
            self.acknowledged((to, from), tcp.acknowledgment_number(), time);
        }
    }

    /// The next message.
    pub(super) fn next_found(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// Says that there are no more packets.
    pub(super) fn end(&mut self) {
        let mut ways: Vec<Way> = self.streams.keys().copied().collect();
        ways.sort_unstable();
        for way in ways {
            let Some(mut stream) = self.streams.remove(&way) else {
                continue;
            };
            let mut out = Out::new(way, stream.time, &mut self.found);
            while stream.skip_gap(&mut out) {}
            if let Content::Messages(framer) = &stream.content
                && framer.waiting() > 0
            {
                out.push(Err(Lost::End));
            }
        }
    }

    fn segment(&mut self, way: Way, tcp: &TcpSlice<'_>, time: Time) {
        let (sequence, payload) = (tcp.sequence_number(), tcp.payload());
        if tcp.syn() {
            self.make_room();
            let first = sequence.wrapping_add(1);
            let again = self
                .streams
                .get(&way)
                .is_some_and(|known| known.began_at(first));
            if !again {
                let content = Content::Beginning(Vec::new());
                self.streams.insert(way, Stream::new(first, content, time));
            }
        } else if !payload.is_empty() && !self.streams.contains_key(&way) {
            self.make_room();
            let stream = Stream::new(sequence, Content::Hunting, time);
            self.streams.insert(way, stream);
        }
        let Some(stream) = self.streams.get_mut(&way) else {
            return;
        };
        (stream.time, stream.used) = (time, self.count);
        let sequence = if tcp.syn() {
            sequence.wrapping_add(1)
        } else {
            sequence
        };
        let mut out = Out::new(way, time, &mut self.found);
        stream.segment(sequence, payload, &mut out);
    }

    /// What a peer acknowledged and the capture does not have will not come any more.
    fn acknowledged(&mut self, way: Way, number: u32, time: Time) {
        let Some(stream) = self.streams.get_mut(&way) else {
            return;
        };
        let mut out = Out::new(way, time, &mut self.found);
        while let Some(first) = stream.pending.keys().next() {
            let gap = first - stream.position;
            let acknowledged = distance(stream.next, number);
            if acknowledged <= 0 || u64::from(acknowledged.unsigned_abs()) < gap {
                break;
            }
            stream.skip_gap(&mut out);
        }
    }

    /// Forgets streams that were silent for long, when there are too many.
    fn make_room(&mut self) {
        if self.streams.len() >= STREAM_LIMIT {
            let recent = self.count.saturating_sub(STREAM_LIMIT / 2);
            self.streams.retain(|_, stream| stream.used > recent);
        }
    }
}

/// Where what a stream finds goes.
struct Out<'a> {
    way: Way,
    time: Time,
    found: &'a mut VecDeque<Found>,
}

impl<'a> Out<'a> {
    fn new(way: Way, time: Time, found: &'a mut VecDeque<Found>) -> Self {
        Self { way, time, found }
    }

    fn push(&mut self, what: Result<Bytes, Lost>) {
        let (from, to) = self.way;
        let time = self.time;
        self.found.push_back(Found {
            time,
            from,
            to,
            what,
        });
    }
}

/// How far `to` is behind `from` in a sequence that begins anew after 32 bits.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

impl Stream {
    fn new(next: u32, content: Content, time: Time) -> Self {
        Self {
            next,
            pending: BTreeMap::new(),
            cost: 0,
            position: 0,
            content,
            time,
            used: usize::MAX,
        }
    }

    /// Whether the first byte had this number: a connection is opened by the same segment, twice.
    fn began_at(&self, first: u32) -> bool {
        self.next.wrapping_sub(self.position as u32) == first
    }

    fn segment(&mut self, sequence: u32, payload: &[u8], out: &mut Out<'_>) {
        if payload.is_empty() || matches!(self.content, Content::Foreign) {
            return;
        }
        let ahead = distance(self.next, sequence);
        match usize::try_from(ahead) {
            Ok(0) => self.advance(payload, out),
            Ok(ahead) => {
                let place = self.position + ahead as u64;
                let known = self.pending.get(&place).map_or(0, Vec::len);
                if payload.len() > known {
                    if known == 0 {
                        self.cost += SEGMENT_COST;
                    }
                    self.cost += payload.len() - known;
                    self.pending.insert(place, payload.to_vec());
                }
            }
            // What comes again is left out.
            Err(_) => match payload.get(ahead.unsigned_abs() as usize..) {
                Some(new) if !new.is_empty() => self.advance(new, out),
                _ => {}
            },
        }
        while self.cost > PENDING_LIMIT {
            self.skip_gap(out);
        }
    }

    /// Takes the bytes that were awaited, and those that waited for them.
    fn advance(&mut self, payload: &[u8], out: &mut Out<'_>) {
        self.take(payload, out);
        while let Some(first) = self.pending.first_entry() {
            if *first.key() > self.position {
                break;
            }
            let known = self.position - first.key();
            let bytes = first.remove();
            self.cost -= SEGMENT_COST + bytes.len();
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.take(new, out);
            }
        }
    }

    /// Goes on behind bytes that are missing; false when nothing waits behind them.
    fn skip_gap(&mut self, out: &mut Out<'_>) -> bool {
        let Some(first) = self.pending.keys().next() else {
            return false;
        };
        // Segments are taken at a distance that 31 bits can say.
        let gap = (first - self.position) as u32;
        if matches!(self.content, Content::Messages(_)) {
            out.push(Err(Lost::Gap(gap)));
        }
        if !matches!(self.content, Content::Foreign) {
            self.content = Content::Hunting;
        }
        self.move_on(u64::from(gap));
        self.advance(&[], out);
        true
    }

    fn move_on(&mut self, bytes: u64) {
        self.position += bytes;
        self.next = self.next.wrapping_add(bytes as u32);
    }

    /// Takes bytes in order.
    fn take(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        self.move_on(bytes.len() as u64);
        match &mut self.content {
            Content::Beginning(begun) => {
                begun.extend_from_slice(bytes);
                let Some(header) = Header::peek(begun) else {
                    return;
                };
                let begun = std::mem::take(begun);
                self.content = match is_hello(&header) {
                    true => Content::Messages(Framer::default()),
                    false => Content::Foreign,
                };
                self.frame(&begun, out);
            }
            Content::Hunting if are_messages(bytes) => {
                self.content = Content::Messages(Framer::default());
                self.frame(bytes, out);
            }
            Content::Messages(_) => self.frame(bytes, out),
            Content::Hunting | Content::Foreign => {}
        }
    }

    fn frame(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let Content::Messages(framer) = &mut self.content else {
            return;
        };
        framer.push(bytes);
        loop {
            match framer.next_message() {
                Ok(Some(message)) => out.push(Ok(message)),
                Ok(None) => return,
                Err(error) => {
                    out.push(Err(error.into()));
                    self.content = Content::Hunting;
                    return;
                }
            }
        }
    }
}

/// What a connection begins with, in whatever version.
fn is_hello(header: &Header) -> bool {
    const LONGEST: u16 = 4096;
    let length = usize::from(header.length) >= HEADER_LEN && header.length <= LONGEST;
    header.kind == 0 && header.version != 0 && length
}

/// Whether a segment looks like messages of one version, of which the last may go on behind it.
fn are_messages(segment: &[u8]) -> bool {
    let mut rest = segment;
    while let Some(header) = Header::peek(rest) {
        let length = usize::from(header.length);
        let known = Version::from_wire(header.version).is_some() && header.kind <= LAST_TYPE;
        if !known || header.version != segment[0] || length < HEADER_LEN {
            return false;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    segment.len() >= HEADER_LEN && rest.first().is_none_or(|version| *version == segment[0])
}

/// Packets of a link of which it is not known what they begin with, by its number (`LINKTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the capture has packets of link type {0}{name}: only Ethernet, Linux cooked captures, raw IP and BSD loopback \
     are understood",
    name = self.name()
)]
pub(super) struct UnknownLink(pub(super) u16);

impl UnknownLink {
    /// What is known of it, for those that are met most.
    fn name(self) -> &'static str {
        match self.0 {
            9 | 50 | 51 => " (PPP)",
            105 => " (IEEE 802.11)",
            127 => " (IEEE 802.11 with radiotap)",
            147..=162 => " (private)",
            189 | 220 | 249 => " (USB)",
            195 | 230 => " (IEEE 802.15.4)",
            239 => " (NFLOG)",
            253 => " (netlink)",
            _ => "",
        }
    }
}

/// The packet behind whatever link it was captured at; none when it is too short.
fn sliced(packet: &Packet) -> Result<Option<LaxSlicedPacket<'_>>, UnknownLink> {
    const ETHERNET: u16 = 1;
    const LINUX_COOKED: u16 = 113;
    const LINUX_COOKED_2: u16 = 276;
    let bytes = &packet.bytes[..];
    let of_type = |at: usize, behind: usize| {
        let kind = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
        let payload = bytes.get(behind..)?;
        Some(LaxSlicedPacket::from_ether_type(EtherType(kind), payload))
    };
    Ok(match packet.link {
        ETHERNET => LaxSlicedPacket::from_ethernet(bytes).ok(),
        LINUX_COOKED => of_type(14, 16),
        LINUX_COOKED_2 => of_type(0, 20),
        // Four bytes that say a family, in either byte order; the packet says it, too.
        0 | 108 => bytes
            .get(4..)
            .and_then(|ip| LaxSlicedPacket::from_ip(ip).ok()),
        // Raw IP, by several numbers.
        12 | 14 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(bytes).ok(),
        link => return Err(UnknownLink(link)),
    })
}

/// The part of a datagram with TCP that a packet is, if it was captured as a whole.
fn fragment<'a>(packet: &LaxSlicedPacket<'a>) -> Option<(Key, Fragment<'a>)> {
    let payload = packet.ip_payload()?;
    if !payload.fragmented || payload.incomplete || payload.ip_number != IpNumber::TCP {
        return None;
    }
    let (identification, offset, more) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            let offset = header.fragments_offset();
            (
                header.identification().into(),
                offset,
                header.more_fragments(),
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.extensions().clone().into_iter();
            let mut header = header.filter_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) => Some(header),
                _ => None,
            });
            let header = header.next()?;
            if header.next_header() != IpNumber::TCP {
                return None;
            }
            (
                header.identification(),
                header.fragment_offset(),
                header.more_fragments(),
            )
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (source, destination) = addresses(packet)?;
    let key = Key {
        source,
        destination,
        identification,
    };
    let fragment = Fragment {
        offset: offset.byte_offset(),
        more,
        bytes: payload.payload,
    };
    Some((key, fragment))
}

fn addresses(packet: &LaxSlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
    match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        LaxNetSlice::Arp(_) => None,
    }
}

#[cfg(test)]
mod tests;
