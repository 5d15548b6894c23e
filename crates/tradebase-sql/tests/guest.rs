//! Strangers read what they are allowed to, and do nothing else: by our wall, and by the engine's
//! alone.

#[path = "guest/attacks.rs"]
mod attacks;
#[path = "common/mod.rs"]
mod common;
#[path = "guest/harmless.rs"]
mod harmless;
#[path = "guest/house.rs"]
mod house;

use std::time::{Duration, Instant};

use house::{CANARY, House, Ledger, TABLES, fills};
use tradebase_core::{Code, Decimal, Record, Value};
use tradebase_sql::{GUESTS_AT_ONCE, GuestOptions};
use tradebase_testkit::drop_after;

/// The time of a query where the engine's wall stands alone.
const SHORT: Duration = Duration::from_millis(200);
/// What a limit of our own may be late.
const LATE: Duration = Duration::from_secs(3);
/// Rows that need so many steps that no engine comes to the end.
const ENDLESS: &str = "SELECT count(*) FROM fills a, fills b, fills c, fills d, fills e, fills f, \
                       fills g, fills h, fills i, fills j, fills k, fills l, fills m, fills n, \
                       fills o, fills p WHERE a.size + b.size + c.size + p.size > -1";

/// The attacks on an engine.
fn attacks(house: &impl House) -> Vec<&'static str> {
    let own = if house.is_sqlite() { attacks::SQLITE } else { attacks::POSTGRES };
    let all: Vec<_> = attacks::SHARED.iter().chain(own).copied().collect();
    assert!(all.len() >= 150, "the corpus has {} attacks", all.len());
    all
}

async fn attacks_are_refused(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let before = house.everything();
    let mut passed = Vec::new();
    for attack in attacks(house) {
        match guest.query(attack).await {
            Err(error) if [Code::Injection, Code::AccessDenied].contains(&error.code()) => {
                assert!(error.to_string().len() < 500, "{error}");
            }
            other => passed.push(format!("{attack}\n    {other:?}")),
        }
    }
    assert!(passed.is_empty(), "not refused:\n{}", passed.join("\n"));
    assert_eq!(house.everything(), before);
}

async fn the_engine_holds_alone(house: &impl House) {
    let options = GuestOptions::new().unparsed().wait(SHORT).rows_max(1_000);
    let guest = house.sql().guest(options).unwrap();
    let before = house.everything();
    let mut seen = Vec::new();
    for attack in attacks(house) {
        let begun = Instant::now();
        let found = guest.query(attack).await;
        let took = begun.elapsed();
        if took > SHORT + LATE {
            seen.push(format!("{attack}\n    took {took:?}"));
        }
        if let Ok(found) = &found
            && format!("{found:?}").contains(CANARY)
        {
            seen.push(format!("{attack}\n    {found:?}"));
        }
    }
    for hidden in ["SELECT count(*) FROM secrets", "SELECT 1 FROM secrets", "SELECT 1 FROM peek"] {
        let error = guest.query(hidden).await.unwrap_err();
        assert_eq!(error.code(), Code::AccessDenied, "{hidden}: {error}");
    }
    assert!(seen.is_empty(), "the engine let through:\n{}", seen.join("\n"));
    let after = house.everything();
    assert_eq!(after, before, "something was written");
}

async fn analysts_are_served(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let own = if house.is_sqlite() { harmless::SQLITE } else { harmless::POSTGRES };
    let mut refused = Vec::new();
    for query in harmless::SHARED.iter().chain(own) {
        match guest.query(query).await {
            Err(error) => refused.push(format!("{query}\n    {error}")),
            Ok(found) => {
                // Rendered anew, it finds what it finds as it stands.
                let plain = house.sql().query_values(*query, &[]).await.unwrap();
                assert_eq!(found.rows.rows.len(), plain.rows.len(), "{query}");
                assert_eq!(found.rows.columns.len(), plain.columns.len(), "{query}");
                if !house.is_sqlite() {
                    assert_eq!(found.rows, plain, "{query}");
                }
            }
        }
    }
    assert!(harmless::SHARED.len() >= 60);
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
}

async fn answers_are_cut_at_the_limits_and_say_so(house: &impl House) {
    let all = fills().len();
    let ask = async |options: GuestOptions| {
        let guest = house.sql().guest(options).unwrap();
        let found = guest.query("SELECT id, symbol FROM fills ORDER BY id").await.unwrap();
        (found.rows.rows.len(), found.is_cut)
    };
    assert_eq!(ask(GuestOptions::new()).await, (all, false));
    assert_eq!(ask(GuestOptions::new().rows_max(all)).await, (all, false));
    assert_eq!(ask(GuestOptions::new().rows_max(all - 1)).await, (all - 1, true));
    assert_eq!(ask(GuestOptions::new().rows_max(0)).await, (0, true));
    let (rows, is_cut) = ask(GuestOptions::new().bytes_max(40)).await;
    assert!(is_cut && rows > 0 && rows < all, "{rows}");
}

async fn a_query_is_ended_when_its_time_is_over(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new().wait(SHORT)).unwrap();
    let begun = Instant::now();
    let error = guest.query(ENDLESS).await.unwrap_err();
    assert_eq!(error.code(), Code::TimedOut, "{error}");
    assert!(begun.elapsed() < SHORT + LATE, "{:?}", begun.elapsed());
    let recursive = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) \
                     SELECT count(*) FROM r";
    let options = GuestOptions::new().wait(SHORT).recursion(true);
    let error = house.sql().guest(options).unwrap().query(recursive).await.unwrap_err();
    assert_eq!(error.code(), Code::TimedOut, "{error}");
    house.nothing_runs().await;
}

async fn a_query_that_is_dropped_ends_and_gives_its_place_back(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    for _ in 0..2 * GUESTS_AT_ONCE {
        let query = guest.query(ENDLESS);
        assert!(tokio::time::timeout(Duration::from_millis(50), query).await.is_err());
    }
    house.nothing_runs().await;
    guest.query("SELECT 1").await.unwrap();
}

async fn a_query_is_dropped_at_every_poll(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let query = "SELECT id, symbol FROM fills ORDER BY id";
    for polls in 1..200 {
        if let Some(ended) = drop_after(guest.query(query), polls, true).await {
            assert_eq!(ended.unwrap().rows.rows.len(), fills().len());
            break;
        }
        // Each place has been given back, or is about to be.
        for _ in 0..GUESTS_AT_ONCE {
            guest.query("SELECT 1").await.unwrap();
        }
        assert!(polls < 199, "the query does not end");
    }
    house.nothing_runs().await;
}

async fn deep_and_long_texts_are_refused_in_time(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let begun = Instant::now();
    for attack in [
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT {}1", "(".repeat(30_000)),
        format!("SELECT {}1", "- ".repeat(3_000)),
        format!("SELECT {}true", "NOT ".repeat(3_000)),
        format!("SELECT 1{}", " + 1".repeat(15_000)),
        format!("SELECT {}1{}", "CASE WHEN ".repeat(500), " THEN 1 END".repeat(500)),
        format!("{}SELECT 1{}", "SELECT * FROM (".repeat(500), ") AS x".repeat(500)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(3_000)),
        format!("SELECT '{}'", "x".repeat(100_000)),
        format!("SELECT {}", "a".repeat(70_000)),
        "SELECT 1 ".repeat(8_000),
        format!("SELECT {}1{}", "position(".repeat(37), ")".repeat(37)),
        format!("SELECT {}1{}", "position(".repeat(25), ")".repeat(25)),
        format!("SELECT {}1{}", "Position ( (".repeat(15), "))".repeat(15)),
        format!("SELECT {}1{}", "position(1, ".repeat(30), ")".repeat(30)),
        format!("SELECT {}1", "position(".repeat(30)),
        format!("SELECT {}1{}", "1 IN (VALUES(".repeat(15), "), 2)".repeat(15)),
        format!("SELECT {}1{}", "1 IN (value(".repeat(15), "), 2)".repeat(15)),
    ] {
        let error = guest.query(&attack).await.unwrap_err();
        assert_eq!(error.code(), Code::Injection, "{error}");
        assert!(error.to_string().len() < 300);
    }
    // As deep as it goes: our own stack holds, and the engine may say no.
    _ = guest.query(&format!("SELECT 1{}", " + 1".repeat(1_990))).await;
    _ = guest.query(&format!("SELECT 1{}", " AND 1".repeat(1_990))).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
}

async fn tables_and_functions_are_those_that_were_said(house: &impl House) {
    let sql = house.sql();
    let bots = sql.guest(GuestOptions::new().tables([house::Bot::TABLE]));
    if house.is_sqlite() {
        let bots = bots.unwrap();
        assert!(bots.query("SELECT * FROM bots").await.is_ok());
        let error = bots.query("SELECT * FROM fills").await.unwrap_err();
        assert_eq!(error.code(), Code::AccessDenied);
        assert!(error.to_string().contains("bots, bots_readable; not fills"), "{error}");
    }
    let plain = sql.guest(GuestOptions::new()).unwrap();
    let more = sql.guest(GuestOptions::new().functions(["version", "sqlite_version"])).unwrap();
    let ask = if house.is_sqlite() { "SELECT sqlite_version()" } else { "SELECT version()" };
    assert_eq!(plain.query(ask).await.unwrap_err().code(), Code::AccessDenied);
    assert_eq!(more.query(ask).await.unwrap().rows.rows.len(), 1);
}

async fn values_come_as_what_they_are(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let query = "SELECT f.quantity, f.price AS p, f.pnl, f.at, b.name \
                 FROM fills f JOIN bots b ON b.id = f.bot_id WHERE f.id = 1";
    let found = guest.query(query).await.unwrap().rows;
    let fill = &fills()[0];
    let cell = |at: usize| &found.rows[0][at];
    let decimal = |value: &Value| match value {
        Value::Decimal(units, scale) => Decimal::from_i128_with_scale(*units, (*scale).into()),
        other => panic!("no decimal: {other:?}"),
    };
    assert_eq!(decimal(cell(0)), fill.quantity);
    assert_eq!(decimal(cell(1)), fill.price);
    assert_eq!(decimal(cell(2)), fill.pnl.unwrap());
    assert_eq!(cell(3), &Value::Timestamp(fill.at));
    assert_eq!(found.columns, ["quantity", "p", "pnl", "at", "name"]);
    // In a union the second query's columns are not those of the first.
    let mixed = "SELECT quantity FROM fills WHERE id = 1 UNION ALL SELECT 5";
    let found = guest.query(mixed).await.unwrap().rows;
    let five = if house.is_sqlite() { Value::Int(5) } else { Value::Decimal(5, 0) };
    assert_eq!(found.rows[1][0], five);
    // Nothing where a join finds nothing.
    let outer = "SELECT f.price FROM bots b LEFT JOIN fills f ON f.bot_id = b.id AND f.id < 0";
    let found = guest.query(outer).await.unwrap().rows;
    assert!(found.rows.iter().all(|row| row[0] == Value::Null), "{found:?}");
}

#[tokio::test]
async fn sqlite_reckons_with_no_decimal_that_it_keeps_as_bytes() {
    let house = Ledger::sqlite().await;
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    for query in [
        "SELECT sum(pnl) FROM fills",
        "SELECT f.pnl + 1 FROM fills f",
        "SELECT id FROM fills WHERE pnl > 0",
        "SELECT avg((pnl)) FROM fills",
        "SELECT -pnl FROM fills",
        "SELECT id FROM fills WHERE pnl BETWEEN -1 AND 1",
    ] {
        let error = guest.query(query).await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported, "{query}: {error}");
    }
    let sum = "SELECT sum(CAST(pnl AS REAL)) FROM fills_readable";
    let want = house.sql().query_values(sum, &[]).await.unwrap();
    assert_eq!(guest.query(sum).await.unwrap().rows, want);
    for query in [
        "SELECT count(pnl), max(pnl) FROM fills WHERE pnl IS NOT NULL",
        "SELECT a.id FROM fills a JOIN fills b ON a.pnl > b.pnl",
    ] {
        guest.query(query).await.unwrap();
    }
}

async fn a_transaction_lends_no_door(house: &impl House) {
    house
        .sql()
        .transaction(async |tx| {
            let error = tx.guest(GuestOptions::new()).unwrap_err();
            assert_eq!(error.code(), Code::OutsideTransaction);
            Ok::<_, tradebase_core::Error>(())
        })
        .await
        .unwrap();
}

async fn closing_waits_for_guests_and_lets_no_more_in(house: &impl House) {
    let guest = house.sql().guest(GuestOptions::new().wait(SHORT)).unwrap();
    let asking = tokio::spawn({
        let guest = guest.clone();
        async move { guest.query(ENDLESS).await }
    });
    tokio::time::sleep(SHORT / 4).await;
    house.sql().clone().close().await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::TimedOut);
    assert_eq!(guest.query("SELECT 1").await.unwrap_err().code(), Code::Closed);
}

/// Each as a test on each engine.
macro_rules! promises {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&super::Ledger::sqlite().await).await;
            })+
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&super::Ledger::postgres().await).await;
            })+
        }
    };
}

promises! {
    attacks_are_refused
    the_engine_holds_alone
    analysts_are_served
    answers_are_cut_at_the_limits_and_say_so
    a_query_is_ended_when_its_time_is_over
    a_query_that_is_dropped_ends_and_gives_its_place_back
    a_query_is_dropped_at_every_poll
    deep_and_long_texts_are_refused_in_time
    tables_and_functions_are_those_that_were_said
    values_come_as_what_they_are
    a_transaction_lends_no_door
    closing_waits_for_guests_and_lets_no_more_in
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_ends_soon_what_cannot_be_ended_in_between() {
    let house = Ledger::sqlite().await;
    let guest = house.sql().guest(GuestOptions::new().wait(SHORT)).unwrap();
    // Steps without a jump, between which nothing is looked at.
    let sought = vec!["instr(a, b) + instr(a, b) + instr(a, b)"; 180].join(", ");
    for bytes in [15_000, 240_000] {
        let query = format!(
            "SELECT {sought} FROM (SELECT printf('%.{bytes}c', 'a') || substr(symbol, 1, 0) AS a, \
             printf('%.{}c', 'a') || 'b' AS b FROM fills LIMIT 1)",
            bytes / 2
        );
        _ = guest.query(&query).await;
    }
    // Nobody waits for it any more, but its place is taken until it ends.
    let begun = Instant::now();
    house.sql().clone().close().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn sqlite_gives_no_more_columns_than_it_is_asked_to() {
    let house = Ledger::sqlite().await;
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let wide = |columns| format!("SELECT {}", vec!["1"; columns].join(", "));
    assert_eq!(guest.query(&wide(200)).await.unwrap().rows.columns.len(), 200);
    guest.query(&wide(201)).await.unwrap_err();
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_keeps_values_that_are_too_long() {
    let house = Ledger::postgres().await;
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    let long = |from: usize, to: usize| {
        format!("replace('{}', 'a', '{}')", "a".repeat(from), "b".repeat(to))
    };
    for value in [
        long(2_000, 50_000),
        format!("{}::bytea", long(2_000, 50_000)),
        format!("to_json({})", long(2_000, 50_000)),
        format!("ARRAY[{}]", long(2_000, 50_000)),
    ] {
        let error = guest.query(&format!("SELECT 1, {value}")).await.unwrap_err();
        assert_eq!(error.code(), Code::QueryFailed, "{error}");
        assert!(error.to_string().contains("has more than 8388608 bytes"), "{error}");
    }
    let found = guest.query(&format!("SELECT {}", long(300, 50_000))).await.unwrap();
    assert!(matches!(&found.rows.rows[0][0], Value::Text(text) if text.len() == 15_000_000));
    let columns = vec!["1"; 201].join(", ");
    let error = guest.query(&format!("SELECT {columns}")).await.unwrap_err();
    assert_eq!(error.code(), Code::QueryFailed, "{error}");
}

#[tokio::test]
async fn sqlite_what_a_guest_writes_as_values_is_not_noted() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    let options = tradebase_sql::SqlOptions::new(common::url(&folder.file("test.db")))
        .create_tables(TABLES())
        .slow_after(Duration::ZERO);
    let sql = tradebase_sql::Sql::open_with(options).await.unwrap();
    let guest = sql.guest(GuestOptions::new()).unwrap();
    let query = "SELECT id, 'hunter1' FROM fills WHERE symbol = 'hunter2' AND size > 4711 \
                 AND note LIKE 'hunter3%' AND side IN ('hunter4') LIMIT 4712";
    guest.query(query).await.unwrap();
    let noted = sql.slow_calls().pop().unwrap().statement.unwrap();
    assert!(noted.contains("symbol = ? AND size > ?"), "{noted}");
    assert!(!noted.contains("hunter") && !noted.contains("471"), "{noted}");
}

#[tokio::test]
async fn sqlite_in_memory_takes_no_guests() {
    let options = tradebase_sql::SqlOptions::new("sqlite::memory:").create_tables(TABLES());
    let sql = tradebase_sql::Sql::open_with(options).await.unwrap();
    let guest = sql.guest(GuestOptions::new()).unwrap();
    assert_eq!(guest.query("SELECT 1").await.unwrap_err().code(), Code::Unsupported);
}
