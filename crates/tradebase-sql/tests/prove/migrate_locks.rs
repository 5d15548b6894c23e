//! A large table gets a column, an index and a foreign key while others read and write it: none
//! of them waits for a lock longer than the migrator itself may.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tradebase_core::{Date, Decimal, Record, Timestamp, Value};
use tradebase_sql::{MIGRATION_STATEMENT_LOCK_WAIT, Sql};
use tradebase_testkit::Postgres;

use crate::common::{self, Dice};
use crate::migrations::apply;

/// Rows of a round; a hundred rounds make a table of five million.
const ROWS: i64 = 50_000;
const BOTS: i64 = 1_000;
/// Tasks that read by key, and as many that write by key.
const TASKS: u64 = 4;
/// How long a transaction of the traffic stays open with what it has read and written.
const HELD: Duration = Duration::from_millis(40);
/// How long traffic runs before it counts.
const BEFORE: Duration = Duration::from_millis(300);
/// The shortest control run.
const CONTROL_MIN: Duration = Duration::from_secs(2);
/// How often it is looked who waits.
const LOOK: Duration = Duration::from_millis(10);

/// What the migrator's connections are called, to tell them from the traffic.
const MIGRATOR: &str = "migrator";

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    name: String,
}

/// As the table is at first.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: i64,
    bot_id: i64,
    symbol: String,
    #[record(decimal(18, 8))]
    price: Decimal,
    at: Timestamp,
}

mod next {
    use super::{Bot, Date, Decimal, Record, Timestamp};

    /// As the table is to be: a column, an index and a foreign key more.
    #[derive(Record, Clone, Debug, PartialEq)]
    #[record(table = "fills", index(symbol, at))]
    pub struct Fill {
        #[record(key)]
        id: i64,
        #[record(belongs_to = Bot, index)]
        bot_id: i64,
        symbol: String,
        #[record(decimal(18, 8))]
        price: Decimal,
        at: Timestamp,
        #[record(decimal(18, 8), default = "0")]
        fee: Decimal,
        settled: Option<Date>,
    }
}

/// What was seen of the traffic.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    calls: AtomicU64,
    slowest_us: AtomicU64,
    failed: Mutex<Vec<String>>,
    traffic_waited_us: AtomicU64,
    migrator_waited_us: AtomicU64,
    looks: AtomicU64,
}

impl Seen {
    #[allow(clippy::print_stdout, reason = "a figure of the proof")]
    fn tell(&self, what: &str, took: Duration) {
        let ms = |us: &AtomicU64| us.load(Ordering::SeqCst) / 1000;
        println!(
            "migrate_locks: {what}: {} ms; longest wait for a lock {} ms (the migrator's own {} \
             ms), slowest of {} calls {} ms, looked {} times",
            took.as_millis(),
            ms(&self.traffic_waited_us),
            ms(&self.migrator_waited_us),
            self.calls.load(Ordering::SeqCst),
            ms(&self.slowest_us),
            self.looks.load(Ordering::SeqCst),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_traffic_waits_no_longer_than_the_migrator_may() {
    let _alone = crate::alone().await;
    let rounds = i64::try_from(crate::rounds()).unwrap();
    let rows = ROWS * rounds;
    let server = Postgres::options().fsync(true).setting("max_wal_size", "8GB").start().unwrap();
    let database = server.database();
    let sql = Sql::open(&database.url()).await.unwrap();
    fill(&sql, rows).await;

    let migrator = format!("{}?application_name={MIGRATOR}", database.url());
    let migrator = Sql::open(&migrator).await.unwrap();
    let seen = Arc::new(Seen::default());
    let mut traffic = traffic(&sql, rows, &seen);
    sleep(BEFORE).await;
    let begin = Instant::now();
    migrate(&migrator).await;
    let took = begin.elapsed();
    end(&mut traffic, &seen).await;
    println!("migrate_locks: {rows} rows");
    seen.tell("with the migration", took);

    let control = Arc::new(Seen::default());
    let mut traffic = self::traffic(&sql, rows, &control);
    sleep(BEFORE + took.max(CONTROL_MIN)).await;
    end(&mut traffic, &control).await;
    control.tell("without", took.max(CONTROL_MIN));

    let want = sql.wanted(&[next::Fill::TABLE]).await.unwrap();
    assert!(sql.draft(&want, true).await.unwrap().up.files.is_empty(), "it is not there");
    let waited = Duration::from_micros(seen.traffic_waited_us.load(Ordering::SeqCst));
    assert!(waited < MIGRATION_STATEMENT_LOCK_WAIT, "waited for a lock: {waited:?}");
    // A machine in need takes longer, but not for ever.
    let looks = took.as_micros() / (5 * LOOK.as_micros());
    let looked = u128::from(seen.looks.load(Ordering::SeqCst));
    assert!(looked >= looks, "looked {looked} times in {took:?}");
    migrator.close().await.unwrap();
    sql.close().await.unwrap();
}

async fn fill(sql: &Sql, rows: i64) {
    for record in [Bot::TABLE, Fill::TABLE] {
        sql.table(record).create_table().await.unwrap();
    }
    let bots = format!("INSERT INTO bots SELECT i, 'bot ' || i FROM generate_series(1, {BOTS}) i");
    sql.execute(common::built(bots), ()).await.unwrap();
    let fills = format!(
        "INSERT INTO fills SELECT i, 1 + i % {BOTS}, 'S' || i % 50, i / 100.0, \
         timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, {rows}) i"
    );
    sql.execute(common::built(fills), ()).await.unwrap();
    let mut connection = sql.connection().await.unwrap();
    connection.batch("VACUUM (ANALYZE) fills").await.unwrap();
    connection.release().await.unwrap();
}

#[allow(clippy::print_stdout, reason = "so that a reader sees what was measured")]
async fn migrate(sql: &Sql) {
    let want = sql.wanted(&[next::Fill::TABLE]).await.unwrap();
    let draft = sql.draft(&want, true).await.unwrap();
    for file in &draft.up.files {
        println!("-- transactional: {}\n{}", file.transactional, file.sql);
    }
    apply::migrate(sql, &draft).await;
}

/// Begins to read and write the table, and to look who waits.
fn traffic(sql: &Sql, rows: i64, seen: &Arc<Seen>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(keep_on(sql.clone(), Do::Read, rows, task, seen.clone()));
        tasks.spawn(keep_on(sql.clone(), Do::Write, rows, TASKS + task, seen.clone()));
    }
    tasks.spawn(keep_on(sql.clone(), Do::Hold, rows, 2 * TASKS, seen.clone()));
    tasks.spawn(look(sql.clone(), seen.clone()));
    tasks
}

async fn end(traffic: &mut JoinSet<()>, seen: &Seen) {
    seen.over.store(true, Ordering::SeqCst);
    while let Some(ended) = traffic.join_next().await {
        ended.unwrap();
    }
    let failed = seen.failed.lock().unwrap();
    assert!(failed.is_empty(), "calls failed: {failed:?}");
}

#[derive(Clone, Copy, Debug)]
enum Do {
    Read,
    Write,
    /// A transaction that stays open for a while.
    Hold,
}

async fn keep_on(sql: Sql, what: Do, rows: i64, seed: u64, seen: Arc<Seen>) {
    let mut dice = Dice::new(seed + 1);
    let mut id = move || 1 + i64::try_from(dice.below(rows.unsigned_abs())).unwrap();
    while !seen.over.load(Ordering::SeqCst) {
        let (begin, id) = (Instant::now(), id());
        let done = match what {
            Do::Read => sql.get::<Fill>(&id).await.map(drop),
            Do::Write => write(&sql, id).await,
            Do::Hold => {
                let held = sql.transaction(move |tx: Sql| async move {
                    write(&tx, id).await?;
                    sleep(HELD).await;
                    Ok(())
                });
                held.await
            }
        };
        let took = u64::try_from(begin.elapsed().as_micros()).unwrap();
        seen.slowest_us.fetch_max(took, Ordering::SeqCst);
        seen.calls.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = done {
            seen.failed.lock().unwrap().push(error.to_string());
        }
        // Traffic, and not a queue for the processor.
        sleep(Duration::from_millis(1)).await;
    }
}

async fn write(sql: &Sql, id: i64) -> tradebase_core::Result<()> {
    let Some(mut fill) = sql.get::<Fill>(&id).await? else { return Ok(()) };
    fill.price += Decimal::ONE;
    sql.update(&fill).await.map(drop)
}

/// Looks who waits for a lock, and for how long already.
async fn look(sql: Sql, seen: Arc<Seen>) {
    let text = "SELECT a.application_name, \
         (extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start)) * 1e6)::bigint \
         FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted \
         WHERE a.wait_event_type = 'Lock' AND a.datname = current_database()";
    let mut connection = sql.connection().await.unwrap();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !seen.over.load(Ordering::SeqCst) {
        ticks.tick().await;
        let found = connection.query_values(text, ()).await.unwrap();
        for row in found.rows {
            let [Value::Text(who), Value::Int(us)] = row.as_slice() else { panic!("{row:?}") };
            let waited =
                if who == MIGRATOR { &seen.migrator_waited_us } else { &seen.traffic_waited_us };
            waited.fetch_max(us.unsigned_abs(), Ordering::SeqCst);
        }
        seen.looks.fetch_add(1, Ordering::SeqCst);
    }
    connection.release().await.unwrap();
}
