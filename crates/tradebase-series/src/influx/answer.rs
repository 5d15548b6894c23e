//! The JSON of an answer to a query, read as it comes and never kept as a tree.
//!
//! ```text
//! {"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","f"],
//!   "values":[[1,2]],"partial":true}],"partial":true}]}
//! ```
//!
//! With `chunked=true` such a document comes for every so many rows, one to a line; `partial`
//! says that more of the statement follows.

use tradebase_core::json::{Cell, CellSource, Scanner};
use tradebase_core::{Column, Got, Kind, Result, Source};

use crate::error;

/// What takes the rows of an answer.
pub trait Rows {
    /// The names of the cells of the rows that follow.
    fn columns(&mut self, statement: usize, names: &[Cell<'_>]) -> Result<()>;

    /// One row.
    fn row(&mut self, statement: usize, cells: &[Cell<'_>]) -> Result<()>;
}

/// How far the statements of a request are answered.
#[derive(Debug)]
pub struct Progress {
    finished: Vec<bool>,
}

impl Progress {
    /// So many statements were sent.
    pub fn new(statements: usize) -> Self {
        Self { finished: vec![false; statements] }
    }

    /// Whether every statement is answered to its end.
    pub fn is_complete(&self) -> bool {
        self.finished.iter().all(|f| *f)
    }

    fn note(&mut self, statement: usize, more: bool) -> Result<()> {
        let finished = self
            .finished
            .get_mut(statement)
            .ok_or_else(|| error::strange("a statement that was not asked"))?;
        *finished = !more;
        Ok(())
    }
}

/// Reads one document.
pub fn read(text: &[u8], progress: &mut Progress, rows: &mut impl Rows) -> Result<()> {
    let mut scanner = Scanner::new(text);
    let mut first = true;
    scanner.expect(b'{')?;
    while let Some(name) = scanner.member(first)? {
        first = false;
        match &*name {
            "results" => {
                scanner.expect(b'[')?;
                let mut first = true;
                while scanner.element(first)? {
                    first = false;
                    statement(&mut scanner, progress, rows)?;
                }
            }
            "error" => return Err(error::said(&text_of(scanner.value()?)?)),
            _ => drop(scanner.value()?),
        }
    }
    if scanner.at_end() { Ok(()) } else { Err(error::strange("more than a document")) }
}

fn statement(
    scanner: &mut Scanner<'_>,
    progress: &mut Progress,
    rows: &mut impl Rows,
) -> Result<()> {
    let (mut first, mut id, mut more) = (true, 0, false);
    scanner.expect(b'{')?;
    while let Some(name) = scanner.member(first)? {
        first = false;
        match &*name {
            "statement_id" => id = number(scanner.value()?)?,
            "series" => {
                scanner.expect(b'[')?;
                let mut first = true;
                while scanner.element(first)? {
                    first = false;
                    series(scanner, id, rows)?;
                }
            }
            "partial" => more = scanner.value()? == Cell::Bool(true),
            "error" => return Err(error::said(&text_of(scanner.value()?)?)),
            _ => drop(scanner.value()?),
        }
    }
    progress.note(id, more)
}

fn series(scanner: &mut Scanner<'_>, id: usize, rows: &mut impl Rows) -> Result<()> {
    let (mut first, mut width) = (true, None);
    let mut cells = Vec::new();
    scanner.expect(b'{')?;
    while let Some(name) = scanner.member(first)? {
        first = false;
        match &*name {
            "columns" => {
                list(scanner, &mut cells)?;
                rows.columns(id, &cells)?;
                width = Some(cells.len());
            }
            "values" => {
                let width = width.ok_or_else(|| error::strange("rows before their columns"))?;
                scanner.expect(b'[')?;
                let mut first = true;
                while scanner.element(first)? {
                    first = false;
                    list(scanner, &mut cells)?;
                    if cells.len() != width {
                        return Err(error::strange("a row that is not as wide as its columns"));
                    }
                    rows.row(id, &cells)?;
                }
            }
            _ => drop(scanner.value()?),
        }
    }
    Ok(())
}

/// The elements of an array, into a list that is used again.
fn list<'a>(scanner: &mut Scanner<'a>, cells: &mut Vec<Cell<'a>>) -> Result<()> {
    cells.clear();
    scanner.expect(b'[')?;
    while scanner.element(cells.is_empty())? {
        cells.push(scanner.value()?);
    }
    Ok(())
}

fn number(cell: Cell<'_>) -> Result<usize> {
    let Cell::Number(token) = cell else { return Err(error::strange("no number")) };
    std::str::from_utf8(token)
        .ok()
        .and_then(|token| token.parse().ok())
        .ok_or_else(|| error::strange("no number"))
}

/// The text of a cell, with its escapes resolved.
pub fn text_of(cell: Cell<'_>) -> Result<String> {
    static ANY: Column = Column::new("text", Kind::TEXT, false);
    match CellSource::new(cell).text(0, &ANY)? {
        Got::Value(text) => Ok(text.to_owned()),
        Got::Null | Got::Absent => Err(error::strange("no text")),
    }
}

/// The member `error` of a document that has one.
pub fn error_member(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner::new(text);
    let mut first = true;
    scanner.expect(b'{').ok()?;
    while let Some(name) = scanner.member(first).ok()? {
        first = false;
        let value = scanner.value().ok()?;
        if name == "error" {
            return text_of(value).ok();
        }
    }
    None
}
