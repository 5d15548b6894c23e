//! diesel-async on PostgreSQL: a pool that does not ask its connections how they are.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};

use crate::peer::{DROP, INDEX, POOL, POSTGRES, Peer, Place, Range, VALUES};

diesel::table! {
    trades (id) {
        id -> Uuid,
        bot_id -> Uuid,
        symbol -> Text,
        side -> Text,
        order_type -> Text,
        quantity -> Numeric,
        price -> Numeric,
        executed_price -> Numeric,
        fee -> Numeric,
        pnl -> Nullable<Numeric>,
        status -> Text,
        timestamp -> Timestamptz,
    }
}

#[derive(Insertable)]
#[diesel(table_name = trades)]
struct New<'a> {
    id: Uuid,
    bot_id: Uuid,
    symbol: &'a str,
    side: &'a str,
    order_type: &'a str,
    quantity: Decimal,
    price: Decimal,
    executed_price: Decimal,
    fee: Decimal,
    pnl: Option<Decimal>,
    status: &'a str,
    timestamp: DateTime<Utc>,
}

#[derive(Queryable)]
struct Stored {
    id: Uuid,
    bot_id: Uuid,
    symbol: String,
    side: String,
    order_type: String,
    quantity: Decimal,
    price: Decimal,
    executed_price: Decimal,
    fee: Decimal,
    pnl: Option<Decimal>,
    status: String,
    timestamp: DateTime<Utc>,
}

fn moment(of: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(of.as_micros()).expect("a moment")
}

fn to_new(row: &Trade) -> New<'_> {
    New {
        id: row.id.0,
        bot_id: row.bot_id,
        symbol: &row.symbol,
        side: &row.side,
        order_type: &row.order_type,
        quantity: row.quantity,
        price: row.price,
        executed_price: row.executed_price,
        fee: row.fee,
        pnl: row.pnl,
        status: &row.status,
        timestamp: moment(row.timestamp),
    }
}

fn to_trade(row: Stored) -> Trade {
    Trade {
        id: TradeId(row.id),
        bot_id: row.bot_id,
        symbol: row.symbol,
        side: row.side,
        order_type: row.order_type,
        quantity: row.quantity,
        price: row.price,
        executed_price: row.executed_price,
        fee: row.fee,
        pnl: row.pnl,
        status: row.status,
        timestamp: Timestamp::from_micros(row.timestamp.timestamp_micros()),
    }
}

#[derive(Clone)]
pub struct Diesel(Pool<AsyncPgConnection>);

impl Diesel {
    async fn connection(&self) -> Object<AsyncPgConnection> {
        self.0.get().await.expect("a connection")
    }
}

impl Peer for Diesel {
    const NAME: &'static str = "diesel-async";

    async fn open(place: &Place) -> Self {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(place.url(), config);
        let pool = Pool::builder(manager).max_size(POOL as usize).build().expect("a pool");
        let peer = Self(pool);
        let mut connection = peer.connection().await;
        for sql in [DROP, POSTGRES, INDEX] {
            connection.batch_execute(sql).await.expect("the table is made");
        }
        drop(connection);
        peer
    }

    async fn get(&self, id: TradeId) -> Option<Trade> {
        let mut connection = self.connection().await;
        let found = trades::table.find(id.0).first::<Stored>(&mut connection).await;
        found.optional().expect("it reads").map(to_trade)
    }

    async fn create(&self, row: &Trade) {
        let mut connection = self.connection().await;
        let insert = diesel::insert_into(trades::table).values(to_new(row));
        insert.execute(&mut connection).await.expect("it inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        let mut connection = self.connection().await;
        let inserted = connection.transaction(async |connection| {
            for rows in rows.chunks(VALUES) {
                let rows: Vec<_> = rows.iter().map(to_new).collect();
                diesel::insert_into(trades::table).values(&rows).execute(connection).await?;
            }
            diesel::QueryResult::Ok(())
        });
        inserted.await.expect("it inserts");
    }

    async fn read_all(&self) -> Vec<Trade> {
        let mut connection = self.connection().await;
        let found = trades::table.order(trades::id).load::<Stored>(&mut connection).await;
        found.expect("it reads").into_iter().map(to_trade).collect()
    }

    async fn filter(&self, range: Range) -> Vec<Trade> {
        let mut connection = self.connection().await;
        let found = trades::table
            .filter(trades::bot_id.eq(range.bot))
            .filter(trades::timestamp.ge(moment(range.from)))
            .filter(trades::timestamp.lt(moment(range.until)))
            .load::<Stored>(&mut connection)
            .await;
        found.expect("it reads").into_iter().map(to_trade).collect()
    }

    /// By upsert: single updates take a round trip each.
    async fn bulk_update(&self, rows: &[Trade]) {
        let mut connection = self.connection().await;
        let updated = connection.transaction(async |connection| {
            for rows in rows.chunks(VALUES) {
                let rows: Vec<_> = rows.iter().map(to_new).collect();
                diesel::insert_into(trades::table)
                    .values(&rows)
                    .on_conflict(trades::id)
                    .do_update()
                    .set((
                        trades::executed_price.eq(excluded(trades::executed_price)),
                        trades::fee.eq(excluded(trades::fee)),
                        trades::pnl.eq(excluded(trades::pnl)),
                        trades::status.eq(excluded(trades::status)),
                    ))
                    .execute(connection)
                    .await?;
            }
            diesel::QueryResult::Ok(())
        });
        updated.await.expect("it updates");
    }
}
