//! The actions of connection tracking, checked when they are told.
//!
//! What Open vSwitch refuses is refused (`decode_NXAST_RAW_CT`, `decode_NXAST_RAW_NAT` and `ofpacts_verify_nested` in
//! `lib/ofp-actions.c`). Helpers of protocols (`alg`) are not there. What is done is in [`super`].

use rust_openflow::Action;
use rust_openflow::action::{CT_COMMIT, CT_FORCE, CT_NO_TABLE, NatRange, Subfield, Zone};
use rust_openflow::field::Field;
use rust_openflow::field::Prerequisite;

use crate::program::{Checker, Existing, Step, Track, Zoned};
use crate::refusal::Refusal;

use super::state;
use super::{Side, Target, Wanted};

/// Flags of address translation (`NX_NAT_F_*`).
const SOURCE: u16 = 1;
const DESTINATION: u16 = 2;
const HASH: u16 = 8;
const RANDOM: u16 = 16;
const ALL: u16 = 31;

impl<E: Existing> Checker<'_, E> {
    /// What an action of connection tracking wants.
    pub(crate) fn track(&mut self, action: &Action) -> Result<Track, Refusal> {
        let Action::Ct {
            flags,
            zone,
            recirc_table,
            alg,
            actions,
        } = action
        else {
            return Err(Refusal::Action(format!("{action:?}")));
        };
        let has = |flag: u16| flags & flag != 0;
        if has(CT_FORCE) && !has(CT_COMMIT) {
            return Err(Refusal::Argument("force without commit"));
        }
        let mut wanted = Wanted {
            commit: has(CT_COMMIT),
            force: has(CT_FORCE),
            ..Wanted::default()
        };
        let mut sets = Vec::new();
        for inner in actions.iter() {
            let plain =
                matches!(inner, Action::Nat { flags: 0, range } if **range == NatRange::default());
            if !wanted.commit && !plain {
                return Err(Refusal::Argument("what is set without commit"));
            }
            match inner {
                Action::Nat { flags, range } => {
                    let target = target(*flags, range)?;
                    self.translates(range)?;
                    wanted.nat = Some(target);
                }
                set => sets.push(self.set_of_connection(set, &mut wanted)?),
            }
        }
        self.trackable(wanted.commit)?;
        if *alg != 0 {
            return Err(Refusal::Action(format!("{action:?}")));
        }
        let zone = match zone {
            Zone::Number(number) => Zoned::Number(*number),
            Zone::Field(field, bits) => {
                let bits = self.readable(&Subfield::packed(field.0, *bits))?;
                if bits.count != 16 {
                    return Err(Refusal::Bits(bits.field.row().name));
                }
                Zoned::Field(bits)
            }
        };
        Ok(Track {
            zone,
            wanted,
            sets,
            table: (*recirc_table != CT_NO_TABLE).then_some(*recirc_table),
        })
    }

    /// Checks that packets of the match can be tracked.
    fn trackable(&self, commit: bool) -> Result<(), Refusal> {
        let Some(known) = &self.known else {
            return Ok(());
        };
        let state = known.get(Field::CtState).map_or(0, |state| state.value);
        let invalid = state & u128::from(state::INVALID) != 0;
        match known.satisfies(Prerequisite::Ip) && !(commit && invalid) {
            true => Ok(()),
            false => Err(Refusal::Untrackable),
        }
    }

    /// Checks that packets of the match can have such addresses.
    fn translates(&self, range: &NatRange) -> Result<(), Refusal> {
        let needed = match (range.ipv4_min, range.ipv6_min) {
            (Some(_), _) => Prerequisite::Ipv4,
            (_, Some(_)) => Prerequisite::Ipv6,
            _ => Prerequisite::Ip,
        };
        match self
            .known
            .as_ref()
            .is_none_or(|known| known.satisfies(needed))
        {
            true => Ok(()),
            false => Err(Refusal::Untrackable),
        }
    }

    /// An action that sets the mark or the label, and which bits of them.
    fn set_of_connection(&mut self, action: &Action, wanted: &mut Wanted) -> Result<Step, Refusal> {
        let assigns = matches!(
            action,
            Action::SetField { .. } | Action::RegLoad { .. } | Action::RegLoad2 { .. }
        );
        if !assigns && action.copies().is_none() {
            return Err(Refusal::Argument("what is done inside connection tracking"));
        }
        self.tracks = true;
        let step = self.step(action);
        self.tracks = false;
        let step = step?.ok_or(Refusal::Argument("what is done inside connection tracking"))?;
        let mut touches = |field, bits: u128| match field {
            // A mark has no more bits.
            Field::CtMark => wanted.mark.1 |= bits as u32,
            Field::CtLabel => wanted.label.1 |= bits,
            _ => {}
        };
        match &step {
            Step::Set { field, mask, .. } => touches(*field, *mask),
            // What is read is written, too.
            Step::Copy { from, to } => {
                for bits in [from, to] {
                    touches(bits.field, bits.mask() << bits.offset);
                }
            }
            _ => {}
        }
        Ok(step)
    }
}

/// The addresses and ports that are said.
fn target(flags: u16, range: &NatRange) -> Result<Target, Refusal> {
    let wrong = Err(Refusal::Argument("the range of addresses and ports"));
    let has = |flag: u16| flags & flag == flag;
    let side = match (has(SOURCE), has(DESTINATION)) {
        (true, false) => Some(Side::Source),
        (false, true) => Some(Side::Destination),
        (false, false) => None,
        (true, true) => return wrong,
    };
    if flags & !ALL != 0 || has(HASH | RANDOM) {
        return wrong;
    }
    let v4 = (
        range.ipv4_min.map(u128_of_v4),
        range.ipv4_max.map(u128_of_v4),
    );
    let v6 = (
        range.ipv6_min.map(|own| own.to_bits()),
        range.ipv6_max.map(|own| own.to_bits()),
    );
    let addresses = match (v4, v6) {
        ((Some(first), last), (None, None)) | ((None, None), (Some(first), last)) if first != 0 => {
            Some((first, last.unwrap_or(first)))
        }
        ((None, None), (None, None)) => None,
        _ => return wrong,
    };
    let ports = match (range.proto_min, range.proto_max) {
        (Some(first), last) if first != 0 && addresses.is_some() => {
            Some((first, last.unwrap_or(first)))
        }
        (None, None) => None,
        _ => return wrong,
    };
    let backwards = addresses.is_some_and(|(first, last)| first > last)
        || ports.is_some_and(|(first, last)| first > last);
    if backwards || side.is_none() && addresses.is_some() {
        return wrong;
    }
    Ok(Target {
        side,
        addresses: addresses.unwrap_or_default(),
        ports,
    })
}

fn u128_of_v4(address: std::net::Ipv4Addr) -> u128 {
    address.to_bits().into()
}
