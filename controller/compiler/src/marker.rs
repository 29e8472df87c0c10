//! The marker: a flow that no packet reaches, which says on the switch itself which installation
//! programmed it last and up to which revision of the log.
//!
//! With it a controller that was started on the wrong database, an empty one or an old backup, can
//! tell that the switch knows better, and holds its hand instead of taking the flows away.

use rust_openflow::message::{FlowMod, FlowStats};
use rust_openflow::{Action, Field, Instruction, Match};

use crate::content::Secret;
use crate::pipeline::Stage;

/// The marker's cookie, the same for every revision of an installation.
#[must_use]
pub fn cookie(secret: &Secret) -> u64 {
    secret.number(b"marker")
}

/// The flow that says that a switch has the program of a revision.
#[must_use]
pub fn flow(secret: &Secret, revision: u64) -> FlowMod {
    let note = Action::set(Field::Metadata, revision);
    FlowMod::add(
        Stage::Marker.table(),
        1,
        Match::any(),
        vec![Instruction::apply(vec![note])],
        cookie(secret),
    )
}

/// The revision that a flow of a switch notes, when it is the marker of this installation.
#[must_use]
pub fn revision(secret: &Secret, flow: &FlowStats) -> Option<u64> {
    if flow.cookie != cookie(secret) || flow.table != Stage::Marker.table() {
        return None;
    }
    match flow.instructions.as_slice() {
        [Instruction::ApplyActions { actions }] => match actions.as_slice() {
            [action] => action
                .sets()
                .filter(|value| value.field == Field::Metadata)
                .and_then(|value| u64::try_from(value.value).ok()),
            _ => None,
        },
        _ => None,
    }
}
