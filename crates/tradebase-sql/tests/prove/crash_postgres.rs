//! PostgreSQL is killed with all its processes while many tasks write, and comes back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tradebase_sql::Sql;
use tradebase_testkit::Postgres;

use crate::common::Dice;
use crate::load::{self, Mark, TASKS};

/// The moment of the kill lies so many milliseconds at most behind the beginning.
const LIFE_MS_MAX: u64 = 400;
/// How long the server stays away.
const AWAY: Duration = Duration::from_millis(150);
/// How long a task waits after an error before it writes again.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the store may take to heal, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the tasks share.
#[derive(Default)]
struct Run {
    answered: Mutex<Vec<i64>>,
    errors: Mutex<Vec<String>>,
    /// Tasks that have written since the server is back.
    healed: Mutex<HashSet<usize>>,
    back: AtomicBool,
    over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_every_answered_write_and_the_store_heals() {
    let _alone = crate::alone().await;
    let server = Arc::new(Postgres::options().fsync(true).start().unwrap());
    for seed in crate::seeds() {
        round(&server, seed).await;
    }
}

async fn round(server: &Arc<Postgres>, seed: u64) {
    let database = server.database();
    let sql = Sql::open(&database.url()).await.unwrap();
    sql.create_table::<Mark>().await.unwrap();
    let run = Arc::new(Run::default());
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(keep_writing(sql.clone(), task, run.clone()));
    }
    sleep(Duration::from_millis(50 + Dice::new(seed).below(LIFE_MS_MAX))).await;
    let (killed, away) = (server.clone(), AWAY);
    spawn_blocking(move || {
        killed.kill().unwrap();
        std::thread::sleep(away);
        killed.restart().unwrap();
    })
    .await
    .unwrap();
    run.back.store(true, Ordering::SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while run.healed.lock().unwrap().len() < TASKS {
        assert!(Instant::now() < deadline, "seed {seed}: {:?}", run.errors.lock().unwrap().last());
        sleep(PAUSE).await;
    }
    run.over.store(true, Ordering::SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let answered = run.answered.lock().unwrap().clone();
    let when = format!("seed {seed}, after {} answers", answered.len());
    assert!(!run.errors.lock().unwrap().is_empty(), "{when}: nobody saw the server go");
    load::check(&sql.all::<Mark>().await.unwrap(), &answered, &when);
    sql.close().await.unwrap();
}

async fn keep_writing(sql: Sql, task: usize, run: Arc<Run>) {
    let tasks = i64::try_from(TASKS).unwrap();
    let mut write = i64::try_from(task).unwrap() + 1;
    while !run.over.load(Ordering::SeqCst) {
        let back = run.back.load(Ordering::SeqCst);
        match load::write(&sql, write).await {
            Ok(()) => {
                run.answered.lock().unwrap().push(write);
                if back {
                    run.healed.lock().unwrap().insert(task);
                }
            }
            Err(error) => {
                assert!(error.is_unavailable(), "{error}");
                run.errors.lock().unwrap().push(error.to_string());
                sleep(PAUSE).await;
            }
        }
        // Never the same write again: whether the failed one took effect is not known. An odd
        // step, so that every task writes batches too.
        write += tasks + 1;
    }
}
