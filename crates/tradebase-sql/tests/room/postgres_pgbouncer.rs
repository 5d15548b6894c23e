//! Behind PgBouncer, where each transaction comes to another connection of the server.

#![cfg(feature = "postgres")]

use crate::common;
use std::sync::OnceLock;
use std::time::Duration;

use common::records::{Account, Event, Price, Remark, account, by_key, events};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;
use tradebase_core::{Assigned, Code, Error, Result};
use tradebase_sql::{Conflict, Sql, SqlOptions};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_bulk_batches_and_transactions_do_the_same_behind_pgbouncer() {
    let database = Postgres::shared().database();
    let sql = Sql::open(&through(&database)).await.unwrap();
    sql.create_table::<Account>().await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..8_i64 {
        let sql = sql.clone();
        tasks.spawn(async move {
            let from = task * 100;
            let ids: Vec<_> = (from..from + 50).collect();
            let mut rows: Vec<_> = ids.iter().map(|id| account(*id, &format!("o{id}"))).collect();
            for _ in 0..4 {
                every_write(&sql, &mut rows, &ids).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let direct = Sql::open(&database.url()).await.unwrap();
    assert_eq!(direct.all::<Account>().await.unwrap(), []);
    let status = sql.pool_status();
    assert_eq!((status.broken, status.in_use), (0, 0), "{status:?}");
}

/// Writes them, and deletes them in the end.
async fn every_write(sql: &Sql, rows: &mut [Account], ids: &[i64]) -> Result<()> {
    let (first, last) = (ids[0], ids[ids.len() - 1]);
    try_join_all(rows.iter_mut().map(|row| sql.insert(row))).await?;
    sql.update_many(rows.iter_mut()).await?;
    sql.upsert_many(rows.iter_mut(), &Conflict::replace()).await?;
    assert!(sql.patch::<Account>(&first).set(Account::OWNER, format!("p{first}")).run().await?);
    sql.upsert(&mut account(last, &format!("u{last}")), &Conflict::keep()).await?;
    let (zeroth, rest) = rows.split_at_mut(1);
    let mut batch = sql.batch();
    batch.delete::<Account>(&first)?;
    batch.insert(&mut zeroth[0])?;
    batch.update(&mut rest[0])?;
    batch.run().await?;
    let second = &rest[0];
    sql.transaction(|tx| async move {
        let mut row = second.clone();
        tx.update(&mut row).await?;
        let undone = tx.transaction(|inner| async move {
            inner.delete::<Account>(&first).await?;
            Err::<(), _>(Error::new(Code::Invalid, "no"))
        });
        assert!(undone.await.is_err());
        tx.update_many([&mut row]).await?;
        assert!(tx.exists::<Account>(&first).await?);
        Ok::<_, Error>(())
    })
    .await?;
    let mut stream = sql.stream::<Account>().await?;
    let mut seen = 0;
    while let Some(row) = stream.next().await? {
        seen += usize::from(ids.contains(&row.id));
    }
    assert_eq!(seen, ids.len());
    assert!(sql.get_many::<Account>(ids).await?.iter().all(Option::is_some));
    assert_eq!(sql.delete_many::<Account>(ids).await?, 50);
    Ok(())
}

#[tokio::test]
async fn postgres_more_rows_than_one_statement_takes_are_inserted_behind_pgbouncer() {
    let database = Postgres::shared().database();
    let sql = Sql::open(&through(&database)).await.unwrap();
    sql.create_table::<Remark>().await.unwrap();
    sql.create_table::<Price>().await.unwrap();
    let price = |id| Price { id, price: id.into() };
    let rows: Vec<_> = (0..10_001).map(price).collect();
    assert_eq!(sql.insert_many(&rows).await.unwrap(), 10_001);
    let error = sql.insert_many(&rows).await.unwrap_err();
    assert_eq!(error.code(), Code::NotUnique, "{error}");
    let inside = sql.transaction(|tx| {
        let rows: Vec<_> = (20_000..30_001).map(price).collect();
        async move { tx.insert_many(&rows).await }
    });
    assert_eq!(inside.await.unwrap(), 10_001);
    assert_eq!(sql.count::<Price>().await.unwrap(), 20_002);
}
