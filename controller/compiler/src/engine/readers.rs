//! Who reads which cells of the model.

use hashbrown::HashSet;
use std::hash::Hash;
use weft_topology::Cell;

use super::numbers::{Number, Numbered};

/// The readers of cells.
pub(super) struct Readers<Reader> {
    cells: Numbered<Cell, HashSet<Reader>>,
}

/// What one reader read: each cell once, in order.
pub(super) type Read = Box<[Number<Cell>]>;

impl<Reader: Copy + Eq + Hash> Readers<Reader> {
    pub(super) fn new() -> Self {
        Self {
            cells: Numbered::new(),
        }
    }

    /// Who read a cell.
    pub(super) fn of(&self, cell: &Cell) -> impl Iterator<Item = Reader> {
        let number = self.cells.number(cell);
        let readers = number.map(|number| self.cells[number].iter().copied());
        readers.into_iter().flatten()
    }

    /// Moves a reader from the cells that it read to those that it reads now.
    pub(super) fn change(&mut self, reader: Reader, old: &Read, new: &[Cell]) -> Read {
        let mut read: Read = new.iter().map(|cell| self.cells.enter(cell)).collect();
        read.sort_unstable();
        for cell in &read {
            if old.binary_search(cell).is_err() {
                self.cells[*cell].insert(reader);
            }
        }
        for cell in old {
            if read.binary_search(cell).is_err() {
                let readers = &mut self.cells[*cell];
                readers.remove(&reader);
                if readers.is_empty() {
                    self.cells.remove(*cell);
                }
            }
        }
        read
    }
}
