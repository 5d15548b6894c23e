//! How far a stream reads ahead of who takes its rows, and that it never ends too early in silence.

use crate::common;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tradebase_core::{Code, Column, Field, Got, Kind, Record, Result, Sink, Source};
use tradebase_sql::{STREAM_CHUNK_ROWS, Sql};

/// A number that counts how often it is read from a store.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted<const ENGINE: usize>(i64);

static READS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

impl<const ENGINE: usize> Field for Counted<ENGINE> {
    const KIND: Kind = Kind::I64;

    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        sink.i64(column, self.0)
    }

    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        READS[ENGINE].fetch_add(1, Ordering::SeqCst);
        Ok(match source.i64(at, column)? {
            Got::Value(number) => Got::Value(Self(number)),
            Got::Null => Got::Null,
            Got::Absent => Got::Absent,
        })
    }
}

macro_rules! ticks {
    ($name:ident, $engine:literal) => {
        #[derive(Record, Clone, Debug, PartialEq)]
        #[record(table = "ticks")]
        struct $name {
            #[record(key)]
            id: i64,
            number: Counted<$engine>,
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self { id, number: Counted(id) }
            }
        }
    };
}
ticks!(TickOnSqlite, 0);
ticks!(TickOnPostgres, 1);

const ROWS: i64 = 20_000;

/// Reads so far, once there are no more of them.
async fn settled(engine: usize) -> usize {
    let mut before = usize::MAX;
    loop {
        let now = READS[engine].load(Ordering::SeqCst);
        if now == before {
            return now;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The table has [`ROWS`] rows.
async fn reads_ahead<T: Record>(sql: &Sql, engine: usize) {
    let chunk = usize::try_from(STREAM_CHUNK_ROWS).unwrap();
    let begun = READS[engine].load(Ordering::SeqCst);
    let mut stream = sql.stream::<T>().await.unwrap();
    let mut taken = 0;
    for take in [1, 10, chunk, 3 * chunk + 7] {
        for _ in 0..take {
            assert!(stream.next().await.unwrap().is_some());
        }
        taken += take;
        // The chunk that is being taken from, one that waits, and one that has no room yet.
        let held = settled(engine).await - begun - taken;
        assert!(held <= 3 * chunk, "{held} rows are held after {taken} were taken");
        assert!(held >= chunk, "{held} rows are read ahead");
    }
    drop(stream);
    let all = settled(engine).await - begun;
    assert!(all < usize::try_from(ROWS).unwrap(), "the rest is not read: {all}");
}

/// A number that panics when it is read from a store, if it is [`LOST`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Brittle(i64);

/// Neither in the first chunk nor in the last.
const LOST: i64 = 2_500;

impl Field for Brittle {
    const KIND: Kind = Kind::I64;

    fn put<S: Sink>(&self, column: &'static Column, sink: &mut S) -> Result<()> {
        sink.i64(column, self.0)
    }

    fn take<R: Source>(at: usize, column: &'static Column, source: &mut R) -> Result<Got<Self>> {
        let got = source.i64(at, column)?.map(Self);
        assert!(got != Got::Value(Self(LOST)), "on purpose");
        Ok(got)
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "shards")]
struct Shard {
    #[record(key)]
    id: i64,
    number: Brittle,
}

/// A reading that panics at [`LOST`] is an error of its stream, and the store goes on.
async fn is_broken_off(sql: &Sql) {
    sql.create_table::<Shard>().await.unwrap();
    let rows: Vec<_> = (0..5_000).map(|id| Shard { id, number: Brittle(id) }).collect();
    sql.insert_many(&rows).await.unwrap();
    let mut stream = sql.stream::<Shard>().await.unwrap();
    let mut taken = 0;
    let error = loop {
        match stream.next().await {
            Ok(Some(row)) => taken += i64::from(row.id == taken),
            Ok(None) => panic!("it ends after {taken} rows as if these were all"),
            Err(error) => break error,
        }
    };
    assert!(taken <= LOST, "{taken}");
    assert_eq!((error.code(), error.record()), (Code::ConnectionLost, Some("Shard")));
    assert!(error.to_string().contains("rows are missing"), "{error}");
    assert!(stream.next().await.unwrap().is_none());
    let mut all = sql.find().filter(Shard::ID.gt(LOST)).stream().await.unwrap();
    for row in rows.iter().filter(|row| row.id > LOST) {
        assert_eq!(all.next().await.unwrap().as_ref(), Some(row));
    }
    assert!(all.next().await.unwrap().is_none());
}

mod sqlite {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_is_broken_off_ends_with_an_error() {
        is_broken_off(&common::SqliteStore::new().await.sql).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stream_reads_a_bounded_number_of_rows_ahead() {
        let store = common::SqliteStore::new().await;
        store.sql.create_table::<TickOnSqlite>().await.unwrap();
        let rows: Vec<_> = (0..ROWS).map(TickOnSqlite::from).collect();
        store.sql.insert_many(&rows).await.unwrap();
        reads_ahead::<TickOnSqlite>(&store.sql, 0).await;
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_is_broken_off_ends_with_an_error() {
        is_broken_off(&common::PostgresStore::new().await.sql).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stream_reads_a_bounded_number_of_rows_ahead() {
        let store = common::PostgresStore::new().await;
        store.sql.create_table::<TickOnPostgres>().await.unwrap();
        let rows: Vec<_> = (0..ROWS).map(TickOnPostgres::from).collect();
        store.sql.insert_many(&rows).await.unwrap();
        reads_ahead::<TickOnPostgres>(&store.sql, 1).await;
    }
}
