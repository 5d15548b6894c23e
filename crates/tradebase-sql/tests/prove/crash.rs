//! A process that writes a SQLite file is killed at any moment.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use tradebase_testkit::TempFolder;

use crate::common::Dice;
use crate::load::{self, Mark, Other};

/// The moment of the kill lies so many milliseconds at most behind the first answers.
const LIFE_MS_MAX: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_answered_write() {
    let _alone = crate::alone().await;
    for seed in crate::seeds() {
        let folder = TempFolder::new().unwrap();
        let path = folder.file("a.db");
        let mut other = Other::start("crash::sqlite_writer", &path);
        let mut answered = vec![other.hear("answered").unwrap()];
        sleep(Duration::from_millis(Dice::new(seed).below(LIFE_MS_MAX)));
        other.process().kill().unwrap();
        answered.extend(std::iter::from_fn(|| other.hear("answered")));
        let answered: Vec<i64> = answered.iter().map(|text| text.parse().unwrap()).collect();
        let when = format!("seed {seed}, after {} answers", answered.len());
        load::check_file(&path, &answered, &when).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the second process of another test"]
async fn sqlite_writer() {
    let Some(sql) = load::named_store().await else { return };
    sql.create_table::<Mark>().await.unwrap();
    let told = |write, outcome: tradebase_core::Result<()>| {
        outcome.unwrap();
        // Not by `println`, which ends the test when the first process is gone.
        if writeln!(std::io::stdout(), "answered {write}").is_err() {
            std::process::exit(1);
        }
    };
    load::run(&sql, |_| true, told).await;
}
