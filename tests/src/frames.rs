//! Frames as a machine sees and sends them: a capture of what arrives, and sending what no honest
//! machine would send.
//!
//! A frame that is sent carries a mark, by which captures tell it from all others. Knows nothing of
//! networks: who should hear what is the test's business.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use etherparse::{Icmpv6Type, PacketBuilder};

use crate::host::Host;
use crate::process::Process;
use crate::wait;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// The Ethernet broadcast address.
pub const BROADCAST: Mac = [0xff; 6];

/// Reads an Ethernet address as the API writes it.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn mac(text: &str) -> Mac {
    let octets: Vec<u8> = text
        .split(':')
        .map(|octet| {
            u8::from_str_radix(octet, 16).unwrap_or_else(|error| panic!("{text}: {error}"))
        })
        .collect();
    octets
        .try_into()
        .unwrap_or_else(|_| panic!("not an Ethernet address: {text}"))
}

/// What arrives at `eth0` of a machine.
pub struct Capture {
    process: Process,
    name: String,
}

/// A frame that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The Ethernet address that it came from.
    pub source: String,
    /// The Ethernet address that it was for.
    pub destination: String,
    /// What tcpdump says of it, and its bytes as far as they are text.
    pub text: String,
}

impl Capture {
    /// Begins to capture.
    ///
    /// # Panics
    /// When it does not begin.
    #[track_caller]
    pub fn start(host: &Host) -> Capture {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("capture-{}", STARTED.fetch_add(1, Ordering::Relaxed));
        let options = "-i eth0 -Q in -e -n -t -l -A --immediate-mode";
        let tcpdump = host.copy_of("tcpdump");
        let words = [tcpdump.as_str()].into_iter().chain(options.split(' '));
        let words: Vec<&str> = words.collect();
        let process = host.spawn(&name, &words);
        let capture = Capture {
            process,
            name: host.name().to_owned(),
        };
        wait::until("the capture has begun", || {
            let log = capture.process.log();
            if log.contains("listening on") {
                Ok(())
            } else {
                Err(log)
            }
        });
        capture
    }

    /// The frames so far.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        read(&self.process.log())
    }

    /// Has a frame with that text arrived?
    #[must_use]
    pub fn heard(&self, text: &str) -> bool {
        self.frames().iter().any(|frame| frame.text.contains(text))
    }

    /// Waits until a frame with that text has arrived.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait::until(&format!("{} hears {text}", self.name), || {
            if self.heard(text) {
                Ok(())
            } else {
                Err(self.frames().len())
            }
        });
    }
}

/// The frames of tcpdump's text. A frame begins with a line of two Ethernet addresses.
fn read(log: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in log.lines() {
        match addresses(line) {
            Some((source, destination)) => frames.push(Frame {
                source: source.to_owned(),
                destination: destination.to_owned(),
                text: line.to_owned(),
            }),
            None => {
                if let Some(frame) = frames.last_mut() {
                    frame.text.push('\n');
                    frame.text.push_str(line);
                }
            }
        }
    }
    frames
}

fn addresses(line: &str) -> Option<(&str, &str)> {
    let (source, rest) = line.split_once(" > ")?;
    let (destination, _) = rest.split_once(", ")?;
    let is_mac = |text: &str| {
        text.len() == 17
            && text
                .split(':')
                .all(|octet| u8::from_str_radix(octet, 16).is_ok())
    };
    (is_mac(source) && is_mac(destination)).then_some((source, destination))
}

/// Sends a frame out of `eth0` of a machine, whatever is in it.
///
/// # Panics
/// When the machine cannot send.
#[track_caller]
pub fn send(host: &Host, frame: &[u8]) {
    let file: PathBuf = host.file("frame");
    std::fs::write(&file, frame).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let from = format!("OPEN:{}", file.display());
    host.run(&["socat", "-u", &from, "INTERFACE:eth0"]);
}

/// An Ethernet address and an address of the same machine.
#[derive(Clone, Copy, Debug)]
pub struct End<Ip> {
    /// Its Ethernet address.
    pub mac: Mac,
    /// Its address.
    pub ip: Ip,
}

/// A UDP datagram over IPv4 from and to a port, with a mark.
#[must_use]
pub fn udp4(from: End<[u8; 4]>, to: End<[u8; 4]>, ports: (u16, u16), mark: &str) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.ip, to.ip, 64);
    let mut frame = Vec::new();
    // A vector takes everything.
    _ = builder
        .udp(ports.0, ports.1)
        .write(&mut frame, mark.as_bytes());
    frame
}

/// A UDP datagram over IPv6 from and to a port, with a mark.
#[must_use]
pub fn udp6(from: End<[u8; 16]>, to: End<[u8; 16]>, ports: (u16, u16), mark: &str) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, to.mac).ipv6(from.ip, to.ip, 255);
    let mut frame = Vec::new();
    _ = builder
        .udp(ports.0, ports.1)
        .write(&mut frame, mark.as_bytes());
    frame
}

/// An ICMPv6 message of neighbour discovery: its type, its body after the checksum, and a mark.
#[must_use]
pub fn discovery(
    from: End<[u8; 16]>,
    to: End<[u8; 16]>,
    kind: u8,
    body: &[u8],
    mark: &str,
) -> Vec<u8> {
    let (first, rest) = body.split_first_chunk().unwrap_or((&[0; 4], &[]));
    let message = Icmpv6Type::Unknown {
        type_u8: kind,
        code_u8: 0,
        bytes5to8: *first,
    };
    let mut frame = Vec::new();
    _ = PacketBuilder::ethernet2(from.mac, to.mac)
        .ipv6(from.ip, to.ip, 255)
        .icmpv6(message)
        .write(&mut frame, &[rest, mark.as_bytes()].concat());
    frame
}

/// A broadcast ARP request (RFC 826) that says to come from `sender`, in a frame from `source`; its mark
/// stands after the message.
#[must_use]
pub fn arp(source: Mac, sender: End<[u8; 4]>, target: [u8; 4], mark: &str) -> Vec<u8> {
    let mut frame = [BROADCAST, source].concat();
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(sender.mac);
    frame.extend(sender.ip);
    frame.extend([0; 6]);
    frame.extend(target);
    frame.extend(mark.bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_with_their_text() {
        let log = "tcpdump: listening on eth0\n\
                   fa:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Request\n\
                   ....a > b, c\n\
                   fa:16:3e:00:00:02 > fa:16:3e:00:00:01, ethertype IPv4 (0x0800), length 98: 10.0.0.1 >";
        let frames = read(log);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].source, "fa:16:3e:00:00:01");
        assert_eq!(frames[0].destination, "ff:ff:ff:ff:ff:ff");
        assert!(frames[0].text.ends_with("....a > b, c"));
    }

    #[test]
    fn addresses_are_read_as_the_api_writes_them() {
        assert_eq!(mac("fa:16:3e:00:00:ff"), [0xfa, 0x16, 0x3e, 0, 0, 0xff]);
    }
}
