//! The options that an answer gives: one row each, in order of importance, with how its value
//! follows from the facts (RFC 2132; RFC 3442 for classless routes). Which message they go into,
//! and the options that make it the message that it is, are decided one level up.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Facts;
use super::message::size;

/// Option codes (RFC 2132 unless said otherwise).
pub(super) mod code {
    pub(crate) const PAD: u8 = 0;
    pub(crate) const SUBNET_MASK: u8 = 1;
    pub(crate) const ROUTER: u8 = 3;
    pub(crate) const DNS: u8 = 6;
    pub(crate) const HOST_NAME: u8 = 12;
    pub(crate) const DOMAIN_NAME: u8 = 15;
    pub(crate) const MTU: u8 = 26;
    pub(crate) const BROADCAST: u8 = 28;
    pub(crate) const REQUESTED_ADDRESS: u8 = 50;
    pub(crate) const LEASE_TIME: u8 = 51;
    pub(crate) const OVERLOAD: u8 = 52;
    pub(crate) const MESSAGE_TYPE: u8 = 53;
    pub(crate) const SERVER_ID: u8 = 54;
    pub(crate) const PARAMETER_REQUEST_LIST: u8 = 55;
    pub(crate) const MESSAGE: u8 = 56;
    pub(crate) const MAX_MESSAGE_SIZE: u8 = 57;
    pub(crate) const RENEWAL_TIME: u8 = 58;
    pub(crate) const REBINDING_TIME: u8 = 59;
    pub(crate) const CLIENT_ID: u8 = 61;
    /// RFC 4039.
    pub(crate) const RAPID_COMMIT: u8 = 80;
    /// RFC 3442.
    pub(crate) const CLASSLESS_ROUTES: u8 = 121;
    /// The same before it had a number of its own, for old Windows clients.
    pub(crate) const CLASSLESS_ROUTES_MICROSOFT: u8 = 249;
    pub(crate) const END: u8 = 255;
}

/// Values of option 53 (RFC 2132, 9.6).
pub(super) mod message_type {
    pub(crate) const DISCOVER: u8 = 1;
    pub(crate) const OFFER: u8 = 2;
    pub(crate) const REQUEST: u8 = 3;
    pub(crate) const DECLINE: u8 = 4;
    pub(crate) const ACK: u8 = 5;
    pub(crate) const NAK: u8 = 6;
    pub(crate) const RELEASE: u8 = 7;
    pub(crate) const INFORM: u8 = 8;
}

/// When an option is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    /// In every answer.
    Always,
    /// In every answer that leases an address.
    WithLease,
    /// In such an answer, when asked for or when the client does not say what it wants.
    WithLeaseByDefault,
    /// When asked for, or when the client does not say what it wants.
    ByDefault,
    /// When asked for.
    WhenAsked,
}

impl Given {
    fn applies(self, asked: Option<&[u8]>, code: u8, lease: bool) -> bool {
        let named = asked.is_some_and(|list| list.contains(&code));
        match self {
            Self::Always => true,
            Self::WithLease => lease,
            Self::WithLeaseByDefault => lease && (named || asked.is_none()),
            Self::ByDefault => named || asked.is_none(),
            Self::WhenAsked => named,
        }
    }
}

/// The value of an option, when the facts have one.
type Value = fn(&Facts) -> Option<Vec<u8>>;

/// Rows of options: code, when it is given, its value from the facts. The first are the last to be
/// left out.
macro_rules! given {
    ($($code:ident, $given:ident, $value:expr;)*) => {
        const TABLE: &[(u8, Given, Value)] = &[$((code::$code, Given::$given, $value),)*];
    };
}

given! {
    LEASE_TIME,       WithLease,          |facts| seconds(facts.lease_seconds);
    SUBNET_MASK,      Always,             |facts| addresses([facts.subnet.netmask()]);
    ROUTER,           Always,             |facts| addresses(facts.gateway);
    CLASSLESS_ROUTES, Always,             classless_routes;
    DNS,              Always,             |facts| addresses(facts.dns.iter().copied());
    MTU,              Always,             mtu;
    HOST_NAME,        ByDefault,          |facts| text(facts.hostname.as_deref());
    DOMAIN_NAME,      ByDefault,          |facts| text(facts.domain.as_deref());
    BROADCAST,        ByDefault,          broadcast;
    RENEWAL_TIME,     WithLeaseByDefault, |facts| seconds(facts.lease_seconds / 2);
    REBINDING_TIME,   WithLeaseByDefault, |facts| seconds(facts.lease_seconds - facts.lease_seconds / 8);
    CLASSLESS_ROUTES_MICROSOFT, WhenAsked, classless_routes;
}

/// The options of an answer in their order, in at most `room` bytes. `asked` is the client's
/// parameter request list, whose order is kept (RFC 2131, 4.3.1); `lease` tells whether the answer
/// leases the address.
pub(super) fn select(
    facts: &Facts,
    asked: Option<&[u8]>,
    lease: bool,
    mut room: usize,
) -> Vec<(u8, Vec<u8>)> {
    let mut chosen = Vec::with_capacity(TABLE.len());
    for (code, given, value) in TABLE {
        if given.applies(asked, *code, lease)
            && let Some(value) = value(facts)
            && let Some(left) = room.checked_sub(size(value.len()))
        {
            room = left;
            chosen.push((*code, value));
        }
    }
    chosen.sort_by_key(|(code, _)| match *code {
        // The mask goes before the router, however they were asked for (RFC 2132, 3.3).
        code::LEASE_TIME | code::SUBNET_MASK => 0,
        code => asked
            .and_then(|list| list.iter().position(|named| *named == code))
            .map_or(usize::MAX, |position| position + 1),
    });
    chosen
}

/// Addresses one after another, when there are any.
fn addresses(list: impl IntoIterator<Item = Ipv4Addr>) -> Option<Vec<u8>> {
    let value: Vec<u8> = list.into_iter().flat_map(|ip| ip.octets()).collect();
    (!value.is_empty()).then_some(value)
}

/// A duration.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a value")]
fn seconds(duration: u32) -> Option<Vec<u8>> {
    Some(duration.to_be_bytes().to_vec())
}

/// A name, when there is one; an empty option is not allowed (RFC 2132, 3.14 and 3.17).
fn text(name: Option<&str>) -> Option<Vec<u8>> {
    name.filter(|name| !name.is_empty())
        .map(|name| name.as_bytes().to_vec())
}

/// The MTU, of which 68 is the least (RFC 2132, 5.1).
fn mtu(facts: &Facts) -> Option<Vec<u8>> {
    (facts.mtu >= 68).then(|| facts.mtu.to_be_bytes().to_vec())
}

/// The broadcast address, where a subnet has room for one.
fn broadcast(facts: &Facts) -> Option<Vec<u8>> {
    (facts.subnet.prefix_len() < 31)
        .then_some(facts.subnet.broadcast())
        .and_then(|address| addresses([address]))
}

/// Classless static routes (RFC 3442), when there are host routes. A client that takes them
/// leaves the router option aside, so the default route is among them.
fn classless_routes(facts: &Facts) -> Option<Vec<u8>> {
    if facts.host_routes.is_empty() {
        return None;
    }
    let default = facts
        .gateway
        .filter(|_| {
            facts
                .host_routes
                .iter()
                .all(|(net, _)| net.prefix_len() > 0)
        })
        .map(|gateway| (Ipv4Net::default(), gateway));
    let mut value = Vec::new();
    for (net, router) in facts.host_routes.iter().copied().chain(default) {
        let significant = usize::from(net.prefix_len().div_ceil(8));
        value.push(net.prefix_len());
        value.extend_from_slice(&net.network().octets()[..significant]);
        value.extend(router.octets());
    }
    Some(value)
}
