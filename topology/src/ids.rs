//! Names and numbers of things: API ids, the keys that stand for them in flows, tunnel kinds.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use rust_openflow::PortNo;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Rows of ids that are UUIDs in the API: type, what it names.
macro_rules! uuid_ids {
    ($($name:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

uuid_ids! {
    NetworkId, "A logical network.";
    SubnetId, "A subnet of a logical network.";
    PortId, "A logical port; the `external_ids:iface-id` of the interface that carries it.";
}

/// A hypervisor, by the `external_ids:system-id` of its Open vSwitch.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChassisId(pub Arc<str>);

impl fmt::Display for ChassisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChassisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ChassisId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// An interface of a hypervisor's switch, by its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId {
    /// The hypervisor.
    pub chassis: ChassisId,
    /// The name of the Interface row in its OVSDB.
    pub name: Arc<str>,
}

/// Rows of keys that stand for things in flows: unique in the cloud, allocated as claims.
macro_rules! keys {
    ($($name:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub NonZeroU32);

        impl $name {
            /// The key of that number; zero is none.
            #[must_use]
            pub fn new(number: u32) -> Option<Self> {
                NonZeroU32::new(number).map(Self)
            }

            /// The number.
            #[must_use]
            pub fn get(self) -> u32 {
                self.0.get()
            }
        }
    )*};
}

keys! {
    DatapathKey, "A network in flows. A VNI is not enough: VXLAN 100 and GRE 100 are two networks.";
    PortKey, "A port in flows, as in-port and as out-port.";
}

/// Rows of the encapsulations: variant, name in the API and in OVSDB, bits of the id on the wire,
/// bytes before the inner Ethernet frame beyond the outer IP header, UDP port, port number of the
/// flow-based tunnel port on every hypervisor, and its name there.
macro_rules! tunnel_kinds {
    ($($variant:ident, $name:literal, $bits:literal, $overhead:literal, $ofport:literal, $port:literal, $doc:literal;)*) => {
        /// How frames travel between hypervisors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum TunnelKind { $(#[doc = $doc] $variant,)* }

        impl TunnelKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name: `provider:network_type` in the API, `Interface.type` in OVSDB.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// The largest id that the API gives to a network of this kind.
            #[must_use]
            pub const fn max_id(self) -> u32 {
                match self { $(Self::$variant => (1 << $bits) - 1,)* }
            }

            /// Bytes that it adds to the inner packet, without the outer IP header: outer
            /// transport and tunnel header, and the inner Ethernet header.
            #[must_use]
            pub const fn overhead(self) -> u16 {
                match self { $(Self::$variant => $overhead,)* }
            }

            /// The number of the flow-based tunnel port, the same on every hypervisor; Open
            /// vSwitch leaves the numbers from 32768 to controllers.
            #[must_use]
            pub const fn ofport(self) -> PortNo {
                match self { $(Self::$variant => PortNo($ofport),)* }
            }

            /// The name of the flow-based tunnel port.
            #[must_use]
            pub const fn port_name(self) -> &'static str {
                match self { $(Self::$variant => $port,)* }
            }
        }

        impl fmt::Display for TunnelKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

tunnel_kinds! {
    Vxlan,  "vxlan",  24, 30, 32769, "weft-vxlan",  "VXLAN (RFC 7348): UDP 8, VXLAN 8, inner Ethernet 14.";
    Geneve, "geneve", 24, 30, 32770, "weft-geneve", "Geneve (RFC 8926) without options: UDP 8, Geneve 8, inner Ethernet 14.";
    Gre,    "gre",    24, 22, 32771, "weft-gre",    "GRE with a key (RFC 2890): GRE 8, inner Ethernet 14.";
}
