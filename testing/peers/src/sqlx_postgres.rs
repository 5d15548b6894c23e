//! sqlx on PostgreSQL: a pool, and UNNEST for what is many.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgArguments, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{FromRow, PgPool, Postgres, Row};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};

use crate::peer::{DROP, INDEX, POOL, POSTGRES, Peer, Place, Range};

/// Rows of one UNNEST.
const UNNEST: usize = 5000;

const GET: &str = "SELECT * FROM trades WHERE id = $1";
const ALL: &str = "SELECT * FROM trades ORDER BY id";
const FILTER: &str =
    "SELECT * FROM trades WHERE bot_id = $1 AND timestamp >= $2 AND timestamp < $3";
const INSERT: &str =
    "INSERT INTO trades VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const INSERT_MANY: &str = "INSERT INTO trades SELECT * FROM UNNEST($1::uuid[], $2::uuid[], \
    $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[], \
    $9::numeric[], $10::numeric[], $11::text[], $12::timestamptz[])";
const UPDATE: &str = "UPDATE trades SET executed_price = given.executed_price, \
    fee = given.fee, pnl = given.pnl, status = given.status \
    FROM UNNEST($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::text[]) \
    AS given (id, executed_price, fee, pnl, status) WHERE trades.id = given.id";

#[derive(Clone)]
pub struct Sqlx(PgPool);

struct Stored(Trade);

impl<'r> FromRow<'r, PgRow> for Stored {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let timestamp: DateTime<Utc> = row.try_get(11)?;
        Ok(Self(Trade {
            id: TradeId(row.try_get(0)?),
            bot_id: row.try_get(1)?,
            symbol: row.try_get(2)?,
            side: row.try_get(3)?,
            order_type: row.try_get(4)?,
            quantity: row.try_get(5)?,
            price: row.try_get(6)?,
            executed_price: row.try_get(7)?,
            fee: row.try_get(8)?,
            pnl: row.try_get(9)?,
            status: row.try_get(10)?,
            timestamp: Timestamp::from_micros(timestamp.timestamp_micros()),
        }))
    }
}

fn moment(of: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(of.as_micros()).expect("a moment")
}

fn insert(row: &Trade) -> Query<'_, Postgres, PgArguments> {
    sqlx::query(INSERT)
        .bind(row.id.0)
        .bind(row.bot_id)
        .bind(&row.symbol)
        .bind(&row.side)
        .bind(&row.order_type)
        .bind(row.quantity)
        .bind(row.price)
        .bind(row.executed_price)
        .bind(row.fee)
        .bind(row.pnl)
        .bind(&row.status)
        .bind(moment(row.timestamp))
}

fn column<'r, T>(rows: &'r [Trade], of: impl Fn(&'r Trade) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

impl Peer for Sqlx {
    const NAME: &'static str = "sqlx";

    async fn open(place: &Place) -> Self {
        let pool = PgPoolOptions::new().max_connections(POOL).connect(&place.url()).await;
        let pool = pool.expect("the server answers");
        for sql in [DROP, POSTGRES, INDEX] {
            sqlx::query(sql).execute(&pool).await.expect("the table is made");
        }
        Self(pool)
    }

    async fn get(&self, id: TradeId) -> Option<Trade> {
        let found = sqlx::query_as::<_, Stored>(GET).bind(id.0).fetch_optional(&self.0).await;
        found.expect("it reads").map(|stored| stored.0)
    }

    async fn create(&self, row: &Trade) {
        insert(row).execute(&self.0).await.expect("it inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        let mut transaction = self.0.begin().await.expect("it begins");
        for rows in rows.chunks(UNNEST) {
            let insert = sqlx::query(INSERT_MANY)
                .bind(column::<Uuid>(rows, |row| row.id.0))
                .bind(column::<Uuid>(rows, |row| row.bot_id))
                .bind(column::<&str>(rows, |row| &row.symbol))
                .bind(column::<&str>(rows, |row| &row.side))
                .bind(column::<&str>(rows, |row| &row.order_type))
                .bind(column::<Decimal>(rows, |row| row.quantity))
                .bind(column::<Decimal>(rows, |row| row.price))
                .bind(column::<Decimal>(rows, |row| row.executed_price))
                .bind(column::<Decimal>(rows, |row| row.fee))
                .bind(column::<Option<Decimal>>(rows, |row| row.pnl))
                .bind(column::<&str>(rows, |row| &row.status))
                .bind(column::<DateTime<Utc>>(rows, |row| moment(row.timestamp)));
            insert.execute(&mut *transaction).await.expect("it inserts");
        }
        transaction.commit().await.expect("it commits");
    }

    async fn read_all(&self) -> Vec<Trade> {
        let found = sqlx::query_as::<_, Stored>(ALL).fetch_all(&self.0).await;
        found.expect("it reads").into_iter().map(|stored| stored.0).collect()
    }

    async fn filter(&self, range: Range) -> Vec<Trade> {
        let found = sqlx::query_as::<_, Stored>(FILTER)
            .bind(range.bot)
            .bind(moment(range.from))
            .bind(moment(range.until))
            .fetch_all(&self.0)
            .await;
        found.expect("it reads").into_iter().map(|stored| stored.0).collect()
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        let mut transaction = self.0.begin().await.expect("it begins");
        for rows in rows.chunks(UNNEST) {
            let update = sqlx::query(UPDATE)
                .bind(column::<Uuid>(rows, |row| row.id.0))
                .bind(column::<Decimal>(rows, |row| row.executed_price))
                .bind(column::<Decimal>(rows, |row| row.fee))
                .bind(column::<Option<Decimal>>(rows, |row| row.pnl))
                .bind(column::<&str>(rows, |row| &row.status));
            update.execute(&mut *transaction).await.expect("it updates");
        }
        transaction.commit().await.expect("it commits");
    }
}
