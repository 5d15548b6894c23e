//! Reading a range of time back.

use reqwest::{Method, Response};
use tradebase_core::json::Cell;
use tradebase_core::{Code, Column, Error, Kind, Record, Result, Roles, Table};

use super::answer::{self, Progress, Rows, text_of};
use super::{Influx, quote};
use crate::error;
use crate::plan::Plan;
use crate::source::RowSource;

/// The statement that asks how fields are stored, and the one that asks for the rows.
const FIELDS: usize = 0;
const ROWS: usize = 1;

impl Influx {
    /// All records of the range, by time.
    pub async fn read<T: Record>(&self, plan: &'static Plan, range: (i64, i64)) -> Result<Vec<T>> {
        self.connect().await?;
        let statements = self.statements(T::TABLE, plan, range);
        let rows_max = self.options.read_rows_max.to_string();
        let query = [
            ("q", statements.as_str()),
            ("db", self.options.database.as_str()),
            ("epoch", "ns"),
            ("chunked", "true"),
            ("chunk_size", rows_max.as_str()),
        ];
        let response = match self.send(self.request(Method::GET, "/query", &query)).await {
            // A kept connection that the server closed meanwhile. Reading twice does no harm.
            Err(failed) if failed.code() == Code::ConnectionLost => {
                self.send(self.request(Method::GET, "/query", &query)).await?
            }
            response => response?,
        };
        let status = response.status().as_u16();
        if status != 200 {
            let body = self.small(response).await?;
            return Err(error::failure(status, &error::words(&body)));
        }
        self.rows(response, Reader::<T>::new(plan)).await
    }

    /// Takes the answer line by line. Never fewer rows than there are: an answer that does not
    /// come to its end is an error.
    async fn rows<T: Record>(
        &self,
        mut response: Response,
        mut reader: Reader<T>,
    ) -> Result<Vec<T>> {
        let mut progress = Progress::new(2);
        let mut waiting = Vec::new();
        while let Some(piece) = self.within(response.chunk()).await? {
            let mut piece = piece.as_ref();
            // No line break stands inside JSON text, so this one ends a document.
            while let Some(end) = piece.iter().position(|b| *b == b'\n') {
                let (line, rest) = (&piece[..end], &piece[end + 1..]);
                waiting.extend_from_slice(line);
                answer::read(&waiting, &mut progress, &mut reader)?;
                waiting.clear();
                piece = rest;
            }
            waiting.extend_from_slice(piece);
            if waiting.len() > self.options.read_bytes_max {
                return Err(too_large(self.options.read_bytes_max));
            }
        }
        if waiting.iter().any(|b| !b.is_ascii_whitespace()) || !progress.is_complete() {
            return Err(error::cut());
        }
        Ok(reader.rows)
    }

    /// Names and casts are explicit: `*` gives columns of any order, and a bare name may be a tag
    /// or a field.
    fn statements(&self, table: &Table, plan: &Plan, (first, last): (i64, i64)) -> String {
        let mut text = String::from("SHOW FIELD KEYS ON ");
        quote::identifier(&mut text, &self.options.database);
        text.push_str(" FROM ");
        if let Some(policy) = &self.options.retention_policy {
            quote::identifier(&mut text, policy);
            text.push('.');
        }
        quote::identifier(&mut text, plan.name);
        text.push_str("; SELECT ");
        for (i, column) in table.columns.iter().filter(|c| !c.is(Roles::TIME)).enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            quote::identifier(&mut text, column.name.text);
            text.push_str(if column.is(Roles::TAG) { "::tag" } else { "::field" });
        }
        text.push_str(" FROM ");
        quote::identifier(&mut text, &self.options.database);
        text.push('.');
        if let Some(policy) = &self.options.retention_policy {
            quote::identifier(&mut text, policy);
        }
        text.push('.');
        quote::identifier(&mut text, plan.name);
        text.push_str(&format!(" WHERE time >= {first} AND time <= {last}"));
        text
    }
}

/// Takes the rows of both statements.
struct Reader<T> {
    plan: &'static Plan,
    /// The cell of each column, by position; found once per block of rows.
    places: Vec<Option<usize>>,
    rows: Vec<T>,
}

impl<T: Record> Reader<T> {
    fn new(plan: &'static Plan) -> Self {
        Self { plan, places: Vec::new(), rows: Vec::new() }
    }
}

impl<T: Record> Rows for Reader<T> {
    fn columns(&mut self, statement: usize, names: &[Cell<'_>]) -> Result<()> {
        if statement != ROWS {
            return Ok(());
        }
        let names = names.iter().map(|name| text_of(*name)).collect::<Result<Vec<_>>>()?;
        self.places = crate::source::places(T::TABLE, &names);
        if self.places.iter().any(Option::is_none) {
            return Err(error::strange("a column is missing that was asked for"));
        }
        Ok(())
    }

    fn row(&mut self, statement: usize, cells: &[Cell<'_>]) -> Result<()> {
        match (statement, cells) {
            (FIELDS, [name, kind]) => check_field(T::TABLE, &text_of(*name)?, &text_of(*kind)?),
            (ROWS, _) => {
                let mut source = RowSource::new(self.plan, cells, &self.places);
                self.rows.push(T::read(&mut source)?);
                Ok(())
            }
            _ => Err(error::strange("a row that was not asked for")),
        }
    }
}

/// Refuses what is stored otherwise than the record says.
///
/// A field may have several types, one for each shard; the server then gives one of them, and
/// nulls for the values of the others. Without this those values would be missing in silence.
fn check_field(table: &'static Table, name: &str, stored: &str) -> Result<()> {
    let Some(column) = table.columns.iter().find(|c| c.name.text == name) else { return Ok(()) };
    if column.is(Roles::TIME) {
        return Ok(());
    }
    if column.is(Roles::TAG) {
        return Err(mismatch(column, &format!("a field of the type {stored}"), "a tag"));
    }
    let expected = stored_type(column);
    if expected == stored { Ok(()) } else { Err(mismatch(column, stored, expected)) }
}

/// The server's type of a column's field.
fn stored_type(column: &Column) -> &'static str {
    match column.kind {
        Kind::Bool => "boolean",
        Kind::F64 => "float",
        Kind::I16 | Kind::I32 | Kind::I64 | Kind::Timestamp | Kind::TimestampNs => "integer",
        _ => "string",
    }
}

#[cold]
fn mismatch(column: &Column, stored: &str, expected: &str) -> Error {
    let message = format!("the series holds another type than {expected}: {stored}");
    Error::new(Code::SchemaMismatch, message).column(column.name.text)
}

#[cold]
fn too_large(most: usize) -> Error {
    let message = format!(
        "a piece of the answer is larger than may be kept: lower `read_rows_max`, or raise \
         `read_bytes_max`, which is {most}"
    );
    Error::new(Code::StorageFull, message)
}

/// Reads one document as the answer to the second statement; for tests.
pub fn read_document<T: Record>(text: &[u8]) -> Result<Vec<T>> {
    let mut reader = Reader::new(Plan::of(T::TABLE)?);
    answer::read(text, &mut Progress::new(2), &mut reader)?;
    Ok(reader.rows)
}
