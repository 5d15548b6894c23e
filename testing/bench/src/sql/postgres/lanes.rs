//! tokio-postgres by hand: whatever waits goes as one statement, over a few connections.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};
use tradebase_conformance::models::{Trade, TradeId};

use super::raw::{Direct, connect};
use crate::hand::Broken;
use crate::hand::postgres::{Array, read_row_one};
use crate::sql::store::{Rows, Store};

/// Connections that read.
const READING: usize = 2;
/// Connections that write.
const WRITING: usize = 2;
/// Calls that go as one statement at most.
const TOGETHER: usize = 512;

const GET: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades WHERE id = ANY($1::uuid[])";
const INSERT: &str = "INSERT INTO trades (id, bot_id, symbol, side, order_type, quantity, \
    price, executed_price, fee, pnl, status, timestamp) SELECT * FROM UNNEST($1::uuid[], \
    $2::uuid[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], \
    $8::numeric[], $9::numeric[], $10::numeric[], $11::text[], $12::timestamptz[])";

struct Get {
    id: TradeId,
    found: oneshot::Sender<Option<Trade>>,
}

struct Create {
    rows: Rows,
    at: usize,
    done: oneshot::Sender<()>,
}

/// Tasks that each have a connection. They end when the last clone is dropped.
#[derive(Clone)]
pub struct Lanes(Arc<Queues>);

struct Queues {
    direct: Direct,
    gets: Vec<mpsc::Sender<Get>>,
    creates: Vec<mpsc::Sender<Create>>,
    next: AtomicUsize,
}

impl Lanes {
    pub async fn open(url: &str) -> Self {
        let (mut gets, mut creates) = (Vec::new(), Vec::new());
        for _ in 0..READING {
            let client = connect(url).await;
            let statement = client.prepare(GET).await.expect("a statement");
            let (calls, waiting) = mpsc::channel(TOGETHER);
            tokio::spawn(async move {
                read(&client, &statement, waiting).await.expect("raw reads");
            });
            gets.push(calls);
        }
        for _ in 0..WRITING {
            let client = connect(url).await;
            let statement = client.prepare(INSERT).await.expect("a statement");
            let (calls, waiting) = mpsc::channel(TOGETHER);
            tokio::spawn(async move {
                write(&client, &statement, waiting).await.expect("raw inserts");
            });
            creates.push(calls);
        }
        let (direct, next) = (Direct::open(url).await, AtomicUsize::new(0));
        Self(Arc::new(Queues { direct, gets, creates, next }))
    }

    fn turn<'a, T>(&self, queues: &'a [T]) -> &'a T {
        &queues[self.0.next.fetch_add(1, Ordering::Relaxed) % queues.len()]
    }
}

async fn read(
    client: &Client,
    statement: &Statement,
    mut waiting: mpsc::Receiver<Get>,
) -> Result<(), Broken> {
    let mut calls = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut calls, TOGETHER).await > 0 {
        // In the order of the key, so that the calls of a row are found by halving.
        calls.sort_unstable_by_key(|call| call.id);
        let mut ids = Array::new();
        calls.iter().for_each(|call| ids.uuid(call.id.0));
        let mut answers: Vec<Option<Trade>> = vec![None; calls.len()];
        let mut rows = pin!(client.query_raw(statement, [ids.finish(&Type::UUID)]).await?);
        while let Some(row) = rows.try_next().await? {
            let trade = read_row_one(&row)?;
            let first = calls.partition_point(|call| call.id < trade.id);
            let same = calls[first..].iter().take_while(|call| call.id == trade.id).count();
            answers[first..first + same].fill(Some(trade));
        }
        for (call, answer) in calls.drain(..).zip(answers) {
            // A caller that is gone does not wait.
            _ = call.found.send(answer);
        }
    }
    Ok(())
}

async fn write(
    client: &Client,
    statement: &Statement,
    mut waiting: mpsc::Receiver<Create>,
) -> Result<(), Broken> {
    let mut calls: Vec<Create> = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut calls, TOGETHER).await > 0 {
        let mut columns: [Array; TYPES.len()] = std::array::from_fn(|_| Array::new());
        for call in &calls {
            encode(&call.rows[call.at], &mut columns)?;
        }
        let params = columns.each_mut();
        let params: Vec<_> =
            params.into_iter().zip(TYPES).map(|(column, of)| column.finish(&of)).collect();
        client.execute_raw(statement, params).await?;
        for call in calls.drain(..) {
            // A caller that is gone does not wait.
            _ = call.done.send(());
        }
    }
    Ok(())
}

const TYPES: [Type; 12] = [
    Type::UUID,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::TEXT,
    Type::TIMESTAMPTZ,
];

fn encode(row: &Trade, columns: &mut [Array; TYPES.len()]) -> Result<(), Broken> {
    let [id, bot, symbol, side, order, quantity, price, executed, fee, pnl, status, at] = columns;
    id.uuid(row.id.0);
    bot.uuid(row.bot_id);
    symbol.text(&row.symbol)?;
    side.text(&row.side)?;
    order.text(&row.order_type)?;
    quantity.decimal(Some(&row.quantity))?;
    price.decimal(Some(&row.price))?;
    executed.decimal(Some(&row.executed_price))?;
    fee.decimal(Some(&row.fee))?;
    pnl.decimal(row.pnl.as_ref())?;
    status.text(&row.status)?;
    at.moment(row.timestamp)
}

impl Store for Lanes {
    async fn get(&self, id: TradeId) -> Option<Trade> {
        let (found, answer) = oneshot::channel();
        let sent = self.turn(&self.0.gets).send(Get { id, found }).await;
        assert!(sent.is_ok(), "the lane lives");
        answer.await.expect("raw reads")
    }

    async fn create(&self, rows: &Rows, at: usize) {
        let (done, committed) = oneshot::channel();
        let create = Create { rows: rows.clone(), at, done };
        assert!(self.turn(&self.0.creates).send(create).await.is_ok(), "the lane lives");
        committed.await.expect("raw inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        self.0.direct.bulk_insert(rows).await;
    }

    async fn read_all(&self) -> Vec<Trade> {
        self.0.direct.read_all().await
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        self.0.direct.bulk_update(rows).await;
    }
}
