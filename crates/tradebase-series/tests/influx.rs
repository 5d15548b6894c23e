//! What is particular to InfluxDB.

mod common;

use std::error::Error as _;

use common::*;
use tradebase_core::{Code, Decimal, Error, Record, Timestamp, TimestampNs};
use tradebase_series::{InfluxOptions, Series, Tally, influx_type};
use tradebase_testkit::{Influx, influx as client};

fn tally(error: &Error) -> Tally {
    let source = error.source().expect("a tally");
    let tally = source.downcast_ref::<Tally>().expect("a tally").clone();
    let Tally { accepted, stored, rejected, unknown, unsent, .. } = tally;
    assert_eq!(accepted, stored + rejected + unknown + unsent, "{tally}");
    tally
}

async fn open(options: &InfluxOptions) -> Series {
    Series::influx(options.clone()).await.unwrap()
}

fn ask(options: &InfluxOptions, query: &str) -> String {
    client(Influx::shared().port(), &options.database, query).unwrap()
}

/// Every text of one to three of these.
fn short_texts() -> Vec<String> {
    const LETTERS: [char; 11] = ['\\', ',', '=', ' ', '"', '\'', '\n', '\t', 'é', '😀', 'a'];
    let mut texts = vec![String::new()];
    let mut start = 0;
    for _ in 0..3 {
        let end = texts.len();
        for i in start..end {
            texts.extend(LETTERS.map(|letter| format!("{}{letter}", texts[i])));
        }
        start = end;
    }
    texts
}

fn is_allowed_in_a_tag(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n') && !text.ends_with('\\')
}

#[test]
fn influx_keeps_every_short_text_in_tags_and_fields() {
    run(async {
        let options = options(Influx::shared());
        let series = open(&options).await;
        let texts = short_texts();
        let tags: Vec<_> = texts.iter().filter(|text| is_allowed_in_a_tag(text)).collect();
        assert_eq!((texts.len(), tags.len()), (1464, 999));
        let rows: Vec<_> = (0..)
            .zip(&texts)
            .map(|(n, text)| {
                let (tag, after) = (tags[usize::try_from(n).unwrap() % tags.len()], "z");
                match n % 2 {
                    0 => Text::new(n, tag, after, text),
                    _ => Text::new(n, after, tag, text),
                }
            })
            .chain((2000..).zip(&tags).map(|(n, tag)| Text::new(n, tag, tag, "x")))
            .collect();
        series.write(&rows).await.unwrap();
        let found = series.read::<Text>(..).await.unwrap();
        for (found, row) in found.iter().zip(&rows) {
            assert_eq!(found, row);
        }
        assert_eq!(found.len(), rows.len());
        for text in texts.iter().filter(|text| !is_allowed_in_a_tag(text)) {
            let error = series.write(&[Text::new(1, text, "a", "a")]).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("tag")));
        }
    });
}

#[test]
fn influx_keeps_odd_texts_when_it_starts_again() {
    let server = Influx::start().unwrap();
    run(async {
        let series = Series::influx(options(&server)).await.unwrap();
        let rows: Vec<_> = (0..)
            .zip(short_texts().iter().filter(|text| is_allowed_in_a_tag(text)))
            .map(|(n, text)| Text::new(n, text, text, text))
            .collect();
        series.write(&rows).await.unwrap();
        server.kill().unwrap();
        server.restart().unwrap();
        assert_eq!(series.read::<Text>(..).await.unwrap(), rows);
    });
}

#[test]
fn influx_shows_the_same_values_to_its_own_client() {
    run(async {
        let options = options(Influx::shared());
        let series = open(&options).await;
        let row = Trade { symbol: "A, \"B\"=\\C".into(), ..trade(3) };
        series.write(std::slice::from_ref(&row)).await.unwrap();
        let names = "time,bot_id,executed_price,fee,id,order_type,pnl,price,quantity,side,status,\
                     symbol";
        let answer = ask(&options, "select * from trades");
        let values = "1795176000000000000,00000000-0000-0000-0000-000000000007,96000.5123456810,\
                      -0.0003000000,01975f2a-7c1e-7000-8000-000000000003,limit,0.3000000000,\
                      96000.5300000000,0.0000000004,sell,filled,\"A, \\\"\"B\\\"\"=\\\\C\"";
        let found: Vec<_> = answer.lines().collect();
        assert_eq!(found[0], format!("name,{names}"));
        // The client escapes texts once more in CSV; what it shows of them is compared loosely.
        let plain = |text: &str| text.replace(['\\', '"'], "");
        assert_eq!(plain(found[1]), plain(&format!("trades,{values}")));
        let answer =
            ask(&options, "select count(price) from trades where symbol = 'A, \"B\"=\\\\C'");
        assert_eq!(answer.lines().last(), Some("trades,0,1"));
        let extremes =
            Everything { a_i64: Some(i64::MIN), a_f64: Some(5e-324), ..bare(1, TimestampNs::MIN) };
        series.write(&[extremes]).await.unwrap();
        let answer = ask(&options, "select a_i64, a_f64, sure from everything");
        let want = "everything,-9223286400000000000,-9223372036854775808,5e-324,false";
        assert_eq!(answer.lines().last(), Some(want));
    });
}

#[test]
fn influx_is_read_whole_whatever_the_pieces() {
    run(async {
        let mut options = options(Influx::shared());
        let rows: Vec<_> = (0..200).map(|n| bare(n, TimestampNs::from_nanos(n))).collect();
        open(&options).await.write(&rows).await.unwrap();
        for rows_max in [1, 7, 100, 199, 200, 201] {
            options.read_rows_max = rows_max;
            let found = open(&options).await.read::<Everything>(..).await.unwrap();
            assert_eq!(found, rows, "{rows_max}");
        }
        options.read_bytes_max = 1000;
        options.read_rows_max = 200;
        let error = open(&options).await.read::<Everything>(..).await.unwrap_err();
        assert_eq!(error.code(), Code::StorageFull, "{error}");
    });
}

#[test]
fn influx_is_written_whole_whatever_the_requests() {
    run(async {
        let rows: Vec<_> = (0..300).map(trade).collect();
        for (lines, bytes) in [(1, 1 << 20), (7, 1 << 20), (1000, 1), (1000, 999), (300, 1 << 20)] {
            let mut options = options(Influx::shared());
            (options.batch_lines_max, options.batch_bytes_max) = (lines, bytes);
            let series = open(&options).await;
            let written = series.write(&rows).await.unwrap();
            assert_eq!((written.accepted, written.stored), (300, 300));
            let mut found = series.read::<Trade>(..).await.unwrap();
            found.sort_by_key(|row| row.id);
            assert_eq!(found, rows);
        }
    });
}

/// More than the server takes at once: 25,000,000 bytes.
#[test]
fn influx_requests_that_are_too_large_are_halved() {
    run(async {
        let mut options = options(Influx::shared());
        options.batch_bytes_max = 1 << 30;
        let series = open(&options).await;
        let long = "x".repeat(1_000_000);
        let rows: Vec<_> = (0..60).map(|n| Text::new(n, "a", "b", &long)).collect();
        assert_eq!(series.write(&rows).await.unwrap().stored, 60);
        assert_eq!(series.read::<Text>(..).await.unwrap().len(), 60);
        let rows = [Text::new(100, "a", "b", "c"), Text::new(101, "a", "b", &long.repeat(26))];
        let error = series.write(&rows).await.unwrap_err();
        assert_eq!(error.code(), Code::StorageFull, "{error}");
        let tally = tally(&error);
        assert_eq!((tally.stored, tally.rejected, tally.rows), (1, 1, vec![1]));
    });
}

#[test]
fn influx_accounts_for_rows_beyond_the_retention_policy() {
    run(async {
        let mut options = options(Influx::shared());
        ask(
            &options,
            &format!(
                "create retention policy short on {} duration 24h replication 1",
                options.database
            ),
        );
        options.retention_policy = Some("short".into());
        options.batch_lines_max = 40;
        let series = open(&options).await;
        let now = tradebase_core::clock::now();
        let bad = [17, 18, 63, 99];
        let rows: Vec<_> = (0..100)
            .map(|n| Trade {
                timestamp: if bad.contains(&n) { NOON_LONG_AGO } else { now },
                ..trade(n)
            })
            .collect();
        let error = series.write(&rows).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{error}");
        let tally = tally(&error);
        assert_eq!((tally.stored, tally.rejected, tally.rows), (96, 4, vec![17, 18, 63, 99]));
        assert!(tally.reason.contains("retention policy"), "{}", tally.reason);
        assert_eq!(series.read::<Trade>(..).await.unwrap().len(), 96);
        options.retention_policy = None;
        assert_eq!(open(&options).await.read::<Trade>(..).await.unwrap(), []);
        options.retention_policy = Some("none of these".into());
        let nowhere = open(&options).await;
        let error = nowhere.write(&rows[..1]).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        let error = nowhere.read::<Trade>(..).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
    });
}

const NOON_LONG_AGO: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

/// The same series, with another type for one field.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(series = "drift")]
struct Before {
    #[record(key, tag)]
    id: i64,
    sure: bool,
    value: Option<i64>,
    #[record(time)]
    at: Timestamp,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(series = "drift")]
struct After {
    #[record(key, tag)]
    id: i64,
    sure: bool,
    #[record(decimal(18, 8))]
    value: Option<Decimal>,
    #[record(time)]
    at: Timestamp,
}

/// The server counts refused lines of one shard only: `dropped=1` would be wrong here.
#[test]
fn influx_accounts_for_fields_of_another_type_in_several_shards() {
    // Far enough apart for shards of ten years, which test databases have.
    const STEP: i64 = 20 * 365 * 86_400_000_000;
    run(async {
        let options = options(Influx::shared());
        let series = open(&options).await;
        let step = |n: i64| Timestamp::from_micros(NOON.as_micros() + n * STEP);
        let before = |id, n| Before { id, sure: true, value: Some(1), at: step(n) };
        series.write(&[before(1, 0), before(2, 1), before(3, 2)]).await.unwrap();
        let after = |id, value: Option<Decimal>, n| After { id, sure: true, value, at: step(n) };
        let one = Some(Decimal::from(1));
        let rows = [
            after(10, one, 0),
            after(11, None, 0),
            after(12, one, 1),
            after(13, one, 2),
            after(14, None, 2),
            after(15, one, 9),
        ];
        let error = series.write(&rows).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        let tally = tally(&error);
        assert_eq!((tally.stored, tally.rejected, tally.rows), (3, 3, vec![0, 2, 3]));
        // Row 5 went to a shard of its own, so the field now has two types. The server would give
        // nulls for the values of one of them.
        for error in [
            series.read::<After>(..).await.unwrap_err(),
            series.read::<Before>(..).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
            assert_eq!(error.column_name(), Some("value"));
        }
    });
}

#[test]
fn influx_without_the_database_says_so_and_makes_it() {
    run(async {
        let mut options = options(Influx::shared());
        options.database = format!("{} \"quoted\", spaced é", options.database);
        let series = open(&options).await;
        let error = series.write(&[trade(1)]).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        assert_eq!(tally(&error).unsent, 1);
        let error = series.read::<Trade>(..).await.unwrap_err();
        assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        series.create::<Trade>().await.unwrap();
        series.create::<Trade>().await.unwrap();
        series.write(&[trade(1)]).await.unwrap();
        assert_eq!(series.read::<Trade>(..).await.unwrap(), [trade(1)]);
    });
}

#[test]
fn influx_columns_are_in_the_server_what_their_type_is_called() {
    run(async {
        let options = options(Influx::shared());
        let series = open(&options).await;
        let row = largest(1, TimestampNs::from_nanos(1));
        series.write(std::slice::from_ref(&row)).await.unwrap();
        let keys = |what: &str| -> Vec<Vec<String>> {
            let text = ask(&options, &format!("SHOW {what} KEYS FROM everything"));
            text.lines().map(|line| line.split(',').skip(1).map(str::to_owned).collect()).collect()
        };
        let (tags, fields) = (keys("TAG"), keys("FIELD"));
        for column in <Everything as Record>::TABLE.columns {
            let (name, called) = (column.name.text, influx_type(column));
            let tag = tags.iter().find(|key| key[0] == name);
            let field = fields.iter().find(|key| key[0] == name);
            let wanted = match (tag, field) {
                (Some(_), None) => "tag".to_owned(),
                (None, Some(key)) => format!("{} field", key[1]),
                (None, None) if name == "at" => "time".to_owned(),
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(called, wanted, "{name}");
        }
        let tick = <Tick as Record>::TABLE.columns.iter();
        let sequence = tick.clone().find(|column| column.name.text == "sequence").unwrap();
        assert_eq!(influx_type(sequence), "time", "a part of it");
    });
}

/// What the record has and the series has not is absent, and the other way round passed over.
#[test]
fn influx_reads_points_of_older_and_newer_versions() {
    #[derive(Record, Clone, Debug, PartialEq)]
    #[record(series = "versions")]
    struct Old {
        #[record(key, tag)]
        id: i64,
        value: i64,
        #[record(time)]
        at: Timestamp,
    }
    #[derive(Record, Clone, Debug, PartialEq)]
    #[record(series = "versions")]
    struct New {
        #[record(key, tag)]
        id: i64,
        #[record(tag)]
        venue: Option<String>,
        value: i64,
        #[record(default = 7)]
        added: i64,
        note: Option<String>,
        #[record(time)]
        at: Timestamp,
    }
    run(async {
        let series = influx().await;
        let at = |n| Timestamp::from_micros(n);
        let new = |id, venue: Option<&str>, added| New {
            id,
            venue: venue.map(Into::into),
            value: 1,
            added,
            note: venue.map(Into::into),
            at: at(id),
        };
        series.write(&[Old { id: 1, value: 1, at: at(1) }]).await.unwrap();
        assert_eq!(series.read::<New>(..).await.unwrap(), [new(1, None, 7)]);
        series.write(&[new(2, Some("x"), 8)]).await.unwrap();
        assert_eq!(series.read::<New>(..).await.unwrap(), [new(1, None, 7), new(2, Some("x"), 8)]);
        let old = series.read::<Old>(..).await.unwrap();
        assert_eq!(old, [Old { id: 1, value: 1, at: at(1) }, Old { id: 2, value: 1, at: at(2) }]);
    });
}

/// Stored bytes that a record cannot take are an error, not a guess.
#[test]
fn influx_points_that_do_not_fit_the_record_are_errors() {
    #[derive(Record, Clone, Debug, PartialEq)]
    #[record(series = "narrow")]
    struct Wide {
        #[record(key, tag)]
        id: i64,
        number: i64,
        text: String,
        #[record(time)]
        at: TimestampNs,
    }
    #[derive(Record, Clone, Debug, PartialEq)]
    #[record(series = "narrow")]
    struct Narrow {
        #[record(key, tag)]
        id: i64,
        number: i16,
        #[record(decimal(5, 2))]
        text: Decimal,
        #[record(time)]
        at: Timestamp,
    }
    run(async {
        let wide = |number, text: &str, nanos| Wide {
            id: 1,
            number,
            text: text.into(),
            at: TimestampNs::from_nanos(nanos),
        };
        for (row, column) in [
            (wide(40_000, "1.50", 1000), "number"),
            (wide(1, "1.505", 1000), "text"),
            (wide(1, "abc", 1000), "text"),
            (wide(1, "1.50", 1001), "at"),
        ] {
            let series = influx().await;
            series.write(&[row]).await.unwrap();
            let error = series.read::<Narrow>(..).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some(column)));
        }
        let series = influx().await;
        series.write(&[wide(1, "1.5", 1000)]).await.unwrap();
        assert_eq!(series.read::<Narrow>(..).await.unwrap()[0].text, Decimal::new(150, 2));
    });
}
