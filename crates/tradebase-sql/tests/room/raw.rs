//! What goes beside SQL of the user's own, and what it gives back.

use crate::common;
use common::built;
use common::records::{Account, Price, account};
use tradebase_core::{
    Code, Date, Decimal, Error, Field, Record, Row, Timestamp, TimestampNs, Uuid, Value,
};
use tradebase_sql::{Fields, Parameter, Sql};

/// An amount with digits of its own.
#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(decimal(18, 8))]
struct Amount(Decimal);

#[derive(Field, Clone, Copy, Debug, PartialEq)]
enum Side {
    Buy,
    Sell,
}

/// A column of every kind.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "samples")]
struct Sample {
    #[record(key)]
    id: Uuid,
    side: Side,
    live: bool,
    short: i16,
    long: i64,
    ratio: f64,
    #[record(decimal(18, 8))]
    price: Decimal,
    #[record(decimal(28, 10))]
    total: Decimal,
    #[record(text(20))]
    name: String,
    body: Vec<u8>,
    at: Timestamp,
    fine: TimestampNs,
    day: Date,
    note: Option<String>,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Owner {
    id: i64,
    owner: String,
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn sample(number: u128) -> Sample {
    Sample {
        id: Uuid::from_u128(number),
        side: if number.is_multiple_of(2) { Side::Buy } else { Side::Sell },
        live: true,
        short: -7,
        long: i64::MAX,
        ratio: 0.1,
        price: decimal("-1234567890.12345678"),
        total: decimal("123456789012345678.0123456789"),
        name: "it's :a ? $1".to_owned(),
        body: vec![0, 255, b'?'],
        at: Timestamp::from_micros(1_700_000_000_123_456),
        fine: TimestampNs::from_nanos(1_700_000_000_123_456_789),
        day: Date::from_days(20_000),
        note: None,
    }
}

async fn with_accounts(sql: &Sql) {
    sql.create_table::<Account>().await.unwrap();
    let rows = ["ann", "bea", "cat"].iter().zip(1..).map(|(name, id)| account(id, name));
    sql.insert_many(&mut rows.collect::<Vec<_>>()).await.unwrap();
}

/// By the columns, and where a plain type is what is stored by itself.
async fn insert(sql: &Sql, row: &Sample) -> tradebase_core::Result<u64> {
    let text = "INSERT INTO samples VALUES (:id, :side, :live, :short, :long, :ratio, :price, \
                :total, :name, :body, :at, :fine, :day, :note)";
    let parameters = [
        ("price", Sample::PRICE.value(row.price).into()),
        ("total", Sample::TOTAL.value(row.total).into()),
        ("id", row.id.into()),
        ("side", Sample::SIDE.value(row.side).into()),
        ("live", row.live.into()),
        ("short", row.short.into()),
        ("long", row.long.into()),
        ("ratio", row.ratio.into()),
        ("name", row.name.as_str().into()),
        ("body", row.body.as_slice().into()),
        ("at", row.at.into()),
        ("fine", row.fine.into()),
        ("day", row.day.into()),
        ("note", row.note.clone().into()),
    ];
    sql.execute(text, parameters).await
}

promises! {
    async fn parameters_are_what_the_columns_store(sql: &Sql) {
        sql.create_table::<Sample>().await.unwrap();
        for number in [1, 2] {
            assert_eq!(insert(sql, &sample(number)).await.unwrap(), 1);
        }
        let all = sql.find::<Sample>().order_by(Sample::ID.asc()).all().await.unwrap();
        assert_eq!(all, [sample(1), sample(2)]);
        let row = sample(2);
        let all = "SELECT * FROM samples";
        let by = |column: &str| built(format!("{all} WHERE id = $1 AND {column} = $2"));
        let given: Vec<(&str, Parameter)> = vec![
            ("side", Sample::SIDE.value(row.side).into()),
            ("live", row.live.into()),
            ("short", row.short.into()),
            ("long", row.long.into()),
            ("ratio", row.ratio.into()),
            ("price", Sample::PRICE.value(row.price).into()),
            ("total", Sample::TOTAL.value(row.total).into()),
            ("name", row.name.clone().into()),
            ("body", row.body.clone().into()),
            ("at", Sample::AT.value(row.at).into()),
            ("fine", row.fine.into()),
            ("day", Some(row.day).into()),
        ];
        for (column, value) in given {
            let found = sql.query::<Sample>(by(column), (row.id, value)).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&row), "{column}");
        }
        let text = "SELECT * FROM samples WHERE note = ?";
        assert_eq!(sql.query::<Sample>(text, (None::<&str>,)).await.unwrap(), []);
    }

    async fn decimals_compare_and_add_up_in_their_column(sql: &Sql) {
        sql.create_table::<Price>().await.unwrap();
        let prices = ["0.00000001", "0.1", "0.10000001", "9999999999.99999999"];
        let prices = prices.iter().zip(1..).map(|(price, id)| Price { id, price: decimal(price) });
        sql.insert_many(&prices.collect::<Vec<_>>()).await.unwrap();
        let text = "SELECT id FROM prices WHERE price BETWEEN :low AND :high ORDER BY price";
        let range = |low, high| [
            ("low", Price::PRICE.value(decimal(low)).into()),
            ("high", Price::PRICE.value(decimal(high)).into()),
        ];
        let ids = sql.query::<Fields<(i64,)>>(text, range("0.1", "0.10000001")).await.unwrap();
        assert_eq!(ids, [Fields((2,)), Fields((3,))]);
        let more = "UPDATE prices SET price = price + $1 WHERE id <= $2";
        let step = Price::PRICE.value(decimal("0.00000001"));
        assert_eq!(sql.execute(more, (step, 2)).await.unwrap(), 2);
        let text = "SELECT price FROM prices WHERE id = ?";
        let Amount(price) = sql.query_scalar(text, (2,)).await.unwrap();
        assert_eq!(price, decimal("0.10000001"));
        // More digits than the column has are refused by its name, and nothing is rounded.
        let fine = Price::PRICE.value(decimal("0.000000001"));
        let error = sql.execute(more, (fine, 2)).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("price")), "{error}");
    }

    async fn one_row_is_one_row(sql: &Sql) {
        with_accounts(sql).await;
        let text = "SELECT id, owner FROM accounts WHERE id >= :id AND id <= 3 ORDER BY id";
        let from = |id: i64| [("id", id.into())];
        let cat = Owner { id: 3, owner: "cat".into() };
        assert_eq!(sql.query_one::<Owner>(text, from(3)).await.unwrap(), cat);
        assert_eq!(sql.query_at_most_one::<Owner>(text, from(3)).await.unwrap(), Some(cat.clone()));
        assert_eq!(sql.query_at_most_one::<Owner>(text, from(4)).await.unwrap(), None);
        let error = sql.query_one::<Owner>(text, from(4)).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (Code::NotFound, Some("query")), "{error}");
        for error in [
            sql.query_one::<Owner>(text, from(2)).await.unwrap_err(),
            sql.query_at_most_one::<Owner>(text, from(1)).await.unwrap_err(),
            sql.query_scalar::<i64>("SELECT id FROM accounts", ()).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::NotOne, "{error}");
            assert!(error.to_string().contains("more than one row"), "{error}");
        }
        let count = sql.query_scalar::<i64>("SELECT count(*) FROM accounts", ()).await.unwrap();
        assert_eq!(count, 3);
        let name = "SELECT owner FROM accounts WHERE id = ?";
        assert_eq!(sql.query_scalar::<String>(name, (1,)).await.unwrap(), "ann");
        let none = sql.query_scalar::<Option<i64>>("SELECT max(id) FROM accounts WHERE id < 0", ());
        assert_eq!(none.await.unwrap(), None);
        let null = sql.query_scalar::<i64>("SELECT max(id) FROM accounts WHERE id < 0", ()).await;
        assert_eq!(null.unwrap_err().code(), Code::Unreadable);
        let wide = sql.query_scalar::<i64>("SELECT 1, 2", ()).await.unwrap_err();
        assert_eq!(wide.code(), Code::SchemaMismatch, "{wide}");
    }

    async fn too_many_or_too_few_rows_are_no_write(sql: &Sql) {
        with_accounts(sql).await;
        let rename = "UPDATE accounts SET owner = 'eve' WHERE id >= ? RETURNING id, owner";
        sql.query_one::<Owner>(rename, (2,)).await.unwrap_err();
        sql.query_at_most_one::<Owner>(rename, (1,)).await.unwrap_err();
        sql.query_one::<Owner>(rename, (9,)).await.unwrap_err();
        let owners = "SELECT owner FROM accounts ORDER BY id";
        let want = ["ann", "bea", "cat"].map(|name| Fields((name.to_owned(),)));
        assert_eq!(sql.query::<Fields<(String,)>>(owners, ()).await.unwrap(), want);
        assert_eq!(sql.query_one::<Owner>(rename, (3,)).await.unwrap().owner, "eve");
        let count = "SELECT count(*) FROM accounts WHERE owner = $1";
        assert_eq!(sql.query_scalar::<i64>(count, ("eve",)).await.unwrap(), 1);
    }

    async fn a_transaction_outlives_rows_that_are_not_one(sql: &Sql) {
        with_accounts(sql).await;
        let done = sql.transaction(|tx| async move {
            let text = "SELECT id, owner FROM accounts WHERE id > $1";
            assert_eq!(tx.query_one::<Owner>(text, (9,)).await.unwrap_err().code(), Code::NotFound);
            let several = tx.query_at_most_one::<Owner>(text, (0,)).await.unwrap_err();
            assert_eq!(several.code(), Code::NotOne);
            let text = "DELETE FROM accounts WHERE owner = :owner";
            assert_eq!(tx.execute(text, [("owner", "ann".into())]).await?, 1);
            tx.query_scalar::<i64>("SELECT count(*) FROM accounts", ()).await
        });
        assert_eq!(done.await.unwrap(), 2);
        assert_eq!(sql.count::<Account>().await.unwrap(), 2);
    }

    async fn a_connection_has_the_same_verbs(sql: &Sql) {
        with_accounts(sql).await;
        let mut connection = sql.connection().await.unwrap();
        let text = "SELECT id, owner FROM accounts WHERE id = ?";
        assert_eq!(connection.query_one::<Owner>(text, (1,)).await.unwrap().owner, "ann");
        assert_eq!(connection.query_at_most_one::<Owner>(text, (9,)).await.unwrap(), None);
        let error = connection.query_one::<Owner>(text, (9,)).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        let count = "SELECT count(*) FROM accounts WHERE id > :id";
        assert_eq!(connection.query_scalar::<i64>(count, [("id", 1.into())]).await.unwrap(), 2);
        let found = connection.query_values(text, &[Value::Int(2)]).await.unwrap();
        assert_eq!(found.rows, [[Value::Int(2), Value::Text("bea".into())]]);
        let delete = "DELETE FROM accounts WHERE id = $1";
        assert_eq!(connection.execute(delete, (2,)).await.unwrap(), 1);
        connection.release().await.unwrap();
    }

    async fn tuples_of_fields_are_rows(sql: &Sql) {
        sql.create_table::<Sample>().await.unwrap();
        insert(sql, &sample(3)).await.unwrap();
        type Wide = Fields<(Uuid, Side, bool, i16, Amount, Timestamp, Option<String>)>;
        let text = "SELECT id, side, live, short, price, at, note FROM samples";
        let Fields((id, side, live, short, price, at, note)) =
            sql.query_one::<Wide>(text, ()).await.unwrap();
        let want = sample(3);
        assert_eq!((id, side, live, short), (want.id, want.side, want.live, want.short));
        assert_eq!((price, at, &note), (Amount(want.price), want.at, &want.note));
        // An error tells the place.
        for text in [
            "SELECT 1, 70000",
            "SELECT 1, short FROM (SELECT NULL AS short UNION SELECT 1) t ORDER BY 2",
        ] {
            let error = sql.query::<Fields<(i64, i16)>>(text, ()).await.unwrap_err();
            let told = (error.code(), error.column_name());
            assert_eq!(told, (Code::Unreadable, Some("2")), "{text}: {error}");
        }
        let narrow = sql.query::<Fields<(i64, i64)>>("SELECT 1", ()).await.unwrap_err();
        assert_eq!(narrow.code(), Code::SchemaMismatch);
        // Beside a whole row, as in a join.
        let text = "SELECT samples.*, 5 FROM samples";
        let (row, Fields((five,))) =
            sql.query_one::<(Sample, Fields<(i64,)>)>(text, ()).await.unwrap();
        assert_eq!((row, five), (want, 5));
    }

    async fn calls_with_any_parameters_can_be_sent_to_other_threads(sql: &Sql) {
        with_accounts(sql).await;
        let sql = sql.clone();
        let task = tokio::spawn(async move {
            let name = "ann".to_owned();
            let text = "SELECT id FROM accounts WHERE owner = :name";
            let id = sql.query_scalar::<i64>(text, [("name", name.as_str().into())]).await?;
            let text = "SELECT owner FROM accounts WHERE id = $1 AND owner = $2";
            sql.query_one::<Fields<(String,)>>(text, (id, &*name)).await?;
            sql.query_values(text, (id, name)).await?;
            sql.execute("DELETE FROM accounts", &[]).await?;
            Ok::<_, Error>(())
        });
        task.await.unwrap().unwrap();
    }
}
