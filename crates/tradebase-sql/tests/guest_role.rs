//! The role of guests on PostgreSQL: what it is given, and what it must not have to be let in.
#![cfg(feature = "postgres")]

#[path = "common/mod.rs"]
mod common;
#[path = "guest/house.rs"]
mod house;

use house::{Bot, House, Ledger, TABLES};
use tradebase_core::{Code, Record, Secret};
use tradebase_sql::{GuestOptions, Sql, SqlOptions};
use tradebase_testkit::{Postgres, psql};

const PASSWORD: &str = "correct horse";

#[tokio::test]
async fn postgres_a_role_that_may_do_more_is_not_let_in() {
    let house = Ledger::postgres().await;
    let (url, role) = (house.url(), house.role());
    let guest = house.sql().guest(GuestOptions::new()).unwrap();
    guest.query("SELECT 1").await.unwrap();
    let me = format!("\"{role}\"");
    for (give, take, said) in [
        ("ALTER ROLE me SUPERUSER", "ALTER ROLE me NOSUPERUSER", "superuser"),
        ("ALTER ROLE me CREATEDB", "ALTER ROLE me NOCREATEDB", "make roles or databases"),
        ("ALTER ROLE me CREATEROLE", "ALTER ROLE me NOCREATEROLE", "make roles or databases"),
        ("ALTER ROLE me REPLICATION", "ALTER ROLE me NOREPLICATION", "replicate"),
        ("ALTER ROLE me BYPASSRLS", "ALTER ROLE me NOBYPASSRLS", "row security"),
        ("GRANT pg_read_server_files TO me", "REVOKE pg_read_server_files FROM me", "a member of"),
        ("GRANT pg_monitor TO me", "REVOKE pg_monitor FROM me", "pg_monitor"),
        ("GRANT CREATE ON SCHEMA public TO me", "REVOKE CREATE ON SCHEMA public FROM me", "public"),
        ("GRANT INSERT ON fills TO me", "REVOKE INSERT ON fills FROM me", "write to fills"),
        (
            "GRANT UPDATE (symbol) ON fills TO me",
            "REVOKE UPDATE (symbol) ON fills FROM me",
            "fills",
        ),
        ("GRANT TRUNCATE ON bots TO me", "REVOKE TRUNCATE ON bots FROM me", "write to bots"),
        ("GRANT DELETE ON secrets TO PUBLIC", "REVOKE DELETE ON secrets FROM PUBLIC", "secrets"),
        ("GRANT SELECT ON secrets TO me", "REVOKE SELECT ON secrets FROM me", "may read secrets"),
        ("GRANT SELECT (id) ON secrets TO me", "REVOKE SELECT (id) ON secrets FROM me", "secrets"),
        ("GRANT SELECT ON peek TO PUBLIC", "REVOKE SELECT ON peek FROM PUBLIC", "may read peek"),
        (
            "GRANT USAGE ON SEQUENCE counter TO me",
            "REVOKE USAGE ON SEQUENCE counter FROM me",
            "counter",
        ),
        (
            "GRANT SELECT ON pg_authid TO me",
            "REVOKE SELECT ON pg_authid FROM me",
            "may read pg_authid",
        ),
        ("GRANT UPDATE ON pg_class TO me", "REVOKE UPDATE ON pg_class FROM me", "pg_class"),
        (
            "ALTER FUNCTION secrets_all() SECURITY DEFINER",
            "ALTER FUNCTION secrets_all() SECURITY INVOKER",
            "run secrets_all with the rights of its owner",
        ),
        (
            "CREATE SCHEMA other; CREATE TABLE other.fills (id int); GRANT USAGE ON SCHEMA other \
             TO me; GRANT SELECT ON other.fills TO me",
            "DROP SCHEMA other CASCADE; SELECT 1 AS me",
            "may read other.fills",
        ),
        (
            "CREATE FUNCTION rest(float8) RETURNS void LANGUAGE internal AS 'pg_sleep'",
            "DROP FUNCTION rest(float8)",
            "run rest, which is written in internal",
        ),
        (
            "CREATE TABLE owned (id int); ALTER TABLE owned OWNER TO me",
            "DROP TABLE owned",
            "owns something",
        ),
    ] {
        let run = |sql: &str| psql(&url, &sql.replace(" me", &format!(" {me}"))).unwrap();
        run(give);
        let asked = guest.query("SELECT 1").await;
        run(take);
        let error = asked.unwrap_err();
        assert_eq!(error.code(), Code::Config, "{give}: {error}");
        assert!(error.to_string().contains(said), "{give}: {error}");
    }
    guest.query("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn postgres_a_role_is_made_once_and_given_other_tables_later() {
    let house = Ledger::postgres().await;
    let (sql, role) = (house.sql(), house.role());
    let password = Secret::new(PASSWORD);
    let url = sql.guest_role(&role, &password, [Bot::TABLE]).await.unwrap();
    let options = SqlOptions::new(house.url()).guest_url(url);
    let fewer = Sql::open_with(options).await.unwrap();
    let bots = fewer.guest(GuestOptions::new().tables([Bot::TABLE])).unwrap();
    assert_eq!(bots.query("SELECT name FROM bots").await.unwrap().rows.rows.len(), 3);
    // The wall of the engine knows the tables of the role alone.
    let more = fewer.guest(GuestOptions::new().tables(TABLES()).unparsed()).unwrap();
    let error = more.query("SELECT * FROM fills").await.unwrap_err();
    assert_eq!(error.code(), Code::AccessDenied, "{error}");
    // The password is what it was set to last, and the server has not seen it.
    let stored = format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'");
    assert!(psql(&house.url(), &stored).unwrap().starts_with("SCRAM-SHA-256$"));
}

#[tokio::test]
async fn postgres_no_role_of_another_is_touched() {
    let house = Ledger::postgres().await;
    let (sql, url) = (house.sql(), house.url());
    let password = Secret::new(PASSWORD);
    let roles = "SELECT rolname, rolpassword, rolsuper FROM pg_authid \
                 WHERE rolname IN ('postgres', 'pg_monitor', 'short_guest') ORDER BY 1";
    let before = psql(&url, roles).unwrap();
    for name in ["postgres", "pg_monitor", "", &"x".repeat(64), "a\0b"] {
        let error = sql.guest_role(name, &password, TABLES()).await.unwrap_err();
        assert_eq!(error.code(), Code::Config, "{name}: {error}");
    }
    let short = Secret::new("short");
    let error = sql.guest_role("short_guest", &short, TABLES()).await.unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert!(!error.to_string().contains("short_guest:short"), "{error}");
    // A hostile name is a name.
    let hostile = format!("g\"; -- {}", house.role());
    let made = sql.guest_role(&hostile, &password, TABLES()).await.unwrap();
    let options = SqlOptions::new(&url).create_tables(TABLES()).guest_url(made);
    let guest = Sql::open_with(options).await.unwrap().guest(GuestOptions::new()).unwrap();
    assert_eq!(guest.query("SELECT count(*) FROM fills").await.unwrap().rows.rows.len(), 1);
    let quoted = format!("\"{}\"", hostile.replace('"', "\"\""));
    psql(&url, &format!("DROP OWNED BY {quoted}; DROP ROLE {quoted}")).unwrap();
    assert_eq!(psql(&url, roles).unwrap(), before);
}

#[tokio::test]
async fn postgres_guests_without_a_role_are_told_how_to_get_one() {
    let database = Postgres::shared().database();
    let sql = Sql::open(&database.url()).await.unwrap();
    let guest = sql.guest(GuestOptions::new().tables(TABLES())).unwrap();
    let error = guest.query("SELECT 1").await.unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert!(error.to_string().contains("DATABASE_GUEST_URL"), "{error}");
    let options = SqlOptions::new(database.url()).guest_url(Secret::new("sqlite:other.db"));
    let guest = Sql::open_with(options).await.unwrap().guest(GuestOptions::new()).unwrap();
    assert_eq!(guest.query("SELECT 1").await.unwrap_err().code(), Code::Config);
}

#[tokio::test]
async fn sqlite_has_no_roles() {
    let house = Ledger::sqlite().await;
    let password = Secret::new(PASSWORD);
    let error = house.sql().guest_role("guest", &password, TABLES()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}
