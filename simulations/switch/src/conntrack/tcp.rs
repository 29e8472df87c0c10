//! How a TCP connection goes, seen from the middle: states, and sequence numbers within their windows.
//!
//! As `lib/conntrack-tcp.c` of Open vSwitch 3.1, which follows G. van Rooij, "Real Stateful TCP Packet Filtering in
//! IP Filter". A connection that is met in its middle is taken up. It knows nothing of addresses, nor of time.

use crate::parse::be;

use super::protocol::{Timeout, Update};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;

/// The largest shift of a window (RFC 7323, 2.3).
const MAX_SHIFT: u8 = 14;
/// How far an acknowledgement may be off.
const MAX_ACK_SKEW: i64 = 0xffff + 1500;

/// The states of an end, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    Closed,
    SynSent,
    Established,
    Closing,
    FinWait2,
    TimeWait,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::SynSent => "SYN_SENT",
            Self::Established => "ESTABLISHED",
            Self::Closing => "CLOSING",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::TimeWait => "TIME_WAIT",
        }
    }
}

/// What is known of the scale of an end's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scale {
    /// It does not scale.
    None,
    /// It said so in its SYN.
    Said(u8),
    /// The SYN was not seen.
    Unknown,
}

impl Scale {
    pub(super) fn shift(self) -> u8 {
        match self {
            Self::Said(shift) => shift,
            Self::None | Self::Unknown => 0,
        }
    }
}

/// One end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub(super) state: State,
    /// The last sequence number that it sent.
    low: u32,
    /// The last one that it may send.
    high: u32,
    /// The largest window that it offered, unscaled.
    window: u16,
    pub(super) scale: Scale,
}

/// What a segment says.
struct Segment<'a> {
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    window: u16,
    options: &'a [u8],
    /// How many sequence numbers it takes.
    length: u32,
}

impl<'a> Segment<'a> {
    /// Reads a TCP header with what it carries; none when it is cut off.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = usize::from(bytes.get(12)? >> 4) * 4;
        let options = bytes.get(20..header)?;
        let flags = *bytes.get(13)?;
        let has = |flag: u8| u32::from(flags & flag != 0);
        Some(Self {
            flags,
            sequence: be(bytes, 4, 4)? as u32,
            acknowledged: be(bytes, 8, 4)? as u32,
            window: be(bytes, 14, 2)? as u16,
            options,
            length: (bytes.len() - header) as u32 + has(SYN) + has(FIN),
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether no honest end sends these flags.
    fn is_absurd(&self) -> bool {
        let beginning = self.has(SYN);
        beginning && self.has(RST | FIN)
            || !beginning && !self.has(ACK | RST)
            || !self.has(ACK) && self.has(FIN | PSH | URG)
    }

    fn opens(&self) -> bool {
        self.has(SYN) && !self.has(ACK)
    }

    /// The window scale option (RFC 7323, 2.2).
    fn scale(&self) -> Scale {
        const END: u8 = 0;
        const NOTHING: u8 = 1;
        const WINDOW_SCALE: u8 = 3;
        let (mut options, mut scale) = (self.options, Scale::None);
        while let [kind, length, third, ..] = *options {
            let step = match kind {
                END => break,
                NOTHING => 1,
                _ => usize::from(length).max(2),
            };
            if kind == WINDOW_SCALE {
                scale = Scale::Said(third.min(MAX_SHIFT));
            }
            options = options.get(step..).unwrap_or_default();
        }
        scale
    }
}

/// A window as it would be offered with a scale.
fn unscaled(window: u16, shift: u8) -> u16 {
    // No more than the window itself.
    u32::from(window).div_ceil(1 << shift) as u16
}

/// Whether `a` does not come before `b`, in the arithmetic of sequence numbers (RFC 9293, 3.4).
fn reaches(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 >= 0
}

/// The two ends after the first segment of a connection; none when it cannot be one. A connection whose
/// beginning was not seen is taken up, but not at its second segment.
pub(super) fn begin(bytes: &[u8]) -> Option<[Peer; 2]> {
    let segment = Segment::read(bytes)?;
    if segment.is_absurd() || segment.has(SYN) && segment.has(ACK) {
        return None;
    }
    let (scale, other) = match segment.has(SYN) {
        true => (segment.scale(), Scale::None),
        false => (Scale::Unknown, Scale::Unknown),
    };
    let high = segment.sequence.wrapping_add(segment.length + 1);
    Some([
        Peer {
            state: State::SynSent,
            low: segment.sequence,
            high,
            window: unscaled(segment.window.max(1), scale.shift()),
            scale,
        },
        Peer {
            state: State::Closed,
            low: 0,
            high: 1,
            window: 1,
            scale: other,
        },
    ])
}

/// What a segment does to its connection; `reply` when it comes from who did not begin.
pub(super) fn update(peers: &mut [Peer; 2], bytes: &[u8], reply: bool) -> Update {
    let [first, second] = peers;
    let (from, to) = if reply {
        (second, first)
    } else {
        (first, second)
    };
    let Some(segment) = Segment::read(bytes).filter(|segment| !segment.is_absurd()) else {
        return Update::Invalid;
    };
    if segment.opens() {
        if from.state >= State::FinWait2 && to.state >= State::FinWait2 {
            (from.state, to.state) = (State::Closed, State::Closed);
            return Update::Anew;
        }
        if from.state <= State::SynSent {
            from.state = State::SynSent;
            return Update::New(Timeout::TcpFirst);
        }
    }
    let mut check = Check::new(&segment, from, to);
    if from.state < State::SynSent {
        check.meet(&segment, from, to);
    }
    if !segment.has(ACK) || segment.acknowledged == 0 && segment.has(RST) {
        // It acknowledges nothing.
        check.acknowledged = to.low;
    }
    if check.sequence == check.end {
        // Without data it is not held to its sequence number.
        (check.sequence, check.end) = (from.low, from.low);
    }
    if check.is_within(&segment, from, to) {
        check.slide(from, to);
        Update::Established(Some(go_on(&segment, from, to)))
    } else if check.is_near(from, to) {
        check.slide(from, to);
        close(&segment, from, to);
        Update::Established(None)
    } else {
        Update::Invalid
    }
}

/// A segment held against the windows of both ends.
struct Check {
    /// The shifts of the sender's and the receiver's windows.
    shift: u8,
    other_shift: u8,
    window: u16,
    sequence: u32,
    end: u32,
    acknowledged: u32,
    /// Whether acknowledgements are held against what was sent.
    strict: bool,
}

impl Check {
    fn new(segment: &Segment<'_>, from: &Peer, to: &Peer) -> Self {
        let (shift, other_shift) = match (from.scale, to.scale) {
            _ if segment.has(SYN) => (0, 0),
            (Scale::Said(own), Scale::Said(other)) => (own, other),
            (Scale::Unknown, Scale::Unknown) => (MAX_SHIFT, MAX_SHIFT),
            _ => (0, 0),
        };
        Self {
            shift,
            other_shift,
            window: segment.window,
            sequence: segment.sequence,
            end: segment.sequence.wrapping_add(segment.length),
            acknowledged: segment.acknowledged,
            strict: true,
        }
    }

    /// The first segment of an end.
    fn meet(&mut self, segment: &Segment<'_>, from: &mut Peer, to: &mut Peer) {
        if segment.has(SYN)
            && let Scale::Said(other) = to.scale
        {
            from.scale = segment.scale();
            if let Scale::Said(own) = from.scale {
                self.shift = own;
                self.window = unscaled(self.window, own);
                self.other_shift = other;
            } else {
                // Who does not scale makes the other not scale either (RFC 7323, 2.2).
                to.window = (u32::from(to.window) << other) as u16;
                to.scale = Scale::None;
            }
        }
        from.low = segment.sequence;
        from.state = State::SynSent;
        let reach = (u32::from(to.window) << self.other_shift).max(1);
        let high = self.end.wrapping_add(reach);
        if from.high == 1 || reaches(high, from.high) {
            from.high = high;
            // The connection is new, or taken up: acknowledgements may be anything.
            self.strict = false;
        }
        from.window = from.window.max(self.window);
    }

    /// Whether everything is within what the ends allow each other.
    fn is_within(&self, segment: &Segment<'_>, from: &Peer, to: &Peer) -> bool {
        let skew = match self.strict {
            true => i64::from(to.low.wrapping_sub(self.acknowledged) as i32),
            false => 0,
        };
        let back = u32::from(to.window) << self.other_shift;
        // A reset must hit the sequence number, or its neighbours.
        let off = segment.sequence.wrapping_sub(from.low).wrapping_add(1);
        reaches(from.high, self.end)
            && reaches(self.sequence, from.low.wrapping_sub(back))
            && (-MAX_ACK_SKEW..=MAX_ACK_SKEW << self.shift).contains(&skew)
            && (!segment.has(RST) || off <= 2)
    }

    /// Whether it is near enough for an end that did not answer yet, or a connection that is over.
    fn is_near(&self, from: &Peer, to: &Peer) -> bool {
        const NEAR: u32 = MAX_ACK_SKEW as u32;
        let loose = to.state < State::SynSent
            || to.state >= State::FinWait2
            || from.state >= State::FinWait2;
        loose
            && reaches(from.high.wrapping_add(NEAR), self.end)
            && reaches(self.sequence, from.low.wrapping_sub(NEAR))
    }

    fn slide(&self, from: &mut Peer, to: &mut Peer) {
        from.window = from.window.max(self.window);
        if !reaches(from.low, self.end) {
            from.low = self.end;
        }
        let window = u32::from(self.window) << self.shift;
        if reaches(self.acknowledged.wrapping_add(window), to.high) {
            to.high = self.acknowledged.wrapping_add(window.max(1));
        }
    }
}

/// What a segment within the windows does to the states; how long the connection lives without another.
fn go_on(segment: &Segment<'_>, from: &mut Peer, to: &mut Peer) -> Timeout {
    if segment.has(FIN) {
        from.state = from.state.max(State::Closing);
    }
    if segment.has(ACK) {
        to.state = match to.state {
            State::SynSent => State::Established,
            State::Closing => State::FinWait2,
            state => state,
        };
    }
    if segment.has(RST) {
        (from.state, to.state) = (State::TimeWait, State::TimeWait);
    }
    let (less, more) = (from.state.min(to.state), from.state.max(to.state));
    if less >= State::FinWait2 {
        Timeout::TcpClosed
    } else if less >= State::Closing {
        Timeout::TcpFinWait
    } else if less < State::Established {
        Timeout::TcpOpening
    } else if more >= State::Closing {
        Timeout::TcpClosing
    } else {
        Timeout::TcpEstablished
    }
}

/// What a segment outside of them does: it can only end the connection.
fn close(segment: &Segment<'_>, from: &mut Peer, to: &mut Peer) {
    if segment.has(FIN) {
        from.state = from.state.max(State::Closing);
    }
    if segment.has(RST) {
        (from.state, to.state) = (State::TimeWait, State::TimeWait);
    }
}
