//! The table of errors: every type and code of OpenFlow 1.0 to 1.5 with the versions that have it, and
//! those of Nicira and of the ONF.
//!
//! It knows names, numbers and sentences; what a message makes of them is in [`super::ErrorMessage`].
//! Where versions number one error differently, or a vendor's error became one of the standard, it is one
//! row. Sources: the chapters on error messages of all six specifications; for vendors' numbers what
//! `ovs-ofctl print-error` of Open vSwitch says. Names are those of OpenFlow 1.5; the name that another version has
//! for it stands with the numbers.

use crate::Version;
use crate::record::{other_name, vendor};

/// An error with every number that it was ever sent under.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ErrorRow {
    /// Its name in the specification.
    pub name: &'static str,
    /// Its numbers.
    pub codes: &'static [ErrorCode],
    /// One sentence.
    pub doc: &'static str,
}

/// What an error is sent as, and by which versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode {
    /// None for an error of the standard.
    pub vendor: Option<u32>,
    /// `OFPET_*`. A vendor's have one of their own in OpenFlow 1.0 and 1.1, and 0xffff since.
    pub kind: u16,
    /// The code within the type, or the vendor's number.
    pub code: u16,
    /// The first version.
    pub since: Version,
    /// The last version.
    pub until: Version,
    /// Its name there, when that is not the row's.
    pub name: Option<&'static str>,
}

impl ErrorCode {
    /// Whether `version` has it.
    #[must_use]
    pub fn in_version(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }

    /// Vendor, type and code.
    #[must_use]
    pub fn numbers(&self) -> (Option<u32>, u16, u16) {
        (self.vendor, self.kind, self.code)
    }
}

impl ErrorRow {
    /// The numbers that `version` sends it under.
    #[must_use]
    pub fn code(&self, version: Version) -> Option<&'static ErrorCode> {
        self.codes.iter().find(|code| code.in_version(version))
    }

    /// What `version` calls it.
    #[must_use]
    pub fn name_in(&self, version: Version) -> &'static str {
        let name = self.code(version).and_then(|code| code.name);
        name.unwrap_or(self.name)
    }

    /// The row that `version` has under these numbers.
    #[must_use]
    pub fn find(
        vendor: Option<u32>,
        kind: u16,
        code: u16,
        version: Version,
    ) -> Option<&'static Self> {
        let sent =
            |own: &ErrorCode| own.numbers() == (vendor, kind, code) && own.in_version(version);
        ERRORS.iter().find(|row| row.codes.iter().any(sent))
    }
}

macro_rules! errors {
    ($($name:literal [$($vendor:ident $kind:literal $code:literal $since:ident $until:ident $($named:literal)?),*] $doc:literal;)*) => {
        /// The table of errors: the standard's by type and code, then vendors'.
        pub static ERRORS: &[ErrorRow] = &[$(ErrorRow {
            name: $name,
            codes: &[$(ErrorCode {
                vendor: vendor!($vendor),
                kind: $kind,
                code: $code,
                since: Version::$since,
                until: Version::$until,
                name: other_name!($($named)?),
            },)*],
            doc: $doc,
        },)*];
    };
}

errors! {
    "OFPHFC_INCOMPATIBLE" [std 0 0 V1_0 V1_5] "There is no version that both sides speak.";
    "OFPHFC_EPERM" [std 0 1 V1_0 V1_5] "This side may not connect.";
    "OFPBRC_BAD_VERSION" [std 1 0 V1_0 V1_5] "The message is of a version that was not agreed on.";
    "OFPBRC_BAD_TYPE" [std 1 1 V1_0 V1_5] "The switch does not know this message.";
    "OFPBRC_BAD_MULTIPART" [std 1 2 V1_0 V1_2 "OFPBRC_BAD_STAT", std 1 2 V1_3 V1_5] "The switch does not know this description or statistic.";
    "OFPBRC_BAD_EXPERIMENTER" [std 1 3 V1_0 V1_0 "OFPBRC_BAD_VENDOR", std 1 3 V1_1 V1_5] "The switch does not know this vendor.";
    "OFPBRC_BAD_EXP_TYPE" [std 1 4 V1_0 V1_1 "OFPBRC_BAD_SUBTYPE", std 1 4 V1_2 V1_5] "The switch does not know this message of the vendor.";
    "OFPBRC_EPERM" [std 1 5 V1_0 V1_5] "The switch does not permit it.";
    "OFPBRC_BAD_LEN" [std 1 6 V1_0 V1_5] "The message is too short or too long for its type.";
    "OFPBRC_BUFFER_EMPTY" [std 1 7 V1_0 V1_5] "The held packet was already used.";
    "OFPBRC_BUFFER_UNKNOWN" [std 1 8 V1_0 V1_5] "The switch holds no such packet.";
    "OFPBRC_BAD_TABLE_ID" [nx 1 512 V1_0 V1_0, std 1 9 V1_1 V1_5] "There is no such table.";
    "OFPBRC_IS_SLAVE" [std 1 10 V1_2 V1_5] "A slave may not change anything.";
    "OFPBRC_BAD_PORT" [nx 1 514 V1_0 V1_1, std 1 11 V1_2 V1_5] "There is no such port.";
    "OFPBRC_BAD_PACKET" [std 1 12 V1_2 V1_5] "The packet is not one.";
    "OFPBRC_MULTIPART_BUFFER_OVERFLOW" [std 1 13 V1_3 V1_5] "The request has more parts than the switch can hold.";
    "OFPBRC_MULTIPART_REQUEST_TIMEOUT" [onf 0xffff 2640 V1_3 V1_3, std 1 14 V1_4 V1_5] "The next part of the request did not come in time.";
    "OFPBRC_MULTIPART_REPLY_TIMEOUT" [onf 0xffff 2641 V1_3 V1_3, std 1 15 V1_4 V1_5] "The next part of the reply did not come in time.";
    "OFPBRC_MULTIPART_BAD_SCHED" [std 1 16 V1_5 V1_5] "The switch cannot schedule the request.";
    "OFPBRC_PIPELINE_FIELDS_ONLY" [std 1 17 V1_5 V1_5] "The match may hold only fields of the pipeline.";
    "OFPBRC_UNKNOWN" [std 1 18 V1_5 V1_5] "The switch does not say what is wrong.";
    "OFPBAC_BAD_TYPE" [std 2 0 V1_0 V1_5] "The switch does not know this action.";
    "OFPBAC_BAD_LEN" [std 2 1 V1_0 V1_5] "An action's length is wrong.";
    "OFPBAC_BAD_EXPERIMENTER" [std 2 2 V1_0 V1_0 "OFPBAC_BAD_VENDOR", std 2 2 V1_1 V1_5] "The switch does not know the vendor of an action.";
    "OFPBAC_BAD_EXP_TYPE" [std 2 3 V1_0 V1_0 "OFPBAC_BAD_VENDOR_TYPE", std 2 3 V1_1 V1_1 "OFPBAC_BAD_EXPERIMENTER_TYPE", std 2 3 V1_2 V1_5] "The switch does not know this action of the vendor.";
    "OFPBAC_BAD_OUT_PORT" [std 2 4 V1_0 V1_5] "An action names a port that is not there.";
    "OFPBAC_BAD_ARGUMENT" [std 2 5 V1_0 V1_5] "An action's argument is wrong.";
    "OFPBAC_EPERM" [std 2 6 V1_0 V1_5] "The switch does not permit the action.";
    "OFPBAC_TOO_MANY" [std 2 7 V1_0 V1_5] "There are too many actions.";
    "OFPBAC_BAD_QUEUE" [std 2 8 V1_0 V1_5] "An action names a queue that is not there.";
    "OFPBAC_BAD_OUT_GROUP" [nx 2 9 V1_0 V1_0, std 2 9 V1_1 V1_5] "An action names a group that is not there.";
    "OFPBAC_MATCH_INCONSISTENT" [nx 1 522 V1_0 V1_0, std 2 10 V1_1 V1_5] "An action cannot apply to the packets of this match.";
    "OFPBAC_UNSUPPORTED_ORDER" [std 2 11 V1_1 V1_5] "The switch cannot do the actions in this order.";
    "OFPBAC_BAD_TAG" [std 2 12 V1_1 V1_5] "An action uses a tag that the switch does not know.";
    "OFPBAC_BAD_SET_TYPE" [nx 1 523 V1_0 V1_1, std 2 13 V1_2 V1_5] "An action sets a field that the switch does not know.";
    "OFPBAC_BAD_SET_LEN" [nx 1 524 V1_0 V1_1, std 2 14 V1_2 V1_5] "An action sets bits beyond a field, or none.";
    "OFPBAC_BAD_SET_ARGUMENT" [nx 1 525 V1_0 V1_1, std 2 15 V1_2 V1_5] "An action sets a field to a value that it cannot have.";
    "OFPBAC_BAD_SET_MASK" [onf 0xffff 4250 V1_3 V1_4, std 2 16 V1_5 V1_5] "An action sets a field under a mask that it cannot have.";
    "OFPBAC_BAD_METER" [std 2 17 V1_5 V1_5] "An action names a meter that is not there.";
    "OFPBIC_UNKNOWN_INST" [std 3 0 V1_1 V1_5] "The switch does not know this instruction.";
    "OFPBIC_UNSUP_INST" [nx 2 257 V1_0 V1_0, std 3 1 V1_1 V1_5] "The switch or the table does not have this instruction.";
    "OFPBIC_BAD_TABLE_ID" [std 3 2 V1_1 V1_5] "An instruction goes to a table that is not there or lies behind.";
    "OFPBIC_UNSUP_METADATA" [std 3 3 V1_1 V1_5] "The switch cannot write this metadata.";
    "OFPBIC_UNSUP_METADATA_MASK" [std 3 4 V1_1 V1_5] "The switch cannot write metadata under this mask.";
    "OFPBIC_BAD_EXPERIMENTER" [std 3 5 V1_1 V1_1 "OFPBIC_UNSUP_EXP_INST", std 3 5 V1_2 V1_5] "The switch does not know the vendor of an instruction.";
    "OFPBIC_BAD_EXP_TYPE" [std 3 6 V1_2 V1_5] "The switch does not know this instruction of the vendor.";
    "OFPBIC_BAD_LEN" [std 3 7 V1_2 V1_5] "An instruction's length is wrong.";
    "OFPBIC_EPERM" [std 3 8 V1_2 V1_5] "The switch does not permit the instruction.";
    "OFPBIC_DUP_INST" [nx 3 256 V1_1 V1_1, onf 0xffff 2600 V1_2 V1_3, std 3 9 V1_4 V1_5] "An instruction stands twice.";
    "OFPBMC_BAD_TYPE" [std 4 0 V1_1 V1_5] "The match is of a type that the switch does not know.";
    "OFPBMC_BAD_LEN" [std 4 1 V1_1 V1_5] "The match's length is wrong.";
    "OFPBMC_BAD_TAG" [std 4 2 V1_1 V1_5] "The match uses a tag that the switch does not know.";
    "OFPBMC_BAD_DL_ADDR_MASK" [std 4 3 V1_1 V1_5] "The switch cannot match Ethernet addresses under this mask.";
    "OFPBMC_BAD_NW_ADDR_MASK" [std 4 4 V1_1 V1_5] "The switch cannot match network addresses under this mask.";
    "OFPBMC_BAD_WILDCARDS" [nx 1 262 V1_0 V1_0, std 4 5 V1_1 V1_5] "The switch cannot leave out these fields.";
    "OFPBMC_BAD_FIELD" [nx 0 263 V1_0 V1_0, std 4 6 V1_1 V1_5] "The switch cannot match this field.";
    "OFPBMC_BAD_VALUE" [nx 1 258 V1_0 V1_0, std 4 7 V1_1 V1_5] "A field is matched with a value that it cannot have.";
    "OFPBMC_BAD_MASK" [nx 1 259 V1_0 V1_1, std 4 8 V1_2 V1_5] "A field is matched under a mask that it cannot have.";
    "OFPBMC_BAD_PREREQ" [nx 1 260 V1_0 V1_1, std 4 9 V1_2 V1_5] "A field is matched without what it needs.";
    "OFPBMC_DUP_FIELD" [nx 1 261 V1_0 V1_1, std 4 10 V1_2 V1_5] "A field stands twice.";
    "OFPBMC_EPERM" [std 4 11 V1_2 V1_5] "The switch does not permit the match.";
    "OFPFMFC_UNKNOWN" [std 5 0 V1_1 V1_5] "The switch does not say why it refuses the flow.";
    "OFPFMFC_TABLE_FULL" [std 3 0 V1_0 V1_0 "OFPFMFC_ALL_TABLES_FULL", std 5 1 V1_1 V1_5] "The table is full.";
    "OFPFMFC_BAD_TABLE_ID" [std 5 2 V1_1 V1_5] "There is no such table.";
    "OFPFMFC_OVERLAP" [std 3 1 V1_0 V1_0, std 5 3 V1_1 V1_5] "The flow overlaps another of its priority.";
    "OFPFMFC_EPERM" [std 3 2 V1_0 V1_0, std 5 4 V1_1 V1_5] "The switch does not permit the flow.";
    "OFPFMFC_BAD_TIMEOUT" [std 5 5 V1_1 V1_5] "The switch cannot keep these timeouts.";
    "OFPFMFC_BAD_COMMAND" [std 3 4 V1_0 V1_0, std 5 6 V1_1 V1_5] "The switch does not know this command for flows.";
    "OFPFMFC_BAD_FLAGS" [nx 3 258 V1_0 V1_0, nx 5 258 V1_1 V1_1, std 5 7 V1_2 V1_5] "The switch does not know these flags of a flow.";
    "OFPFMFC_CANT_SYNC" [std 5 8 V1_4 V1_5] "The switch cannot keep the tables in step.";
    "OFPFMFC_BAD_PRIORITY" [onf 0xffff 2360 V1_3 V1_3, std 5 9 V1_4 V1_5] "The flow cannot have this priority.";
    "OFPFMFC_IS_SYNC" [std 5 10 V1_4 V1_5] "The flow is kept by the switch itself.";
    "OFPFMFC_BAD_EMERG_TIMEOUT" [std 3 3 V1_0 V1_0] "An emergency flow cannot have a timeout.";
    "OFPFMFC_UNSUPPORTED" [std 3 5 V1_0 V1_0] "The switch cannot do the actions in this order.";
    "OFPGMFC_GROUP_EXISTS" [nx 6 0 V1_0 V1_0, std 6 0 V1_1 V1_5] "The group is there already.";
    "OFPGMFC_INVALID_GROUP" [nx 6 1 V1_0 V1_0, std 6 1 V1_1 V1_5] "The group cannot be.";
    "OFPGMFC_WEIGHT_UNSUPPORTED" [nx 6 2 V1_0 V1_0, std 6 2 V1_1 V1_5] "The switch cannot share unequally.";
    "OFPGMFC_OUT_OF_GROUPS" [nx 6 3 V1_0 V1_0, std 6 3 V1_1 V1_5] "There is no room for another group.";
    "OFPGMFC_OUT_OF_BUCKETS" [nx 6 4 V1_0 V1_0, std 6 4 V1_1 V1_5] "The group has too many buckets.";
    "OFPGMFC_CHAINING_UNSUPPORTED" [nx 6 5 V1_0 V1_0, std 6 5 V1_1 V1_5] "A group cannot use a group on this switch.";
    "OFPGMFC_WATCH_UNSUPPORTED" [nx 6 6 V1_0 V1_0, std 6 6 V1_1 V1_5] "The switch cannot watch this port or group.";
    "OFPGMFC_LOOP" [nx 6 7 V1_0 V1_0, std 6 7 V1_1 V1_5] "The group would come back to itself.";
    "OFPGMFC_UNKNOWN_GROUP" [nx 6 8 V1_0 V1_0, std 6 8 V1_1 V1_5] "There is no such group.";
    "OFPGMFC_CHAINED_GROUP" [nx 6 9 V1_0 V1_0, std 6 9 V1_2 V1_5] "Another group still uses this one.";
    "OFPGMFC_BAD_TYPE" [nx 6 10 V1_0 V1_0, std 6 10 V1_2 V1_5] "The switch does not know this type of group.";
    "OFPGMFC_BAD_COMMAND" [nx 6 11 V1_0 V1_0, std 6 11 V1_2 V1_5] "The switch does not know this command for groups.";
    "OFPGMFC_BAD_BUCKET" [nx 6 12 V1_0 V1_0, std 6 12 V1_2 V1_5] "A bucket is wrong.";
    "OFPGMFC_BAD_WATCH" [nx 6 13 V1_0 V1_0, std 6 13 V1_2 V1_5] "What a bucket watches is wrong.";
    "OFPGMFC_EPERM" [nx 6 14 V1_0 V1_0, std 6 14 V1_2 V1_5] "The switch does not permit the group.";
    "OFPGMFC_UNKNOWN_BUCKET" [nx 6 15 V1_0 V1_0, std 6 15 V1_5 V1_5] "There is no such bucket.";
    "OFPGMFC_BUCKET_EXISTS" [nx 6 16 V1_0 V1_0, std 6 16 V1_5 V1_5] "The bucket is there already.";
    "OFPPMFC_BAD_PORT" [std 4 0 V1_0 V1_0, std 7 0 V1_1 V1_5] "There is no such port.";
    "OFPPMFC_BAD_HW_ADDR" [std 4 1 V1_0 V1_0, std 7 1 V1_1 V1_5] "The port has another address.";
    "OFPPMFC_BAD_CONFIG" [std 7 2 V1_1 V1_5] "The port cannot be configured so.";
    "OFPPMFC_BAD_ADVERTISE" [std 7 3 V1_1 V1_5] "The port cannot advertise this.";
    "OFPPMFC_EPERM" [std 7 4 V1_2 V1_5] "The switch does not permit it.";
    "OFPTMFC_BAD_TABLE" [std 8 0 V1_1 V1_5] "There is no such table.";
    "OFPTMFC_BAD_CONFIG" [std 8 1 V1_1 V1_5] "The table cannot be configured so.";
    "OFPTMFC_EPERM" [std 8 2 V1_2 V1_5] "The switch does not permit it.";
    "OFPQOFC_BAD_PORT" [std 5 0 V1_0 V1_0, std 9 0 V1_1 V1_5] "There is no such port.";
    "OFPQOFC_BAD_QUEUE" [std 5 1 V1_0 V1_0, std 9 1 V1_1 V1_5] "There is no such queue.";
    "OFPQOFC_EPERM" [std 5 2 V1_0 V1_0, std 9 2 V1_1 V1_5] "The switch does not permit it.";
    "OFPSCFC_BAD_FLAGS" [std 10 0 V1_1 V1_5] "The switch cannot be configured with these flags.";
    "OFPSCFC_BAD_LEN" [std 10 1 V1_1 V1_5] "The switch cannot send this much of a packet.";
    "OFPSCFC_EPERM" [std 10 2 V1_2 V1_5] "The switch does not permit it.";
    "OFPRRFC_STALE" [std 11 0 V1_2 V1_5] "The generation is older than one that the switch has seen.";
    "OFPRRFC_UNSUP" [std 11 1 V1_2 V1_5] "The switch cannot change roles.";
    "OFPRRFC_BAD_ROLE" [nx 1 513 V1_0 V1_1, std 11 2 V1_2 V1_5] "The switch does not know this role.";
    "OFPRRFC_ID_UNSUP" [std 11 3 V1_5 V1_5] "The switch knows no short ids of controllers.";
    "OFPRRFC_ID_IN_USE" [std 11 4 V1_5 V1_5] "Another controller has this short id.";
    "OFPMMFC_UNKNOWN" [std 12 0 V1_3 V1_5] "The switch does not say why it refuses the meter.";
    "OFPMMFC_METER_EXISTS" [std 12 1 V1_3 V1_5] "The meter is there already.";
    "OFPMMFC_INVALID_METER" [std 12 2 V1_3 V1_5] "The meter cannot be.";
    "OFPMMFC_UNKNOWN_METER" [std 12 3 V1_3 V1_5] "There is no such meter.";
    "OFPMMFC_BAD_COMMAND" [std 12 4 V1_3 V1_5] "The switch does not know this command for meters.";
    "OFPMMFC_BAD_FLAGS" [std 12 5 V1_3 V1_5] "The switch does not have meters with these flags.";
    "OFPMMFC_BAD_RATE" [std 12 6 V1_3 V1_5] "The switch cannot meter this rate.";
    "OFPMMFC_BAD_BURST" [std 12 7 V1_3 V1_5] "The switch cannot allow this burst.";
    "OFPMMFC_BAD_BAND" [std 12 8 V1_3 V1_5] "The switch does not have this band.";
    "OFPMMFC_BAD_BAND_VALUE" [std 12 9 V1_3 V1_5] "A band's value is wrong.";
    "OFPMMFC_OUT_OF_METERS" [std 12 10 V1_3 V1_5] "There is no room for another meter.";
    "OFPMMFC_OUT_OF_BANDS" [std 12 11 V1_3 V1_5] "The meter has too many bands.";
    "OFPTFFC_BAD_TABLE" [std 13 0 V1_3 V1_5] "There is no such table.";
    "OFPTFFC_BAD_METADATA" [std 13 1 V1_3 V1_5] "The metadata's mask is wrong.";
    "OFPTFFC_EPERM" [std 13 5 V1_3 V1_5] "The switch does not permit it.";
    "OFPTFFC_BAD_CAPA" [std 13 6 V1_5 V1_5] "A table cannot do this.";
    "OFPTFFC_BAD_MAX_ENT" [std 13 7 V1_5 V1_5] "A table cannot hold this many flows.";
    "OFPTFFC_BAD_FEATURES" [std 13 8 V1_5 V1_5] "The tables cannot have these features.";
    "OFPTFFC_BAD_COMMAND" [std 13 9 V1_5 V1_5] "The switch does not know this command for tables.";
    "OFPTFFC_TOO_MANY" [std 13 10 V1_5 V1_5] "The switch does not have this many tables.";
    "OFPBPC_BAD_TYPE" [nx 13 2 V1_0 V1_1, nx 0xffff 25 V1_2 V1_2, std 13 2 V1_3 V1_3 "OFPTFFC_BAD_TYPE", std 14 0 V1_4 V1_5] "The switch does not know this property, or feature of a table.";
    "OFPBPC_BAD_LEN" [nx 13 3 V1_0 V1_1, nx 0xffff 26 V1_2 V1_2, std 13 3 V1_3 V1_3 "OFPTFFC_BAD_LEN", std 14 1 V1_4 V1_5] "A property's length is wrong.";
    "OFPBPC_BAD_VALUE" [nx 13 4 V1_0 V1_1, nx 0xffff 27 V1_2 V1_2, std 13 4 V1_3 V1_3 "OFPTFFC_BAD_ARGUMENT", std 14 2 V1_4 V1_5] "A property's value is wrong.";
    "OFPBPC_TOO_MANY" [nx 14 3 V1_0 V1_1, nx 0xffff 28 V1_2 V1_2, onf 0xffff 4443 V1_3 V1_3, std 14 3 V1_4 V1_5] "There are too many properties.";
    "OFPBPC_DUP_TYPE" [nx 14 4 V1_0 V1_1, nx 0xffff 29 V1_2 V1_2, onf 0xffff 4444 V1_3 V1_3, std 14 4 V1_4 V1_5] "A property stands twice.";
    "OFPBPC_BAD_EXPERIMENTER" [nx 14 5 V1_0 V1_1, nx 0xffff 30 V1_2 V1_2, onf 0xffff 4445 V1_3 V1_3, std 14 5 V1_4 V1_5] "The switch does not know the vendor of a property.";
    "OFPBPC_BAD_EXP_TYPE" [nx 14 6 V1_0 V1_1, nx 0xffff 31 V1_2 V1_2, onf 0xffff 4446 V1_3 V1_3, std 14 6 V1_4 V1_5] "The switch does not know this property of the vendor.";
    "OFPBPC_BAD_EXP_VALUE" [nx 14 7 V1_0 V1_1, nx 0xffff 32 V1_2 V1_2, onf 0xffff 4447 V1_3 V1_3, std 14 7 V1_4 V1_5] "The value of a vendor's property is wrong.";
    "OFPBPC_EPERM" [nx 14 8 V1_0 V1_1, nx 0xffff 33 V1_2 V1_2, onf 0xffff 4448 V1_3 V1_3, std 14 8 V1_4 V1_5] "The switch does not permit the property.";
    "OFPACFC_INVALID" [onf 0xffff 2370 V1_3 V1_3, std 15 0 V1_4 V1_5] "A set of reasons is wrong.";
    "OFPACFC_UNSUPPORTED" [onf 0xffff 2371 V1_3 V1_3, std 15 1 V1_4 V1_5] "The switch cannot filter so.";
    "OFPACFC_EPERM" [onf 0xffff 2372 V1_3 V1_3, std 15 2 V1_4 V1_5] "The switch does not permit it.";
    "OFPMOFC_UNKNOWN" [std 16 0 V1_4 V1_5] "The switch does not say why it refuses the monitor.";
    "OFPMOFC_MONITOR_EXISTS" [nx 1 517 V1_0 V1_1, nx 0xffff 6 V1_2 V1_3, std 16 1 V1_4 V1_5] "The monitor is there already.";
    "OFPMOFC_INVALID_MONITOR" [std 16 2 V1_4 V1_5] "The monitor cannot be.";
    "OFPMOFC_UNKNOWN_MONITOR" [nx 1 519 V1_0 V1_1, nx 0xffff 8 V1_2 V1_3, std 16 3 V1_4 V1_5] "There is no such monitor.";
    "OFPMOFC_BAD_COMMAND" [std 16 4 V1_4 V1_5] "The switch does not know this command for monitors.";
    "OFPMOFC_BAD_FLAGS" [nx 1 518 V1_0 V1_1, nx 0xffff 7 V1_2 V1_3, std 16 5 V1_4 V1_5] "The switch does not have monitors with these flags.";
    "OFPMOFC_BAD_TABLE_ID" [std 16 6 V1_4 V1_5] "There is no such table.";
    "OFPMOFC_BAD_OUT" [std 16 7 V1_4 V1_5] "The port or group that is watched is wrong.";
    "OFPBFC_UNKNOWN" [onf 0xffff 2300 V1_3 V1_3, std 17 0 V1_4 V1_5] "The switch does not say why the bundle failed.";
    "OFPBFC_EPERM" [onf 0xffff 2301 V1_3 V1_3, std 17 1 V1_4 V1_5] "The switch does not permit the bundle.";
    "OFPBFC_BAD_ID" [onf 0xffff 2302 V1_3 V1_3, std 17 2 V1_4 V1_5] "There is no such bundle.";
    "OFPBFC_BUNDLE_EXIST" [onf 0xffff 2303 V1_3 V1_3, std 17 3 V1_4 V1_5] "The bundle is there already.";
    "OFPBFC_BUNDLE_CLOSED" [onf 0xffff 2304 V1_3 V1_3, std 17 4 V1_4 V1_5] "The bundle is closed.";
    "OFPBFC_OUT_OF_BUNDLES" [onf 0xffff 2305 V1_3 V1_3, std 17 5 V1_4 V1_5] "There is no room for another bundle.";
    "OFPBFC_BAD_TYPE" [onf 0xffff 2306 V1_3 V1_3, std 17 6 V1_4 V1_5] "The switch does not know this command for bundles.";
    "OFPBFC_BAD_FLAGS" [onf 0xffff 2307 V1_3 V1_3, std 17 7 V1_4 V1_5] "The bundle cannot have these flags, or has others.";
    "OFPBFC_MSG_BAD_LEN" [onf 0xffff 2308 V1_3 V1_3, std 17 8 V1_4 V1_5] "The length of a message in the bundle is wrong.";
    "OFPBFC_MSG_BAD_XID" [onf 0xffff 2309 V1_3 V1_3, std 17 9 V1_4 V1_5] "A message in the bundle has another number than the one around it.";
    "OFPBFC_MSG_UNSUP" [onf 0xffff 2310 V1_3 V1_3, std 17 10 V1_4 V1_5] "Such a message cannot be in a bundle.";
    "OFPBFC_MSG_CONFLICT" [onf 0xffff 2311 V1_3 V1_3, std 17 11 V1_4 V1_5] "These messages cannot be in one bundle.";
    "OFPBFC_MSG_TOO_MANY" [onf 0xffff 2312 V1_3 V1_3, std 17 12 V1_4 V1_5] "There are too many messages in the bundle.";
    "OFPBFC_MSG_FAILED" [onf 0xffff 2313 V1_3 V1_3, std 17 13 V1_4 V1_5] "A message in the bundle was refused.";
    "OFPBFC_TIMEOUT" [onf 0xffff 2314 V1_3 V1_3, std 17 14 V1_4 V1_5] "The bundle takes too long.";
    "OFPBFC_BUNDLE_IN_PROGRESS" [onf 0xffff 2315 V1_3 V1_3, std 17 15 V1_4 V1_5] "Another bundle is being committed.";
    "OFPBFC_SCHED_NOT_SUPPORTED" [std 17 16 V1_5 V1_5] "The switch cannot schedule a commit.";
    "OFPBFC_SCHED_FUTURE" [std 17 17 V1_5 V1_5] "The time of the commit is too far ahead.";
    "OFPBFC_SCHED_PAST" [std 17 18 V1_5 V1_5] "The time of the commit is over.";
    "NXBRC_NXM_INVALID" [nx 1 256 V1_0 V1_1, nx 0xffff 2 V1_2 V1_5] "The match is wrong.";
    "NXBRC_NXM_BAD_TYPE" [nx 1 257 V1_0 V1_1, nx 0xffff 3 V1_2 V1_5] "A field's header is wrong.";
    "NXBRC_MUST_BE_ZERO" [nx 1 515 V1_0 V1_1, nx 0xffff 4 V1_2 V1_5] "Something that must be zero is not.";
    "NXBRC_BAD_REASON" [nx 1 516 V1_0 V1_1, nx 0xffff 5 V1_2 V1_5] "A port's reason is wrong.";
    "NXBRC_FM_BAD_EVENT" [nx 1 520 V1_0 V1_1, nx 0xffff 9 V1_2 V1_5] "The event of an update of a flow monitor is wrong.";
    "NXBRC_UNENCODABLE_ERROR" [nx 1 521 V1_0 V1_1, nx 0xffff 10 V1_2 V1_5] "This version has no words for the error.";
    "NXBAC_MUST_BE_ZERO" [nx 2 256 V1_0 V1_1, nx 0xffff 11 V1_2 V1_5] "Something in an action that must be zero is not.";
    "NXFMFC_HARDWARE" [nx 5 256 V1_0 V1_1, nx 0xffff 12 V1_2 V1_5] "The hardware refuses the flow.";
    "NXFMFC_BAD_TABLE_ID" [nx 5 257 V1_0 V1_1, nx 0xffff 13 V1_2 V1_5] "The table that the command names is not there.";
    "NXBAC_BAD_CONJUNCTION" [nx 2 526 V1_0 V1_1, nx 0xffff 15 V1_2 V1_5] "A conjunction stands with other actions, or its clauses are wrong.";
    "NXTTMFC_BAD_COMMAND" [nx 1 527 V1_0 V1_1, nx 0xffff 16 V1_2 V1_5] "The switch does not know this command for options of tunnels.";
    "NXTTMFC_BAD_OPT_LEN" [nx 1 528 V1_0 V1_1, nx 0xffff 17 V1_2 V1_5] "An option of tunnels cannot have this length.";
    "NXTTMFC_BAD_FIELD_IDX" [nx 1 529 V1_0 V1_1, nx 0xffff 18 V1_2 V1_5] "There is no such field for an option of tunnels.";
    "NXTTMFC_TABLE_FULL" [nx 1 530 V1_0 V1_1, nx 0xffff 19 V1_2 V1_5] "There is no room for another option of tunnels.";
    "NXTTMFC_ALREADY_MAPPED" [nx 1 531 V1_0 V1_1, nx 0xffff 20 V1_2 V1_5] "The field already stands for an option of tunnels.";
    "NXTTMFC_DUP_ENTRY" [nx 1 532 V1_0 V1_1, nx 0xffff 21 V1_2 V1_5] "Another field already stands for this option of tunnels.";
    "OFPBFC_BAD_VERSION" [nx 0xffff 22 V1_4 V1_5] "A message in the bundle is of another version.";
    "NXQOFC_QUEUE_ERROR" [nx 0xffff 23 V1_4 V1_5] "The system refused to tell about the queue.";
    "NXR_NOT_SUPPORTED" [nx 1 533 V1_0 V1_1, nx 0xffff 34 V1_2 V1_5] "The switch cannot let packets wait.";
    "NXR_STALE" [nx 1 534 V1_0 V1_1, nx 0xffff 35 V1_2 V1_5] "The switch no longer knows the waiting packet.";
    "NXST_NOT_CONFIGURED" [nx 1 535 V1_0 V1_1, nx 0xffff 36 V1_2 V1_5] "What was asked about is not set up on the switch.";
    "NXFMFC_INVALID_TLV_FIELD" [nx 1 536 V1_0 V1_1, nx 0xffff 37 V1_2 V1_5] "The flow uses a field that stands for no option of tunnels.";
    "NXTTMFC_INVALID_TLV_DEL" [nx 1 537 V1_0 V1_1, nx 0xffff 38 V1_2 V1_5] "A flow still uses the option of tunnels.";
    "NXBAC_BAD_HEADER_TYPE" [nx 0xffff 39 V1_3 V1_5] "An action adds or removes a header that the switch does not know.";
    "NXBAC_UNKNOWN_ED_PROP" [nx 0xffff 40 V1_3 V1_5] "An action has a property of a header that the switch does not know.";
    "NXBAC_BAD_ED_PROP" [nx 0xffff 41 V1_3 V1_5] "A property of a header in an action is wrong.";
    "NXBAC_CT_DATAPATH_SUPPORT" [nx 1 265 V1_0 V1_1, nx 0xffff 42 V1_2 V1_5] "The datapath cannot do this with connections.";
    "NXBMC_CT_DATAPATH_SUPPORT" [nx 1 264 V1_0 V1_1, nx 0xffff 43 V1_2 V1_5] "The datapath cannot match this of connections.";
    "NXTFFC_DUP_TABLE" [nx 0xffff 44 V1_3 V1_5] "A table stands twice.";
}
