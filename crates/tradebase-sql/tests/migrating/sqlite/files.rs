//! Plans as files of a migrator.

use serde_json::json;
use tradebase_sql::{MigrateOptions, MigrationEngine, MigrationFile, MigrationSet, Plan, Target};

use super::kit::{SqliteStore, column, draft, records, run, table};

fn file(id: u8, way: &str, plan: &Plan) -> (String, String) {
    let name = format!("000{id}_made.{way}.sql");
    let parent = (id > 1).then(|| format!("000{}", id - 1));
    let id = format!("000{id}");
    let file = MigrationFile::new(&*name, id, "made", parent, true, &*plan.files[0].sql);
    (name, file.text())
}

#[tokio::test]
async fn a_table_built_anew_passes_verify_and_the_script_makes_the_same_file() {
    // The readable view is the same before and after: it stands while its table is gone.
    let mut fee = column("fee", "i64");
    let was = records(json!([table("t", &[fee.clone()]), table("other", &[])]));
    fee["nullable"] = false.into();
    let is = records(json!([table("t", &[fee]), table("other", &[])]));
    let store = SqliteStore::new().await;
    let first = draft(&store.sql, &was).await.unwrap();
    super::kit::go(&store, &first.up).unwrap();
    let second = draft(&store.sql, &is).await.unwrap();
    super::kit::go(&store, &first.down).unwrap();

    let plans = [(1, first), (2, second)];
    let files = plans
        .iter()
        .flat_map(|(id, draft)| [file(*id, "up", &draft.up), file(*id, "down", &draft.down)]);
    let set = MigrationSet::new("app", files).unwrap();
    let migrator = store.sql.migrator([set], MigrateOptions::default()).unwrap();
    migrator.up(Target::End).await.unwrap();
    migrator.verify().await.unwrap();
    let scripted = SqliteStore::new().await;
    let newest = Target::End;
    let nothing = Target::Version("0".to_owned());
    let script = migrator.script(MigrationEngine::Sqlite, nothing, newest).unwrap();
    run(&scripted, &script);
    let dump = "SELECT name, sql FROM sqlite_schema ORDER BY name";
    assert_eq!(run(&scripted, dump), run(&store, dump));
    migrator.down(Target::Version("0".to_owned())).await.unwrap();
    assert!(store.sql.shape().await.unwrap().tables.is_empty());
}
