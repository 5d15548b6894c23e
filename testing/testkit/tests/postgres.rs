//! A private PostgreSQL is the one the proofs of order and of time need.

use tradebase_testkit::{KitError, Postgres, psql, psql_separated};

#[test]
fn postgres_answers_and_speaks_icu_and_kolkata() -> Result<(), KitError> {
    let server = Postgres::shared();
    let database = server.database();
    let ask = |sql: &str| psql(&database.url(), sql);
    assert_eq!(ask("show timezone")?, "Asia/Kolkata");
    assert_eq!(ask("select timestamptz '2024-01-01 00:00Z'")?, "2024-01-01 05:30:00+05:30");
    assert_eq!(ask("show server_encoding")?, "UTF8");
    assert_eq!(ask("select current_user")?, "postgres");
    assert_eq!(ask("show max_connections")?, "200");
    // Bytes would put B before a, and ä after z.
    let sorted = "select string_agg(x, ' ' order by x) from unnest('{b,B,a,z,ä,A}'::text[]) x";
    assert_eq!(ask(sorted)?, "a A ä b B z");
    let provider = "select datlocprovider from pg_database where datname = current_database()";
    assert_eq!(ask(provider)?, "i");
    Ok(())
}

#[test]
fn both_addresses_lead_to_the_same_database() -> Result<(), KitError> {
    let database = Postgres::shared().database();
    psql(&database.url(), "create table t (a int, b text); insert into t values (1, null)")?;
    assert_eq!(psql_separated(&database.socket_url(), "table t", "\t")?, "1\t");
    let over = "select inet_server_addr() is null";
    assert_eq!(psql(&database.url(), over)?, "f");
    assert_eq!(psql(&database.socket_url(), over)?, "t");
    Ok(())
}

#[test]
fn every_database_is_fresh_and_dropped_with_its_value() -> Result<(), KitError> {
    let server = Postgres::shared();
    let (one, two) = (server.database(), server.database());
    psql(&one.url(), "create table t (a int)")?;
    assert_eq!(psql(&two.url(), "select count(*) from pg_tables where tablename = 't'")?, "0");
    let count = format!("select count(*) from pg_database where datname = '{}'", one.name());
    assert_eq!(psql(&server.url(), &count)?, "1");
    drop(one);
    assert_eq!(psql(&server.url(), &count)?, "0");
    Ok(())
}

#[test]
fn fsync_and_settings_are_as_asked() -> Result<(), KitError> {
    assert_eq!(psql(&Postgres::shared().url(), "show fsync")?, "off");
    let server = Postgres::options().fsync(true).setting("work_mem", "7MB").start()?;
    assert_eq!(psql(&server.url(), "show fsync; show work_mem")?, "on\n7MB");
    psql(&server.url(), "alter system set work_mem = '9MB'")?;
    server.restart()?;
    assert_eq!(psql(&server.url(), "show work_mem")?, "9MB");
    Ok(())
}

#[test]
fn a_server_that_cannot_start_shows_its_log() {
    let error = Postgres::options().setting("work_mem", "plenty").start().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("postgres ended while starting: exit status: 1"), "{text}");
    assert!(text.contains("invalid value for parameter \"work_mem\""), "{text}");
}

#[test]
fn a_hundred_and_fifty_databases_made_at_once_are_all_different() {
    let server = Postgres::shared();
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| (0..15).map(|_| server.database()).collect::<Vec<_>>()))
            .collect();
        makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
    });
    let mut names: Vec<_> = made.iter().map(|database| database.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 150);
}
