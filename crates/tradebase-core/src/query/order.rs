//! The order of rows.

use std::marker::PhantomData;

/// An order by one column. Nulls come first going up and last going down, on every engine, unless
/// it says otherwise.
#[derive(Debug)]
pub struct Order<T> {
    /// The order without its type.
    pub sort: Sort,
    of: PhantomData<fn() -> T>,
}

/// An order by one column, as a room renders it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The column's position.
    pub at: usize,
    /// Whether from the largest down.
    pub down: bool,
    /// Where nulls come.
    pub nulls: Nulls,
}

/// Where nulls come in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before all values.
    First,
    /// Behind all values.
    Last,
}

impl<T> Clone for Order<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Order<T> {}

impl<T> Order<T> {
    pub(super) fn by(at: usize, down: bool) -> Self {
        Self { sort: Sort::by(at, down), of: PhantomData }
    }

    /// The same order, nulls before all values.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.sort.nulls = Nulls::First;
        self
    }

    /// The same order, nulls behind all values.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.sort.nulls = Nulls::Last;
        self
    }
}

impl Sort {
    /// By that column; nulls are less than all values.
    pub fn by(at: usize, down: bool) -> Self {
        Self { at, down, nulls: if down { Nulls::Last } else { Nulls::First } }
    }
}
