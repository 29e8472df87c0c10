//! Why a message is refused, and with which error of OpenFlow.

use bytes::Bytes;
use rust_openflow::PortNo;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::matches::MatchError;
use rust_openflow::message::{ERRORS, ErrorKind, ErrorMessage};

macro_rules! refusals {
    ($($(#[$attribute:meta])* $name:ident $(($($part:ty),+))? $kind:literal $code:literal $($vendor:literal)?;)*) => {
        /// Why a message was refused. What was refused changed nothing.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal {
            /// A match that no switch can make sense of.
            #[error(transparent)]
            Match(MatchError),
            $($(#[$attribute])* $name $(($($part),+))?,)*
        }

        impl Refusal {
            /// The standard's error that answers it, by its numbers in OpenFlow 1.5 (1.5.1, 7.5.4).
            #[must_use]
            pub const fn answer(&self) -> ErrorAnswer {
                match self {
                    Self::Match(error) => error.answer(),
                    $(Self::$name { .. } => ErrorAnswer { kind: $kind, code: $code },)*
                }
            }

            /// The name of a vendor's error that says it better.
            const fn vendor(&self) -> Option<&'static str> {
                match self {
                    $($(Self::$name { .. } => Some($vendor),)?)*
                    _ => None,
                }
            }
        }
    };
}

impl Refusal {
    /// The error that Open vSwitch answers it with, which may be its own.
    #[must_use]
    pub fn error(&self) -> ErrorKind {
        let named = self
            .vendor()
            .and_then(|name| ERRORS.iter().find(|row| row.name == name));
        let standard = || ErrorMessage::new(self.answer(), Bytes::new()).error;
        named.map_or_else(standard, ErrorKind::Known)
    }
}

refusals! {
    /// A packet that the switch does not hold: it holds none.
    #[error("packet {0} is not held")]
    Buffer(u32) 1 8;
    /// An action that this switch does not have, or not there.
    #[error("the action {0} is not supported")]
    Action(String) 2 0;
    /// A port that is not one, or that this switch does not have.
    #[error("there is no output to port {0}")]
    OutPort(PortNo) 2 4;
    /// An encoding of an action that its version has another for.
    #[error("{0} is not said so in this version")]
    Encoding(&'static str) 2 3;
    /// A clause of a conjunctive match that stands with other actions, or is none.
    #[error("a clause of a conjunctive match stands with other actions, or is none")]
    Clause 2 10 "NXBAC_BAD_CONJUNCTION";
    /// Actions that cannot be done in this order.
    #[error("nothing can be done after the metadata is written")]
    Order 2 11;
    /// An argument of an action.
    #[error("{0} is wrong")]
    Argument(&'static str) 2 5;
    /// A group that is not there, in an action.
    #[error("group {0} is not there")]
    NoSuchGroup(u32) 2 9;
    /// An action that these packets cannot have.
    #[error("{0} is not a field of these packets")]
    Inconsistent(&'static str) 2 10;
    /// Connection tracking of what has no connections, or committing what is invalid.
    #[error("these packets cannot be tracked like that")]
    Untrackable 2 10;
    /// An action on a field that the switch does not have.
    #[error("an action on a field that is not known")]
    UnknownField 2 13;
    /// An action on bits of a field that the switch does not have.
    #[error("an action on bits of a field that is not known")]
    UnknownBits 4 6;
    /// An action on bits that the field does not have, or on none.
    #[error("{0} does not have these bits")]
    Bits(&'static str) 2 14;
    /// More VLAN tags than a packet can have.
    #[error("packets have no more than two VLAN tags")]
    Tags 2 12;
    /// Setting a field that cannot be set.
    #[error("{0} cannot be set")]
    ReadOnly(&'static str) 2 15;
    /// Setting a field to what it cannot be.
    #[error("{0} cannot have this value")]
    Value(&'static str) 2 15;
    /// An instruction that is not known.
    #[error("the instruction {0} is not known")]
    UnknownInstruction(String) 3 0;
    /// A packet may only go on in a later table: from, to.
    #[error("a flow of table {0} goes to table {1}, which is not a later one")]
    Backwards(u8, u8) 3 2;
    /// An instruction that stands twice.
    #[error("an instruction stands twice")]
    DuplicateInstruction 3 9;
    /// A match on what is not for controllers.
    #[error("{0} is not for controllers to match")]
    Hidden(&'static str) 1 5;
    /// A match on a value that a field cannot have.
    #[error("{0} cannot have the value that is asked for")]
    Impossible(&'static str) 4 7;
    /// A match on a register, and on a wider one that it is a part of.
    #[error("{0} is asked for twice")]
    Twice(&'static str) 4 10;
    /// A match on a field that the switch does not have.
    #[error("there is no {0} here to match")]
    NoSuchField(&'static str) 4 6;
    /// The table does not exist.
    #[error("table {0} does not exist")]
    Table(u8) 5 2;
    /// A flow that overlaps another of its priority, and is not to.
    #[error("the flow overlaps another of its priority")]
    Overlap 5 3;
    /// Flags of a flow that are not known.
    #[error("the flags {0:#x} of a flow are not known")]
    FlowFlags(u16) 5 7;
    /// A command for flows that this switch does not have.
    #[error("the command {0} for flows is not known")]
    FlowCommand(u8) 5 6;
    /// A new group that is there already.
    #[error("group {0} is there already")]
    GroupExists(u32) 6 0;
    /// A group that cannot be.
    #[error("group {0} cannot be: {1}")]
    InvalidGroup(u32, &'static str) 6 1;
    /// A group that is not there.
    #[error("group {0} is not there")]
    UnknownGroup(u32) 6 8;
    /// A kind of group that this switch does not have.
    #[error("groups of type {0} are not known")]
    GroupType(u8) 6 10;
    /// A command for groups that this switch does not have.
    #[error("the command {0} for groups is not known")]
    GroupCommand(u16) 6 11;
    /// A bucket that is not there.
    #[error("bucket {0} is not there")]
    UnknownBucket(u32) 6 15;
    /// A new bucket that is there already.
    #[error("bucket {0} is there already")]
    BucketExists(u32) 6 16;
    /// A new meter that is there already.
    #[error("meter {0} is there already")]
    MeterExists(u32) 12 1;
    /// A meter that is not there, in a flow, or cannot be.
    #[error("meter {0} is not there, or cannot be")]
    NoSuchMeter(u32) 12 2;
    /// A meter that is not there.
    #[error("meter {0} is not there")]
    UnknownMeter(u32) 12 3;
    /// Flags of a meter that cannot be.
    #[error("a meter with the flags {0:#x} cannot be")]
    MeterFlags(u16) 12 5;
    /// A band that this switch does not have.
    #[error("the band {0} is not supported")]
    Band(String) 12 8;
    /// A meter with no bands, or too many.
    #[error("a meter cannot have {0} bands")]
    Bands(usize) 12 11;
    /// A command for meters that this switch does not have.
    #[error("the command {0} for meters is not known")]
    MeterCommand(u16) 12 4;
    /// A property of a group that this switch does not have.
    #[error("a group's {0} is not known")]
    GroupProperty(&'static str) 14 2;
}
