//! The table of actions, and their codec.
//!
//! Two layers, as in Open vSwitch: a [`Raw`] is one encoding (type and vendor, for a range of
//! versions), an [`Action`] is a meaning. [`Action::raw`] says which encoding a version takes; all
//! that differs between versions stays below that line. Actions that the table does not know are
//! kept as they came. Sources: OpenFlow 1.5.1, 7.2.6; `nicira-ext.h` and `ofp-actions.c` of Open
//! vSwitch for the layout of Nicira's. The text form is in [`crate::text`].

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::field::{Field, NXM_0};
use crate::matches::{self, Entry, FieldValue};
use crate::wire::{Reader, Writer};
use crate::{GroupId, MeterId, PortNo, Version};

/// `OFPAT_EXPERIMENTER`.
const EXPERIMENTER: u16 = 0xffff;
/// Nicira's vendor id.
pub const NICIRA: u32 = 0x0000_2320;
/// How deep actions may nest in actions (Open vSwitch: `MAX_CT_NEST` and the clones around it).
pub(crate) const MAX_NESTING: u8 = 16;

/// One encoding of an action.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub raw: Raw,
    /// Its name in `ovs-ofctl`.
    pub name: &'static str,
    /// None for a standard action.
    pub vendor: Option<u32>,
    /// The type, or the vendor's subtype.
    pub code: u16,
    /// The first version that it is written in.
    pub since: Version,
    /// The last version that it is written in.
    pub until: Version,
    /// One sentence.
    pub doc: &'static str,
}

macro_rules! vendor {
    (std) => {
        None
    };
    (nx) => {
        Some(NICIRA)
    };
}

macro_rules! encodings {
    ($($raw:ident $name:literal $vendor:ident $code:literal $since:ident $until:ident $doc:literal;)*) => {
        /// One encoding of an action: a type (and vendor) for a range of versions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Raw { $(#[doc = $doc] $raw,)* }

        /// The table of encodings, in the order of [`Raw`].
        pub static ROWS: &[Row] = &[$(Row {
            raw: Raw::$raw, name: $name, vendor: vendor!($vendor), code: $code,
            since: Version::$since, until: Version::$until, doc: $doc,
        },)*];
    };
}

encodings! {
    Output "output" std 0 V1_1 V1_5 "Sends the packet out of a port.";
    PushVlan "push_vlan" std 17 V1_1 V1_5 "Adds a VLAN tag.";
    PopVlan "pop_vlan" std 18 V1_1 V1_5 "Removes the outermost VLAN tag.";
    SetQueue "set_queue" std 21 V1_1 V1_5 "Chooses the queue of later outputs.";
    Group "group" std 22 V1_1 V1_5 "Hands the packet to a group.";
    SetTtl "mod_nw_ttl" std 23 V1_1 V1_5 "Sets the TTL or hop limit.";
    DecTtl "dec_ttl" std 24 V1_1 V1_5 "Takes one from the TTL or hop limit.";
    SetField "set_field" std 25 V1_2 V1_5 "Sets a field; with a mask from 1.5 on.";
    CopyField "move" std 28 V1_5 V1_5 "Copies bits of a field to another.";
    Meter "meter" std 29 V1_5 V1_5 "Passes the packet through a meter.";
    RegMove "move" nx 6 V1_0 V1_4 "Copies bits of a field to another.";
    RegLoad2 "set_field" nx 33 V1_0 V1_4 "Sets some bits of a field.";
    ResubmitTable "resubmit" nx 14 V1_0 V1_5 "Looks the packet up in a table, then goes on.";
    Controller "controller" nx 20 V1_0 V1_5 "Sends the packet to a controller.";
    Controller2 "controller" nx 37 V1_0 V1_5 "Sends the packet to a controller, with user data or a meter.";
    StackPush "push" nx 27 V1_0 V1_5 "Pushes bits of a field onto the stack.";
    StackPop "pop" nx 28 V1_0 V1_5 "Pops bits of a field from the stack.";
    Conjunction "conjunction" nx 34 V1_0 V1_5 "One clause of a conjunctive match.";
    Ct "ct" nx 35 V1_0 V1_5 "Sends the packet through connection tracking.";
    Nat "nat" nx 36 V1_0 V1_5 "Translates addresses; only inside ct.";
    CtClear "ct_clear" nx 43 V1_0 V1_5 "Forgets what connection tracking said.";
    Clone "clone" nx 42 V1_0 V1_5 "Runs actions on a copy of the packet.";
    CheckPktLarger "check_pkt_larger" nx 49 V1_0 V1_5 "Sets a bit when the packet is longer than a limit.";
}

impl Raw {
    /// The encoding's row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    fn find(vendor: Option<u32>, code: u16, version: Version) -> Option<Self> {
        let first = FIRST[usize::from(vendor.is_some())].get(usize::from(code))?;
        ROWS[usize::from(*first)..]
            .iter()
            .find(|row| {
                row.code == code
                    && row.vendor == vendor
                    && (row.since..=row.until).contains(&version)
            })
            .map(|row| row.raw)
    }
}

/// Where to begin to look for a code of the standard, and for one of a vendor.
static FIRST: [[u8; 64]; 2] = first();

const fn first() -> [[u8; 64]; 2] {
    let mut table = [[ROWS.len() as u8; 64]; 2];
    let mut at = ROWS.len();
    while at > 0 {
        at -= 1;
        table[ROWS[at].vendor.is_some() as usize][ROWS[at].code as usize] = at as u8;
    }
    table
}

/// Some bits of a field: `NXM_NX_REG0[8..15]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subfield {
    /// The field.
    pub field: Field,
    /// The lowest bit.
    pub offset: u16,
    /// How many bits; at least one.
    pub bits: u16,
}

impl Subfield {
    /// All bits of a field.
    #[must_use]
    pub fn whole(field: Field) -> Self {
        Self {
            field,
            offset: 0,
            bits: field.row().bits,
        }
    }

    /// `bits` bits of a field from bit `offset` on.
    #[must_use]
    pub fn new(field: Field, offset: u16, bits: u16) -> Self {
        Self {
            field,
            offset,
            bits,
        }
    }

    fn fits(&self) -> bool {
        self.bits > 0
            && u32::from(self.offset) + u32::from(self.bits) <= u32::from(self.field.row().bits)
    }
}

/// A packet for the controller (`NXAST_CONTROLLER2`, or `NXAST_CONTROLLER` when that says it all).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToController {
    /// Bytes of the packet to send; `0xffff` for all.
    pub max_len: u16,
    /// Which controller; 0 for each that has not chosen an id.
    pub controller_id: u16,
    /// `OFPR_*`; 1 is "by an action".
    pub reason: u8,
    /// Opaque bytes that come back in the packet-in.
    pub userdata: Bytes,
    /// Whether the packet waits to be resumed.
    pub pause: bool,
    /// The meter that packets pass before they are sent.
    pub meter: Option<MeterId>,
}

impl Default for ToController {
    fn default() -> Self {
        Self {
            max_len: 0xffff,
            controller_id: 0,
            reason: 1,
            userdata: Bytes::new(),
            pause: false,
            meter: None,
        }
    }
}

/// The zone of a `ct` action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// A fixed one.
    Number(u16),
    /// Read from 16 bits of a field.
    Field(Subfield),
}

/// Connection tracking (`NXAST_CT`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ct {
    /// Whether the connection is remembered.
    pub commit: bool,
    /// Whether an existing connection of the other direction gives way.
    pub force: bool,
    /// The zone.
    pub zone: Zone,
    /// The table in which a tracked copy goes on; none for no such copy.
    pub table: Option<u8>,
    /// The protocol helper, by its port (21: FTP, 69: TFTP); 0 for none.
    pub alg: u16,
    /// Set-field actions on `ct_mark` and `ct_label`, and `nat`.
    pub actions: Vec<Action>,
}

/// Address translation (`NXAST_NAT`). Present address and port ranges are inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Nat {
    /// `NX_NAT_F_*`: 1 source, 2 destination, 4 persistent, 8 hash, 16 random.
    pub flags: u16,
    /// IPv4 range.
    pub ipv4: Option<(std::net::Ipv4Addr, Option<std::net::Ipv4Addr>)>,
    /// IPv6 range.
    pub ipv6: Option<(std::net::Ipv6Addr, Option<std::net::Ipv6Addr>)>,
    /// Port range.
    pub ports: Option<(u16, Option<u16>)>,
}

/// What is done with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sends the packet out of a port; `max_len` bytes of it when that is the controller.
    Output {
        /// Where to.
        port: PortNo,
        /// For [`PortNo::CONTROLLER`]: how many bytes.
        max_len: u16,
    },
    /// Hands the packet to a group.
    Group(GroupId),
    /// Adds a VLAN tag of that Ethernet type.
    PushVlan(u16),
    /// Removes the outermost VLAN tag.
    PopVlan,
    /// Chooses the queue of later outputs.
    SetQueue(u32),
    /// Sets the TTL or hop limit.
    SetTtl(u8),
    /// Takes one from the TTL or hop limit.
    DecTtl,
    /// Sets a field, or the bits of its mask.
    SetField(FieldValue),
    /// Copies bits of a field to another.
    Move {
        /// From.
        source: Subfield,
        /// To: as many bits.
        destination: Subfield,
    },
    /// Passes the packet through a meter.
    Meter(MeterId),
    /// Looks the packet up in a table as if it came in by that port, then goes on.
    Resubmit {
        /// [`PortNo::IN_PORT`] for the port as it is.
        port: PortNo,
        /// 255 for the table as it is.
        table: u8,
    },
    /// Sends the packet to a controller.
    Controller(ToController),
    /// Pushes bits of a field onto the stack.
    Push(Subfield),
    /// Pops bits of a field from the stack.
    Pop(Subfield),
    /// One clause of a conjunctive match.
    Conjunction {
        /// The conjunction.
        id: u32,
        /// Which clause, from 1.
        clause: u8,
        /// Of how many.
        of: u8,
    },
    /// Sends the packet through connection tracking.
    Ct(Box<Ct>),
    /// Translates addresses; only inside [`Action::Ct`].
    Nat(Box<Nat>),
    /// Forgets what connection tracking said.
    CtClear,
    /// Runs actions on a copy of the packet.
    Clone(Vec<Action>),
    /// Sets a bit when the packet, with its Ethernet header, is longer than a limit in bytes.
    CheckPktLarger {
        /// The limit.
        limit: u16,
        /// The bit.
        destination: Subfield,
    },
    /// Any other, with its header.
    Unknown(Bytes),
}

impl Action {
    /// Sends the packet out of a port.
    #[must_use]
    pub fn output(port: PortNo) -> Self {
        Self::Output { port, max_len: 0 }
    }

    /// Sets a field. The port of arrival is named by NXM's code point: Open vSwitch refuses actions
    /// that write to `OXM_OF_IN_PORT`.
    #[must_use]
    pub fn set(field: Field, value: impl matches::Value) -> Self {
        let class = (field == Field::InPort).then_some(NXM_0);
        Self::SetField(FieldValue {
            class,
            ..FieldValue::exact(field, value)
        })
    }

    /// Sets the bits of a field that `mask` has.
    #[must_use]
    pub fn set_masked(field: Field, value: impl matches::Value, mask: impl matches::Value) -> Self {
        Self::SetField(FieldValue::masked(field, value, mask))
    }

    /// Copies a whole field to one of the same size.
    #[must_use]
    pub fn copy(source: Field, destination: Field) -> Self {
        Self::Move {
            source: Subfield::whole(source),
            destination: Subfield::whole(destination),
        }
    }

    /// Looks the packet up in a table, then goes on.
    #[must_use]
    pub fn resubmit(table: u8) -> Self {
        Self::Resubmit {
            port: PortNo::IN_PORT,
            table,
        }
    }

    /// The encoding that a version takes; none for [`Action::Unknown`].
    #[must_use]
    pub fn raw(&self, version: Version) -> Option<Raw> {
        Some(match self {
            Self::Output { .. } => Raw::Output,
            Self::Group(_) => Raw::Group,
            Self::PushVlan(_) => Raw::PushVlan,
            Self::PopVlan => Raw::PopVlan,
            Self::SetQueue(_) => Raw::SetQueue,
            Self::SetTtl(_) => Raw::SetTtl,
            Self::DecTtl => Raw::DecTtl,
            Self::SetField(value) if value.mask.is_some() && version < Version::V1_5 => {
                Raw::RegLoad2
            }
            Self::SetField(_) => Raw::SetField,
            Self::Move { .. } if version < Version::V1_5 => Raw::RegMove,
            Self::Move { .. } => Raw::CopyField,
            Self::Meter(_) => Raw::Meter,
            Self::Resubmit { .. } => Raw::ResubmitTable,
            Self::Controller(to) if to.needs_properties() => Raw::Controller2,
            Self::Controller(_) => Raw::Controller,
            Self::Push(_) => Raw::StackPush,
            Self::Pop(_) => Raw::StackPop,
            Self::Conjunction { .. } => Raw::Conjunction,
            Self::Ct(_) => Raw::Ct,
            Self::Nat(_) => Raw::Nat,
            Self::CtClear => Raw::CtClear,
            Self::Clone(_) => Raw::Clone,
            Self::CheckPktLarger { .. } => Raw::CheckPktLarger,
            Self::Unknown(_) => return None,
        })
    }

    /// Writes the action.
    pub(crate) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let Some(raw) = self.raw(version) else {
            if let Self::Unknown(bytes) = self {
                w.slice(bytes);
            }
            return Ok(());
        };
        let row = raw.row();
        if !(row.since..=row.until).contains(&version) {
            return Err(EncodeError::NotInVersion {
                what: row.name,
                version,
            });
        }
        let start = w.len();
        match row.vendor {
            None => {
                w.u16(row.code);
                w.u16(0);
            }
            Some(vendor) => {
                w.u16(EXPERIMENTER);
                w.u16(0);
                w.u32(vendor);
                w.u16(row.code);
            }
        }
        self.encode_body(raw, w, version)?;
        w.align8(start);
        w.patch_length(start + 2, start, row.name)
    }

    /// Writes what follows the header; the caller pads to a multiple of 8.
    fn encode_body(&self, raw: Raw, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        match self {
            Self::Output { port, max_len } => {
                w.u32(port.0);
                w.u16(*max_len);
            }
            Self::Group(GroupId(number))
            | Self::Meter(MeterId(number))
            | Self::SetQueue(number) => {
                w.u32(*number);
            }
            Self::PushVlan(ethertype) => w.u16(*ethertype),
            Self::PopVlan | Self::DecTtl | Self::CtClear => {}
            Self::SetTtl(ttl) => w.u8(*ttl),
            Self::SetField(value) => value.encode(w, version)?,
            Self::Move {
                source,
                destination,
            } => {
                w.u16(source.bits);
                w.u16(source.offset);
                w.u16(destination.offset);
                w.pad(if raw == Raw::CopyField { 2 } else { 0 });
                matches::encode_header(w, source.field, version)?;
                matches::encode_header(w, destination.field, version)?;
            }
            Self::Resubmit { port, table } => {
                w.u16(port16(*port));
                w.u8(*table);
            }
            Self::Controller(to) if raw == Raw::Controller => {
                w.u16(to.max_len);
                w.u16(to.controller_id);
                w.u8(to.reason);
            }
            Self::Controller(to) => to.encode_properties(w)?,
            Self::Push(subfield) | Self::Pop(subfield) => {
                w.u16(subfield.offset);
                matches::encode_header(w, subfield.field, version)?;
                w.u16(subfield.bits);
            }
            Self::Conjunction { id, clause, of } => {
                w.u8(clause.saturating_sub(1));
                w.u8(*of);
                w.u32(*id);
            }
            Self::Ct(ct) => ct.encode(w, version)?,
            Self::Nat(nat) => nat.encode(w),
            Self::Clone(actions) => {
                w.pad(6);
                encode_list(actions, w, version)?;
            }
            Self::CheckPktLarger { limit, destination } => {
                w.u16(*limit);
                w.u16(destination.offset);
                matches::encode_header(w, destination.field, version)?;
            }
            Self::Unknown(_) => {}
        }
        Ok(())
    }
}

/// Writes actions one after the other.
pub(crate) fn encode_list(
    actions: &[Action],
    w: &mut Writer,
    version: Version,
) -> Result<(), EncodeError> {
    actions
        .iter()
        .try_for_each(|action| action.encode(w, version))
}

/// Reads actions until the reader's end.
pub(crate) fn decode_list(
    r: &mut Reader<'_>,
    version: Version,
) -> Result<Vec<Action>, DecodeError> {
    decode_nested(r, version, 0)
}

fn decode_nested(
    r: &mut Reader<'_>,
    version: Version,
    depth: u8,
) -> Result<Vec<Action>, DecodeError> {
    if depth > MAX_NESTING {
        return Err(r.error("actions that nest less deeply"));
    }
    // Most actions take sixteen bytes.
    let mut actions = Vec::with_capacity(r.remaining().div_ceil(16));
    while !r.is_empty() {
        actions.push(decode(r, version, depth)?);
    }
    Ok(actions)
}

/// Reads one action. An action whose body is not as this crate would write it is kept as it came.
pub(crate) fn decode(
    r: &mut Reader<'_>,
    version: Version,
    depth: u8,
) -> Result<Action, DecodeError> {
    r.answer_with(ErrorAnswer::BAD_ACTION_LEN);
    let start = r.offset();
    let mut body = sized(r, "the action that its length tells of")?;
    let kind = body.u16("the action's type")?;
    body.skip(2, "the action's length")?;
    let raw = if kind == EXPERIMENTER {
        let vendor = body.u32("the action's vendor")?;
        // Nicira's subtype; other vendors' actions have no further header in common.
        (vendor == NICIRA && body.remaining() >= 2)
            .then(|| body.u16("the action's subtype"))
            .transpose()?
            .and_then(|subtype| Raw::find(Some(vendor), subtype, version))
    } else {
        Raw::find(None, kind, version)
    };
    let Some(raw) = raw else {
        return Ok(Action::Unknown(r.since(start)));
    };
    match decode_body(raw, &mut body, version, depth)? {
        Some(action) if body.remaining() < 8 && body.peek().iter().all(|byte| *byte == 0) => {
            Ok(action)
        }
        _ => Ok(Action::Unknown(r.since(start))),
    }
}

/// A reader over the next action or instruction, which `r` skips: type, then length, which is a
/// multiple of 8.
pub(crate) fn sized<'a>(
    r: &mut Reader<'a>,
    expected: &'static str,
) -> Result<Reader<'a>, DecodeError> {
    let [_, _, high, low] = r.peek().first_chunk().ok_or_else(|| r.error(expected))?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length < 8 || !length.is_multiple_of(8) {
        return Err(r.error("a length that is a multiple of 8"));
    }
    r.sub(length, expected)
}

/// Reads a body, without the padding at its end; none when it says something that [`Action`] does not.
fn decode_body(
    raw: Raw,
    r: &mut Reader<'_>,
    version: Version,
    depth: u8,
) -> Result<Option<Action>, DecodeError> {
    Ok(Some(match raw {
        Raw::Output => Action::Output {
            port: PortNo(r.u32("output.port")?),
            max_len: r.u16("output.max_len")?,
        },
        Raw::Group => Action::Group(GroupId(r.u32("group.group_id")?)),
        Raw::Meter => Action::Meter(MeterId(r.u32("meter.meter_id")?)),
        Raw::SetQueue => Action::SetQueue(r.u32("set_queue.queue_id")?),
        Raw::PushVlan => Action::PushVlan(r.u16("push_vlan.ethertype")?),
        Raw::PopVlan => Action::PopVlan,
        Raw::DecTtl => Action::DecTtl,
        Raw::CtClear => {
            return Ok(padding(r, 6, "ct_clear.zeros")?.then_some(Action::CtClear));
        }
        Raw::SetTtl => Action::SetTtl(r.u8("set_nw_ttl.nw_ttl")?),
        Raw::SetField | Raw::RegLoad2 => match matches::decode_entry(r, version)? {
            Entry::Known(value) => {
                let action = Action::SetField(value);
                return Ok((action.raw(version) == Some(raw)).then_some(action));
            }
            Entry::Long(_) | Entry::Unknown(_) => return Ok(None),
        },
        Raw::CopyField | Raw::RegMove => return decode_move(raw, r, version),
        Raw::ResubmitTable => Action::Resubmit {
            port: port32(r.u16("resubmit.in_port")?),
            table: r.u8("resubmit.table")?,
        },
        Raw::Controller => Action::Controller(ToController {
            max_len: r.u16("controller.max_len")?,
            controller_id: r.u16("controller.controller_id")?,
            reason: r.u8("controller.reason")?,
            ..ToController::default()
        }),
        Raw::Controller2 => {
            return Ok(ToController::decode_properties(r)?.map(Action::Controller));
        }
        Raw::StackPush | Raw::StackPop => {
            let offset = r.u16("stack.offset")?;
            let field = matches::decode_header(r, version)?;
            let bits = r.u16("stack.n_bits")?;
            return Ok(subfield(field, offset, bits).map(|subfield| {
                if raw == Raw::StackPush {
                    Action::Push(subfield)
                } else {
                    Action::Pop(subfield)
                }
            }));
        }
        Raw::Conjunction => {
            let clause = r.u8("conjunction.clause")?;
            let of = r.u8("conjunction.n_clauses")?;
            let id = r.u32("conjunction.id")?;
            let Some(clause) = clause.checked_add(1) else {
                return Ok(None);
            };
            Action::Conjunction { id, clause, of }
        }
        Raw::Ct => return Ct::decode(r, version, depth),
        Raw::Nat => return Nat::decode(r),
        Raw::Clone => {
            if !padding(r, 6, "clone.pad")? {
                return Ok(None);
            }
            Action::Clone(decode_nested(r, version, depth + 1)?)
        }
        Raw::CheckPktLarger => {
            let limit = r.u16("check_pkt_larger.pkt_len")?;
            let offset = r.u16("check_pkt_larger.offset")?;
            let field = matches::decode_header(r, version)?;
            return Ok(subfield(field, offset, 1)
                .map(|destination| Action::CheckPktLarger { limit, destination }));
        }
    }))
}

/// Reads `n` bytes of padding; false when they are not zero.
fn padding(r: &mut Reader<'_>, n: usize, expected: &'static str) -> Result<bool, DecodeError> {
    r.zeros(n, expected)
}

fn decode_move(
    raw: Raw,
    r: &mut Reader<'_>,
    version: Version,
) -> Result<Option<Action>, DecodeError> {
    let bits = r.u16("move.n_bits")?;
    let source_offset = r.u16("move.src_offset")?;
    let destination_offset = r.u16("move.dst_offset")?;
    if raw == Raw::CopyField && !padding(r, 2, "copy_field.pad")? {
        return Ok(None);
    }
    let source = matches::decode_header(r, version)?;
    let destination = matches::decode_header(r, version)?;
    let both =
        subfield(source, source_offset, bits).zip(subfield(destination, destination_offset, bits));
    Ok(both.map(|(source, destination)| Action::Move {
        source,
        destination,
    }))
}

fn subfield(field: Option<Field>, offset: u16, bits: u16) -> Option<Subfield> {
    field
        .map(|field| Subfield {
            field,
            offset,
            bits,
        })
        .filter(Subfield::fits)
}

/// The 16-bit form of a port number, as OpenFlow 1.0 and Nicira's extensions write it.
pub(crate) fn port16(port: PortNo) -> u16 {
    // The reserved ports are the same numbers with the upper half cut off.
    port.0 as u16
}

/// The 32-bit form of a 16-bit port number.
pub(crate) fn port32(port: u16) -> PortNo {
    if port >= 0xff00 {
        PortNo(0xffff_0000 | u32::from(port))
    } else {
        PortNo(u32::from(port))
    }
}

/// Rows of the properties of `NXAST_CONTROLLER2` (`enum nx_action_controller2_prop_type`).
mod controller2 {
    pub(super) const MAX_LEN: u16 = 0;
    pub(super) const CONTROLLER_ID: u16 = 1;
    pub(super) const REASON: u16 = 2;
    pub(super) const USERDATA: u16 = 3;
    pub(super) const PAUSE: u16 = 4;
    pub(super) const METER_ID: u16 = 5;
}

impl ToController {
    fn needs_properties(&self) -> bool {
        !self.userdata.is_empty() || self.pause || self.meter.is_some()
    }

    /// Writes the properties that differ from their defaults, in the order of their numbers.
    fn encode_properties(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.pad(6);
        if self.max_len != 0xffff {
            property_u16(w, controller2::MAX_LEN, self.max_len)?;
        }
        if self.controller_id != 0 {
            property_u16(w, controller2::CONTROLLER_ID, self.controller_id)?;
        }
        if self.reason != 1 {
            property(w, controller2::REASON, &[self.reason])?;
        }
        if !self.userdata.is_empty() {
            property(w, controller2::USERDATA, &self.userdata)?;
        }
        if self.pause {
            property(w, controller2::PAUSE, &[])?;
        }
        if let Some(meter) = self.meter {
            property(w, controller2::METER_ID, &meter.0.to_be_bytes())?;
        }
        Ok(())
    }

    fn decode_properties(r: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        let mut to = Self::default();
        let mut ours = padding(r, 6, "controller2.zeros")?;
        let mut last = None;
        while !r.is_empty() {
            let kind = r.u16("the property's type")?;
            let length = usize::from(r.u16("the property's length")?);
            let body = length
                .checked_sub(4)
                .ok_or_else(|| r.error("a property length of at least 4"))?;
            let mut property = r.sub(body, "the property that its length tells of")?;
            let filled = length.next_multiple_of(8) - length;
            ours &= padding(r, filled, "the property's padding")?;
            match kind {
                controller2::MAX_LEN => {
                    to.max_len = property.u16("max_len")?;
                    ours &= padding(&mut property, 2, "max_len.pad")?;
                }
                controller2::CONTROLLER_ID => {
                    to.controller_id = property.u16("controller_id")?;
                    ours &= padding(&mut property, 2, "controller_id.pad")?;
                }
                controller2::REASON => to.reason = property.u8("reason")?,
                controller2::USERDATA => to.userdata = property.rest(),
                controller2::PAUSE => to.pause = true,
                controller2::METER_ID => to.meter = Some(MeterId(property.u32("meter_id")?)),
                _ => ours = false,
            }
            ours &= property.is_empty() && last < Some(kind);
            last = Some(kind);
        }
        Ok((ours && to.needs_properties()).then_some(to))
    }
}

/// A property of 16 bits; its length counts the two bytes of padding.
fn property_u16(w: &mut Writer, kind: u16, value: u16) -> Result<(), EncodeError> {
    let [high, low] = value.to_be_bytes();
    property(w, kind, &[high, low, 0, 0])
}

fn property(w: &mut Writer, kind: u16, value: &[u8]) -> Result<(), EncodeError> {
    let start = w.len();
    w.u16(kind);
    w.u16(0);
    w.slice(value);
    w.patch_length(start + 2, start, "a property of controller")?;
    w.align8(start);
    Ok(())
}

impl Ct {
    const COMMIT: u16 = 1;
    const FORCE: u16 = 2;
    const NO_TABLE: u8 = 0xff;

    fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u16((u16::from(self.commit) * Self::COMMIT) | (u16::from(self.force) * Self::FORCE));
        match self.zone {
            Zone::Number(number) => {
                w.u32(0);
                w.u16(number);
            }
            Zone::Field(subfield) => {
                matches::encode_header(w, subfield.field, version)?;
                w.u16(subfield.offset << 6 | subfield.bits.saturating_sub(1));
            }
        }
        w.u8(self.table.unwrap_or(Self::NO_TABLE));
        w.pad(3);
        w.u16(self.alg);
        encode_list(&self.actions, w, version)
    }

    fn decode(
        r: &mut Reader<'_>,
        version: Version,
        depth: u8,
    ) -> Result<Option<Action>, DecodeError> {
        let flags = r.u16("ct.flags")?;
        let zone = if r.peek().starts_with(&[0; 4]) {
            r.skip(4, "ct.zone_src")?;
            Some(Zone::Number(r.u16("ct.zone_imm")?))
        } else {
            let field = matches::decode_header(r, version)?;
            let packed = r.u16("ct.zone_ofs_nbits")?;
            subfield(field, packed >> 6, (packed & 0x3f) + 1).map(Zone::Field)
        };
        let table = r.u8("ct.recirc_table")?;
        let clean = padding(r, 3, "ct.pad")? && flags & !(Self::COMMIT | Self::FORCE) == 0;
        let alg = r.u16("ct.alg")?;
        let actions = decode_nested(r, version, depth + 1)?;
        Ok(zone.filter(|_| clean).map(|zone| {
            Action::Ct(Box::new(Self {
                commit: flags & Self::COMMIT != 0,
                force: flags & Self::FORCE != 0,
                zone,
                table: (table != Self::NO_TABLE).then_some(table),
                alg,
                actions,
            }))
        }))
    }
}

/// Bits of `nx_action_nat.range_present`.
mod nat_range {
    pub(super) const IPV4_MIN: u16 = 1;
    pub(super) const IPV4_MAX: u16 = 2;
    pub(super) const IPV6_MIN: u16 = 4;
    pub(super) const IPV6_MAX: u16 = 8;
    pub(super) const PROTO_MIN: u16 = 16;
    pub(super) const PROTO_MAX: u16 = 32;
}

impl Nat {
    fn encode(&self, w: &mut Writer) {
        let mut present = 0;
        let mut body = Writer::new();
        if let Some((first, last)) = self.ipv4 {
            present |= nat_range::IPV4_MIN;
            body.slice(&first.octets());
            if let Some(last) = last {
                present |= nat_range::IPV4_MAX;
                body.slice(&last.octets());
            }
        }
        if let Some((first, last)) = self.ipv6 {
            present |= nat_range::IPV6_MIN;
            body.slice(&first.octets());
            if let Some(last) = last {
                present |= nat_range::IPV6_MAX;
                body.slice(&last.octets());
            }
        }
        if let Some((first, last)) = self.ports {
            present |= nat_range::PROTO_MIN;
            body.u16(first);
            if let Some(last) = last {
                present |= nat_range::PROTO_MAX;
                body.u16(last);
            }
        }
        w.pad(2);
        w.u16(self.flags);
        w.u16(present);
        w.slice(body.written(0));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Option<Action>, DecodeError> {
        let clean = padding(r, 2, "nat.pad")?;
        let flags = r.u16("nat.flags")?;
        let present = r.u16("nat.range_present")?;
        let has = |bit| present & bit != 0;
        // An end without a beginning is nothing that this crate would write.
        let paired = (has(nat_range::IPV4_MIN) || !has(nat_range::IPV4_MAX))
            && (has(nat_range::IPV6_MIN) || !has(nat_range::IPV6_MAX))
            && (has(nat_range::PROTO_MIN) || !has(nat_range::PROTO_MAX))
            && present < 64;
        if !clean || !paired {
            return Ok(None);
        }
        let mut nat = Self {
            flags,
            ..Self::default()
        };
        if has(nat_range::IPV4_MIN) {
            let first = r.u32("nat.ipv4_min")?.into();
            let last = has(nat_range::IPV4_MAX)
                .then(|| r.u32("nat.ipv4_max").map(Into::into))
                .transpose()?;
            nat.ipv4 = Some((first, last));
        }
        if has(nat_range::IPV6_MIN) {
            let first = r.array("nat.ipv6_min")?.into();
            let last = has(nat_range::IPV6_MAX)
                .then(|| r.array("nat.ipv6_max").map(Into::into))
                .transpose()?;
            nat.ipv6 = Some((first, last));
        }
        if has(nat_range::PROTO_MIN) {
            let first = r.u16("nat.proto_min")?;
            let last = has(nat_range::PROTO_MAX)
                .then(|| r.u16("nat.proto_max"))
                .transpose()?;
            nat.ports = Some((first, last));
        }
        Ok(Some(Action::Nat(Box::new(nat))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_encodings_and_codes_are_unique_per_version() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.raw as usize, at);
            for other in &ROWS[at + 1..] {
                let same = (row.vendor, row.code) == (other.vendor, other.code);
                assert!(!same || row.until < other.since || other.until < row.since);
            }
        }
    }
}
