//! Conditions without their types, as a room renders them.

use super::pattern::Pattern;
use crate::table::Table;
use crate::value::Value;

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
    /// A text against a pattern.
    Like {
        /// The column's position.
        at: usize,
        /// The pattern.
        pattern: Pattern,
    },
    /// Whether a row of another table hangs together with this one.
    Related(Related),
    /// All of these.
    All(Vec<Condition>),
    /// Any of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// Rows of another table that hang together with a row, and pass a condition of their own.
#[derive(Clone, Debug)]
pub struct Related {
    /// The other table.
    pub table: &'static Table,
    /// Positions that must be equal: in this row, and in the other.
    pub on: Vec<(usize, usize)>,
    /// What the other row must pass.
    pub condition: Box<Condition>,
}

impl PartialEq for Related {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.table, other.table)
            && self.on == other.on
            && self.condition == other.condition
    }
}

impl Condition {
    /// Whether every row passes, whatever it holds, as far as the form of the condition tells.
    pub fn is_empty(&self) -> bool {
        match self {
            Condition::Always => true,
            Condition::All(terms) => terms.iter().all(Condition::is_empty),
            Condition::Any(terms) => terms.iter().any(Condition::is_empty),
            Condition::Not(inner) => inner.is_impossible(),
            _ => false,
        }
    }

    /// Whether no row passes, whatever it holds, as far as the form of the condition tells.
    pub fn is_impossible(&self) -> bool {
        match self {
            Condition::OneOf { values, .. } => values.is_empty(),
            Condition::All(terms) => terms.iter().any(Condition::is_impossible),
            Condition::Any(terms) => terms.iter().all(Condition::is_impossible),
            Condition::Not(inner) => inner.is_empty(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_every_row_passes_are_known_by_their_form() {
        let none = || Condition::OneOf { at: 0, values: Vec::new() };
        let some = || Condition::Null { at: 0, null: true };
        let not = |inner| Condition::Not(Box::new(inner));
        for empty in [
            Condition::Always,
            Condition::All(Vec::new()),
            Condition::All(vec![Condition::Always, not(none())]),
            Condition::Any(vec![some(), Condition::Always]),
            not(Condition::Any(vec![none(), not(Condition::Always)])),
            not(not(Condition::All(vec![not(none())]))),
        ] {
            assert!(empty.is_empty() && !empty.is_impossible(), "{empty:?}");
        }
        for other in [none(), some(), not(some()), Condition::Any(vec![some(), none()])] {
            assert!(!other.is_empty(), "{other:?}");
        }
    }
}
