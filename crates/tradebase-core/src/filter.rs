//! Typed conditions over columns, the same for every engine that can find by them.

use std::marker::PhantomData;

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
        Order { at: self.at, down: false, of: PhantomData }
    }

    /// From the largest down.
    pub fn desc(self) -> Order<T> {
        Order { at: self.at, down: true, of: PhantomData }
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

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A condition over the columns of a record, as a room renders it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// Everything.
    Always,
    /// A column against a value.
    Compare {
        /// The column's position.
        at: usize,
        /// How.
        how: Comparison,
        /// The value, already checked.
        value: Value,
    },
    /// A column against a list.
    OneOf {
        /// The column's position.
        at: usize,
        /// The values, already checked.
        values: Vec<Value>,
    },
    /// A column against null.
    Null {
        /// The column's position.
        at: usize,
        /// Whether null is asked for.
        null: bool,
    },
    /// All of these.
    All(Vec<Condition>),
    /// Any of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// A typed condition over a record. A value that its column refuses is reported when the filter
/// is used, so that building one stays plain.
#[derive(Debug)]
pub struct Filter<T> {
    condition: Result<Condition>,
    of: PhantomData<fn() -> T>,
}

impl<T> Filter<T> {
    fn of(condition: Result<Condition>) -> Self {
        Self { condition, of: PhantomData }
    }

    /// Everything.
    pub fn all() -> Self {
        Self::of(Ok(Condition::Always))
    }

    fn join(self, other: Self, make: fn(Vec<Condition>) -> Condition) -> Self {
        let both = self.condition.and_then(|a| other.condition.map(|b| make(vec![a, b])));
        Self::of(both)
    }

    /// This and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.join(other, Condition::All)
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.join(other, Condition::Any)
    }

    /// The condition, or why a value in it was refused.
    pub fn into_condition(self) -> Result<Condition> {
        self.condition
    }
}

impl<T> std::ops::Not for Filter<T> {
    type Output = Self;

    fn not(self) -> Self {
        Self::of(self.condition.map(|c| Condition::Not(Box::new(c))))
    }
}

/// An order by one column. Nulls come first going up and last going down, on every engine.
#[derive(Debug)]
pub struct Order<T> {
    /// The column's position.
    pub at: usize,
    /// Whether from the largest down.
    pub down: bool,
    of: PhantomData<fn() -> T>,
}
