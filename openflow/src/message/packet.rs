//! Packets to and from the controller (OpenFlow 1.5.1, 7.3.6 and 7.4.1), and Nicira's form of
//! packet-in with user data and continuation (`nicira-ext.h`: `NXT_PACKET_IN2`).

use bytes::Bytes;

use super::flow::NO_BUFFER;
use super::numbers::numbers;
use super::property::{self, Property};
use crate::action::{self, Action};
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};
use crate::{Field, Match, PortNo, TableId, Version};

numbers! {
    /// `OFPR_*`: why a packet came.
    PacketInReason(u8) {
        TABLE_MISS = 0 "no_match" "No flow but the table-miss flow matched.";
        APPLY_ACTION = 1 "action" "An action sent it; before 1.4 any action.";
        INVALID_TTL = 2 "invalid_ttl" "Its TTL ran out.";
        ACTION_SET = 3 "action_set" "The action set sent it (from 1.4 on).";
        GROUP = 4 "group" "A group's bucket sent it (from 1.4 on).";
        PACKET_OUT = 5 "packet_out" "A packet-out sent it (from 1.4 on).";
    }
}

/// The form that a packet-in has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketInForm {
    /// The standard's.
    Standard,
    /// `NXPIF_NXT_PACKET_IN2`.
    Nicira2,
    /// A form that this crate does not read.
    Other(u32),
}

impl PacketInForm {
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Standard => 0,
            Self::Nicira2 => 2,
            Self::Other(code) => code,
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u32("set_packet_in_format.format")? {
            0 => Self::Standard,
            2 => Self::Nicira2,
            code => Self::Other(code),
        })
    }
}

/// `NXPINT_*`: properties of Nicira's packet-in.
mod nxpint {
    pub(super) const PACKET: u16 = 0;
    pub(super) const FULL_LEN: u16 = 1;
    pub(super) const BUFFER_ID: u16 = 2;
    pub(super) const TABLE_ID: u16 = 3;
    pub(super) const COOKIE: u16 = 4;
    pub(super) const REASON: u16 = 5;
    pub(super) const METADATA: u16 = 6;
    pub(super) const USERDATA: u16 = 7;
    pub(super) const CONTINUATION: u16 = 8;
}

/// A packet for the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketIn {
    /// The form that it has on the wire.
    pub form: PacketInForm,
    /// The number of the packet that the switch holds, or [`NO_BUFFER`].
    pub buffer_id: u32,
    /// Bytes of the whole packet, of which `packet` may be a part.
    pub total_len: u32,
    /// Why it came.
    pub reason: PacketInReason,
    /// The table in which the flow stood.
    pub table: TableId,
    /// The flow's cookie; all ones when there was no flow.
    pub cookie: u64,
    /// Port, metadata and registers of the packet.
    pub metadata: Match,
    /// The packet, from its Ethernet header on.
    pub packet: Bytes,
    /// What the flow's action said ([`PacketInForm::Nicira2`]).
    pub userdata: Bytes,
    /// What lets the packet go on, when it waits ([`PacketInForm::Nicira2`]).
    pub continuation: Option<Bytes>,
    /// What else was said ([`PacketInForm::Nicira2`]).
    pub properties: Vec<Property>,
}

impl PacketIn {
    /// The port that the packet came in by.
    #[must_use]
    pub fn in_port(&self) -> Option<PortNo> {
        in_port(&self.metadata)
    }

    /// The value of a field when the packet was sent; none when nothing was said of it, which Open
    /// vSwitch does for zeros. A register is also found in the pairs of registers of 1.5.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<u128> {
        let direct = self.metadata.get(field).map(|known| known.value);
        direct.or_else(|| self.register_of_pair(field))
    }

    fn register_of_pair(&self, field: Field) -> Option<u128> {
        let number = (0..16).find(|number| Field::register(*number) == Some(field))?;
        let pair = self.metadata.get(Field::register_pair(number / 2)?)?;
        // The first of a pair is its upper half.
        let shift = if number % 2 == 0 { 32 } else { 0 };
        let half = u128::from(u32::MAX);
        (pair.significant() >> shift & half != 0).then_some(pair.value >> shift & half)
    }

    pub(super) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.buffer_id);
        let length = usize::try_from(self.total_len).unwrap_or(usize::MAX);
        w.u16(u16::try_from(length).map_err(|_| EncodeError::TooLong {
            what: "the packet of a packet-in",
            length,
            limit: usize::from(u16::MAX),
        })?);
        w.u8(self.reason.0);
        w.u8(self.table.0);
        w.u64(self.cookie);
        self.metadata.encode(w, version)?;
        w.pad(2);
        w.slice(&self.packet);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let buffer_id = r.u32("packet_in.buffer_id")?;
        let total_len = u32::from(r.u16("packet_in.total_len")?);
        let reason = PacketInReason(r.u8("packet_in.reason")?);
        let table = TableId(r.u8("packet_in.table_id")?);
        let cookie = r.u64("packet_in.cookie")?;
        let metadata = Match::decode(r, version)?;
        r.skip(2, "packet_in.pad")?;
        Ok(Self {
            form: PacketInForm::Standard,
            buffer_id,
            total_len,
            reason,
            table,
            cookie,
            metadata,
            packet: r.rest(),
            userdata: Bytes::new(),
            continuation: None,
            properties: Vec::new(),
        })
    }

    /// Writes Nicira's properties in the order of Open vSwitch.
    pub(super) fn encode_properties(
        &self,
        w: &mut Writer,
        version: Version,
    ) -> Result<(), EncodeError> {
        let bytes = |w: &mut Writer, kind, bytes: &[u8]| {
            property::encode(w, kind, |w| {
                w.slice(bytes);
                Ok(())
            })
        };
        bytes(w, nxpint::PACKET, &self.packet)?;
        if usize::try_from(self.total_len) != Ok(self.packet.len()) {
            bytes(w, nxpint::FULL_LEN, &self.total_len.to_be_bytes())?;
        }
        if self.buffer_id != NO_BUFFER {
            bytes(w, nxpint::BUFFER_ID, &self.buffer_id.to_be_bytes())?;
        }
        bytes(w, nxpint::TABLE_ID, &[self.table.0])?;
        if self.cookie != u64::MAX {
            property::encode(w, nxpint::COOKIE, |w| {
                w.pad(4);
                w.u64(self.cookie);
                Ok(())
            })?;
        }
        bytes(w, nxpint::REASON, &[self.reason.0])?;
        property::encode(w, nxpint::METADATA, |w| {
            self.metadata.encode_entries(w, version)
        })?;
        if let Some(continuation) = &self.continuation {
            bytes(w, nxpint::CONTINUATION, continuation)?;
        }
        if !self.userdata.is_empty() {
            bytes(w, nxpint::USERDATA, &self.userdata)?;
        }
        property::encode_list(&self.properties, w)
    }

    /// Reads Nicira's properties; a property that is not there has its neutral value.
    pub(super) fn decode_properties(
        r: &mut Reader<'_>,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let mut packet = Self {
            form: PacketInForm::Nicira2,
            buffer_id: NO_BUFFER,
            total_len: 0,
            reason: PacketInReason::TABLE_MISS,
            table: TableId(0),
            cookie: u64::MAX,
            metadata: Match::any(),
            packet: Bytes::new(),
            userdata: Bytes::new(),
            continuation: None,
            properties: Vec::new(),
        };
        let mut total_len = None;
        while !r.is_empty() {
            let (kind, mut value) = property::decode(r)?;
            match kind {
                nxpint::PACKET => packet.packet = value.rest(),
                nxpint::FULL_LEN => total_len = Some(value.u32("full_len")?),
                nxpint::BUFFER_ID => packet.buffer_id = value.u32("buffer_id")?,
                nxpint::TABLE_ID => packet.table = TableId(value.u8("table_id")?),
                nxpint::COOKIE => {
                    value.skip(4, "cookie.pad")?;
                    packet.cookie = value.u64("cookie")?;
                }
                nxpint::REASON => packet.reason = PacketInReason(value.u8("reason")?),
                nxpint::METADATA => {
                    packet.metadata = Match::decode_entries(&mut value, version)?;
                }
                nxpint::USERDATA => packet.userdata = value.rest(),
                nxpint::CONTINUATION => packet.continuation = Some(value.rest()),
                _ => packet.properties.push(Property {
                    kind,
                    value: value.rest(),
                }),
            }
            value.finish("the end of the property")?;
        }
        // A packet is inside a message, hence never longer than a 16-bit length.
        packet.total_len = total_len.unwrap_or(packet.packet.len() as u32);
        Ok(packet)
    }
}

fn in_port(metadata: &Match) -> Option<PortNo> {
    let value = metadata.get(Field::InPort)?.value;
    u32::try_from(value).ok().map(PortNo)
}

/// Sends a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketOut {
    /// The number of a packet that the switch holds, or [`NO_BUFFER`].
    pub buffer_id: u32,
    /// The packet's port; from 1.5 on also its metadata and registers.
    pub metadata: Match,
    /// What is done with it.
    pub actions: Vec<Action>,
    /// The packet, when the switch holds none.
    pub packet: Bytes,
}

impl PacketOut {
    /// Sends `packet` as if it had come in by `in_port` ([`PortNo::CONTROLLER`] when it did not).
    #[must_use]
    pub fn new(in_port: PortNo, actions: Vec<Action>, packet: Bytes) -> Self {
        Self {
            buffer_id: NO_BUFFER,
            metadata: Match::any().with(Field::InPort, in_port),
            actions,
            packet,
        }
    }

    /// The port that the packet is said to come in by.
    #[must_use]
    pub fn in_port(&self) -> Option<PortNo> {
        in_port(&self.metadata)
    }

    pub(super) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.buffer_id);
        let length_at;
        if version < Version::V1_5 {
            if self.metadata.entries.len() > 1 {
                return Err(EncodeError::NotInVersion {
                    what: "a packet-out with more than a port",
                    version,
                });
            }
            w.u32(self.in_port().unwrap_or(PortNo::CONTROLLER).0);
            length_at = w.len();
            w.pad(8);
        } else {
            length_at = w.len();
            w.pad(4);
            self.metadata.encode(w, version)?;
        }
        let start = w.len();
        action::encode_list(&self.actions, w, version)?;
        w.patch_length(length_at, start, "the actions of a packet-out")?;
        w.slice(&self.packet);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let buffer_id = r.u32("packet_out.buffer_id")?;
        let (metadata, length) = if version < Version::V1_5 {
            let port = PortNo(r.u32("packet_out.in_port")?);
            let length = r.u16("packet_out.actions_len")?;
            r.skip(6, "packet_out.pad")?;
            (Match::any().with(Field::InPort, port), length)
        } else {
            let length = r.u16("packet_out.actions_len")?;
            r.skip(2, "packet_out.pad")?;
            (Match::decode(r, version)?, length)
        };
        let mut actions = r.sub(usize::from(length), "the actions that actions_len tells of")?;
        Ok(Self {
            buffer_id,
            metadata,
            actions: action::decode_list(&mut actions, version)?,
            packet: r.rest(),
        })
    }
}
