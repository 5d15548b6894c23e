//! Writes by name: what comes back is what is stored, and filters say which rows are meant.

use crate::common;
use common::records::{Account, Order, account};
use tradebase_core::{Code, Decimal, Error, Record, Timestamp, Uuid, Value};
use tradebase_sql::{Conflict, DynamicConflict, DynamicFilter, DynamicRow, Sql, Upserted};

/// The same by its key, or by venue and symbol.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "quotes", unique(venue, symbol))]
struct Quote {
    #[record(key)]
    id: Uuid,
    venue: String,
    symbol: String,
    #[record(decimal(18, 8))]
    bid: Decimal,
    note: Option<String>,
    seen: Timestamp,
    #[record(created)]
    made: Timestamp,
    #[record(updated)]
    changed: Timestamp,
    #[record(version)]
    version: i64,
}

fn quote(bid: &str, note: Option<&str>) -> DynamicRow {
    DynamicRow::new()
        .with("venue", "kraken")
        .with("symbol", "BTC/USDT")
        .with("bid", bid)
        .with("note", note)
        .with("seen", Timestamp::from_micros(1))
}

/// A key that has two zeros.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "levels")]
struct Level {
    #[record(key)]
    ratio: f64,
    name: String,
}

/// Nothing but a key, which is nobody's to fill.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "seen")]
struct Seen {
    #[record(key)]
    id: i64,
}

fn one(column: &str, value: impl Into<Value>) -> DynamicFilter {
    DynamicFilter::new(column, "eq", [value.into()])
}

fn assert_refused(error: &Error, verb: &str) {
    assert_eq!((error.code(), error.operation()), (Code::Unsupported, Some(verb)));
}

promises! {
    async fn an_upsert_gives_back_the_row_that_is_stored(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let quotes = sql.table(Quote::TABLE);
        let by = ["venue", "symbol"];
        let set = DynamicConflict::set(["bid"]).on(by);
        let (how, first) = quotes.upsert(&quote("1.5", Some("ours")), &set).await.unwrap();
        assert_eq!(how, Upserted::Inserted);
        let key = quotes.key_of(&first).unwrap();
        assert_eq!(quotes.get(&key).await.unwrap().as_ref(), Some(&first));

        // A key of its own, a note and a time that are not written.
        let other = quote("2.5", None).with("seen", Timestamp::from_micros(2));
        for (conflict, note) in [
            (set, Some("ours")),
            (DynamicConflict::replace().on(by), None),
            (DynamicConflict::set(["bid"]), None),
        ] {
            let row = match note {
                None => other.clone().with("id", key[0].clone()),
                Some(_) => other.clone(),
            };
            let (how, back) = quotes.upsert(&row, &conflict).await.unwrap();
            assert_eq!(how, Upserted::Updated);
            assert_eq!(quotes.key_of(&back).unwrap(), key, "{conflict:?}");
            assert_eq!(back.get("note"), Some(&Value::from(note)), "{conflict:?}");
            assert_eq!(back.get("made"), first.get("made"));
            assert_eq!(quotes.get(&key).await.unwrap(), Some(back), "{conflict:?}");
        }
        assert_eq!(quotes.count().await.unwrap(), 1);

        let seen = sql.table(Seen::TABLE);
        seen.create_table().await.unwrap();
        let row = DynamicRow::new().with("id", 7_i64);
        for want in [Upserted::Inserted, Upserted::Updated] {
            let back = seen.upsert(&row, &DynamicConflict::replace()).await.unwrap();
            assert_eq!(back, (want, row.clone()));
        }
    }

    async fn an_upsert_in_a_transaction_gives_back_the_row_too(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let set = DynamicConflict::set(["bid"]).on(["venue", "symbol"]);
        let (first, back) = sql
            .transaction(|tx| {
                let set = set.clone();
                async move {
                    let quotes = tx.table(Quote::TABLE);
                    let first = quotes.insert(&quote("1.5", Some("ours"))).await?;
                    let back = quotes.upsert(&quote("2.5", None), &set).await?.1;
                    Ok::<_, Error>((first, back))
                }
            })
            .await
            .unwrap();
        let quotes = sql.table(Quote::TABLE);
        let key = quotes.key_of(&first).unwrap();
        assert_eq!(quotes.get(&key).await.unwrap(), Some(back));
    }

    async fn a_stored_row_that_cannot_be_read_is_not_written(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let quotes = sql.table(Quote::TABLE);
        quotes.insert(&quote("1.5", Some("ours"))).await.unwrap();
        // A moment that no record holds.
        let far = match sql.capabilities().engine {
            "sqlite" => "UPDATE quotes SET seen = 9223372036854775807",
            _ => "UPDATE quotes SET seen = '20000-01-01'",
        };
        sql.execute(common::built(far), &[]).await.unwrap();
        let set = DynamicConflict::set(["bid"]).on(["venue", "symbol"]);
        let error = quotes.upsert(&quote("2.5", None), &set).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("seen")));
        let bid = "SELECT count(*) FROM quotes WHERE version = 1";
        assert_eq!(sql.query_scalar::<i64>(bid, &[]).await.unwrap(), 1);
    }

    async fn an_upsert_by_type_leaves_to_the_caller_what_was_not_written(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let moment = Timestamp::from_micros(1);
        let mut stored = Quote {
            id: Uuid::from_u128(1),
            venue: "kraken".into(),
            symbol: "BTC/USDT".into(),
            bid: "1.5".parse().unwrap(),
            note: Some("ours".into()),
            seen: moment,
            made: moment,
            changed: moment,
            version: 0,
        };
        sql.insert(&mut stored).await.unwrap();
        let mut mine = Quote { id: Uuid::from_u128(2), note: None, ..stored.clone() };
        let set = Conflict::set(Quote::BID).on((Quote::VENUE, Quote::SYMBOL));
        assert_eq!(sql.upsert(&mut mine, &set).await.unwrap(), Upserted::Updated);
        // What the layer fills is told, and nothing else.
        assert_eq!((mine.version, mine.made), (2, stored.made));
        assert_eq!((mine.id, mine.note.as_deref()), (Uuid::from_u128(2), None));
        assert_eq!(sql.get::<Quote>(&mine.id).await.unwrap(), None);
        let found = sql.find::<Quote>().filter(Quote::SYMBOL.eq("BTC/USDT")).all().await.unwrap();
        assert_eq!(found, [Quote { id: stored.id, note: stored.note, ..mine }]);
    }

    async fn a_zero_is_found_whatever_its_sign(sql: &Sql) {
        sql.create_table::<Level>().await.unwrap();
        let table = sql.table(Level::TABLE);
        for (stored, asked) in [(0.0, -0.0), (-0.0, 0.0)] {
            table.insert(&DynamicRow::new().with("ratio", stored).with("name", "a")).await.unwrap();
            let keys = [vec![Value::Float(asked)], vec![Value::Float(1.5)]];
            let found = table.get_many(&keys).await.unwrap();
            let name = found[0].as_ref().and_then(|row| row.get("name"));
            assert_eq!(name, Some(&"a".into()), "{stored} {asked}");
            assert_eq!(found[1], None);
            assert_eq!(table.delete_many(&keys).await.unwrap(), 1);
        }
    }

    async fn rows_that_pass_a_filter_by_name_are_changed_and_deleted(sql: &Sql) {
        sql.create_table::<Order>().await.unwrap();
        let (accounts, orders) = (sql.table(Account::TABLE), sql.table(Order::TABLE));
        let mut rows: Vec<_> = (1..=5).map(|id| account(id, &format!("owner {id}"))).collect();
        sql.insert_many(&mut rows).await.unwrap();
        let order = DynamicRow::new().with("account", 1_i64).with("quantity", "1.5");
        orders.insert_many(&vec![order; 3]).await.unwrap();

        let some = DynamicFilter::new("id", "in", [2_i64, 9].map(Value::from));
        let change = DynamicRow::new().with("owner", "it's");
        assert_eq!(accounts.update_where(some, &change).await.unwrap(), 1);
        let changed = sql.get::<Account>(&2).await.unwrap().unwrap();
        assert_eq!((changed.owner.as_str(), changed.version), ("it's", 2));
        assert!(changed.changed >= changed.made);
        rows[1] = changed;
        assert_eq!(sql.all::<Account>().await.unwrap(), rows);
        let change = DynamicRow::new().with("quantity", "0.25");
        assert_eq!(orders.update_where(one("account", 1_i64), &change).await.unwrap(), 3);
        let quarter = one("quantity", "0.25");
        assert_eq!(orders.find().filter(quarter.clone()).count().await.unwrap(), 3);

        let gone = DynamicFilter::new("id", "ge", [Value::Int(4)]);
        assert_eq!(accounts.delete_where(gone.clone()).await.unwrap(), 2);
        assert_eq!(accounts.delete_where(gone).await.unwrap(), 0);
        // Rows that die with them are not counted.
        assert_eq!(accounts.delete_where(one("id", 1_i64)).await.unwrap(), 1);
        assert_eq!(orders.find().filter(quarter).count().await.unwrap(), 0);
        assert_eq!(sql.count::<Account>().await.unwrap(), 2);
        let undone = sql.transaction(|tx| async move {
            assert_eq!(tx.table(Account::TABLE).delete_where(one("id", 2_i64)).await?, 1);
            Err::<(), _>(Error::new(Code::Interrupted, "enough"))
        });
        assert_eq!(undone.await.unwrap_err().code(), Code::Interrupted);
        assert_eq!(sql.count::<Account>().await.unwrap(), 2);
    }

    async fn what_a_filter_by_name_must_not_change_is_refused(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.insert(&mut account(1, "ann")).await.unwrap();
        let table = sql.table(Account::TABLE);
        let change = DynamicRow::new().with("owner", "x");
        let nothing = || DynamicFilter::any([]);
        for every in [
            DynamicFilter::all([]),
            !nothing(),
            nothing().or(DynamicFilter::all([])),
            !DynamicFilter::new("id", "in", []),
        ] {
            let error = table.delete_where(every.clone()).await.unwrap_err();
            assert_refused(&error, "delete_where");
            let error = table.update_where(every, &change).await.unwrap_err();
            assert_refused(&error, "update_where");
        }
        assert_eq!(table.delete_where(nothing()).await.unwrap(), 0);
        let wrong = DynamicRow::new().with("id", 2_i64).with("version", 9_i64).with("ownr", "x");
        let error = table.update_where(one("id", 1_i64), &wrong).await.unwrap_err();
        let named = error.violations().iter().map(|v| (v.column.as_str(), v.rule));
        let named: Vec<_> = named.collect();
        assert_eq!(named, [("id", "key"), ("version", "filled"), ("ownr", "unknown")]);
        let error = table.update_where(one("id", 1_i64), &DynamicRow::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        let error = table.delete_where(one("ownr", "ann")).await.unwrap_err();
        assert!(error.to_string().contains("did you mean owner?"), "{error}");
        assert_eq!(sql.get::<Account>(&1).await.unwrap().unwrap().version, 1);
    }
}
