//! Instructions: what a matching flow does with a packet (OpenFlow 1.5.1, 7.2.5; there are none in 1.0).
//!
//! The rows say all but this: what is an action from 1.5 on, a meter, is an instruction before.

use bytes::Bytes;

use crate::action::Action;
use crate::error::{DecodeError, EncodeError};
use crate::message::Stats;
use crate::record::{self, Dice, Generate, Sink, Wire, variants};
use crate::wire::{Reader, Writer};
use crate::{MeterId, TableId, Version};

/// `OFPSTF_PERIODIC`: a trigger acts again at each multiple of its thresholds.
pub const PERIODIC: u32 = 1;
/// `OFPSTF_ONLY_FIRST`: a trigger acts only when the first of its thresholds is reached.
pub const ONLY_FIRST: u32 = 2;

variants! {
    /// An instruction of a flow.
    pub enum Instruction: record::Instruction, rows ROWS, by_hand {
        /// Goes on in a later table.
        GotoTable "goto_table" [std 1 V1_1 V1_5] {
            /// Which table.
            table_id: TableId;
        }
        /// Sets bits of the metadata.
        WriteMetadata "write_metadata" [std 2 V1_1 V1_5] {
            /// The bits' values.
            {pad 4} metadata: u64;
            /// Which bits.
            mask "metadata_mask": u64;
        }
        /// Adds to the action set.
        WriteActions "write_actions" [std 3 V1_1 V1_5] {
            /// The actions.
            {pad 4} actions: Vec<Action>;
        }
        /// Runs actions at once.
        ApplyActions "apply_actions" [std 4 V1_1 V1_5] {
            /// The actions.
            {pad 4} actions: Vec<Action>;
        }
        /// Empties the action set.
        ClearActions "clear_actions" [std 5 V1_1 V1_5] {
            .. {pad 4}
        }
        /// Passes the packet through a meter; from 1.5 on an action does that.
        Meter "meter" [std 6 V1_3 V1_4] {
            /// Which meter.
            meter_id: MeterId;
        }
        /// Tells the controller when the flow's counters reach thresholds.
        StatTrigger "stat_trigger" [std 7 V1_5 V1_5] {
            /// `OFPSTF_*`: [`PERIODIC`], [`ONLY_FIRST`].
            flags: u32;
            /// The thresholds.
            thresholds: Box<Stats>;
        }
    }
}

impl Instruction {
    /// Runs actions at once.
    #[must_use]
    pub fn apply(actions: Vec<Action>) -> Self {
        Self::ApplyActions { actions }
    }

    /// Adds to the action set.
    #[must_use]
    pub fn write_actions(actions: Vec<Action>) -> Self {
        Self::WriteActions { actions }
    }

    /// Goes on in a later table.
    #[must_use]
    pub fn goto(table_id: TableId) -> Self {
        Self::GotoTable { table_id }
    }

    /// The actions that it runs or adds.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        match self {
            Self::ApplyActions { actions } | Self::WriteActions { actions } => actions,
            _ => &[],
        }
    }
}

impl Wire for Instruction {
    #[inline]
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut read = None;
        Self::read_member(&mut read, r, version, what)?;
        read.ok_or_else(|| r.error(what))
    }

    #[inline]
    fn read_onto(
        list: &mut impl Sink<Self>,
        r: &mut Reader<'_>,
        version: Version,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        Self::read_member(list, r, version, what)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let Self::ApplyActions { actions } = self else {
            return self.write_member(w, version);
        };
        if version >= Version::V1_5 || !matches!(actions[..], [Action::Meter { .. }, ..]) {
            return self.write_member(w, version);
        }
        let mut rest = actions.as_slice();
        while let [Action::Meter { meter_id }, after @ ..] = rest {
            let meter_id = *meter_id;
            Self::Meter { meter_id }.write_member(w, version)?;
            rest = after;
        }
        if rest.is_empty() {
            return Ok(());
        }
        Self::apply(rest.to_vec()).write_member(w, version)
    }
}

impl Generate for Instruction {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self::generate_member(dice, version)
    }
}

/// Instructions by themselves: the content of a flow, for hashing.
pub fn to_bytes(list: &[Instruction], version: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    list.iter()
        .try_for_each(|instruction| instruction.write(&mut w, version))?;
    Ok(w.freeze())
}

#[cfg(test)]
mod tests;
