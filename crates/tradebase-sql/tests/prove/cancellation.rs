//! Every public async function is dropped at every poll; afterwards nothing is half-done.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tradebase_core::{Code, Link, Record, Result, Value};
use tradebase_sql::{
    Conflict, DynamicConflict, DynamicFilter, DynamicRow, Migrator, Sql, SqlOptions, Target, count,
};
#[cfg(feature = "postgres")]
use tradebase_testkit::{Postgres, Proxy};
use tradebase_testkit::{TempFolder, drop_after};

use crate::{common, files};

/// More polls than any call needs.
const POLLS_MAX: u32 = 400;
/// Rows of a batch: beyond what goes as parameters, so that COPY is cancelled too.
const BATCH: i64 = 22;
/// How long a store may take to come to rest.
const REST: Duration = Duration::from_secs(10);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills", unique(venue_no))]
struct Fill {
    #[record(key)]
    id: i64,
    venue_no: i64,
    price: i64,
}

impl Fill {
    fn new(id: i64) -> Self {
        Self { id, venue_no: id, price: 1 }
    }

    /// The same by name.
    fn named(id: i64) -> DynamicRow {
        let cells = [("id", id), ("venue_no", id), ("price", 1)];
        cells.into_iter().collect()
    }

    /// What the first one passes, by name.
    fn first() -> DynamicFilter {
        DynamicFilter::new("id", "eq", [Value::Int(1)])
    }

    fn many(id: i64) -> Vec<Fill> {
        (id..id + BATCH).map(Fill::new).collect()
    }
}

/// Each points to itself.
const SELF: Link<Fill, Fill> = Link::new(0);

/// One public async function, and how its effect is seen.
struct Verb {
    /// As the check finds it: file and function.
    name: &'static str,
    /// Rows that it writes when it is not cancelled: all of them are there, or none.
    rows: i64,
    call: fn(Sql, i64) -> Calling,
}

type Calling = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

macro_rules! verbs {
    ($($name:literal, $rows:expr, |$sql:ident, $id:ident| $body:block;)+) => {
        const VERBS: &[Verb] = &[$(Verb {
            name: $name,
            rows: $rows,
            call: |$sql, $id| Box::pin(async move { _ = ($id, &$sql); $body; Ok(()) }),
        }),+];
    };
}

verbs! {
    "sql.rs connect", 0, |sql, id| { sql.connect().await? };
    "sql.rs ping", 0, |sql, id| { sql.ping().await? };
    "sql.rs create_table", 0, |sql, id| { sql.create_table::<Fill>().await? };
    "verbs.rs insert", 1, |sql, id| { sql.insert(&Fill::new(id)).await? };
    "verbs.rs insert_many", BATCH, |sql, id| { sql.insert_many(&Fill::many(id)).await? };
    "verbs.rs insert_many", 5, |sql, id| { sql.insert_many(&Fill::many(id)[..5]).await? };
    "verbs.rs upsert", 1, |sql, id| {
        sql.upsert(&Fill::new(id), &Conflict::replace()).await?
    };
    "verbs.rs upsert_many", BATCH, |sql, id| {
        sql.upsert_many(&Fill::many(id), &Conflict::replace()).await?
    };
    "verbs.rs get", 0, |sql, id| { sql.get::<Fill>(&1).await? };
    "verbs.rs get_many", 0, |sql, id| { sql.get_many::<Fill>(&[1, 2, id]).await? };
    "verbs.rs exists", 0, |sql, id| { sql.exists::<Fill>(&1).await? };
    "verbs.rs count", 0, |sql, id| { sql.count::<Fill>().await? };
    "verbs.rs list", 0, |sql, id| { sql.list::<Fill>(5, 1).await? };
    "verbs.rs all", 0, |sql, id| { sql.all::<Fill>().await? };
    "verbs.rs update", 0, |sql, id| {
        sql.update(&Fill { price: 1, ..Fill::new(1) }).await?
    };
    "verbs.rs update_many", 0, |sql, id| { sql.update_many(&Fill::many(1)).await? };
    "verbs.rs update_columns", 0, |sql, id| {
        sql.update_columns(&Fill::many(1), Fill::PRICE).await?
    };
    "verbs.rs delete", 0, |sql, id| { sql.delete::<Fill>(&-1).await? };
    "verbs.rs delete_many", 0, |sql, id| { sql.delete_many::<Fill>(&[-1, -2]).await? };
    "find/mod.rs all", 0, |sql, id| { sql.find::<Fill>().filter(Fill::ID.eq(1)).all().await? };
    "find/mod.rs first", 0, |sql, id| { sql.find::<Fill>().first().await? };
    "find/mod.rs all", 0, |sql, id| { sql.find::<Fill>().with(SELF).all().await? };
    "find/mod.rs first", 0, |sql, id| { sql.find::<Fill>().with(SELF).first().await? };
    "load.rs parents", 0, |sql, id| { sql.parents(&Fill::many(1), SELF).await? };
    "load.rs all", 0, |sql, id| { sql.children(&Fill::many(1), SELF).all().await? };
    "budget.rs counted", 1, |sql, id| {
        tradebase_sql::counted(async { sql.insert(&Fill::new(id)).await }).await.0?
    };
    "group/whole.rs sum", 0, |sql, id| { sql.find::<Fill>().sum(Fill::PRICE).await? };
    "group/whole.rs avg", 0, |sql, id| { sql.find::<Fill>().avg(Fill::PRICE).await? };
    "group/whole.rs min", 0, |sql, id| { sql.find::<Fill>().min(Fill::PRICE).await? };
    "group/whole.rs max", 0, |sql, id| { sql.find::<Fill>().max(Fill::PRICE).await? };
    "group/whole.rs measure", 0, |sql, id| { sql.find::<Fill>().measure(count()).await? };
    "group/builder.rs all", 0, |sql, id| { sql.find::<Fill>().group_by(Fill::PRICE).all().await? };
    "group/builder.rs first", 0, |sql, id| {
        sql.find::<Fill>().group_by(Fill::PRICE).measure(count()).first().await?
    };
    "find/mod.rs one", 0, |sql, id| { sql.find::<Fill>().filter(Fill::ID.eq(1)).one().await? };
    "find/mod.rs at_most_one", 0, |sql, id| {
        sql.find::<Fill>().filter(Fill::ID.eq(-1)).at_most_one().await?
    };
    "find/mod.rs count", 0, |sql, id| { sql.find().filter(Fill::ID.gt(1)).count().await? };
    "find/mod.rs exists", 0, |sql, id| { sql.find().filter(Fill::ID.gt(1)).exists().await? };
    "find/mod.rs stream", 0, |sql, id| {
        let mut rows = sql.find().filter(Fill::ID.lt(9)).column(Fill::PRICE).stream().await?;
        while rows.next().await?.is_some() {}
    };
    "find/page.rs page", 0, |sql, id| { sql.find::<Fill>().page(999, 5).await? };
    "find/keyset.rs load", 0, |sql, id| {
        let first = sql.find::<Fill>().keyset(5).load().await?;
        sql.find::<Fill>().keyset(5).after(first.next.as_ref()).load().await?
    };
    "changes.rs run", 0, |sql, id| {
        sql.update_where(Fill::ID.le(BATCH)).set(Fill::PRICE, 1).run().await?
    };
    "changes.rs delete_where", 0, |sql, id| { sql.delete_where(Fill::ID.lt(-9)).await? };
    "patch.rs run", 0, |sql, id| { sql.patch::<Fill>(&1).set(Fill::PRICE, 1).run().await? };
    "together.rs run", 3, |sql, id| {
        let (fills, first) = (Fill::many(id), Fill::new(1));
        let mut batch = sql.batch();
        for fill in &fills[..3] {
            batch.insert(fill)?;
        }
        batch.update(&first)?;
        batch.delete::<Fill>(&-1)?;
        batch.run().await?
    };
    "dynamic/verbs.rs create_table", 0, |sql, id| {
        sql.table(Fill::TABLE).create_table().await?
    };
    "dynamic/verbs.rs insert", 1, |sql, id| {
        sql.table(Fill::TABLE).insert(&Fill::named(id)).await?
    };
    "dynamic/verbs.rs insert_many", BATCH, |sql, id| {
        let rows: Vec<_> = (id..id + BATCH).map(Fill::named).collect();
        sql.table(Fill::TABLE).insert_many(&rows).await?
    };
    "dynamic/verbs.rs upsert", 1, |sql, id| {
        sql.table(Fill::TABLE).upsert(&Fill::named(id), &DynamicConflict::replace()).await?
    };
    "dynamic/verbs.rs get", 0, |sql, id| { sql.table(Fill::TABLE).get(&[Value::Int(1)]).await? };
    "dynamic/verbs.rs get_many", 0, |sql, id| {
        let keys = [1, 2, id].map(|id| vec![Value::Int(id)]);
        sql.table(Fill::TABLE).get_many(&keys).await?
    };
    "dynamic/verbs.rs exists", 0, |sql, id| {
        sql.table(Fill::TABLE).exists(&[Value::Int(1)]).await?
    };
    "dynamic/verbs.rs count", 0, |sql, id| { sql.table(Fill::TABLE).count().await? };
    "dynamic/verbs.rs list", 0, |sql, id| { sql.table(Fill::TABLE).list(5, 1).await? };
    "dynamic/verbs.rs update", 0, |sql, id| {
        let change = DynamicRow::new().with("price", 1_i64);
        sql.table(Fill::TABLE).update(&[Value::Int(1)], &change).await?
    };
    "dynamic/verbs.rs delete", 0, |sql, id| {
        sql.table(Fill::TABLE).delete(&[Value::Int(-1)]).await?
    };
    "dynamic/verbs.rs delete_many", 0, |sql, id| {
        sql.table(Fill::TABLE).delete_many(&[-1, -2].map(|id| vec![Value::Int(id)])).await?
    };
    "dynamic/changes.rs update_where", 0, |sql, id| {
        let change = DynamicRow::new().with("price", 1_i64);
        sql.table(Fill::TABLE).update_where(Fill::first(), &change).await?
    };
    "dynamic/changes.rs delete_where", 0, |sql, id| {
        let nobody = DynamicFilter::new("id", "lt", [Value::Int(0)]);
        sql.table(Fill::TABLE).delete_where(nobody).await?
    };
    "dynamic/find.rs all", 0, |sql, id| {
        let json = r#"{"column":"id","op":"eq","value":1}"#;
        sql.table(Fill::TABLE).find().filter_json(json).all().await?
    };
    "dynamic/find.rs first", 0, |sql, id| { sql.table(Fill::TABLE).find().first().await? };
    "dynamic/find.rs count", 0, |sql, id| { sql.table(Fill::TABLE).find().count().await? };
    "stream.rs stream", 0, |sql, id| { _ = sql.stream::<Fill>().await? };
    "stream.rs next", 0, |sql, id| {
        let mut rows = sql.stream::<Fill>().await?;
        while rows.next().await?.is_some() {}
    };
    "transaction.rs transaction", 2, |sql, id| {
        sql.transaction(|tx| async move {
            tx.insert(&Fill::new(id)).await?;
            tx.transaction(|tx| async move {
                tx.insert(&Fill::new(id + 1)).await.map(drop)
            })
            .await
        })
        .await?
    };
    "transaction.rs transaction_with", BATCH, |sql, id| {
        let options = tradebase_sql::TxOptions::new()
            .isolation(tradebase_sql::Isolation::Serializable);
        sql.transaction_with(options, |tx| async move {
            tx.insert_many(&Fill::many(id)).await?;
            tx.count::<Fill>().await.map(drop)
        })
        .await?
    };
    "door.rs connection", 0, |sql, id| { sql.connection().await?.release().await? };
    "door.rs release", 0, |sql, id| {
        let mut connection = sql.connection().await?;
        connection.batch("BEGIN").await?;
        connection.release().await?
    };
    "door.rs batch", 0, |sql, id| {
        let mut connection = sql.connection().await?;
        connection.batch("BEGIN; DELETE FROM fills WHERE id < 0; COMMIT").await?;
        connection.release().await?
    };
    "door.rs execute", 1, |sql, id| {
        sql.execute("INSERT INTO fills VALUES ($1, $1, 1)", (id,)).await?
    };
    "door.rs query", 0, |sql, id| { sql.query::<Fill>("SELECT * FROM fills", &[]).await? };
    "door.rs query_one", 1, |sql, id| {
        let text = "INSERT INTO fills VALUES ($1, $1, 1) RETURNING *";
        sql.query_one::<Fill>(text, (id,)).await?
    };
    "door.rs query_at_most_one", 1, |sql, id| {
        let text = "INSERT INTO fills VALUES ($1, $1, 1) RETURNING *";
        sql.query_at_most_one::<Fill>(text, (id,)).await?
    };
    "door.rs query_scalar", 1, |sql, id| {
        let text = "INSERT INTO fills VALUES ($1, $1, 1) RETURNING id";
        sql.query_scalar::<i64>(text, (id,)).await?
    };
    "door.rs query_values", 0, |sql, id| {
        sql.query_values("SELECT count(*) FROM fills", &[]).await?
    };
    "door.rs execute", 2, |sql, id| {
        let mut connection = sql.connection().await?;
        connection.batch("BEGIN").await?;
        for id in [id, id + 1] {
            let text = "INSERT INTO fills VALUES (:id, :id, 1)";
            connection.execute(text, [("id", id.into())]).await?;
            connection.query::<Fill>("SELECT * FROM fills WHERE id = 1", &[]).await?;
            connection.query_values("SELECT 1", &[]).await?;
        }
        connection.batch("COMMIT").await?;
        connection.release().await?
    };
    "migrate/migrator.rs status", 0, |sql, id| { tabled(&sql).status().await? };
    "migrate/migrator.rs history", 0, |sql, id| { tabled(&sql).history().await? };
    "migrate/migrator.rs would_take_back", 0, |sql, id| {
        tabled(&sql).would_take_back(&Target::End).await?
    };
    "migrate/compare.rs shape", 0, |sql, id| { sql.shape().await? };
    "migrate/compare.rs wanted", 0, |sql, id| { sql.wanted(&[Fill::TABLE]).await? };
}

/// A migrator with a version that makes a table.
fn tabled(sql: &Sql) -> Migrator {
    let up = "CREATE TABLE extra (id BIGINT);\nINSERT INTO extra VALUES (1);\n";
    files::migrator(sql, [files::set("tabled", &[files::version(up, "DROP TABLE extra;")])])
}

/// What cannot be dropped in the middle of the others, because it is the begin or the end: each
/// has a test of its own below.
const ALONE: &[&str] = &[
    "sql.rs open",
    "sql.rs open_with",
    "sql.rs close",
    "sql.rs drop_table",
    "dynamic/verbs.rs drop_table",
    // Its records count no versions; it is the same as `update` otherwise.
    "dynamic/verbs.rs update_if_version",
    "changes.rs delete_every_row",
    // What `shape` and `wanted` do, one after another.
    "migrate/compare.rs draft",
    "migrate/migrator.rs verify",
    "migrate/difference.rs drift",
    // Each has a connection and a lock of its own: dropped in `tests/migrating/run`, and killed at
    // every poll by the proof `migrate_crash`.
    "migrate/migrator.rs up",
    "migrate/migrator.rs down",
    "migrate/migrator.rs adopt",
    // They need a server and roles of their own: dropped at every poll in `tests/guest.rs`.
    "guest/mod.rs query",
    "guest/role.rs guest_role",
    // They need a table that is cut: dropped at every poll in `tests/migrating/parts.rs`.
    "migrate/parts/mod.rs keep_parts",
    "migrate/parts/mod.rs default_parts_in_use",
];

/// A new stretch of keys.
fn stretch() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1_000);
    NEXT.fetch_add(1_000, Ordering::Relaxed)
}

async fn opened(url: &str) -> Sql {
    let options = SqlOptions::new(url).runtime(Handle::current()).create_tables([Fill::TABLE]);
    let sql = Sql::open_with(options).await.unwrap();
    sql.insert_many(&Fill::many(1)).await.unwrap();
    sql
}

/// Waits until nobody holds a connection.
async fn at_rest(sql: &Sql, after: &str) {
    let begun = std::time::Instant::now();
    while sql.pool_status().in_use > 0 {
        assert!(begun.elapsed() < REST, "a connection was lost: {after} {:?}", sql.pool_status());
        sleep(Duration::from_millis(1)).await;
    }
}

/// Where a future is dropped: after so many polls, as soon as it waits, or when it was woken after
/// that and has not seen it.
fn places() -> impl Iterator<Item = (u32, bool)> {
    (1..POLLS_MAX).flat_map(|polls| [(polls, false), (polls, true)])
}

/// Each verb is dropped at each of its polls. Gives the number of drops.
async fn every_verb(sql: &Sql) -> usize {
    let mut drops = 0;
    for verb in VERBS {
        let mut places = places();
        loop {
            let (polls, woken) = places.next().unwrap_or_else(|| panic!("endless: {}", verb.name));
            let id = stretch();
            let ended = drop_after((verb.call)(sql.clone(), id), polls, woken).await;
            let after = format!("{} after {polls} polls, woken {woken}", verb.name);
            at_rest(sql, &after).await;
            whole_or_none(sql, verb, id, ended.is_some(), &after).await;
            match ended {
                Some(outcome) => {
                    outcome.unwrap_or_else(|error| panic!("{after}: {error}"));
                    break;
                }
                None => drops += 1,
            }
        }
    }
    drops
}

async fn whole_or_none(sql: &Sql, verb: &Verb, id: i64, ended: bool, after: &str) {
    let keys: Vec<_> = (id..id + BATCH).collect();
    let there = sql.get_many::<Fill>(&keys).await.unwrap();
    let there = i64::try_from(there.into_iter().flatten().count()).unwrap();
    assert!(there == verb.rows || (there == 0 && !ended), "{after}: {there} rows are there");
    // So that reading all rows stays short.
    sql.delete_many::<Fill>(&keys).await.unwrap();
    let rest = sql.get_many::<Fill>(&(1..=BATCH).collect::<Vec<_>>()).await.unwrap();
    let want: Vec<_> = Fill::many(1).into_iter().map(Some).collect();
    assert_eq!(rest, want, "{after}: other rows are as they were");
    // A write still goes through: nobody holds a lock.
    let probe = Fill::new(-id);
    sql.insert(&probe).await.unwrap_or_else(|error| panic!("{after}: {error}"));
    assert!(sql.delete::<Fill>(&probe.id).await.unwrap());
}

/// Many calls share what a lane does at once; the first of them are dropped at each of their
/// polls, and all others end as if they had never been.
async fn followers(sql: &Sql) -> usize {
    const OTHERS: i64 = 16;
    for (drops, (polls, woken)) in places().enumerate() {
        let id = stretch();
        let mut leaders = JoinSet::new();
        for leader in [id, id + 1, id + 2] {
            let sql = sql.clone();
            leaders.spawn(async move {
                let write = drop_after(sql.insert(&Fill::new(leader)), polls, woken).await;
                let read = drop_after(sql.get::<Fill>(&1), polls, woken).await;
                write.is_some() && read.is_some()
            });
        }
        let mut others = JoinSet::new();
        for other in (id + 100)..(id + 100 + OTHERS) {
            let sql = sql.clone();
            others.spawn(async move {
                sql.insert(&Fill::new(other)).await.unwrap();
                let twice = sql.insert(&Fill::new(other)).await.unwrap_err();
                assert_eq!(twice.code(), Code::NotUnique);
                assert_eq!(sql.get::<Fill>(&other).await.unwrap(), Some(Fill::new(other)));
                assert_eq!(sql.get::<Fill>(&-other).await.unwrap(), None);
            });
        }
        let ended = leaders.join_all().await;
        others.join_all().await;
        at_rest(sql, "followers").await;
        let keys: Vec<_> = (id..id + 200).collect();
        sql.delete_many::<Fill>(&keys).await.unwrap();
        if ended.into_iter().all(|ended| ended) {
            return drops;
        }
    }
    panic!("a call does not end");
}

/// Opening, closing and dropping a table, dropped at each poll.
async fn begin_and_end(url: &str) {
    for (polls, woken) in places() {
        let opened = drop_after(Sql::open(url), polls, woken).await;
        if let Some(opened) = opened {
            opened.unwrap().close().await.unwrap();
            break;
        }
    }
    for (polls, woken) in places() {
        let sql = opened(url).await;
        let emptied = drop_after(sql.delete_every_row::<Fill>(), polls, woken).await;
        let left = sql.count::<Fill>().await.unwrap();
        assert!(left == 0 || (left == u64::try_from(BATCH).unwrap() && emptied.is_none()));
        let dropped = drop_after(sql.drop_table::<Fill>(), polls, woken).await;
        sql.create_table::<Fill>().await.unwrap();
        let by_name = drop_after(sql.table(Fill::TABLE).drop_table(), polls, woken).await;
        sql.create_table::<Fill>().await.unwrap();
        sql.drop_table::<Fill>().await.unwrap();
        let closed = drop_after(sql.clone().close(), polls, woken).await;
        sql.clone().close().await.unwrap();
        assert_eq!(sql.get::<Fill>(&1).await.unwrap_err().code(), Code::Closed);
        if emptied.is_some() && dropped.is_some() && by_name.is_some() && closed.is_some() {
            return;
        }
    }
    panic!("closing does not end");
}

/// Everything on that store, which has no table yet. Gives the number of drops.
async fn everything(url: &str) -> usize {
    let sql = opened(url).await;
    let drops = every_verb(&sql).await + followers(&sql).await;
    sql.drop_table::<Fill>().await.unwrap();
    sql.close().await.unwrap();
    begin_and_end(url).await;
    drops
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_calls_are_dropped_at_every_poll() {
    let _alone = crate::alone().await;
    for _ in crate::seeds() {
        let folder = TempFolder::new().unwrap();
        let drops = everything(&common::url(&folder.file("a.db"))).await;
        println!("{drops} calls were dropped on sqlite");
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_calls_are_dropped_at_every_poll() {
    /// Between two messages of the protocol.
    const PAUSE: Duration = Duration::from_micros(300);
    let _alone = crate::alone().await;
    for _ in crate::seeds() {
        let server = Postgres::shared();
        let database = server.database();
        let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port())).unwrap();
        proxy.by_message(PAUSE);
        let drops = everything(&database.url_through(&proxy)).await;
        let watcher = Sql::open(&database.url()).await.unwrap();
        assert_eq!(open_transactions(&watcher).await, 0);
        println!("{drops} calls were dropped on postgres");
    }
}

/// Transactions that are open on the server, by those who do nothing.
#[cfg(feature = "postgres")]
async fn open_transactions(sql: &Sql) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let found = sql.query_values(text, &[]).await.unwrap();
    match found.rows.as_slice() {
        [row] => match row.as_slice() {
            [Value::Int(count)] => *count,
            other => panic!("one number: {other:?}"),
        },
        other => panic!("one row: {other:?}"),
    }
}

/// No public async function is left out of the proof.
#[test]
fn every_public_async_function_is_dropped() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            match path.extension() {
                None if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => {
                    let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
                    found.extend(public(name, &std::fs::read_to_string(&path).unwrap()));
                }
                _ => {}
            }
        }
    }
    let known = VERBS.iter().map(|verb| verb.name).chain(ALONE.iter().copied());
    let known: BTreeSet<_> = known.map(str::to_owned).collect();
    assert_eq!(found, known, "functions of the source, and those of the proof");
}

/// The public async functions of a file.
fn public(name: &str, source: &str) -> Vec<String> {
    let functions = source.lines().filter_map(|l| l.trim_start().strip_prefix("pub async fn "));
    functions.map(|rest| format!("{name} {}", rest.split(['(', '<']).next().unwrap())).collect()
}
