//! Every verb, on both engines.

use crate::common;
use common::Dice;
use common::records::{
    Account, Event, EventId, Order, Place, Remark, Venue, Venue2, by_key, event, events, units,
};
#[cfg(feature = "postgres")]
use common::{PostgresStore, SqliteStore};
use tradebase_core::{Assigned, Code, Date, Timestamp, TimestampNs, Uuid, clock};
use tradebase_sql::{Sql, SqlOptions};

promises! {
    async fn a_record_comes_back_as_it_was(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for event in events(1, 60) {
            assert_eq!(sql.insert(&event).await.unwrap(), event.id);
            assert_eq!(sql.get::<Event>(&event.id).await.unwrap(), Some(event));
        }
        assert_eq!(sql.get::<Event>(&EventId(Uuid::nil())).await.unwrap(), None);
    }

    async fn a_batch_of_any_size_comes_back_in_the_order_of_the_key(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        assert_eq!(sql.insert_many(Vec::<&Event>::new()).await.unwrap(), 0);
        assert_eq!(sql.all::<Event>().await.unwrap(), []);
        for (seed, count) in [(2, 1), (3, 2), (4, 99), (5, 100), (6, 1500)] {
            sql.drop_table::<Event>().await.unwrap();
            sql.create_table::<Event>().await.unwrap();
            let events = events(seed, count);
            assert_eq!(sql.insert_many(&events).await.unwrap(), count.unsigned_abs());
            assert_eq!(sql.all::<Event>().await.unwrap(), by_key(events.clone()));
        }
    }

    async fn an_update_changes_the_row_and_no_other(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut events = events(7, 3);
        sql.insert_many(&events).await.unwrap();
        let changed = Event { id: events[1].id, ..event(&mut Dice::new(8), 77) };
        sql.update(&changed).await.unwrap();
        events[1] = changed;
        assert_eq!(sql.all::<Event>().await.unwrap(), by_key(events.clone()));
        let missing = Event { id: EventId(Uuid::nil()), ..events[0].clone() };
        let error = sql.update(&missing).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert!(error.is_not_found());
        assert_eq!((error.operation(), error.record()), (Some("update"), Some("Event")));
    }

    async fn a_delete_says_whether_there_was_a_row(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let events = events(9, 2);
        sql.insert_many(&events).await.unwrap();
        assert!(sql.delete::<Event>(&events[0].id).await.unwrap());
        assert!(!sql.delete::<Event>(&events[0].id).await.unwrap());
        assert_eq!(sql.all::<Event>().await.unwrap(), events[1..]);
    }

    async fn a_key_of_two_columns_finds_its_row(sql: &Sql) {
        sql.create_table::<Venue>().await.unwrap();
        let venue = |day: i32, name: &str| Venue {
            day: Date::from_days(day),
            name: name.into(),
            place: Place { city: "Zürich".into(), zip: (day > 0).then(|| "8001".into()) },
            opened: TimestampNs::from_nanos(1_700_000_000_123_456_789),
        };
        let venues = [venue(0, "a"), venue(0, "b"), venue(1, "a")];
        sql.insert_many(&venues).await.unwrap();
        let key = (Date::from_days(1), "a".to_owned());
        assert_eq!(sql.get::<Venue>(&key).await.unwrap().as_ref(), Some(&venues[2]));
        let moved = Venue { place: Place { city: "Genf".into(), zip: None }, ..venues[2].clone() };
        sql.update(&moved).await.unwrap();
        let found = sql
            .find::<Venue>()
            .filter(Venue::PLACE.then(Place::CITY).eq("Genf"))
            .all()
            .await
            .unwrap();
        assert_eq!(found, [moved]);
        assert!(sql.delete::<Venue>(&key).await.unwrap());
        assert_eq!(sql.all::<Venue>().await.unwrap(), venues[..2]);
    }

    async fn an_assigned_key_comes_back_and_is_never_given_twice(sql: &Sql) {
        sql.create_table::<Remark>().await.unwrap();
        let mut first = Remark { id: Assigned::New, text: "one".into() };
        let key = sql.insert(&mut first).await.unwrap();
        assert_eq!((key, first.id), (Assigned::Is(1), Assigned::Is(1)));
        let new = |text: &str| Remark { id: Assigned::New, text: text.into() };
        let mut several = vec![new("two"), new("three")];
        assert_eq!(sql.insert_many(&mut several).await.unwrap(), 2);
        assert_eq!([several[0].id, several[1].id], [Assigned::Is(2), Assigned::Is(3)]);
        // A key of the caller's own moves the next one on.
        let mut own = Remark { id: Assigned::Is(10), text: "ten".into() };
        assert_eq!(sql.insert(&mut own).await.unwrap(), Assigned::Is(10));
        assert!(sql.delete::<Remark>(&Assigned::Is(10)).await.unwrap());
        let mut next = new("eleven");
        assert_eq!(sql.insert(&mut next).await.unwrap(), Assigned::Is(11));
        assert_eq!(sql.get::<Remark>(&Assigned::Is(2)).await.unwrap().as_ref(), Some(&several[0]));
        next.text = "elf".into();
        sql.update(&mut next).await.unwrap();
        assert_eq!(sql.get::<Remark>(&next.id).await.unwrap(), Some(next));
        let error = sql.get::<Remark>(&Assigned::New).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("id")));
        let error = sql.update(&mut new("none")).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
    }

    async fn a_batch_with_a_conflict_assigns_no_key(sql: &Sql) {
        sql.create_table::<Remark>().await.unwrap();
        let new = |text: &str| Remark { id: Assigned::New, text: text.into() };
        let mut several = [new("a"), new("b"), new("a")];
        let error = sql.insert_many(&mut several).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("text")));
        assert!(several.iter().all(|remark| remark.id == Assigned::New));
        assert_eq!(sql.all::<Remark>().await.unwrap(), []);
    }

    async fn the_layer_stamps_rows_and_the_caller_sees_it(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let before = clock::now();
        let mut account = new_account(1, "ann");
        sql.insert(&mut account).await.unwrap();
        assert!(account.made >= before && account.made == account.changed);
        assert_eq!(account.version, 1);
        assert_eq!(sql.get::<Account>(&1).await.unwrap().as_ref(), Some(&account));
        // When it was made does not change, whatever the caller's record says.
        let made = account.made;
        account.made = Timestamp::from_micros(5);
        account.owner = "bea".into();
        sql.update(&mut account).await.unwrap();
        assert_eq!((account.made, account.version), (made, 2));
        assert!(account.changed >= made);
        assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(account));
        let mut several = [new_account(2, "c"), new_account(3, "d")];
        sql.insert_many(&mut several).await.unwrap();
        assert!(several.iter().all(|a| a.version == 1 && a.made >= made));
        assert_eq!(sql.all::<Account>().await.unwrap()[1..], several);
    }

    async fn a_row_of_another_version_is_not_overwritten(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let mut mine = new_account(1, "ann");
        sql.insert(&mut mine).await.unwrap();
        let mut theirs = mine.clone();
        sql.update(&mut theirs).await.unwrap();
        let kept = mine.clone();
        mine.owner = "me".into();
        let error = sql.update(&mut mine).await.unwrap_err();
        assert_eq!(error.code(), Code::VersionConflict);
        assert!(error.is_conflict());
        // The caller's record carries no stamp of a write that did not happen.
        assert_eq!((mine.version, mine.changed), (kept.version, kept.changed));
        assert_eq!(sql.get::<Account>(&1).await.unwrap(), Some(theirs));
        let mut missing = new_account(9, "nobody");
        assert_eq!(sql.update(&mut missing).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(missing, new_account(9, "nobody"));
    }

    async fn a_failed_insert_leaves_the_callers_record_alone(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.insert(&mut new_account(1, "ann")).await.unwrap();
        let mut again = new_account(1, "bea");
        let error = sql.insert(&mut again).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id")));
        assert_eq!(again, new_account(1, "bea"));
        let mut several = [new_account(2, "c"), new_account(3, "ann")];
        let error = sql.insert_many(&mut several).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("owner")));
        assert_eq!(several, [new_account(2, "c"), new_account(3, "ann")]);
        assert_eq!(sql.all::<Account>().await.unwrap().len(), 1);
    }

    async fn references_are_kept(sql: &Sql) {
        // Creates the parents too.
        sql.create_table::<Order>().await.unwrap();
        let order = |account: i64, venue: Option<i32>| Order {
            id: tradebase_core::id::new(),
            account,
            venue,
            quantity: units(150, 2),
        };
        let error = sql.insert(&order(1, None)).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
        sql.insert(&mut new_account(1, "ann")).await.unwrap();
        sql.insert(&Venue2 { id: 4 }).await.unwrap();
        let placed = order(1, Some(4));
        sql.insert(&placed).await.unwrap();
        assert!(sql.delete::<Venue2>(&4).await.unwrap());
        let found = sql.get::<Order>(&placed.id).await.unwrap().unwrap();
        assert_eq!(found, Order { venue: None, ..placed });
        assert!(sql.delete::<Account>(&1).await.unwrap());
        assert_eq!(sql.all::<Order>().await.unwrap(), []);
    }

    async fn a_parent_that_is_pointed_to_stays(sql: &Sql) {
        sql.create_table::<Strict>().await.unwrap();
        sql.insert(&Venue2 { id: 1 }).await.unwrap();
        sql.insert(&Strict { id: 1, venue: 1, next: None }).await.unwrap();
        let error = sql.delete::<Venue2>(&1).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
        let error = sql.drop_table::<Venue2>().await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
        assert_eq!(sql.all::<Venue2>().await.unwrap().len(), 1);
        // A record may point to its own kind.
        sql.insert(&Strict { id: 2, venue: 1, next: Some(1) }).await.unwrap();
        let error = sql.insert(&Strict { id: 3, venue: 1, next: Some(9) }).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
    }

    async fn two_tables_can_point_to_each_other(sql: &Sql) {
        sql.create_table::<Chicken>().await.unwrap();
        sql.create_table::<Egg>().await.unwrap();
        sql.insert(&Egg { id: 1, chicken: None }).await.unwrap();
        sql.insert(&Chicken { id: 1, egg: Some(1) }).await.unwrap();
        sql.update(&Egg { id: 1, chicken: Some(1) }).await.unwrap();
        let error = sql.insert(&Chicken { id: 2, egg: Some(2) }).await.unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
    }

    async fn creating_a_table_twice_keeps_its_rows(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let events = events(11, 3);
        sql.insert_many(&events).await.unwrap();
        sql.create_table::<Event>().await.unwrap();
        assert_eq!(sql.all::<Event>().await.unwrap().len(), 3);
        sql.drop_table::<Event>().await.unwrap();
        sql.drop_table::<Event>().await.unwrap();
        for error in [
            sql.get::<Event>(&events[0].id).await.unwrap_err(),
            sql.insert(&events[0]).await.unwrap_err(),
            sql.all::<Event>().await.unwrap_err(),
            sql.insert_many(&events).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
        }
        sql.create_table::<Event>().await.unwrap();
        sql.insert_many(&events).await.unwrap();
        assert_eq!(sql.all::<Event>().await.unwrap().len(), 3);
    }

    async fn many_tasks_can_create_the_same_table_at_once(sql: &Sql) {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let sql = sql.clone();
                tokio::spawn(async move { sql.create_table::<Order>().await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }

    async fn a_record_for_no_table_is_refused(sql: &Sql) {
        let error = sql.create_table::<CachedOnly>().await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
    }

    async fn defaults_stand_in_the_table_too(sql: &Sql) {
        sql.create_table::<Defaults>().await.unwrap();
        let row = Defaults {
            id: 1,
            flag: true,
            count: -3,
            ratio: 0.5,
            price: units(125, 2),
            wide: units(-15, 1),
            word: "it's".into(),
            id_of: Uuid::max(),
            at: "2026-11-20T09:30:00.000001Z".parse().unwrap(),
            day: "2026-11-20".parse().unwrap(),
        };
        sql.insert(&row).await.unwrap();
        assert_eq!(sql.get::<Defaults>(&1).await.unwrap(), Some(row));
    }

    async fn calls_run_side_by_side(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let tasks: Vec<_> = (0..40)
            .map(|id| {
                let sql = sql.clone();
                tokio::spawn(async move {
                    let mut account = new_account(id, &format!("owner {id}"));
                    sql.insert(&mut account).await?;
                    sql.update(&mut account).await?;
                    sql.get::<Account>(&id).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap().unwrap().version, 2);
        }
        assert_eq!(sql.all::<Account>().await.unwrap().len(), 40);
    }

    async fn a_closed_store_says_so(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.clone().close().await.unwrap();
        let mut account = new_account(1, "ann");
        for error in [
            sql.get::<Account>(&1).await.unwrap_err(),
            sql.insert(&mut account).await.unwrap_err(),
            sql.all::<Account>().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::Closed, "{error}");
        }
        assert_eq!(account, new_account(1, "ann"));
        sql.clone().close().await.unwrap();
    }
}

fn new_account(id: i64, owner: &str) -> Account {
    let never = Timestamp::default();
    Account { id, owner: owner.into(), made: never, changed: never, version: 0 }
}

#[derive(tradebase_core::Record, Clone, Debug, PartialEq)]
#[record(table = "strict")]
struct Strict {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Venue2)]
    venue: i32,
    #[record(belongs_to = Strict)]
    next: Option<i64>,
}

#[derive(tradebase_core::Record, Clone, Debug, PartialEq)]
#[record(table = "chickens")]
struct Chicken {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Egg)]
    egg: Option<i64>,
}

#[derive(tradebase_core::Record, Clone, Debug, PartialEq)]
#[record(table = "eggs")]
struct Egg {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Chicken)]
    chicken: Option<i64>,
}

#[derive(tradebase_core::Record, Clone, Debug, PartialEq)]
#[record(name = "cached")]
struct CachedOnly {
    #[record(key)]
    id: i64,
}

#[derive(tradebase_core::Record, Clone, Debug, PartialEq)]
#[record(table = "defaults")]
struct Defaults {
    #[record(key)]
    id: i64,
    #[record(default = true)]
    flag: bool,
    #[record(default = -3)]
    count: i16,
    #[record(default = 0.5)]
    ratio: f64,
    #[record(decimal(18, 8), default = "1.25")]
    price: tradebase_core::Decimal,
    #[record(decimal(28, 10), default = "-1.5")]
    wide: tradebase_core::Decimal,
    #[record(default = "it's")]
    word: String,
    #[record(default = "ffffffff-ffff-ffff-ffff-ffffffffffff")]
    id_of: Uuid,
    #[record(default = "2026-11-20T09:30:00.000001Z")]
    at: Timestamp,
    #[record(default = "2026-11-20")]
    day: Date,
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn sqlite_and_postgres_tell_their_limits() {
    use tradebase_core::Capability;

    let (file, server) = (SqliteStore::new().await, PostgresStore::new().await);
    assert_eq!(file.sql.capabilities().engine, "sqlite");
    assert_eq!(server.sql.capabilities().engine, "postgres");
    for store in [&file.sql, &server.sql] {
        for capability in Capability::ALL {
            let can = store.capabilities().can(*capability);
            assert_eq!(can, *capability != Capability::TimeToLive, "{capability:?}");
        }
    }
}

#[tokio::test]
async fn sqlite_memory_is_one_database_per_store() {
    let (one, two) = (
        Sql::open("sqlite::memory:").await.unwrap(),
        Sql::open_with(SqlOptions::new("sqlite::memory:").readers(2)).await.unwrap(),
    );
    one.create_table::<Event>().await.unwrap();
    let events = events(12, 300);
    one.clone().insert_many(&events).await.unwrap();
    assert_eq!(one.all::<Event>().await.unwrap(), by_key(events));
    assert_eq!(two.all::<Event>().await.unwrap_err().code(), Code::SchemaMismatch);
    one.close().await.unwrap();
}

#[tokio::test]
async fn sqlite_and_postgres_futures_can_be_sent_to_other_threads() {
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    sent(sql.create_table::<Remark>()).await.unwrap();
    let mut remarks = vec![Remark { id: Assigned::New, text: "a".into() }];
    sent(sql.insert_many(&mut remarks)).await.unwrap();
    sent(sql.insert(&mut Remark { id: Assigned::New, text: "b".into() })).await.unwrap();
    sent(sql.update(&mut remarks[0])).await.unwrap();
    sent(sql.get::<Remark>(&Assigned::Is(1))).await.unwrap();
    sent(sql.delete::<Remark>(&Assigned::Is(1))).await.unwrap();
    let find = sql.find::<Remark>().filter(Remark::TEXT.eq("b")).limit(1);
    assert_eq!(sent(find.all()).await.unwrap().len(), 1);
    assert_eq!(sent(sql.all::<Remark>()).await.unwrap().len(), 1);
    sent(sql.close()).await.unwrap();
}
