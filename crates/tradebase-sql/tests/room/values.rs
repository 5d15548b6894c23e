//! Edge values come back exactly; what a column cannot hold is refused before it is sent.

use crate::common;
#[cfg(feature = "postgres")]
use common::PostgresStore;
use common::records::{Event, Pnl, Status, any_units, event, events, units};
use common::{Dice, SqliteStore};
use tradebase_core::{Code, Date, Decimal, Record, Timestamp, TimestampNs};
use tradebase_sql::Sql;
#[cfg(feature = "postgres")]
use tradebase_testkit::psql;

/// All shapes of decimals: scaled integers and 16 bytes on SQLite, NUMERIC of any scale.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "amounts")]
struct Amount {
    #[record(key)]
    id: i64,
    #[record(decimal(18, 0))]
    whole: Decimal,
    #[record(decimal(18, 8))]
    price: Decimal,
    #[record(decimal(18, 18))]
    small: Decimal,
    #[record(decimal(28, 0))]
    large: Decimal,
    #[record(decimal(28, 10))]
    wide: Decimal,
    #[record(decimal(28, 28))]
    fraction: Decimal,
    #[record(decimal(19, 3))]
    odd: Option<Decimal>,
}

fn amount(id: i64, narrow: i128, wide: i128) -> Amount {
    Amount {
        id,
        whole: units(narrow, 0),
        price: units(narrow, 8),
        small: units(narrow, 18),
        large: units(wide, 0),
        wide: units(wide, 10),
        fraction: units(wide, 28),
        odd: Some(units(wide % 10_i128.pow(19), 3)),
    }
}

fn amounts(count: i64) -> Vec<Amount> {
    const NARROW: i128 = 10_i128.pow(18) - 1;
    const WIDE: i128 = 10_i128.pow(28) - 1;
    let mut rows = vec![
        amount(0, 0, 0),
        amount(1, 1, 1),
        amount(2, -1, -1),
        amount(3, NARROW, WIDE),
        amount(4, -NARROW, -WIDE),
    ];
    for power in 0..28 {
        let step = 10_i128.pow(power);
        let id = i64::try_from(rows.len()).unwrap();
        rows.push(amount(id, step % NARROW, step));
        rows.push(amount(id + 1, -(step % NARROW), step - 1));
    }
    let mut dice = Dice::new(21);
    for id in i64::try_from(rows.len()).unwrap()..count {
        rows.push(amount(id, any_units(&mut dice, 18), any_units(&mut dice, 28)));
    }
    rows
}

promises! {
    async fn decimals_of_every_size_and_scale_come_back_exactly(sql: &Sql) {
        sql.create_table::<Amount>().await.unwrap();
        let rows = amounts(3000);
        // By COPY, by UNNEST, and one by one.
        sql.insert_many(&rows[..2900]).await.unwrap();
        sql.insert_many(&rows[2900..2990]).await.unwrap();
        for row in &rows[2990..] {
            sql.insert(row).await.unwrap();
        }
        assert_eq!(sql.all::<Amount>().await.unwrap(), rows);
        assert_eq!(sql.find::<Amount>().order_by(Amount::ID.asc()).all().await.unwrap(), rows);
    }

    async fn decimals_are_ordered_as_numbers(sql: &Sql) {
        sql.create_table::<Amount>().await.unwrap();
        let mut rows = amounts(500);
        sql.insert_many(&rows).await.unwrap();
        let found = sql.find::<Amount>().order_by(Amount::WIDE.asc()).all().await.unwrap();
        rows.sort_by_key(|row| (row.wide, row.id));
        assert_eq!(found, rows);
        let found = sql.find::<Amount>().order_by(Amount::PRICE.desc()).all().await.unwrap();
        rows.sort_by_key(|row| std::cmp::Reverse((row.price, row.id)));
        assert_eq!(found, rows);
        let half = sql.find::<Amount>().filter(Amount::WIDE.lt(Decimal::ZERO)).all().await.unwrap();
        assert_eq!(half.len(), rows.iter().filter(|r| r.wide < Decimal::ZERO).count());
    }

    async fn the_first_and_last_moments_come_back(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut dice = Dice::new(22);
        let ends = [
            (Timestamp::MIN, TimestampNs::MIN, Date::MIN),
            (Timestamp::MAX, TimestampNs::MAX, Date::MAX),
            (Timestamp::from_micros(-1), TimestampNs::from_nanos(-1), Date::from_days(-1)),
            (Timestamp::from_micros(0), TimestampNs::from_nanos(0), Date::from_days(0)),
            (
                Timestamp::from_micros(946_684_800_000_000),
                TimestampNs::from_nanos(1),
                Date::from_days(10_957),
            ),
        ];
        for (i, (at, at_ns, day)) in (0..).zip(ends) {
            let row = Event { at, at_ns, day, ..event(&mut dice, i) };
            sql.insert(&row).await.unwrap();
            assert_eq!(sql.get::<Event>(&row.id).await.unwrap(), Some(row));
        }
        let first = sql.find::<Event>().order_by(Event::AT.asc()).first().await.unwrap();
        assert_eq!(first.map(|event| event.at), Some(Timestamp::MIN));
    }

    async fn no_text_is_not_an_empty_text(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut dice = Dice::new(23);
        let none = Event { text_or: None, data_or: None, ..event(&mut dice, 1) };
        let (text_or, data_or) = (Some(String::new()), Some(Vec::new()));
        let empty = Event { text_or, data_or, ..event(&mut dice, 2) };
        sql.insert_many([&none, &empty]).await.unwrap();
        assert_eq!(sql.get::<Event>(&none.id).await.unwrap().as_ref(), Some(&none));
        assert_eq!(sql.get::<Event>(&empty.id).await.unwrap().as_ref(), Some(&empty));
        let found = sql.find::<Event>().filter(Event::TEXT_OR.eq("")).all().await.unwrap();
        assert_eq!(found, [empty]);
        let found = sql.find::<Event>().filter(Event::TEXT_OR.is_null()).all().await.unwrap();
        assert_eq!(found, [none]);
    }

    async fn long_texts_and_bytes_come_back(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut dice = Dice::new(24);
        let long = Event {
            symbol: "s".repeat(900),
            status: Status::Other("🦀".repeat(300_000)),
            data: (0..=255).cycle().take(2_000_000).collect(),
            ..event(&mut dice, 1)
        };
        let mut rows = vec![long];
        rows.extend((2..150).map(|i| event(&mut dice, i)));
        for batch in [&rows[..1], &rows[1..20], &rows[20..]] {
            sql.insert_many(batch).await.unwrap();
        }
        assert_eq!(sql.get::<Event>(&rows[0].id).await.unwrap().as_ref(), Some(&rows[0]));
        assert_eq!(sql.all::<Event>().await.unwrap().len(), rows.len());
    }

    async fn values_outside_their_column_are_refused_with_every_field(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let good = event(&mut Dice::new(25), 1);
        let bad = Event {
            symbol: "a\0b".into(),
            code: "five!".into(),
            price: "0.123456789".parse().unwrap(),
            pnl: Pnl(units(10_i128.pow(28), 10)),
            at: Timestamp::from_micros(i64::MAX),
            huge: u64::MAX,
            ratio: f64::NAN,
            ..good.clone()
        };
        let error = sql.insert(&bad).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
        let mut fields: Vec<_> = error.violations().iter().map(|v| v.column.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["at", "code", "huge", "pnl", "price", "ratio", "symbol"]);
        assert_eq!((error.operation(), error.record()), (Some("insert"), Some("Event")));
        sql.insert(&good).await.unwrap();
        let error = sql.update(&bad).await.unwrap_err();
        assert_eq!(error.violations().len(), 7);
        assert_eq!(sql.get::<Event>(&good.id).await.unwrap(), Some(good));
    }

    async fn a_bad_row_in_the_middle_writes_nothing(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for count in [3, 50, 700] {
            let mut rows = events(26, count);
            let middle = rows.len() / 2;
            rows[middle].code = "far too long".into();
            let error = sql.insert_many(&rows).await.unwrap_err();
            assert_eq!(error.code(), Code::Invalid);
            assert_eq!(error.violations()[0].row, Some(middle));
            assert_eq!(error.operation(), Some("insert_many"));
            assert_eq!(sql.all::<Event>().await.unwrap(), []);
        }
    }

    async fn a_conflict_in_the_middle_writes_nothing(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        for count in [3, 50, 700] {
            let rows = events(27, count);
            let middle = &Event { large: 5000, ..rows[rows.len() / 2].clone() };
            sql.insert(middle).await.unwrap();
            let error = sql.insert_many(&rows).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id")));
            assert_eq!(sql.all::<Event>().await.unwrap(), std::slice::from_ref(middle));
            // The connection is as good as before.
            let other = Event { id: rows[0].id, ..middle.clone() };
            let error = sql.insert(&other).await.unwrap_err();
            assert_eq!(error.column_name(), Some("symbol, large"));
            assert!(sql.delete::<Event>(&middle.id).await.unwrap());
            sql.insert_many(&rows).await.unwrap();
            sql.drop_table::<Event>().await.unwrap();
            sql.create_table::<Event>().await.unwrap();
        }
    }

    async fn floats_come_back_to_the_last_bit(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut dice = Dice::new(28);
        let floats = [
            f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2, 1e15, 9_007_199_254_740_993.0,
            1e300, -1e-300, 123_456_789.123_456_79, 3.0,
        ];
        let zero = Event { ratio: -0.0, ..event(&mut dice, 99) };
        sql.insert(&zero).await.unwrap();
        assert_eq!(sql.get::<Event>(&zero.id).await.unwrap(), Some(zero));
        for (i, ratio) in (0..).zip(floats) {
            let row = Event { ratio, ..event(&mut dice, i) };
            sql.insert(&row).await.unwrap();
            let back = sql.get::<Event>(&row.id).await.unwrap().unwrap();
            assert_eq!(back.ratio.to_bits(), ratio.to_bits(), "{ratio}");
        }
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_numeric_is_what_the_server_reads_and_sends() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Amount>().await.unwrap();
    let rows = amounts(2000);
    store.sql.insert_many(&rows).await.unwrap();
    // As the server prints them.
    let columns = "whole, price, small, large, wide, fraction, odd";
    let sql = format!("select {columns} from amounts order by id");
    let printed = psql(&store.url(), &sql).unwrap();
    for (row, line) in rows.iter().zip(printed.lines()) {
        let odd = row.odd.unwrap();
        let ours = [row.whole, row.price, row.small, row.large, row.wide, row.fraction, odd];
        let scales = [0, 8, 18, 0, 10, 28, 3];
        let texts: Vec<_> = ours
            .iter()
            .zip(scales)
            .map(|(value, scale)| {
                let units =
                    tradebase_core::decimal::units_at(value.mantissa(), value.scale(), scale)
                        .unwrap();
                tradebase_core::decimal::text(units, scale)
            })
            .collect();
        assert_eq!(line, texts.join("|"));
    }
    assert_eq!(printed.lines().count(), rows.len());
    // And those the server makes itself.
    psql(
        &store.url(),
        "delete from amounts; insert into amounts select n, n, n / 3.0, 1.0 / (n + 1), \
         n * 1e20, -n / 7.0, 1.0 / (n + 1), null from generate_series(1, 2000) as n",
    )
    .unwrap();
    let printed = psql(&store.url(), &sql).unwrap();
    let back = store.sql.all::<Amount>().await.unwrap();
    assert_eq!(back.len(), 2000);
    for (row, line) in back.iter().zip(printed.lines()) {
        let texts: Vec<_> = line.split('|').collect();
        for (value, text) in
            [row.whole, row.price, row.small, row.large, row.wide, row.fraction].iter().zip(texts)
        {
            assert_eq!(value.to_string(), text);
        }
        assert_eq!(row.odd, None);
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_values_that_no_record_holds_are_unreadable_and_no_panic() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    let row = event(&mut Dice::new(29), 1);
    store.sql.insert(&row).await.unwrap();
    for (column, value, back) in [
        ("pnl", "'NaN'", "0"),
        ("at", "'infinity'", "now()"),
        ("at", "'-infinity'", "now()"),
        ("day", "'infinity'", "now()"),
        ("unsigned", "-1", "0"),
        ("huge", "-1", "0"),
        ("side", "'hold'", "'buy'"),
        ("notes", "'[1]'", "'{\"tags\":[],\"counts\":{},\"nested\":null}'"),
    ] {
        let set =
            |value: &str| psql(&store.url(), &format!("update events set \"{column}\" = {value}"));
        if column == "side" {
            // The table itself refuses an unknown side.
            assert!(set(value).is_err());
            continue;
        }
        set(value).unwrap();
        for error in [
            store.sql.get::<Event>(&row.id).await.unwrap_err(),
            store.sql.all::<Event>().await.unwrap_err(),
            store.sql.find::<Event>().all().await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some(column)));
        }
        set(back).unwrap();
        assert!(store.sql.get::<Event>(&row.id).await.is_ok(), "{column}");
    }
}

#[tokio::test]
async fn sqlite_tables_refuse_what_another_program_gets_wrong() {
    let store = SqliteStore::new().await;
    store.sql.create_table::<Event>().await.unwrap();
    let row = event(&mut Dice::new(30), 1);
    store.sql.insert(&row).await.unwrap();
    for (column, value) in [
        ("flag", "2"),
        ("small", "32768"),
        ("medium", "2147483648"),
        ("large", "'abc'"),
        ("large", "null"),
        ("price", "1000000000000000000"),
        ("price", "0.5"),
        ("pnl", "x'00'"),
        ("pnl", "x'ffffffffffffffffffffffffffffffff'"),
        ("code", "'five!'"),
        ("other", "x'00'"),
        ("notes", "'{'"),
        ("side", "'hold'"),
    ] {
        let sql = format!("update events set \"{column}\" = {value}");
        let refused = tradebase_testkit::sqlite3(store.path(), &sql);
        assert!(refused.is_err(), "{column} = {value}");
    }
    assert_eq!(store.sql.get::<Event>(&row.id).await.unwrap(), Some(row));
}
