//! A migrator is killed at every statement, and the next one goes on.

use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tradebase_sql::{MigrateOptions, MigrationEngine, MigrationSet, Outcome, Sql, Target};
#[cfg(feature = "postgres")]
use tradebase_testkit::Postgres;
use tradebase_testkit::TempFolder;

use crate::common::{self, Dice, built};
use crate::files::{Version, set, stepwise, version};
use crate::load::{self, Other};

/// Every moment is taken once in so many rounds.
const STRIDE: u64 = 5;
/// The kill comes so long at most after the statement was asked for, in microseconds.
const LATE_US_MAX: u64 = 3_000;

/// Ten versions that show whether a statement was run twice, or not at all.
fn plan(postgres: bool) -> MigrationSet {
    let beside = if postgres { "CONCURRENTLY " } else { "" };
    let noted = |at: usize, text: &str| {
        format!("INSERT INTO log VALUES ({at});\n{text}\nUPDATE a SET n = n + 1;\n")
    };
    let first = "CREATE TABLE log (step BIGINT);\nCREATE TABLE a (id BIGINT, n BIGINT);\n\
                 INSERT INTO a WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c \
                 WHERE i < 500) SELECT i, 0 FROM c;\n";
    let anew = "CREATE TABLE b AS SELECT id, n FROM a;\nDROP TABLE a;\nALTER TABLE b RENAME TO a;";
    let index =
        |name: &str, unique: &str| format!("CREATE {unique}INDEX {beside}{name} ON a (id);");
    let versions: [(bool, String); 10] = [
        (true, first.to_owned()),
        (true, noted(2, anew)),
        (false, noted(3, &index("by_id", ""))),
        (true, noted(4, "ALTER TABLE a ADD COLUMN x TEXT DEFAULT 'x';")),
        (false, noted(5, &index("once", "UNIQUE "))),
        (false, noted(6, &format!("DROP INDEX {beside}by_id;\nVACUUM;"))),
        (true, noted(7, "CREATE VIEW v AS SELECT n FROM a;")),
        (false, noted(8, "DROP VIEW v;\nCREATE VIEW w AS SELECT id FROM a;")),
        (false, noted(9, &index("again", ""))),
        (true, noted(10, "DELETE FROM a WHERE id > 400;")),
    ];
    let versions: Vec<Version> = versions
        .iter()
        .map(|(whole, up)| if *whole { version(up, "") } else { stepwise(up, "") })
        .collect();
    set("app", &versions)
}

fn options() -> MigrateOptions {
    let mut options = MigrateOptions::default();
    options.backup = false;
    options
}

/// How many statements the plan has, each of which is a moment to be killed at.
fn statements(postgres: bool) -> u64 {
    let engine = if postgres { MigrationEngine::Postgres } else { MigrationEngine::Sqlite };
    let plan = plan(postgres);
    let files = plan.versions.iter().map(|version| version.up(engine).unwrap());
    let ends = files.map(|file| file.body.matches(";\n").count());
    ends.sum::<usize>().try_into().unwrap()
}

/// All that the plan has made, as text.
async fn end(sql: &Sql) -> String {
    let rows = "SELECT count(*), CAST(sum(n) AS BIGINT), count(x) FROM a";
    let log = "SELECT step FROM log ORDER BY step";
    let names = if sql.capabilities().engine == "postgres" {
        "SELECT c.relname, coalesce(i.indisvalid, true), pg_get_indexdef(i.indexrelid) FROM \
         pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE relnamespace = \
         'public'::regnamespace ORDER BY 1"
    } else {
        "SELECT name, sql FROM sqlite_schema ORDER BY 1"
    };
    let mut text = String::new();
    for look in [rows, log, names] {
        text += &format!("{:?}\n", sql.query_values(built(look), ()).await.unwrap().rows);
    }
    text
}

/// What an undisturbed migrator makes.
async fn reference(url: &str) -> String {
    let sql = Sql::open(url).await.unwrap();
    sql.migrator([plan(url.starts_with("postgres"))], options())
        .unwrap()
        .up(Target::End)
        .await
        .unwrap();
    let text = end(&sql).await;
    sql.close().await.unwrap();
    text
}

/// Lets a process migrate until it is killed, and finishes its work. Whether it was killed.
async fn killed(url: &str, polls: u64, late_us: u64, want: &str) -> bool {
    let order = format!("{polls} {url}");
    let child = "migrate_crash::migrator_of_sqlite_and_postgres";
    let mut other = Other::start(child, Path::new(&order));
    let done = other.hear("says").unwrap() == "done";
    std::thread::sleep(Duration::from_micros(late_us));
    other.process().kill().unwrap();
    drop(other);
    let sql = Sql::open(url).await.unwrap();
    let migrator = sql.migrator([plan(url.starts_with("postgres"))], options()).unwrap();
    let when = format!("killed at poll {polls}, {late_us} µs late");
    migrator.up(Target::End).await.unwrap_or_else(|e| panic!("{when}: {e}"));
    assert_eq!(end(&sql).await, want, "{when}");
    let history = migrator.history().await.unwrap();
    let whole = history.iter().filter(|entry| entry.outcome == Outcome::Applied);
    assert_eq!(whole.count(), 10, "{when}: {history:?}");
    sql.close().await.unwrap();
    !done
}

/// The moments of a round, until the migrator comes to its end before one.
fn moments(seed: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut dice = Dice::new(seed);
    (1 + seed % STRIDE..)
        .step_by(usize::try_from(STRIDE).unwrap())
        .map(move |polls| (polls, dice.below(LATE_US_MAX)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_on_where_a_killed_migrator_was() {
    let _alone = crate::alone().await;
    let folder = TempFolder::new().unwrap();
    let want = reference(&common::url(&folder.file("reference.db"))).await;
    for seed in crate::seeds() {
        for (polls, late_us) in moments(seed) {
            let file = folder.file(&format!("{seed}-{polls}.db"));
            if !killed(&common::url(&file), polls, late_us, &want).await {
                println!("migrate crash: sqlite was killed at up to {polls} moments");
                assert!(polls / STRIDE >= statements(false), "fewer kills than statements");
                break;
            }
            load::assert_sound(&file, "after a kill");
        }
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_on_where_a_killed_migrator_was() {
    let _alone = crate::alone().await;
    let want = reference(&Postgres::shared().database().url()).await;
    for seed in crate::seeds() {
        for (polls, late_us) in moments(seed) {
            let database = Postgres::shared().database();
            if !killed(&database.url(), polls, late_us, &want).await {
                println!("migrate crash: postgres was killed at up to {polls} moments");
                assert!(polls / STRIDE >= statements(true), "fewer kills than statements");
                break;
            }
        }
    }
}

/// Stops, to be killed, when the future was polled so often.
struct Stopping<F> {
    future: Pin<Box<F>>,
    polls: u64,
}

impl<F: Future> Future for Stopping<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let polled = self.future.as_mut().poll(context);
        self.polls = self.polls.saturating_sub(1);
        if self.polls == 0 && polled.is_pending() {
            // What was asked for is on its way, on another thread.
            std::io::stdout().write_all(b"says now\n").unwrap();
            loop {
                std::thread::park();
            }
        }
        polled
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the second process of another test"]
async fn migrator_of_sqlite_and_postgres() {
    let Some(order) = load::named() else { return };
    let (polls, url) = order.split_once(' ').unwrap();
    let sql = Sql::open(url).await.unwrap();
    let migrator = sql.migrator([plan(url.starts_with("postgres"))], options()).unwrap();
    let future = Box::pin(migrator.up(Target::End));
    Stopping { future, polls: polls.parse().unwrap() }.await.unwrap();
    println!("says done");
}
