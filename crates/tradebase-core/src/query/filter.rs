//! Typed filters.

use std::marker::PhantomData;

use super::condition::Condition;
use crate::error::Result;

/// A typed condition over a record. A value that its column refuses is reported when the filter
/// is used, so that building one stays plain.
#[derive(Debug)]
pub struct Filter<T> {
    condition: Result<Condition>,
    of: PhantomData<fn() -> T>,
}

impl<T> Filter<T> {
    pub(super) fn of(condition: Result<Condition>) -> Self {
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

impl<T> Clone for Filter<T> {
    fn clone(&self) -> Self {
        Self::of(self.condition.as_ref().map(Condition::clone).map_err(crate::error::Error::again))
    }
}

impl<T> std::ops::Not for Filter<T> {
    type Output = Self;

    fn not(self) -> Self {
        Self::of(self.condition.map(|c| Condition::Not(Box::new(c))))
    }
}
