//! The demo: one object that other programs confirm, the same day for the same seed, on the
//! embedded stores and on servers.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tradebase_testkit::{Influx, Postgres, Redis, TempFolder, psql, sqlite3};

use support::{run, say, start, tradebase};

/// A day that takes a second or two in a build without optimisation.
const DAY: [&str; 4] = ["demo", "--json", "--ticks", "6000"];
/// Asks this very test program to read a DuckDB file, as another process.
const READ: &str = "TRADEBASE_TEST_READ_DUCKDB";

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} in {value}"))
}

fn check_stores(said: &Value) {
    for store in ["sql", "cache", "analytics", "series"] {
        for what in ["written", "read"] {
            let rows = said["stores"][store][what].as_u64().unwrap_or_default();
            assert!(rows > 0, "{store} {what}: {said}");
        }
    }
    assert_eq!(text(said, "/pnl/sql"), text(said, "/pnl/analytics"));
    assert!(said["bots"].as_array().is_some_and(|bots| bots.len() >= 3), "{said}");
}

/// What `another_duckdb_process` starts.
#[test]
#[ignore = "runs as the second process of another test"]
fn duckdb_reader() {
    let file = std::env::var(READ).unwrap();
    let engine =
        tradebase_duckdb::Engine::open(file, tradebase_duckdb::OpenOptions::new().read_only(true));
    let sql = "SELECT count(*)::VARCHAR || ' ' || sum(pnl)::VARCHAR FROM demo_fills";
    let answer = engine.and_then(|engine| {
        engine.raw(|connection| connection.query_row(sql, [], |row| row.get::<_, String>(0)))
    });
    println!("answer: {}", answer.unwrap());
}

/// Rows and sum of the fills, as another DuckDB process sees them.
fn another_duckdb_process(file: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["duckdb_reader", "--exact", "--ignored", "--nocapture"]).env(READ, file);
    let said = run(&mut command);
    let (_, rest) = said.out.split_once("answer: ").unwrap_or_else(|| panic!("{}", said.all()));
    rest.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn sqlite_and_duckdb_confirm_the_demo_from_outside() {
    let folder = TempFolder::new().unwrap();
    let said = say(&folder, &DAY).json();
    check_stores(&said);

    let file = |name: &str| text(&said, &format!("/files/{name}")).to_owned();
    for name in ["sql", "analytics", "series", "chart"] {
        assert!(folder.file(&file(name)).is_file(), "{name}: {}", file(name));
    }
    let fills = said["fills"].as_u64().unwrap();
    let ask = "SELECT count(*), decimal_sum(pnl) FROM demo_fills_readable";
    let expected = text(&said, "/pnl/sql");
    let sqlite = sqlite3(folder.file(&file("sql")), ask).unwrap();
    let (rows, sum) = sqlite.trim().split_once('|').unwrap();
    assert_eq!(rows, fills.to_string());
    assert_eq!(trimmed(sum), trimmed(expected));

    let path = folder.file(&file("analytics"));
    let duckdb = another_duckdb_process(path.to_str().unwrap());
    assert_eq!(duckdb, format!("{fills} {expected}"));

    let chart = fs::read_to_string(folder.file(&file("chart"))).unwrap();
    assert!(chart.starts_with("<svg") && chart.trim_end().ends_with("</svg>"), "{chart}");
}

/// Without the zeros at the end, which the shell's function leaves out.
fn trimmed(number: &str) -> &str {
    number.trim_end_matches('0').trim_end_matches('.')
}

#[test]
fn the_same_seed_gives_the_same_day_also_over_the_old_one() {
    let folder = TempFolder::new().unwrap();
    let figures = |said: Value| (said["pnl"].clone(), said["bots"].clone(), said["fills"].clone());
    let first = figures(say(&folder, &DAY).json());
    assert_eq!(figures(say(&folder, &DAY).json()), first);
    let other = [&DAY[..], &["--seed", "7"]].concat();
    let said = say(&folder, &other).json();
    check_stores(&said);
    assert_ne!(figures(said), first);
}

#[test]
fn people_get_a_report() {
    let folder = TempFolder::new().unwrap();
    let mut command = tradebase(&folder, &["demo", "--ticks", "6000"]);
    // A loaded machine is no fault of the demo, and slow calls are told of.
    let said = run(command.env("TRADEBASE_SQL_SLOW_AFTER", "60"));
    assert_eq!(said.code, Some(0), "{}", said.all());
    for word in ["win rate", "Sharpe", "rows", "equity.svg", "next"] {
        assert!(said.out.contains(word), "{word} in {}", said.out);
    }
    assert_eq!(said.err, "", "quiet where nobody looks");
}

#[test]
fn postgres_redis_and_influx_take_the_demo_by_variables_alone() {
    let (folder, influx) = (TempFolder::new().unwrap(), Influx::shared());
    let database = Postgres::shared().database();
    let mut command = tradebase(&folder, &DAY);
    command.env("DATABASE_URL", database.url()).env("REDIS_URL", Redis::shared().url());
    command.env("INFLUXDB_URL", influx.url()).env("INFLUXDB_DATABASE", influx.database());
    let said = run(&mut command).json();
    check_stores(&said);
    let engines: Vec<_> =
        ["sql", "cache", "series"].map(|store| text(&said["stores"][store], "/engine")).into();
    assert_eq!(engines, ["postgres", "redis", "influx"]);
    let ask = "SELECT count(*) || ' ' || sum(pnl) FROM demo_fills";
    let answer = psql(&database.url(), ask).unwrap();
    assert_eq!(answer, format!("{} {}", said["fills"], text(&said, "/pnl/sql")));
    // Run again, nothing is doubled.
    assert_eq!(run(&mut command).json()["pnl"], said["pnl"]);
}

/// Asked to stop, it closes its files; the next run finds nothing half-made.
#[test]
fn a_demo_that_is_asked_to_stop_closes_its_stores() {
    let folder = TempFolder::new().unwrap();
    let long = ["demo", "--ticks", "20000000"];
    let child = tradebase(&folder, &long).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    let ledger = folder.file("tradebase-demo/ledger.db");
    for _ in 0..600 {
        let rows = ledger.exists().then(|| sqlite3(&ledger, "SELECT count(*) FROM demo_fills"));
        if rows.is_some_and(|rows| rows.is_ok_and(|rows| rows.trim() != "0")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("DB_RUN_001"), "{said}");
    // Closed in order, the log of SQLite is moved into its file and gone.
    assert!(!folder.file("tradebase-demo/ledger.db-wal").exists());
    assert_eq!(sqlite3(&ledger, "PRAGMA integrity_check").unwrap().trim(), "ok");
    check_stores(&say(&folder, &DAY).json());
}

#[test]
fn the_command_runs_from_another_folder_with_its_library_beside_it() {
    let (folder, elsewhere) = (TempFolder::new().unwrap(), TempFolder::new().unwrap());
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_tradebase"));
    let program = elsewhere.file("tradebase");
    fs::copy(built, &program).unwrap();
    let library = built.with_file_name("libduckdb.so");
    // Where DuckDB is built in, there is no library to take along.
    if library.exists() {
        fs::copy(library, elsewhere.file("libduckdb.so")).unwrap();
    }
    check_stores(&run(&mut start(&program, &folder, &DAY)).json());
}
