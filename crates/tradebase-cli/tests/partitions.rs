//! Parts are kept by one command, and health says when that is due.

mod support;

use std::fs;

use serde_json::{Value, json};
use tradebase::sql::Sql;
use tradebase::{Record, Records, Timestamp, records};
use tradebase_testkit::{Postgres, TempFolder};

use support::{Said, run, tradebase};

#[derive(Record)]
#[record(table = "ticks", partition_by(day, on = at))]
struct Tick {
    #[record(key)]
    at: Timestamp,
    price: i64,
}

/// A store with a tick of long ago and one of now, and a folder with the schema.
async fn ticks(folder: &TempFolder, url: &str) -> Sql {
    let known: Records = records![Tick];
    fs::write(folder.file("schema.json"), known.to_json().unwrap()).unwrap();
    let sql = Sql::open(url).await.unwrap();
    sql.create_table::<Tick>().await.unwrap();
    let moments = ["2020-02-03T04:05:06Z".parse().unwrap(), tradebase::clock::now()];
    sql.insert_many(&moments.map(|at| Tick { at, price: 1 })).await.unwrap();
    sql
}

fn say(folder: &TempFolder, url: &str, arguments: &[&str]) -> Said {
    let schema = ["--schema", "schema.json"];
    run(tradebase(folder, &[arguments, &schema].concat()).env("DATABASE_URL", url))
}

fn sql_room(said: &Said) -> Value {
    said.json()["rooms"][0].clone()
}

#[tokio::test]
async fn postgres_parts_are_kept_by_the_command_and_health_says_when_it_is_due() {
    let (folder, database) = (TempFolder::new().unwrap(), Postgres::shared().database());
    let url = database.url();
    let sql = ticks(&folder, &url).await;
    let room = sql_room(&say(&folder, &url, &["health", "--json"]));
    assert_eq!(room["status"], "degraded", "{room}");
    assert_eq!(room["issues"][0]["check"], "default_part");
    let message = room["issues"][0]["message"].as_str().unwrap();
    assert!(message.contains("tradebase partitions --table ticks"), "{message}");

    let would = say(&folder, &url, &["partitions", "--ahead", "1", "--dry-run", "--json"]).json();
    assert_eq!((&would["dry_run"], &would["tables"][0]["moved"]), (&json!(true), &json!(2)));
    let keep = ["partitions", "--table", "Tick", "--ahead", "1", "--keep", "30", "--json"];
    let done = say(&folder, &url, &keep).json();
    let table = &done["tables"][0];
    assert_eq!(table["made"].as_array().unwrap().len(), 3, "{done}");
    assert_eq!(table["detached"], json!(["ticks__p2020_02_03"]));
    assert_eq!((&table["moved"], &table["in_default"]), (&json!(2), &json!(0)));
    assert_eq!(sql.count::<Tick>().await.unwrap(), 1);
    let room = sql_room(&say(&folder, &url, &["health", "--json"]));
    assert_eq!(room["status"], "healthy", "{room}");
    let again = say(&folder, &url, &["partitions", "--ahead", "1"]);
    assert_eq!(again.out, "ticks: nothing to do\n", "{}", again.all());
    sql.close().await.unwrap();
}

#[tokio::test]
async fn sqlite_rows_are_deleted_by_the_command_only_when_told() {
    let folder = TempFolder::new().unwrap();
    let url = format!("sqlite://{}", folder.file("ticks.db").display());
    let sql = ticks(&folder, &url).await;
    let keep = ["partitions", "--keep", "30"];
    let refused = say(&folder, &url, &keep);
    assert!(refused.code != Some(0) && refused.err.contains("say drop"), "{}", refused.all());
    assert_eq!(sql.count::<Tick>().await.unwrap(), 2);
    let done = say(&folder, &url, &[&keep[..], &["--drop"]].concat());
    assert_eq!(done.out, "ticks: 1 old rows deleted\n", "{}", done.all());
    assert_eq!(sql.count::<Tick>().await.unwrap(), 1);
    sql.close().await.unwrap();
}

#[test]
fn a_table_that_is_not_cut_is_refused_by_its_name() {
    let folder = TempFolder::new().unwrap();
    let said = support::say(&folder, &["partitions", "--table", "demo_fills"]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("demo_fills"), "{}", said.err);
    let said = support::say(&folder, &["partitions", "--drop"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    let said = support::say(&folder, &["partitions"]);
    assert_eq!(said.out, "no record is cut into parts by time\n");
}
