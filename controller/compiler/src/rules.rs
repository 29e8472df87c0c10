//! What a set of lowering rules is: which scopes a switch needs, which items a scope has, and what
//! an item puts out.
//!
//! The incremental engine ([`crate::engine`]) knows nothing of networks; it runs whatever rules it is
//! given. Production's are in [`crate::lower`].

use std::fmt::Debug;
use std::hash::Hash;

use weft_topology::{ChassisId, Element, Index};

use crate::emit::Emitter;
use crate::view::View;

/// Which item, if any, an element of an index stands for.
pub type Derive<Item> = Box<dyn Fn(&Element) -> Option<Item> + Send + Sync>;

/// Where a scope's items come from.
pub enum Source<Item> {
    /// One item, always.
    One(Item),
    /// One item for each element of an index; elements that it does not fit are left out.
    Each(Index, Derive<Item>),
}

impl<Item> Source<Item> {
    /// One item for each element of an index.
    pub fn each(
        index: Index,
        item: impl Fn(&Element) -> Option<Item> + Send + Sync + 'static,
    ) -> Self {
        Self::Each(index, Box::new(item))
    }
}

/// A set of lowering rules: pure functions of the model, all of them.
pub trait Rules {
    /// Names one call of a lowering function.
    type Item: Clone + Ord + Hash + Debug;
    /// Names a set of items that switches have or have not as a whole.
    type Scope: Clone + Ord + Hash + Debug;

    /// The scopes that a switch needs.
    fn reach(&self, chassis: &ChassisId, view: &mut View<'_>) -> Vec<Self::Scope>;

    /// Where a scope's items come from.
    fn sources(&self, scope: &Self::Scope) -> Vec<Source<Self::Item>>;

    /// What an item puts out.
    fn lower(&self, item: &Self::Item, view: &mut View<'_>, emit: &mut Emitter<'_>);
}
