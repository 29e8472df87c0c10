//! The error message, and the table of errors (OpenFlow 1.5.1, 7.5.4; extensions of ONF and
//! Nicira by their numbers).

use std::fmt;

use bytes::Bytes;

use super::ONF;
use crate::Version;
use crate::action::NICIRA;
use crate::error::{DecodeError, EncodeError, ErrorAnswer};
use crate::record::Wire;
use crate::wire::{Reader, Writer};

/// `OFPET_EXPERIMENTER`.
const EXPERIMENTER: u16 = 0xffff;

/// A row of the table.
#[derive(Debug)]
pub struct ErrorRow {
    /// None for an error of the standard.
    pub vendor: Option<u32>,
    /// `OFPET_*`; 0xffff for a vendor's.
    pub kind: u16,
    /// The code within the type, or the vendor's number.
    pub code: u16,
    /// Its name in the specification.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

macro_rules! errors {
    ($($kind:literal $prefix:literal { $($code:literal $name:literal $doc:literal;)* })*
     vendors { $($vendor:ident $number:literal $vendor_name:literal $vendor_doc:literal;)* }) => {
        /// The table of errors, by type and code, vendors last.
        pub static ERRORS: &[ErrorRow] = &[
            $($(ErrorRow {
                vendor: None, kind: $kind, code: $code, name: concat!($prefix, $name), doc: $doc,
            },)*)*
            $(ErrorRow {
                vendor: Some($vendor), kind: EXPERIMENTER, code: $number,
                name: $vendor_name, doc: $vendor_doc,
            },)*
        ];
    };
}

errors! {
    0 "OFPHFC_" {
        0 "INCOMPATIBLE" "There is no version that both sides speak.";
        1 "EPERM" "This side may not connect.";
    }
    1 "OFPBRC_" {
        0 "BAD_VERSION" "The message is of a version that was not agreed on.";
        1 "BAD_TYPE" "The switch does not know this message.";
        2 "BAD_MULTIPART" "The switch does not know this description or statistic.";
        3 "BAD_EXPERIMENTER" "The switch does not know this vendor.";
        4 "BAD_EXP_TYPE" "The switch does not know this message of the vendor.";
        5 "EPERM" "The switch does not permit it.";
        6 "BAD_LEN" "The message is too short or too long for its type.";
        7 "BUFFER_EMPTY" "The held packet was already used.";
        8 "BUFFER_UNKNOWN" "The switch holds no such packet.";
        9 "BAD_TABLE_ID" "There is no such table.";
        10 "IS_SLAVE" "A slave may not change anything.";
        11 "BAD_PORT" "There is no such port.";
        12 "BAD_PACKET" "The packet is not one.";
        13 "MULTIPART_BUFFER_OVERFLOW" "The request has more parts than the switch can hold.";
        14 "MULTIPART_REQUEST_TIMEOUT" "The next part of the request did not come in time.";
        15 "MULTIPART_REPLY_TIMEOUT" "The next part of the reply did not come in time.";
        16 "MULTIPART_BAD_SCHED" "The switch cannot schedule the request.";
        17 "PIPELINE_FIELDS_ONLY" "The match may hold only fields of the pipeline.";
        18 "UNKNOWN" "The switch does not say what is wrong.";
    }
    2 "OFPBAC_" {
        0 "BAD_TYPE" "The switch does not know this action.";
        1 "BAD_LEN" "An action's length is wrong.";
        2 "BAD_EXPERIMENTER" "The switch does not know the vendor of an action.";
        3 "BAD_EXP_TYPE" "The switch does not know this action of the vendor.";
        4 "BAD_OUT_PORT" "An action names a port that is not there.";
        5 "BAD_ARGUMENT" "An action's argument is wrong.";
        6 "EPERM" "The switch does not permit the action.";
        7 "TOO_MANY" "There are too many actions.";
        8 "BAD_QUEUE" "An action names a queue that is not there.";
        9 "BAD_OUT_GROUP" "An action names a group that is not there.";
        10 "MATCH_INCONSISTENT" "An action cannot apply to the packets of this match.";
        11 "UNSUPPORTED_ORDER" "The switch cannot do the actions in this order.";
        12 "BAD_TAG" "An action uses a tag that the switch does not know.";
        13 "BAD_SET_TYPE" "An action sets a field that the switch does not know.";
        14 "BAD_SET_LEN" "An action sets bits beyond a field, or none.";
        15 "BAD_SET_ARGUMENT" "An action sets a field to a value that it cannot have.";
        16 "BAD_SET_MASK" "An action sets a field under a mask that it cannot have.";
        17 "BAD_METER" "An action names a meter that is not there.";
    }
    3 "OFPBIC_" {
        0 "UNKNOWN_INST" "The switch does not know this instruction.";
        1 "UNSUP_INST" "The switch or the table does not have this instruction.";
        2 "BAD_TABLE_ID" "An instruction goes to a table that is not there or lies behind.";
        3 "UNSUP_METADATA" "The switch cannot write this metadata.";
        4 "UNSUP_METADATA_MASK" "The switch cannot write metadata under this mask.";
        5 "BAD_EXPERIMENTER" "The switch does not know the vendor of an instruction.";
        6 "BAD_EXP_TYPE" "The switch does not know this instruction of the vendor.";
        7 "BAD_LEN" "An instruction's length is wrong.";
        8 "EPERM" "The switch does not permit the instruction.";
        9 "DUP_INST" "An instruction stands twice.";
    }
    4 "OFPBMC_" {
        0 "BAD_TYPE" "The match is of a type that the switch does not know.";
        1 "BAD_LEN" "The match's length is wrong.";
        2 "BAD_TAG" "The match uses a tag that the switch does not know.";
        3 "BAD_DL_ADDR_MASK" "The switch cannot match Ethernet addresses under this mask.";
        4 "BAD_NW_ADDR_MASK" "The switch cannot match network addresses under this mask.";
        5 "BAD_WILDCARDS" "The switch cannot leave out these fields.";
        6 "BAD_FIELD" "The switch cannot match this field.";
        7 "BAD_VALUE" "A field is matched with a value that it cannot have.";
        8 "BAD_MASK" "A field is matched under a mask that it cannot have.";
        9 "BAD_PREREQ" "A field is matched without what it needs.";
        10 "DUP_FIELD" "A field stands twice.";
        11 "EPERM" "The switch does not permit the match.";
    }
    5 "OFPFMFC_" {
        0 "UNKNOWN" "The switch does not say why it refuses the flow.";
        1 "TABLE_FULL" "The table is full.";
        2 "BAD_TABLE_ID" "There is no such table.";
        3 "OVERLAP" "The flow overlaps another of its priority.";
        4 "EPERM" "The switch does not permit the flow.";
        5 "BAD_TIMEOUT" "The switch cannot keep these timeouts.";
        6 "BAD_COMMAND" "The switch does not know this command for flows.";
        7 "BAD_FLAGS" "The switch does not know these flags of a flow.";
        8 "CANT_SYNC" "The switch cannot keep the tables in step.";
        9 "BAD_PRIORITY" "The flow cannot have this priority.";
        10 "IS_SYNC" "The flow is kept by the switch itself.";
    }
    6 "OFPGMFC_" {
        0 "GROUP_EXISTS" "The group is there already.";
        1 "INVALID_GROUP" "The group cannot be.";
        2 "WEIGHT_UNSUPPORTED" "The switch cannot share unequally.";
        3 "OUT_OF_GROUPS" "There is no room for another group.";
        4 "OUT_OF_BUCKETS" "The group has too many buckets.";
        5 "CHAINING_UNSUPPORTED" "A group cannot use a group on this switch.";
        6 "WATCH_UNSUPPORTED" "The switch cannot watch this port or group.";
        7 "LOOP" "The group would come back to itself.";
        8 "UNKNOWN_GROUP" "There is no such group.";
        9 "CHAINED_GROUP" "Another group still uses this one.";
        10 "BAD_TYPE" "The switch does not know this type of group.";
        11 "BAD_COMMAND" "The switch does not know this command for groups.";
        12 "BAD_BUCKET" "A bucket is wrong.";
        13 "BAD_WATCH" "What a bucket watches is wrong.";
        14 "EPERM" "The switch does not permit the group.";
        15 "UNKNOWN_BUCKET" "There is no such bucket.";
        16 "BUCKET_EXISTS" "The bucket is there already.";
    }
    7 "OFPPMFC_" {
        0 "BAD_PORT" "There is no such port.";
        1 "BAD_HW_ADDR" "The port has another address.";
        2 "BAD_CONFIG" "The port cannot be configured so.";
        3 "BAD_ADVERTISE" "The port cannot advertise this.";
        4 "EPERM" "The switch does not permit it.";
    }
    8 "OFPTMFC_" {
        0 "BAD_TABLE" "There is no such table.";
        1 "BAD_CONFIG" "The table cannot be configured so.";
        2 "EPERM" "The switch does not permit it.";
    }
    9 "OFPQOFC_" {
        0 "BAD_PORT" "There is no such port.";
        1 "BAD_QUEUE" "There is no such queue.";
        2 "EPERM" "The switch does not permit it.";
    }
    10 "OFPSCFC_" {
        0 "BAD_FLAGS" "The switch cannot be configured with these flags.";
        1 "BAD_LEN" "The switch cannot send this much of a packet.";
        2 "EPERM" "The switch does not permit it.";
    }
    11 "OFPRRFC_" {
        0 "STALE" "The generation is older than one that the switch has seen.";
        1 "UNSUP" "The switch cannot change roles.";
        2 "BAD_ROLE" "The switch does not know this role.";
        3 "ID_UNSUP" "The switch knows no short ids of controllers.";
        4 "ID_IN_USE" "Another controller has this short id.";
    }
    12 "OFPMMFC_" {
        0 "UNKNOWN" "The switch does not say why it refuses the meter.";
        1 "METER_EXISTS" "The meter is there already.";
        2 "INVALID_METER" "The meter cannot be.";
        3 "UNKNOWN_METER" "There is no such meter.";
        4 "BAD_COMMAND" "The switch does not know this command for meters.";
        5 "BAD_FLAGS" "The switch does not have meters with these flags.";
        6 "BAD_RATE" "The switch cannot meter this rate.";
        7 "BAD_BURST" "The switch cannot allow this burst.";
        8 "BAD_BAND" "The switch does not have this band.";
        9 "BAD_BAND_VALUE" "A band's value is wrong.";
        10 "OUT_OF_METERS" "There is no room for another meter.";
        11 "OUT_OF_BANDS" "The meter has too many bands.";
    }
    13 "OFPTFFC_" {
        0 "BAD_TABLE" "There is no such table.";
        1 "BAD_METADATA" "The metadata's mask is wrong.";
        2 "BAD_TYPE" "A feature of a table is unknown.";
        3 "BAD_LEN" "A feature's length is wrong.";
        4 "BAD_ARGUMENT" "A feature's value is wrong.";
        5 "EPERM" "The switch does not permit it.";
        6 "BAD_CAPA" "A table cannot do this.";
        7 "BAD_MAX_ENT" "A table cannot hold this many flows.";
        8 "BAD_FEATURES" "The tables cannot have these features.";
        9 "BAD_COMMAND" "The switch does not know this command for tables.";
        10 "TOO_MANY" "The switch does not have this many tables.";
    }
    14 "OFPBPC_" {
        0 "BAD_TYPE" "The switch does not know this property.";
        1 "BAD_LEN" "A property's length is wrong.";
        2 "BAD_VALUE" "A property's value is wrong.";
        3 "TOO_MANY" "There are too many properties.";
        4 "DUP_TYPE" "A property stands twice.";
        5 "BAD_EXPERIMENTER" "The switch does not know the vendor of a property.";
        6 "BAD_EXP_TYPE" "The switch does not know this property of the vendor.";
        7 "BAD_EXP_VALUE" "The value of a vendor's property is wrong.";
        8 "EPERM" "The switch does not permit the property.";
    }
    15 "OFPACFC_" {
        0 "INVALID" "A set of reasons is wrong.";
        1 "UNSUPPORTED" "The switch cannot filter so.";
        2 "EPERM" "The switch does not permit it.";
    }
    16 "OFPMOFC_" {
        0 "UNKNOWN" "The switch does not say why it refuses the monitor.";
        1 "MONITOR_EXISTS" "The monitor is there already.";
        2 "INVALID_MONITOR" "The monitor cannot be.";
        3 "UNKNOWN_MONITOR" "There is no such monitor.";
        4 "BAD_COMMAND" "The switch does not know this command for monitors.";
        5 "BAD_FLAGS" "The switch does not have monitors with these flags.";
        6 "BAD_TABLE_ID" "There is no such table.";
        7 "BAD_OUT" "The port or group that is watched is wrong.";
    }
    17 "OFPBFC_" {
        0 "UNKNOWN" "The switch does not say why the bundle failed.";
        1 "EPERM" "The switch does not permit the bundle.";
        2 "BAD_ID" "There is no such bundle.";
        3 "BUNDLE_EXIST" "The bundle is there already.";
        4 "BUNDLE_CLOSED" "The bundle is closed.";
        5 "OUT_OF_BUNDLES" "There is no room for another bundle.";
        6 "BAD_TYPE" "The switch does not know this command for bundles.";
        7 "BAD_FLAGS" "The bundle cannot have these flags, or has others.";
        8 "MSG_BAD_LEN" "The length of a message in the bundle is wrong.";
        9 "MSG_BAD_XID" "A message in the bundle has another number than the one around it.";
        10 "MSG_UNSUP" "Such a message cannot be in a bundle.";
        11 "MSG_CONFLICT" "These messages cannot be in one bundle.";
        12 "MSG_TOO_MANY" "There are too many messages in the bundle.";
        13 "MSG_FAILED" "A message in the bundle was refused.";
        14 "TIMEOUT" "The bundle takes too long.";
        15 "BUNDLE_IN_PROGRESS" "Another bundle is being committed.";
        16 "SCHED_NOT_SUPPORTED" "The switch cannot schedule a commit.";
        17 "SCHED_FUTURE" "The time of the commit is too far ahead.";
        18 "SCHED_PAST" "The time of the commit is over.";
    }
    vendors {
        ONF 2300 "OFPBFC_UNKNOWN" "The switch does not say why the bundle failed.";
        ONF 2301 "OFPBFC_EPERM" "The switch does not permit the bundle.";
        ONF 2302 "OFPBFC_BAD_ID" "There is no such bundle.";
        ONF 2303 "OFPBFC_BUNDLE_EXIST" "The bundle is there already.";
        ONF 2304 "OFPBFC_BUNDLE_CLOSED" "The bundle is closed.";
        ONF 2305 "OFPBFC_OUT_OF_BUNDLES" "There is no room for another bundle.";
        ONF 2306 "OFPBFC_BAD_TYPE" "The switch does not know this command for bundles.";
        ONF 2307 "OFPBFC_BAD_FLAGS" "The bundle cannot have these flags, or has others.";
        ONF 2308 "OFPBFC_MSG_BAD_LEN" "The length of a message in the bundle is wrong.";
        ONF 2309 "OFPBFC_MSG_BAD_XID" "A message in the bundle has another number than the one around it.";
        ONF 2310 "OFPBFC_MSG_UNSUP" "Such a message cannot be in a bundle.";
        ONF 2311 "OFPBFC_MSG_CONFLICT" "These messages cannot be in one bundle.";
        ONF 2312 "OFPBFC_MSG_TOO_MANY" "There are too many messages in the bundle.";
        ONF 2313 "OFPBFC_MSG_FAILED" "A message in the bundle was refused.";
        ONF 2314 "OFPBFC_TIMEOUT" "The bundle takes too long.";
        ONF 2315 "OFPBFC_BUNDLE_IN_PROGRESS" "Another bundle is being committed.";
        ONF 2600 "OFPBIC_DUP_INST" "An instruction stands twice.";
        ONF 4250 "OFPBAC_BAD_SET_MASK" "An action sets a field under a mask that it cannot have.";
        NICIRA 2 "NXBRC_NXM_INVALID" "The match is wrong.";
        NICIRA 3 "NXBRC_NXM_BAD_TYPE" "A field's header is wrong.";
        NICIRA 4 "NXBRC_MUST_BE_ZERO" "Something that must be zero is not.";
        NICIRA 5 "NXBRC_BAD_REASON" "A port's reason is wrong.";
        NICIRA 11 "NXBAC_MUST_BE_ZERO" "Something in an action that must be zero is not.";
        NICIRA 15 "NXBAC_BAD_CONJUNCTION" "A conjunction stands with other actions, or its clauses are wrong.";
        NICIRA 22 "OFPBFC_BAD_VERSION" "A message in the bundle is of another version.";
        NICIRA 34 "NXR_NOT_SUPPORTED" "The switch cannot let packets wait.";
        NICIRA 35 "NXR_STALE" "The switch no longer knows the waiting packet.";
    }
}

/// Says why a message was refused.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorMessage {
    /// The vendor, when the error is not of the standard.
    pub vendor: Option<u32>,
    /// `OFPET_*`; 0xffff for a vendor's.
    pub kind: u16,
    /// The code within the type, or the vendor's number.
    pub code: u16,
    /// At least the first 64 bytes of the refused message, or a text for a failed hello.
    pub data: Bytes,
}

impl ErrorMessage {
    /// An error of the standard.
    #[must_use]
    pub fn new(answer: ErrorAnswer, data: Bytes) -> Self {
        Self {
            vendor: None,
            kind: answer.kind,
            code: answer.code,
            data,
        }
    }

    /// The error's row, when the table has it.
    #[must_use]
    pub fn row(&self) -> Option<&'static ErrorRow> {
        ERRORS
            .iter()
            .find(|row| (row.vendor, row.kind, row.code) == (self.vendor, self.kind, self.code))
    }

    /// True for this error of the standard.
    #[must_use]
    pub fn is(&self, answer: ErrorAnswer) -> bool {
        (self.vendor, self.kind, self.code) == (None, answer.kind, answer.code)
    }
}

impl Wire for ErrorMessage {
    fn write(&self, w: &mut Writer, _: Version) -> Result<(), EncodeError> {
        w.u16(self.kind);
        w.u16(self.code);
        if let Some(vendor) = self.vendor {
            w.u32(vendor);
        }
        w.slice(&self.data);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, _: Version, _: &'static str) -> Result<Self, DecodeError> {
        let kind = r.u16("error.type")?;
        let code = r.u16("error.code")?;
        let vendor = (kind == EXPERIMENTER && r.remaining() >= 4)
            .then(|| r.u32("error.experimenter"))
            .transpose()?;
        Ok(Self {
            vendor,
            kind,
            code,
            data: r.rest(),
        })
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.row(), self.vendor) {
            (Some(row), _) => write!(f, "{}: {}", row.name, row.doc),
            (None, Some(vendor)) => write!(f, "error {} of vendor {vendor:#010x}", self.code),
            (None, None) => write!(f, "error of type {}, code {}", self.kind, self.code),
        }
    }
}

impl fmt::Debug for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} bytes of the message)", self.data.len())
    }
}
