//! The relational room: orders in SQLite, or in PostgreSQL where `DATABASE_URL` names one.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::{Config, Decimal, Field, Record, Result, Timestamp, Uuid};

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(id)]
struct OrderId(Uuid);

#[derive(Field, Clone, Copy, Debug, PartialEq)]
enum Status {
    Open,
    Filled,
    Cancelled,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "example_orders")]
struct Order {
    #[record(key)]
    id: OrderId,
    #[record(index, length(1..=32))]
    symbol: String,
    #[record(decimal(18, 8), min = 0)]
    quantity: Decimal,
    #[record(decimal(18, 8))]
    limit: Option<Decimal>,
    status: Status,
    // Filled by the layer.
    #[record(created)]
    created_at: Timestamp,
    #[record(version)]
    version: i64,
}

impl Order {
    fn new(symbol: &str, quantity: Decimal, limit: Option<Decimal>) -> Self {
        let (status, created_at) = (Status::Open, Timestamp::from_micros(0));
        let symbol = symbol.to_owned();
        Self { id: OrderId::new(), symbol, quantity, limit, status, created_at, version: 0 }
    }
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let sql = db.sql();
        sql.create_table::<Order>().await?;

        // One row. The layer fills columns, so it is handed over by `&mut`.
        let mut order = Order::new("BTC/USDT", Decimal::new(125, 3), None);
        sql.insert(&mut order).await?;

        // Many rows, all or none.
        let mut ladder: Vec<_> = (1..=3)
            .map(|step| Order::new("ETH/USDT", Decimal::ONE, Some(Decimal::from(2_000 - step))))
            .collect();
        sql.insert_many(&mut ladder).await?;

        // A typed question.
        let best = sql
            .find::<Order>()
            .filter(Order::SYMBOL.eq("ETH/USDT").and(Order::STATUS.eq(Status::Open)))
            .order_by(Order::LIMIT.desc())
            .first()
            .await?;
        println!("best bid: {}", best.and_then(|order| order.limit).unwrap_or_default());

        // A change, refused if somebody else changed the row since it was read.
        order.status = Status::Filled;
        let stale = order.clone();
        sql.update(&mut order).await?;
        let conflict = sql.update(&mut stale.clone()).await;
        println!("stale update: {}", conflict.is_err_and(|error| error.is_conflict()));

        // A bad value names its field, and nothing is written.
        let error = sql.insert(&mut Order::new("", Decimal::NEGATIVE_ONE, None)).await;
        for violation in error.err().iter().flat_map(|error| error.violations()) {
            println!("refused: {} ({})", violation.column, violation.message);
        }

        // A connection of its own, for what has no typed form.
        let mut connection = sql.connection().await?;
        let statement = "DELETE FROM example_orders WHERE status = 'open'";
        println!("cancelled: {}", connection.execute(statement, &[]).await?);
        connection.release().await?;
        sql.delete::<Order>(&order.id).await?;
        Ok(())
    })
}
