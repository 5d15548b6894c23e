//! Two processes write the same SQLite file.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tradebase_testkit::TempFolder;

use crate::load::{self, Mark, Other, TASKS};

/// How long they write in a round.
const ROUND: Duration = Duration::from_secs(3);
const WAIT_MS_MAX: u64 = 2_000;

/// What one process has to say.
struct Said {
    committed: u64,
    longest_ms: u64,
    failed: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_writers_of_two_processes_get_their_turns() {
    let _alone = crate::alone().await;
    let folder = TempFolder::new().unwrap();
    let path = folder.file("a.db");
    let mut others = [0, 1].map(|_| Other::start("two_processes::sqlite_writer", &path));
    let length = ROUND * u32::try_from(crate::rounds()).unwrap();
    for other in &mut others {
        other.hear("ready").unwrap();
    }
    for (side, other) in others.iter_mut().enumerate() {
        let order = format!("{} {side}\n", length.as_millis());
        other.process().stdin.as_mut().unwrap().write_all(order.as_bytes()).unwrap();
    }
    let said = others.each_mut().map(|other| Said {
        committed: other.hear("committed").unwrap().parse().unwrap(),
        longest_ms: other.hear("longest").unwrap().parse().unwrap(),
        failed: other.hear("failed").unwrap(),
    });
    let all: u64 = said.iter().map(|said| said.committed).sum();
    for Said { committed, longest_ms, .. } in &said {
        println!("two processes: {committed} of {all} writes, the longest took {longest_ms} ms");
    }
    for said in &said {
        assert_eq!(said.failed, "0", "an error reached a caller");
        assert!(said.committed * 4 >= all, "a process got less than a quarter of the writes");
        assert!(said.longest_ms < WAIT_MS_MAX, "a write waited too long: {}", said.longest_ms);
    }
    drop(others);
    load::check_file(&path, &[], "after two processes").await;
    let file = rusqlite::Connection::open(&path).unwrap();
    let sql = "SELECT count(DISTINCT write) FROM marks WHERE write > 0";
    let found: i64 = file.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(u64::try_from(found), Ok(all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as the second process of another test"]
async fn sqlite_writer() {
    let Some(sql) = load::named_store().await else { return };
    sql.create_table::<Mark>().await.unwrap();
    println!("ready");
    let mut order = String::new();
    std::io::stdin().lock().read_line(&mut order).unwrap();
    let (length, side) = order.trim().split_once(' ').unwrap();
    let end = Instant::now() + Duration::from_millis(length.parse().unwrap());
    let side: i64 = side.parse().unwrap();
    let seen = Arc::new(Mutex::new((0_u64, Duration::ZERO, Vec::new())));
    let mut tasks = JoinSet::new();
    for task in 0..i64::try_from(TASKS).unwrap() {
        let (sql, seen) = (sql.clone(), seen.clone());
        tasks.spawn(async move {
            let mut write = (side << 40) + (task << 24) + 1;
            while Instant::now() < end {
                let begun = Instant::now();
                let outcome = load::write(&sql, write).await;
                let took = begun.elapsed();
                let mut seen = seen.lock().unwrap();
                seen.1 = seen.1.max(took);
                match outcome {
                    Ok(()) => seen.0 += 1,
                    Err(error) => seen.2.push(error.to_string()),
                }
                write += 1;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let (committed, longest, failed) = std::mem::take(&mut *seen.lock().unwrap());
    println!("committed {committed}\nlongest {}", longest.as_millis());
    match failed.first() {
        None => println!("failed 0"),
        Some(first) => println!("failed {}, the first: {}", failed.len(), first.replace('\n', " ")),
    }
    sql.close().await.unwrap();
}
