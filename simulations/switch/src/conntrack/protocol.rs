//! How connections of a protocol go, and how long they live without a packet.
//!
//! As `lib/conntrack-icmp.c` and `lib/conntrack-other.c` of Open vSwitch 3.1; TCP is in [`super::tcp`], the times are
//! those of `lib/conntrack-tp.c` without a timeout policy.

use crate::parse::{ICMP, ICMPV6, TCP};

use super::key::is_query;
use super::tcp::{self, Peer};

macro_rules! timeouts {
    ($($name:ident $seconds:literal $doc:literal;)*) => {
        /// How long a connection lives without another packet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Timeout {
            $(#[doc = $doc] $name,)*
        }

        impl Timeout {
            pub(super) fn milliseconds(self) -> u64 {
                match self {
                    $(Self::$name => $seconds * 1000,)*
                }
            }
        }
    };
}

timeouts! {
    TcpFirst 30 "Only one end was heard of.";
    TcpOpening 30 "One end did not acknowledge.";
    TcpEstablished 86_400 "Both ends acknowledged.";
    TcpClosing 900 "One end closed.";
    TcpFinWait 45 "Both ends closed.";
    TcpClosed 30 "It is over.";
    IcmpFirst 60 "There was no answer.";
    IcmpAnswered 30 "There was an answer.";
    OtherFirst 60 "There was one packet.";
    OtherMore 60 "There were packets of one direction.";
    OtherAnswered 30 "There were packets of both directions.";
}

/// What a packet does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// It belongs to it; none when the connection lives no longer for it.
    Established(Option<Timeout>),
    /// It belongs to it, and the other end was not heard of.
    New(Timeout),
    /// It begins a new one in place of this one.
    Anew,
    /// It does not belong to it.
    Invalid,
}

/// How a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    /// Its ends; who began is the first.
    Tcp([Peer; 2]),
    Icmp {
        answered: bool,
    },
    /// Neither of these.
    Other {
        answered: bool,
    },
}

impl Progress {
    /// After a connection's first packet, given from its transport header on; none when it cannot be the first.
    pub(super) fn begin(protocol: u8, message: &[u8]) -> Option<(Self, Timeout)> {
        let query = |v6| message.first().is_some_and(|kind| is_query(*kind, v6));
        let answered = false;
        match protocol {
            TCP => Some((Self::Tcp(tcp::begin(message)?), Timeout::TcpFirst)),
            ICMP | ICMPV6 => {
                query(protocol == ICMPV6).then_some((Self::Icmp { answered }, Timeout::IcmpFirst))
            }
            _ => Some((Self::Other { answered }, Timeout::OtherFirst)),
        }
    }

    /// Another packet; `reply` when it comes from who did not begin.
    pub(super) fn update(&mut self, message: &[u8], reply: bool) -> Update {
        match self {
            Self::Tcp(peers) => tcp::update(peers, message, reply),
            Self::Icmp { answered } => {
                *answered |= reply;
                match *answered {
                    true => Update::Established(Some(Timeout::IcmpAnswered)),
                    false => Update::New(Timeout::IcmpFirst),
                }
            }
            Self::Other { answered } => {
                *answered |= reply;
                match *answered {
                    true => Update::Established(Some(Timeout::OtherAnswered)),
                    false => Update::New(Timeout::OtherMore),
                }
            }
        }
    }
}
