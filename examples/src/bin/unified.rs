//! One client for development and production: SQLite unless `DATABASE_URL` names PostgreSQL;
//! create, read, update and delete, with and without async.
//!
//! What a Python program does with a unified database client.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tradebase::{Assigned, Config, ErrorKind, Record, Result, blocking};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "unified_users")]
struct User {
    // The database assigns it.
    #[record(key, assigned)]
    id: Assigned<i64>,
    #[record(length(3..=64))]
    username: String,
    #[record(email, length(5..=254))]
    email: String,
    password_hash: String,
}

impl User {
    fn new(username: &str, email: &str) -> Self {
        let (username, email) = (username.to_owned(), email.to_owned());
        Self { id: Assigned::default(), username, email, password_hash: "secure_hash".into() }
    }
}

fn main() -> Result<()> {
    let db = blocking::Tradebase::open(Config::from_env()?)?;
    db.sql().create_table::<User>()?;

    // Create, read, update, delete.
    let mut user = User::new("alice", "alice@example.com");
    let id = db.sql().insert(&mut user)?;
    if let Some(user) = db.sql().get::<User>(&id)? {
        println!("user: {} ({})", user.username, user.email);
    }
    user.email = "newemail@example.com".into();
    db.sql().update(&mut user)?;
    println!("deleted: {}", db.sql().delete::<User>(&id)?);

    // The same with async.
    db.wait(async {
        let sql = db.asynchronous().sql();
        let mut user = User::new("bob", "bob@example.com");
        let id = sql.insert(&mut user).await?;
        user.email = "updated@example.com".into();
        sql.update(&mut user).await?;
        println!("async: {:?}", sql.get::<User>(&id).await?.map(|user| user.email));
        sql.delete::<User>(&id).await?;
        Ok(())
    })?;

    // Values that break the rules: every field at fault, and a stable code.
    match db.sql().insert(&mut User::new("", "invalid-email")) {
        Err(error) if error.kind() == ErrorKind::Validation => {
            println!("{}: {}", error.code(), error.user_message());
            for violation in error.violations() {
                println!("  {}: {}", violation.column, violation.message);
            }
        }
        Err(error) => return Err(error),
        Ok(_) => println!("nothing was refused"),
    }
    println!("{}", db.health()?.status);
    db.close()
}
