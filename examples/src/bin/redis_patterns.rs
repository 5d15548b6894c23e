//! Storage patterns in Redis: an object, a set as index, an object with its index, a second
//! index, a cache entry that expires. Without `REDIS_URL` it shows what process memory can do.
//!
//! What a Python program does with redis-py and hand-made keys.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::cache::{CacheStore, Json, RedisCommand, RedisPipeline, Ttl};
use tradebase::{Capability, Config, Decimal, Record, Result, Uuid};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "user")]
struct User {
    #[record(key)]
    username: String,
    email: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "position")]
struct Position {
    #[record(key)]
    id: Uuid,
    symbol: String,
    #[record(decimal(18, 8))]
    quantity: Decimal,
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        let store = db.cache_store();

        // One object under its key, as plain JSON that other programs read.
        let users = store.records::<User>().with_codec(Json).with_prefix("auth:username");
        let user = User { username: "john_doe".into(), email: "john@example.com".into() };
        users.set_for(&user, Ttl::Never).await?;
        println!("{}", users.key_text(&user.username)?);
        println!("found: {}", users.get(&user.username).await?.is_some());

        // An entry that expires.
        users.set_for(&user, Ttl::secs(300)).await?;
        println!("expires: {}", users.ttl(&user.username).await? != Some(Ttl::Never));

        if store.capabilities().can(Capability::Shared) {
            sets(store).await?;
        }
        Ok(())
    })
}

/// What needs Redis itself: through the door.
async fn sets(store: &CacheStore) -> Result<()> {
    // A set as index.
    store
        .command(RedisCommand::new("SADD").arg("finance:watchlist").arg("AAPL").arg("MSFT"))
        .await?;
    let watched = RedisCommand::new("SISMEMBER").arg("finance:watchlist").arg("AAPL");
    println!("watched: {}", store.command(watched).await?.as_int()? == 1);

    // An object and its index, both or neither.
    let positions = store.records::<Position>().with_codec(Json).with_prefix("finance:position");
    let quantity = Decimal::from(10);
    let position = Position { id: tradebase::id::new(), symbol: "AAPL".into(), quantity };
    let both = RedisPipeline::new()
        .command(
            RedisCommand::new("SET")
                .arg(positions.key_text(&position.id)?)
                .arg(tradebase::json::to_string(&position)?),
        )
        .command(
            RedisCommand::new("SADD").arg("finance:positions:index").arg(position.id.to_string()),
        )
        .atomic();
    store.pipeline(both).await?;
    println!("position: {}", positions.get(&position.id).await? == Some(position.clone()));

    // Deleting cleans the index too.
    let gone = RedisPipeline::new()
        .command(RedisCommand::new("DEL").arg(positions.key_text(&position.id)?))
        .command(
            RedisCommand::new("SREM").arg("finance:positions:index").arg(position.id.to_string()),
        )
        .atomic();
    store.pipeline(gone).await?;
    println!("left: {}", positions.exists(&position.id).await?);
    Ok(())
}
