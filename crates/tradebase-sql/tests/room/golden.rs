//! Stored bytes stay what they are: the files under `golden` were written by an earlier version.

#![cfg(feature = "postgres")]

use crate::common;
use std::fmt::Write;

use common::records::{Account, Event, Order, Remark, Venue, bare, full};
use common::{SqliteStore, golden, read_golden, url};
use tradebase_core::{Put, Record, Row, Table};
use tradebase_sql::Sql;
use tradebase_sql::codec::postgres::{
    ArraySink, Arrays, BindSink, CopySink, Scratch, Tuple, copy_end, copy_header, read_header,
    read_tuple,
};
use tradebase_sql::codec::{postgres, sqlite};
use tradebase_testkit::{TempFolder, sqlite3};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

const TABLES: [fn() -> &'static Table; 5] =
    [|| Event::TABLE, || Venue::TABLE, || Remark::TABLE, || Account::TABLE, || Order::TABLE];

#[test]
fn sqlite_tables_are_created_as_before() {
    let all: String = TABLES.iter().map(|table| sqlite::create(table()).unwrap() + "\n").collect();
    golden("sqlite_tables.sql", &all);
}

#[test]
fn postgres_tables_are_created_as_before() {
    let all: String =
        TABLES.iter().map(|table| postgres::create(table()).unwrap() + "\n").collect();
    golden("postgres_tables.sql", &all);
}

/// Type and bytes of each stored value, as a plain shell sees them.
#[tokio::test]
async fn sqlite_rows_are_stored_as_before() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.insert_many([&bare(), &full()]).await.unwrap();
    let mut text = String::new();
    for column in Event::TABLE.columns {
        let name = column.name.text;
        let sql = format!("select typeof(\"{name}\"), quote(\"{name}\") from events order by id");
        let values = sqlite3(store.path(), &sql).unwrap().replace('\n', "   ");
        _ = writeln!(text, "{name:10} {values}");
    }
    golden("sqlite_rows.txt", &text);
}

/// The file itself, as the shell writes it down: tables, view, rows.
#[tokio::test]
async fn sqlite_files_of_an_earlier_version_are_read() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    store.sql.insert_many([&bare(), &full()]).await.unwrap();
    golden("sqlite_file.sql", &(sqlite3(store.path(), ".dump").unwrap() + "\n"));
    let folder = TempFolder::new().unwrap();
    let path = folder.file("earlier.db");
    sqlite3(&path, &read_golden("sqlite_file.sql")).unwrap();
    let sql = Sql::open(&url(&path)).await.unwrap();
    assert_eq!(sql.all::<Event>().await.unwrap(), [bare(), full()]);
    let view = "select pnl, at_ns from events_readable where id like '0193%'";
    let shown = sqlite3(&path, view).unwrap();
    assert_eq!(shown, "-999999999999999999.9999999999|1969-12-31T23:59:59.999999999Z");
}

#[test]
fn postgres_parameters_are_encoded_as_before() {
    let mut text = String::new();
    for event in [bare(), full()] {
        let mut scratch = Scratch::new();
        event.write(&mut BindSink::new(&mut scratch)).unwrap();
        let (mut bytes, lengths) = scratch.parts();
        assert_eq!(lengths.len(), Event::WIDTH);
        for (column, len) in Event::COLUMNS.iter().zip(lengths) {
            let value = match usize::try_from(*len) {
                Ok(len) => hex(bytes.split_off(..len).unwrap()),
                Err(_) => "null".to_owned(),
            };
            _ = writeln!(text, "{:10} {value}", column.name.text);
        }
        text.push('\n');
    }
    golden("postgres_bind.txt", &text);
}

#[test]
fn postgres_arrays_are_encoded_as_before() {
    let mut arrays = Arrays::new(Event::WIDTH);
    for event in [bare(), full()] {
        event.write(&mut ArraySink::new(&mut arrays)).unwrap();
    }
    let mut scratch = Scratch::new();
    arrays.finish(Event::COLUMNS, &mut scratch).unwrap();
    let (mut bytes, lengths) = scratch.parts();
    let mut text = String::new();
    for (column, len) in Event::COLUMNS.iter().zip(lengths) {
        let value = hex(bytes.split_off(..usize::try_from(*len).unwrap()).unwrap());
        _ = writeln!(text, "{:10} {value}", column.name.text);
    }
    golden("postgres_arrays.txt", &text);
}

#[test]
fn postgres_copies_are_written_as_before_and_read() {
    let mut bytes = Vec::new();
    copy_header(&mut bytes);
    for event in [bare(), full()] {
        event.write(&mut CopySink::new(&mut bytes, Event::COLUMNS)).unwrap();
    }
    copy_end(&mut bytes);
    let lines: Vec<_> = bytes.chunks(40).map(hex).collect();
    golden("postgres_copy.txt", &(lines.join("\n") + "\n"));

    let bytes = from_hex(&read_golden("postgres_copy.txt"));
    let mut rest = &bytes[read_header(&bytes).unwrap().unwrap()..];
    let mut found = Vec::new();
    while let Tuple::Of(mut source) = read_tuple(rest) {
        found.push(Event::read(&mut source).unwrap());
        rest = source.rest().unwrap();
    }
    assert!(matches!(read_tuple(rest), Tuple::End));
    assert_eq!(found, [bare(), full()]);
}
