//! SQLite: ours against parameters bound and columns read by hand.

use std::hint::black_box;

use tradebase_conformance::models::Trade;
use tradebase_core::{Put, Record, Row as _};
use tradebase_sql::codec::sqlite as ours;
use tradebase_sql::codec::sqlite::rusqlite::{Connection, Statement};

use crate::hand::sqlite::{bind_one, read_one};
use crate::measure::{Figures, compare};

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database in memory");
    let create = ours::create(Trade::TABLE).expect("a statement");
    connection.execute_batch(&create).expect("the table is made");
    connection
}

#[inline(never)]
fn write_ours(rows: &[Trade], statement: &mut Statement<'_>, scratch: &mut Vec<u8>) {
    for row in rows {
        row.write(&mut ours::BindSink::new(statement, scratch)).expect("the rows are valid");
    }
}

#[inline(never)]
fn write_raw(rows: &[Trade], statement: &mut Statement<'_>) {
    for row in rows {
        bind_one(row, statement).expect("the rows are valid");
    }
}

#[inline(never)]
fn read_ours(statement: &mut Statement<'_>, out: &mut Vec<Trade>) {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().expect("a row") {
        out.push(Trade::read(&mut ours::RowSource::new(row)).expect("we wrote it"));
    }
}

#[inline(never)]
fn read_raw(statement: &mut Statement<'_>, out: &mut Vec<Trade>) {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().expect("a row") {
        out.push(read_one(row).expect("we wrote it"));
    }
}

/// Struct to bound parameters; the statement is not run.
pub fn write(rows: &[Trade]) -> Figures {
    let connection = database();
    let prepare = || connection.prepare(ours::insert(Trade::TABLE)).expect("a statement");
    let (mut a, mut b, mut scratch) = (prepare(), prepare(), Vec::new());
    compare(
        rows.len(),
        || write_ours(black_box(rows), &mut a, &mut scratch),
        || write_raw(black_box(rows), &mut b),
    )
}

/// Rows to structs, the steps of the statement included on both sides.
pub fn read(rows: &[Trade]) -> Figures {
    let connection = database();
    let mut insert = connection.prepare(ours::insert(Trade::TABLE)).expect("a statement");
    for row in rows {
        bind_one(row, &mut insert).expect("the rows are valid");
        insert.raw_execute().expect("the row is stored");
    }
    let prepare = || connection.prepare(ours::select(Trade::TABLE)).expect("a statement");
    let (mut a, mut b) = (prepare(), prepare());
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.id);
    super::compare_reads(&sorted, |out| read_ours(&mut a, out), |out| read_raw(&mut b, out))
}
