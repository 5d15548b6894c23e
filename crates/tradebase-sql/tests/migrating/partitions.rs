//! A record that is cut into parts by time is a record like any other, on both engines.

use crate::common;
use tradebase_core::{Code, Record, Timestamp};
use tradebase_sql::{Conflict, Keep, PartOptions, Sql, Upserted};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "desks")]
struct Desk {
    #[record(key)]
    id: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "prints", partition_by(month, on = at), unique(symbol, at))]
struct Print {
    #[record(key)]
    id: i64,
    #[record(key, index)]
    at: Timestamp,
    #[record(text(12))]
    symbol: String,
    #[record(belongs_to = Desk, index)]
    desk: i64,
    size: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "marks", partition_by(day, on = at))]
struct Mark {
    #[record(key)]
    at: Timestamp,
    price: i64,
    #[record(created)]
    made: Timestamp,
    #[record(updated)]
    changed: Timestamp,
    #[record(version)]
    version: i64,
}

/// Ten hours apart: a hundred of them are in two parts and in the default one.
fn print(id: i64) -> Print {
    const HOURS: i64 = 10 * 3_600 * 1_000_000;
    let now = tradebase_core::clock::now().as_micros();
    let today = now - now.rem_euclid(86_400_000_000);
    let at = Timestamp::from_micros(today - (id % 500) * HOURS);
    Print { id, at, symbol: format!("S{id}"), desk: 1, size: id }
}

fn prints(ids: std::ops::Range<i64>) -> Vec<Print> {
    ids.map(print).collect()
}

async fn make(sql: &Sql) {
    sql.create_table::<Print>().await.unwrap();
    sql.insert(&Desk { id: 1 }).await.unwrap();
    // On PostgreSQL, parts from this month on; what is older goes to the default one.
    sql.keep_parts(&[Print::TABLE], &PartOptions::default().ahead(1)).await.unwrap();
}

promises! {
    async fn rows_of_a_cut_table_come_back_as_they_were(sql: &Sql) {
        make(sql).await;
        let mut rows = prints(1..7_000);
        sql.insert(&rows[0]).await.unwrap();
        sql.insert_many(&rows[1..4]).await.unwrap();
        sql.insert_many(&rows[4..100]).await.unwrap();
        sql.insert_many(&rows[100..]).await.unwrap();
        assert_eq!(sql.count::<Print>().await.unwrap(), 6_999);
        rows.sort_by_key(|row| (row.id, row.at));
        assert_eq!(sql.all::<Print>().await.unwrap(), rows);
        let keys = [rows[5].key(), (5, rows[0].at), rows[6_000].key()];
        assert_eq!(sql.get::<Print>(&keys[0]).await.unwrap().as_ref(), Some(&rows[5]));
        let found = sql.get_many::<Print>(&keys).await.unwrap();
        assert_eq!(found, [Some(rows[5].clone()), None, Some(rows[6_000].clone())]);
        let since = rows[200].at;
        let mut late: Vec<_> = rows.iter().filter(|row| row.at >= since).cloned().collect();
        late.sort_by_key(|row| (row.at, row.id));
        let found = sql.find::<Print>().filter(Print::AT.since(since));
        let found = found.order_by(Print::AT.asc()).order_by(Print::ID.asc()).all().await.unwrap();
        assert_eq!(found, late);
    }

    async fn rows_of_a_cut_table_are_changed_and_deleted(sql: &Sql) {
        make(sql).await;
        let mut rows = prints(1..101);
        sql.insert_many(&rows).await.unwrap();
        rows[3].size = -3;
        sql.update(&rows[3]).await.unwrap();
        rows.iter_mut().skip(50).for_each(|row| row.size *= 2);
        assert_eq!(sql.update_many(&rows[50..]).await.unwrap(), 50);
        let (key, gone) = (rows[4].key(), rows[7].key());
        sql.patch::<Print>(&key).set(Print::SIZE, -4).run().await.unwrap();
        rows[4].size = -4;
        assert!(sql.delete::<Print>(&gone).await.unwrap());
        let keys = [rows[8].key(), rows[60].key(), gone];
        assert_eq!(sql.delete_many::<Print>(&keys).await.unwrap(), 2);
        assert_eq!(sql.delete_where::<Print>(Print::ID.gt(90)).await.unwrap(), 10);
        let gone = [8, 9, 61];
        rows.retain(|row| !gone.contains(&row.id) && row.id <= 90);
        assert_eq!(sql.all::<Print>().await.unwrap(), rows);
    }

    async fn an_upsert_into_a_cut_table_tells_how_it_ended(sql: &Sql) {
        make(sql).await;
        let rows = prints(1..5_600);
        sql.insert_many(&rows[..40]).await.unwrap();
        let (replace, keep) = (Conflict::replace(), Conflict::keep());
        for (at, conflict, want) in [
            (39, &replace, Upserted::Updated),
            (39, &keep, Upserted::Kept),
            (40, &replace, Upserted::Inserted),
            (40, &replace, Upserted::Updated),
            (41, &keep, Upserted::Inserted),
        ] {
            assert_eq!(sql.upsert(&rows[at], conflict).await.unwrap(), want, "{at}");
        }
        for (count, inserted) in [(60, 18), (80, 20), (5_599, 5_519)] {
            let done = sql.upsert_many(&rows[..count], &replace).await.unwrap();
            assert_eq!(done.inserted, inserted, "of {count}");
            assert_eq!(done.updated, count as u64 - inserted, "of {count}");
        }
        let by_symbol = Conflict::replace().on((Print::SYMBOL, Print::AT));
        let again = Print { size: 0, ..rows[2].clone() };
        assert_eq!(sql.upsert(&again, &by_symbol).await.unwrap(), Upserted::Updated);
        assert_eq!(sql.get::<Print>(&again.key()).await.unwrap(), Some(again));
    }

    async fn in_one_transaction_each_upsert_speaks_for_itself(sql: &Sql) {
        make(sql).await;
        let rows = prints(1..4);
        sql.insert(&rows[0]).await.unwrap();
        sql.transaction(async |tx| {
            let replace = Conflict::replace();
            let told = [
                tx.upsert(&rows[0], &replace).await?,
                tx.upsert(&rows[1], &replace).await?,
                tx.upsert(&rows[1], &replace).await?,
            ];
            assert_eq!(told, [Upserted::Updated, Upserted::Inserted, Upserted::Updated]);
            tx.delete::<Print>(&rows[1].key()).await?;
            assert_eq!(tx.upsert(&rows[1], &replace).await?, Upserted::Inserted);
            let done = tx.upsert_many(&rows, &replace).await?;
            assert_eq!((done.inserted, done.updated), (1, 2));
            Ok::<_, tradebase_core::Error>(())
        })
        .await
        .unwrap();
    }

    async fn what_the_layer_fills_is_filled_in_a_cut_table(sql: &Sql) {
        sql.create_table::<Mark>().await.unwrap();
        let zero = Timestamp::from_micros(0);
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut mark = Mark { at, price: 7, made: zero, changed: zero, version: 0 };
        sql.insert(&mut mark).await.unwrap();
        assert!(mark.made > zero);
        mark.price = 8;
        sql.update(&mut mark).await.unwrap();
        let told = sql.upsert(&mut mark, &Conflict::replace()).await.unwrap();
        assert_eq!(told, Upserted::Updated);
        assert_eq!(sql.get::<Mark>(&at).await.unwrap().as_ref(), Some(&mark));
        let mut many = vec![mark.clone(), Mark { at: zero, ..mark.clone() }];
        let done = sql.upsert_many(&mut many, &Conflict::replace()).await.unwrap();
        assert_eq!((done.inserted, done.updated), (1, 1));
        assert_eq!(sql.get::<Mark>(&at).await.unwrap().as_ref(), Some(&many[0]));
        assert_eq!(sql.get::<Mark>(&zero).await.unwrap().as_ref(), Some(&many[1]));
    }

    async fn a_row_that_a_cut_table_refuses_says_by_which_field(sql: &Sql) {
        make(sql).await;
        // In a part that was made, and in the default one.
        for id in [0, 490] {
            let row = print(id);
            sql.insert(&row).await.unwrap();
            let same = Print { symbol: "other".into(), ..row.clone() };
            let error = sql.insert(&same).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id, at")));
            let error = sql.insert(&Print { id: id + 7_000, ..row.clone() }).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("symbol, at")));
            for error in [
                sql.update(&Print { desk: 9, ..row.clone() }).await.unwrap_err(),
                sql.insert(&Print { desk: 9, ..print(id + 1) }).await.unwrap_err(),
                sql.insert_many(&[print(id + 1), Print { desk: 9, ..print(id + 2) }])
                    .await
                    .unwrap_err(),
            ] {
                assert_eq!(error.code(), Code::BrokenReference, "{error}");
                assert_eq!(error.column_name(), Some("desk"), "{error}");
                assert!(error.to_string().contains("there is no Desk of this key"), "{error}");
            }
        }
        let error = sql.delete::<Desk>(&1).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::BrokenReference, None));
        assert!(error.to_string().contains("of the table prints"), "{error}");
    }

    async fn a_cut_table_is_made_once_and_can_be_dropped(sql: &Sql) {
        make(sql).await;
        sql.create_table::<Print>().await.unwrap();
        sql.insert(&print(1)).await.unwrap();
        sql.create_table::<Print>().await.unwrap();
        assert_eq!(sql.count::<Print>().await.unwrap(), 1);
        sql.drop_table::<Print>().await.unwrap();
        sql.create_table::<Print>().await.unwrap();
        assert_eq!(sql.count::<Print>().await.unwrap(), 0);
    }

    async fn options_that_cannot_be_are_refused(sql: &Sql) {
        make(sql).await;
        let tables = [Print::TABLE];
        for options in [
            PartOptions::default().drop_old(),
            PartOptions::default().ahead(tradebase_sql::PARTS_AHEAD_MAX + 1),
        ] {
            let error = sql.keep_parts(&tables, &options).await.unwrap_err();
            assert_eq!((error.code(), error.operation()), (Code::Config, Some("keep_parts")));
        }
        let inside = sql.transaction(async |tx| {
            tx.keep_parts(&tables, &PartOptions::default().keep(Keep::Parts(1)).drop_old()).await
        });
        assert_eq!(inside.await.unwrap_err().code(), Code::OutsideTransaction);
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_a_row_that_a_trigger_passes_over_leaves_no_word_for_the_next() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    make(sql).await;
    let rows = prints(1..4);
    sql.insert(&rows[0]).await.unwrap();
    let skip = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN RETURN NULL; END'; \
                CREATE TRIGGER skip BEFORE UPDATE ON prints FOR EACH ROW EXECUTE FUNCTION skip()";
    tradebase_testkit::psql(&store.url(), skip).unwrap();
    let done = sql.upsert_many(&rows, &Conflict::replace()).await.unwrap();
    assert_eq!((done.inserted, done.updated), (2, 0));
    sql.transaction(async |tx| {
        let row = print(9);
        tx.upsert(&rows[0], &Conflict::replace()).await?;
        assert_eq!(tx.upsert(&row, &Conflict::replace()).await?, Upserted::Inserted);
        Ok::<_, tradebase_core::Error>(())
    })
    .await
    .unwrap();
}
