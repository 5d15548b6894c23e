//! What an engine promises: one per file and process, typed errors, nothing kept open.
#![allow(missing_docs)]

mod common;

use std::fs;
use std::sync::Barrier;

use common::{given_file, second_process};
use tradebase_core::{Code, Error, Result};
use tradebase_duckdb::{Engine, MEMORY, OpenOptions};
use tradebase_testkit::TempFolder;

fn open(path: impl AsRef<std::path::Path>) -> Result<Engine> {
    Engine::open(path, OpenOptions::new())
}

fn sql(engine: &Engine, text: &str) -> Result<()> {
    engine.raw(|connection| connection.execute_batch(text))
}

fn number(engine: &Engine, text: &str) -> Result<i64> {
    engine.raw(|connection| connection.query_row(text, [], |row| row.get(0)))
}

#[test]
fn duckdb_two_opens_of_one_file_share_one_engine() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("shared.duckdb");
    let first = open(&file).unwrap();
    sql(&first, "CREATE TABLE t AS SELECT 42 AS n").unwrap();
    fs::create_dir(folder.file("sub")).unwrap();
    let link = folder.file("link.duckdb");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [file.clone(), folder.file("sub/../shared.duckdb"), link] {
        let other = open(&path).unwrap();
        assert_eq!(other.path(), first.path());
        assert_eq!(number(&other, "SELECT n FROM t").unwrap(), 42);
        assert!(!other.close().unwrap(), "another handle is open");
    }
    assert!(first.close().unwrap(), "the last handle closes");
    assert_eq!(number(&open(&file).unwrap(), "SELECT n FROM t").unwrap(), 42);
}

#[test]
fn duckdb_one_file_with_two_sets_of_options_is_refused() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("options.duckdb");
    let first = open(&file).unwrap();
    let error = Engine::open(&file, OpenOptions::new().threads(1)).unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
    drop(first);
    let engine = Engine::open(&file, OpenOptions::new().threads(1).memory_bytes_max(1 << 28));
    let engine = engine.unwrap();
    assert_eq!(number(&engine, "SELECT current_setting('threads')").unwrap(), 1);
}

#[test]
fn duckdb_every_memory_is_its_own() {
    let (one, two) = (open(MEMORY).unwrap(), open(MEMORY).unwrap());
    sql(&one, "CREATE TABLE t (a INTEGER)").unwrap();
    assert_eq!(sql(&two, "SELECT * FROM t").unwrap_err().code(), Code::SchemaMismatch);
    assert_eq!(one.path(), None);
}

#[test]
fn duckdb_a_file_held_by_another_process_is_locked() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("held.duckdb");
    let engine = open(&file).unwrap();
    sql(&engine, "CREATE TABLE t AS SELECT 1 AS n").unwrap();
    let output = second_process("duckdb_second_process_finds_it_locked", &file);
    assert!(output.status.success(), "{output:?}");
    assert!(engine.close().unwrap());
    let output = second_process("duckdb_second_process_finds_it_free", &file);
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "runs as the second process of another test"]
fn duckdb_second_process_finds_it_locked() {
    for options in [OpenOptions::new(), OpenOptions::new().read_only(true)] {
        let error = Engine::open(given_file(), options).unwrap_err();
        assert_eq!(error.code(), Code::FileLocked, "{error}");
        assert!(error.is_unavailable() && error.is_retryable());
        assert!(error.to_string().contains("held.duckdb"), "{error}");
    }
}

#[test]
#[ignore = "runs as the second process of another test"]
fn duckdb_second_process_finds_it_free() {
    let engine = Engine::open(given_file(), OpenOptions::new().read_only(true)).unwrap();
    assert_eq!(number(&engine, "SELECT n FROM t").unwrap(), 1);
}

#[test]
fn duckdb_what_is_no_database_is_told_from_what_is_locked() {
    let folder = TempFolder::new().unwrap();
    let broken = folder.file("broken.duckdb");
    fs::write(&broken, "no database ".repeat(2_000)).unwrap();
    for path in [broken, folder.file("missing/x.duckdb"), folder.path().to_path_buf()] {
        let error = open(&path).unwrap_err();
        assert_eq!(error.code(), Code::StorageFailed, "{error}");
        assert_eq!(error.operation(), Some("open"));
    }
    let absent = folder.file("absent.duckdb");
    let error = Engine::open(&absent, OpenOptions::new().read_only(true)).unwrap_err();
    assert_eq!(error.code(), Code::StorageFailed, "{error}");
    // A failed open leaves the file free to be opened otherwise.
    assert!(open(&absent).unwrap().close().unwrap());
}

#[test]
fn duckdb_a_read_only_file_cannot_be_written() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("readonly.duckdb");
    sql(&open(&file).unwrap(), "CREATE TABLE t AS SELECT 1 AS n").unwrap();
    let engine = Engine::open(&file, OpenOptions::new().read_only(true)).unwrap();
    assert_eq!(number(&engine, "SELECT n FROM t").unwrap(), 1);
    assert!(sql(&engine, "INSERT INTO t VALUES (2)").is_err());
    assert!(engine.close().unwrap());
}

#[test]
fn duckdb_threads_that_open_and_close_one_file_lose_nothing() {
    const THREADS: usize = 6;
    const ROUNDS: usize = 15;
    let folder = TempFolder::new().unwrap();
    let file = folder.file("busy.duckdb");
    sql(&open(&file).unwrap(), "CREATE TABLE t (n INTEGER)").unwrap();
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..ROUNDS {
                    let engine = open(&file).unwrap();
                    sql(&engine, "INSERT INTO t VALUES (1)").unwrap();
                    engine.close().unwrap();
                }
            });
        }
    });
    let engine = open(&file).unwrap();
    let count = number(&engine, "SELECT count(*) FROM t").unwrap();
    assert_eq!(usize::try_from(count).unwrap(), THREADS * ROUNDS);
}

#[test]
fn duckdb_work_that_fails_leaves_no_transaction_behind() {
    let engine = open(MEMORY).unwrap();
    sql(&engine, "CREATE TABLE t (n INTEGER)").unwrap();
    let failed: Result<()> = engine.with(|connection| {
        connection.execute_batch("BEGIN; INSERT INTO t VALUES (1)").unwrap();
        Err(Error::new(Code::Internal, "on purpose"))
    });
    assert!(failed.is_err());
    sql(&engine, "BEGIN; INSERT INTO t VALUES (2)").unwrap();
    let count = |c: &duckdb::Connection| {
        Ok(c.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap())
    };
    assert_eq!(engine.with(count).unwrap(), 0);
}

#[test]
fn duckdb_downloads_nothing_and_keeps_utc() {
    let engine = open(MEMORY).unwrap();
    let error = sql(&engine, "SELECT * FROM 's3://bucket/file.parquet'").unwrap_err();
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    let zone: String = engine
        .raw(|c| c.query_row("SELECT current_setting('TimeZone')", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(zone, "UTC");
}

#[test]
fn duckdb_errors_of_a_real_database_have_our_codes() {
    let engine = open(MEMORY).unwrap();
    sql(&engine, "CREATE TABLE p (a INTEGER PRIMARY KEY, b INTEGER NOT NULL CHECK (b > 0))")
        .unwrap();
    sql(&engine, "CREATE TABLE c (a INTEGER REFERENCES p (a)); INSERT INTO p VALUES (1, 1)")
        .unwrap();
    for (text, code) in [
        ("SELEC 1", Code::Syntax),
        ("SELECT nope(1)", Code::Syntax),
        ("SELECT a, sum(b) FROM p", Code::Syntax),
        ("SELECT * FROM nope", Code::SchemaMismatch),
        ("SELECT nope FROM p", Code::SchemaMismatch),
        ("INSERT INTO p VALUES (1, 2)", Code::NotUnique),
        ("INSERT INTO p VALUES (2, NULL)", Code::Invalid),
        ("INSERT INTO p VALUES (2, -1)", Code::Invalid),
        ("INSERT INTO c VALUES (9)", Code::BrokenReference),
        ("SELECT CAST('abc' AS INTEGER)", Code::QueryFailed),
        ("SELECT 9223372036854775807::BIGINT + 1", Code::QueryFailed),
        ("SELECT error('boom')", Code::QueryFailed),
        ("COMMIT", Code::TransactionFailed),
        ("SELECT * FROM read_csv('/nope/nope.csv')", Code::StorageFailed),
        ("SET memory_limit = '10MB'; SELECT list(range) FROM range(9000000)", Code::StorageFull),
    ] {
        let error = sql(&engine, text).expect_err(text);
        assert_eq!(error.code(), code, "{text}: {error}");
    }
}

#[test]
fn duckdb_a_failed_open_names_the_file_and_what_to_do() {
    let folder = TempFolder::new().unwrap();
    let broken = folder.file("broken.duckdb");
    fs::write(&broken, "no database ".repeat(2_000)).unwrap();
    let absent = folder.file("absent.duckdb");
    let (read_only, plain) = (OpenOptions::new().read_only(true), OpenOptions::new());
    for (path, options, advice) in [
        (&broken, &plain, "name another or move it away"),
        (&folder.file("missing/x.duckdb"), &plain, "make it first"),
        (&folder.path().to_path_buf(), &plain, "name a file in it"),
        (&absent, &read_only, "write it first"),
    ] {
        let text = Engine::open(path, options.clone()).unwrap_err().to_string();
        let named = if path.ends_with("missing/x.duckdb") { path.parent().unwrap() } else { path };
        assert!(text.contains(advice) && text.contains(&*named.to_string_lossy()), "{text}");
    }
    assert!(!absent.exists());
}

#[test]
fn duckdb_a_file_that_cannot_be_written_whole_is_not_left_behind() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("cut.duckdb");
    let own = std::env::current_exe().unwrap();
    let test = "duckdb_second_process_may_write_two_kilobytes";
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""])
        .arg(own)
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(common::FILE_VARIABLE, &file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
#[ignore = "runs as the second process of another test"]
fn duckdb_second_process_may_write_two_kilobytes() {
    let error = open(given_file()).unwrap_err();
    assert_eq!(error.code(), Code::StorageFull, "{error}");
    assert!(error.to_string().contains("cut.duckdb"), "{error}");
}

#[test]
fn duckdb_writes_to_a_file_for_reading_only_say_so() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("readonly.duckdb");
    sql(&open(&file).unwrap(), "CREATE TABLE t AS SELECT 1 AS n").unwrap();
    let engine = Engine::open(&file, OpenOptions::new().read_only(true)).unwrap();
    for text in ["INSERT INTO t VALUES (2)", "CREATE TABLE u (n INTEGER)", "DROP TABLE t"] {
        let error = sql(&engine, text).unwrap_err();
        assert_eq!(error.code(), Code::Unsupported, "{text}: {error}");
        assert!(error.to_string().contains("open for reading only"), "{error}");
    }
    assert_eq!(engine.check_writable().unwrap_err().code(), Code::Unsupported);
}
