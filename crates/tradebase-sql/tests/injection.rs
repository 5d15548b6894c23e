//! Hostile texts are data at every door: stored and read back as they are, or refused.
//!
//! A new verb is one line in `WRITES`, `FINDS` or `PROBES`.

#[path = "common/mod.rs"]
mod common;
#[path = "common/hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::pin::Pin;

use common::SqliteStore;
use common::records::{Notes, Status};
use hostile::{WITH_NUL, texts};
use tradebase_core::{Code, Error, Record, Result, Row, Value};
use tradebase_sql::Sql;

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
        let text = format!("SELECT * FROM texts WHERE free = {}", mark(sql, 1));
        Box::pin(async move { sql.query(&text, &[Value::Text(row.free.clone())]).await })
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
    ("execute", |sql, text| {
        let statement = format!("DELETE FROM texts WHERE name = {}", mark(sql, 1));
        Box::pin(async move { sql.execute(&statement, &[Value::Text(text.to_owned())]).await })
    }),
];

fn count<T>(found: impl IntoIterator<Item = T>) -> Result<u64> {
    Ok(found.into_iter().count() as u64)
}

fn mark(sql: &Sql, number: usize) -> String {
    let sign = if sql.capabilities().engine == "sqlite" { '?' } else { '$' };
    format!("{sign}{number}")
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
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(|number| mark(sql, number));
    let text = format!("INSERT INTO texts VALUES ({a}, {b}, {c}, {d}, {e})");
    let free = || Value::Text(row.free.clone());
    let tag = |text: &str| format!("\"{}\"", escaped(text));
    let Notes { tags, .. } = &row.notes;
    let notes = format!(
        "{{\"tags\":[{0}],\"counts\":{{{0}:1}},\"nested\":null}}",
        tags.first().map(|text| tag(text)).unwrap_or_default()
    );
    let status = Value::Text(row.free.clone());
    let values = [Value::Text(row.name.clone()), free(), free(), Value::Json(notes), status];
    sql.execute(&text, &values).await.map(drop)
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
    let statements: &[&str] = match sql.capabilities().engine {
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
        all.extend(sql.query_values(statement, &[]).await.unwrap().rows);
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
