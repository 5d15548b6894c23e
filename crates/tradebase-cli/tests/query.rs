//! The commands that ask: what is allowed is shown in three forms, all else is refused.

mod support;

use std::io::Write;
use std::process::Stdio;

use support::{Said, run, say, tradebase};
use tradebase_testkit::{Postgres, TempFolder, psql};

/// A ledger with the tables of the demo and one that no record knows.
fn ledger() -> TempFolder {
    let folder = TempFolder::new().unwrap();
    let made = say(&folder, &["demo", "--quiet", "--ticks", "1000", "--folder", "tradebase-data"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    for sql in ["CREATE TABLE hidden (word TEXT)", "INSERT INTO hidden VALUES ('canary')"] {
        let said = say(&folder, &["query", "--write", "--yes", sql]);
        assert_eq!(said.code, Some(0), "{}", said.all());
    }
    folder
}

fn refused(said: &Said, code: &str) {
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.err.contains(code) && said.out.is_empty(), "{}", said.all());
}

#[test]
fn a_query_is_answered_as_table_json_and_csv() {
    let folder = ledger();
    let query = "SELECT id, name, 1 AS one, NULL AS none FROM demo_bots ORDER BY name LIMIT 2";
    let table = say(&folder, &["query", query]);
    assert_eq!(table.out.lines().count(), 3, "{}", table.all());
    assert!(table.out.starts_with("id"), "{}", table.out);

    let said = say(&folder, &["query", "--json", query]).json();
    assert_eq!(said["columns"], serde_json::json!(["id", "name", "one", "none"]));
    assert_eq!(said["rows"].as_array().unwrap().len(), 2);
    assert_eq!(said["rows"][0][2], 1);
    assert!(said["rows"][0][3].is_null());
    assert_eq!(said["cut"], false);

    let csv = say(&folder, &["query", "--csv", query]);
    assert!(csv.out.starts_with("id,name,one,none\r\n"), "{}", csv.out);
    assert!(csv.out.lines().nth(1).unwrap().ends_with(",1,"), "{}", csv.out);
}

#[test]
fn values_of_tables_are_readable() {
    let folder = ledger();
    let plain = "SELECT id, quantity, executed_at FROM demo_fills ORDER BY id LIMIT 5";
    let readable = plain.replace("demo_fills", "demo_fills_readable");
    let ask = |query: &str| say(&folder, &["query", "--json", query]).json()["rows"].clone();
    let rows = ask(plain);
    assert_eq!(rows, ask(&readable), "a column comes as its readable view shows it");
    assert!(rows[0][1].as_str().unwrap().contains('.'), "{rows}");
    assert!(rows[0][2].as_str().unwrap().ends_with('Z'), "{rows}");
}

#[test]
fn what_is_no_harmless_query_is_refused() {
    let folder = ledger();
    refused(&say(&folder, &["query", "SELECT * FROM hidden"]), "DB_SEC_002");
    refused(&say(&folder, &["query", "DELETE FROM demo_fills"]), "DB_SEC_001");
    refused(&say(&folder, &["query", "SELECT 1; DROP TABLE demo_fills"]), "DB_SEC_001");
    let told = say(&folder, &["query", "--json", "PRAGMA user_version = 1"]);
    assert!(told.err.contains("\"code\":\"DB_SEC_001\""), "{}", told.err);
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) \
                   SELECT count(*) FROM r";
    let said = say(&folder, &["query", "--timeout", "1", endless]);
    assert_eq!(said.code, Some(4), "{}", said.all());
}

#[test]
fn rows_beyond_the_limit_are_told() {
    let folder = ledger();
    let said = say(&folder, &["query", "--limit", "1", "SELECT id FROM demo_bots"]);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    assert!(said.err.contains("there are more"), "{}", said.err);
    let all = ["query", "--limit", "1", "--json", "SELECT id FROM demo_bots"];
    assert_eq!(say(&folder, &all).json()["cut"], true);
}

#[test]
fn a_query_comes_through_a_pipe() {
    let folder = ledger();
    let mut command = tradebase(&folder, &["query", "--csv", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 1 AS n\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "n\r\n1\n");
}

#[test]
fn a_statement_that_may_write_is_said_twice() {
    let folder = ledger();
    let delete = "DELETE FROM hidden";
    let unsure = say(&folder, &["query", "--write", delete]);
    assert_eq!(unsure.code, Some(3), "{}", unsure.all());
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    let said = say(&folder, &["query", "--write", "--yes", "--json", delete]).json();
    assert_eq!(said["changed"], 1);
    let left = ["query", "--write", "--yes", "--csv", "SELECT count(*) AS n FROM hidden"];
    assert_eq!(say(&folder, &left).out, "n\r\n0\n");
}

#[test]
fn a_statement_that_is_too_long_for_standard_input_is_not_run_in_part() {
    let folder = ledger();
    let mut command = tradebase(&folder, &["query", "--write", "--yes", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = format!("DELETE FROM hidden {} WHERE 1 = 0", " ".repeat(70_000));
    // It stops reading before the end.
    _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing was run"), "{said}");
    let left = ["query", "--write", "--yes", "--csv", "SELECT count(*) AS n FROM hidden"];
    assert_eq!(say(&folder, &left).out, "n\r\n1\n");
}

#[test]
fn postgres_guests_need_a_role_which_a_command_makes() {
    let folder = TempFolder::new().unwrap();
    let database = Postgres::shared().database();
    let url = database.url();
    psql(&url, "CREATE TABLE demo_bots (id int PRIMARY KEY); INSERT INTO demo_bots VALUES (7)")
        .unwrap();
    let with = |arguments: &[&str], guest: Option<&str>| {
        let mut command = tradebase(&folder, arguments);
        command.env("DATABASE_URL", &url);
        if let Some(guest) = guest {
            command.env("DATABASE_GUEST_URL", guest);
        }
        run(&mut command)
    };
    let query = ["query", "--csv", "SELECT id FROM demo_bots"];
    let without = with(&query, None);
    assert_eq!(without.code, Some(3), "{}", without.all());
    assert!(without.err.contains("DATABASE_GUEST_URL"), "{}", without.err);

    // The tables of all records must be there.
    let role = format!("guest_{}", database.name());
    let missing = with(&["guest-role", &role], None);
    assert_ne!(missing.code, Some(0), "{}", missing.all());
    for table in ["demo_orders", "demo_fills", "demo_ticks", "demo_last_price"] {
        psql(&url, &format!("CREATE TABLE {table} (id int PRIMARY KEY)")).unwrap();
    }
    let made = with(&["guest-role", &role, "--json"], None).json();
    let guest = made["url"].as_str().unwrap();
    let said = with(&query, Some(guest));
    assert_eq!(said.out, "id\r\n7\n", "{}", said.all());
    // By the store's own address it is not let in.
    let mighty = with(&query, Some(&url));
    assert!(mighty.err.contains("it is a superuser"), "{}", mighty.all());
    // A role that was not made here is left alone.
    let other = with(&["guest-role", "postgres"], None);
    assert!(other.err.contains("not made here"), "{}", other.all());
    psql(&url, &format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).unwrap();
}
