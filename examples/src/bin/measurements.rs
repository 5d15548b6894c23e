//! The series room: latencies of a gateway, on the embedded engine, or on InfluxDB where
//! `INFLUXDB_URL` and `INFLUXDB_DATABASE` name one.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::{Config, Record, Result, TimestampNs};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(series = "example_latencies")]
struct Latency {
    #[record(key, tag, length(1..=32))]
    venue: String,
    #[record(key, time)]
    at: TimestampNs,
    micros: i64,
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let series = db.series();
        series.create::<Latency>().await?;

        let start: i64 = 1_767_605_400_000_000_000;
        let points: Vec<_> = (0..5_i64)
            .map(|i| Latency {
                venue: "XNAS".into(),
                at: TimestampNs::from_nanos(start + i * 1_000_000_000),
                micros: 180 + i * 7,
            })
            .collect();
        let written = series.write(&points).await?;
        // The same points again are the same points, not twice as many.
        series.write(&points).await?;

        let from = TimestampNs::from_nanos(start);
        let read = series.read::<Latency>(from..).await?;
        println!("accepted {}, read {}", written.accepted, read.len());
        for point in &read {
            println!("{}  {} {} us", point.at, point.venue, point.micros);
        }
        Ok(())
    })
}
