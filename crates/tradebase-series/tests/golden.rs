//! The bytes of a line and of a file, as this version writes them and as every later one must.

mod common;

use common::*;
use tradebase_core::{Decimal, TimestampNs};
use tradebase_duckdb::{Engine, OpenOptions, table_columns};
use tradebase_series::Series;
use tradebase_series::codec::{Decoder, Encoder};
use tradebase_testkit::TempFolder;

const TRADES: &str = include_str!("golden/trades.line");
const EVERYTHING: &str = include_str!("golden/everything.line");
const TICKS: &str = include_str!("golden/ticks.line");
const TEXTS: &str = include_str!("golden/texts.line");
const COLUMNS: &str = include_str!("golden/everything.columns.txt");
const FILE: &[u8] = include_bytes!("golden/everything.duckdb");
const ROWS: &str = include_str!("golden/everything.rows.json");

fn lines<T: tradebase_core::Record>(rows: &[T]) -> String {
    let mut encoder = Encoder::new::<T>().unwrap();
    let mut out = Vec::new();
    for row in rows {
        encoder.write(row, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn everything() -> [Everything; 3] {
    let ns = TimestampNs::from_nanos;
    [bare(1, ns(1)), smallest(2, TimestampNs::MIN), largest(3, TimestampNs::MAX)]
}

#[test]
fn influx_lines_are_what_they_were() {
    assert_eq!(lines(&[trade(0), trade(1)]), TRADES);
    assert_eq!(lines(&everything()), EVERYTHING);
    let tick = |sequence| Tick {
        symbol: "ETH/USDT".into(),
        side: Side::Sell,
        sequence,
        price: Decimal::new(-5, 1),
        at: NOON,
    };
    assert_eq!(lines(&[tick(0), tick(999)]), TICKS);
    let texts = [
        Text::new(1, r"a,b=c d", r"back\slash\\ \,\=\ ", "say \"x\\y\"\n"),
        Text { tag: None, ..Text::new(2, "", "😀é\t'", "") },
    ];
    assert_eq!(lines(&texts), TEXTS);
}

/// The rows were answered by InfluxDB 1.6.7 for the lines above.
#[test]
fn influx_rows_are_read_as_they_were_written() {
    let mut answer = ROWS.lines();
    let names: Vec<String> = serde_json::from_str(answer.next().unwrap()).unwrap();
    let decoder = Decoder::new::<Everything>(&names).unwrap();
    let mut found: Vec<Everything> =
        answer.map(|row| decoder.read(row.as_bytes(), &mut Vec::new()).unwrap()).collect();
    found.sort_by_key(|row| row.id);
    assert_eq!(found, everything());
}

/// A file that this version wrote, with DuckDB 1.5.
#[test]
fn embedded_files_are_read_as_they_were_written() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("everything.duckdb");
    std::fs::write(&path, FILE).unwrap();
    let path = path.display().to_string();
    run(async {
        let series = Series::embedded(&path).await.unwrap();
        let mut found = series.read::<Everything>(..).await.unwrap();
        found.sort_by_key(|row| row.id);
        assert_eq!(found, everything());
        series.close().await.unwrap();
    });
}

#[test]
fn embedded_columns_are_what_they_were() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("columns.duckdb").display().to_string();
    run(async {
        let series = Series::embedded(&path).await.unwrap();
        series.create::<Everything>().await.unwrap();
        series.close().await.unwrap();
    });
    let engine = Engine::open(&path, OpenOptions::new()).unwrap();
    let columns = engine.with(|connection| table_columns(connection, "series_everything")).unwrap();
    let columns: String =
        columns.into_iter().map(|(name, kind)| format!("{name} {kind}\n")).collect();
    assert_eq!(columns, COLUMNS);
}

#[test]
#[ignore = "writes the golden file; run by hand when the format changes on purpose"]
fn embedded_write_the_golden_file() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("everything.duckdb");
    run(async {
        let series = Series::embedded(&path.display().to_string()).await.unwrap();
        series.create::<Everything>().await.unwrap();
        series.write(&everything()).await.unwrap();
        series.close().await.unwrap();
    });
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/everything.duckdb");
    std::fs::copy(path, golden).unwrap();
}
