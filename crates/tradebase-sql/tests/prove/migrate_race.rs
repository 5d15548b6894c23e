//! Many processes migrate one database at the same moment.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Duration;

use tradebase_sql::{MigrateOptions, MigrationSet, Sql, Target};
#[cfg(feature = "postgres")]
use tradebase_testkit::Postgres;
use tradebase_testkit::TempFolder;

use crate::common;
use crate::files::{set, stepwise, version};
use crate::load::{self, Other};

const PROCESSES: usize = 8;
/// How long one of them waits for another, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows that an index is built over, so that it takes a moment.
const ROWS: usize = 20_000;

/// Three versions, an index that is built beside the running writers among them.
fn steps(postgres: bool) -> MigrationSet {
    let fill = format!(
        "CREATE TABLE a (id BIGINT NOT NULL, n BIGINT);\nINSERT INTO a WITH RECURSIVE c (i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {ROWS}) SELECT i, i % 7 FROM c;\n"
    );
    let beside = if postgres { "CONCURRENTLY " } else { "" };
    let index = format!(
        "UPDATE a SET n = n + 1;\nCREATE INDEX {beside}a_n ON a (n);\nCREATE UNIQUE INDEX \
         {beside}a_id ON a (id);\n"
    );
    let last = "ALTER TABLE a ADD COLUMN late TEXT;\nUPDATE a SET n = n + 1;\n";
    set("app", &[version(&fill, ""), stepwise(&index, ""), version(last, "")])
}

async fn round(url: &str) {
    let child = "migrate_race::migrator_of_sqlite_and_postgres";
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::start(child, Path::new(url))).collect();
    for other in &mut others {
        other.hear("ready").unwrap();
    }
    for other in &mut others {
        other.process().stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    let said: Vec<_> = others.iter_mut().map(|other| other.hear("applied").unwrap()).collect();
    let mut counts = said.clone();
    counts.sort();
    let mut want = vec!["0"; PROCESSES - 1];
    want.push("3");
    assert_eq!(counts, want, "one works, the others find it done");
    let sql = Sql::open(url).await.unwrap();
    let text = "SELECT count(*), CAST(sum(n) AS BIGINT), count(late) FROM a";
    let found = sql.query::<tradebase_sql::Fields<(i64, i64, i64)>>(text, ()).await.unwrap();
    let rows = i64::try_from(ROWS).unwrap();
    let sum: i64 = (1..=rows).map(|i| i % 7 + 2).sum();
    assert_eq!(found[0].0, (rows, sum, 0));
    sql.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_is_migrated_by_one_of_many_processes() {
    let _alone = crate::alone().await;
    for _ in 0..crate::rounds().max(2) {
        let folder = TempFolder::new().unwrap();
        round(&common::url(&folder.file("a.db"))).await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_migrated_by_one_of_many_processes() {
    let _alone = crate::alone().await;
    for _ in 0..crate::rounds().max(2) {
        let database = Postgres::shared().database();
        round(&database.url()).await;
        let text = "select string_agg(relname, ' ' order by relname) from pg_class join pg_index \
                    on oid = indexrelid where relname like 'a\\_%' and indisvalid";
        let valid = tradebase_testkit::psql(&database.url(), text).unwrap();
        assert_eq!(valid, "a_id a_n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the other processes of another test"]
async fn migrator_of_sqlite_and_postgres() {
    let Some(url) = load::named() else { return };
    let sql = Sql::open(&url).await.unwrap();
    let mut options = MigrateOptions::default();
    options.lock_wait = PATIENCE;
    // A deadlock is not to be mended by trying again: there is to be none.
    options.attempts = 1;
    let migrator = sql.migrator([steps(url.starts_with("postgres"))], options).unwrap();
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    match migrator.up(Target::End).await {
        Ok(report) => println!("applied {}", report.applied.len()),
        Err(stopped) => println!("applied not, {stopped}"),
    }
    sql.close().await.unwrap();
}
