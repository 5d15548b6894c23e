//! Parts are made in time, old ones are let go, and no row is lost or doubled on the way.

use crate::common;
use tradebase_core::clock::Clock;
use tradebase_core::{Code, Record, Timestamp};
use tradebase_sql::{Keep, PartOptions, Sql, SqlOptions};
use tradebase_testkit::drop_after;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", partition_by(month, on = at))]
struct Trade {
    #[record(key)]
    id: i64,
    #[record(key, index)]
    at: Timestamp,
    size: i64,
}

fn trade(id: i64, at: &str) -> Trade {
    Trade { id, at: at.parse().unwrap(), size: id }
}

/// A row in the middle of each month, from the June of that year on.
fn months(year: i64, count: i64) -> Vec<Trade> {
    let at = |i: i64| format!("{}-{:02}-15T12:00:00Z", year + (5 + i) / 12, (5 + i) % 12 + 1);
    (0..count).map(|i| trade(i, &at(i))).collect()
}

/// A store whose clock stands in November 2026, with the table in it.
async fn open(url: &str) -> (Sql, Clock) {
    let clock = Clock::manual("2026-11-21T20:00:00Z".parse().unwrap());
    let sql = Sql::open_with(SqlOptions::new(url).clock(clock.clone())).await.unwrap();
    sql.create_table::<Trade>().await.unwrap();
    (sql, clock)
}

const TABLES: [&tradebase_core::Table; 1] = [Trade::TABLE];

addressed! {
    async fn retention_keeps_every_newer_row(url: &str) {
        let (sql, _) = open(url).await;
        let rows = months(2025, 24);
        sql.insert_many(&rows).await.unwrap();
        let edge = [trade(100, "2026-08-31T23:59:59.999999Z"), trade(101, "2026-09-01T00:00:00Z")];
        sql.insert_many(&edge).await.unwrap();
        let options = PartOptions::default().keep(Keep::Parts(2)).drop_old();
        let told = sql.keep_parts(&TABLES, &options.clone().dry_run()).await.unwrap();
        assert!(told.dry_run);
        assert_eq!(sql.count::<Trade>().await.unwrap(), 26, "nothing is done");
        sql.keep_parts(&TABLES, &options).await.unwrap();
        let first = edge[1].at;
        let mut kept = [&rows[..], &edge].concat();
        kept.retain(|row| row.at >= first);
        kept.sort_by_key(|row| row.id);
        assert_eq!(sql.all::<Trade>().await.unwrap(), kept);
        let again = sql.keep_parts(&TABLES, &options).await.unwrap();
        let table = &again.tables[0];
        assert!(table.dropped.is_empty() && table.made.is_empty(), "{again:?}");
        assert_eq!((table.deleted, table.moved, table.in_default), (0, 0, 0));
        assert_eq!(sql.default_parts_in_use(&TABLES).await.unwrap().len(), 0);
        sql.close().await.unwrap();
    }

    async fn dropped_at_any_poll_every_row_stays_and_the_next_call_goes_on(url: &str) {
        const POLLS_MAX: u32 = 2_000;
        let (sql, _) = open(url).await;
        let old = ["2019-01-01T00:00:00Z", "2019-02-01T00:00:00Z"];
        let keep = PartOptions::default().ahead(0).keep(Keep::Parts(0)).drop_old();
        let mut ended = false;
        for polls in 1..POLLS_MAX {
            let id = i64::from(polls);
            // One that is kept, whose part is not made yet, and old ones.
            let (year, month) = (2100 + polls / 12, polls % 12 + 1);
            let kept = trade(id, &format!("{year}-{month:02}-01T00:00:00Z"));
            sql.insert(&kept).await.unwrap();
            sql.insert_many(&old.map(|at| trade(id, at))).await.unwrap();
            let done = drop_after(sql.keep_parts(&TABLES, &keep), polls, false).await;
            ended = done.is_some();
            done.transpose().unwrap();
            drop_after(sql.default_parts_in_use(&TABLES), polls, true).await.transpose().unwrap();
            let first = "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
            let rows = sql.find::<Trade>().filter(Trade::AT.since(first));
            assert_eq!(rows.count().await.unwrap(), u64::from(polls), "after {polls} polls");
            if ended {
                break;
            }
        }
        assert!(ended, "it does not end");
        let report = sql.keep_parts(&TABLES, &keep).await.unwrap();
        assert_eq!(report.tables[0].in_default, 0);
        let first = sql.find::<Trade>().order_by(Trade::AT.asc()).first().await.unwrap();
        assert_eq!(first.map(|row| row.id), Some(1), "the old ones are gone");
        sql.close().await.unwrap();
    }

    async fn what_has_no_parts_is_passed_over(url: &str) {
        #[derive(Record)]
        #[record(table = "plain")]
        struct Plain {
            #[record(key)]
            id: i64,
        }
        let (sql, _) = open(url).await;
        let report = sql.keep_parts(&[Plain::TABLE], &PartOptions::default()).await.unwrap();
        assert_eq!(report.tables, []);
        assert_eq!(sql.default_parts_in_use(&[Plain::TABLE]).await.unwrap().len(), 0);
        sql.close().await.unwrap();
    }
}

#[tokio::test]
async fn sqlite_deletes_old_rows_some_at_a_time_and_only_when_told() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    let (sql, _) = open(&common::url(&folder.file("parts.db"))).await;
    let old: Vec<_> = (0..4_500).map(|id| trade(id, "2026-01-05T00:00:00Z")).collect();
    sql.insert_many(&old).await.unwrap();
    sql.insert(&trade(1, "2026-11-01T00:00:00Z")).await.unwrap();
    let keep = PartOptions::default().keep(Keep::Parts(0));
    let error = sql.keep_parts(&TABLES, &keep).await.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert_eq!(sql.count::<Trade>().await.unwrap(), 4_501);
    for (options, left) in [(keep.clone().drop_old().dry_run(), 4_501), (keep.drop_old(), 1)] {
        let report = sql.keep_parts(&TABLES, &options).await.unwrap();
        assert_eq!(report.tables[0].deleted, 4_500);
        assert_eq!(sql.count::<Trade>().await.unwrap(), left);
    }
    sql.close().await.unwrap();
}

#[cfg(feature = "postgres")]
mod postgres_parts {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tradebase_testkit::{Database, Postgres, psql};

    use super::*;

    async fn store() -> (Database, Sql, Clock) {
        let database = Postgres::shared().database();
        let (sql, clock) = open(&database.url()).await;
        (database, sql, clock)
    }

    fn ahead(parts: u32) -> PartOptions {
        PartOptions::default().ahead(parts)
    }

    /// Which part each row is in.
    async fn places(sql: &Sql) -> Vec<String> {
        let text = "SELECT tableoid::regclass::text FROM trades ORDER BY at, id";
        let rows = sql.query::<tradebase_sql::Fields<(String,)>>(text, ()).await.unwrap();
        rows.into_iter().map(|tradebase_sql::Fields((name,))| name).collect()
    }

    async fn ask(sql: &Sql, text: &str) -> i64 {
        sql.query_scalar(common::built(text), ()).await.unwrap()
    }

    #[tokio::test]
    async fn are_made_ahead_by_the_clock_of_the_store() {
        let (_database, sql, clock) = store().await;
        let names = ["trades__p2026_11", "trades__p2026_12", "trades__p2027_01"];
        let would = sql.keep_parts(&TABLES, &ahead(2).dry_run()).await.unwrap();
        assert_eq!(would.tables[0].made, names);
        let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'trades'::regclass";
        assert_eq!(ask(&sql, parts).await, 1, "only the default one");
        let done = sql.keep_parts(&TABLES, &ahead(2)).await.unwrap();
        assert_eq!(done.tables[0].made, names);
        assert_eq!(ask(&sql, parts).await, 4);
        let checks = "SELECT count(*) FROM pg_constraint WHERE conname = 'tradebase_bounds'";
        assert_eq!(ask(&sql, checks).await, 0);
        let again = sql.keep_parts(&TABLES, &ahead(2)).await.unwrap();
        assert!(again.tables[0].made.is_empty());
        clock.advance(Duration::from_secs(15 * 86_400));
        let later = sql.keep_parts(&TABLES, &ahead(2)).await.unwrap();
        assert_eq!(later.tables[0].made, ["trades__p2027_02"]);
        let edges = ["2026-11-01T00:00:00Z", "2026-11-30T23:59:59.999999Z", "2026-12-01T00:00:00Z"];
        let rows: Vec<_> = (0..).zip(edges).map(|(id, at)| trade(id, at)).collect();
        sql.insert_many(&rows).await.unwrap();
        assert_eq!(places(&sql).await, [names[0], names[0], names[1]]);
        // Whatever the parent has, the parts have: else an index would be missed in silence.
        let bare = "SELECT count(*) FROM pg_inherits i WHERE inhparent = 'trades'::regclass AND \
                    (SELECT count(*) FROM pg_index WHERE indrelid = i.inhrelid) <> 2";
        assert_eq!(ask(&sql, bare).await, 0);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn rows_without_a_part_are_seen_and_given_one() {
        let (database, sql, _) = store().await;
        sql.keep_parts(&TABLES, &ahead(1)).await.unwrap();
        let ends = ["0001-01-01T00:00:00Z", "2026-11-21T20:00:00Z", "9999-12-31T23:59:59.999999Z"];
        let mut rows: Vec<_> = (0..).zip(ends).map(|(id, at)| trade(id, at)).collect();
        rows.extend((10..40).map(|id| trade(id, "2031-05-06T07:08:09.123456Z")));
        sql.insert_many(&rows).await.unwrap();
        let found = sql.default_parts_in_use(&TABLES).await.unwrap();
        assert_eq!(found.iter().map(|t| t.name).collect::<Vec<_>>(), ["trades"]);
        // What somebody else hangs on the table is not touched by the move.
        let audit = "CREATE TABLE gone (id bigint); \
             CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO gone VALUES (OLD.id); RETURN OLD; END'; \
             CREATE TRIGGER noted AFTER DELETE ON trades FOR EACH ROW EXECUTE FUNCTION noted()";
        psql(&database.url(), audit).unwrap();
        let would = sql.keep_parts(&TABLES, &ahead(1).dry_run()).await.unwrap();
        assert_eq!((would.tables[0].moved, would.tables[0].in_default), (32, 32));
        let done = sql.keep_parts(&TABLES, &ahead(1)).await.unwrap();
        assert_eq!(done.tables[0].made, would.tables[0].made);
        assert_eq!((done.tables[0].moved, done.tables[0].in_default), (32, 0));
        assert_eq!(sql.default_parts_in_use(&TABLES).await.unwrap().len(), 0);
        assert_eq!(sql.all::<Trade>().await.unwrap(), rows);
        let places = places(&sql).await;
        assert_eq!(
            (places[0].as_str(), places[32].as_str()),
            ("trades__p0001_01", "trades__p9999_12")
        );
        assert_eq!(ask(&sql, "SELECT count(*) FROM gone").await, 0, "no trigger fires");
        sql.delete::<Trade>(&rows[4].key()).await.unwrap();
        assert_eq!(ask(&sql, "SELECT count(*) FROM gone").await, 1, "and they are all there");
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn rows_that_are_pointed_to_stay_where_they_are() {
        let (database, sql, _) = store().await;
        let row = trade(1, "2031-05-06T00:00:00Z");
        sql.insert(&row).await.unwrap();
        let child = "CREATE TABLE fees (id bigint, at timestamptz, \
                     FOREIGN KEY (id, at) REFERENCES trades ON DELETE CASCADE); \
                     INSERT INTO fees SELECT id, at FROM trades";
        psql(&database.url(), child).unwrap();
        let error = sql.keep_parts(&TABLES, &ahead(1)).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference, "{error}");
        assert_eq!(sql.all::<Trade>().await.unwrap(), [row]);
        assert_eq!(ask(&sql, "SELECT count(*) FROM fees").await, 1, "nothing cascades");
        assert_eq!(ask(&sql, "SELECT partdefid::bigint FROM pg_partitioned_table").await.min(1), 1);
        assert!(error.to_string().contains("trades__p2031_05"), "{error}");
        let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'trades'::regclass";
        assert_eq!(ask(&sql, parts).await, 3, "those ahead are made all the same");
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_column_that_comes_meanwhile_goes_along_with_its_values() {
        let (database, sql, _) = store().await;
        sql.keep_parts(&TABLES, &ahead(0)).await.unwrap();
        sql.insert(&trade(1, "2031-05-06T00:00:00Z")).await.unwrap();
        let other = Sql::open(&database.url()).await.unwrap();
        let mut reader = other.connection().await.unwrap();
        reader.batch("BEGIN; SELECT count(*) FROM trades").await.unwrap();
        let keeper = tokio::spawn({
            let sql = sql.clone();
            async move { sql.keep_parts(&TABLES, &ahead(0)).await }
        });
        let waits = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' \
                     AND NOT granted AND relation = 'trades'::regclass";
        while ask(&sql, waits).await == 0 {
            assert!(!keeper.is_finished(), "the moment was missed");
        }
        let column = "ALTER TABLE trades ADD COLUMN fee bigint; UPDATE trades SET fee = 7; COMMIT";
        reader.batch(column).await.unwrap();
        reader.release().await.unwrap();
        assert_eq!(keeper.await.unwrap().unwrap().tables[0].moved, 1);
        assert_eq!(ask(&sql, "SELECT fee FROM trades__p2031_05").await, 7);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn rows_that_move_are_not_lost_from_an_older_view() {
        let (database, sql, _) = store().await;
        sql.keep_parts(&TABLES, &ahead(0)).await.unwrap();
        sql.insert(&trade(1, "2031-05-06T00:00:00Z")).await.unwrap();
        let other = Sql::open(&database.url()).await.unwrap();
        let mut reader = other.connection().await.unwrap();
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1";
        reader.batch(begin).await.unwrap();
        let keeper = tokio::spawn({
            let sql = sql.clone();
            async move { sql.keep_parts(&TABLES, &ahead(0)).await }
        });
        let looks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' \
                     AND granted AND relation = 'trades'::regclass";
        while ask(&sql, looks).await == 0 {
            assert!(!keeper.is_finished(), "the moment was missed");
        }
        let text = "SELECT count(*) FROM trades WHERE at = '2031-05-06T00:00:00Z'";
        assert_eq!(reader.query_scalar::<i64>(text, ()).await.unwrap(), 1);
        reader.release().await.unwrap();
        assert_eq!(keeper.await.unwrap().unwrap().tables[0].moved, 1);
        assert_eq!(sql.count::<Trade>().await.unwrap(), 1);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn keys_are_given_by_the_table_alone() {
        let (database, sql, _) = store().await;
        let identity = "ALTER TABLE trades ALTER id ADD GENERATED BY DEFAULT AS IDENTITY";
        psql(&database.url(), identity).unwrap();
        sql.keep_parts(&TABLES, &ahead(1)).await.unwrap();
        let own = "SELECT count(*) FROM pg_attribute WHERE attidentity <> '' \
                   AND attrelid IN (SELECT inhrelid FROM pg_inherits)";
        assert_eq!(ask(&sql, own).await, 0);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_one_table_lacks_does_not_stop_the_others() {
        #[derive(Record)]
        #[record(table = "lost", partition_by(month, on = at))]
        struct Lost {
            #[record(key)]
            at: Timestamp,
        }
        let (_database, sql, _) = store().await;
        let tables = [Lost::TABLE, Trade::TABLE];
        let error = sql.keep_parts(&tables, &ahead(1)).await.unwrap_err();
        assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Lost")));
        let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'trades'::regclass";
        assert_eq!(ask(&sql, parts).await, 3);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_is_ahead_lets_nothing_go() {
        let (database, sql, _) = store().await;
        let rows: Vec<_> = (1..4).map(|id| trade(id, "2099-05-06T00:00:00Z")).collect();
        sql.insert_many(&rows).await.unwrap();
        sql.insert(&trade(9, "2020-05-06T00:00:00Z")).await.unwrap();
        sql.keep_parts(&TABLES, &ahead(0)).await.unwrap();
        let clock = Clock::manual("2199-11-21T20:00:00Z".parse().unwrap());
        let wrong = SqlOptions::new(database.url()).clock(clock);
        let wrong = Sql::open_with(wrong).await.unwrap();
        let keep = ahead(0).keep(Keep::Parts(1)).drop_old();
        let error = wrong.keep_parts(&TABLES, &keep).await.unwrap_err();
        assert_eq!(error.code(), Code::Config, "{error}");
        assert!(error.to_string().contains("the clock is ahead of the server's"), "{error}");
        assert_eq!(sql.all::<Trade>().await.unwrap(), rows, "what is old by both clocks goes");
        wrong.close().await.unwrap();
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn are_detached_with_their_rows_and_come_back_under_another_name() {
        let (_database, sql, _) = store().await;
        let rows = months(2026, 6);
        sql.insert_many(&rows).await.unwrap();
        let keep = ahead(0).keep(Keep::Parts(3));
        let done = sql.keep_parts(&TABLES, &keep).await.unwrap();
        let table = &done.tables[0];
        assert_eq!(table.detached, ["trades__p2026_06", "trades__p2026_07"]);
        assert_eq!((table.made.len(), table.moved, table.dropped.len()), (6, 6, 0));
        assert_eq!(sql.all::<Trade>().await.unwrap(), rows[2..]);
        assert_eq!(ask(&sql, "SELECT id FROM trades__p2026_07").await, 1);
        // A row that comes late goes the same way, and takes nothing from the one that went.
        sql.insert(&trade(77, "2026-07-01T00:00:00Z")).await.unwrap();
        let done = sql.keep_parts(&TABLES, &keep).await.unwrap();
        assert_eq!(done.tables[0].detached, ["trades__p2026_07_2"]);
        assert_eq!(ask(&sql, "SELECT id FROM trades__p2026_07_2").await, 77);
        let done =
            sql.keep_parts(&TABLES, &ahead(0).keep(Keep::Parts(1)).drop_old()).await.unwrap();
        assert_eq!(done.tables[0].dropped, ["trades__p2026_08", "trades__p2026_09"]);
        assert_eq!(sql.all::<Trade>().await.unwrap(), rows[4..]);
        assert_eq!(ask(&sql, "SELECT id FROM trades__p2026_06").await, 0, "still there");
        let gone = sql.execute("SELECT 1 FROM trades__p2026_08", ()).await.unwrap_err();
        assert_eq!(gone.code(), Code::SchemaMismatch);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn without_a_default_one_are_detached_beside_others_and_what_was_begun_is_ended() {
        let (database, sql, _) = store().await;
        sql.insert_many(&months(2026, 6)).await.unwrap();
        sql.keep_parts(&TABLES, &ahead(0)).await.unwrap();
        psql(&database.url(), "DROP TABLE trades__default").unwrap();
        let other = Sql::open(&database.url()).await.unwrap();
        // A reader holds the table, and the one who detaches is interrupted.
        let reader = sql.transaction(async |tx| {
            tx.count::<Trade>().await?;
            let detach = "ALTER TABLE trades DETACH PARTITION trades__p2026_06 CONCURRENTLY";
            let mut connection = other.connection().await?;
            connection.batch("SET lock_timeout = 100").await?;
            let detached = connection.batch(detach).await;
            Ok::<_, tradebase_core::Error>(detached.is_err())
        });
        assert!(reader.await.unwrap());
        let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
        assert_eq!(ask(&sql, pending).await, 1);
        let done = sql.keep_parts(&TABLES, &ahead(0).keep(Keep::Parts(3))).await.unwrap();
        assert_eq!(done.tables[0].detached, ["trades__p2026_06", "trades__p2026_07"]);
        assert_eq!(sql.count::<Trade>().await.unwrap(), 4);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn several_at_once_take_turns() {
        let (database, sql, _) = store().await;
        let rows = months(2026, 12);
        sql.insert_many(&rows).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let (other, _) = open(&database.url()).await;
            tasks.spawn(async move {
                let done = other.keep_parts(&TABLES, &ahead(20)).await.unwrap();
                other.close().await.unwrap();
                done.tables.into_iter().next().unwrap()
            });
        }
        let all = tasks.join_all().await;
        assert_eq!(all.iter().map(|table| table.moved).sum::<u64>(), 12);
        let mut made: Vec<_> = all.into_iter().flat_map(|table| table.made).collect();
        made.sort_unstable();
        let count = made.len();
        made.dedup();
        assert_eq!((made.len(), count), (26, 26), "June 2026 to July 2028, each once");
        assert_eq!(sql.all::<Trade>().await.unwrap(), rows);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn readers_and_writers_go_on_beside() {
        let (_database, sql, clock) = store().await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for writer in 0..3_i64 {
            let (sql, stop) = (sql.clone(), stop.clone());
            writers.spawn(async move {
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    // Into each month of some years, whether its part is there or not.
                    let at =
                        format!("{}-{:02}-03T00:00:00Z", 2026 + written / 12 % 4, written % 12 + 1);
                    sql.insert(&trade(writer * 1_000_000 + written, &at)).await.unwrap();
                    written += 1;
                }
                written
            });
        }
        let mut readers = JoinSet::new();
        for _ in 0..2 {
            let (sql, stop) = (sql.clone(), stop.clone());
            readers.spawn(async move {
                let mut most = 0;
                while !stop.load(Ordering::Relaxed) {
                    let now = sql.count::<Trade>().await.unwrap();
                    assert!(now >= most, "rows were lost from sight: {now} after {most}");
                    most = now;
                }
            });
        }
        let mut moved = 0;
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            moved += sql.keep_parts(&TABLES, &ahead(2)).await.unwrap().tables[0].moved;
            clock.advance(Duration::from_secs(40 * 86_400));
        }
        stop.store(true, Ordering::Relaxed);
        readers.join_all().await;
        let written: i64 = writers.join_all().await.into_iter().sum();
        assert!(moved > 0);
        assert_eq!(sql.count::<Trade>().await.unwrap(), written.unsigned_abs());
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_row_that_comes_while_its_part_is_attached_goes_there() {
        let (database, sql, _) = store().await;
        // Makes the moment longer in which the part is attached and not committed.
        let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS \
                    'BEGIN PERFORM pg_sleep(0.15); END'; \
                    CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('ALTER TABLE') \
                    EXECUTE FUNCTION slow()";
        psql(&database.url(), slow).unwrap();
        let other = sql.clone();
        let keeper = tokio::spawn(async move { other.keep_parts(&TABLES, &ahead(0)).await });
        let attached = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' \
                        AND relation = 'trades__default'::regclass";
        while ask(&sql, attached).await == 0 {
            assert!(!keeper.is_finished(), "the moment was missed");
        }
        sql.insert(&trade(1, "2026-11-02T00:00:00Z")).await.unwrap();
        assert_eq!(keeper.await.unwrap().unwrap().tables[0].moved, 0);
        assert_eq!(places(&sql).await, ["trades__p2026_11"]);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn wait_for_a_table_that_is_in_use_and_let_others_pass() {
        let (_database, sql, _) = store().await;
        sql.keep_parts(&TABLES, &ahead(0)).await.unwrap();
        let other = sql.clone();
        let holder = tokio::spawn(async move {
            other
                .transaction(async |tx| {
                    tx.insert(&trade(1, "2026-11-02T00:00:00Z")).await?;
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    Ok::<_, tradebase_core::Error>(())
                })
                .await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let done = sql.keep_parts(&TABLES, &ahead(1)).await.unwrap();
        assert_eq!(done.tables[0].made, ["trades__p2026_12"]);
        holder.await.unwrap().unwrap();
        assert_eq!(sql.count::<Trade>().await.unwrap(), 1);
        sql.close().await.unwrap();
    }

    #[tokio::test]
    async fn of_a_table_that_is_not_cut_so_are_an_error_that_says_so() {
        let database = Postgres::shared().database();
        let sql = Sql::open(&database.url()).await.unwrap();
        let columns = "(id bigint, at timestamptz, size bigint, PRIMARY KEY (id, at))";
        for (make, said) in [
            ("SELECT 1".to_owned(), "there is no such table"),
            (format!("CREATE TABLE trades {columns}"), "is not cut into parts"),
            (
                format!("DROP TABLE trades; CREATE TABLE trades {columns} PARTITION BY RANGE (id)"),
                "is not cut by the time",
            ),
        ] {
            psql(&database.url(), &make).unwrap();
            let error = sql.keep_parts(&TABLES, &ahead(1)).await.unwrap_err();
            assert_eq!(error.code(), Code::SchemaMismatch);
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(sql.default_parts_in_use(&TABLES).await.unwrap().len(), 0);
        }
        sql.close().await.unwrap();
    }
}
