//! How long SQLite's log grows while others read.

use crate::common;
use std::fs;
use std::path::PathBuf;

use common::SqliteStore;
use tradebase_core::Record;
use tradebase_sql::{Durability, Sql, SqlOptions};

/// With so many bytes of log, readers are waited for, so that it can begin anew.
const LOG_BYTES: u64 = 64 << 20;
/// Bytes of a write.
const WRITE_BYTES: usize = 1 << 20;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "pages")]
struct Page {
    #[record(key)]
    id: i64,
    text: String,
}

fn log(store: &SqliteStore) -> u64 {
    let path = PathBuf::from(format!("{}-wal", store.path().display()));
    fs::metadata(path).map_or(0, |log| log.len())
}

async fn opened(store: &SqliteStore) -> Sql {
    let options = SqlOptions::new(store.url()).durability(Durability::Relaxed);
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Page>().await.unwrap();
    // More than a stream reads ahead.
    let small: Vec<_> = (0..10_000).map(|id| Page { id: -1 - id, text: String::new() }).collect();
    sql.insert_many(&small).await.unwrap();
    sql
}

/// Writes the same page again and again.
async fn write(sql: &Sql, times: usize) {
    for n in 0..times {
        let text = char::from(b'a' + u8::try_from(n % 26).unwrap()).to_string();
        let page = Page { id: 1, text: text.repeat(WRITE_BYTES) };
        sql.upsert(&page, &tradebase_sql::Conflict::replace()).await.unwrap();
    }
}

mod sqlite {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_grew_under_a_long_read_is_cut_back_when_the_read_ends() {
        let store = SqliteStore::new().await;
        let sql = opened(&store).await;
        let mut stream = sql.stream::<Page>().await.unwrap();
        assert!(stream.next().await.unwrap().is_some());
        write(&sql, 80).await;
        assert!(log(&store) > LOG_BYTES, "the read keeps it: {}", log(&store));
        drop(stream);
        write(&sql, 80).await;
        assert!(log(&store) <= LOG_BYTES, "{}", log(&store));
        sql.close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_stays_bounded_while_one_read_follows_the_other() {
        let store = SqliteStore::new().await;
        let sql = opened(&store).await;
        // At any moment one of two reads is open.
        let reads = {
            let sql = sql.clone();
            tokio::spawn(async move {
                let mut open = sql.stream::<Page>().await.unwrap();
                loop {
                    open.next().await.unwrap();
                    let mut next = sql.stream::<Page>().await.unwrap();
                    next.next().await.unwrap();
                    open = next;
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            })
        };
        let mut most = 0;
        for _ in 0..30 {
            write(&sql, 10).await;
            most = most.max(log(&store));
        }
        reads.abort();
        // 300 MiB were written.
        assert!(most <= 2 * LOG_BYTES, "{most}");
        _ = reads.await;
        sql.close().await.unwrap();
    }
}
