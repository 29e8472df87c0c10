//! Packets of a capture file: pcap of either byte order with micro- or nanoseconds, and pcapng.
//!
//! It takes files apart and knows nothing of what packets hold; that is in `super::tcp`. Memory is bounded by
//! the longest packet that is taken.

use std::io::{self, BufRead, Read};

/// The longest packet or block that is taken; what is longer ends the capture.
const LENGTH_LIMIT: u32 = 1 << 20;
/// The most interfaces that a capture may have.
const INTERFACE_LIMIT: usize = 4096;

/// A packet that was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When, in nanoseconds since 1970.
    pub time: i128,
    /// `LINKTYPE_*`: what it begins with.
    pub link: u16,
    /// Its bytes, as far as they were captured.
    pub bytes: Vec<u8>,
}

/// Why a capture cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It is none.
    #[error("this is no capture: expected pcap or pcapng, found {0}")]
    Format(String),
    /// It ends in the midst of a packet.
    #[error("the capture is cut short within packet {0}")]
    CutShort(u64),
    /// A length in it cannot be.
    #[error("packet {0} of the capture has an impossible length")]
    Length(u64),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// How time is counted at an interface.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: u16,
    /// Units in a second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

#[derive(Debug)]
enum Format {
    /// One interface; the header of a packet is a time and two lengths.
    Classic(Interface),
    /// Blocks; interfaces are described in some.
    Blocks(Vec<Interface>),
}

/// The packets of a capture, in order.
#[derive(Debug)]
pub struct Packets<R> {
    input: R,
    big_endian: bool,
    format: Format,
    /// Packets that were read.
    count: u64,
}

/// `SHB` of pcapng; the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;

impl<R: BufRead> Packets<R> {
    /// Reads the file's header.
    pub fn open(mut input: R) -> Result<Self, CaptureError> {
        let mut magic = [0; 4];
        let nothing = || CaptureError::Format("less than a header".to_owned());
        fill(&mut input, &mut magic, nothing())?;
        let number = u32::from_be_bytes(magic);
        if number == SECTION {
            let mut packets = Self {
                input,
                big_endian: false,
                format: Format::Blocks(Vec::new()),
                count: 0,
            };
            packets.section()?;
            return Ok(packets);
        }
        let (big_endian, resolution) = match number {
            0xa1b2_c3d4 => (true, 1_000_000),
            0xa1b2_3c4d => (true, 1_000_000_000),
            0xd4c3_b2a1 => (false, 1_000_000),
            0x4d3c_b2a1 => (false, 1_000_000_000),
            _ => return Err(CaptureError::Format(called(magic))),
        };
        let mut rest = [0; 20];
        fill(&mut input, &mut rest, nothing())?;
        let words = Words { big_endian };
        let interface = Interface {
            // The upper bits say other things of the link.
            link: words.u32(&rest, 16) as u16,
            resolution,
            offset: 0,
        };
        Ok(Self {
            input,
            big_endian,
            format: Format::Classic(interface),
            count: 0,
        })
    }

    /// The next packet; none at the end.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, CaptureError> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        match self.format {
            Format::Classic(interface) => self.classic(interface).map(Some),
            Format::Blocks(_) => self.block(),
        }
    }

    fn words(&self) -> Words {
        Words {
            big_endian: self.big_endian,
        }
    }

    fn cut_short(&self) -> CaptureError {
        CaptureError::CutShort(self.count + 1)
    }

    fn impossible(&self) -> CaptureError {
        CaptureError::Length(self.count + 1)
    }

    fn take(&mut self, length: u32) -> Result<Vec<u8>, CaptureError> {
        if length > LENGTH_LIMIT {
            return Err(self.impossible());
        }
        let mut bytes = vec![0; length as usize];
        let cut_short = self.cut_short();
        fill(&mut self.input, &mut bytes, cut_short)?;
        Ok(bytes)
    }

    fn classic(&mut self, interface: Interface) -> Result<Packet, CaptureError> {
        let header = self.take(16)?;
        let words = self.words();
        let ticks = u64::from(words.u32(&header, 0)) * interface.resolution
            + u64::from(words.u32(&header, 4));
        let bytes = self.take(words.u32(&header, 8))?;
        self.count += 1;
        Ok(Packet {
            time: interface.time(ticks),
            link: interface.link,
            bytes,
        })
    }

    /// Reads blocks until one is a packet.
    fn block(&mut self) -> Result<Option<Packet>, CaptureError> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(None);
            }
            let kind = self.take(4)?;
            // The byte order of a section is not known before its header was read.
            if u32::from_be_bytes([kind[0], kind[1], kind[2], kind[3]]) == SECTION {
                self.section()?;
                continue;
            }
            let words = self.words();
            let kind = words.u32(&kind, 0);
            let length = self.take(4)?;
            let length = words.u32(&length, 0);
            let inner = length.checked_sub(12).ok_or_else(|| self.impossible())?;
            let body = self.take(inner)?;
            self.take(4)?;
            let found = match kind {
                1 => {
                    self.interface(&body)?;
                    None
                }
                3 => Some(self.simple_packet(&body)),
                6 => Some(self.enhanced_packet(&body)),
                _ => None,
            };
            if let Some(found) = found {
                let packet = found.ok_or_else(|| self.impossible())?;
                self.count += 1;
                return Ok(Some(packet));
            }
        }
    }

    /// Reads a section's header, from behind its type. Interfaces are counted anew.
    fn section(&mut self) -> Result<(), CaptureError> {
        let start = self.take(8)?;
        self.big_endian = match start[4..] {
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            _ => {
                let found = "a section without a byte order".to_owned();
                return Err(CaptureError::Format(found));
            }
        };
        let length = self.words().u32(&start, 0);
        let rest = length.checked_sub(12).ok_or_else(|| self.impossible())?;
        self.take(rest)?;
        self.format = Format::Blocks(Vec::new());
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), CaptureError> {
        let words = self.words();
        let impossible = self.impossible();
        let Format::Blocks(interfaces) = &mut self.format else {
            return Ok(());
        };
        if body.len() < 8 || interfaces.len() == INTERFACE_LIMIT {
            return Err(impossible);
        }
        let mut interface = Interface {
            link: words.u16(body, 0),
            resolution: 1_000_000,
            offset: 0,
        };
        let mut at = 8;
        while at + 4 <= body.len() {
            let (code, length) = (words.u16(body, at), usize::from(words.u16(body, at + 2)));
            let Some(value) = body.get(at + 4..at + 4 + length) else {
                break;
            };
            match (code, value) {
                (9, [power]) => interface.resolution = resolution(*power),
                (14, value) if value.len() == 8 => {
                    interface.offset = words.u64(value, 0).cast_signed();
                }
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        interfaces.push(interface);
        Ok(())
    }

    fn enhanced_packet(&self, body: &[u8]) -> Option<Packet> {
        let words = self.words();
        let Format::Blocks(interfaces) = &self.format else {
            return None;
        };
        let captured = body.get(20..)?;
        let interface = interfaces.get(words.u32(body, 0) as usize)?;
        let ticks = u64::from(words.u32(body, 4)) << 32 | u64::from(words.u32(body, 8));
        let bytes = captured.get(..words.u32(body, 12) as usize)?;
        Some(Packet {
            time: interface.time(ticks),
            link: interface.link,
            bytes: bytes.to_vec(),
        })
    }

    /// A packet without a time, of the first interface.
    fn simple_packet(&self, body: &[u8]) -> Option<Packet> {
        let Format::Blocks(interfaces) = &self.format else {
            return None;
        };
        let captured = body.get(4..)?;
        let length = (self.words().u32(body, 0) as usize).min(captured.len());
        Some(Packet {
            time: 0,
            link: interfaces.first()?.link,
            bytes: captured[..length].to_vec(),
        })
    }
}

impl Interface {
    /// Nanoseconds since 1970.
    fn time(&self, ticks: u64) -> i128 {
        const SECOND: i128 = 1_000_000_000;
        let resolution = i128::from(self.resolution);
        i128::from(self.offset) * SECOND + i128::from(ticks) * SECOND / resolution
    }
}

/// What a file is that begins so and is no capture that is understood.
fn called(magic: [u8; 4]) -> String {
    let known = match magic {
        [0x1f, 0x8b, ..] => "gzip",
        [b'B', b'Z', b'h', _] => "bzip2",
        [0x28, 0xb5, 0x2f, 0xfd] => "zstd",
        [0xfd, b'7', b'z', b'X'] => "xz",
        [0x04, 0x22, 0x4d, 0x18] => "lz4",
        [b's', b'n', b'o', b'o'] => "snoop",
        [0xa1, 0xb2, 0xcd, 0x34] | [0x34, 0xcd, 0xb2, 0xa1] => "a pcap with Kuznetzov's changes",
        [a, b, c, d] => return format!("{a:02x}{b:02x}{c:02x}{d:02x} at its beginning"),
    };
    known.to_owned()
}

/// Units in a second: a power of ten, or of two with the highest bit.
fn resolution(power: u8) -> u64 {
    let base: u64 = if power & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(power & 0x7f))
        .unwrap_or(u64::MAX)
}

/// Integers in the byte order of a file. The bytes must be there.
#[derive(Debug, Clone, Copy)]
struct Words {
    big_endian: bool,
}

impl Words {
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        self.uint(&bytes[at..at + 2]) as u16
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        self.uint(&bytes[at..at + 4]) as u32
    }

    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        self.uint(&bytes[at..at + 8])
    }

    fn uint(self, bytes: &[u8]) -> u64 {
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, join)
        } else {
            bytes.iter().rev().fold(0, join)
        }
    }
}

/// Fills a buffer; `short` when the input ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8], short: CaptureError) -> Result<(), CaptureError> {
    input
        .read_exact(buffer)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => short,
            _ => error.into(),
        })
}
