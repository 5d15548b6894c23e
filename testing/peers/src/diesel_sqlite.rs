//! diesel on SQLite: one connection behind a lock, used on the caller's thread.

use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};

use crate::peer::{INDEX, Peer, Place, Range};

const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

diesel::table! {
    trades (id) {
        id -> Binary,
        bot_id -> Binary,
        symbol -> Text,
        side -> Text,
        order_type -> Text,
        quantity -> Text,
        price -> Text,
        executed_price -> Text,
        fee -> Text,
        pnl -> Nullable<Text>,
        status -> Text,
        timestamp -> BigInt,
    }
}

/// A trade on its way in, with its decimals as exact text.
#[derive(Insertable)]
#[diesel(table_name = trades)]
struct New<'a> {
    id: &'a [u8],
    bot_id: &'a [u8],
    symbol: &'a str,
    side: &'a str,
    order_type: &'a str,
    quantity: String,
    price: String,
    executed_price: String,
    fee: String,
    pnl: Option<String>,
    status: &'a str,
    timestamp: i64,
}

/// A trade on its way out.
#[derive(Queryable)]
struct Stored {
    id: Vec<u8>,
    bot_id: Vec<u8>,
    symbol: String,
    side: String,
    order_type: String,
    quantity: String,
    price: String,
    executed_price: String,
    fee: String,
    pnl: Option<String>,
    status: String,
    timestamp: i64,
}

fn to_new(row: &Trade) -> New<'_> {
    New {
        id: row.id.0.as_bytes(),
        bot_id: row.bot_id.as_bytes(),
        symbol: &row.symbol,
        side: &row.side,
        order_type: &row.order_type,
        quantity: row.quantity.to_string(),
        price: row.price.to_string(),
        executed_price: row.executed_price.to_string(),
        fee: row.fee.to_string(),
        pnl: row.pnl.map(|pnl| pnl.to_string()),
        status: &row.status,
        timestamp: row.timestamp.as_micros(),
    }
}

fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).expect("a UUID")
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).expect("a decimal")
}

fn to_trade(row: Stored) -> Trade {
    Trade {
        id: TradeId(uuid(&row.id)),
        bot_id: uuid(&row.bot_id),
        symbol: row.symbol,
        side: row.side,
        order_type: row.order_type,
        quantity: decimal(&row.quantity),
        price: decimal(&row.price),
        executed_price: decimal(&row.executed_price),
        fee: decimal(&row.fee),
        pnl: row.pnl.as_deref().map(decimal),
        status: row.status,
        timestamp: Timestamp::from_micros(row.timestamp),
    }
}

#[derive(Clone)]
pub struct Diesel(Arc<Mutex<SqliteConnection>>);

impl Diesel {
    fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer for Diesel {
    const NAME: &'static str = "diesel";

    async fn open(place: &Place) -> Self {
        let path = place.file().expect("a file");
        let mut connection = SqliteConnection::establish(&path).expect("it opens");
        for sql in [SETTINGS, Self::SQLITE, INDEX] {
            connection.batch_execute(sql).expect("the table is made");
        }
        Self(Arc::new(Mutex::new(connection)))
    }

    async fn get(&self, id: TradeId) -> Option<Trade> {
        let find = trades::table.find(id.0.as_bytes().as_slice());
        let found = find.first::<Stored>(&mut *self.lock()).optional();
        found.expect("it reads").map(to_trade)
    }

    async fn create(&self, row: &Trade) {
        let insert = diesel::insert_into(trades::table).values(to_new(row));
        insert.execute(&mut *self.lock()).expect("it inserts");
    }

    /// One by one: a list of VALUES takes longer.
    async fn bulk_insert(&self, rows: &[Trade]) {
        let insert = |connection: &mut SqliteConnection| {
            for row in rows {
                diesel::insert_into(trades::table).values(to_new(row)).execute(connection)?;
            }
            diesel::QueryResult::Ok(())
        };
        self.lock().immediate_transaction(insert).expect("it inserts");
    }

    async fn read_all(&self) -> Vec<Trade> {
        let found = trades::table.order(trades::id).load::<Stored>(&mut *self.lock());
        found.expect("it reads").into_iter().map(to_trade).collect()
    }

    async fn filter(&self, range: Range) -> Vec<Trade> {
        let found = trades::table
            .filter(trades::bot_id.eq(range.bot.as_bytes().as_slice()))
            .filter(trades::timestamp.ge(range.from.as_micros()))
            .filter(trades::timestamp.lt(range.until.as_micros()))
            .load::<Stored>(&mut *self.lock());
        found.expect("it reads").into_iter().map(to_trade).collect()
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        let update = |connection: &mut SqliteConnection| {
            for row in rows {
                diesel::update(trades::table.find(row.id.0.as_bytes().as_slice()))
                    .set((
                        trades::executed_price.eq(row.executed_price.to_string()),
                        trades::fee.eq(row.fee.to_string()),
                        trades::pnl.eq(row.pnl.map(|pnl| pnl.to_string())),
                        trades::status.eq(&row.status),
                    ))
                    .execute(connection)?;
            }
            diesel::QueryResult::Ok(())
        };
        self.lock().immediate_transaction(update).expect("it updates");
    }
}
