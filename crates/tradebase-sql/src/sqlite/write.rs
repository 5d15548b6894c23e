//! One write: its statement, its values, and how it ended.

use std::sync::Arc;

use rusqlite::{Connection, Statement};
use tradebase_core::{
    Code, Error, Got, Key, Record, Result, Roles, Sink, Source, Table, Timestamp,
};

use super::blame;
use super::change;
use super::error::from_sqlite;
use super::filtered::Filtered;
use super::image::Image;
use super::sink::ValueSink;
use super::source::RowSource;
use super::upsert::{self, Landing};
use super::{fixed, statements};
use crate::call::Call;
use crate::conflict::{Landed, Plan, Upserted};
use crate::entry::Entry;
use crate::error::unassigned;
use crate::patch::Change;
use crate::schema;
use crate::sql::Updated;

/// How often an upsert looks again when another process deletes the row between its statements.
const UPSERT_ATTEMPTS: u32 = 100;

/// A write of one row, ready to be carried out by whoever has the connection.
#[derive(Debug)]
pub(crate) struct Write {
    pub(super) table: &'static Table,
    text: Text,
    image: Image,
    kind: Kind,
    /// Of which columns the first values are.
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// All, in their order.
    Row,
    /// These.
    Columns(Box<[usize]>),
    /// The key's.
    Key,
    /// None: the rows are those that pass a filter.
    Passing,
}

/// The text of a statement.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Rendered once per record.
    Fixed(&'static str),
    /// Rendered for one shape of it.
    Own(Arc<str>),
}

#[derive(Debug)]
enum Kind {
    /// Whether the database assigns the key.
    Insert {
        assigned: bool,
    },
    /// What tells a row of another version from none, where versions are counted: then the last
    /// value is the version that the row should have.
    Update {
        created: bool,
        exists: Option<Text>,
    },
    /// What changes the row that is there; none if it stays as it is. And whether the whole row
    /// comes back.
    Upsert {
        update: Option<Text>,
        whole: bool,
    },
    Delete,
    /// Of the rows that pass a filter, whose parameters it has.
    Filtered(Box<Filtered>),
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Done {
    /// With the key, if the database assigned it.
    Inserted(Option<i64>),
    Updated(Updated),
    Upserted(Landed),
    Deleted(bool),
    /// So many rows.
    Changed(u64),
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Text::Fixed(text) => text,
            Text::Own(text) => text,
        }
    }

    /// Notes it as the statement of a call.
    pub(super) fn note(&self, call: &Call<'_>) {
        match self {
            Text::Fixed(text) => call.runs(text),
            Text::Own(text) => call.runs_own(text),
        }
    }
}

impl Write {
    /// Inserts a row.
    pub(crate) fn insert<E: Entry>(row: &E) -> Result<Self> {
        let table = row.table();
        let text = Text::Fixed(&statements(table).insert);
        let kind = Kind::Insert { assigned: schema::assigned(table).is_some() };
        let image = image(row)?.0;
        Ok(Self { table, text, image, kind, values: Values::Row })
    }

    /// Writes all columns of a row, if it has that version.
    pub(crate) fn update<T: Record>(row: &T, version: Option<i64>) -> Result<Self> {
        let texts = statements(T::TABLE);
        let (mut image, skipped) = image(row)?;
        if skipped {
            return Err(unassigned(T::TABLE));
        }
        let exists = if texts.update_by_version {
            image.integer(version.ok_or_else(versionless)?);
            Some(Text::Fixed(&fixed(T::TABLE).exists_by_row))
        } else {
            None
        };
        let kind = Kind::Update { created: texts.update_returns_created, exists };
        let text = Text::Fixed(&texts.update);
        Ok(Self { table: T::TABLE, text, image, kind, values: Values::Row })
    }

    /// Inserts a row, or does with the one that is there what the plan says.
    pub(crate) fn upsert<E: Entry>(row: &E, plan: &Plan) -> Result<Self> {
        let table = row.table();
        let (landing, whole) = (upsert::landing(table, plan), row.reads_back());
        let landing = if whole { landing.whole(table) } else { landing };
        let Landing { insert: text, update } = landing;
        let image = image(row)?.0;
        let kind = Kind::Upsert { update, whole };
        Ok(Self { table, text, image, kind, values: Values::Row })
    }

    /// Deletes the row of a key.
    pub(crate) fn delete<K: Key>(table: &'static Table, key: &K) -> Result<Self> {
        let text = Text::Fixed(&statements(table).delete);
        let image = key_image(table, key)?;
        Ok(Self { table, text, image, kind: Kind::Delete, values: Values::Key })
    }

    /// Changes some columns of the row of a key.
    pub(super) fn patch<K: Key>(table: &'static Table, key: &K, change: &Change) -> Result<Self> {
        let mut scratch = Vec::new();
        let mut sink = ValueSink::image(&mut scratch);
        let values = put_changed(table, change, &mut sink)?;
        key.put_key(table.key_columns(), &mut sink)?;
        if sink.skipped() {
            return Err(unassigned(table));
        }
        let mut image = sink.into_image();
        if let Some(version) = change.version {
            image.integer(version);
        }
        let (text, exists) = change::texts(table, change);
        let kind = Kind::Update { created: false, exists };
        Ok(Self { table, text, image, kind, values })
    }

    /// Changes some columns of the rows that pass a filter.
    pub(super) fn update_where(
        table: &'static Table,
        change: &Change,
        filtered: Filtered,
    ) -> Result<Self> {
        // For the naming of a broken reference; the filter has them among its parameters.
        let mut scratch = Vec::new();
        let mut sink = ValueSink::image(&mut scratch);
        let values = put_changed(table, change, &mut sink)?;
        Ok(Self { values, image: sink.into_image(), ..Self::delete_where(table, filtered) })
    }

    /// Deletes the rows that pass a filter.
    pub(super) fn delete_where(table: &'static Table, filtered: Filtered) -> Self {
        let text = Text::Own(filtered.text.as_str().into());
        let (kind, image) = (Kind::Filtered(Box::new(filtered)), Image::new());
        Self { table, text, image, kind, values: Values::Passing }
    }

    /// Whether nobody knows how many rows it writes.
    pub(super) fn is_open_ended(&self) -> bool {
        matches!(self.kind, Kind::Filtered(_))
    }

    /// Notes its statement.
    pub(super) fn note(&self, call: &Call<'_>) {
        self.text.note(call);
    }

    /// The version that the stored row should have.
    pub(super) fn version(&self) -> Option<i64> {
        match self.kind {
            Kind::Update { exists: Some(_), .. } => self.image.last_integer(),
            _ => None,
        }
    }

    /// Carries it out. Nothing of it is done if that fails.
    pub(super) fn run(&self, connection: &Connection) -> Result<Done> {
        self.attempt(connection).map_err(|error| self.blamed(connection, error))
    }

    /// An error of a reference names its column, or the table that still points to the row.
    #[cold]
    fn blamed(&self, connection: &Connection, error: Error) -> Error {
        let image = &self.image;
        match &self.values {
            Values::Row => blame::of_values(connection, self.table, |at| image.value(at), error),
            Values::Columns(columns) => {
                let value = |at| image.value(columns.iter().position(|&one| one == at)?);
                blame::of_values(connection, self.table, value, error)
            }
            Values::Key => blame::of_key(connection, self.table, image, error),
            Values::Passing => match &self.kind {
                Kind::Filtered(rows) => blame::of_rows(connection, self.table, rows, error),
                _ => error,
            },
        }
    }

    fn attempt(&self, connection: &Connection) -> Result<Done> {
        match &self.kind {
            Kind::Insert { assigned: false } => {
                self.count(connection, &self.text).map(|_| Done::Inserted(None))
            }
            Kind::Insert { assigned: true } => {
                let key = self.row(connection, &self.text, |row, table| key_in(row, 0, table))?;
                Ok(Done::Inserted(Some(key.flatten().ok_or_else(no_key)?)))
            }
            Kind::Update { created, exists } => {
                self.update_row(connection, *created, exists.as_ref()).map(Done::Updated)
            }
            Kind::Upsert { update, whole } => {
                self.upsert_row(connection, update.as_ref(), *whole).map(Done::Upserted)
            }
            Kind::Delete => Ok(Done::Deleted(self.count(connection, &self.text)? > 0)),
            Kind::Filtered(rows) => rows.run(connection, self.table).map(Done::Changed),
        }
    }

    fn update_row(
        &self,
        connection: &Connection,
        created: bool,
        exists: Option<&Text>,
    ) -> Result<Updated> {
        let updated = if created {
            let made = |row: &RowSource<'_, '_>, table| created_in(row, 0, table);
            self.row(connection, &self.text, made)?.map(|created| Updated::Yes { created })
        } else {
            let count = self.count(connection, &self.text)?;
            (count > 0).then_some(Updated::Yes { created: None })
        };
        match (updated, exists) {
            (Some(updated), _) => Ok(updated),
            (None, Some(exists)) if self.row(connection, exists, |_, _| Ok(()))?.is_some() => {
                Ok(Updated::OtherVersion)
            }
            _ => Ok(Updated::Missing),
        }
    }

    /// An insert that does nothing if the row is there, and then what changes the row: each
    /// statement is whole by itself, and only one of them changes anything.
    fn upsert_row(
        &self,
        connection: &Connection,
        update: Option<&Text>,
        whole: bool,
    ) -> Result<Landed> {
        let land = |how| {
            move |row: &RowSource<'_, '_>, table| {
                let landed = upsert::landed(row, table, how)?;
                if whole { upsert::with_row(landed, row, table) } else { Ok(landed) }
            }
        };
        for _ in 0..UPSERT_ATTEMPTS {
            let inserted = self.row(connection, &self.text, land(Upserted::Inserted))?;
            if let Some(landed) = inserted {
                return Ok(landed);
            }
            let Some(update) = update else { return Ok(upsert::kept()) };
            if let Some(landed) = self.row(connection, update, land(Upserted::Updated))? {
                return Ok(landed);
            }
        }
        let message = "another process deletes the row as often as it is met";
        Err(Error::new(Code::TransactionFailed, message))
    }

    /// Runs a statement that gives no rows.
    fn count(&self, connection: &Connection, text: &Text) -> Result<usize> {
        let failed = |e| from_sqlite(&e, Some(self.table));
        let mut statement = connection.prepare_cached(text.as_str()).map_err(failed)?;
        self.image.bind(&mut statement)?;
        statement.raw_execute().map_err(failed)
    }

    /// Runs a statement that gives at most one row.
    fn row<R>(
        &self,
        connection: &Connection,
        text: &Text,
        read: impl FnOnce(&RowSource<'_, '_>, &'static Table) -> Result<R>,
    ) -> Result<Option<R>> {
        let failed = |e| from_sqlite(&e, Some(self.table));
        let mut statement = connection.prepare_cached(text.as_str()).map_err(failed)?;
        self.image.bind(&mut statement)?;
        // Else what is said to have failed would be committed: interrupted, it is rolled back, and
        // with it the transaction that it is part of.
        only_row(&mut statement, self.table, read, || connection.get_interrupt_handle().interrupt())
    }
}

/// Runs a statement that gives at most one row, to its end: it commits there, not with the row.
/// If the row cannot be read, `spoil` is called before the end.
pub(super) fn only_row<R>(
    statement: &mut Statement<'_>,
    table: &'static Table,
    read: impl FnOnce(&RowSource<'_, '_>, &'static Table) -> Result<R>,
    spoil: impl FnOnce(),
) -> Result<Option<R>> {
    let failed = |e| from_sqlite(&e, Some(table));
    let mut rows = statement.raw_query();
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let read = read(&RowSource::new(row), table);
    if read.is_err() {
        spoil();
    }
    loop {
        match rows.next() {
            Ok(Some(_)) => {}
            Ok(None) => return read.map(Some),
            // The reason is what could not be read.
            Err(error) => return read.and(Err(failed(error))),
        }
    }
}

fn put_changed(table: &'static Table, change: &Change, sink: &mut impl Sink) -> Result<Values> {
    for (at, value) in &change.values {
        value.put(&table.columns[*at], sink)?;
    }
    Ok(Values::Columns(change.values.iter().map(|(at, _)| *at).collect()))
}

/// The values of a row, and whether one was left to the database.
fn image<E: Entry>(row: &E) -> Result<(Image, bool)> {
    let mut scratch = Vec::new();
    let mut sink = ValueSink::image(&mut scratch);
    row.write(&mut sink)?;
    let skipped = sink.skipped();
    Ok((sink.into_image(), skipped))
}

/// The values of a key.
pub(super) fn key_image<K: Key>(table: &'static Table, key: &K) -> Result<Image> {
    let mut scratch = Vec::new();
    let mut sink = ValueSink::image(&mut scratch);
    key.put_key(table.key_columns(), &mut sink)?;
    if sink.skipped() { Err(unassigned(table)) } else { Ok(sink.into_image()) }
}

/// The key that the database assigned.
pub(super) fn key_in(
    row: &RowSource<'_, '_>,
    at: usize,
    table: &'static Table,
) -> Result<Option<i64>> {
    match schema::assigned(table) {
        Some((_, column)) => row.clone().i64(at, column).map(value),
        None => Ok(None),
    }
}

/// When the row was made.
pub(super) fn created_in(
    row: &RowSource<'_, '_>,
    at: usize,
    table: &'static Table,
) -> Result<Option<Timestamp>> {
    match table.playing(Roles::CREATED) {
        Some((_, column)) => row.clone().timestamp(at, column).map(value),
        None => Ok(None),
    }
}

/// What is there of a value.
pub(super) fn value<T>(got: Got<T>) -> Option<T> {
    match got {
        Got::Value(value) => Some(value),
        Got::Null | Got::Absent => None,
    }
}

#[cold]
pub(super) fn no_key() -> Error {
    Error::new(Code::Internal, "no key was assigned")
}

#[cold]
pub(super) fn versionless() -> Error {
    Error::new(Code::Internal, "a record with a version column tells no version")
}
