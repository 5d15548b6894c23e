//! Rules that values must keep to, and the sink that checks them.

use std::fmt;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::column::Column;
use crate::decimal;
use crate::error::{Code, Error, Result, Violations};
use crate::field::Field;
use crate::row::{Put, Record};
use crate::sink::Sink;
use crate::source::{Got, Source};
use crate::time::{Date, Timestamp, TimestampNs};
use crate::value::Value;

/// A rule of a column. Null keeps to every rule: whether it may be null is the type's business.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// Characters of a text, or bytes, both ends included.
    Length {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A number between two bounds, both included.
    Range {
        /// The smallest.
        min: Option<Bound>,
        /// The largest.
        max: Option<Bound>,
    },
    /// A text that the whole of a regular expression matches.
    Pattern(&'static Pattern),
    /// A text with the form of an e-mail address.
    Email,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// A bound as it was written, exact: 0.05 is 5 units at scale 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The digits without the point.
    pub units: i128,
    /// The digits after the point.
    pub scale: u8,
    /// The same as a float, for columns of floats.
    pub float: f64,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::text(self.units, self.scale))
    }
}

/// A regular expression, compiled on first use; the derive has checked that it can be.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern of that text; it must match a value from start to end.
    pub const fn new(text: &'static str) -> Self {
        Self { text, regex: OnceLock::new() }
    }

    /// The text of the expression.
    pub fn as_str(&self) -> &'static str {
        self.text
    }

    fn matches(&self, value: &str) -> Result<bool> {
        let anchored = || Regex::new(&format!("^(?:{})$", self.text)).ok();
        match self.regex.get_or_init(anchored) {
            Some(regex) => Ok(regex.is_match(value)),
            None => Err(Error::new(Code::Internal, format!("not a pattern: {}", self.text))),
        }
    }
}

/// Checks a row against all its rules and limits; the error names every field at fault.
///
/// ```
/// # use tradebase_core::{rule, Decimal, Record};
/// #[derive(Record)]
/// #[record(table = "quotes")]
/// struct Quote {
///     #[record(key, length(1..=8))]
///     symbol: String,
///     #[record(decimal(18, 8), min = 0)]
///     price: Decimal,
/// }
/// let quote = Quote { symbol: String::new(), price: Decimal::from(-1) };
/// let error = rule::check(&quote).unwrap_err();
/// assert_eq!(error.violations().len(), 2);
/// ```
#[inline]
pub fn check<T: Put>(row: &T) -> Result<()> {
    match row.write(&mut Checker) {
        Ok(()) => {
            let mut found = Violations::new();
            row.check_in(T::COLUMNS, &mut found);
            found.into_result()
        }
        Err(_) => gather(row),
    }
}

/// Checks one value against its column: kind, limits and rules, as its type does if that is known.
pub fn check_value(column: &'static Column, value: &Value) -> Result<()> {
    let label = |text: &str| {
        let message = format!("must be one of {}, is {text:?}", column.labels.join(", "));
        Err(Error::refused(column, "one_of", message))
    };
    match (value, column.check) {
        (Value::Text(text), _) if column.closed && !column.labels.contains(&text.as_str()) => {
            label(text)
        }
        (Value::Null, _) | (_, None) => value.put(column, &mut Checker),
        (value, Some(check)) => match (check(column, value), value) {
            (Err(error), Value::Text(text))
                if error.code() == Code::Unreadable && !column.labels.is_empty() =>
            {
                label(text)
            }
            (checked, _) => checked,
        },
    }
    .map_err(|error| error.refusing(column))
}

/// What a field's type says to a value that is not null.
pub fn check_field<F: Field>(column: &'static Column, value: &Value) -> Result<()> {
    match value.read_with(|source| F::take(0, column, source))? {
        Got::Value(field) => field.put(column, &mut Checker),
        Got::Null | Got::Absent => Ok(()),
    }
}

/// What a type of serde says to a value that is not null.
pub fn check_json<T: DeserializeOwned>(column: &'static Column, value: &Value) -> Result<()> {
    value.read_with(|source| source.json::<T>(0, column))?;
    value.put(column, &mut Checker)
}

/// What the rules of a record find in a row that is known as values.
pub fn check_values<T: Record>(values: &[Value]) -> Result<Violations> {
    let mut found = Violations::new();
    if let Err(error) = check(&Value::read::<T>(values)?) {
        found.absorb(error)?;
    }
    Ok(found)
}

/// The slow way: every column on its own, so that all faults are seen.
#[cold]
#[inline(never)]
fn gather<T: Put>(row: &T) -> Result<()> {
    let mut found = Violations::new();
    for (i, column) in T::COLUMNS.iter().enumerate() {
        if let Err(error) = row.put(i, &mut Checker) {
            found.absorb(error.column(column.name.text))?;
        }
    }
    row.check_in(T::COLUMNS, &mut found);
    found.into_result()
}

/// The error of a failed write, with every field at fault if it was a refused value.
///
/// Writing stops at the first refused value; this looks at the others too.
#[cold]
pub fn explain<T: Put>(row: &T, error: Error) -> Error {
    if error.violations().is_empty() {
        return error;
    }
    gather(row).err().unwrap_or(error)
}

/// A sink that keeps nothing and refuses what breaks a rule.
#[derive(Debug)]
pub struct Checker;

impl Checker {
    fn length(column: &'static Column, count: usize, unit: &str) -> Result<()> {
        for rule in column.rules {
            if let Rule::Length { min, max } = *rule
                && !(min as usize..=max as usize).contains(&count)
            {
                let message = if max == u32::MAX {
                    format!("must have at least {min} {unit}, has {count}")
                } else {
                    format!("must have {min} to {max} {unit}, has {count}")
                };
                return Err(Error::refused(column, "length", message));
            }
        }
        Ok(())
    }

    fn range(
        column: &'static Column,
        value: &dyn fmt::Display,
        below: impl Fn(Bound) -> bool,
        above: impl Fn(Bound) -> bool,
    ) -> Result<()> {
        for rule in column.rules {
            let Rule::Range { min, max } = *rule else { continue };
            let refuse = |side: &str, bound: Bound| {
                let message = format!("must be at {side} {bound}, is {value}");
                Err(Error::refused(column, "range", message))
            };
            match (min, max) {
                (Some(min), _) if below(min) => return refuse("least", min),
                (_, Some(max)) if above(max) => return refuse("most", max),
                _ => {}
            }
        }
        Ok(())
    }

    fn exact(column: &'static Column, units: i128, scale: u8) -> Result<()> {
        // Both sides at the finer scale; what does not fit there is larger than any value.
        let order = |bound: Bound| {
            let fine = scale.max(bound.scale);
            let ours = decimal::units_at(units, scale.into(), fine).unwrap_or(units);
            let limit = decimal::units_at(bound.units, bound.scale.into(), fine);
            ours.cmp(&limit.unwrap_or(if bound.units < 0 { i128::MIN } else { i128::MAX }))
        };
        let text = decimal::text(units, scale);
        Self::range(column, &text, |b| order(b).is_lt(), |b| order(b).is_gt())
    }

    fn texts(column: &'static Column, value: &str) -> Result<()> {
        Self::length(column, value.chars().count(), "characters")?;
        for rule in column.rules {
            let (name, message) = match rule {
                Rule::Pattern(pattern) if !pattern.matches(value)? => {
                    ("pattern", format!("must match {}, is {value:?}", pattern.as_str()))
                }
                Rule::Email if !is_email(value) => {
                    ("email", format!("must be an e-mail address, is {value:?}"))
                }
                Rule::OneOf(texts) if !texts.contains(&value) => {
                    ("one_of", format!("must be one of {}, is {value:?}", texts.join(", ")))
                }
                _ => continue,
            };
            return Err(Error::refused(column, name, message));
        }
        Ok(())
    }
}

/// One `@`, something before it, a dot inside what follows, no blanks.
fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let labels = || host.split('.');
    !user.is_empty()
        && user.len() <= 64
        && text.len() <= 254
        && labels().count() >= 2
        && labels().all(|l| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-'))
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && !user.starts_with('.')
        && !user.ends_with('.')
        && !user.contains("..")
        && !user.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\"\\".contains(c))
}

impl Sink for Checker {
    fn bool(&mut self, _: &'static Column, _: bool) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        if column.rules.is_empty() { Ok(()) } else { Self::exact(column, value.into(), 0) }
    }

    fn f64(&mut self, column: &'static Column, value: f64) -> Result<()> {
        Self::range(column, &value, |b| value < b.float, |b| value > b.float)
    }

    #[inline]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        let scale = column.kind.scale();
        if column.rules.is_empty() { Ok(()) } else { Self::exact(column, units, scale) }
    }

    #[inline]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        if column.rules.is_empty() { Ok(()) } else { Self::texts(column, value) }
    }

    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        Self::length(column, value.len(), "bytes")
    }

    fn uuid(&mut self, _: &'static Column, _: Uuid) -> Result<()> {
        Ok(())
    }

    fn timestamp(&mut self, _: &'static Column, _: Timestamp) -> Result<()> {
        Ok(())
    }

    fn timestamp_ns(&mut self, _: &'static Column, _: TimestampNs) -> Result<()> {
        Ok(())
    }

    fn date(&mut self, _: &'static Column, _: Date) -> Result<()> {
        Ok(())
    }

    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        crate::json::render(column, value, &mut Vec::new())
    }

    fn null(&mut self, _: &'static Column) -> Result<()> {
        Ok(())
    }

    fn skip(&mut self, _: &'static Column) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn email_addresses_are_told_from_others() {
        for good in ["a@b.io", "first.last+tag@sub.example.org", "ü@exämple.de"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "a", "@b.io", "a@", "a@b", "a b@c.io", "a@b..io", "a@@b.io", ".a@b.io", "a@-b.io"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
