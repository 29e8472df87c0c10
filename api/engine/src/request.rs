//! What the engine is asked and what it answers: HTTP without HTTP.
//!
//! The shell (`weft-api`) makes these from a connection and commits what comes back; whether it
//! is authenticated, over TLS, or a test, is not known here.

use rust_openflow::MacAddr;
use serde_json::Value;
use weft_schema::WriteSet;
use weft_topology::TunnelKind;

/// One request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// `GET`, `POST` ... in upper case.
    pub method: String,
    /// The path after `/v2.0`, percent-decoded: `/networks/ID`. A `.json` suffix is accepted.
    pub path: String,
    /// The query's pairs, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The body. A body that is no JSON is `Value::Null` here: the engine words the refusal.
    pub body: Option<Value>,
    /// The `If-Match` header.
    pub if_match: Option<String>,
}

/// Who asks, when, and where the API stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The caller.
    pub user: String,
    /// The project that the caller acts for.
    pub project: String,
    /// Whether the caller is an administrator.
    pub is_admin: bool,
    /// `req-...`, which goes into the log.
    pub request_id: String,
    /// Now, in microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// Scheme and authority of this API as the caller sees it, without a slash at the end:
    /// `http://controller:9696`. For links in answers.
    pub base_url: String,
}

/// Where ids and Ethernet addresses come from: a source of uniform 64-bit numbers.
pub type Entropy<'a> = &'a mut dyn FnMut() -> u64;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; none for an empty one.
    pub body: Option<Vec<u8>>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is to be written; this is the answer.
    Done(Response),
    /// The answer holds once this is committed. When the store refuses it because something
    /// changed or a claim is taken, ask again on a newer state.
    Write {
        /// What to commit.
        write: WriteSet,
        /// The answer when it is committed.
        response: Response,
    },
}

/// What an installation decides for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Generated Ethernet addresses begin like this: with its first three octets, or four when
    /// the fourth is not 0.
    pub base_mac: MacAddr,
    /// The encapsulation of networks that do not ask for one.
    pub network_type: TunnelKind,
    /// The ids that networks get by themselves, per encapsulation; asked for, any is possible.
    pub segment_ranges: Vec<(TunnelKind, std::ops::RangeInclusive<u32>)>,
    /// The largest IP packet between hypervisors, in bytes.
    pub underlay_mtu: u16,
    /// Whether hypervisors reach each other over IPv6, whose header is 20 bytes longer.
    pub underlay_ipv6: bool,
    /// The most resolvers of a subnet.
    pub max_dns_nameservers: usize,
    /// The most static routes of a subnet.
    pub max_subnet_host_routes: usize,
    /// The most allowed address pairs of a port.
    pub max_allowed_address_pairs: usize,
    /// The most addresses that a port may ask for.
    pub max_fixed_ips_per_port: usize,
    /// The most objects of a bulk create.
    pub max_bulk: usize,
    /// The most rows on one page, when limited.
    pub pagination_max_limit: Option<usize>,
    /// The integration bridge of every hypervisor.
    pub bridge: String,
    /// The domain of names that guests are given.
    pub dns_domain: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_mac: MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0]),
            network_type: TunnelKind::Vxlan,
            segment_ranges: TunnelKind::ALL
                .iter()
                .map(|kind| (*kind, 1..=kind.max_id()))
                .collect(),
            underlay_mtu: 1500,
            underlay_ipv6: false,
            max_dns_nameservers: 5,
            max_subnet_host_routes: 20,
            max_allowed_address_pairs: 10,
            max_fixed_ips_per_port: 256,
            max_bulk: 1000,
            pagination_max_limit: None,
            bridge: "br-int".to_owned(),
            dns_domain: "openstacklocal.".to_owned(),
        }
    }
}
