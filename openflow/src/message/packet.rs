//! Packets to and from the controller (OpenFlow 1.5.1, 7.3.6 and 7.4.1), and Nicira's form of
//! packet-in with user data and continuation (`nicira-ext.h`: `NXT_PACKET_IN2`).

use bytes::Bytes;

use super::flow::NO_BUFFER;
use super::numbers::numbers;
use crate::action::{self, Action};
use crate::error::{DecodeError, EncodeError};
use crate::matches::Fields;
use crate::record::{
    Dice, Generate, Members, Plain, Property, Value, ValueError, Wire, record, required, variants,
};
use crate::wire::{Reader, Writer};
use crate::{Field, FieldValue, Match, PortNo, TableId, Version};

numbers! {
    /// `OFPR_*`: why a packet came.
    PacketInReason(u8) {
        TABLE_MISS = 0 "no_match" [V1_4 "table_miss"] "No flow but the table-miss flow matched.";
        APPLY_ACTION = 1 "action" [V1_4 "apply_action"] "An action sent it; before 1.4 any action.";
        INVALID_TTL = 2 "invalid_ttl" "Its TTL ran out.";
        ACTION_SET = 3 "action_set" "The action set sent it (from 1.4 on).";
        GROUP = 4 "group" "A group's bucket sent it (from 1.4 on).";
        PACKET_OUT = 5 "packet_out" "A packet-out sent it (from 1.4 on).";
    }
}

numbers! {
    /// `NXPIF_*`: the form that packet-ins have on the wire.
    PacketInFormat(u32) {
        STANDARD = 0 "standard" "The standard's.";
        NXT_PACKET_IN = 1 "nxt_packet_in" "Nicira's first.";
        NXT_PACKET_IN2 = 2 "nxt_packet_in2" "Nicira's second, with user data and continuation.";
    }
}

record! {
    /// Chooses the form of packet-ins (`NXT_SET_PACKET_IN_FORMAT`).
    pub struct SetPacketInFormat {
        /// The form.
        format: PacketInFormat;
    }
}

/// A packet for the controller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PacketIn {
    /// The number of the packet that the switch holds, or [`NO_BUFFER`].
    pub buffer_id: u32,
    /// Bytes of the whole packet, of which `packet` may be a part.
    pub total_len: u16,
    /// Why it came.
    pub reason: PacketInReason,
    /// The table in which the flow stood (from 1.1 on).
    pub table: TableId,
    /// The flow's cookie; all ones when there was no flow (from 1.3 on).
    pub cookie: u64,
    /// Port, metadata and registers of the packet; before 1.2 always just the port, in 1.1 also the
    /// physical port.
    pub metadata: Match,
    /// The packet, from its Ethernet header on.
    pub packet: Bytes,
}

impl Wire for PacketIn {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let buffer_id = r.u32("packet_in.buffer_id")?;
        let mut metadata = Match::any();
        if version == Version::V1_1 {
            read_port(r, version, Field::InPort, &mut metadata)?;
            read_port(r, version, Field::InPhyPort, &mut metadata)?;
        }
        let total_len = r.u16("packet_in.total_len")?;
        if version == Version::V1_0 {
            read_port(r, version, Field::InPort, &mut metadata)?;
        }
        let reason = PacketInReason(r.u8("packet_in.reason")?);
        let mut table = TableId(r.u8("packet_in.table_id")?);
        let mut cookie = u64::MAX;
        if version == Version::V1_0 {
            // That byte is padding.
            table = TableId(0);
        }
        if version >= Version::V1_3 {
            cookie = r.u64("packet_in.cookie")?;
        }
        if version >= Version::V1_2 {
            metadata = Match::decode(r, version)?;
            r.skip(2, "packet_in.pad")?;
        }
        Ok(Self {
            buffer_id,
            total_len,
            reason,
            table,
            cookie,
            metadata,
            packet: r.rest(),
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.buffer_id);
        if version < Version::V1_2 {
            only_ports(&self.metadata, version)?;
        }
        if version == Version::V1_1 {
            write_port(w, version, Field::InPort, &self.metadata)?;
            write_port(w, version, Field::InPhyPort, &self.metadata)?;
        }
        w.u16(self.total_len);
        if version == Version::V1_0 {
            write_port(w, version, Field::InPort, &self.metadata)?;
        }
        w.u8(self.reason.0);
        w.u8(self.table.0);
        if version >= Version::V1_3 {
            w.u64(self.cookie);
        }
        if version >= Version::V1_2 {
            self.metadata.encode(w, version)?;
            w.pad(2);
        }
        w.slice(&self.packet);
        Ok(())
    }
}

impl Plain for PacketIn {
    fn value(&self, version: Version) -> Value {
        let mut members: Members = vec![
            ("buffer_id".into(), self.buffer_id.value(version)),
            ("total_len".into(), self.total_len.value(version)),
            ("reason".into(), self.reason.value(version)),
        ];
        if version >= Version::V1_1 {
            members.push(("table_id".into(), self.table.value(version)));
        }
        if version >= Version::V1_3 {
            members.push(("cookie".into(), self.cookie.value(version)));
        }
        match version {
            Version::V1_0 => push_port(&mut members, Field::InPort, &self.metadata, version),
            Version::V1_1 => {
                push_port(&mut members, Field::InPort, &self.metadata, version);
                push_port(&mut members, Field::InPhyPort, &self.metadata, version);
            }
            _ => members.push(("match".into(), self.metadata.value(version))),
        }
        members.push(("data".into(), self.packet.value(version)));
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        value.members(&[
            "buffer_id",
            "total_len",
            "reason",
            "table_id",
            "cookie",
            "in_port",
            "in_phy_port",
            "match",
            "data",
        ])?;
        let metadata = match version {
            Version::V1_0 => with_port(Match::any(), Field::InPort, value, version)?,
            Version::V1_1 => {
                let metadata = with_port(Match::any(), Field::InPort, value, version)?;
                with_port(metadata, Field::InPhyPort, value, version)?
            }
            _ => required(value, "match", version)?,
        };
        Ok(Self {
            buffer_id: required(value, "buffer_id", version)?,
            total_len: required(value, "total_len", version)?,
            reason: required(value, "reason", version)?,
            table: match version {
                Version::V1_0 => TableId(0),
                _ => required(value, "table_id", version)?,
            },
            cookie: match version >= Version::V1_3 {
                true => required(value, "cookie", version)?,
                false => u64::MAX,
            },
            metadata,
            packet: required(value, "data", version)?,
        })
    }
}

impl Generate for PacketIn {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        let ports: &[Field] = match version {
            Version::V1_0 => &[Field::InPort],
            Version::V1_1 => &[Field::InPort, Field::InPhyPort],
            _ => &[],
        };
        let metadata = match ports {
            [] => Match::generate(dice, version),
            ports => ports.iter().fold(Match::any(), |metadata, field| {
                metadata.with(*field, PortNo::generate(dice, version))
            }),
        };
        Self {
            buffer_id: u32::generate(dice, version),
            total_len: u16::generate(dice, version),
            reason: PacketInReason::generate(dice, version),
            table: match version {
                Version::V1_0 => TableId(0),
                _ => TableId::generate(dice, version),
            },
            cookie: match version >= Version::V1_3 {
                true => u64::generate(dice, version),
                false => u64::MAX,
            },
            metadata,
            packet: Bytes::generate(dice, version),
        }
    }
}

/// The specification's name of a field of ports.
fn port_name(field: Field) -> &'static str {
    match field {
        Field::InPhyPort => "in_phy_port",
        _ => "in_port",
    }
}

/// Reads a port of a version that has no match for it.
fn read_port(
    r: &mut Reader<'_>,
    version: Version,
    field: Field,
    metadata: &mut Match,
) -> Result<(), DecodeError> {
    let port = PortNo::read(r, version, port_name(field))?;
    metadata.push(FieldValue::exact(field, port));
    Ok(())
}

/// Writes a port of a version that has no match for it.
fn write_port(
    w: &mut Writer,
    version: Version,
    field: Field,
    metadata: &Match,
) -> Result<(), EncodeError> {
    port(metadata, field)
        .unwrap_or(PortNo::ANY)
        .write(w, version)
}

/// Refuses metadata that a version without a match for it cannot say.
fn only_ports(metadata: &Match, version: Version) -> Result<(), EncodeError> {
    let ports = |value: &FieldValue| matches!(value.field, Field::InPort | Field::InPhyPort);
    if metadata.fields().filter(|value| ports(value)).count() != metadata.entries.len() {
        return Err(EncodeError::NotInVersion {
            what: "metadata of a packet other than its port",
            version,
        });
    }
    Ok(())
}

fn push_port(members: &mut Members, field: Field, metadata: &Match, version: Version) {
    let port = port(metadata, field).unwrap_or(PortNo::ANY);
    members.push((port_name(field).into(), port.value(version)));
}

fn with_port(
    metadata: Match,
    field: Field,
    value: &Value,
    version: Version,
) -> Result<Match, ValueError> {
    let port: PortNo = required(value, port_name(field), version)?;
    Ok(metadata.with(field, port))
}

impl PacketIn {
    /// The port that the packet came in by.
    #[must_use]
    pub fn in_port(&self) -> Option<PortNo> {
        port(&self.metadata, Field::InPort)
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
}

variants! {
    /// What Nicira's packet-in says (`NXPINT_*`).
    pub enum PacketIn2Property: Property, rows PACKET_IN2_PROPERTIES {
        /// The packet, from its Ethernet header on.
        Packet "packet" [std 0 V1_0 V1_5] {
            /// The packet.
            packet: Bytes;
        }
        /// Bytes of the whole packet, when only a part is there.
        FullLen "full_len" [std 1 V1_0 V1_5] {
            /// Bytes.
            full_len: u32;
        }
        /// The number of the packet that the switch holds.
        BufferId "buffer_id" [std 2 V1_0 V1_5] {
            /// The number.
            buffer_id: u32;
        }
        /// The table in which the flow stood.
        TableId "table_id" [std 3 V1_0 V1_5] {
            /// The table.
            table_id: TableId;
        }
        /// The flow's cookie.
        Cookie "cookie" [std 4 V1_0 V1_5] {
            /// The cookie.
            {pad 4} cookie: u64;
        }
        /// Why the packet came.
        Reason "reason" [std 5 V1_0 V1_5] {
            /// The reason.
            reason: PacketInReason;
        }
        /// Port, metadata and registers of the packet.
        Metadata "metadata" [std 6 V1_0 V1_5] {
            /// The fields.
            metadata: Fields;
        }
        /// What the flow's action said.
        Userdata "userdata" [std 7 V1_0 V1_5] {
            /// The bytes.
            userdata: Bytes;
        }
        /// What lets the packet go on, when it waits.
        Continuation "continuation" [std 8 V1_0 V1_5] {
            /// The switch's own bytes.
            continuation: Bytes;
        }
    }
}

record! {
    /// A packet for the controller in Nicira's second form, or one that goes on (`NXT_PACKET_IN2`, `NXT_RESUME`).
    pub struct PacketIn2 {
        /// What is said, in the order in which it was said. A property that is not there has its neutral value.
        properties: Vec<PacketIn2Property>;
    }
}

/// A packet that came to the controller, in whichever form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The packet, and why it came. What Nicira's form does not say is neutral: no buffer, no cookie, the
    /// length of the packet that is there.
    pub packet_in: PacketIn,
    /// What the flow's action said.
    pub userdata: Bytes,
    /// What lets the packet go on, when it waits.
    pub continuation: Option<Bytes>,
}

impl Received {
    /// `packet`, about which nothing else is known.
    #[must_use]
    pub fn new(packet: Bytes) -> Self {
        Self {
            packet_in: PacketIn {
                buffer_id: NO_BUFFER,
                // A packet is inside a message, hence never longer than a 16-bit length.
                total_len: packet.len() as u16,
                reason: PacketInReason::TABLE_MISS,
                table: TableId(0),
                cookie: u64::MAX,
                metadata: Match::any(),
                packet,
            },
            userdata: Bytes::new(),
            continuation: None,
        }
    }
}

impl From<PacketIn> for Received {
    fn from(packet_in: PacketIn) -> Self {
        Self {
            packet_in,
            userdata: Bytes::new(),
            continuation: None,
        }
    }
}

impl From<PacketIn2> for Received {
    fn from(message: PacketIn2) -> Self {
        let mut received = Self::new(Bytes::new());
        let mut total_len = None;
        let packet_in = &mut received.packet_in;
        for property in message.properties {
            match property {
                PacketIn2Property::Packet { packet } => packet_in.packet = packet,
                PacketIn2Property::FullLen { full_len } => total_len = Some(full_len),
                PacketIn2Property::BufferId { buffer_id } => packet_in.buffer_id = buffer_id,
                PacketIn2Property::TableId { table_id } => packet_in.table = table_id,
                PacketIn2Property::Cookie { cookie } => packet_in.cookie = cookie,
                PacketIn2Property::Reason { reason } => packet_in.reason = reason,
                PacketIn2Property::Metadata { metadata } => packet_in.metadata = metadata.0,
                PacketIn2Property::Userdata { userdata } => received.userdata = userdata,
                PacketIn2Property::Continuation { continuation } => {
                    received.continuation = Some(continuation);
                }
                PacketIn2Property::Experimenter { .. } | PacketIn2Property::Unknown { .. } => {}
            }
        }
        // Packets are shorter than 64 KiB, whatever the property says.
        packet_in.total_len = total_len.map_or(packet_in.packet.len() as u16, |length| {
            u16::try_from(length).unwrap_or(u16::MAX)
        });
        received
    }
}

/// In the order of Open vSwitch.
impl From<Received> for PacketIn2 {
    fn from(received: Received) -> Self {
        let Received {
            packet_in,
            userdata,
            continuation,
        } = received;
        let part = usize::from(packet_in.total_len) != packet_in.packet.len();
        let mut properties = vec![PacketIn2Property::Packet {
            packet: packet_in.packet,
        }];
        if part {
            properties.push(PacketIn2Property::FullLen {
                full_len: packet_in.total_len.into(),
            });
        }
        if packet_in.buffer_id != NO_BUFFER {
            properties.push(PacketIn2Property::BufferId {
                buffer_id: packet_in.buffer_id,
            });
        }
        properties.push(PacketIn2Property::TableId {
            table_id: packet_in.table,
        });
        if packet_in.cookie != u64::MAX {
            properties.push(PacketIn2Property::Cookie {
                cookie: packet_in.cookie,
            });
        }
        properties.push(PacketIn2Property::Reason {
            reason: packet_in.reason,
        });
        properties.push(PacketIn2Property::Metadata {
            metadata: Fields(packet_in.metadata),
        });
        if let Some(continuation) = continuation {
            properties.push(PacketIn2Property::Continuation { continuation });
        }
        if !userdata.is_empty() {
            properties.push(PacketIn2Property::Userdata { userdata });
        }
        Self { properties }
    }
}

fn port(metadata: &Match, field: Field) -> Option<PortNo> {
    let value = metadata.get(field)?.value;
    u32::try_from(value).ok().map(PortNo)
}

/// Sends a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
        port(&self.metadata, Field::InPort)
    }
}

impl Wire for PacketOut {
    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let buffer_id = r.u32("packet_out.buffer_id")?;
        let mut metadata = Match::any();
        if version < Version::V1_5 {
            read_port(r, version, Field::InPort, &mut metadata)?;
        }
        let length = usize::from(r.u16("packet_out.actions_len")?);
        match version {
            Version::V1_0 => {}
            Version::V1_5 => {
                r.skip(2, "packet_out.pad")?;
                metadata = Match::decode(r, version)?;
            }
            _ => r.skip(6, "packet_out.pad")?,
        }
        let mut actions = r.sub(length, "the actions that actions_len tells of")?;
        Ok(Self {
            buffer_id,
            metadata,
            actions: action::decode_list(&mut actions, version)?,
            packet: r.rest(),
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u32(self.buffer_id);
        if version < Version::V1_5 {
            only_ports(&self.metadata, version)?;
            self.in_port()
                .unwrap_or(PortNo::CONTROLLER)
                .write(w, version)?;
        }
        let length_at = w.len();
        w.u16(0);
        match version {
            Version::V1_0 => {}
            Version::V1_5 => {
                w.pad(2);
                self.metadata.encode(w, version)?;
            }
            _ => w.pad(6),
        }
        let start = w.len();
        let what = "the actions of a packet-out";
        w.part(what, |w| action::encode_list(&self.actions, w, version))?;
        w.patch_length(length_at, start, what)?;
        w.slice(&self.packet);
        Ok(())
    }
}

impl Plain for PacketOut {
    fn value(&self, version: Version) -> Value {
        let mut members: Members = vec![("buffer_id".into(), self.buffer_id.value(version))];
        if version < Version::V1_5 {
            push_port(&mut members, Field::InPort, &self.metadata, version);
        } else {
            members.push(("match".into(), self.metadata.value(version)));
        }
        members.push(("actions".into(), self.actions.value(version)));
        members.push(("data".into(), self.packet.value(version)));
        Value::Object(members)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        value.members(&["buffer_id", "in_port", "match", "actions", "data"])?;
        Ok(Self {
            buffer_id: required(value, "buffer_id", version)?,
            metadata: match version < Version::V1_5 {
                true => with_port(Match::any(), Field::InPort, value, version)?,
                false => required(value, "match", version)?,
            },
            actions: required(value, "actions", version)?,
            packet: required(value, "data", version)?,
        })
    }
}

impl Generate for PacketOut {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self {
            buffer_id: u32::generate(dice, version),
            metadata: match version < Version::V1_5 {
                true => Match::any().with(Field::InPort, PortNo::generate(dice, version)),
                false => Match::generate(dice, version),
            },
            actions: Vec::generate(dice, version),
            packet: Bytes::generate(dice, version),
        }
    }
}
