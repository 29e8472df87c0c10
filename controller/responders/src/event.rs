//! Everything that can come of a frame, one row each: its name in metrics, how loud it is in the
//! log, and its words. It is also what a function of this crate returns in place of a result
//! that it cannot give. Rows know nothing of who counts or logs them.

use std::fmt;
use std::net::Ipv4Addr;

use rust_openflow::MacAddr;

/// How much an operator wants to hear of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Part of the ordinary, or a mistake of the sender that harms nobody else.
    Debug,
    /// A sender has to change what it does.
    Info,
    /// Something is wrong in the network.
    Warn,
}

/// Rows of events: variant, fields, name in metrics, level, words.
macro_rules! events {
    ($($variant:ident { $($field:ident: $type:ty),* }, $name:literal, $level:ident, $words:literal;)*) => {
        /// What came of a frame.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $(
                #[doc = concat!("`", $name, "`: ", $words, ".")]
                $variant {
                    $(#[doc = concat!("`", stringify!($field), "` in the words.")] $field: $type,)*
                },
            )*
        }

        impl Event {
            /// The name of every event, in the order of the rows.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// Its name in metrics, without its fields.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            /// How much an operator wants to hear of it.
            #[must_use]
            pub const fn level(&self) -> Level {
                match self { $(Self::$variant { .. } => Level::$level,)* }
            }
        }

        impl fmt::Display for Event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant { $($field),* } => write!(f, $words),)* }
            }
        }
    };
}

events! {
    // Frames, of whatever responder.
    FrameTruncated { layer: &'static str }, "frame-truncated", Debug, "the {layer} is shorter than it says";
    FrameNotIpv4 { ether_type: u16 }, "frame-not-ipv4", Debug, "not an IPv4 packet but EtherType {ether_type:#06x}";
    FrameBadIpv4 {}, "frame-bad-ipv4", Debug, "the IPv4 header is not valid";
    FrameFragment {}, "frame-fragment", Debug, "a fragment of an IPv4 packet";
    FrameNotUdp { protocol: u8 }, "frame-not-udp", Debug, "not a UDP datagram but IP protocol {protocol}";
    FrameOtherPort { port: u16 }, "frame-other-port", Debug, "UDP port {port} is not that of the service";
    FrameTooLong { length: usize }, "frame-too-long", Warn, "an answer of {length} bytes does not fit a UDP datagram";

    // DHCPv4: answered.
    Dhcp4Offered { address: Ipv4Addr }, "dhcp4-offered", Debug, "offered {address}";
    Dhcp4Leased { address: Ipv4Addr }, "dhcp4-leased", Debug, "leased {address}";
    Dhcp4Informed { address: Ipv4Addr }, "dhcp4-informed", Debug, "gave parameters to {address}";
    Dhcp4Refused { requested: Ipv4Addr, address: Ipv4Addr }, "dhcp4-refused", Info, "refused {requested}: the address of the port is {address}";

    // DHCPv4: accepted, and no answer is due.
    Dhcp4Released { address: Ipv4Addr }, "dhcp4-released", Debug, "the client released {address}";
    Dhcp4Declined { address: Ipv4Addr }, "dhcp4-declined", Warn, "the client declined {address}: somebody else seems to use it";

    // DHCPv4: ignored.
    Dhcp4Truncated { length: usize }, "dhcp4-truncated", Debug, "a BOOTP message of {length} bytes is too short";
    Dhcp4NotRequest { op: u8 }, "dhcp4-not-request", Debug, "op {op} is not a BOOTREQUEST";
    Dhcp4Hardware { htype: u8, hlen: u8 }, "dhcp4-hardware", Debug, "hardware type {htype} with addresses of {hlen} bytes is not Ethernet";
    Dhcp4Relayed { giaddr: Ipv4Addr }, "dhcp4-relayed", Debug, "comes from the relay agent {giaddr}";
    Dhcp4OtherClient { chaddr: MacAddr }, "dhcp4-other-client", Info, "the client address {chaddr} is not that of the port";
    Dhcp4NotDhcp {}, "dhcp4-not-dhcp", Debug, "BOOTP without a DHCP message type";
    Dhcp4OptionTruncated { code: u8 }, "dhcp4-option-truncated", Debug, "option {code} goes beyond its field";
    Dhcp4OptionLength { code: u8, length: usize }, "dhcp4-option-length", Debug, "option {code} has {length} bytes, which is not its length";
    Dhcp4MessageType { message_type: u8 }, "dhcp4-message-type", Debug, "message type {message_type} is not one that clients send";
    Dhcp4OtherServer { server: Ipv4Addr }, "dhcp4-other-server", Debug, "is for the server {server}";
    Dhcp4NothingRequested {}, "dhcp4-nothing-requested", Debug, "names no address, and must";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names = Event::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Event::NAMES.len());
    }

    #[test]
    fn an_event_has_a_name_without_and_words_with_its_fields() {
        let event = Event::Dhcp4Refused {
            requested: Ipv4Addr::new(10, 0, 0, 9),
            address: Ipv4Addr::new(10, 0, 0, 5),
        };
        assert_eq!(event.name(), "dhcp4-refused");
        assert_eq!(event.level(), Level::Info);
        assert_eq!(
            event.to_string(),
            "refused 10.0.0.9: the address of the port is 10.0.0.5"
        );
    }
}
