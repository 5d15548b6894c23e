//! What every contestant can do, and the blocks of work that are timed.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_sql::Sql;

/// Threads of the runtime that all contestants share.
const THREADS: usize = 2;

/// Rows that several tasks share.
pub type Rows = Arc<Vec<Trade>>;

/// A contestant. What a call stores is committed when it returns; whatever fails ends the bench.
pub trait Store: Clone + Send + Sync + 'static {
    /// The row of a key.
    fn get(&self, id: TradeId) -> impl Future<Output = Option<Trade>> + Send;
    /// Inserts one of these rows.
    fn create(&self, rows: &Rows, at: usize) -> impl Future<Output = ()> + Send;
    /// Inserts all rows, all or none.
    fn bulk_insert(&self, rows: &[Trade]) -> impl Future<Output = ()> + Send;
    /// Every row, in the order of the key.
    fn read_all(&self) -> impl Future<Output = Vec<Trade>> + Send;
    /// Sets the executed price, fee, profit and status of all rows, by their keys, all or none.
    fn bulk_update(&self, rows: &[Trade]) -> impl Future<Output = ()> + Send;
}

/// The layer.
impl Store for Sql {
    async fn get(&self, id: TradeId) -> Option<Trade> {
        Sql::get(self, &id).await.expect("ours reads")
    }

    async fn create(&self, rows: &Rows, at: usize) {
        self.insert(&rows[at]).await.expect("ours inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        self.insert_many(rows).await.expect("ours inserts");
    }

    async fn read_all(&self) -> Vec<Trade> {
        self.all().await.expect("ours reads")
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        let columns = (Trade::EXECUTED_PRICE, Trade::FEE, Trade::PNL, Trade::STATUS);
        self.update_columns(rows, columns).await.expect("ours updates");
    }
}

/// A runtime like those of servers.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(THREADS).enable_all().build().expect("a runtime")
}

/// Reads rows by keys, with so many tasks that share the work.
pub fn gets<S: Store>(runtime: &Runtime, store: &S, ids: &[TradeId], tasks: usize) -> Duration {
    let shares = ids.chunks(ids.len().div_ceil(tasks)).map(<[TradeId]>::to_vec);
    let works: Vec<_> = shares
        .map(|ids| {
            let store = store.clone();
            async move {
                for id in ids {
                    let found = black_box(store.get(id).await);
                    assert!(found.is_some(), "every key that is asked for is there");
                }
            }
        })
        .collect();
    together(runtime, works)
}

/// Inserts the first rows one by one, with so many tasks that share the work.
pub fn creates<S: Store>(
    runtime: &Runtime,
    store: &S,
    rows: &Rows,
    count: usize,
    tasks: usize,
) -> Duration {
    let works: Vec<_> = (0..tasks)
        .map(|task| {
            let (store, rows) = (store.clone(), rows.clone());
            async move {
                for at in (task..count).step_by(tasks) {
                    store.create(&rows, at).await;
                }
            }
        })
        .collect();
    together(runtime, works)
}

/// Does one piece of work on a thread of the runtime. What it gives is dropped afterwards.
pub fn alone<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> Duration {
    let work = async {
        let start = Instant::now();
        let done = black_box(work.await);
        (start.elapsed(), done)
    };
    let (took, _done) = runtime.block_on(runtime.spawn(work)).expect("the work ends");
    took
}

fn together(
    runtime: &Runtime,
    mut works: Vec<impl Future<Output = ()> + Send + 'static>,
) -> Duration {
    if works.len() == 1 {
        return works.pop().map(|work| alone(runtime, work)).unwrap_or_default();
    }
    alone(runtime, async {
        let mut tasks = JoinSet::new();
        for work in works {
            tasks.spawn(work);
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("the work ends");
        }
    })
}
