//! Stores of a test's own, on both engines.

#![allow(dead_code, unreachable_pub)]

pub mod levels;
pub mod model;
pub mod records;

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;

use tradebase_sql::{Sql, SqlText};
use tradebase_testkit::TempFolder;
#[cfg(feature = "postgres")]
use tradebase_testkit::{Database, Postgres};

/// A SQLite file in a folder of its own.
pub struct SqliteStore {
    pub sql: Sql,
    folder: TempFolder,
}

impl SqliteStore {
    pub async fn new() -> Self {
        let folder = TempFolder::new().unwrap();
        let sql = Sql::open(&url(&folder.file("test.db"))).await.unwrap();
        Self { sql, folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.file("test.db")
    }

    pub fn url(&self) -> String {
        url(&self.path())
    }
}

/// The address of a SQLite file.
pub fn url(path: &std::path::Path) -> String {
    format!("sqlite://{}", path.display())
}

/// A statement that the test puts together.
pub fn built(text: impl Into<String>) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}

/// A database of a PostgreSQL.
#[cfg(feature = "postgres")]
pub struct PostgresStore {
    pub sql: Sql,
    pub database: Database,
}

#[cfg(feature = "postgres")]
impl PostgresStore {
    pub async fn new() -> Self {
        let database = Postgres::shared().database();
        let sql = Sql::open(&database.url()).await.unwrap();
        Self { sql, database }
    }

    pub fn url(&self) -> String {
        self.database.url()
    }
}

/// Promises that both engines keep: each becomes one test per engine.
#[macro_export]
macro_rules! promises {
    ($(async fn $name:ident($sql:ident: &Sql) $body:block)+) => {
        $(async fn $name($sql: &Sql) $body)+

        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let store = super::common::SqliteStore::new().await;
                super::$name(&store.sql).await;
                store.sql.clone().close().await.unwrap();
            })+
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let store = super::common::PostgresStore::new().await;
                super::$name(&store.sql).await;
                store.sql.clone().close().await.unwrap();
            })+
        }
    };
}

/// Promises of stores that are opened at an address where nothing is yet.
#[macro_export]
macro_rules! addressed {
    ($(async fn $name:ident($url:ident: &str) $body:block)+) => {
        $(async fn $name($url: &str) $body)+

        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tradebase_testkit::TempFolder::new().unwrap();
                super::$name(&super::common::url(&folder.file("late.db"))).await;
            })+
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let database = tradebase_testkit::Postgres::shared().database();
                super::$name(&database.url()).await;
            })+
        }
    };
}

/// Numbers that look random and are the same in each run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        (self.next() >> 11) % most
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.below(3) == 0 { None } else { Some(value(self)) }
    }
}

/// Compares with a file under `tests/golden`. A missing one is written, to be looked at and kept.
#[track_caller]
pub fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let Ok(kept) = std::fs::read_to_string(&path) else {
        std::fs::write(&path, actual).unwrap();
        panic!("a golden file was missing and is written now, look at it: {}", path.display());
    };
    assert_eq!(kept, actual, "stored bytes differ from those of an earlier version: {name}");
}

/// What a golden file holds.
pub fn read_golden(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Lets a future run until it waits.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}
