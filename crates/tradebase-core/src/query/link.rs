//! Relations between records.

use std::marker::PhantomData;

use super::condition::{Condition, Related};
use super::filter::Filter;
use crate::error::{Code, Error, Result};
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

    /// The position of the key that is pointed to. One column cannot point to a key of several:
    /// that is an error of the code [`Code::Unsupported`].
    pub fn key(self) -> Result<usize> {
        match P::TABLE.key {
            [key] => Ok(*key),
            _ => {
                let message = "a key of several columns cannot be pointed to with belongs_to";
                Err(Error::new(Code::Unsupported, message).of(P::TABLE))
            }
        }
    }

    /// Rows whose parent passes.
    pub fn is(self, parent: Filter<P>) -> Filter<C> {
        Filter::of(self.key().and_then(|key| {
            let condition = Box::new(parent.into_condition()?);
            let on = vec![(self.at, key)];
            Ok(Condition::Related(Related { table: P::TABLE, on, condition }))
        }))
    }

    /// Parents of which at least one row passes. With `!`, those of which none does.
    pub fn any(self, child: Filter<C>) -> Filter<P> {
        Filter::of(self.key().and_then(|key| {
            let condition = Box::new(child.into_condition()?);
            let on = vec![(key, self.at)];
            Ok(Condition::Related(Related { table: C::TABLE, on, condition }))
        }))
    }
}
