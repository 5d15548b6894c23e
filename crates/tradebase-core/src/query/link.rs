//! Relations between records.

use std::marker::PhantomData;

use super::condition::{Condition, Related};
use super::filter::Filter;
use crate::row::Record;

/// A column of `C` that points to the key of `P`, as a typed constant: `Trade::BOT`. Made by the
/// derive for each column with `belongs_to`; it bears the column's name without `_id`.
#[derive(Debug)]
pub struct Link<C, P> {
    at: usize,
    of: PhantomData<fn() -> (C, P)>,
}

impl<C, P> Clone for Link<C, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C, P> Copy for Link<C, P> {}

impl<C, P> Link<C, P> {
    /// The column at that position points to the other record.
    pub const fn new(at: usize) -> Self {
        Self { at, of: PhantomData }
    }
}

impl<C: Record, P: Record> Link<C, P> {
    /// The position of the column that points.
    pub const fn at(self) -> usize {
        self.at
    }

    /// Rows whose parent passes.
    pub fn is(self, parent: Filter<P>) -> Filter<C> {
        let related = |condition| Related {
            table: P::TABLE,
            on: P::TABLE.key.iter().map(|&key| (self.at, key)).collect(),
            condition: Box::new(condition),
        };
        Filter::of(parent.into_condition().map(|condition| Condition::Related(related(condition))))
    }

    /// Parents of which at least one row passes. With `!`, those of which none does.
    pub fn any(self, child: Filter<C>) -> Filter<P> {
        let related = |condition| Related {
            table: C::TABLE,
            on: P::TABLE.key.iter().map(|&key| (key, self.at)).collect(),
            condition: Box::new(condition),
        };
        Filter::of(child.into_condition().map(|condition| Condition::Related(related(condition))))
    }
}
