//! Batches: several writes in one transaction and one round trip.

use std::borrow::Cow;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tradebase_core::{Code, Error, Key, Record, Result, Roles, Sink, Source, Table, Timestamp};

use super::connection::Connection;
use super::error::{from_postgres, is_stale};
use super::flush::{Answered, Ends, Flush, Prepared};
use super::lease::Lease;
use super::many::there;
use super::outcome::{self, ASK_ERA, ASK_NUMBER, Witness};
use super::scratch::{BindSink, Scratch};
use super::source::RowSource;
use super::store::Store;
use super::texts::texts;
use super::upsert;
use crate::call::Call;
use crate::conflict::{Landed, Plan, Upserted};
use crate::error::{missing, other_version, unassigned};
use crate::naming::quoted;
use crate::schema;
use crate::together::Wrote;

/// What the server says of an update that found no row to write. The COMMIT is on its way already,
/// so the statement itself must fail: it casts this to a bool.
const UNDONE: &str = "tradebase: rows of this key ";

/// One write of a batch: its statement, and its values as bytes of our own.
pub(crate) struct Write {
    table: &'static Table,
    sql: Cow<'static, str>,
    types: &'static [Type],
    pub(super) values: Scratch,
    /// A key that the caller brought and the server would have assigned.
    pub(super) key: Option<Scratch>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Insert,
    /// With the version that is expected.
    Update(Option<i64>),
    Upsert,
    Delete,
}

impl Write {
    pub(crate) fn insert<T: Record>(row: &T) -> Result<Self> {
        let texts = texts(T::TABLE);
        let (values, key) = inserted(row)?;
        let (sql, types) = match values.skipped() {
            true => (&texts.fixed.insert_new, &texts.new),
            false => (&texts.fixed.insert, &texts.every),
        };
        let (sql, types) = (Cow::Borrowed(sql.as_str()), types.as_slice());
        Ok(Self { table: T::TABLE, sql, types, values, key, kind: Kind::Insert })
    }

    pub(crate) fn update<T: Record>(row: &T, version: Option<i64>) -> Result<Self> {
        let texts = texts(T::TABLE);
        let mut values = Scratch::new();
        let mut sink = BindSink::new(&mut values);
        row.write(&mut sink)?;
        if let Some((_, column)) = T::TABLE.playing(Roles::VERSION) {
            sink.i64(column, version.ok_or_else(versionless)?)?;
        }
        if values.skipped() {
            return Err(unassigned(T::TABLE));
        }
        let (sql, types) = (&texts.update_or_fail, &texts.update);
        let (sql, types) = (Cow::Borrowed(sql.as_str()), types.as_slice());
        Ok(Self { table: T::TABLE, sql, types, values, key: None, kind: Kind::Update(version) })
    }

    pub(crate) fn upsert<T: Record>(row: &T, plan: &Plan) -> Result<Self> {
        let texts = texts(T::TABLE);
        let (values, key) = inserted(row)?;
        let (types, left_out) = match schema::assigned(T::TABLE) {
            Some((at, _)) if values.skipped() => (&texts.new, Some(at)),
            _ => (&texts.every, None),
        };
        let marks: Vec<_> = (1..=types.len()).map(|i| format!("${i}")).collect();
        let source = format!("VALUES ({})", marks.join(", "));
        let sql = Cow::Owned(upsert::text(T::TABLE, plan, left_out, &source));
        let types = types.as_slice();
        Ok(Self { table: T::TABLE, sql, types, values, key, kind: Kind::Upsert })
    }

    pub(crate) fn delete<K: Key>(table: &'static Table, key: &K) -> Result<Self> {
        let texts = texts(table);
        let mut values = Scratch::new();
        key.put_key(table.key_columns(), &mut BindSink::new(&mut values))?;
        if values.skipped() {
            return Err(unassigned(table));
        }
        let (sql, types) = (&texts.fixed.delete, &texts.key);
        let (sql, types) = (Cow::Borrowed(sql.as_str()), types.as_slice());
        Ok(Self { table, sql, types, values, key: None, kind: Kind::Delete })
    }

    /// How it ended, from the row that came back.
    fn wrote(&self, row: Option<&Row>) -> Result<Wrote> {
        let mut source = row.map(RowSource::new);
        Ok(match self.kind {
            Kind::Insert => Wrote::Inserted(self.assigned(&mut source, 0)?),
            Kind::Update(_) => Wrote::Updated { created: self.created(&mut source, 0)? },
            Kind::Upsert => Wrote::Upserted(self.landed(row, &mut source)?),
            Kind::Delete => Wrote::Deleted,
        })
    }

    fn landed(&self, row: Option<&Row>, source: &mut Option<RowSource<'_>>) -> Result<Landed> {
        let how = match row.map(|row| row.try_get::<_, bool>(0)) {
            None => Upserted::Kept,
            Some(Ok(true)) => Upserted::Inserted,
            Some(Ok(false)) => Upserted::Updated,
            Some(Err(error)) => return Err(from_postgres(&error, Some(self.table))),
        };
        let created = self.created(source, 1)?;
        let at = 1 + usize::from(self.table.playing(Roles::CREATED).is_some());
        let version = match (source.as_mut(), self.table.playing(Roles::VERSION)) {
            (Some(source), Some((_, column))) => there(source.i64(at, column)?),
            _ => None,
        };
        let at = at + usize::from(self.table.playing(Roles::VERSION).is_some());
        Ok(Landed { how, created, version, key: self.assigned(source, at)?, stored: None })
    }

    fn created(&self, source: &mut Option<RowSource<'_>>, at: usize) -> Result<Option<Timestamp>> {
        match (source, self.table.playing(Roles::CREATED)) {
            (Some(source), Some((_, column))) => Ok(there(source.timestamp(at, column)?)),
            _ => Ok(None),
        }
    }

    fn assigned(&self, source: &mut Option<RowSource<'_>>, at: usize) -> Result<Option<i64>> {
        match (source, schema::assigned(self.table)) {
            (Some(source), Some((_, column))) => Ok(there(source.i64(at, column)?)),
            _ => Ok(None),
        }
    }

    /// How it ended if all that is known is that it took effect; none if the server has filled
    /// something in.
    fn unheard(&self) -> Option<Wrote> {
        let filled = schema::assigned(self.table).is_some();
        match self.kind {
            Kind::Insert if !filled => Some(Wrote::Inserted(None)),
            Kind::Update(_) if self.table.playing(Roles::CREATED).is_none() => {
                Some(Wrote::Updated { created: None })
            }
            Kind::Delete => Some(Wrote::Deleted),
            Kind::Insert | Kind::Update(_) | Kind::Upsert => None,
        }
    }

    /// Why the server refused it.
    #[cold]
    fn refused(&self, error: &tokio_postgres::Error) -> Error {
        let found = error.as_db_error().and_then(|error| error.message().split_once(UNDONE));
        match (self.kind, found) {
            (Kind::Update(expected @ Some(_)), Some((_, rows))) if !rows.starts_with('0') => {
                other_version(expected)
            }
            (Kind::Update(_), Some(_)) => missing(),
            _ => from_postgres(error, Some(self.table)),
        }
    }
}

/// An update that fails if it finds no row, from the one that does not.
pub(super) fn update_or_fail(table: &Table, update: &str, returns: bool) -> String {
    let by_key: Vec<_> = table
        .key
        .iter()
        .map(|&at| format!("{} = ${}", quoted(table.columns[at].name.text), at + 1))
        .collect();
    format!(
        "WITH done (made) AS ({update}{}) SELECT (SELECT made FROM done), \
         CASE WHEN EXISTS (SELECT FROM done) THEN true \
         ELSE ('{UNDONE}' || (SELECT count(*) FROM {} WHERE {}))::bool END",
        if returns { "" } else { " RETURNING true" },
        quoted(table.name),
        by_key.join(" AND "),
    )
}

fn inserted<T: Record>(row: &T) -> Result<(Scratch, Option<Scratch>)> {
    let mut values = Scratch::new();
    row.write(&mut BindSink::new(&mut values))?;
    let key = match schema::assigned(T::TABLE) {
        Some((at, _)) if !values.skipped() => {
            let mut key = Scratch::new();
            row.put(at, &mut BindSink::new(&mut key))?;
            Some(key)
        }
        _ => None,
    };
    Ok((values, key))
}

impl Store {
    /// All writes or none, in order.
    pub(crate) async fn batch(&self, call: &Call<'_>, writes: Vec<Write>) -> Result<Vec<Wrote>> {
        if let Some(first) = writes.first() {
            call.runs_own(&first.sql);
        }
        let outcome = self.batch_once(call, &writes).await;
        if call.bound.is_some() || !outcome.as_ref().is_err_and(is_stale) {
            return outcome;
        }
        // Rolled back, as a table was altered under a statement: all are prepared anew, once.
        self.pool().altered();
        self.batch_once(call, &writes).await
    }

    async fn batch_once(&self, call: &Call<'_>, writes: &[Write]) -> Result<Vec<Wrote>> {
        let mut lease = self.lease(call).await?;
        let prepared = lease.connection()?.prepare_all(writes).await;
        let statements = match prepared {
            Ok(statements) => statements,
            Err(error) => return lease.done(Err(error)),
        };
        if lease.is_shared() {
            join(lease, writes, &statements).await
        } else {
            self.commit_together(lease, writes, &statements).await
        }
    }

    /// In a transaction of their own.
    async fn commit_together(
        &self,
        mut lease: Lease,
        writes: &[Write],
        statements: &[Prepared],
    ) -> Result<Vec<Wrote>> {
        let connection = lease.connection()?;
        let begin = format!("BEGIN; {ASK_NUMBER}");
        let asks = connection.session.era.is_none();
        let ends = Ends { ahead: asks.then_some(ASK_ERA), begin: &begin, end: "COMMIT" };
        let flush = Flush::new(&connection.client, &ends, writes, statements).await;
        if asks {
            connection.session.era = flush.ahead.map(Into::into);
        }
        let era = connection.session.era.clone();
        let (judged, begun) = (judge(writes, flush.answers), flush.begun);
        let (wrote, error, number) = match (judged, begun, flush.ended) {
            (judged, Err(error), _) if !is_lost(&error) => return Err(unbegun(&judged, error)),
            (Ok(wrote), Ok(_), Ok(())) => {
                return lease.done(Ok(wrote.into_iter().flatten().collect()));
            }
            // The server has rolled all of it back, whatever became of the connection.
            (Err(Judged::Refused { error, .. }), _, Ok(())) => return lease.done(Err(error)),
            (Err(Judged::Refused { error, .. }), ..) => return Err(error),
            (Ok(_), Err(error), Ok(())) => return lease.done(Err(error)),
            (Ok(_), _, Err(error)) if !is_lost(&error) => return lease.done(Err(error)),
            (Ok(wrote), begun, Err(error)) => (wrote, error, begun),
            (Err(Judged::Lost(wrote, error)), begun, _) => (wrote, error, begun),
        };
        drop(lease);
        if !flush.sent {
            return Err(error);
        }
        let Some((number, era)) = number.ok().flatten().zip(era) else {
            return Err(outcome::unknown(error));
        };
        outcome::resolve(self.pool(), &Witness { number, era }, error).await?;
        let heard = wrote.into_iter().zip(writes);
        heard.map(|(wrote, write)| wrote.or_else(|| write.unheard()).ok_or_else(unheard)).collect()
    }
}

/// Into the transaction that is open.
async fn join(mut lease: Lease, writes: &[Write], statements: &[Prepared]) -> Result<Vec<Wrote>> {
    let group = lease.group();
    let connection = lease.connection()?;
    let ends = Ends { ahead: None, begin: group.begin, end: group.end };
    let flush = Flush::new(&connection.client, &ends, writes, statements).await;
    let error = match (judge(writes, flush.answers), flush.ended) {
        (Ok(wrote), Ok(())) => return lease.done(Ok(wrote.into_iter().flatten().collect())),
        (Err(Judged::Refused { error, .. } | Judged::Lost(_, error)), _) | (Ok(_), Err(error)) => {
            error
        }
    };
    // If this fails too, the connection is ended, and the transaction with it.
    if is_lost(&error) || connection.run(None, group.undo).await.is_ok() {
        return lease.done(Err(error));
    }
    Err(error)
}

/// What a batch came to.
enum Judged {
    /// The server refused a write.
    Refused {
        /// Whether it was the first one.
        first: bool,
        error: Error,
    },
    /// The connection was lost; with what had been heard before.
    Lost(Vec<Option<Wrote>>, Error),
}

fn judge(
    writes: &[Write],
    answers: Vec<Answered<Option<Row>>>,
) -> Result<Vec<Option<Wrote>>, Judged> {
    let mut heard = Vec::with_capacity(writes.len());
    let mut lost = None;
    for (i, (write, answer)) in writes.iter().zip(answers).enumerate() {
        let wrote = match answer {
            Ok(row) => write.wrote(row.as_ref()),
            Err(error) => Err(write.refused(&error)),
        };
        match wrote {
            Ok(wrote) => heard.push(Some(wrote)),
            Err(error) if is_lost(&error) => {
                lost.get_or_insert(error);
                heard.push(None);
            }
            Err(error) => {
                return Err(Judged::Refused { first: i == 0, error: at(i, write, error) });
            }
        }
    }
    match lost {
        None => Ok(heard),
        Some(error) => Err(Judged::Lost(heard, error)),
    }
}

/// The server refused the BEGIN, and was sent the writes already.
#[cold]
fn unbegun(judged: &Result<Vec<Option<Wrote>>, Judged>, error: Error) -> Error {
    if matches!(judged, Err(Judged::Refused { first: true, .. })) {
        return error;
    }
    let message = "the transaction of the batch did not begin, so each of its writes may have \
                   taken effect by itself";
    Error::new(Code::OutcomeUnknown, message).because(error)
}

fn is_lost(error: &Error) -> bool {
    error.code() == Code::ConnectionLost
}

impl Connection {
    /// The statements of the writes; their tables are compared with their records.
    async fn prepare_all(&mut self, writes: &[Write]) -> Result<Vec<Prepared>> {
        let mut prepared = Vec::with_capacity(writes.len());
        let mut known: Vec<&str> = Vec::new();
        for (i, write) in writes.iter().enumerate() {
            let statements = self.prepare_one(write, &mut known).await;
            prepared.push(statements.map_err(|error| at(i, write, error))?);
        }
        Ok(prepared)
    }

    async fn prepare_one(
        &mut self,
        write: &Write,
        known: &mut Vec<&'static str>,
    ) -> Result<Prepared> {
        let (table, texts) = (write.table, texts(write.table));
        if !known.contains(&table.name) {
            self.prepare(table, &texts.fixed.get, &texts.key, table.columns).await?;
            known.push(table.name);
        }
        let advance = match (&texts.advance, &write.key) {
            (Some(sql), Some(_)) => Some(self.prepare(table, sql, &[Type::INT8], &[]).await?),
            _ => None,
        };
        let write = self.prepare(table, &write.sql, write.types, &[]).await?;
        Ok(Prepared { write, advance })
    }
}

/// The same error, saying which write it is about.
#[cold]
fn at(i: usize, write: &Write, error: Error) -> Error {
    let placed = Error::new(error.code(), format!("write {} of the batch", i + 1)).of(write.table);
    let placed = match error.column_name() {
        Some(column) => placed.column(column),
        None => placed,
    };
    placed.because(error)
}

#[cold]
fn unheard() -> Error {
    let message = "the batch is committed, but the connection was lost before the server said what \
                   it has filled in: read the records again";
    Error::new(Code::OutcomeUnknown, message)
}

#[cold]
fn versionless() -> Error {
    Error::new(Code::Internal, "a record with a version column tells no version")
}
