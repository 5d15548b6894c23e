//! Hostile texts are data at every door: stored and read back as they are, or refused.
//!
//! A new verb is one line in `WRITES`, `FINDS` or `PROBES`.

#[path = "../common/hostile.rs"]
mod hostile;

use crate::common;
use std::collections::BTreeMap;
use std::pin::Pin;

use common::SqliteStore;
use common::records::{Notes, Status};
use hostile::{WITH_NUL, texts};
use tradebase_core::{Code, Error, Link, Record, Result, Row, Value};
use tradebase_sql::{DynamicFilter, DynamicRow, Fields, Sql};

/// Characters of a key at most.
const NAME_MAX: usize = 200;
/// Rows that go with a hostile one in a batch: few, and more than any bound between two paths.
const COMPANY: [usize; 2] = [3, 300];

/// A text in every kind of column that holds one.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "texts")]
struct Text {
    #[record(key, text(200))]
    name: String,
    free: String,
    maybe: Option<String>,
    #[record(json)]
    notes: Notes,
    status: Status,
}

/// Each points to itself.
const SELF: Link<Text, Text> = Link::new(0);

/// What nobody touches.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "canaries")]
struct Canary {
    #[record(key)]
    id: i64,
    text: String,
}

#[derive(Row, Debug, PartialEq)]
struct Echo {
    text: String,
}

fn row(text: &str) -> Text {
    Text {
        name: text.to_owned(),
        free: text.to_owned(),
        maybe: Some(text.to_owned()),
        notes: Notes {
            tags: vec![text.to_owned()],
            counts: BTreeMap::from([(text.to_owned(), 1)]),
            nested: None,
        },
        status: Status::Other(text.to_owned()),
    }
}

fn plain(number: usize) -> Text {
    row(&format!("plain {number}"))
}

type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
/// Brings a row in, whose key is not there.
type Write = for<'a> fn(&'a Sql, &'a Text) -> Doing<'a, ()>;
/// Finds a row that is there, and no other.
type Find = for<'a> fn(&'a Sql, &'a Text) -> Doing<'a, Vec<Text>>;
/// Looks for a text that is not there; gives the number of rows found or changed.
type Probe = for<'a> fn(&'a Sql, &'a str) -> Doing<'a, u64>;

const WRITES: &[(&str, Write)] = &[
    ("insert", |sql, row| Box::pin(async move { sql.insert(row).await.map(drop) })),
    ("insert_many", |sql, row| Box::pin(async move { batch(sql, row, COMPANY[0]).await })),
    ("update", |sql, row| Box::pin(async move { update(sql, row).await })),
    ("update_where", |sql, row| Box::pin(async move { update_where(sql, row).await })),
    ("execute", |sql, row| Box::pin(async move { execute(sql, row).await })),
    ("insert by name", |sql, row| Box::pin(async move { insert_by_name(sql, row).await })),
    ("insert from JSON", |sql, row| Box::pin(async move { insert_from_json(sql, row).await })),
];

const FINDS: &[(&str, Find)] = &[
    ("get", |sql, row| {
        Box::pin(async move { Ok(sql.get(&row.name).await?.into_iter().collect()) })
    }),
    ("all", |sql, _| Box::pin(async move { sql.all().await })),
    ("find eq", |sql, row| {
        Box::pin(async move { sql.find().filter(Text::NAME.eq(row.name.as_str())).all().await })
    }),
    ("find one_of", |sql, row| {
        Box::pin(
            async move { sql.find().filter(Text::FREE.one_of([row.free.clone()])).all().await },
        )
    }),
    ("find at most", |sql, row| {
        let filter = Text::FREE.le(row.free.as_str()).and(Text::FREE.ge(row.free.as_str()));
        Box::pin(async move { sql.find().filter(filter).order_by(Text::FREE.desc()).all().await })
    }),
    ("find related", |sql, row| {
        let filter = SELF.is(SELF.any(Text::FREE.eq(row.free.as_str())));
        Box::pin(async move { sql.find().filter(filter).all().await })
    }),
    ("find with", |sql, row| {
        let find = sql.find().filter(Text::NAME.eq(row.name.as_str())).with(SELF);
        Box::pin(
            async move { Ok(find.all().await?.into_iter().filter_map(|(_, of)| of).collect()) },
        )
    }),
    ("parents", |sql, row| {
        Box::pin(async move { Ok(sql.parents([row], SELF).await?.each().cloned().collect()) })
    }),
    ("children", |sql, row| {
        Box::pin(async move { Ok(sql.children([row], SELF).all().await?.concat()) })
    }),
    ("find starts_with", |sql, row| {
        let filter = Text::FREE.starts_with(&row.free);
        Box::pin(async move { sql.find().filter(filter).all().await })
    }),
    ("find contains", |sql, row| {
        // A pattern has a bound.
        let part: String = row.free.chars().take(1_000).collect();
        let filter = Text::FREE.contains(&part).and(Text::MAYBE.eq(row.free.as_str()));
        Box::pin(async move { Ok(vec![sql.find().filter(filter).one().await?]) })
    }),
    ("find page", |sql, row| {
        let filter = Text::FREE.eq(row.free.as_str());
        Box::pin(async move { Ok(sql.find().filter(filter).page(1, 5).await?.items) })
    }),
    ("query", |sql, row| {
        let text = "SELECT * FROM texts WHERE free = ?";
        Box::pin(async move { sql.query(text, &[Value::Text(row.free.clone())]).await })
    }),
    ("get by name", |sql, row| {
        let key = [Value::Text(row.name.clone())];
        Box::pin(async move { read(sql.table(Text::TABLE).get(&key).await?) })
    }),
    ("find from JSON", |sql, row| {
        let text = format!(r#"{{"column":"free","op":"eq","value":"{}"}}"#, escaped(&row.free));
        Box::pin(async move { read(sql.table(Text::TABLE).find().filter_json(&text).all().await?) })
    }),
];

const PROBES: &[(&str, Probe)] = &[
    ("get", |sql, text| Box::pin(async move { count(sql.get::<Text>(&text.to_owned()).await?) })),
    ("delete", |sql, text| {
        Box::pin(async move { Ok(u64::from(sql.delete::<Text>(&text.to_owned()).await?)) })
    }),
    ("find", |sql, text| {
        Box::pin(async move { count(sql.find().filter(Text::MAYBE.eq(text)).first().await?) })
    }),
    ("find one_of", |sql, text| {
        let filter = Text::FREE.one_of([text.to_owned(), format!("{text}'")]);
        Box::pin(async move { count(sql.find().filter(filter).all().await?) })
    }),
    ("having", |sql, text| {
        let groups = sql.find::<Text>().group_by(Text::NAME).measure(tradebase_sql::count());
        let groups = groups.having(tradebase_sql::max(Text::MAYBE).eq(text));
        Box::pin(async move { count(groups.all().await?) })
    }),
    ("find like", |sql, text| {
        let filter = Text::FREE.contains(text).or(Text::MAYBE.starts_with(text));
        // All texts have an empty one in them, and there is none.
        Box::pin(async move { sql.find().filter(filter).count().await })
    }),
    ("update_where", |sql, text| {
        let update = sql.update_where(Text::FREE.eq(text)).set(Text::MAYBE, text);
        Box::pin(update.run())
    }),
    ("delete_where", |sql, text| {
        Box::pin(async move { sql.delete_where(Text::NAME.one_of([text.to_owned()])).await })
    }),
    ("query_one", |sql, text| {
        let statement = "SELECT count(*) FROM texts WHERE name = :name";
        Box::pin(async move {
            let found = sql.query_one::<Fields<(i64,)>>(statement, [("name", text.into())]).await;
            found.map(|Fields((found,))| found.unsigned_abs())
        })
    }),
    ("query_at_most_one", |sql, text| {
        let statement = "SELECT * FROM texts WHERE name = $1";
        Box::pin(async move { count(sql.query_at_most_one::<Text>(statement, (text,)).await?) })
    }),
    ("query_scalar", |sql, text| {
        let statement = "SELECT count(*) FROM texts WHERE maybe = $1 OR free = $1";
        Box::pin(
            async move { sql.query_scalar::<i64>(statement, (text,)).await.map(i64::unsigned_abs) },
        )
    }),
    ("execute", |sql, text| {
        let statement = "DELETE FROM texts WHERE name = ?";
        Box::pin(async move { sql.execute(statement, &[Value::Text(text.to_owned())]).await })
    }),
    ("a column's name in a filter", |sql, text| {
        let filter = DynamicFilter::new(text, "eq", [Value::Text(text.to_owned())]);
        Box::pin(async move { sql.table(Text::TABLE).find().filter(filter).count().await })
    }),
    ("a column's name in an order", |sql, text| {
        let find = sql.table(Text::TABLE).find().order_by(text, true, None).columns([text]);
        Box::pin(async move { count(find.all().await?) })
    }),
    ("a column's name in a change", |sql, text| {
        let change = DynamicRow::new().with(text, text);
        let key = [Value::Text("nobody".into())];
        Box::pin(async move { sql.table(Text::TABLE).update(&key, &change).await.map(u64::from) })
    }),
    ("a column's name in a change of many", |sql, text| {
        let nobody = DynamicFilter::new("name", "eq", [Value::Text("nobody".into())]);
        let change = DynamicRow::new().with(text, text);
        Box::pin(async move { sql.table(Text::TABLE).update_where(nobody, &change).await })
    }),
    ("a column's name in a filter of what is changed", |sql, text| {
        let filter = DynamicFilter::new(text, "eq", [Value::Text(text.to_owned())]);
        let change = DynamicRow::new().with("free", text);
        Box::pin(async move { sql.table(Text::TABLE).update_where(filter, &change).await })
    }),
    ("a column's name in a filter of what is deleted", |sql, text| {
        let filter = DynamicFilter::new(text, "eq", [Value::Text(text.to_owned())]);
        Box::pin(async move { sql.table(Text::TABLE).delete_where(filter).await })
    }),
    ("an operator", |sql, text| {
        let filter = DynamicFilter::new("free", text, [Value::Text(text.to_owned())]);
        Box::pin(async move { sql.table(Text::TABLE).find().filter(filter).count().await })
    }),
    ("a filter", |sql, text| {
        Box::pin(async move { sql.table(Text::TABLE).find().filter_json(text).count().await })
    }),
    ("a table's name", |sql, text| Box::pin(async move { sql.table_named(text)?.count().await })),
];

fn count<T>(found: impl IntoIterator<Item = T>) -> Result<u64> {
    Ok(found.into_iter().count() as u64)
}

async fn batch(sql: &Sql, row: &Text, company: usize) -> Result<()> {
    let mut rows: Vec<_> = (0..company).map(plain).collect();
    rows.insert(company / 2, row.clone());
    sql.insert_many(&rows).await?;
    for number in 0..company {
        assert!(sql.delete::<Text>(&plain(number).name).await?);
    }
    Ok(())
}

async fn update(sql: &Sql, row: &Text) -> Result<()> {
    let before = Text { name: row.name.clone(), ..plain(0) };
    sql.insert(&before).await?;
    let updated = sql.update(row).await;
    if updated.is_err() {
        assert!(sql.delete::<Text>(&row.name).await?);
    }
    updated
}

fn read(found: impl IntoIterator<Item = DynamicRow>) -> Result<Vec<Text>> {
    found.into_iter().map(|row| Value::read(&row.into_values())).collect()
}

async fn insert_by_name(sql: &Sql, row: &Text) -> Result<()> {
    let named = DynamicRow::new()
        .with("name", row.name.as_str())
        .with("free", row.free.as_str())
        .with("maybe", row.maybe.as_deref())
        .with("notes", Value::Json(notes(row)))
        .with("status", row.free.as_str());
    sql.table(Text::TABLE).insert(&named).await.map(drop)
}

async fn insert_from_json(sql: &Sql, row: &Text) -> Result<()> {
    let text = format!(
        r#"{{"name":"{0}","free":"{1}","maybe":"{1}","notes":{2},"status":"{1}"}}"#,
        escaped(&row.name),
        escaped(&row.free),
        notes(row)
    );
    let table = sql.table(Text::TABLE);
    table.insert(&table.row_from_json(&text)?).await.map(drop)
}

async fn update_where(sql: &Sql, row: &Text) -> Result<()> {
    let before = Text { name: row.name.clone(), notes: row.notes.clone(), ..plain(0) };
    sql.insert(&before).await?;
    let updated = sql
        .update_where(Text::NAME.eq(row.name.as_str()))
        .set(Text::FREE, row.free.as_str())
        .set(Text::MAYBE, row.maybe.clone())
        .set(Text::STATUS, row.status.clone())
        .run()
        .await;
    if updated.is_err() {
        assert!(sql.delete::<Text>(&row.name).await?);
    }
    updated.map(|rows| assert_eq!(rows, 1))
}

/// By SQL of the caller's own: parameters of every kind of column.
async fn execute(sql: &Sql, row: &Text) -> Result<()> {
    let text = "INSERT INTO texts VALUES (?, ?, ?, ?, ?)";
    let free = || Value::Text(row.free.clone());
    let status = Value::Text(row.free.clone());
    let values = [Value::Text(row.name.clone()), free(), free(), Value::Json(notes(row)), status];
    sql.execute(text, &values).await.map(drop)
}

fn notes(row: &Text) -> String {
    let tag = |text: &str| format!("\"{}\"", escaped(text));
    let Notes { tags, .. } = &row.notes;
    format!(
        "{{\"tags\":[{0}],\"counts\":{{{0}:1}},\"nested\":null}}",
        tags.first().map(|text| tag(text)).unwrap_or_default()
    )
}

/// A text as JSON has it between its quotes.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// A refusal has a code for a value that cannot be taken and, by a verb for records, a field.
fn assert_refused(error: &Error, verb: &str, text: &str) {
    assert_eq!(error.code(), Code::Invalid, "{verb} {text:?}: {error}");
    let named = error.column_name().is_some() || !error.violations().is_empty();
    assert!(named || verb == "execute", "{verb} {text:?}: {error}");
}

async fn take_through_every_door(sql: &Sql, row: &Text) {
    let shown: String = row.free.chars().take(60).collect();
    for (verb, probe) in PROBES {
        match probe(sql, &row.free).await {
            Ok(found) => assert_eq!(found, 0, "{verb} {shown:?}"),
            Err(error) => assert_eq!(error.code(), Code::Invalid, "{verb} {shown:?}: {error}"),
        }
    }
    for (verb, write) in WRITES {
        if let Err(error) = write(sql, row).await {
            assert!(row.free.contains('\0') || row.name.chars().count() > NAME_MAX, "{error}");
            assert_refused(&error, verb, &shown);
            assert_eq!(sql.all::<Text>().await.unwrap(), [], "{verb} {shown:?}");
            continue;
        }
        for (find, how) in FINDS {
            match how(sql, row).await {
                Ok(found) => {
                    assert_eq!(found, std::slice::from_ref(row), "{verb}, {find} {shown:?}")
                }
                // SQLite takes a NUL by SQL of the caller's own, and no filter or key has one.
                Err(error) if row.free.contains('\0') => assert_refused(&error, find, &shown),
                Err(error) => panic!("{verb}, {find} {shown:?}: {error}"),
            }
        }
        assert_eq!(sql.execute("DELETE FROM texts", &[]).await.unwrap(), 1, "{verb} {shown:?}");
    }
    let echo = match sql.capabilities().engine {
        "sqlite" => "SELECT ?1",
        _ => "SELECT $1::text",
    };
    match sql.query::<Echo>(echo, &[Value::Text(row.free.clone())]).await {
        Ok(echo) => assert_eq!(echo, [Echo { text: row.free.clone() }]),
        Err(error) => assert_refused(&error, "execute", &shown),
    }
}

promises! {
    async fn hostile_texts_are_data_at_every_door(sql: &Sql) {
        let before = prepare(sql).await;
        let all = texts();
        assert!(all.len() >= 200, "{}", all.len());
        for text in all.iter().map(String::as_str).chain(WITH_NUL) {
            take_through_every_door(sql, &row(text)).await;
            if text.chars().count() > NAME_MAX {
                take_through_every_door(sql, &Text { name: "short".into(), ..row(text) }).await;
            }
        }
        assert_eq!(dump(sql).await, before);
    }

    async fn hostile_texts_in_one_batch_are_data(sql: &Sql) {
        let before = prepare(sql).await;
        let mut rows: Vec<_> = texts()
            .iter()
            .enumerate()
            .map(|(i, text)| Text { name: format!("{i:05}"), ..row(text) })
            .collect();
        for (times, size) in [(1, 5), (2, 60), (3, rows.len())] {
            for batch in rows.chunks(size) {
                assert_eq!(sql.insert_many(batch).await.unwrap(), batch.len() as u64);
            }
            let found = sql.find().order_by(Text::NAME.asc()).all().await.unwrap();
            assert_eq!(found, rows, "{times}");
            sql.execute("DELETE FROM texts", &[]).await.unwrap();
        }
        for (text, company) in WITH_NUL.iter().flat_map(|text| COMPANY.map(|size| (text, size))) {
            let bad = row(text);
            let error = batch(sql, &bad, company).await.unwrap_err();
            assert_eq!(error.violations()[0].row, Some(company / 2));
            assert_refused(&error, "insert_many", text);
        }
        let error = sql.insert_many(&[row(&rows.pop().unwrap().free)]).await.unwrap_err();
        assert_eq!(error.column_name(), Some("name"), "{error}");
        assert_eq!(sql.all::<Text>().await.unwrap(), []);
        assert_eq!(dump(sql).await, before);
    }
}

async fn prepare(sql: &Sql) -> Vec<Vec<Value>> {
    sql.create_table::<Text>().await.unwrap();
    sql.create_table::<Canary>().await.unwrap();
    let canary = |id: i64| Canary { id, text: format!("canary {id}") };
    sql.insert_many(&(1..=20).map(canary).collect::<Vec<_>>()).await.unwrap();
    dump(sql).await
}

/// The schema, the roles and settings of the server, and the rows that nobody touches.
async fn dump(sql: &Sql) -> Vec<Vec<Value>> {
    let statements: &[&'static str] = match sql.capabilities().engine {
        "sqlite" => &[
            "SELECT type, name, sql FROM sqlite_schema ORDER BY name",
            "SELECT name FROM pragma_database_list ORDER BY name",
            "SELECT name FROM pragma_table_list ORDER BY name",
            "SELECT * FROM canaries ORDER BY id",
        ],
        _ => &[
            "SELECT table_schema, table_name, column_name, data_type, is_nullable \
             FROM information_schema.columns WHERE table_schema NOT LIKE 'pg_temp%' \
             AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3",
            "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public' \
             ORDER BY 1",
            "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "SELECT rolname::text FROM pg_roles WHERE rolname = 'mallory'",
            "SELECT current_setting('search_path')",
            "SELECT * FROM canaries ORDER BY id",
        ],
    };
    let mut all = Vec::new();
    for statement in statements {
        all.extend(sql.query_values(*statement, &[]).await.unwrap().rows);
    }
    assert!(all.len() > 25, "{}", all.len());
    all
}

#[tokio::test]
async fn sqlite_keeps_no_hostile_text_outside_of_rows() {
    let store = SqliteStore::new().await;
    prepare(&store.sql).await;
    take_through_every_door(&store.sql, &row("'; ATTACH DATABASE 'x.db' AS x; --")).await;
    let left = std::fs::read_dir(store.path().parent().unwrap()).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name.to_string_lossy().starts_with("test.db")), "{names:?}");
}
