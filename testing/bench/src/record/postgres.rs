//! PostgreSQL: ours against parameters, rows and COPY tuples encoded and decoded by hand.

use std::hint::black_box;

use tokio_postgres::{NoTls, Row};
use tradebase_conformance::models::Trade;
use tradebase_core::{Put, Record, Row as _};
use tradebase_sql::codec::postgres as ours;

use crate::hand::Broken;
use crate::hand::postgres::{Bytes, Tuple, bind_one, copy_one, read_copy_one, read_row_one};
use crate::measure::{Figures, compare};

#[inline(never)]
fn bind_ours(rows: &[Trade], scratch: &mut ours::Scratch) {
    for row in rows {
        scratch.clear();
        row.write(&mut ours::BindSink::new(scratch)).expect("the rows are valid");
    }
}

#[inline(never)]
fn bind_raw(rows: &[Trade], bytes: &mut Bytes) {
    for row in rows {
        bind_one(row, bytes).expect("the rows are valid");
    }
}

/// Struct to encoded parameters.
pub fn write_bind(rows: &[Trade]) -> Figures {
    let (mut scratch, mut bytes) = (ours::Scratch::new(), Bytes::default());
    for row in rows {
        bind_ours(std::slice::from_ref(row), &mut scratch);
        bind_raw(std::slice::from_ref(row), &mut bytes);
        let same = scratch.parts() == (&bytes.bytes[..], &bytes.lengths[..]);
        assert!(same, "both sides encode the same parameters");
    }
    compare(
        rows.len(),
        || bind_ours(black_box(rows), &mut scratch),
        || bind_raw(black_box(rows), &mut bytes),
    )
}

#[inline(never)]
fn copy_ours(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        row.write(&mut ours::CopySink::new(out, Trade::COLUMNS)).expect("the rows are valid");
    }
}

#[inline(never)]
fn copy_raw(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        copy_one(row, out).expect("the rows are valid");
    }
}

/// Struct to COPY's tuples.
pub fn write_copy(rows: &[Trade]) -> Figures {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    copy_ours(rows, &mut a);
    copy_raw(rows, &mut b);
    assert_eq!(a, b, "both sides write the same bytes");
    compare(
        rows.len(),
        || {
            a.clear();
            copy_ours(black_box(rows), &mut a);
        },
        || {
            b.clear();
            copy_raw(black_box(rows), &mut b);
        },
    )
}

#[inline(never)]
fn read_copy_ours(mut bytes: &[u8], out: &mut Vec<Trade>) {
    while let ours::Tuple::Of(mut source) = ours::read_tuple(bytes) {
        out.push(Trade::read(&mut source).expect("we wrote it"));
        bytes = source.rest().expect("we wrote it");
    }
}

#[inline(never)]
fn read_copy_raw(bytes: &[u8], out: &mut Vec<Trade>) -> Result<(), Broken> {
    let mut tuple = Tuple(bytes);
    while i16::from_be_bytes(tuple.take()?) == 12 {
        out.push(read_copy_one(&mut tuple)?);
    }
    Ok(())
}

/// COPY's tuples to structs.
pub fn read_copy(rows: &[Trade]) -> Figures {
    let mut bytes = Vec::new();
    copy_raw(rows, &mut bytes);
    ours::copy_end(&mut bytes);
    super::compare_reads(
        rows,
        |out| read_copy_ours(&bytes, out),
        |out| read_copy_raw(&bytes, out).expect("we wrote it"),
    )
}

#[inline(never)]
fn read_row_ours(rows: &[Row], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(Trade::read(&mut ours::RowSource::new(row)).expect("we wrote it"));
    }
}

#[inline(never)]
fn read_row_raw(rows: &[Row], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(read_row_one(row).expect("we wrote it"));
    }
}

/// Rows of the driver, from a real server.
async fn fetch(url: &str, rows: &[Trade]) -> Result<Vec<Row>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driving = tokio::spawn(connection);
    client.batch_execute("DROP TABLE IF EXISTS trades").await?;
    client.batch_execute(&ours::create(Trade::TABLE).expect("a statement")).await?;
    let insert = client.prepare(ours::insert(Trade::TABLE)).await?;
    let mut scratch = ours::Scratch::new();
    for row in rows {
        bind_ours(std::slice::from_ref(row), &mut scratch);
        client.execute_raw(&insert, scratch.params()).await?;
    }
    let found = client.query(ours::select(Trade::TABLE), &[]).await?;
    drop(client);
    driving.await.expect("the connection ends")?;
    Ok(found)
}

/// Rows of the driver to structs.
pub fn read_row(rows: &[Trade]) -> Figures {
    let url = std::env::var(super::SERVER).expect("the bench hands its workers a server");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let found = runtime.block_on(fetch(&url, rows)).expect("the server answers");
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.id);
    super::compare_reads(&sorted, |out| read_row_ours(&found, out), |out| read_row_raw(&found, out))
}
