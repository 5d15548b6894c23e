//! Conditions and orders as SQL. Values become parameters, never text.
//!
//! Both engines use the same three-valued logic for what is rendered here: a comparison with null
//! is neither true nor false, and a list of no values matches nothing, null or not.

use std::fmt::Write;

use tradebase_core::{Code, Column, Comparison, Condition, Error, Kind, Result, Table, Value};

use crate::limits::FILTER_DEPTH_MAX;
use crate::naming::quoted;

/// Where an engine keeps the values of a find.
pub(crate) trait Parameters {
    /// What stands before a parameter's number.
    const MARK: char;

    /// Adds a value.
    fn one(&mut self, column: &'static Column, value: &Value) -> Result<()>;

    /// Adds a list of values as one parameter.
    fn many(&mut self, column: &'static Column, values: &[Value]) -> Result<()>;

    /// Adds a number of rows.
    fn rows(&mut self, rows: u64) -> Result<()>;

    /// The test for a column's being in the list that is parameter `number`.
    fn in_list(out: &mut String, column: &str, number: usize);

    /// The order of one column, nulls included.
    fn order(out: &mut String, column: &'static Column, name: &str, down: bool);
}

/// A find, rendered: its text and its parameters.
pub(crate) struct Renderer<P> {
    pub(crate) text: String,
    pub(crate) parameters: P,
    table: &'static Table,
    count: usize,
}

impl<P: Parameters> Renderer<P> {
    /// A find that begins with that text.
    pub(crate) fn new(table: &'static Table, select: &str, parameters: P) -> Self {
        Self { text: select.to_owned(), parameters, table, count: 0 }
    }

    /// Adds what must hold.
    pub(crate) fn condition(&mut self, condition: &Condition) -> Result<()> {
        if !matches!(condition, Condition::Always) {
            self.text.push_str(" WHERE ");
            self.term(condition, 0)?;
        }
        Ok(())
    }

    /// Adds the order. Rows that are equal in it come in the order of the key, in the direction
    /// of the last column, so that one index serves both and pages do not overlap.
    pub(crate) fn order(&mut self, orders: &[(usize, bool)]) -> Result<()> {
        let Some(&(_, last)) = orders.last() else { return Ok(()) };
        let by_key = self.table.key.iter().filter(|at| orders.iter().all(|(have, _)| have != *at));
        let all: Vec<_> = orders.iter().copied().chain(by_key.map(|&at| (at, last))).collect();
        for (i, (at, down)) in all.into_iter().enumerate() {
            let column = self.column(at)?;
            comparable(column)?;
            self.text.push_str(if i == 0 { " ORDER BY " } else { ", " });
            P::order(&mut self.text, column, &quoted(column.name.text), down);
        }
        Ok(())
    }

    /// Adds the most rows that are wanted.
    pub(crate) fn limit(&mut self, rows: u32) -> Result<()> {
        self.rows("LIMIT", rows.into())
    }

    /// Adds how many rows are passed over. Behind a limit: SQLite wants one there.
    pub(crate) fn offset(&mut self, rows: u64) -> Result<()> {
        self.rows("OFFSET", rows)
    }

    fn rows(&mut self, word: &str, rows: u64) -> Result<()> {
        self.parameters.rows(rows)?;
        self.count += 1;
        _ = write!(self.text, " {word} {}{}", P::MARK, self.count);
        Ok(())
    }

    fn column(&self, at: usize) -> Result<&'static Column> {
        let missing = || Error::new(Code::Internal, format!("a filter names no column: {at}"));
        self.table.columns.get(at).ok_or_else(missing)
    }

    fn term(&mut self, condition: &Condition, depth: usize) -> Result<()> {
        if depth > FILTER_DEPTH_MAX {
            let message = format!("a filter nests its conditions at most {FILTER_DEPTH_MAX} deep");
            return Err(Error::new(Code::Unsupported, message));
        }
        match condition {
            Condition::Always => self.text.push_str("TRUE"),
            Condition::Compare { at, how, value } => self.compare(*at, *how, value)?,
            Condition::OneOf { at, values } => self.one_of(*at, values)?,
            Condition::Null { at, null } => {
                let name = quoted(self.column(*at)?.name.text);
                let test = if *null { "IS NULL" } else { "IS NOT NULL" };
                _ = write!(self.text, "{name} {test}");
            }
            Condition::All(terms) => self.join(terms, " AND ", "TRUE", depth)?,
            Condition::Any(terms) => self.join(terms, " OR ", "FALSE", depth)?,
            Condition::Not(inner) => {
                self.text.push_str("NOT (");
                self.term(inner, depth + 1)?;
                self.text.push(')');
            }
            _ => return Err(Error::new(Code::Unsupported, "a condition of an unknown kind")),
        }
        Ok(())
    }

    fn join(&mut self, terms: &[Condition], between: &str, none: &str, depth: usize) -> Result<()> {
        if terms.is_empty() {
            self.text.push_str(none);
            return Ok(());
        }
        self.text.push('(');
        for (i, term) in terms.iter().enumerate() {
            if i > 0 {
                self.text.push_str(between);
            }
            self.term(term, depth + 1)?;
        }
        self.text.push(')');
        Ok(())
    }

    fn compare(&mut self, at: usize, how: Comparison, value: &Value) -> Result<()> {
        let column = self.column(at)?;
        comparable(column)?;
        let sign = match how {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        };
        self.parameters.one(column, value)?;
        self.count += 1;
        let name = quoted(column.name.text);
        _ = write!(self.text, "{name} {sign} {}{}", P::MARK, self.count);
        Ok(())
    }

    fn one_of(&mut self, at: usize, values: &[Value]) -> Result<()> {
        let column = self.column(at)?;
        comparable(column)?;
        if values.is_empty() {
            self.text.push_str("FALSE");
            return Ok(());
        }
        self.parameters.many(column, values)?;
        self.count += 1;
        P::in_list(&mut self.text, &quoted(column.name.text), self.count);
        Ok(())
    }
}

/// JSON is text on one engine and a tree on the other: equality and order would differ.
fn comparable(column: &'static Column) -> Result<()> {
    if column.kind == Kind::Json {
        let message = "a JSON column can only be compared with null: the engines differ in what \
                       equal JSON is";
        return Err(Error::new(Code::Unsupported, message).column(column.name.text));
    }
    Ok(())
}
