//! The BOOTP message that carries DHCP: fixed fields (RFC 2131, 2), magic cookie, and options
//! with their overloading (RFC 2131, 4.1) and splitting (RFC 3396). What a field or an option
//! means for an answer is decided one level up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::Ipv4Addr;

use rust_openflow::MacAddr;

use super::options::code;
use crate::Event;

/// Bytes before the options: fixed fields and magic cookie.
pub(super) const BEFORE_OPTIONS: usize = 240;
/// The smallest message that every client takes (RFC 1542, 2.1), in bytes.
const MIN_MESSAGE: usize = 300;
/// The longest part of an option that one length byte tells.
const MAX_PART: usize = 255;
/// What tells that options follow (RFC 2132, 2).
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// `op` of messages from clients.
const BOOTREQUEST: u8 = 1;
/// `op` of messages from servers.
const BOOTREPLY: u8 = 2;

/// The fixed fields that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) op: u8,
    pub(super) htype: u8,
    pub(super) hlen: u8,
    pub(super) xid: [u8; 4],
    pub(super) flags: u16,
    pub(super) ciaddr: Ipv4Addr,
    pub(super) giaddr: Ipv4Addr,
    pub(super) chaddr: [u8; 16],
}

impl Header {
    fn parse(fixed: &[u8; 236]) -> Self {
        let address = |at: usize| Ipv4Addr::from(take(fixed, at));
        Self {
            op: fixed[0],
            htype: fixed[1],
            hlen: fixed[2],
            xid: take(fixed, 4),
            flags: u16::from_be_bytes(take(fixed, 10)),
            ciaddr: address(12),
            giaddr: address(24),
            chaddr: take(fixed, 28),
        }
    }

    /// The client's Ethernet address.
    pub(super) fn mac(&self) -> MacAddr {
        let [a, b, c, d, e, f, ..] = self.chaddr;
        MacAddr([a, b, c, d, e, f])
    }
}

/// The `N` bytes at `at`, which lie in the fixed fields.
fn take<const N: usize>(fixed: &[u8; 236], at: usize) -> [u8; N] {
    std::array::from_fn(|offset| fixed[at + offset])
}

/// A message from a client.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) header: Header,
    pub(super) message_type: u8,
    pub(super) options: Options<'a>,
}

impl<'a> Request<'a> {
    /// Reads the payload of a datagram.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, Event> {
        let (fixed, vendor) = payload.split_first_chunk().ok_or(Event::Dhcp4Truncated {
            length: payload.len(),
        })?;
        let header = Header::parse(fixed);
        if header.op != BOOTREQUEST {
            return Err(Event::Dhcp4NotRequest { op: header.op });
        }
        let options = match vendor.split_first_chunk() {
            Some((&MAGIC_COOKIE, options)) => options,
            _ => return Err(Event::Dhcp4NotDhcp {}),
        };
        let options = Options::parse(options, &fixed[108..], &fixed[44..108])?;
        let [message_type] = options
            .fixed(code::MESSAGE_TYPE)?
            .ok_or(Event::Dhcp4NotDhcp {})?;
        Ok(Self {
            header,
            message_type,
            options,
        })
    }
}

/// The options of a message, the parts of split ones joined.
#[derive(Debug, Default)]
pub(super) struct Options<'a>(BTreeMap<u8, Cow<'a, [u8]>>);

impl<'a> Options<'a> {
    /// Reads the options, and, where option 52 says that they go on there, the fields `file` and
    /// `sname`, in the order of RFC 3396, 5.
    fn parse(options: &'a [u8], file: &'a [u8], sname: &'a [u8]) -> Result<Self, Event> {
        let mut all = Self::default();
        all.read(options)?;
        if let Some([overload]) = all.fixed(code::OVERLOAD)? {
            if overload & 1 != 0 {
                all.read(file)?;
            }
            if overload & 2 != 0 {
                all.read(sname)?;
            }
        }
        Ok(all)
    }

    /// Reads one field. A missing end mark is forgiven.
    fn read(&mut self, mut field: &'a [u8]) -> Result<(), Event> {
        while let [code, rest @ ..] = field {
            field = match *code {
                code::PAD => rest,
                code::END => break,
                code => {
                    let (value, rest) = rest
                        .split_first()
                        .and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)))
                        .ok_or(Event::Dhcp4OptionTruncated { code })?;
                    match self.0.entry(code) {
                        Entry::Vacant(entry) => {
                            entry.insert(Cow::Borrowed(value));
                        }
                        Entry::Occupied(entry) => {
                            entry.into_mut().to_mut().extend_from_slice(value);
                        }
                    }
                    rest
                }
            };
        }
        Ok(())
    }

    /// The value of an option, when it is there.
    pub(super) fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(AsRef::as_ref)
    }

    /// The value of an option that has a fixed length.
    pub(super) fn fixed<const N: usize>(&self, code: u8) -> Result<Option<[u8; N]>, Event> {
        self.get(code)
            .map(|value| {
                <[u8; N]>::try_from(value).map_err(|_| Event::Dhcp4OptionLength {
                    code,
                    length: value.len(),
                })
            })
            .transpose()
    }

    /// The value of an option that is one address.
    pub(super) fn address(&self, code: u8) -> Result<Option<Ipv4Addr>, Event> {
        Ok(self.fixed::<4>(code)?.map(Ipv4Addr::from))
    }
}

/// The answer to a client, with these options in this order, padded to the minimum of BOOTP. The
/// other fields are those of the request, or zero (RFC 2131, 4.3.1, table 3).
pub(super) fn encode(
    request: &Header,
    ciaddr: Ipv4Addr,
    yiaddr: Ipv4Addr,
    options: &[(u8, Vec<u8>)],
) -> Vec<u8> {
    let mut message = Vec::with_capacity(MIN_MESSAGE);
    message.extend([BOOTREPLY, request.htype, request.hlen, 0]);
    message.extend(request.xid);
    message.extend([0; 2]); // secs
    message.extend(request.flags.to_be_bytes());
    message.extend(ciaddr.octets());
    message.extend(yiaddr.octets());
    message.extend([0; 4]); // siaddr: there is nothing to boot from
    message.extend(request.giaddr.octets());
    message.extend(request.chaddr);
    message.extend([0; 64 + 128]); // sname, file
    message.extend(MAGIC_COOKIE);
    for (code, value) in options {
        push_option(&mut message, *code, value);
    }
    message.push(code::END);
    message.resize(message.len().max(MIN_MESSAGE), code::PAD);
    message
}

/// Appends an option, in as many parts as it takes (RFC 3396).
fn push_option(message: &mut Vec<u8>, code: u8, mut value: &[u8]) {
    loop {
        let (part, rest) = value.split_at(value.len().min(MAX_PART));
        message.extend([code, part.len() as u8]); // at most MAX_PART
        message.extend_from_slice(part);
        value = rest;
        if value.is_empty() {
            break;
        }
    }
}

/// The bytes that an option takes whose value has that length.
pub(super) const fn size(length: usize) -> usize {
    let parts = if length == 0 {
        1
    } else {
        length.div_ceil(MAX_PART)
    };
    2 * parts + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_takes_the_size_that_is_reckoned_with() {
        for length in [0, 1, 254, 255, 256, 510, 511] {
            let mut message = Vec::new();
            push_option(&mut message, code::DNS, &vec![7; length]);
            assert_eq!(message.len(), size(length), "{length}");
        }
    }
}
