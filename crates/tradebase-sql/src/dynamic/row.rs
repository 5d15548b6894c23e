//! A row whose columns are known only at run time.

use std::borrow::Cow;

use serde_json::Map;
use tradebase_core::{Code, Column, Error, Result, Table, Value, Violation, Violations, json};

use super::names::unknown_column;

/// A row as values by name, in order: what [`Dynamic`](super::Dynamic) takes and gives.
///
/// ```
/// # use tradebase_core::{Decimal, Record, Value};
/// # use tradebase_sql::DynamicRow;
/// #[derive(Record)]
/// #[record(table = "prices")]
/// struct Price {
///     #[record(key)]
///     symbol: String,
///     #[record(decimal(28, 18))]
///     price: Decimal,
/// }
/// let text = r#"{"symbol":"BTC/USDT","price":0.123456789012345678}"#;
/// let row = DynamicRow::from_json(Price::TABLE, text)?;
/// assert_eq!(row.get("price"), Some(&Value::Decimal(123_456_789_012_345_678, 18)));
/// assert_eq!(row.to_json(), text);
/// # Ok::<(), tradebase_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DynamicRow {
    cells: Vec<(Cow<'static, str>, Value)>,
}

impl DynamicRow {
    /// A row without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same row with that column.
    #[must_use]
    pub fn with(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(column, value);
        self
    }

    /// Sets a column; one that is there already keeps its place.
    pub fn set(&mut self, column: impl Into<String>, value: impl Into<Value>) {
        let column = column.into();
        match self.cells.iter_mut().find(|(name, _)| *name == column) {
            Some((_, old)) => *old = value.into(),
            None => self.cells.push((column.into(), value.into())),
        }
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }

    /// Takes a column out.
    pub fn remove(&mut self, column: &str) -> Option<Value> {
        let at = self.cells.iter().position(|(name, _)| name == column)?;
        Some(self.cells.remove(at).1)
    }

    /// The columns and their values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.cells.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Its values, in order.
    pub fn into_values(self) -> Vec<Value> {
        self.cells.into_iter().map(|(_, value)| value).collect()
    }

    /// A row of a table from a value per column, in their order.
    pub fn from_values(table: &'static Table, values: Vec<Value>) -> Result<Self> {
        if values.len() != table.columns.len() {
            let (want, has) = (table.columns.len(), values.len());
            let message = format!("{} has {want} columns, the row has {has} values", table.name);
            return Err(Error::new(Code::Invalid, message));
        }
        Ok(Self::of(table.columns.iter().zip(values)))
    }

    /// A row of these columns.
    pub(super) fn of(cells: impl Iterator<Item = (&'static Column, Value)>) -> Self {
        let cells = cells.map(|(column, value)| (Cow::Borrowed(column.name.text), value));
        Self { cells: cells.collect() }
    }

    /// A row of a table from a JSON object, in the form in which [`json`] has its records: every
    /// digit of a decimal is kept. The error names every member that its column does not take, or
    /// that is none.
    pub fn from_json(table: &'static Table, text: &str) -> Result<Self> {
        let (mut row, mut found) = (Self::new(), Violations::new());
        let mut scanner = json::Scanner::new(text.as_bytes());
        scanner.expect(b'{').map_err(no_object)?;
        let mut first = true;
        while let Some(name) = scanner.member(first).map_err(no_object)? {
            let cell = scanner.value().map_err(no_object)?;
            first = false;
            row.add(table, &name, &mut found, |column| json::value_of(column, cell))?;
        }
        if !scanner.at_end() {
            return Err(no_object(Error::new(Code::Invalid, "there is more behind the object")));
        }
        found.into_result()?;
        Ok(row)
    }

    /// As [`from_json`](DynamicRow::from_json), of a JSON object that is parsed already. Its
    /// numbers have passed through a float, so one with a point is refused for a decimal: a text
    /// of its digits is taken.
    pub fn from_map(table: &'static Table, map: &Map<String, serde_json::Value>) -> Result<Self> {
        let (mut row, mut found) = (Self::new(), Violations::new());
        for (name, value) in map {
            row.add(table, name, &mut found, |column| {
                if column.kind.is_decimal() && value.is_f64() {
                    let message = "must be a text of its digits, because a number that is parsed \
                                   already has lost them";
                    return Err(Error::refused(column, "kind", message));
                }
                let text = value.to_string();
                json::value_of(column, json::Scanner::new(text.as_bytes()).value()?)
            })?;
        }
        found.into_result()?;
        Ok(row)
    }

    fn add(
        &mut self,
        table: &'static Table,
        name: &str,
        found: &mut Violations,
        read: impl FnOnce(&'static Column) -> Result<Value>,
    ) -> Result<()> {
        let Some(column) = table.position(name).and_then(|at| table.columns.get(at)) else {
            found.push(unknown_column(table, name));
            return Ok(());
        };
        if self.get(name).is_some() {
            found.push(Violation::new(name, "twice", "stands there twice"));
            return Ok(());
        }
        match read(column) {
            Ok(value) => self.cells.push((Cow::Borrowed(column.name.text), value)),
            Err(error) => found.absorb(error)?,
        }
        Ok(())
    }

    /// The row as a JSON object, in the form in which [`json`] has records.
    pub fn to_json(&self) -> String {
        let mut out = vec![b'{'];
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::write_value(&Value::Text(name.to_owned()), &mut out);
            out.push(b':');
            json::write_value(value, &mut out);
        }
        out.push(b'}');
        // Texts are UTF-8, and so is all that stands between them.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The row as a JSON object of values. Decimals are texts, since the numbers of such an
    /// object are floats.
    pub fn to_map(&self) -> Result<Map<String, serde_json::Value>> {
        let mut map = Map::new();
        for (name, value) in self.iter() {
            let mut text = Vec::new();
            json::write_value(value, &mut text);
            let text = String::from_utf8_lossy(&text).into_owned();
            let value = match value {
                Value::Decimal(..) => serde_json::Value::String(text),
                _ => serde_json::from_str(&text).map_err(|e| {
                    let message = "the value cannot be held as JSON";
                    Error::new(Code::Invalid, message).column(name).because(e)
                })?,
            };
            map.insert(name.to_owned(), value);
        }
        Ok(map)
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for DynamicRow {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(cells: I) -> Self {
        let mut row = Self::new();
        cells.into_iter().for_each(|(name, value)| row.set(name, value));
        row
    }
}

#[cold]
fn no_object(error: Error) -> Error {
    Error::new(Code::Invalid, "the row is no JSON object").because(error)
}
