//! A database is compared with what its files make, and with what records want.

use tradebase_core::{Code, Record};
use tradebase_sql::{Outcome, Sql, Target};

use super::common::{self, built};
use super::files::{house, migrator, set, stepwise};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    #[record(index, length(1..=32))]
    name: String,
}

async fn run(sql: &Sql, text: &str) {
    let mut connection = sql.connection().await.unwrap();
    connection.batch(built(text)).await.unwrap();
    connection.release().await.unwrap();
}

promises! {
    async fn a_database_made_by_hand_is_adopted_if_it_is_what_the_files_make(sql: &Sql) {
        let mut versions = house();
        if sql.capabilities().engine == "postgres" {
            let up = "CREATE INDEX CONCURRENTLY late ON accounts (cents);\nVACUUM;\n";
            versions.push(stepwise(up, "DROP INDEX CONCURRENTLY late;\n"));
        } else {
            let up = "CREATE INDEX late ON accounts (cents);\nVACUUM;\n";
            versions.push(stepwise(up, "DROP INDEX late"));
        }
        let migrator = migrator(sql, [set("app", &versions)]);
        // By hand: without the index of the second version, and a stranger's table besides.
        for version in &versions[..3] {
            run(sql, &version.up.replace("CREATE INDEX orders_account ON orders (account);", ""))
                .await;
        }
        run(sql, "CREATE TABLE stranger (id BIGINT)").await;
        let refused = migrator.adopt(Target::Version("3".to_owned())).await.unwrap_err();
        assert_eq!(refused.code(), Code::SchemaMismatch);
        let said = refused.to_string();
        assert!(said.contains("orders: index orders_account is nothing"), "{said}");
        assert_eq!(migrator.history().await.unwrap(), []);

        run(sql, "CREATE INDEX orders_account ON orders (account)").await;
        let status = migrator.adopt(Target::Version("3".to_owned())).await.unwrap();
        assert_eq!(status.sets[0].current.as_deref(), Some("0003"));
        let outcomes: Vec<_> = status.sets[0].versions.iter().map(|v| v.outcome).collect();
        let adopted = Some(Outcome::Adopted);
        assert_eq!(outcomes, [adopted, adopted, adopted, None]);
        migrator.verify().await.unwrap();
        // From there on it is like any other.
        let report = migrator.up(Target::End).await.unwrap();
        assert_eq!(report.applied.len(), 1);
        migrator.verify().await.unwrap();
        migrator.down(Target::Version("1".to_owned())).await.unwrap();
        migrator.verify().await.unwrap();
    }

    async fn what_was_changed_by_hand_is_told(sql: &Sql) {
        let migrator = migrator(sql, [set("app", &house())]);
        migrator.up(Target::End).await.unwrap();
        migrator.verify().await.unwrap();
        run(sql, "DROP INDEX orders_account; ALTER TABLE orders ADD COLUMN more TEXT").await;
        let refused = migrator.verify().await.unwrap_err();
        assert_eq!(refused.code(), Code::SchemaMismatch);
        let said = refused.to_string();
        assert!(said.contains("orders.more: column is "), "{said}");
        assert!(said.contains("orders: index orders_account is nothing"), "{said}");
    }

    async fn drift_tells_how_a_database_differs_from_its_records(sql: &Sql) {
        let tables = [Bot::TABLE];
        let drift = sql.drift(&tables).await.unwrap();
        assert_eq!(drift.len(), if sql.capabilities().engine == "sqlite" { 2 } else { 1 });
        assert_eq!((drift[0].table.as_str(), drift[0].what.as_str()), ("bots", "table"));
        sql.create_table::<Bot>().await.unwrap();
        assert_eq!(sql.drift(&tables).await.unwrap(), []);
        run(sql, "DROP INDEX bots__name__index; ALTER TABLE bots ADD COLUMN extra TEXT").await;
        let drift = sql.drift(&tables).await.unwrap();
        let found: Vec<_> = drift.iter().map(|d| (d.column.as_deref(), d.what.as_str())).collect();
        assert_eq!(found, [(Some("extra"), "column"), (None, "index bots__name__index")]);
        assert!(drift[0].want.is_none() && drift[1].have.is_none(), "{drift:?}");
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_index_that_is_not_valid_is_named() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<Bot>().await.unwrap();
    run(
        sql,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'bots__name__index'::regclass",
    )
    .await;
    let drift = sql.drift(&[Bot::TABLE]).await.unwrap();
    assert_eq!(drift.len(), 1, "{drift:?}");
    assert!(drift[0].to_string().contains("invalid: its build was broken off"), "{drift:?}");
}
