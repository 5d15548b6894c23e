//! A client that fails says so; nothing it could not read passes for an empty answer.

use tradebase_testkit::{Influx, KitError, Postgres, Redis, TempFolder};
use tradebase_testkit::{influx, psql, redis_cli, sqlite3, squawk};

fn complaint(result: Result<String, KitError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn psql_stops_at_the_first_wrong_statement() -> Result<(), KitError> {
    let database = Postgres::shared().database();
    let text = complaint(psql(&database.url(), "select 1; select nonsense; create table t ()"));
    assert!(text.starts_with("psql failed, exit status: 3:"), "{text}");
    assert!(text.contains("column \"nonsense\" does not exist"), "{text}");
    assert_eq!(psql(&database.url(), "select to_regclass('t') is null")?, "t");
    assert!(complaint(psql("postgres://127.0.0.1:1/x", "select 1")).contains("refused"));
    Ok(())
}

#[test]
fn sqlite3_reads_a_file_and_stops_at_the_first_wrong_statement() -> Result<(), KitError> {
    let folder = TempFolder::new()?;
    let path = folder.file("x.db");
    sqlite3(&path, "create table t (a, b); insert into t values (1, null), (2, 'x');")?;
    assert_eq!(sqlite3(&path, "select * from t order by a;")?, "1|\n2|x");
    let text = complaint(sqlite3(&path, "select nonsense; insert into t values (3, 3);"));
    assert!(text.starts_with("sqlite3 failed, exit status: 1:"), "{text}");
    assert!(text.contains("nonsense"), "{text}");
    assert_eq!(sqlite3(&path, "select count(*) from t;")?, "2");
    Ok(())
}

#[test]
fn redis_cli_reports_what_the_server_refuses() {
    let port = Redis::shared().port();
    let text = complaint(redis_cli(port, ["NONSENSE"]));
    assert!(text.contains("unknown command"), "{text}");
    assert!(complaint(redis_cli(1, ["PING"])).contains("refused"));
}

#[test]
fn influx_reports_what_the_server_refuses() {
    let server = Influx::shared();
    let database = server.database();
    let text = complaint(influx(server.port(), &database, "select nonsense"));
    assert!(text.contains("error parsing query"), "{text}");
    let text = complaint(influx(server.port(), "no_such_database", "select * from t"));
    assert!(text.contains("database not found"), "{text}");
    assert!(complaint(influx(1, "x", "show databases")).contains("refused"));
}

#[test]
fn squawk_names_rule_and_line() -> Result<(), KitError> {
    let found = squawk("SELECT 1;\nDROP TABLE t;\nSELECT 2;", true)?;
    let found: Vec<_> = found.iter().map(|f| (f.rule.as_str(), f.line.as_str())).collect();
    assert!(found.contains(&("ban-drop-table", "DROP TABLE t;")), "{found:?}");
    assert_eq!(squawk("SELECT 1;", true)?, []);
    Ok(())
}

#[test]
fn large_input_and_output_pass() -> Result<(), KitError> {
    let database = Postgres::shared().database();
    let text = "x".repeat(1 << 20);
    assert_eq!(psql(&database.url(), &format!("select '{text}'"))?, text);
    Ok(())
}
