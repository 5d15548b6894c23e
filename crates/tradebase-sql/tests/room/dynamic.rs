//! Tables by name: the same bytes, checks and errors as of records.

use crate::common;
use common::records::{
    Account, Event, Notes, Order, Remark, Venue, Venue2, account, bare, by_key, events, full,
};
use tradebase_core::{
    Code, Date, Decimal, Error, Field, Put, Record, Timestamp, Uuid, Value, json,
};
use tradebase_sql::{DynamicConflict, DynamicRow, Sql, Upserted};

/// Random events per test; each has every kind, edges included.
const EVENTS: i64 = 60;

/// What is stored, as the engine itself shows it.
async fn stored(sql: &Sql, table: &str) -> Vec<Vec<Value>> {
    let text = match sql.capabilities().engine {
        "sqlite" => format!("SELECT * FROM {table} ORDER BY 1, 2"),
        _ => format!("SELECT row::text FROM {table} AS row ORDER BY 1"),
    };
    sql.query_values(common::built(text), &[]).await.unwrap().rows
}

fn row_of<T: Record>(record: &T) -> DynamicRow {
    DynamicRow::from_values(T::TABLE, Value::row(record).unwrap()).unwrap()
}

async fn clear<T: Record>(sql: &Sql, keys: &[T::Key]) {
    let deleted = sql.delete_many::<T>(keys).await.unwrap();
    assert_eq!(deleted, u64::try_from(keys.len()).unwrap());
}

/// All that an error says.
fn said(error: &Error) -> (Code, Option<String>, String) {
    (error.code(), error.column_name().map(str::to_owned), error.to_string())
}

/// An enum that is not closed, but has no place for other texts; numbers that are not negative.
#[derive(Field, Clone, Copy, Debug, PartialEq)]
enum Level {
    Low,
    High,
}

fn is_even(value: &i64) -> tradebase_core::Result<(), String> {
    if value % 2 == 0 { Ok(()) } else { Err(format!("must be even, is {value}")) }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "ruled")]
struct Ruled {
    #[record(key, min = 0)]
    id: i64,
    #[record(length(2..=5))]
    name: String,
    #[record(decimal(10, 2), min = 0, max = 1000)]
    price: Decimal,
    #[record(email)]
    mail: Option<String>,
    #[record(pattern = "[a-z]+")]
    word: String,
    #[record(text(3))]
    code: String,
    #[record(check = is_even)]
    even: i64,
    ratio: f64,
    at: Timestamp,
    level: Level,
    count: u32,
    #[record(json)]
    notes: Notes,
}

fn ruled() -> Ruled {
    Ruled {
        id: 1,
        name: "name".into(),
        price: "1.5".parse().unwrap(),
        mail: None,
        word: "word".into(),
        code: "abc".into(),
        even: 2,
        ratio: 0.5,
        at: Timestamp::default(),
        level: Level::Low,
        count: 1,
        notes: bare().notes,
    }
}

/// Records that break something, and the same values by name.
fn wrong() -> Vec<(Ruled, DynamicRow)> {
    let good = row_of(&ruled());
    let with = |cells: &[(&str, Value)]| {
        cells.iter().fold(good.clone(), |row, (name, value)| row.with(*name, value.clone()))
    };
    let text = |value: &str| Value::Text(value.into());
    let late = Timestamp::from_micros(i64::MAX);
    let money = |text: &str| text.parse::<Decimal>().unwrap();
    vec![
        (Ruled { id: -1, ..ruled() }, with(&[("id", Value::Int(-1))])),
        (Ruled { name: "n".into(), ..ruled() }, with(&[("name", text("n"))])),
        (Ruled { name: "n\0n".into(), ..ruled() }, with(&[("name", text("n\0n"))])),
        (Ruled { price: money("-0.01"), ..ruled() }, with(&[("price", Value::Decimal(-1, 2))])),
        (Ruled { price: money("0.125"), ..ruled() }, with(&[("price", Value::Decimal(125, 3))])),
        (
            Ruled { price: money("123456789012.5"), ..ruled() },
            with(&[("price", text("123456789012.5"))]),
        ),
        (Ruled { mail: Some("a@b".into()), ..ruled() }, with(&[("mail", text("a@b"))])),
        (Ruled { word: "9".into(), ..ruled() }, with(&[("word", text("9"))])),
        (Ruled { code: "abcd".into(), ..ruled() }, with(&[("code", text("abcd"))])),
        (Ruled { even: 3, ..ruled() }, with(&[("even", Value::Int(3))])),
        (Ruled { ratio: f64::NAN, ..ruled() }, with(&[("ratio", Value::Float(f64::NAN))])),
        (Ruled { at: late, ..ruled() }, with(&[("at", Value::Timestamp(late))])),
        (
            Ruled { id: -7, even: 5, price: money("1001"), word: String::new(), ..ruled() },
            with(&[
                ("word", text("")),
                ("even", Value::Int(5)),
                ("id", Value::Int(-7)),
                ("price", Value::Int(1001)),
            ]),
        ),
    ]
}

promises! {
    async fn a_row_by_name_is_stored_as_its_record_is(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut events = events(11, EVENTS);
        events.push(Event { large: -1, ..full() });
        let keys: Vec<_> = events.iter().map(|event| event.id).collect();
        sql.insert_many(&events).await.unwrap();
        let want = stored(sql, "events").await;
        clear::<Event>(sql, &keys).await;

        let table = sql.table(Event::TABLE);
        let rows: Vec<_> = events.iter().map(row_of).collect();
        for row in &rows {
            assert_eq!(table.insert(row).await.unwrap(), *row);
        }
        assert_eq!(stored(sql, "events").await, want, "one by one");
        clear::<Event>(sql, &keys).await;
        assert_eq!(table.insert_many(&rows).await.unwrap(), rows);
        assert_eq!(stored(sql, "events").await, want, "together");
        clear::<Event>(sql, &keys).await;
        for event in &events {
            let row = table.row_from_json(&json::to_string(event).unwrap()).unwrap();
            let replace = DynamicConflict::replace();
            assert_eq!(table.upsert(&row, &replace).await.unwrap().0, Upserted::Inserted);
            assert_eq!(table.upsert(&row, &replace).await.unwrap().0, Upserted::Updated);
        }
        assert_eq!(stored(sql, "events").await, want, "from JSON");
    }

    async fn records_and_rows_by_name_read_each_other(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let table = sql.table(Event::TABLE);
        let events = by_key(events(12, EVENTS));
        let (typed, named) = events.split_at(events.len() / 2);
        sql.insert_many(typed).await.unwrap();
        table.insert_many(&named.iter().map(row_of).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(sql.all::<Event>().await.unwrap(), events);
        let rows = table.list(u32::MAX, 0).await.unwrap();
        for (event, row) in events.iter().zip(&rows) {
            let key = table.key_of(row).unwrap();
            assert_eq!(table.get(&key).await.unwrap().as_ref(), Some(row));
            let values = row.clone().into_values();
            assert_eq!(Value::read::<Event>(&values).unwrap(), *event);
            assert_eq!(json::from_slice::<Event>(row.to_json().as_bytes()).unwrap(), *event);
            let back = table.row_from_json(&row.to_json()).unwrap();
            assert_eq!(back, *row, "through JSON");
            let map = row.to_map().unwrap();
            let through = DynamicRow::from_map(Event::TABLE, &map).unwrap();
            let values = Event::COLUMNS.iter().map(|c| through.get(c.name.text).unwrap().clone());
            let values: Vec<_> = values.collect();
            assert_eq!(Value::read::<Event>(&values).unwrap(), *event, "through a map");
        }
        assert_eq!(rows.len(), events.len());
        assert_eq!(table.count().await.unwrap(), u64::try_from(events.len()).unwrap());
    }

    async fn wrong_rows_are_refused_as_their_records_are(sql: &Sql) {
        sql.create_table::<Ruled>().await.unwrap();
        let table = sql.table(Ruled::TABLE);
        for (record, row) in wrong() {
            let want = said(&sql.insert(&record).await.unwrap_err());
            let got = said(&table.insert(&row).await.unwrap_err());
            assert_eq!(got, want);
            let batch = [ruled(), record];
            let want = said(&sql.insert_many(&batch).await.unwrap_err());
            let rows = [row_of(&ruled()), row];
            assert_eq!(said(&table.insert_many(&rows).await.unwrap_err()), want);
        }
        assert_eq!(sql.count::<Ruled>().await.unwrap(), 0);
        // What the engine refuses.
        let (record, row) = (ruled(), row_of(&ruled()));
        sql.insert(&record).await.unwrap();
        let want = sql.insert(&record).await.unwrap_err();
        let got = table.insert(&row).await.unwrap_err();
        assert_eq!(said(&got), said(&want));
    }

    async fn what_no_record_could_hold_is_refused(sql: &Sql) {
        sql.create_table::<Ruled>().await.unwrap();
        let table = sql.table(Ruled::TABLE);
        let good = row_of(&ruled());
        let refused = [
            ("count", Value::Int(-1), "count cannot be read: -1 does not fit u32 (kind)"),
            (
                "level",
                Value::Text("mid".into()),
                "level must be one of low, high, is \"mid\" (one_of)",
            ),
            ("even", Value::Text("two".into()), "even cannot be read: \"two\" is no i64 (kind)"),
            ("even", Value::Bool(true), "even takes i64, is Bool(true) (kind)"),
            ("price", Value::Float(0.1), "price takes decimal(10, 2), is Float(0.1) (kind)"),
            ("name", Value::Null, "name must have a value, is null (required)"),
        ];
        for (column, value, want) in refused {
            let error = table.insert(&good.clone().with(column, value)).await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid);
            assert!(error.to_string().ends_with(want), "{error}");
        }
        let notes = Value::Json(r#"{"tags":7}"#.into());
        let error = table.insert(&good.clone().with("notes", notes)).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("notes")));
        // All that is at fault, in one error.
        let mut all = good.clone().with("nmae", 1_i64).with("count", -5_i64).with("code", "long!");
        all.remove("word");
        let error = table.insert(&all).await.unwrap_err();
        let named = error.violations().iter().map(|v| (v.column.as_str(), v.rule));
        let named: Vec<_> = named.collect();
        let want =
            [("nmae", "unknown"), ("word", "required"), ("code", "length"), ("count", "kind")];
        assert_eq!(named, want);
        assert!(error.to_string().contains("did you mean name?"), "{error}");
        assert_eq!(table.count().await.unwrap(), 0);
    }

    async fn what_is_missing_is_filled_and_given_back(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        sql.create_table::<Remark>().await.unwrap();
        sql.create_table::<Event>().await.unwrap();
        let accounts = sql.table(Account::TABLE);
        let row = DynamicRow::new().with("id", 1_i64).with("owner", "ann");
        let back = accounts.insert(&row).await.unwrap();
        let typed = sql.get::<Account>(&1).await.unwrap().unwrap();
        assert_eq!(Value::read::<Account>(&back.into_values()).unwrap(), typed);
        assert_eq!((typed.version, typed.made), (1, typed.changed));
        assert!(typed.made > Timestamp::default());

        let remarks = sql.table(Remark::TABLE);
        let rows = ["a", "b"].map(|text| DynamicRow::new().with("text", text));
        let one = remarks.insert(&rows[0]).await.unwrap();
        let many = remarks.insert_many(&rows[1..]).await.unwrap();
        for row in [&one, &many[0]] {
            let remark: Remark = Value::read(&row.clone().into_values()).unwrap();
            assert_eq!(sql.get::<Remark>(&remark.id).await.unwrap(), Some(remark));
        }
        let own = DynamicRow::new().with("id", 70_i64).with("text", "c");
        remarks.insert(&own).await.unwrap();
        let next = remarks.insert(&DynamicRow::new().with("text", "d")).await.unwrap();
        assert_eq!(next.get("id"), Some(&Value::Int(71)));

        let mut row = row_of(&full());
        for column in ["id", "whole", "flag_or", "notes_or"] {
            row.remove(column);
        }
        let back = sql.table(Event::TABLE).insert(&row).await.unwrap();
        let Some(Value::Uuid(id)) = back.get("id") else { panic!("{back:?}") };
        assert_eq!(id.get_version_num(), 7);
        let event: Event = Value::read(&back.clone().into_values()).unwrap();
        assert_eq!(sql.get::<Event>(&event.id).await.unwrap().as_ref(), Some(&event));
        assert_eq!((event.whole, event.flag_or, event.notes_or), (Decimal::from(7), None, None));
    }

    async fn columns_are_updated_by_name(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let table = sql.table(Account::TABLE);
        sql.insert(&mut account(1, "ann")).await.unwrap();
        let (key, other) = ([Value::Int(1)], [Value::Int(2)]);
        let change = DynamicRow::new().with("owner", "bob");
        assert!(table.update(&key, &change).await.unwrap());
        assert!(!table.update(&other, &change).await.unwrap());
        let stored = sql.get::<Account>(&1).await.unwrap().unwrap();
        assert_eq!((stored.owner.as_str(), stored.version), ("bob", 2));
        assert!(table.update_if_version(&key, &change, 2).await.unwrap());
        let error = table.update_if_version(&key, &change, 2).await.unwrap_err();
        assert_eq!(error.code(), Code::VersionConflict);

        let wrong = DynamicRow::new().with("id", 2_i64).with("version", 9_i64).with("ownr", "x");
        let error = table.update(&key, &wrong).await.unwrap_err();
        let named = error.violations().iter().map(|v| (v.column.as_str(), v.rule));
        let named: Vec<_> = named.collect();
        assert_eq!(named, [("id", "key"), ("version", "filled"), ("ownr", "unknown")]);
        let error = table.update(&key, &DynamicRow::new()).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        let error = table.update(&[], &change).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        let null = DynamicRow::new().with("owner", Value::Null);
        let want = sql.patch::<Account>(&1).set_named("owner", Value::Null).run().await;
        let got = table.update(&key, &null).await;
        assert_eq!(said(&got.unwrap_err()), said(&want.unwrap_err()));
    }

    async fn a_conflict_by_name_ends_as_one_by_type(sql: &Sql) {
        sql.create_table::<Account>().await.unwrap();
        let table = sql.table(Account::TABLE);
        let row = |id: i64, owner: &str| DynamicRow::new().with("id", id).with("owner", owner);
        let first = table.insert(&row(1, "ann")).await.unwrap();
        let kept = table.upsert(&row(1, "bob"), &DynamicConflict::keep()).await.unwrap();
        assert_eq!(kept.0, Upserted::Kept);
        let replace = DynamicConflict::replace();
        let (how, replaced) = table.upsert(&row(1, "bob"), &replace).await.unwrap();
        assert_eq!((how, replaced.get("version")), (Upserted::Updated, Some(&Value::Int(2))));
        assert_eq!(replaced.get("made"), first.get("made"));
        assert_eq!(table.get(&[Value::Int(1)]).await.unwrap(), Some(replaced));

        let on = DynamicConflict::keep().on(["owner"]);
        assert_eq!(table.upsert(&row(5, "bob"), &on).await.unwrap().0, Upserted::Kept);
        assert_eq!(table.upsert(&row(6, "cy"), &on).await.unwrap().0, Upserted::Inserted);
        let bad = DynamicConflict::keep().on(["version"]);
        let error = table.upsert(&row(7, "dee"), &bad).await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        let bad = DynamicConflict::set(["id"]);
        let error = table.upsert(&row(7, "dee"), &bad).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("id")));
        let bad = DynamicConflict::set(["onwer"]);
        let error = table.upsert(&row(7, "dee"), &bad).await.unwrap_err();
        assert!(error.to_string().contains("did you mean owner?"), "{error}");
    }

    async fn keys_of_several_columns_find_their_rows(sql: &Sql) {
        let table = sql.table(Venue::TABLE);
        table.create_table().await.unwrap();
        let row = |day: i32, name: &str| {
            DynamicRow::new()
                .with("day", Date::from_days(day))
                .with("name", name)
                .with("place_city", "Zürich")
                .with("opened", tradebase_core::TimestampNs::default())
        };
        let rows: Vec<_> = (0..150).map(|day| row(day, "a")).collect();
        let rows = table.insert_many(&rows).await.unwrap();
        let key = |day: i32, name: &str| vec![Value::Date(Date::from_days(day)), name.into()];
        let mut keys: Vec<_> = (0..150).rev().map(|day| key(day, "a")).collect();
        keys.extend([key(1, "b"), key(149, "a")]);
        let mut want: Vec<_> = rows.iter().rev().cloned().map(Some).collect();
        want.extend([None, rows.last().cloned()]);
        assert_eq!(table.get_many(&keys).await.unwrap(), want);
        assert_eq!(sql.count::<Venue>().await.unwrap(), 150);
        assert!(table.exists(&key(3, "a")).await.unwrap());
        assert!(!table.exists(&key(3, "b")).await.unwrap());
        let json = table.key_from_json(r#"["1970-01-04","a"]"#).unwrap();
        assert_eq!(json, key(3, "a"));
        assert!(table.delete(&json).await.unwrap());
        assert!(!table.delete(&json).await.unwrap());
        assert_eq!(table.delete_many(&keys).await.unwrap(), 149);
        let error = table.get(&key(3, "a")[..1]).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
    }

    async fn a_transaction_holds_for_rows_by_name(sql: &Sql) {
        sql.create_table::<Order>().await.unwrap();
        sql.insert(&mut account(1, "ann")).await.unwrap();
        let order = DynamicRow::new().with("account", 1_i64).with("quantity", "1.5");
        let undone = sql
            .transaction(|tx| {
                let order = order.clone();
                async move {
                let table = tx.table(Order::TABLE);
                let stored = table.insert(&order).await?;
                table.insert_many(&[order.clone(), order.clone()]).await?;
                let key = table.key_of(&stored)?;
                let change = DynamicRow::new().with("quantity", 2_i64);
                assert!(table.update(&key, &change).await?);
                let row = table.get(&key).await?.unwrap_or_default();
                assert_eq!(row.get("quantity"), Some(&Value::Decimal(200_000_000, 8)));
                assert_eq!(table.find().count().await?, 3);
                assert!(table.delete(&key).await?);
                Err::<(), _>(Error::new(Code::Interrupted, "enough"))
            }})
            .await;
        assert_eq!(undone.unwrap_err().code(), Code::Interrupted);
        assert_eq!(sql.count::<Order>().await.unwrap(), 0);
        let orphan = order.clone().with("account", 9_i64);
        let record = Order {
            id: Uuid::from_u128(9),
            account: 9,
            venue: None,
            quantity: "1.5".parse().unwrap(),
        };
        let want = sql.insert(&record).await.unwrap_err();
        let got = sql.table(Order::TABLE).insert(&orphan).await.unwrap_err();
        assert_eq!((got.code(), got.column_name()), (want.code(), want.column_name()));
        sql.table(Venue2::TABLE).insert(&DynamicRow::new().with("id", 3_i64)).await.unwrap();
    }
}
