//! Records to Arrow, to DuckDB, and back: every kind, all edges, nothing changed in silence.
#![allow(missing_docs)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Everything, decimal, edges, given_file, plain, second_process};
use duckdb::Connection;
use tradebase_core::{
    Assigned, Code, Date, Decimal, Put, Record, Result, Row, Timestamp, TimestampNs, Uuid, Value,
};
use tradebase_duckdb::arrow::array::{Array, AsArray};
use tradebase_duckdb::arrow::datatypes::DataType;
use tradebase_duckdb::{
    BatchBuilder, Engine, MEMORY, OpenOptions, append, check_table, create_table, create_table_sql,
    query, query_rows, read_all, schema,
};
use tradebase_testkit::TempFolder;

fn memory() -> Engine {
    Engine::open(MEMORY, OpenOptions::new()).unwrap()
}

fn store<T: Record>(connection: &Connection, rows: &[T]) -> Result<u64> {
    let mut builder = BatchBuilder::<T>::with_capacity(2);
    let batches = rows.chunks(2).map(|chunk| {
        chunk.iter().try_for_each(|row| builder.append(row))?;
        builder.finish()
    });
    append(connection, T::TABLE, batches)
}

fn load<T: Record>(connection: &Connection) -> Result<Vec<T>> {
    let names = tradebase_duckdb::names(T::TABLE.columns);
    let table = tradebase_duckdb::quote(T::TABLE.name);
    query_rows(connection, &format!("SELECT {names} FROM {table} ORDER BY 1"), &[])
}

fn one<R: Row>(sql: &str) -> Result<R> {
    one_with(sql, &[])
}

fn one_with<R: Row>(sql: &str, params: &[Value]) -> Result<R> {
    let mut rows = memory().with(|connection| query_rows(connection, sql, params))?;
    assert_eq!(rows.len(), 1, "{sql}");
    Ok(rows.remove(0))
}

#[test]
fn duckdb_every_kind_comes_back_from_a_batch() {
    let rows = edges();
    let mut builder = BatchBuilder::<Everything>::with_capacity(1);
    rows.iter().try_for_each(|row| builder.append(row)).unwrap();
    let batch = builder.finish().unwrap();
    assert_eq!(batch.schema(), schema(Everything::COLUMNS));
    let mut back: Vec<Everything> = Vec::new();
    read_all(&batch, &mut back).unwrap();
    assert_eq!(back, rows);
}

#[test]
fn duckdb_every_kind_comes_back_from_a_table() {
    let rows = edges();
    let back: Vec<Everything> = memory()
        .with(|connection| {
            create_table::<Everything>(connection)?;
            create_table::<Everything>(connection)?;
            check_table(connection, Everything::TABLE)?;
            assert_eq!(store(connection, &rows)?, 4);
            load(connection)
        })
        .unwrap();
    assert_eq!(back, rows);
    assert!(back[1].float.is_sign_negative(), "minus zero stays");
}

#[test]
fn duckdb_another_process_reads_what_was_closed() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("everything.duckdb");
    let engine = Engine::open(&file, OpenOptions::new()).unwrap();
    engine
        .with(|connection| {
            create_table::<Everything>(connection)?;
            store(connection, &edges())
        })
        .unwrap();
    assert!(engine.close().unwrap());
    let output = second_process("duckdb_second_process_reads_every_kind", &file);
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "runs as the second process of another test"]
fn duckdb_second_process_reads_every_kind() {
    let engine = Engine::open(given_file(), OpenOptions::new().read_only(true)).unwrap();
    let rows: Vec<Everything> = engine.with(load).unwrap();
    assert_eq!(rows, edges());
    // And as whoever reads the file without us sees them.
    let texts: Vec<String> = engine.raw(|connection| seen(connection, "everything", 1)).unwrap();
    assert_eq!(texts, seen_edges());
}

/// Values of the first row as DuckDB writes them.
fn seen(connection: &Connection, table: &str, id: i64) -> duckdb::Result<Vec<String>> {
    let sql = format!(
        "SELECT unnest([price::VARCHAR, weight_n::VARCHAR, uuid::VARCHAR, \"at\"::VARCHAR, \
         at_n::VARCHAR, at_ns::VARCHAR, at_ns_n::VARCHAR, day::VARCHAR, day_n::VARCHAR, \
         details::VARCHAR, json_type(details_n), octet_length(bytes)::VARCHAR, typeof(price), \
         typeof(uuid), typeof(\"at\"), typeof(at_ns), typeof(day), typeof(details), \
         typeof(bytes)]) \
         FROM {table} WHERE id = {id}"
    );
    connection.prepare(&sql)?.query_map([], |row| row.get(0))?.collect()
}

fn seen_edges() -> Vec<String> {
    [
        "-999999999999999999.9999999999",
        "-.9999999999999999999999999999",
        "00000000-0000-0000-0000-000000000000",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "1677-09-22 00:00:00",
        "2262-04-11 23:47:16.854775806",
        "0001-01-01",
        "9999-12-31",
        "null",
        "VARCHAR",
        "0",
        "DECIMAL(28,10)",
        "UUID",
        "TIMESTAMP",
        "TIMESTAMP_NS",
        "DATE",
        "JSON",
        "BLOB",
    ]
    .map(String::from)
    .to_vec()
}

#[test]
fn duckdb_a_refused_row_leaves_nothing_behind() {
    let mut builder = BatchBuilder::<Everything>::with_capacity(4);
    builder.append(&plain(1)).unwrap();
    let bad = Everything {
        text: "nul \0".into(),
        price: decimal("1.00000000001"),
        at: Timestamp::from_micros(i64::MAX),
        float: f64::NAN,
        ..plain(2)
    };
    let error = builder.append(&bad).unwrap_err();
    let columns: Vec<&str> = error.violations().iter().map(|v| v.column.as_str()).collect();
    assert_eq!(columns, ["float", "price", "text", "at"]);
    builder.append(&plain(3)).unwrap();
    let batch = builder.finish().unwrap();
    assert_eq!(batch.column(0).len(), 2);
    let mut back = Vec::new();
    read_all::<Everything>(&batch, &mut back).unwrap();
    assert_eq!(back, [plain(1), plain(3)]);
}

#[test]
fn duckdb_a_failed_batch_takes_all_batches_back() {
    let engine = memory();
    engine.with(create_table::<Everything>).unwrap();
    let mut builder = BatchBuilder::<Everything>::with_capacity(10_000);
    (0..10_000).try_for_each(|id| builder.append(&plain(id))).unwrap();
    let batches =
        vec![builder.finish(), Err(tradebase_core::Error::new(Code::Internal, "on purpose"))];
    let error =
        engine.with(|connection| append(connection, Everything::TABLE, batches)).unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(engine.with(load::<Everything>).unwrap(), []);
}

#[derive(Row, Debug, PartialEq)]
struct Numbers {
    a: i16,
    b: i32,
    c: i64,
    d: f64,
    #[record(decimal(28, 4))]
    e: Decimal,
}

#[derive(Row, Debug, PartialEq)]
struct Short {
    a: i16,
}

#[derive(Row, Debug, PartialEq)]
struct Exact {
    #[record(decimal(20, 2))]
    a: Decimal,
}

#[derive(Row, Debug, PartialEq)]
struct Moments {
    a: Timestamp,
    b: TimestampNs,
    c: Option<Date>,
}

#[derive(Row, Debug, PartialEq)]
struct Texts {
    a: String,
    b: Uuid,
    c: Vec<u8>,
    d: Option<bool>,
}

#[test]
fn duckdb_results_of_other_types_are_read_where_nothing_is_lost() {
    let sql = "SELECT count(*), sum(n), sum(n::HUGEINT), avg(n), sum(n) * 1.5 FROM range(4) t(n)";
    let wanted = Numbers { a: 4, b: 6, c: 6, d: 1.5, e: decimal("9.0000") };
    assert_eq!(one::<Numbers>(sql).unwrap(), wanted);
    let sql = "SELECT 1::UTINYINT, 2::USMALLINT, 3::UBIGINT, 0.5::FLOAT, 7::UBIGINT";
    let wanted = Numbers { a: 1, b: 2, c: 3, d: 0.5, e: decimal("7.0000") };
    assert_eq!(one::<Numbers>(sql).unwrap(), wanted);
    let sql = "SELECT '2026-11-20 09:30:00+02'::TIMESTAMPTZ, '2026-11-20'::TIMESTAMP_S, NULL::DATE";
    let wanted = Moments {
        a: "2026-11-20T07:30:00Z".parse().unwrap(),
        b: "2026-11-20T00:00:00Z".parse().unwrap(),
        c: None,
    };
    assert_eq!(one::<Moments>(sql).unwrap(), wanted);
    let sql = "SELECT 'b'::ENUM('a', 'b'), uuid::VARCHAR, 'x'::BLOB, true \
               FROM (SELECT '12345678-9abc-def0-1234-56789abcdef0'::UUID AS uuid)";
    let wanted = Texts {
        a: "b".into(),
        b: "12345678-9abc-def0-1234-56789abcdef0".parse().unwrap(),
        c: b"x".to_vec(),
        d: Some(true),
    };
    assert_eq!(one::<Texts>(sql).unwrap(), wanted);
}

#[test]
fn duckdb_values_that_would_lose_something_are_errors() {
    let unreadable = |error: tradebase_core::Error| {
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("a")), "{error}");
    };
    unreadable(one::<Short>("SELECT 32768").unwrap_err());
    unreadable(one::<Short>("SELECT 18446744073709551616").unwrap_err());
    unreadable(one::<Exact>("SELECT 1.005").unwrap_err());
    unreadable(one::<Short>("SELECT NULL").unwrap_err());
    let at = "SELECT '2026-11-20 00:00:00.000000001'::TIMESTAMP_NS";
    unreadable(one::<Moments>(&format!("{at}, now(), NULL::DATE")).unwrap_err());
    let mismatch = |error: tradebase_core::Error| {
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    };
    mismatch(one::<Short>("SELECT 1.5").unwrap_err());
    mismatch(one::<Short>("SELECT 'x'").unwrap_err());
    mismatch(one::<Exact>("SELECT 1.5::DOUBLE").unwrap_err());
    mismatch(one::<Short>("SELECT 1, 2").unwrap_err());
    // Also where there are no rows to see it by.
    let none = memory().with(|c| query_rows::<Short>(c, "SELECT 'x' WHERE false", &[]));
    mismatch(none.unwrap_err());
}

#[test]
fn duckdb_parameters_arrive_as_they_are() {
    let values = plain(1);
    let engine = memory();
    engine
        .with(|connection| {
            create_table::<Everything>(connection)?;
            store(connection, &edges())
        })
        .unwrap();
    let count = |column: &str, value: Value| -> usize {
        let sql = format!("SELECT id FROM everything WHERE \"{column}\" = ?");
        let rows = engine.with(|c| query(c, &sql, &[value])).expect(column);
        rows.batches.iter().map(|b| b.num_rows()).sum()
    };
    for (column, value, rows) in [
        ("id", Value::Int(1), 1),
        ("flag", Value::Bool(false), 1),
        ("float", Value::Float(0.1), 2),
        ("price", Value::Decimal(9_999_999_999_999_999_999_999_999_999, 10), 1),
        ("price", Value::Decimal(0, 0), 1),
        ("weight_n", Value::Decimal(1, 28), 1),
        ("weight_n", Value::Decimal(25, 2), 1),
        ("small", Value::Decimal(1250, 2), 2),
        ("text", Value::Text(values.text.clone()), 2),
        ("bytes", Value::Bytes(values.bytes.clone()), 2),
        ("uuid", Value::Uuid(values.uuid), 2),
        ("at", Value::Timestamp(values.at), 2),
        ("at", Value::Timestamp(Timestamp::MIN), 1),
        ("at_ns", Value::TimestampNs(values.at_ns), 2),
        ("at_ns", Value::TimestampNs(TimestampNs::MAX), 1),
        ("day", Value::Date(Date::MAX), 1),
        ("details", Value::Json("null".into()), 1),
    ] {
        assert_eq!(count(column, value.clone()), rows, "{column} = {value:?}");
    }
    let error = engine.with(|c| query(c, "SELECT ?, ?", &[Value::Int(1)])).unwrap_err();
    assert_eq!(error.code(), Code::Syntax, "{error}");
    let error = engine.with(|c| query(c, "SELECT 1; SELECT 2", &[])).unwrap_err();
    assert_eq!(error.code(), Code::Injection, "{error}");
}

/// A limit of DuckDB: of the first day that nanoseconds reach, it knows the numbers but no text.
#[test]
fn duckdb_the_first_day_of_nanoseconds_is_kept_but_has_no_text() {
    let first_with_text = "1677-09-22T00:00:00Z".parse::<TimestampNs>().unwrap();
    let last_without = TimestampNs::from_nanos(first_with_text.as_nanos() - 1);
    let found: OneMoment =
        one_with("SELECT ?::TIMESTAMP_NS", &[Value::TimestampNs(first_with_text)]).unwrap();
    assert_eq!(found.a, first_with_text);
    let error =
        one_with::<OneMoment>("SELECT ?::TIMESTAMP_NS", &[Value::TimestampNs(last_without)]);
    assert_eq!(error.unwrap_err().code(), Code::QueryFailed);
    let sql = "SELECT make_timestamp_ns(?)";
    let found: OneMoment = one_with(sql, &[Value::Int(last_without.as_nanos())]).unwrap();
    assert_eq!(found.a, last_without);
}

#[derive(Row, Debug, PartialEq)]
struct OneMoment {
    a: TimestampNs,
}

#[test]
fn duckdb_batches_have_plain_arrow_types() {
    let sql = "SELECT true, 1::HUGEINT, NULL::BOOLEAN, gen_random_uuid(), sum(1)";
    let found = memory().with(|connection| query(connection, sql, &[])).unwrap();
    let types: Vec<_> = found.schema.fields().iter().map(|f| f.data_type().clone()).collect();
    let huge = DataType::Decimal128(38, 0);
    let uuid = DataType::FixedSizeBinary(16);
    assert_eq!(types, [DataType::Boolean, huge.clone(), DataType::Boolean, uuid, huge]);
    assert!(found.batches[0].column(0).as_boolean().value(0));
    assert!(found.batches[0].column(2).is_null(0));
    let sql = "SELECT 100000000000000000000000000000000000000::HUGEINT";
    let error = memory().with(|connection| query(connection, sql, &[])).unwrap_err();
    assert_eq!(error.code(), Code::Unreadable, "{error}");
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "narrow")]
struct Narrow {
    #[record(key)]
    id: i32,
    #[record(decimal(18, 8))]
    price: Decimal,
}

#[test]
fn duckdb_a_table_that_would_change_values_is_refused() {
    let check = |ddl: &str| {
        memory().with(|connection| {
            connection.execute_batch(ddl).unwrap();
            check_table(connection, Narrow::TABLE)?;
            store(connection, &[Narrow { id: 1, price: decimal("0.12345678") }])?;
            assert_eq!(load::<Narrow>(connection)?[0].price, decimal("0.12345678"));
            Ok(())
        })
    };
    for fine in [
        "CREATE TABLE narrow (id INTEGER, price DECIMAL(18,8))",
        "CREATE TABLE narrow (price DECIMAL(38,8), more VARCHAR DEFAULT 'x', id BIGINT)",
    ] {
        check(fine).expect(fine);
    }
    for bad in [
        "CREATE TABLE narrow (id INTEGER)",
        "CREATE TABLE narrow (id SMALLINT, price DECIMAL(18,8))",
        "CREATE TABLE narrow (id INTEGER, price DECIMAL(18,4))",
        "CREATE TABLE narrow (id INTEGER, price DECIMAL(10,8))",
        "CREATE TABLE narrow (id INTEGER, price DOUBLE)",
        "SELECT 1",
    ] {
        assert_eq!(check(bad).unwrap_err().code(), Code::SchemaMismatch, "{bad}");
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "defaults", index(word, at))]
struct Defaults {
    #[record(key)]
    id: Assigned<i64>,
    #[record(default = 3, min = 1)]
    level: i16,
    #[record(default = true)]
    on: bool,
    #[record(default = "it's")]
    word: String,
    #[record(default = "0.05", decimal(9, 4))]
    rate: Decimal,
    #[record(default = "2026-11-20T09:30:00Z")]
    at: Timestamp,
}

#[test]
fn duckdb_tables_are_made_as_the_golden_text_says() {
    assert_eq!(tables(), fs::read_to_string(golden("tables.sql")).unwrap());
    let row: Defaults = memory()
        .with(|connection| {
            create_table::<Defaults>(connection)?;
            connection.execute_batch("INSERT INTO defaults DEFAULT VALUES").unwrap();
            load(connection)
        })
        .unwrap()
        .remove(0);
    let at = "2026-11-20T09:30:00Z".parse().unwrap();
    let (level, on, word, rate) = (3, true, "it's".to_owned(), decimal("0.05"));
    assert_eq!(row, Defaults { id: Assigned::Is(1), level, on, word, rate, at });
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn tables() -> String {
    [Everything::TABLE, Defaults::TABLE].map(|table| create_table_sql(table).unwrap()).concat()
}

#[test]
fn duckdb_the_golden_file_is_read() {
    let folder = TempFolder::new().unwrap();
    let file = folder.file("golden.duckdb");
    fs::copy(golden("everything.duckdb"), &file).unwrap();
    let engine = Engine::open(&file, OpenOptions::new().read_only(true)).unwrap();
    engine.with(|connection| check_table(connection, Everything::TABLE)).unwrap();
    assert_eq!(engine.with(load::<Everything>).unwrap(), edges());
    let texts = engine.raw(|connection| seen(connection, "everything", 1)).unwrap();
    assert_eq!(texts, seen_edges());
}

#[test]
#[ignore = "writes the golden files; run by hand when the format changes on purpose"]
fn duckdb_write_the_golden_files() {
    fs::write(golden("tables.sql"), tables()).unwrap();
    let file = golden("everything.duckdb");
    let _ = fs::remove_file(&file);
    // Small blocks make a small file; they are part of its header, not of the format.
    let attach = format!("ATTACH '{}' AS golden (BLOCK_SIZE 16384); USE golden", file.display());
    memory()
        .with(|connection| {
            connection.execute_batch(&attach).unwrap();
            create_table::<Everything>(connection)?;
            store(connection, &edges())?;
            connection.execute_batch("CHECKPOINT golden; USE memory; DETACH golden").unwrap();
            Ok(())
        })
        .unwrap();
}
