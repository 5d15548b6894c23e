//! What is particular to the embedded engine.

mod common;

use std::ops::Bound;

use common::*;
use tradebase_core::{Capability, Code, Decimal, Record, Timestamp, TimestampNs};
use tradebase_series::Series;
use tradebase_testkit::TempFolder;

fn file(folder: &TempFolder) -> String {
    folder.file("series.duckdb").display().to_string()
}

#[test]
fn embedded_series_are_in_the_file_when_it_is_opened_again() {
    let folder = TempFolder::new().unwrap();
    run(async {
        let rows: Vec<_> = (0..10).map(trade).collect();
        let series = Series::embedded(&file(&folder)).await.unwrap();
        assert!(series.capabilities().can(Capability::Durable));
        series.create::<Trade>().await.unwrap();
        series.write(&rows).await.unwrap();
        series.close().await.unwrap();
        let series = Series::embedded(&file(&folder)).await.unwrap();
        series.create::<Trade>().await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap(), rows, "of equal time, by tags");
        series.close().await.unwrap();
        let memory = embedded().await;
        assert!(!memory.capabilities().can(Capability::Durable));
        assert_eq!(memory.capabilities().engine, "embedded");
    });
}

/// Two handles opened apart, one file: each write sees what the other has written.
#[test]
fn embedded_writers_of_one_file_double_nothing() {
    let folder = TempFolder::new().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let one = Series::embedded(&file(&folder)).await.unwrap();
        let two = Series::embedded(&file(&folder)).await.unwrap();
        one.create::<Trade>().await.unwrap();
        for round in 0..10 {
            let rows: Vec<_> = (0..50).map(|n| trade(round * 20 + n)).collect();
            let (first, second, third) =
                tokio::join!(one.write(&rows), two.write(&rows), two.write(&rows[10..40]));
            first.and(second).and(third).unwrap();
        }
        assert_eq!(two.read::<Trade>(..).await.unwrap().len(), 230);
        one.close().await.unwrap();
        assert_eq!(two.read::<Trade>(..).await.unwrap().len(), 230);
        two.close().await.unwrap();
    });
}

/// Unlike InfluxDB, which keeps the value of a field that is null now.
#[test]
fn embedded_records_are_replaced_whole() {
    run(async {
        let series = embedded().await;
        series.create::<Trade>().await.unwrap();
        series.write(&[trade(3)]).await.unwrap();
        let without = Trade { pnl: None, ..trade(3) };
        assert_ne!(without, trade(3));
        series.write(std::slice::from_ref(&without)).await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap(), [without]);
    });
}

#[test]
fn embedded_series_without_a_table_or_with_another_say_so() {
    #[derive(Record, Debug, PartialEq)]
    #[record(series = "trades")]
    struct Coarse {
        #[record(key, tag)]
        symbol: String,
        #[record(decimal(18, 2))]
        price: Decimal,
        #[record(time)]
        at: Timestamp,
    }
    #[derive(Record, Debug, PartialEq)]
    #[record(series = "trades")]
    struct Fine {
        #[record(key, tag)]
        symbol: String,
        #[record(decimal(18, 8))]
        price: Decimal,
        #[record(time)]
        at: Timestamp,
    }
    run(async {
        let series = embedded().await;
        let fine = || Fine { symbol: "A".into(), price: Decimal::new(1, 8), at: NOON };
        let error = series.write(&[fine()]).await.unwrap_err();
        assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Fine")));
        let error = series.read::<Fine>(..).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        series.create::<Coarse>().await.unwrap();
        // DuckDB would round on the way in.
        let error = series.write(&[fine()]).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("price")));
        let error = series.create::<Fine>().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("price")));
        let error = series.read::<Fine>(..).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("price")));
        let error = series.read::<Trade>(..).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::SchemaMismatch, Some("id")));
        // After an error the engine is as good as before.
        let coarse = Coarse { symbol: "A".into(), price: Decimal::new(150, 2), at: NOON };
        series.write(&[coarse]).await.unwrap();
        assert_eq!(series.read::<Coarse>(..).await.unwrap().len(), 1);
    });
}

#[test]
fn embedded_ranges_count_the_sequence() {
    run(async {
        let series = embedded().await;
        series.create::<Tick>().await.unwrap();
        let at = |n| Timestamp::from_micros(n);
        let tick = |micros, sequence| Tick {
            symbol: "A".into(),
            side: Side::Buy,
            sequence,
            price: Decimal::from(1),
            at: at(micros),
        };
        let rows = [tick(-1, 5), tick(0, 0), tick(0, 5), tick(0, 9), tick(1, 0), tick(1, 7)];
        series.write(&rows).await.unwrap();
        let read = async |first, last| {
            let range = (Bound::Included(first), Bound::Included(last));
            let range =
                (range.0.map(TimestampNs::from_nanos), range.1.map(TimestampNs::from_nanos));
            series.read::<Tick>(range).await.unwrap()
        };
        assert_eq!(read(-995, -995).await, rows[..1]);
        assert_eq!(read(0, 8).await, rows[1..3]);
        assert_eq!(read(1, 1000).await, rows[2..5]);
        assert_eq!(read(5, 5).await, rows[2..3]);
        assert_eq!(read(i64::MIN, i64::MAX).await, rows);
    });
}

#[test]
fn embedded_ranges_between_microseconds_are_kept() {
    run(async {
        let series = embedded().await;
        series.create::<Trade>().await.unwrap();
        let rows: Vec<_> = (0..3)
            .map(|n| Trade { timestamp: Timestamp::from_micros(i64::from(n) - 1), ..trade(n) })
            .collect();
        series.write(&rows).await.unwrap();
        let read = async |first, last| {
            let range = TimestampNs::from_nanos(first)..=TimestampNs::from_nanos(last);
            series.read::<Trade>(range).await.unwrap()
        };
        assert_eq!(read(-1000, -1).await, rows[..1]);
        assert_eq!(read(-999, 0).await, rows[1..2]);
        assert_eq!(read(1, 999).await, []);
        assert_eq!(read(1, 1000).await, rows[2..]);
    });
}

/// Batches of any size go through one transaction.
#[test]
fn embedded_series_take_many_records_at_once() {
    run(async {
        let series = embedded().await;
        series.create::<Trade>().await.unwrap();
        let rows: Vec<_> = (0..20_000).map(trade).collect();
        assert_eq!(series.write(&rows).await.unwrap().stored, 20_000);
        assert_eq!(series.write(&rows[5_000..15_000]).await.unwrap().stored, 10_000);
        assert_eq!(series.read::<Trade>(..).await.unwrap(), rows);
    });
}
