//! rusqlite by hand: one thread commits all inserts that wait in one transaction, and answers
//! after the commit.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_sql::Durability;
use tradebase_sql::codec::sqlite::rusqlite::Connection;

use super::raw::{Direct, insert, open, transaction};
use crate::hand::Broken;
use crate::sql::store::{Rows, Store};

/// Inserts of one transaction at most.
const GROUP: usize = 512;

struct Job {
    rows: Rows,
    at: usize,
    done: oneshot::Sender<()>,
}

/// A thread that writes. It ends when the last clone is dropped.
#[derive(Clone)]
pub struct Group {
    direct: Direct,
    jobs: Sender<Job>,
}

impl Group {
    pub fn open(path: &Path) -> Self {
        let (jobs, waiting) = channel();
        let connection = open(path, Durability::Full);
        thread::spawn(move || write(&connection, &waiting).expect("raw inserts"));
        Self { direct: Direct::open(path, Durability::Full), jobs }
    }
}

fn write(connection: &Connection, waiting: &Receiver<Job>) -> Result<(), Broken> {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = waiting.recv() {
        group.push(first);
        group.extend(waiting.try_iter().take(GROUP - 1));
        transaction(connection, |connection| {
            group.iter().try_for_each(|job| insert(connection, &job.rows[job.at]))
        })?;
        for job in group.drain(..) {
            // A caller that is gone does not wait.
            _ = job.done.send(());
        }
    }
    Ok(())
}

impl Store for Group {
    async fn get(&self, id: TradeId) -> Option<Trade> {
        self.direct.get(id).await
    }

    async fn create(&self, rows: &Rows, at: usize) {
        let (done, committed) = oneshot::channel();
        self.jobs.send(Job { rows: rows.clone(), at, done }).expect("the thread lives");
        committed.await.expect("raw inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        self.direct.bulk_insert(rows).await;
    }

    async fn read_all(&self) -> Vec<Trade> {
        self.direct.read_all().await
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        self.direct.bulk_update(rows).await;
    }
}
