//! The handle over the rooms: opening, sharing, health, measures, closing.

use std::time::Duration;

use tradebase::sql::PartOptions;
use tradebase::testing::TestStores;
use tradebase::watch::{Fault, Operation};
use tradebase::{
    Code, Config, Decimal, Profile, Record, Status, Timestamp, Tradebase, blocking, global, records,
};
use tradebase_testkit::{Database, Influx, Postgres, Redis, TempFolder, sqlite3};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills", series = "fills")]
struct Fill {
    #[record(key, tag)]
    id: i64,
    #[record(decimal(18, 8))]
    quantity: Decimal,
    #[record(time)]
    at: Timestamp,
}

/// One that is cut into parts by time.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prints", partition_by(day, on = at))]
struct Print {
    #[record(key)]
    at: Timestamp,
    price: i64,
}

fn fill(id: i64) -> Fill {
    let at = Timestamp::from_micros(1_767_605_400_000_000 + id);
    Fill { id, quantity: Decimal::new(id, 8), at }
}

fn servers(database: &Database) -> Config {
    let influx = Influx::shared();
    Config::new()
        .sql_url(database.url())
        .cache_url(Redis::shared().url())
        .set("cache.prefix", Redis::shared().prefix())
        .unwrap()
        .analytics_path(":memory:")
        .series_url(influx.url(), influx.database())
}

/// A runtime that is gone after the work.
fn on_a_runtime_of_its_own<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One fill through all four rooms.
async fn one_fill(db: &Tradebase, id: i64) {
    let fill = fill(id);
    db.sql().insert(&fill).await.unwrap();
    assert_eq!(db.sql().get(&id).await.unwrap(), Some(fill.clone()));
    db.cache::<Fill>().set(&fill).await.unwrap();
    assert_eq!(db.cache::<Fill>().get(&id).await.unwrap(), Some(fill.clone()));
    db.analytics().append([&fill]).await.unwrap();
    assert!(db.analytics().all::<Fill>().await.unwrap().contains(&fill));
    db.series().write(std::slice::from_ref(&fill)).await.unwrap();
    assert!(db.series().read::<Fill>(..).await.unwrap().contains(&fill));
}

async fn create(db: &Tradebase) {
    db.sql().create_table::<Fill>().await.unwrap();
    db.analytics().create_table::<Fill>().await.unwrap();
    db.series().create::<Fill>().await.unwrap();
}

#[test]
fn a_handle_on_embedded_stores_outlives_the_runtimes_of_its_callers() {
    let stores = TestStores::in_folder(records![Fill]).unwrap();
    for id in 1..=3 {
        on_a_runtime_of_its_own(one_fill(stores.db(), id));
    }
}

#[test]
fn a_handle_on_postgres_redis_and_influx_outlives_the_runtimes_of_its_callers() {
    let database = Postgres::shared().database();
    let db = on_a_runtime_of_its_own(Tradebase::open(servers(&database))).unwrap();
    on_a_runtime_of_its_own(create(&db));
    for id in 1..=3 {
        on_a_runtime_of_its_own(one_fill(&db, id));
    }
    on_a_runtime_of_its_own(async {
        assert_eq!(db.health().await.status, Status::Healthy);
        db.close().await.unwrap();
    });
}

#[test]
fn registered_tables_are_created_where_stores_are_embedded_and_never_altered() {
    let folder = TempFolder::new().unwrap();
    let ledger = folder.file("ledger.db");
    sqlite3(&ledger, "CREATE TABLE fills (id INTEGER PRIMARY KEY, note TEXT) STRICT").unwrap();
    let config = Config::new().data_folder(folder.path());
    let db = on_a_runtime_of_its_own(async {
        let db = Tradebase::builder(config).records(records![Fill]).open().await.unwrap();
        // The rooms without a table of that name have it now.
        db.analytics().append([&fill(1)]).await.unwrap();
        db.series().write(&[fill(1)]).await.unwrap();
        assert!(db.sql().insert(&fill(1)).await.is_err());
        db
    });
    on_a_runtime_of_its_own(db.close()).unwrap();
    let columns = sqlite3(&ledger, "SELECT group_concat(name) FROM pragma_table_info('fills')");
    assert_eq!(columns.unwrap().trim(), "id,note");
}

#[test]
fn registered_tables_are_not_created_on_postgres_nor_in_production() {
    let database = Postgres::shared().database();
    let folder = TempFolder::new().unwrap();
    let production = Config::new()
        .profile(Profile::Production)
        .data_folder(folder.path())
        .sql_path(folder.file("ledger.db"));
    for config in [Config::new().sql_url(database.url()).data_folder(folder.path()), production] {
        on_a_runtime_of_its_own(async {
            let db = Tradebase::builder(config).records(records![Fill]).open().await.unwrap();
            let error = db.sql().insert(&fill(1)).await.unwrap_err();
            assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
            db.close().await.unwrap();
        });
    }
}

#[test]
fn production_with_nothing_configured_is_refused() {
    let config = Config::new().profile(Profile::Production);
    let error = blocking::Tradebase::open(config).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
}

#[test]
fn several_instances_stand_side_by_side() {
    let (one, other) = (
        TestStores::in_memory(records![Fill]).unwrap(),
        TestStores::in_memory(records![Fill]).unwrap(),
    );
    one.blocking().sql().insert(&fill(1)).unwrap();
    assert_eq!(other.blocking().sql().get::<Fill>(&1).unwrap(), None);
    one.blocking().close().unwrap();
    other.blocking().sql().insert(&fill(1)).unwrap();
}

#[tokio::test]
async fn a_blocking_call_inside_a_runtime_is_a_typed_error() {
    let stores = TestStores::in_memory(records![Fill]).unwrap();
    let error = stores.blocking().sql().insert(&fill(1)).unwrap_err();
    assert_eq!(error.code(), Code::BlockingInAsync);
    assert_eq!(stores.blocking().health().unwrap_err().code(), Code::BlockingInAsync);
    assert!(stores.db().sql().get::<Fill>(&1).await.unwrap().is_none());
}

#[tokio::test]
async fn the_global_handle_is_opened_once_and_closed() {
    assert_eq!(global::get().unwrap_err().code(), Code::NotOpen);
    let db = global::open(Config::in_memory()).await.unwrap();
    assert_eq!(global::open(Config::in_memory()).await.unwrap_err().code(), Code::NotOpen);
    assert!(global::get().unwrap().health().await.is_healthy());
    global::close().await.unwrap();
    assert_eq!(global::get().unwrap_err().code(), Code::NotOpen);
    // Another clone sees the end of it too.
    assert_eq!(db.health().await.status, Status::Unhealthy);
    global::close().await.unwrap();
}

#[test]
fn a_closed_handle_says_so_in_every_room_and_lets_the_files_go() {
    let stores = TestStores::in_folder(records![Fill]).unwrap();
    let db = stores.db();
    on_a_runtime_of_its_own(async {
        one_fill(db, 1).await;
        db.close().await.unwrap();
        db.close().await.unwrap();
        let codes = [
            db.sql().get::<Fill>(&1).await.unwrap_err().code(),
            db.cache::<Fill>().get(&1).await.unwrap_err().code(),
            db.analytics().all::<Fill>().await.unwrap_err().code(),
            db.series().read::<Fill>(..).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [Code::Closed; 4]);
        assert_eq!(db.health().await.status, Status::Unhealthy);
        let connected = db.connect_all().await;
        assert!(connected.iter().all(|room| room.error.is_some()), "{connected:?}");
    });
    let folder = stores.folder().unwrap();
    let moved = folder.with_extension("moved");
    std::fs::rename(folder, &moved).unwrap();
    let again = Config::new().data_folder(&moved);
    on_a_runtime_of_its_own(async {
        let db = Tradebase::open(again).await.unwrap();
        assert_eq!(db.sql().get(&1).await.unwrap(), Some(fill(1)));
        assert_eq!(db.analytics().all::<Fill>().await.unwrap(), [fill(1)]);
        db.close().await.unwrap();
    });
    std::fs::remove_dir_all(moved).unwrap();
}

#[test]
fn health_tells_the_truth_from_copies() {
    let down = "redis://127.0.0.1:1/0";
    let db = blocking::Tradebase::open(Config::in_memory().cache_url(down)).unwrap();
    let health = db.health().unwrap();
    assert_eq!(health.status, Status::Degraded, "{health:?}");
    let connected = db.connect_all().unwrap();
    let failed: Vec<_> = connected.iter().filter(|room| room.error.is_some()).collect();
    assert!(matches!(failed[..], [cache] if cache.room == "cache"), "{connected:?}");

    let down = "postgres://u:hunter2@127.0.0.1:1/ledger";
    let config = Config::in_memory().sql_url(down);
    let db = blocking::Tradebase::open(config).unwrap();
    let health = db.health().unwrap();
    assert_eq!(health.status, Status::Unhealthy);
    assert_eq!(health.rooms[0].issues[0].code, Some("DB_CONN_001"));
    let shown = format!("{health:?} {db:?} {:?} {}", db.info(), db.metrics());
    assert!(shown.contains("127.0.0.1:1") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn measures_are_counted_by_room_store_and_operation() {
    let stores = TestStores::in_memory(records![Fill]).unwrap();
    let db = stores.blocking();
    db.sql().insert(&fill(1)).unwrap();
    db.sql().insert(&fill(1)).unwrap_err();
    db.analytics().append((1..=3).map(fill).collect::<Vec<_>>().iter()).unwrap();
    let text = db.metrics();
    let insert = r#"room="sql",store="sqlite",operation="insert""#;
    for line in [
        format!(r#"tradebase_operations_total{{{insert},outcome="ok"}} 1"#),
        format!(r#"tradebase_operations_total{{{insert},outcome="error"}} 1"#),
        format!("tradebase_operation_seconds_count{{{insert}}} 2"),
        r#"tradebase_rows_total{room="analytics",store="duckdb",operation="append"} 3"#.to_owned(),
        r#"tradebase_connected{room="sql",store="sqlite"} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
    // Each name is announced once, and every sample stands under its name.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("tradebase_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(text.matches("# TYPE tradebase_operation_seconds histogram").count(), 1);
}

#[test]
fn ordered_faults_come_in_every_room() {
    let stores = TestStores::in_memory(records![Fill]).unwrap();
    let (db, faults) = (stores.blocking(), stores.faults());
    faults.sql.order(Fault::before(Operation::InsertMany, Code::ConnectionFailed));
    faults.cache.order(Fault::before(Operation::Get, Code::TimedOut).times(2));
    faults.analytics.order(Fault::after(Operation::Append, Code::ConnectionLost));
    faults.series.order(Fault::before(Operation::Write, Code::StorageFull));

    let error = db.sql().insert_many([&fill(1)]).unwrap_err();
    assert_eq!(error.code(), Code::ConnectionFailed);
    assert_eq!(db.sql().all::<Fill>().unwrap(), []);
    for _ in 0..2 {
        assert_eq!(db.cache::<Fill>().get(&1).unwrap_err().code(), Code::TimedOut);
    }
    assert_eq!(db.cache::<Fill>().get(&1).unwrap(), None);
    let error = db.analytics().append([&fill(1)]).unwrap_err();
    assert_eq!(error.code(), Code::ConnectionLost);
    assert_eq!(db.analytics().all::<Fill>().unwrap(), [fill(1)]);
    assert_eq!(db.series().write(&[fill(1)]).unwrap_err().code(), Code::StorageFull);
    assert_eq!(db.series().read::<Fill>(..).unwrap(), []);
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: i64,
    #[record(created)]
    created_at: Timestamp,
    #[record(updated)]
    updated_at: Timestamp,
}

#[test]
fn the_clock_of_a_test_fills_created_and_updated() {
    let stores = TestStores::in_memory(records![Note]).unwrap();
    let (db, zero) = (stores.blocking(), Timestamp::from_micros(0));
    let mut note = Note { id: 1, created_at: zero, updated_at: zero };
    db.sql().insert(&mut note).unwrap();
    assert_eq!((note.created_at, note.updated_at), (tradebase::testing::START, note.created_at));
    stores.clock().advance(Duration::from_secs(60));
    db.sql().update(&mut note).unwrap();
    assert_eq!(note.updated_at.to_string(), "2026-01-05T09:31:00.000000Z");
    assert_eq!(note.created_at, tradebase::testing::START);
    let mut appended = Note { id: 2, created_at: zero, updated_at: zero };
    db.analytics().append([&mut appended]).unwrap();
    assert_eq!(appended.created_at.to_string(), "2026-01-05T09:31:00.000000Z");
}

#[test]
fn a_program_that_fails_closes_its_stores_and_keeps_its_error() {
    let mut kept = None;
    let result = tradebase::run(Config::in_memory(), async |db| {
        kept = Some(db.clone());
        db.sql().get::<Fill>(&1).await.map(drop)
    });
    assert_eq!(result.unwrap_err().code(), Code::SchemaMismatch);
    let db = kept.unwrap();
    let after = on_a_runtime_of_its_own(db.sql().get::<Fill>(&1));
    assert_eq!(after.unwrap_err().code(), Code::Closed);
}

#[test]
fn health_tells_of_rows_without_a_part_until_the_parts_are_kept() {
    let (folder, database) = (TempFolder::new().unwrap(), Postgres::shared().database());
    let config = Config::new().sql_url(database.url()).data_folder(folder.path());
    on_a_runtime_of_its_own(async {
        let db = Tradebase::builder(config).records(records![Print, Fill]).open().await.unwrap();
        let issues = async || db.health().await.rooms.swap_remove(0).issues;
        assert!(issues().await.is_empty(), "a table that is not there yet is no issue");
        db.sql().create_table::<Print>().await.unwrap();
        assert!(issues().await.is_empty());
        let print = Print { at: tradebase::clock::now(), price: 1 };
        db.sql().insert(&print).await.unwrap();
        let found = issues().await;
        assert_eq!((found[0].check, found[0].severity), ("default_part", Status::Degraded));
        assert!(found[0].message.contains("prints"), "{}", found[0].message);
        assert_eq!(db.health_of(&records![Fill]).await.rooms[0].status, Status::Healthy);
        let report = db.keep_parts(&PartOptions::default()).await.unwrap();
        assert_eq!((report.tables.len(), report.tables[0].moved), (1, 1));
        assert!(issues().await.is_empty());
        assert_eq!(db.sql().all::<Print>().await.unwrap(), [print]);
        db.close().await.unwrap();
    });
}
