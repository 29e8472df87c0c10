//! Actions inside an action.

use std::ops::Deref;

use super::Action;
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{DEEPEST_VALUE, Dice, Generate, Plain, Value, ValueError, Wire};
use crate::wire::{MAX_DEPTH, Reader, Writer};

/// In how many lists of others a list of actions may stand: one less than what is read of any structure.
const DEEPEST: usize = MAX_DEPTH as usize - 1;
/// What is said of lists that nest too deeply.
const WHAT: &str = "actions in actions";

/// A list of actions inside an action. However deeply a program nests them, none is deeper than what can be read:
/// a list that would be is not kept, and neither it nor what it is in can be written ([`EncodeError::TooDeep`]).
/// So whatever is done with actions, it is done with few of them inside each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actions(Option<Vec<Action>>);

impl Actions {
    /// The actions; none of a list that was nested too deeply.
    #[must_use]
    pub fn as_slice(&self) -> &[Action] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether these were nested too deeply, and are not kept.
    #[must_use]
    pub fn is_too_deep(&self) -> bool {
        self.0.is_none()
    }

    /// Other actions in place of these.
    pub(crate) fn map(self, change: impl FnOnce(Vec<Action>) -> Vec<Action>) -> Self {
        Self(self.0.map(change))
    }

    /// How many lists stand in each other here, this one being the first; none when there were too many.
    fn depth(&self) -> Option<usize> {
        let inner = self.0.as_ref()?.iter().filter_map(Action::nested);
        let inner = inner.map(|list| Some(1 + list.depth()?));
        inner
            .into_iter()
            .try_fold(1, |deepest, depth| Some(depth?.max(deepest)))
    }
}

impl From<Vec<Action>> for Actions {
    fn from(list: Vec<Action>) -> Self {
        let list = Self(Some(list));
        match list.depth() {
            Some(..=DEEPEST) => list,
            _ => Self(None),
        }
    }
}

impl Deref for Actions {
    type Target = [Action];

    fn deref(&self) -> &[Action] {
        self.as_slice()
    }
}

impl<'a> IntoIterator for &'a Actions {
    type Item = &'a Action;
    type IntoIter = std::slice::Iter<'a, Action>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}

impl Wire for Actions {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        // What is read nests no deeper than the reader lets it.
        Vec::read(r, version, what).map(|list| Self(Some(list)))
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let list = self.0.as_ref();
        let list = list.ok_or(EncodeError::TooDeep { what: WHAT })?;
        list.write(w, version)
    }
}

impl Plain for Actions {
    fn value(&self, version: Version) -> Value {
        match &self.0 {
            Some(list) => list.value(version),
            None => Value::text(EncodeError::TooDeep { what: WHAT }),
        }
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        let too_deep = || ValueError::new("actions that nest less deeply");
        if value.is_deeper_than(DEEPEST_VALUE) {
            return Err(too_deep());
        }
        let list = Self::from(Vec::from_value(value, version)?);
        list.0.is_some().then_some(list).ok_or_else(too_deep)
    }
}

impl Generate for Actions {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Vec::generate(dice, version).into()
    }
}
