//! The other commands: tables for people, one object for programs.

mod support;

use std::fs;

use tradebase::{Config, Tradebase};
use tradebase_testkit::TempFolder;

use support::{run, say, tradebase};

#[test]
fn health_asks_every_store() {
    let folder = TempFolder::new().unwrap();
    let said = say(&folder, &["health", "--json"]).json();
    assert_eq!(said["status"], "healthy", "{said}");
    let rooms: Vec<_> = said["rooms"].as_array().unwrap().iter().map(|r| &r["room"]).collect();
    assert_eq!(rooms, ["sql", "cache", "analytics", "series"]);
    let table = say(&folder, &["health"]);
    assert!(table.out.contains("sqlite") && table.out.contains("healthy"), "{}", table.out);
}

#[test]
fn two_processes_share_a_folder_and_only_the_duckdb_rooms_say_so() {
    let folder = TempFolder::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = folder.file("tradebase-data");
    let first = runtime.block_on(async {
        let db = Tradebase::open(Config::new().data_folder(&data)).await.unwrap();
        assert!(db.connect_all().await.iter().all(|room| room.error.is_none()));
        db
    });
    let status = |said: &serde_json::Value, room: usize| said["rooms"][room]["status"].clone();

    let said = say(&folder, &["health", "--json"]).json();
    assert_eq!(said["status"], "degraded");
    assert_eq!((status(&said, 0), status(&said, 1)), ("healthy".into(), "healthy".into()));
    for room in [2, 3] {
        assert_eq!(said["rooms"][room]["issues"][0]["code"], "DB_CONN_004", "{said}");
    }

    let memory = ["health", "--json", "--set", "analytics.when_locked=memory"];
    let said = say(&folder, &memory).json();
    assert_eq!(said["rooms"][2]["issues"][0]["check"], "file_locked", "{said}");

    // Once the first process lets go, so does the lock.
    runtime.block_on(first.close()).unwrap();
    assert_eq!(say(&folder, &["health", "--json"]).json()["status"], "healthy");
}

#[test]
fn config_shows_where_each_setting_comes_from() {
    let folder = TempFolder::new().unwrap();
    fs::write(folder.file("tradebase.toml"), "[sql]\nbusy_wait = 7\n").unwrap();
    fs::write(folder.file(".env"), "REDIS_PASSWORD=hunter2\nCACHE_TTL_HOURS=6\n").unwrap();
    let mut command = tradebase(&folder, &["config", "--json", "--set", "log.level=debug"]);
    let said = run(command.env("DATABASE_PATH", "my.db")).json();
    let settings = said["settings"].as_array().unwrap();
    let find = |key: &str| settings.iter().find(|one| one["key"] == key).unwrap();
    assert_eq!(find("sql.path")["value"], "my.db");
    assert_eq!(find("sql.path")["source"], "environment DATABASE_PATH");
    assert_eq!(find("sql.busy_wait")["source"], "tradebase.toml");
    assert_eq!(find("cache.password")["value"], "***");
    assert_eq!(find("cache.password")["source"], ".env line 1");
    assert_eq!(find("log.level")["source"], "code");
    assert_eq!(find("cache.port")["source"], "default");
    assert!(find("analytics.result_ttl")["not_yet"].is_string(), "{said}");
    let warnings = said["warnings"].to_string();
    assert!(warnings.contains("CACHE_TTL_HOURS"), "a setting that does nothing yet: {warnings}");
    let people = run(tradebase(&folder, &["config"]).env("CACHE_TTL_HOURS", "5"));
    assert!(people.out.contains("not used yet"), "{}", people.all());
}

#[test]
fn example_files_are_written_once_and_read_back() {
    let folder = TempFolder::new().unwrap();
    let said = say(&folder, &["config", "--example", "--json"]).json();
    assert_eq!(said["files"], serde_json::json!([".env.example", "tradebase.toml"]));
    let env = fs::read_to_string(folder.file(".env.example")).unwrap();
    assert!(env.contains("DATABASE_URL"), "{env}");
    assert_eq!(say(&folder, &["config"]).code, Some(0));

    let again = say(&folder, &["config", "--example"]);
    assert_eq!(again.code, Some(3));
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(say(&folder, &["config", "--example", "--force"]).code, Some(0));
}

#[test]
fn schema_shows_types_by_engine_and_exports_what_it_reads_back() {
    let folder = TempFolder::new().unwrap();
    let table = say(&folder, &["schema", "demo_fills"]);
    for word in ["demo_fills", "decimal(18, 8)", "numeric(18, 8)", "DECIMAL(18,8)"] {
        assert!(table.out.contains(word), "{word} in {}", table.out);
    }
    let export = say(&folder, &["schema", "--export"]);
    fs::write(folder.file("schema.json"), &export.out).unwrap();
    let read = say(&folder, &["schema", "--json", "--schema", "schema.json"]).json();
    let tables: Vec<_> = read["tables"].as_array().unwrap().iter().map(|t| &t["table"]).collect();
    assert_eq!(
        tables,
        ["demo_bots", "demo_orders", "demo_fills", "demo_ticks", "demo_last_price"],
        "each once, though it is registered and read"
    );
    let unknown = say(&folder, &["schema", "trades"]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.err.contains("demo_fills"), "{}", unknown.err);
}

#[test]
fn completions_are_printed_for_a_shell() {
    let folder = TempFolder::new().unwrap();
    let script = say(&folder, &["completions", "bash"]);
    assert!(script.out.contains("complete -F"), "{}", script.out);
    let said = say(&folder, &["completions", "zsh", "--json"]).json();
    assert_eq!(said["shell"], "zsh");
}

#[test]
fn a_mistyped_command_is_told_the_closest_one() {
    let folder = TempFolder::new().unwrap();
    let said = say(&folder, &["helth"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("'health'"), "{}", said.err);
}
