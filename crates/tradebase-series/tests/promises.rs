//! What holds on both engines.

mod common;

use std::collections::HashSet;
use std::ops::Bound;

use common::*;
use tradebase_core::{Code, Decimal, Record, Timestamp, TimestampNs, Uuid};
use tradebase_series::Series;

/// Each promise once for each engine.
macro_rules! promises {
    ($($promise:ident;)+) => {
        mod influx {
            $(#[test] fn $promise() {
                super::run(async { super::$promise(&super::influx().await).await });
            })+
        }
        mod embedded {
            $(#[test] fn $promise() {
                super::run(async { super::$promise(&super::embedded().await).await });
            })+
        }
    };
}

promises! {
    records_of_every_kind_come_back;
    the_ends_of_the_range_of_time_come_back;
    floats_keep_every_bit;
    writing_again_gives_the_same_points;
    a_later_record_replaces_the_earlier;
    a_thousand_records_of_one_moment_are_kept_apart_by_a_key;
    a_thousand_records_of_one_moment_are_kept_apart_by_a_sequence;
    two_different_records_that_would_be_one_point_are_refused;
    the_same_record_twice_in_a_batch_is_one_point;
    a_sequence_out_of_range_is_refused;
    one_bad_row_keeps_all_from_being_written;
    ranges_take_what_they_say;
    records_come_by_time;
    absent_is_told_from_empty;
    nothing_is_written_and_read_without_rows;
    a_record_that_is_no_series_says_so;
    tags_of_any_kind_tell_points_apart;
    a_dropped_series_is_gone_and_made_anew;
    dropping_what_is_not_there_is_fine;
}

fn ns(nanos: i64) -> TimestampNs {
    TimestampNs::from_nanos(nanos)
}

async fn back<T: Record>(series: &Series, rows: &[T]) -> Vec<T> {
    series.create::<T>().await.unwrap();
    let written = series.write(rows).await.unwrap();
    assert_eq!((written.accepted, written.stored), (rows.len(), rows.len()));
    series.read::<T>(..).await.unwrap()
}

async fn records_of_every_kind_come_back(series: &Series) {
    let rows = [bare(1, ns(1)), smallest(2, ns(2)), largest(3, ns(3))];
    let found = back(series, &rows).await;
    for (found, row) in found.iter().zip(&rows) {
        assert_eq!(found, row);
    }
    assert_eq!(found.len(), rows.len());
}

async fn the_ends_of_the_range_of_time_come_back(series: &Series) {
    let rows = [
        bare(1, TimestampNs::MIN),
        bare(2, ns(-1)),
        bare(3, ns(0)),
        bare(4, ns(1)),
        bare(5, TimestampNs::MAX),
    ];
    assert_eq!(back(series, &rows).await, rows);
    let found = series.read::<Everything>(TimestampNs::MIN..=TimestampNs::MAX).await.unwrap();
    assert_eq!(found, rows);
    assert_eq!(series.read::<Everything>(..=TimestampNs::MIN).await.unwrap(), rows[..1]);
    assert_eq!(series.read::<Everything>(TimestampNs::MAX..).await.unwrap(), rows[4..]);
    let moments = [Timestamp::SERIES_MIN, Timestamp::SERIES_MAX];
    let trades = moments.map(|timestamp| Trade { timestamp, ..trade(1) });
    assert_eq!(back(series, &trades).await, trades);
    let late = Trade { timestamp: Timestamp::from_micros(9_223_372_036_854_776), ..trade(1) };
    assert_eq!(series.write(&[late]).await.unwrap_err().code(), Code::Invalid);
}

async fn floats_keep_every_bit(series: &Series) {
    let floats = [
        0.0,
        -0.0,
        5e-324,
        -2.225_073_858_507_201e-308,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
        0.1,
        1e15,
        1e16,
        1e17,
        1e21,
        1e22,
        123_456_789_012_345_680.0,
        9_007_199_254_740_993.0,
    ];
    let rows: Vec<_> = (0..)
        .zip(floats)
        .map(|(n, float)| Everything { a_f64: Some(float), ..bare(n, ns(n)) })
        .collect();
    let found = back(series, &rows).await;
    let bits = |rows: &[Everything]| -> Vec<_> {
        rows.iter().map(|row| row.a_f64.map(f64::to_bits)).collect()
    };
    assert_eq!(bits(&found), bits(&rows));
    for bad in [f64::NAN, f64::INFINITY] {
        let row = Everything { a_f64: Some(bad), ..bare(1, ns(1)) };
        assert_eq!(series.write(&[row]).await.unwrap_err().code(), Code::Invalid);
    }
}

async fn writing_again_gives_the_same_points(series: &Series) {
    let rows: Vec<_> = (0..10).map(trade).collect();
    for _ in 0..3 {
        assert_eq!(back(series, &rows).await.len(), rows.len());
    }
    assert_eq!(back(series, &rows[3..5]).await.len(), rows.len());
}

async fn a_later_record_replaces_the_earlier(series: &Series) {
    let (first, other) = (trade(3), trade(4));
    let second = Trade { status: "cancelled".into(), price: Decimal::from(1), ..first.clone() };
    back(series, &[first.clone(), other.clone()]).await;
    let found = back(series, std::slice::from_ref(&second)).await;
    assert_eq!(found.len(), 2);
    assert!(found.contains(&second) && found.contains(&other));
}

async fn a_thousand_records_of_one_moment_are_kept_apart_by_a_key(series: &Series) {
    let rows: Vec<_> = (0..1000).map(|n| Trade { side: Side::Buy, ..trade(n) }).collect();
    let mut found = back(series, &rows).await;
    found.sort_by_key(|row| row.id);
    assert_eq!(found, rows);
}

async fn a_thousand_records_of_one_moment_are_kept_apart_by_a_sequence(series: &Series) {
    let rows: Vec<_> = (0..1000)
        .map(|sequence| Tick {
            symbol: "BTC/USDT".into(),
            side: Side::Sell,
            sequence,
            price: Decimal::new(i64::from(sequence), 8),
            at: NOON,
        })
        .collect();
    assert_eq!(back(series, &rows).await, rows, "in the order of the sequence");
    assert_eq!(back(series, &rows[..10]).await.len(), 1000);
}

async fn two_different_records_that_would_be_one_point_are_refused(series: &Series) {
    series.create::<Trade>().await.unwrap();
    let mut rows: Vec<_> = (0..100).map(trade).collect();
    rows[70] = Trade { status: "cancelled".into(), ..rows[30].clone() };
    let error = series.write(&rows).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.record(), Some("Trade"));
    assert!(error.to_string().ends_with("rows 30 and 70"), "{error}");
    assert_eq!(series.read::<Trade>(..).await.unwrap(), [], "nothing was written");
    let equal_but_for_a_tag = Trade { order_type: "market".into(), ..rows[30].clone() };
    rows[70] = equal_but_for_a_tag;
    assert_eq!(back(series, &rows).await.len(), 100);
}

async fn the_same_record_twice_in_a_batch_is_one_point(series: &Series) {
    let rows = [trade(1), trade(2), trade(1), trade(1)];
    let found = back(series, &rows).await;
    assert_eq!(found.len(), 2);
    assert!(found.contains(&trade(1)) && found.contains(&trade(2)));
}

async fn a_sequence_out_of_range_is_refused(series: &Series) {
    series.create::<Tick>().await.unwrap();
    let tick = |sequence, at| Tick {
        symbol: "A".into(),
        side: Side::Buy,
        sequence,
        price: Decimal::from(1),
        at,
    };
    for sequence in [-1, 1000, i16::MAX, i16::MIN] {
        let error = series.write(&[tick(0, NOON), tick(sequence, NOON)]).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("sequence")));
        assert_eq!(error.violations()[0].row, Some(1));
    }
    // The last microsecond has room for 807 of them only.
    let last = Timestamp::SERIES_MAX;
    let error = series.write(&[tick(807, last)]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("sequence")));
    let rows = [tick(999, Timestamp::SERIES_MIN), tick(0, NOON), tick(999, NOON), tick(806, last)];
    assert_eq!(back(series, &rows).await, rows);
}

async fn one_bad_row_keeps_all_from_being_written(series: &Series) {
    series.create::<Text>().await.unwrap();
    let good = Text::new(1, "a", "b", "c");
    for bad in [
        Text::new(2, "", "b", "c"),
        Text::new(2, "a\nb", "b", "c"),
        Text::new(2, "a", "b\\", "c"),
        Text::new(2, "a\0", "b", "c"),
        Text::new(2, "a", "b", "\0"),
        Text::new(2, &"x".repeat(65_536), "b", "c"),
    ] {
        let error = series.write(&[good.clone(), bad]).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{error}");
        assert_eq!(error.operation(), Some("write"));
    }
    let empty = Everything { tag_bytes: Some(Vec::new()), ..bare(1, ns(1)) };
    assert_eq!(series.write(&[empty]).await.unwrap_err().column_name(), Some("tag_bytes"));
    assert_eq!(series.read::<Text>(..).await.unwrap(), []);
}

async fn ranges_take_what_they_say(series: &Series) {
    let rows: Vec<_> = (0..10).map(|n| bare(n, ns(n * 10))).collect();
    back(series, &rows).await;
    let read = async |range: (Bound<i64>, Bound<i64>)| -> Vec<i64> {
        let range = (range.0.map(ns), range.1.map(ns));
        let found = series.read::<Everything>(range).await.unwrap();
        found.iter().map(|row| row.id).collect()
    };
    use Bound::{Excluded, Included, Unbounded};
    assert_eq!(read((Included(20), Excluded(50))).await, [2, 3, 4]);
    assert_eq!(read((Included(20), Included(50))).await, [2, 3, 4, 5]);
    assert_eq!(read((Excluded(20), Included(50))).await, [3, 4, 5]);
    assert!(read((Excluded(20), Excluded(21))).await.is_empty());
    assert_eq!(read((Unbounded, Included(0))).await, [0]);
    assert_eq!(read((Included(90), Unbounded)).await, [9]);
    assert!(read((Included(91), Unbounded)).await.is_empty());
    assert!(read((Included(50), Included(20))).await.is_empty());
}

async fn records_come_by_time(series: &Series) {
    let rows: Vec<_> = (0..500).map(|n| bare(n, ns(n * 7919 % 500 * 1_000_000_000))).collect();
    let found = back(series, &rows).await;
    assert!(found.is_sorted_by_key(|row| row.at));
    let ids: HashSet<_> = found.iter().map(|row| row.id).collect();
    assert_eq!((found.len(), ids.len()), (500, 500));
}

async fn absent_is_told_from_empty(series: &Series) {
    let empty =
        Everything { a_text: Some(String::new()), a_bytes: Some(Vec::new()), ..bare(1, ns(1)) };
    let rows = [empty, bare(2, ns(2))];
    assert_eq!(back(series, &rows).await, rows);
    let no_tag = Text { tag: None, ..Text::new(1, "a", "b", "") };
    assert_eq!(back(series, std::slice::from_ref(&no_tag)).await, [no_tag]);
}

async fn nothing_is_written_and_read_without_rows(series: &Series) {
    series.create::<Trade>().await.unwrap();
    let written = series.write::<Trade>(&Vec::new()).await.unwrap();
    assert_eq!((written.accepted, written.stored), (0, 0));
    assert_eq!(series.read::<Trade>(..).await.unwrap(), []);
}

/// A table and no series.
#[derive(Record, Debug, PartialEq)]
#[record(table = "users")]
struct User {
    #[record(key)]
    id: i64,
}

/// The server would drop this column without a word.
#[derive(Record, Debug, PartialEq)]
#[record(series = "odd")]
struct Odd {
    #[record(key, tag)]
    id: i64,
    time: i64,
    #[record(time)]
    at: Timestamp,
}

/// A sequence below the microsecond, and a time that is finer already.
#[derive(Record, Debug, PartialEq)]
#[record(series = "fine")]
struct Fine {
    #[record(key, sequence)]
    number: i64,
    #[record(time)]
    at: TimestampNs,
}

async fn a_record_that_is_no_series_says_so(series: &Series) {
    let error = series.write(&[User { id: 1 }]).await.unwrap_err();
    assert_eq!((error.code(), error.record()), (Code::Config, Some("User")));
    assert!(error.to_string().contains("User is no series"), "{error}");
    let error = series.read::<User>(..).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::Config, Some("read")));
    assert_eq!(series.create::<User>().await.unwrap_err().code(), Code::Config);
    assert_eq!(series.read::<Odd>(..).await.unwrap_err().code(), Code::Config);
    assert_eq!(series.read::<Fine>(..).await.unwrap_err().code(), Code::Config);
}

async fn tags_of_any_kind_tell_points_apart(series: &Series) {
    let plain = Text { tag: None, ..Text::new(1, "a", "b", "plain") };
    let other = Text { tag: Some("a".into()), field: "other".into(), ..plain.clone() };
    let third = Text { tag_after: None, field: "third".into(), ..plain.clone() };
    let mut found = back(series, &[plain.clone(), other.clone(), third.clone()]).await;
    found.sort_by(|a, b| a.field.cmp(&b.field));
    assert_eq!(found, [other, plain.clone(), third.clone()]);
    let again = Text { field: "again".into(), ..plain };
    let mut found = back(series, std::slice::from_ref(&again)).await;
    found.sort_by(|a, b| a.field.cmp(&b.field));
    assert_eq!(found[0], again);
    assert_eq!(found.len(), 3);
    let one = Everything { tag_uuid: Some(Uuid::nil()), ..bare(1, ns(1)) };
    let two = Everything { tag_uuid: None, ..one.clone() };
    assert_eq!(back(series, &[one, two]).await.len(), 2);
}

async fn a_dropped_series_is_gone_and_made_anew(series: &Series) {
    let trades: Vec<_> = (0..10).map(trade).collect();
    let text = [Text::new(1, "a", "b", "stays")];
    assert_eq!(back(series, &trades).await.len(), 10);
    assert_eq!(back(series, &text).await, text);
    series.drop_series::<Trade>().await.unwrap();
    series.create::<Trade>().await.unwrap();
    assert!(series.read::<Trade>(..).await.unwrap().is_empty());
    assert_eq!(series.read::<Text>(..).await.unwrap(), text, "the other series stays");
    assert_eq!(back(series, &trades[3..5]).await.len(), 2);
}

async fn dropping_what_is_not_there_is_fine(series: &Series) {
    series.drop_series::<Trade>().await.unwrap();
    assert_eq!(back(series, &[trade(1)]).await.len(), 1);
    for _ in 0..2 {
        series.drop_series::<Trade>().await.unwrap();
    }
    let error = series.drop_series::<User>().await.unwrap_err();
    assert_eq!((error.code(), error.record()), (Code::Config, Some("User")), "{error}");
}
