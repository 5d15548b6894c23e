//! Inserting rows, or doing with the stored ones what the caller says.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tradebase_core::{Code, Column, Error, Got, Kind, Record, Result, Roles, Source, Table};

use super::array::ArraySink;
use super::assigned::{Kin, kin};
use super::bulk::{STATEMENT_ROWS_MAX, fill, run_group};
use super::connection::Connection;
use super::error::from_postgres;
use super::gets::cells_of;
use super::lease::Group;
use super::many::there;
use super::place::run;
use super::scratch::{BindSink, Scratch};
use super::source::RowSource;
use super::staging::{Staging, put};
use super::store::Store;
use super::texts::{in_order, texts};
use super::types::array_of;
use super::upsert;
use crate::call::Call;
use crate::conflict::{Landed, Plan, Upserted};
use crate::entry::{self, Entry};
use crate::error::{placed, twice};
use crate::naming::{list, words};
use crate::schema;

/// Rows of a statement from which they go by COPY and a temporary table. That takes about 3 ms
/// more and then less per row, against UNNEST: at 1,000 rows 1.4 times as long, at 3,000 as long,
/// at 10,000 rows 0.9 times (9.7 µs a row against 11.2, where all of them are new).
const STAGED_ROWS_MIN: usize = 5_000;

/// What tells how an upsert ended.
static INSERTED: Column = Column::new("inserted", Kind::Bool, false);

impl Store {
    /// Inserts a row, or does with the stored one what the plan says.
    pub(crate) async fn upsert<E: Entry>(
        &self,
        call: &Call<'_>,
        row: &E,
        plan: &Plan,
    ) -> Result<Landed> {
        let lease = self.lease(call).await?;
        if row.reads_back() {
            // A stored row that cannot be read undoes what is written of it.
            return run_group!(lease, (c, group) => c.upsert_whole(group, call, row, plan).await);
        }
        run!(lease, c => c.upsert(call, row, plan).await)
    }

    /// The same with many rows, all or none.
    pub(crate) async fn upsert_many<T: Record>(
        &self,
        call: &Call<'_>,
        rows: &[&T],
        plan: &Plan,
    ) -> Result<Vec<Landed>> {
        let on = if plan.on.is_empty() { T::TABLE.key } else { plan.on.as_slice() };
        let alike = alike(rows, on)?;
        let ways = Ways::new(T::TABLE, plan, on);
        // Behind PgBouncer a temporary table would be left to another client, or be missing.
        let stages = !self.pool().address().pgbouncer;
        let is_staged = stages && rows.len() >= STAGED_ROWS_MIN;
        call.runs_own(if is_staged { &ways.keyed.staged } else { &ways.keyed.unnest });
        let lease = self.lease(call).await?;
        let stage = Stage { open: stages, fresh: !lease.is_shared() };
        run_group!(lease, (c, group) => c.upsert_all(group, rows, &alike, &ways, stage).await)
    }
}

/// What is known of the temporary table of a call.
#[derive(Clone, Copy, Debug)]
struct Stage {
    /// Whether it may be used.
    open: bool,
    /// Whether it has not been used in the transaction.
    fresh: bool,
}

/// The statements of an upsert of many rows.
struct Ways<'a> {
    /// The columns in which two rows are the same.
    on: &'a [usize],
    /// For rows that bring their keys.
    keyed: Way,
    /// For rows whose keys the server assigns; none if it assigns none.
    unkeyed: Option<Way>,
}

/// The statements of rows of which these columns are sent.
struct Way {
    sent: Vec<usize>,
    unnest: String,
    types: Vec<Type>,
    staging: Staging,
    staged: String,
}

impl<'a> Ways<'a> {
    fn new(table: &'static Table, plan: &Plan, on: &'a [usize]) -> Self {
        let assigned = schema::assigned(table).map(|(at, _)| at);
        let unkeyed = assigned.map(|at| Way::new(table, plan, on, Some(at)));
        Self { on, keyed: Way::new(table, plan, on, None), unkeyed }
    }
}

impl Way {
    /// The statements give the columns that tell rows apart as well.
    fn new(table: &'static Table, plan: &Plan, on: &[usize], left_out: Option<usize>) -> Self {
        let sent: Vec<_> = (0..table.columns.len()).filter(|at| Some(*at) != left_out).collect();
        let staging = Staging::new(table, &sent);
        let on: String = on.iter().map(|&at| format!(", stored.{}", list(table, [at]))).collect();
        let text = |source: &str| upsert::text(table, plan, left_out, source) + &on;
        Self {
            unnest: text(&in_order(table, &sent)),
            types: sent.iter().map(|&at| array_of(table.columns[at].kind)).collect(),
            staged: text(&staging.source),
            staging,
            sent,
        }
    }
}

/// In what each row is the same as another: the cells of these columns; none for a row that is
/// like no other. Two that are the same are refused.
fn alike<T: Record>(rows: &[&T], on: &[usize]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut scratch = Scratch::new();
    let mut alike = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        scratch.clear();
        for &column in on {
            row.put(column, &mut BindSink::new(&mut scratch)).map_err(|e| placed(at, e))?;
        }
        alike.push(if scratch.skipped() { None } else { Some(scratch.cells()) });
    }
    let has_null = |cells: &[u8]| super::array::has_null(cells);
    let mut seen = HashSet::with_capacity(rows.len());
    for (at, cells) in alike.iter().enumerate() {
        // Rows without a value are never the same.
        if let Some(cells) = cells
            && !has_null(cells)
            && !seen.insert(cells)
        {
            return Err(twice(Code::NotUnique, at, words(T::TABLE, on)));
        }
    }
    Ok(alike)
}

impl Connection {
    /// Upserts a row and reads it back, as a group.
    async fn upsert_whole<E: Entry>(
        &mut self,
        group: &Group,
        call: &Call<'_>,
        row: &E,
        plan: &Plan,
    ) -> Result<Landed> {
        self.run(Some(row.table()), group.begin).await?;
        let landed = self.upsert(call, row, plan).await?;
        self.run(Some(row.table()), group.end).await?;
        Ok(landed)
    }

    async fn upsert<E: Entry>(&mut self, call: &Call<'_>, row: &E, plan: &Plan) -> Result<Landed> {
        let table = row.table();
        let texts = texts(table);
        self.know_table(table).await?;
        self.scratch.clear();
        row.write(&mut BindSink::new(&mut self.scratch))?;
        let (left_out, types) = if self.scratch.skipped() {
            (schema::assigned(table).map(|(at, _)| at), &texts.new)
        } else {
            self.advance(row).await?;
            (None, &texts.every)
        };
        let marks: Vec<_> = (1..=types.len()).map(|i| format!("${i}")).collect();
        let source = format!("VALUES ({})", marks.join(", "));
        let (mut sql, whole) = (upsert::text(table, plan, left_out, &source), row.reads_back());
        if whole {
            sql += &upsert::whole(table);
        }
        call.runs_own(&sql);
        let statement = self.prepare(table, &sql, types, &[]).await?;
        let read = |mut row: RowSource<'_>| {
            let mut landed = landed(table, &mut row)?;
            if whole {
                landed.stored = Some(entry::cells(table, upsert::told(table), &mut row)?);
            }
            Ok(landed)
        };
        let landed = self.first(table, &statement, read).await?;
        Ok(landed.unwrap_or(KEPT))
    }

    /// Upserts rows as a group.
    async fn upsert_all<T: Record>(
        &mut self,
        group: &Group,
        rows: &[&T],
        alike: &[Option<Vec<u8>>],
        ways: &Ways<'_>,
        mut stage: Stage,
    ) -> Result<Vec<Landed>> {
        self.run(Some(T::TABLE), group.begin).await?;
        self.know_table(T::TABLE).await?;
        let mut all = Vec::with_capacity(rows.len());
        while let (Some(rest @ [_, ..]), Some(alike)) =
            (rows.get(all.len()..), alike.get(all.len()..))
        {
            let (count, way) = self.kindred(ways, rest, all.len()).await?;
            let rest = rest.get(..count).unwrap_or_default();
            let (answers, count) = self.upsert_some(way, rest, all.len(), &mut stage).await?;
            let alike = alike.get(..count).unwrap_or_default();
            tell::<T>(&answers, alike, ways.on, &mut all)?;
        }
        self.run(Some(T::TABLE), group.end).await?;
        Ok(all)
    }

    /// How many of the first rows go in one way, and in which.
    async fn kindred<'w, T: Record>(
        &mut self,
        ways: &'w Ways<'_>,
        rows: &[&T],
        from: usize,
    ) -> Result<(usize, &'w Way)> {
        let (Some((at, _)), Some(unkeyed)) = (schema::assigned(T::TABLE), &ways.unkeyed) else {
            return Ok((rows.len().min(STATEMENT_ROWS_MAX), &ways.keyed));
        };
        let Kin { count, greatest } = kin(rows, at, from)?;
        match greatest.and_then(|at| rows.get(at)) {
            None => Ok((count, unkeyed)),
            Some(greatest) => {
                self.advance(*greatest).await?;
                Ok((count, &ways.keyed))
            }
        }
    }

    /// Upserts the first of these rows, as many as fit one statement, and gives what the server
    /// says and their number.
    async fn upsert_some<T: Record>(
        &mut self,
        way: &Way,
        rows: &[&T],
        from: usize,
        stage: &mut Stage,
    ) -> Result<(Vec<Row>, usize)> {
        let failed = |e| from_postgres(&e, Some(T::TABLE));
        if rows.len() >= STAGED_ROWS_MIN && stage.open {
            stage.open = self.stage(T::TABLE, &way.staging, stage.fresh).await?;
            stage.fresh = false;
        }
        self.scratch.clear();
        let (text, types, count) = if rows.len() >= STAGED_ROWS_MIN && stage.open {
            self.copy_to_stage(T::TABLE, &way.staging, rows, &way.sent, from).await?;
            (&way.staged, [].as_slice(), rows.len())
        } else {
            let write = |_, row: &T, sink: &mut ArraySink<'_>| put(row, &way.sent, sink);
            let (arrays, count) = fill(from, rows, way.sent.len(), write)?;
            let columns = way.sent.iter().map(|&at| &T::TABLE.columns[at]);
            arrays.finish(columns, &mut self.scratch)?;
            (&way.unnest, way.types.as_slice(), count)
        };
        let statement = self.prepare(T::TABLE, text, types, &[]).await?;
        let answers = self.client.query_raw(&statement, self.scratch.params()).await;
        Ok((answers.map_err(failed)?.try_collect().await.map_err(failed)?, count))
    }
}

/// How each row ended, by what the server says, which ends with the cells in which rows are alike.
fn tell<T: Record>(
    answers: &[Row],
    alike: &[Option<Vec<u8>>],
    on: &[usize],
    all: &mut Vec<Landed>,
) -> Result<()> {
    let columns = answers.first().map_or(0, Row::len);
    let behind = columns.saturating_sub(on.len())..columns;
    let behind = || behind.clone().zip(on.iter().filter_map(|&at| T::TABLE.columns.get(at)));
    let (mut cells, complete) = (Vec::new(), answers.len() == alike.len());
    let mut answers = answers.iter().peekable();
    for alike in alike {
        // The server answers in the order of the rows, and passes over those it keeps.
        let answer = answers.next_if(|row| {
            cells_of(row, behind(), &mut cells);
            complete || alike.as_ref() == Some(&cells)
        });
        all.push(match answer {
            Some(row) => landed(T::TABLE, &mut RowSource::new(row))?,
            None => KEPT,
        });
    }
    match answers.next() {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::Internal, "the server answered in another order")),
    }
}

const KEPT: Landed =
    Landed { how: Upserted::Kept, created: None, version: None, key: None, stored: None };

/// What the server says of a row that it wrote.
fn landed(table: &Table, row: &mut RowSource<'_>) -> Result<Landed> {
    let how = match row.bool(0, &INSERTED)? {
        Got::Value(true) => Upserted::Inserted,
        _ => Upserted::Updated,
    };
    let mut landed = Landed { how, ..KEPT };
    let mut at = 1;
    if let Some((_, column)) = table.playing(Roles::CREATED) {
        landed.created = there(row.timestamp(at, column)?);
        at += 1;
    }
    if let Some((_, column)) = table.playing(Roles::VERSION) {
        landed.version = there(row.i64(at, column)?);
        at += 1;
    }
    if let Some((_, column)) = schema::assigned(table) {
        landed.key = there(row.i64(at, column)?);
    }
    Ok(landed)
}
