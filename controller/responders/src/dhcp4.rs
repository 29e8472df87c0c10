//! DHCPv4 (RFC 2131): every port of a subnet with DHCP gets the addresses that the model gives it.
//!
//! There is no pool and no database of leases: the model says which address a port has, so an
//! offer reserves nothing and a lease needs no memory. That is why the states of RFC 2131 shrink
//! to one question: is the address that the client names the one of its port?
//!
//! [`Facts`] follow from the model, `message` is the BOOTP layout, `options` the table of the
//! options that are given. It deliberately adds nothing to the facts: no metadata route, no
//! resolver, no domain of its own.

mod facts;
mod message;
mod options;

use std::net::Ipv4Addr;

use rust_openflow::MacAddr;

pub use facts::{DEFAULT_LEASE_SECONDS, Facts};
use message::{Request, encode};
use options::{code, message_type};

use crate::frame::Udp4;
use crate::{Event, Reply, Responder};

/// The UDP port of servers (RFC 2131, 4.1).
const SERVER_PORT: u16 = 67;
/// The UDP port of clients (RFC 2131, 4.1).
const CLIENT_PORT: u16 = 68;
/// The Ethernet hardware type (RFC 1700) and the length of its addresses.
const ETHERNET: (u8, u8) = (1, 6);
/// The client cannot receive unicast before it is configured (RFC 2131, 2, figure 2).
const FLAG_BROADCAST: u16 = 0x8000;
/// The smallest IPv4 packet that every client takes (RFC 2132, 9.10), in bytes.
const MIN_PACKET: u16 = 576;
/// IPv4 and UDP headers, which count in the client's maximum message size, in bytes.
const PACKET_HEADERS: usize = 28;
/// What option 56 of a DHCPNAK says.
const REFUSAL: &[u8] = b"not the address of this port";

/// The answers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// DHCPOFFER.
    Offer,
    /// DHCPACK of a lease.
    Lease,
    /// DHCPACK of a lease in answer to a DHCPDISCOVER (RFC 4039).
    RapidLease,
    /// DHCPACK of parameters, without a lease.
    Parameters,
    /// DHCPNAK of an address.
    Refusal(Ipv4Addr),
}

impl Responder for Facts {
    fn service(&self) -> &'static str {
        "dhcp4"
    }

    fn respond(&self, frame: &[u8]) -> Reply {
        self.answer(frame).unwrap_or_else(Reply::from)
    }
}

impl Facts {
    /// The answer, or what happened in its place.
    fn answer(&self, frame: &[u8]) -> Result<Reply, Event> {
        let packet = Udp4::parse(frame)?;
        if packet.destination_port != SERVER_PORT {
            return Err(Event::FrameOtherPort {
                port: packet.destination_port,
            });
        }
        let request = Request::parse(packet.payload)?;
        self.admit(packet.destination, &request)?;
        let answer = self.decide(&request)?;
        let payload = self.message(&request, answer)?;
        let (destination_mac, destination) = self.destination(&request, answer);
        let frame = Udp4 {
            source_mac: self.server_mac,
            destination_mac,
            source: self.server_ip,
            destination,
            source_port: SERVER_PORT,
            destination_port: CLIENT_PORT,
            payload: &payload,
        }
        .to_frame()?;
        Ok(Reply {
            event: self.event(&request, answer),
            frame: Some(frame),
        })
    }

    /// Lets only the port's own client in, and only what is meant for this server.
    fn admit(&self, destination: Ipv4Addr, request: &Request<'_>) -> Result<(), Event> {
        let header = &request.header;
        if (header.htype, header.hlen) != ETHERNET {
            return Err(Event::Dhcp4Hardware {
                htype: header.htype,
                hlen: header.hlen,
            });
        }
        if !header.giaddr.is_unspecified() {
            return Err(Event::Dhcp4Relayed {
                giaddr: header.giaddr,
            });
        }
        if header.mac() != self.mac {
            return Err(Event::Dhcp4OtherClient {
                chaddr: header.mac(),
            });
        }
        // The server that a client means stands in option 54, or is where it sends a renewal.
        let named = request.options.address(code::SERVER_ID)?;
        let addressed = (!destination.is_broadcast()).then_some(destination);
        match named.or(addressed) {
            Some(server) if server != self.server_ip => Err(Event::Dhcp4OtherServer { server }),
            _ => Ok(()),
        }
    }

    /// Which answer the message gets (RFC 2131, 4.3).
    fn decide(&self, request: &Request<'_>) -> Result<Answer, Event> {
        let ciaddr = request.header.ciaddr;
        let requested = request.options.address(code::REQUESTED_ADDRESS)?;
        match request.message_type {
            message_type::DISCOVER if request.options.get(code::RAPID_COMMIT).is_some() => {
                Ok(Answer::RapidLease)
            }
            message_type::DISCOVER => Ok(Answer::Offer),
            message_type::REQUEST => {
                // RENEWING and REBINDING name the address in ciaddr; SELECTING and INIT-REBOOT,
                // where ciaddr is zero, in option 50 (RFC 2131, 4.3.6, table 4).
                let configured = (!ciaddr.is_unspecified()).then_some(ciaddr);
                match configured.or(requested) {
                    Some(address) if address == self.address => Ok(Answer::Lease),
                    Some(address) => Ok(Answer::Refusal(address)),
                    None => Err(Event::Dhcp4NothingRequested {}),
                }
            }
            message_type::DECLINE => Err(requested
                .map_or(Event::Dhcp4NothingRequested {}, |address| {
                    Event::Dhcp4Declined { address }
                })),
            message_type::RELEASE => Err(Event::Dhcp4Released { address: ciaddr }),
            message_type::INFORM => Ok(Answer::Parameters),
            message_type => Err(Event::Dhcp4MessageType { message_type }),
        }
    }

    /// The BOOTP message (RFC 2131, 4.3.1, table 3).
    fn message(&self, request: &Request<'_>, answer: Answer) -> Result<Vec<u8>, Event> {
        const ZERO: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
        let configured = request.header.ciaddr;
        let (message_type, ciaddr, yiaddr) = match answer {
            Answer::Offer => (message_type::OFFER, ZERO, self.address),
            Answer::Lease => (message_type::ACK, configured, self.address),
            Answer::RapidLease => (message_type::ACK, ZERO, self.address),
            Answer::Parameters => (message_type::ACK, configured, ZERO),
            Answer::Refusal(_) => (message_type::NAK, ZERO, ZERO),
        };
        let options = self.options(request, answer, message_type)?;
        Ok(encode(&request.header, ciaddr, yiaddr, &options))
    }

    /// The options of the message: first those that make it what it is, then what the client gets.
    fn options(
        &self,
        request: &Request<'_>,
        answer: Answer,
        message_type: u8,
    ) -> Result<Vec<(u8, Vec<u8>)>, Event> {
        let mut options = vec![
            (code::MESSAGE_TYPE, vec![message_type]),
            (code::SERVER_ID, self.server_ip.octets().to_vec()),
        ];
        // The client's identifier goes back as it came (RFC 6842, 3).
        if let Some(id) = request.options.get(code::CLIENT_ID)
            && id.len() <= usize::from(u8::MAX)
        {
            options.push((code::CLIENT_ID, id.to_vec()));
        }
        let lease = match answer {
            Answer::Offer | Answer::Lease => true,
            Answer::RapidLease => {
                options.push((code::RAPID_COMMIT, Vec::new()));
                true
            }
            Answer::Parameters => false,
            Answer::Refusal(_) => {
                options.push((code::MESSAGE, REFUSAL.to_vec()));
                return Ok(options);
            }
        };
        let sizes = options.iter().map(|(_, value)| message::size(value.len()));
        let room = room(request, self.mtu)?.saturating_sub(sizes.sum());
        let asked = request.options.get(code::PARAMETER_REQUEST_LIST);
        options.extend(options::select(self, asked, lease, room));
        Ok(options)
    }

    /// Where the answer goes (RFC 2131, 4.1). A refusal, and what has no address to go to, is
    /// broadcast.
    fn destination(&self, request: &Request<'_>, answer: Answer) -> (MacAddr, Ipv4Addr) {
        let header = &request.header;
        let refused = matches!(answer, Answer::Refusal(_));
        if !refused && !header.ciaddr.is_unspecified() {
            (self.mac, header.ciaddr)
        } else if refused || answer == Answer::Parameters || header.flags & FLAG_BROADCAST != 0 {
            (MacAddr::BROADCAST, Ipv4Addr::BROADCAST)
        } else {
            (self.mac, self.address)
        }
    }

    /// What happened when that was answered.
    fn event(&self, request: &Request<'_>, answer: Answer) -> Event {
        let address = self.address;
        match answer {
            Answer::Offer => Event::Dhcp4Offered { address },
            Answer::Lease | Answer::RapidLease => Event::Dhcp4Leased { address },
            Answer::Parameters => Event::Dhcp4Informed {
                address: request.header.ciaddr,
            },
            Answer::Refusal(requested) => Event::Dhcp4Refused { requested, address },
        }
    }
}

/// How many bytes of options, without the end mark, both the client and a network of this MTU
/// take.
fn room(request: &Request<'_>, mtu: u16) -> Result<usize, Event> {
    let accepted = request.options.fixed(code::MAX_MESSAGE_SIZE)?;
    let packet = accepted
        .map_or(MIN_PACKET, u16::from_be_bytes)
        .min(mtu)
        .max(MIN_PACKET);
    Ok(usize::from(packet) - PACKET_HEADERS - message::BEFORE_OPTIONS - 1)
}
