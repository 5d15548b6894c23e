//! The columns of a record as typed constants, and what can be asked of one.

use std::marker::PhantomData;
use std::ops::Range;

use super::condition::{Comparison, Condition};
use super::filter::Filter;
use super::order::Order;
use super::pattern::Pattern;
use super::stored::Stored;
use crate::column::Column;
use crate::error::Result;
use crate::field::Field;
use crate::row::Put;
use crate::value::Value;

/// A column of a record as a typed constant: `Fill::PRICE`. Made by the derive.
#[derive(Debug)]
pub struct Col<T, F> {
    at: usize,
    of: PhantomData<fn() -> (T, F)>,
}

impl<T, F> Clone for Col<T, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, F> Copy for Col<T, F> {}

/// Something that can stand beside a field of that type in a condition: the type itself, a
/// reference to it, or what it wraps.
pub trait Operand<F: Field> {
    /// The value, checked as the column checks it.
    fn value(self, column: &'static Column) -> Result<Value>;
}

impl<F: Field> Operand<F> for F {
    fn value(self, column: &'static Column) -> Result<Value> {
        Value::of(&self, column)
    }
}

impl<F: Field> Operand<F> for &F {
    fn value(self, column: &'static Column) -> Result<Value> {
        Value::of(self, column)
    }
}

impl Operand<String> for &str {
    fn value(self, column: &'static Column) -> Result<Value> {
        Value::of(&self.to_owned(), column)
    }
}

impl<F: Field> Operand<Option<F>> for F {
    fn value(self, column: &'static Column) -> Result<Value> {
        Value::of(&self, column)
    }
}

impl Operand<Option<String>> for &str {
    fn value(self, column: &'static Column) -> Result<Value> {
        Value::of(&self.to_owned(), column)
    }
}

impl<T: Put, F: Field> Col<T, F> {
    /// The column at that position of the record.
    pub const fn new(at: usize) -> Self {
        Self { at, of: PhantomData }
    }

    /// Its position in the record.
    pub const fn at(self) -> usize {
        self.at
    }

    /// Its description.
    pub fn column(self) -> &'static Column {
        &T::COLUMNS[self.at]
    }

    /// A value as this column takes it, for SQL of your own.
    pub fn value(self, operand: impl Operand<F>) -> Stored {
        let column = self.column();
        Stored::new(column, operand.value(column))
    }

    fn compare(self, how: Comparison, operand: impl Operand<F>) -> Filter<T> {
        let value = operand.value(self.column());
        Filter::of(value.map(|value| Condition::Compare { at: self.at, how, value }))
    }

    /// Equal. A null is equal to nothing; ask with [`is_null`](Col::is_null).
    pub fn eq(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::Equal, operand)
    }

    /// Not equal.
    pub fn ne(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::NotEqual, operand)
    }

    /// Less.
    pub fn lt(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::Less, operand)
    }

    /// Less or equal.
    pub fn le(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::AtMost, operand)
    }

    /// Greater.
    pub fn gt(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::Greater, operand)
    }

    /// Greater or equal.
    pub fn ge(self, operand: impl Operand<F>) -> Filter<T> {
        self.compare(Comparison::AtLeast, operand)
    }

    /// At that moment or later: another name of [`ge`](Col::ge) for times.
    pub fn since(self, operand: impl Operand<F>) -> Filter<T> {
        self.ge(operand)
    }

    /// Between two values, both included.
    pub fn between(self, low: impl Operand<F>, high: impl Operand<F>) -> Filter<T> {
        self.ge(low).and(self.le(high))
    }

    /// From the first on and before the second: what days and months are made of. Empty if the
    /// second is not behind the first.
    pub fn within<O: Operand<F>>(self, range: Range<O>) -> Filter<T> {
        self.ge(range.start).and(self.lt(range.end))
    }

    /// Before that moment: another name of [`lt`](Col::lt) for times.
    pub fn before(self, operand: impl Operand<F>) -> Filter<T> {
        self.lt(operand)
    }

    /// One of these; none of them matches nothing.
    pub fn one_of<O: Operand<F>>(self, operands: impl IntoIterator<Item = O>) -> Filter<T> {
        let column = self.column();
        let values: Result<Vec<_>> = operands.into_iter().map(|o| o.value(column)).collect();
        Filter::of(values.map(|values| Condition::OneOf { at: self.at, values }))
    }

    /// Null.
    pub fn is_null(self) -> Filter<T> {
        Filter::of(Ok(Condition::Null { at: self.at, null: true }))
    }

    /// Not null.
    pub fn is_not_null(self) -> Filter<T> {
        Filter::of(Ok(Condition::Null { at: self.at, null: false }))
    }

    /// From the smallest up.
    pub fn asc(self) -> Order<T> {
        Order::by(self.at, false)
    }

    /// From the largest down.
    pub fn desc(self) -> Order<T> {
        Order::by(self.at, true)
    }
}

/// Text columns, and those of types that are stored as text.
impl<T: Put, F: Field> Col<T, F> {
    /// Text that is like the pattern. Upper and lower case differ; see [`Pattern`].
    pub fn like(self, pattern: impl Into<Pattern>) -> Filter<T> {
        let pattern = pattern.into().checked(self.column());
        Filter::of(pattern.map(|pattern| Condition::Like { at: self.at, pattern }))
    }

    /// Text that begins so. Nothing in it has a meaning of its own.
    pub fn starts_with(self, text: &str) -> Filter<T> {
        self.like(Pattern::starting_with(text))
    }

    /// Text that ends so.
    pub fn ends_with(self, text: &str) -> Filter<T> {
        self.like(Pattern::ending_with(text))
    }

    /// Text that has this anywhere.
    pub fn contains(self, text: &str) -> Filter<T> {
        self.like(Pattern::containing(text))
    }
}

/// An embedded struct of a record as a typed constant: `Venue::PLACE.then(Place::CITY)`.
#[derive(Debug)]
pub struct Embedded<T, P> {
    at: usize,
    of: PhantomData<fn() -> (T, P)>,
}

impl<T: Put, P: Put> Embedded<T, P> {
    /// The embedded struct whose first column is at that position of the record.
    pub const fn new(at: usize) -> Self {
        Self { at, of: PhantomData }
    }

    /// A column of the embedded struct, as a column of the record.
    pub const fn then<F: Field>(self, inner: Col<P, F>) -> Col<T, F> {
        Col { at: self.at + inner.at, of: PhantomData }
    }
}

impl<T, P> Clone for Embedded<T, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, P> Copy for Embedded<T, P> {}
