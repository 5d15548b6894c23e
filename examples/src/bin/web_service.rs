//! A web service: users in SQL, results and user data in a cache in front of it.
//!
//! What a Python service does with repositories, a cache manager and validation helpers.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::cache::{Cache, Ttl};
use tradebase::sql::Sql;
use tradebase::{Config, Field, Record, Result, Timestamp, Uuid, rule};

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(id)]
struct UserId(Uuid);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "service_users")]
struct User {
    #[record(key)]
    id: UserId,
    #[record(index, length(3..=64))]
    username: String,
    #[record(email, length(5..=254))]
    email: String,
    password_hash: String,
    #[record(created)]
    created_at: Timestamp,
    #[record(updated)]
    updated_at: Timestamp,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "analysis_result")]
struct AnalysisResult {
    #[record(key)]
    id: String,
    #[record(json)]
    result: serde_json::Value,
}

/// The users: the truth in SQL, a copy for half an hour in the cache.
struct Users<'a> {
    sql: &'a Sql,
    cache: Cache<User>,
}

impl Users<'_> {
    async fn create(&self, username: &str, email: &str) -> Result<User> {
        let epoch = Timestamp::from_micros(0);
        let mut user = User {
            id: UserId::new(),
            username: username.into(),
            email: email.into(),
            password_hash: "hashed_password".into(),
            created_at: epoch,
            updated_at: epoch,
        };
        self.sql.insert(&mut user).await?;
        Ok(user)
    }

    async fn by_id(&self, id: &UserId) -> Result<Option<User>> {
        if let Some(user) = self.cache.get(id).await? {
            return Ok(Some(user));
        }
        let found = self.sql.get::<User>(id).await?;
        if let Some(user) = &found {
            self.cache.set(user).await?;
        }
        Ok(found)
    }

    async fn update(&self, user: &mut User) -> Result<()> {
        self.sql.update(&mut *user).await?;
        self.cache.delete(&user.id).await?;
        Ok(())
    }
}

fn main() -> Result<()> {
    tradebase::run(Config::from_env()?, async |db| {
        db.sql().create_table::<User>().await?;
        let cache = db.cache::<User>().with_prefix("user").with_ttl(Ttl::secs(1_800));
        let users = Users { sql: db.sql(), cache };

        let mut user = users.create("john_doe", "john@example.com").await?;
        users.by_id(&user.id).await?;
        user.email = "new_email@example.com".into();
        users.update(&mut user).await?;
        println!("{:?}", users.by_id(&user.id).await?.map(|user| user.email));
        db.sql().delete::<User>(&user.id).await?;

        let results = db.cache::<AnalysisResult>().with_ttl(Ttl::secs(3_600));
        let result = serde_json::json!({ "result": "data" });
        results.set(&AnalysisResult { id: "analysis_123".into(), result }).await?;
        let cached = results.get(&"analysis_123".to_owned()).await?;
        println!("{}", cached.map_or_else(String::new, |cached| cached.result.to_string()));

        // Input can be checked without writing it.
        let bad = User { username: "jo".into(), email: "john".into(), ..user };
        for violation in rule::check(&bad).err().iter().flat_map(|error| error.violations()) {
            println!("{}: {}", violation.column, violation.message);
        }
        println!("{}", db.health().await.status);
        Ok(())
    })
}
