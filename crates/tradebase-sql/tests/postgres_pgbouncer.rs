//! Behind PgBouncer, where each transaction comes to another connection of the server.

#![cfg(feature = "postgres")]

mod common;

use std::sync::OnceLock;
use std::time::Duration;

use common::records::{Account, Event, Price, Remark, account, by_key, events};
use tokio::task::JoinSet;
use tradebase_core::{Assigned, Code};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Database, PgBouncer, Postgres, psql};

fn through(database: &Database) -> String {
    static SHARED: OnceLock<PgBouncer> = OnceLock::new();
    let bouncer = SHARED.get_or_init(|| PgBouncer::before(Postgres::shared()).unwrap());
    format!("{}?pgbouncer=true", bouncer.url(database))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_verbs_do_the_same_behind_pgbouncer() {
    let database = Postgres::shared().database();
    let sql = Sql::open(&through(&database)).await.unwrap();
    sql.create_table::<Event>().await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let rows = by_key(events(95, 300));
    assert_eq!(sql.insert_many(&rows).await.unwrap(), 300);
    assert_eq!(by_key(sql.all::<Event>().await.unwrap()), rows);
    let mut tasks = JoinSet::new();
    for id in 0..24 {
        let sql = sql.clone();
        let row = rows[usize::try_from(id).unwrap()].clone();
        tasks.spawn(async move {
            let mut account = account(id, &format!("owner {id}"));
            for _ in 0..20 {
                sql.insert(&mut account).await.unwrap();
                sql.update(&mut account).await.unwrap();
                assert_eq!(sql.get(&id).await.unwrap(), Some(account.clone()));
                let found = sql.find::<Account>().filter(Account::ID.eq(id)).all().await.unwrap();
                assert_eq!(found, [account.clone()]);
                assert!(sql.delete::<Account>(&id).await.unwrap());
                assert_eq!(sql.get::<Event>(&row.id).await.unwrap().as_ref(), Some(&row));
            }
        });
    }
    tasks.join_all().await;
    // Nothing was left behind for the next client of the same connection.
    let direct = Sql::open(&database.url()).await.unwrap();
    assert_eq!(direct.all::<Account>().await.unwrap(), []);
    let status = sql.pool_status();
    assert_eq!((status.broken, status.in_use), (0, 0), "{status:?}");
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_keys_are_assigned_and_errors_told_behind_pgbouncer() {
    let database = Postgres::shared().database();
    let sql = Sql::open(&through(&database)).await.unwrap();
    sql.create_table::<Remark>().await.unwrap();
    let remark = |text: &str| Remark { id: Assigned::New, text: text.into() };
    let mut rows = [remark("a"), remark("b")];
    sql.insert_many(&mut rows).await.unwrap();
    assert_eq!(rows.map(|row| row.id), [Assigned::Is(1), Assigned::Is(2)]);
    let error = sql.insert_many(&mut [remark("c"), remark("a")]).await.unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("text")));
    assert_eq!(sql.all::<Remark>().await.unwrap().len(), 2);
    let row = Price { id: 1, price: "0.12345678".parse().unwrap() };
    for (columns, at_fault) in [
        ("id bigint, price numeric(18, 4)", "price"),
        ("id bigint, price float8", "price"),
        ("id bigint", "price"),
        ("price numeric(18, 8)", "id"),
    ] {
        psql(&database.url(), &format!("create table prices ({columns})")).unwrap();
        for error in [sql.insert(&row).await.unwrap_err(), sql.get::<Price>(&1).await.unwrap_err()]
        {
            assert_eq!(error.code(), Code::SchemaMismatch, "{columns}: {error}");
            assert_eq!(error.column_name(), Some(at_fault), "{columns}: {error}");
        }
        psql(&database.url(), "drop table prices").unwrap();
    }
}

#[tokio::test]
async fn postgres_what_needs_a_session_is_refused_behind_pgbouncer() {
    let database = Postgres::shared().database();
    let url = through(&database);
    let sql = Sql::open(&url).await.unwrap();
    for error in [
        sql.connection().await.unwrap_err(),
        sql.execute("SELECT 1", &[]).await.unwrap_err(),
        sql.query_values("SELECT 1", &[]).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Unsupported, "{error}");
        assert!(error.to_string().contains("max_prepared_statements"), "{error}");
    }
    sql.ping().await.unwrap();
    let options = SqlOptions::new(&url).statement_wait(Duration::from_secs(1));
    assert_eq!(Sql::later(options).unwrap_err().code(), Code::Config);
    let options = SqlOptions::new(database.url()).pgbouncer(true);
    let sql = Sql::open_with(options).await.unwrap();
    assert_eq!(sql.connection().await.unwrap_err().code(), Code::Unsupported);
    assert_eq!(
        Sql::open(&format!("{}?pgbouncer=7", database.url())).await.unwrap_err().code(),
        Code::Config
    );
}
