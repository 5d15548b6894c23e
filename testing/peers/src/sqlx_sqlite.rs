//! sqlx on SQLite: four connections that read, one that writes.

use std::str::FromStr;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqlitePool};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp};

use crate::peer::{INDEX, Peer, Place, Range, VALUES};

const READERS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(60);

const GET: &str = "SELECT * FROM trades WHERE id = ?";
const ALL: &str = "SELECT * FROM trades ORDER BY id";
const FILTER: &str = "SELECT * FROM trades WHERE bot_id = ? AND timestamp >= ? AND timestamp < ?";
const INSERT: &str = "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str =
    "UPDATE trades SET executed_price = ?, fee = ?, pnl = ?, status = ? WHERE id = ?";

#[derive(Clone)]
pub struct Sqlx {
    readers: SqlitePool,
    writer: SqlitePool,
}

/// A trade with its decimals as exact text.
struct Stored(Trade);

fn decimal(text: &str) -> sqlx::Result<Decimal> {
    Decimal::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

impl<'r> FromRow<'r, SqliteRow> for Stored {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self(Trade {
            id: TradeId(row.try_get(0)?),
            bot_id: row.try_get(1)?,
            symbol: row.try_get(2)?,
            side: row.try_get(3)?,
            order_type: row.try_get(4)?,
            quantity: decimal(row.try_get(5)?)?,
            price: decimal(row.try_get(6)?)?,
            executed_price: decimal(row.try_get(7)?)?,
            fee: decimal(row.try_get(8)?)?,
            pnl: row.try_get::<Option<&str>, _>(9)?.map(decimal).transpose()?,
            status: row.try_get(10)?,
            timestamp: Timestamp::from_micros(row.try_get(11)?),
        }))
    }
}

fn insert(row: &Trade) -> Query<'_, Sqlite, SqliteArguments> {
    sqlx::query(INSERT)
        .bind(row.id.0)
        .bind(row.bot_id)
        .bind(&row.symbol)
        .bind(&row.side)
        .bind(&row.order_type)
        .bind(row.quantity.to_string())
        .bind(row.price.to_string())
        .bind(row.executed_price.to_string())
        .bind(row.fee.to_string())
        .bind(row.pnl.map(|pnl| pnl.to_string()))
        .bind(&row.status)
        .bind(row.timestamp.as_micros())
}

impl Peer for Sqlx {
    const NAME: &'static str = "sqlx";

    async fn open(place: &Place) -> Self {
        let options = SqliteConnectOptions::from_str(&place.url())
            .expect("an address")
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        let pool =
            |count| SqlitePoolOptions::new().max_connections(count).acquire_timeout(PATIENCE);
        let writer = pool(1).connect_with(options.clone()).await.expect("it opens");
        sqlx::query(Self::SQLITE).execute(&writer).await.expect("the table is made");
        sqlx::query(INDEX).execute(&writer).await.expect("the index is made");
        let readers = pool(READERS).connect_with(options).await.expect("it opens");
        Self { readers, writer }
    }

    async fn get(&self, id: TradeId) -> Option<Trade> {
        let found = sqlx::query_as::<_, Stored>(GET).bind(id.0).fetch_optional(&self.readers).await;
        found.expect("it reads").map(|stored| stored.0)
    }

    async fn create(&self, row: &Trade) {
        insert(row).execute(&self.writer).await.expect("it inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        let mut transaction = self.writer.begin().await.expect("it begins");
        for rows in rows.chunks(VALUES) {
            let mut text = QueryBuilder::<Sqlite>::new("INSERT INTO trades ");
            text.push_values(rows, |mut values, row| {
                values
                    .push_bind(row.id.0)
                    .push_bind(row.bot_id)
                    .push_bind(&row.symbol)
                    .push_bind(&row.side)
                    .push_bind(&row.order_type)
                    .push_bind(row.quantity.to_string())
                    .push_bind(row.price.to_string())
                    .push_bind(row.executed_price.to_string())
                    .push_bind(row.fee.to_string())
                    .push_bind(row.pnl.map(|pnl| pnl.to_string()))
                    .push_bind(&row.status)
                    .push_bind(row.timestamp.as_micros());
            });
            text.build().execute(&mut *transaction).await.expect("it inserts");
        }
        transaction.commit().await.expect("it commits");
    }

    async fn read_all(&self) -> Vec<Trade> {
        let found = sqlx::query_as::<_, Stored>(ALL).fetch_all(&self.readers).await;
        found.expect("it reads").into_iter().map(|stored| stored.0).collect()
    }

    async fn filter(&self, range: Range) -> Vec<Trade> {
        let found = sqlx::query_as::<_, Stored>(FILTER)
            .bind(range.bot)
            .bind(range.from.as_micros())
            .bind(range.until.as_micros())
            .fetch_all(&self.readers)
            .await;
        found.expect("it reads").into_iter().map(|stored| stored.0).collect()
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        let mut transaction = self.writer.begin().await.expect("it begins");
        for row in rows {
            let update = sqlx::query(UPDATE)
                .bind(row.executed_price.to_string())
                .bind(row.fee.to_string())
                .bind(row.pnl.map(|pnl| pnl.to_string()))
                .bind(&row.status)
                .bind(row.id.0);
            update.execute(&mut *transaction).await.expect("it updates");
        }
        transaction.commit().await.expect("it commits");
    }
}
