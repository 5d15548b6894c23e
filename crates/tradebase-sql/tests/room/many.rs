//! Verbs of many rows, and what an upsert does.

use crate::common;
use common::records::{Account, Event, Remark, Venue, Venue2, account, by_key, events};
use tradebase_core::{Assigned, Code, Value};
use tradebase_sql::{Conflict, Sql, Upserted};

fn remark(text: &str) -> Remark {
    Remark { id: Assigned::New, text: text.into() }
}

promises! {
    async fn an_upsert_inserts_replaces_and_keeps(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let mut first = account(1, "ann");
        let replace = Conflict::replace();
        assert_eq!(sql.upsert(&mut first, &replace).await.unwrap(), Upserted::Inserted);
        assert_eq!(first.version, 1);
        let made = first.made;
        let mut second = account(1, "bea");
        assert_eq!(sql.upsert(&mut second, &replace).await.unwrap(), Upserted::Updated);
        // When it was made and its version are those of the stored row.
        assert_eq!((second.made, second.version), (made, 2));
        assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(second.clone()));
        let mut third = account(1, "cleo");
        let before = third.clone();
        assert_eq!(sql.upsert(&mut third, &Conflict::keep()).await.unwrap(), Upserted::Kept);
        assert_eq!(third, before);
        assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(second));
    }

    async fn an_upsert_by_a_unique_index_keeps_the_key(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.insert(&mut account(1, "ann")).await.unwrap();
        let on_owner = Conflict::replace().on(Account::OWNER);
        let how = sql.upsert(&mut account(2, "ann"), &on_owner).await.unwrap();
        assert_eq!(how, Upserted::Updated);
        let stored = sql.all::<Account>().await.unwrap();
        assert_eq!((stored.len(), stored[0].id, stored[0].version), (1, 1, 2));
        // Another index is no reason to update: its conflict is an error.
        let error = sql.upsert(&mut account(9, "ann"), &Conflict::replace()).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("owner")));
    }

    async fn an_upsert_sets_only_the_columns_that_are_named(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let [old, new]: [Event; 2] = events(3, 2).try_into().unwrap();
        sql.insert(&old).await.unwrap();
        let new = Event { id: old.id, ..new };
        let plan = Conflict::set((Event::SMALL, Event::FLAG));
        assert_eq!(sql.upsert(&new, &plan).await.unwrap(), Upserted::Updated);
        let want = Event { small: new.small, flag: new.flag, ..old };
        assert_eq!(sql.all::<Event>().await.unwrap(), [want]);
    }

    async fn an_upsert_tells_the_key_that_the_database_assigned(sql: &Sql) {
        sql.create_table::<Remark>().await.unwrap();
        let plan = Conflict::replace().on(Remark::TEXT);
        let mut first = remark("one");
        assert_eq!(sql.upsert(&mut first, &plan).await.unwrap(), Upserted::Inserted);
        let mut again = remark("one");
        assert_eq!(sql.upsert(&mut again, &plan).await.unwrap(), Upserted::Updated);
        assert_eq!((first.id, again.id), (Assigned::Is(1), Assigned::Is(1)));
    }

    async fn many_upserts_are_counted_and_are_all_or_none(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.insert(&mut account(1, "ann")).await.unwrap();
        let mut rows = [account(1, "ann b"), account(2, "bob"), account(3, "cy")];
        let done = sql.upsert_many(&mut rows, &Conflict::replace()).await.unwrap();
        assert_eq!((done.inserted, done.updated, done.kept), (2, 1, 0));
        assert_eq!([rows[0].version, rows[1].version], [2, 1]);
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
        let mut kept = [account(3, "x")];
        let before = kept.clone();
        let done = sql.upsert_many(&mut kept, &Conflict::keep()).await.unwrap();
        assert_eq!((done.inserted, done.updated, done.kept), (0, 0, 1));
        assert_eq!(kept, before, "a row that is kept leaves the caller's as it was");
        // The last one takes the name of another row.
        let mut bad = [account(7, "new"), account(2, "bobby"), account(8, "cy")];
        let error = sql.upsert_many(&mut bad, &Conflict::replace()).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("owner")));
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
    }

    async fn two_equal_rows_in_one_upsert_are_refused(sql: &Sql) {
        sql.create_table::<Remark>().await.unwrap();
        let plan = Conflict::keep().on(Remark::TEXT);
        let mut rows = [remark("a"), remark("b"), remark("a")];
        let error = sql.upsert_many(&mut rows, &plan).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("text")));
        assert_eq!(sql.count::<Remark>().await.unwrap(), 0);
    }

    async fn many_updates_write_each_row_with_values_of_its_own(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let old = events(5, 600);
        sql.insert_many(&old).await.unwrap();
        let fresh = events(6, 600);
        let new: Vec<_> =
            fresh.into_iter().zip(&old).map(|(new, old)| Event { id: old.id, ..new }).collect();
        assert_eq!(sql.update_many(&new).await.unwrap(), 600);
        assert_eq!(sql.all::<Event>().await.unwrap(), by_key(new));
    }

    async fn many_updates_check_each_version_and_are_all_or_none(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let mut rows = [account(1, "a"), account(2, "b"), account(3, "c")];
        sql.insert_many(&mut rows).await.unwrap();
        assert_eq!(sql.update_many(&mut rows).await.unwrap(), 3);
        assert!(rows.iter().all(|row| row.version == 2));
        let mut stale = rows.clone();
        stale[1].version = 1;
        stale.iter_mut().for_each(|row| row.owner.push('!'));
        let error = sql.update_many(&mut stale).await.unwrap_err();
        assert_eq!(error.code(), Code::VersionConflict);
        assert!(error.to_string().contains("row 2"), "{error}");
        let mut missing = [rows[0].clone(), Account { id: 9, ..rows[1].clone() }];
        let error = sql.update_many(&mut missing).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
        let mut twice = [rows[0].clone(), rows[0].clone()];
        assert_eq!(sql.update_many(&mut twice).await.unwrap_err().code(), Code::Invalid);
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
    }

    async fn some_columns_of_many_rows_are_written_and_no_others(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let old = events(5, 40);
        sql.insert_many(&old).await.unwrap();
        let fresh = events(6, 40);
        let new: Vec<_> =
            fresh.into_iter().zip(&old).map(|(new, old)| Event { id: old.id, ..new }).collect();
        assert_eq!(sql.update_columns(&new, Event::LARGE).await.unwrap(), 40);
        let both = new.iter().zip(&old);
        let want = both.map(|(new, old)| Event { large: new.large, ..old.clone() });
        assert_eq!(sql.all::<Event>().await.unwrap(), by_key(want.collect()));
        // What the layer fills is filled, versions are compared, and all or none is written.
        sql.create_table::<Account>().await.unwrap();
        let mut rows = [account(1, "a"), account(2, "b")];
        sql.insert_many(&mut rows).await.unwrap();
        rows.iter_mut().for_each(|row| row.owner.push('?'));
        assert_eq!(sql.update_columns(&mut rows, Account::OWNER).await.unwrap(), 2);
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
        let mut stale = rows.clone();
        stale[1].version = 1;
        stale.iter_mut().for_each(|row| row.owner.push('!'));
        let error = sql.update_columns(&mut stale, Account::OWNER).await.unwrap_err();
        assert_eq!(error.code(), Code::VersionConflict);
        assert!(error.to_string().contains("row 2"), "{error}");
        let error = sql.update_columns(&mut rows, Account::VERSION).await.unwrap_err();
        assert_eq!(error.column_name(), Some("version"));
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
    }

    async fn rows_are_read_and_deleted_by_many_keys(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = events(8, 300);
        sql.insert_many(&rows).await.unwrap();
        let missing = events(9, 1)[0].id;
        let mut keys: Vec<_> = rows.iter().map(|row| row.id).collect();
        keys.push(missing);
        keys.push(rows[0].id);
        let got = sql.get_many::<Event>(&keys).await.unwrap();
        assert_eq!(got.len(), 302);
        assert_eq!((&got[7], &got[300], &got[301]), (&Some(rows[7].clone()), &None, &got[0]));
        let few = sql.get_many::<Event>(&keys[298..]).await.unwrap();
        assert_eq!(few, got[298..]);
        assert!(sql.exists::<Event>(&rows[3].id).await.unwrap());
        assert!(!sql.exists::<Event>(&missing).await.unwrap());
        assert_eq!(sql.delete_many::<Event>(&keys[290..]).await.unwrap(), 11);
        assert_eq!(sql.count::<Event>().await.unwrap(), 289);
    }

    async fn keys_of_several_columns_are_read_in_numbers(sql: &Sql) {
        sql.create_table::<Venue2>().await.unwrap();
        sql.create_table::<Venue>().await.unwrap();
        assert_eq!(sql.get_many::<Venue>(&[]).await.unwrap(), []);
        assert_eq!(sql.count::<Venue>().await.unwrap(), 0);
    }

    async fn a_patch_changes_some_columns_and_counts_the_version(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let mut row = account(1, "ann");
        sql.insert(&mut row).await.unwrap();
        assert!(sql.patch::<Account>(&1).set(Account::OWNER, "bea").run().await.unwrap());
        let stored = sql.get::<Account>(&1).await.unwrap().unwrap();
        assert_eq!((stored.owner.as_str(), stored.version), ("bea", 2));
        assert!(stored.made == row.made && stored.changed >= row.changed);
        let named = sql.patch::<Account>(&1).set_named("owner", Value::Text("cy".into()));
        assert!(named.if_version(2).run().await.unwrap());
        let stale = sql.patch::<Account>(&1).set(Account::OWNER, "dan").if_version(2).run().await;
        assert_eq!(stale.unwrap_err().code(), Code::VersionConflict);
        assert!(!sql.patch::<Account>(&9).set(Account::OWNER, "x").run().await.unwrap());
        assert_eq!(sql.get::<Account>(&1).await.unwrap().unwrap().owner, "cy");
    }

    async fn a_stream_gives_every_row_in_order_and_lets_its_connection_go(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = by_key(events(11, 2500));
        sql.insert_many(&rows).await.unwrap();
        let mut stream = sql.stream::<Event>().await.unwrap();
        let mut found = Vec::new();
        // What is written meanwhile does not show.
        found.extend(stream.next().await.unwrap());
        sql.delete::<Event>(&rows[2400].id).await.unwrap();
        while let Some(row) = stream.next().await.unwrap() {
            found.push(row);
        }
        assert_eq!(found, rows);
        // More streams than connections, each dropped in the middle.
        for _ in 0..20 {
            let mut stream = sql.stream::<Event>().await.unwrap();
            assert!(stream.next().await.unwrap().is_some());
        }
        let page = sql.list::<Event>(10, 2395).await.unwrap();
        assert_eq!(page, [&rows[2395..2400], &rows[2401..2406]].concat());
    }
}
