//! probe
mod common;
use common::*;
use std::collections::HashMap;
use tradebase_core::*;
use tradebase_series::Series;
use tradebase_testkit::Influx;
#[test]
fn probe() {
    let server = Influx::start().unwrap();
    run(async {
        let mut x = 88172645463325252u64;
        let mut next = move || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for round in 0..12 {
            let o = options(&server);
            let series = Series::influx(o.clone()).await.unwrap();
            let rows: Vec<_> = (0..10_000u32)
                .map(|n| Trade {
                    timestamp: match next() % 20 {
                        0 => Timestamp::SERIES_MIN,
                        1 => Timestamp::SERIES_MAX,
                        2..=3 => Timestamp::from_micros(0),
                        4..=7 => Timestamp::from_micros(
                            (next() as i64).rem_euclid(2 * 9_223_372_036_854_775)
                                - 9_223_372_036_854_775,
                        ),
                        _ => Timestamp::from_micros(
                            1_600_000_000_000_000 + (next() % 300_000_000_000_000) as i64,
                        ),
                    },
                    ..trade(n)
                })
                .collect();
            series.write(&rows).await.unwrap();
            for again in 0..4 {
                let found = series.read::<Trade>(..).await.unwrap();
                let n = found.len();
                let mut by: HashMap<_, usize> = HashMap::new();
                for r in &found {
                    *by.entry(r.id).or_default() += 1;
                }
                let missing: Vec<_> =
                    rows.iter().enumerate().filter(|(_, r)| !by.contains_key(&r.id)).collect();
                println!(
                    "round {round} read {again}: {n} rows, distinct {}, missing {:?}",
                    by.len(),
                    missing.iter().map(|(i, r)| (i, r.timestamp, r.id)).collect::<Vec<_>>()
                );
                for (_, r) in &missing {
                    println!(
                        "   {}",
                        tradebase_testkit::influx(
                            server.port(),
                            &o.database,
                            &format!("select price, id from trades where id='{}'", r.id)
                        )
                        .unwrap()
                    );
                }
            }
        }
    });
}
