//! Filters from JSON.

use tradebase_core::json::{Cell, Scanner, value_of};
use tradebase_core::{Code, Error, Kind, Result, Table, Value};

use super::filter::{
    DynamicFilter, FILTER_VALUES_MAX, Node, Op, check_level, check_terms, too_much,
};
use super::names::{position, shown};

/// Bytes of a filter that is written as JSON, at most.
pub const FILTER_BYTES_MAX: usize = 1 << 20;

impl DynamicFilter {
    /// A filter from JSON: an object with `column`, `op` and `value`, or one with `and`, `or` or
    /// `not`. Lists stand in `value` as arrays; `"ignore_case": true` is for patterns. Values
    /// have the form in which [`json`](tradebase_core::json) has records, and every digit of a
    /// decimal is kept.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::DynamicFilter;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// let filter = DynamicFilter::from_json(
    ///     Bot::TABLE,
    ///     r#"{"and": [
    ///         {"column": "name", "op": "starts_with", "value": "trend"},
    ///         {"not": {"column": "id", "op": "in", "value": [1, 2, 3]}}
    ///     ]}"#,
    /// )?;
    /// # _ = filter;
    /// # Ok::<(), tradebase_core::Error>(())
    /// ```
    pub fn from_json(table: &'static Table, text: &str) -> Result<Self> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(too_much(format!("a filter has at most {FILTER_BYTES_MAX} bytes")));
        }
        let mut reader = Reader { table, terms: 0 };
        let mut scanner = Scanner::new(text.as_bytes());
        let filter = reader.filter(scanner.value().map_err(no_json)?, 0)?;
        if scanner.at_end() { Ok(filter) } else { Err(bad("there is more behind the filter")) }
    }
}

struct Reader {
    table: &'static Table,
    terms: usize,
}

/// The members of an object that a filter may have.
#[derive(Default)]
struct Members<'a> {
    column: Option<Cell<'a>>,
    op: Option<Cell<'a>>,
    value: Option<Cell<'a>>,
    ignore_case: Option<Cell<'a>>,
    and: Option<Cell<'a>>,
    or: Option<Cell<'a>>,
    not: Option<Cell<'a>>,
}

impl Reader {
    fn filter(&mut self, cell: Cell<'_>, level: usize) -> Result<DynamicFilter> {
        check_level(level)?;
        let members = members(cell)?;
        match members {
            Members {
                and: Some(list),
                or: None,
                not: None,
                column: None,
                op: None,
                value: None,
                ignore_case: None,
            } => self.list(list, level).map(DynamicFilter::all),
            Members {
                or: Some(list),
                and: None,
                not: None,
                column: None,
                op: None,
                value: None,
                ignore_case: None,
            } => self.list(list, level).map(DynamicFilter::any),
            Members {
                not: Some(inner),
                and: None,
                or: None,
                column: None,
                op: None,
                value: None,
                ignore_case: None,
            } => self.filter(inner, level + 1).map(|filter| !filter),
            Members {
                column: Some(column),
                op: Some(op),
                value,
                ignore_case,
                and: None,
                or: None,
                not: None,
            } => self.term(&text(column)?, &text(op)?, value, ignore_case),
            _ => Err(bad("a filter is an object with column, op and value, or and, or, or not")),
        }
    }

    fn list(&mut self, cell: Cell<'_>, level: usize) -> Result<Vec<DynamicFilter>> {
        elements(cell, |cell| self.filter(cell, level + 1))
    }

    fn term(
        &mut self,
        name: &str,
        word: &str,
        value: Option<Cell<'_>>,
        ignore_case: Option<Cell<'_>>,
    ) -> Result<DynamicFilter> {
        self.terms += 1;
        check_terms(self.terms)?;
        let column = &self.table.columns[position(self.table, name)?];
        let read = |cell: Cell<'_>| match cell {
            // A JSON column is never compared; its null is that of the database here.
            Cell::Null => Ok(Value::Null),
            cell => value_of(column, cell),
        };
        let values = match (Op::of(name, word)?, value) {
            (Op::Null(_), None) => Vec::new(),
            (Op::In | Op::Between, Some(cell)) => elements(cell, read)?,
            (Op::Like(_), Some(cell)) if matches!(column.kind, Kind::Text { .. }) => {
                vec![Value::Text(text(cell)?)]
            }
            (_, Some(cell)) => vec![read(cell)?],
            (_, None) => Vec::new(),
        };
        let ignores_case = match ignore_case {
            None => false,
            Some(Cell::Bool(ignores)) => ignores,
            Some(_) => return Err(bad("ignore_case is true or false")),
        };
        let (column, op) = (name.to_owned(), word.to_owned());
        Ok(DynamicFilter(Node::Term { column, op, values, ignores_case }))
    }
}

fn members(cell: Cell<'_>) -> Result<Members<'_>> {
    let Cell::Nested(raw) = cell else { return Err(bad("a filter is an object")) };
    let mut scanner = Scanner::new(raw);
    if !scanner.eat(b'{') {
        return Err(bad("a filter is an object"));
    }
    let (mut members, mut first) = (Members::default(), true);
    while let Some(name) = scanner.member(first).map_err(no_json)? {
        first = false;
        let place = match name.as_ref() {
            "column" => &mut members.column,
            "op" => &mut members.op,
            "value" => &mut members.value,
            "ignore_case" => &mut members.ignore_case,
            "and" => &mut members.and,
            "or" => &mut members.or,
            "not" => &mut members.not,
            other => return Err(bad(&format!("a filter has no member {:?}", shown(other)))),
        };
        if place.replace(scanner.value().map_err(no_json)?).is_some() {
            return Err(bad(&format!("a member stands there twice: {name}")));
        }
    }
    Ok(members)
}

fn elements<T>(cell: Cell<'_>, mut read: impl FnMut(Cell<'_>) -> Result<T>) -> Result<Vec<T>> {
    let Cell::Nested(raw) = cell else { return Err(bad("a list is an array")) };
    let mut scanner = Scanner::new(raw);
    if !scanner.eat(b'[') {
        return Err(bad("a list is an array"));
    }
    let mut found = Vec::new();
    while scanner.element(found.is_empty()).map_err(no_json)? {
        if found.len() == FILTER_VALUES_MAX {
            return Err(bad(&format!("a list has at most {FILTER_VALUES_MAX} values")));
        }
        found.push(read(scanner.value().map_err(no_json)?)?);
    }
    Ok(found)
}

fn text(cell: Cell<'_>) -> Result<String> {
    static TEXT: tradebase_core::Column = tradebase_core::Column::new("text", Kind::TEXT, false);
    match value_of(&TEXT, cell) {
        Ok(Value::Text(text)) => Ok(text),
        _ => Err(bad("column, op and a pattern are texts")),
    }
}

#[cold]
fn bad(message: &str) -> Error {
    Error::new(Code::Invalid, message)
}

#[cold]
fn no_json(error: Error) -> Error {
    bad("the filter is not JSON, or too deep").because(error)
}
