//! Many tasks that write, and what must be there afterwards.

use std::collections::{HashMap, HashSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::task::JoinSet;
use tradebase_core::{Assigned, Decimal, Record, Result};
use tradebase_sql::Sql;

use crate::common;
use crate::common::records::units;

pub const TASKS: usize = 64;
/// Names the SQLite file to the second process of a proof.
const FILE: &str = "TRADEBASE_PROVE_FILE";

/// A row of a write; nothing but its assigned key keeps it from being there twice.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "marks")]
pub struct Mark {
    #[record(key)]
    id: Assigned<i64>,
    /// Names the write; the same in all its rows.
    write: i64,
    /// Counts the rows of the write.
    part: i32,
    #[record(decimal(18, 8))]
    price: Decimal,
    text: String,
}

/// The rows of a write: every fourth one is a batch of two.
fn marks(write: i64) -> Vec<Mark> {
    let parts = if write % 4 == 3 { 2 } else { 1 };
    let mark = |part| Mark {
        id: Assigned::New,
        write,
        part,
        price: units(i128::from(write) * 7 + i128::from(part), 8),
        text: format!(
            "write {write}, {}",
            "x".repeat(usize::try_from(write.rem_euclid(300)).unwrap())
        ),
    };
    (0..parts).map(mark).collect()
}

/// Carries the write of that number out.
pub async fn write(sql: &Sql, number: i64) -> Result<()> {
    match marks(number).as_mut_slice() {
        [one] => sql.insert(one).await.map(drop),
        several => sql.insert_many(several).await.map(drop),
    }
}

/// Lets many tasks write until `go_on` says no, and tells what became of each write.
pub async fn run<T, G>(sql: &Sql, go_on: G, told: T)
where
    T: Fn(i64, Result<()>) + Clone + Send + Sync + 'static,
    G: Fn(i64) -> bool + Clone + Send + Sync + 'static,
{
    let next = Arc::new(AtomicI64::new(1));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (sql, next, told, go_on) = (sql.clone(), next.clone(), told.clone(), go_on.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if !go_on(number) {
                    return;
                }
                told(number, write(&sql, number).await);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Every answered write is there once and as it was written; any other is there once or not at
/// all, and never in part.
pub fn check(found: &[Mark], answered: &[i64], when: &str) {
    let mut writes: HashMap<i64, Vec<&Mark>> = HashMap::new();
    for mark in found {
        writes.entry(mark.write).or_default().push(mark);
    }
    for (write, found) in &mut writes {
        found.sort_by_key(|mark| mark.part);
        let want = marks(*write);
        let same = found.len() == want.len()
            && found.iter().zip(&want).all(|(found, want)| {
                **found == Mark { id: found.id, ..want.clone() } && found.id != Assigned::New
            });
        assert!(same, "{when}: a write is there in part, twice or changed: {found:?}");
    }
    let there: HashSet<_> = writes.keys().copied().collect();
    let lost: Vec<_> = answered.iter().filter(|write| !there.contains(write)).collect();
    assert!(lost.is_empty(), "{when}: answered and not there: {lost:?}");
}

/// Checks a SQLite file, which nobody has open, as SQLite itself and as the room see it.
pub async fn check_file(path: &Path, answered: &[i64], when: &str) {
    assert_sound(path, when);
    let sql = Sql::open(&common::url(path)).await.unwrap();
    check(&sql.all::<Mark>().await.unwrap(), answered, when);
    // And it can be written again.
    write(&sql, -1).await.unwrap();
    sql.close().await.unwrap();
}

pub fn assert_sound(path: &Path, when: &str) {
    let file = rusqlite::Connection::open(path).unwrap();
    let verdict = file.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(verdict.as_deref(), Ok("ok"), "{when}");
}

/// Another process of this binary, which runs one ignored test; killed when it is dropped.
pub struct Other {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Other {
    pub fn start(test: &str, file: &Path) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// What stands behind the word in the next line that has it; none when the process has ended.
    /// A line that was not said to its end does not count.
    pub fn hear(&mut self, word: &str) -> Option<String> {
        loop {
            let mut line = Vec::new();
            self.said.read_until(b'\n', &mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            let line = line.strip_suffix('\n')?;
            // The first line begins with the name of the test.
            if let Some((_, rest)) = line.split_once(word) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    pub fn process(&mut self) -> &mut Child {
        &mut self.process
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        _ = (self.process.kill(), self.process.wait());
    }
}

/// What the first process of a proof has named to this one; none when nobody has.
pub fn named() -> Option<String> {
    env::var_os(FILE).and_then(|named| named.into_string().ok())
}

/// The store that the first process of a proof has named; none when nobody has.
pub async fn named_store() -> Option<Sql> {
    let file = env::var_os(FILE)?;
    Some(Sql::open(&common::url(Path::new(&file))).await.unwrap())
}
