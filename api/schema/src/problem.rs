//! What the API answers when it cannot do what was asked: one row per error class.
//!
//! A row gives the class name that clients branch on, the HTTP status and the words. Services
//! raise a [`Fault`] with its facts; a [`Problem`] is what the caller sees. Which situation is
//! which fault is decided in `weft-engine`; nothing here knows HTTP beyond the status number.
//! Source: chapter 4 of the contract, that is Neutron's own exceptions.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::SerializeMap;

/// Rows of the errors: class { facts }, HTTP status, message, when it is raised.
macro_rules! problems {
    ($($name:ident { $($fact:ident),* } $status:literal $message:literal, $doc:literal;)*) => {
        /// The class of an error: the `type` that clients branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemKind { $(#[doc = $doc] $name,)* }

        impl ProblemKind {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Its HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// When it is raised, in a sentence.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }

        /// An error with the facts that its message names.
        #[derive(Clone, Copy)]
        pub enum Fault<'a> { $(
            #[doc = $doc]
            $name { $(#[doc = concat!("The ", stringify!($fact), " that the message names.")] $fact: &'a dyn Display,)* },
        )* }

        impl From<Fault<'_>> for Problem {
            fn from(fault: Fault<'_>) -> Self {
                match fault { $(
                    Fault::$name { $($fact),* } => Self {
                        kind: ProblemKind::$name,
                        message: format!($message, $($fact = $fact),*),
                        detail: String::new(),
                        allowed: None,
                    },
                )* }
            }
        }
    };
}

problems! {
    NetworkNotFound { id } 404 "Network {id} could not be found.",
        "No network of that id, or none that the caller may see.";
    SubnetNotFound { id } 404 "Subnet {id} could not be found.",
        "No subnet of that id, or none that the caller may see.";
    PortNotFound { id } 404 "Port {id} could not be found.",
        "No port of that id, or none that the caller may see.";
    HTTPNotFound { what } 404 "{what}",
        "No such path.";
    HTTPMethodNotAllowed { method } 405 "The method {method} is not allowed for this resource.",
        "The verb does not apply to that path.";
    HTTPBadRequest { reason } 400 "{reason}",
        "The request's body, an attribute or a query parameter is not what it must be.";
    InvalidInput { reason } 400 "Invalid input for operation: {reason}.",
        "Values are each well formed and make no sense together.";
    TenantIdProjectIdFilterConflict {} 400 "Both tenant_id and project_id passed as filters.",
        "Two names of one attribute with different values.";
    PolicyNotAuthorized { rule } 403 "{rule} is disallowed by policy",
        "The caller sees the row and may not do that to it.";
    RevisionNumberConstraintFailed { expected, current } 412
        "Constrained to {expected}, but current revision is {current}",
        "If-Match names another revision than the row has.";

    NetworkInUse { id, ports } 409
        "Unable to complete operation on network {id}. There are one or more ports still in use on the network, id for these ports is {ports}.",
        "A network with ports cannot be deleted.";
    InvalidSharedSetting { id } 409
        "Unable to reconfigure sharing settings for network {id}. Multiple tenants are using it.",
        "A network that other projects use cannot be taken from them.";
    NetworkMTUSubnetConflict { id, minimum } 409
        "MTU of {id} is not valid, subnet requires a minimum of {minimum}",
        "The network's MTU is too small for the subnet's IP version.";
    TunnelIdInUse { id } 409 "Unable to create the network. The tunnel ID {id} is in use.",
        "The segmentation id asked for belongs to another network.";
    NoNetworkAvailable {} 503
        "Unable to create the network. No tenant network is available for allocation.",
        "No segmentation id is left.";

    SubnetInUse { id, ports } 409
        "Unable to complete operation on subnet {id}: One or more ports have an IP allocation from this subnet, id for these ports is {ports}.",
        "A subnet with addresses in use cannot be deleted.";
    GatewayConflictWithAllocationPools { ip, pool } 409
        "Gateway ip {ip} conflicts with allocation pool {pool}.",
        "The gateway lies in a range that addresses are given out from.";
    OverlappingAllocationPools { first, second, cidr } 409
        "Found overlapping allocation pools: {first} {second} for subnet {cidr}.",
        "Two allocation pools share addresses.";
    OutOfBoundsAllocationPool { pool, cidr } 400
        "The allocation pool {pool} spans beyond the subnet cidr {cidr}.",
        "An allocation pool leaves its subnet.";
    InvalidAllocationPool { pool } 400 "The allocation pool {pool} is not valid.",
        "An allocation pool ends before it starts, or mixes IP versions.";
    DNSNameServersExhausted { id, limit } 400
        "Unable to complete operation for {id}. The number of DNS nameservers exceeds the limit {limit}.",
        "Too many resolvers.";
    HostRoutesExhausted { id, limit } 400
        "Unable to complete operation for {id}. The number of host routes exceeds the limit {limit}.",
        "Too many static routes.";

    MacAddressInUse { network, mac } 409
        "Unable to complete operation for network {network}. The mac address {mac} is in use.",
        "Another port of the network has that Ethernet address.";
    IpAddressAlreadyAllocated { ip, subnet } 409
        "IP address {ip} already allocated in subnet {subnet}.",
        "Another port has the address asked for.";
    IpAddressGenerationFailure { network } 409
        "No more IP addresses available on network {network}.",
        "The allocation pools are exhausted.";
    InvalidIpForNetwork { ip } 400
        "IP address {ip} is not a valid IP for any of the subnets on the specified network.",
        "No subnet of the network contains the address asked for.";
    InvalidIpForSubnet { ip } 400
        "IP address {ip} is not a valid IP for the specified subnet.",
        "The subnet does not contain the address, or no host may have it.";
    ServicePortInUse { id, reason } 409
        "Port {id} cannot be deleted directly via the port API: {reason}.",
        "The port belongs to Weft itself.";
    AllowedAddressPairExhausted { limit } 400
        "The number of allowed address pair exceeds the maximum {limit}.",
        "Too many allowed address pairs.";
    DuplicateAddressPairInRequest { mac, ip } 400
        "Request contains duplicate address pair: mac_address {mac} ip_address {ip}.",
        "An allowed address pair is given twice.";
    AddressPairAndPortSecurityRequired {} 409
        "Port Security must be enabled in order to have allowed address pairs on a port.",
        "Address pairs make no sense without port security.";

    HTTPRequestTimeout {} 408 "The request did not arrive in time.",
        "The body came too slowly.";
    HTTPRequestEntityTooLarge { limit } 413 "The request body is larger than {limit} bytes.",
        "The body is larger than the server reads.";
    ServiceUnavailable { reason } 503 "{reason}",
        "The database does not answer, or writers kept getting in each other's way.";
    HTTPInternalServerError {} 500
        "Request Failed: internal server error while processing your request.",
        "A defect of Weft; what it was stands in the log, not in the answer.";
}

/// An error as the API's caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct Problem {
    /// Its class.
    pub kind: ProblemKind,
    /// What was wrong, in words.
    pub message: String,
    /// More; mostly empty, but always present in the answer because clients index it.
    pub detail: String,
    /// The verbs that apply to the path when the one asked for does not: the header `Allow`, which
    /// RFC 9110 (15.5.6) wants.
    pub allowed: Option<&'static str>,
}

impl Problem {
    /// A 400 in the given words.
    #[must_use]
    pub fn bad_request(reason: impl Display) -> Self {
        Fault::HTTPBadRequest { reason: &reason }.into()
    }

    /// A 400 about values that make no sense together.
    #[must_use]
    pub fn invalid(reason: impl Display) -> Self {
        Fault::InvalidInput { reason: &reason }.into()
    }

    /// A 405, with the verbs that apply.
    #[must_use]
    pub fn no_such_method(method: &dyn Display, allowed: &'static str) -> Self {
        Self {
            allowed: Some(allowed),
            ..Fault::HTTPMethodNotAllowed { method }.into()
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The JSON body of the answer: `{"NeutronError": {"type", "message", "detail"}}`.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Inner<'a> {
            r#type: &'static str,
            message: &'a str,
            detail: &'a str,
        }
        let mut outer = serializer.serialize_map(Some(1))?;
        outer.serialize_entry(
            "NeutronError",
            &Inner {
                r#type: self.kind.name(),
                message: &self.message,
                detail: &self.detail,
            },
        )?;
        outer.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_type_message_and_an_empty_detail() {
        let problem = Problem::from(Fault::NetworkNotFound { id: &"abc" });
        let body: serde_json::Value = serde_json::from_slice(&problem.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"NeutronError": {
                "type": "NetworkNotFound",
                "message": "Network abc could not be found.",
                "detail": "",
            }})
        );
        assert_eq!(problem.status(), 404);
    }

    #[test]
    fn class_names_are_unique_and_every_row_has_words() {
        let mut names: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert!(kind.doc().ends_with('.'), "{kind:?}");
            assert!((400..600).contains(&kind.status()), "{kind:?}");
        }
    }
}
