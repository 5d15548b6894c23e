//! Tasks and threads use every verb at once; each knows what its own rows must be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tradebase_core::{Code, Decimal, Error, Record, Result, Timestamp, Value};
use tradebase_sql::{Conflict, Sql, SqlOptions, Upserted};

use tradebase_testkit::TempFolder;

use crate::common::{self, Dice};

/// Tasks of the runtime that work at once.
const TASKS: i64 = 64;
/// Threads without a runtime that work beside them.
const THREADS: i64 = 8;
/// Accounts that all share.
const ACCOUNTS: i64 = 8;
/// What all accounts have together, at any time.
const TOTAL: i64 = 8_000;
/// Rows that an actor keeps about.
const ROWS: usize = 60;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "notes", unique(owner, slot), index(owner, label))]
struct Note {
    #[record(key)]
    id: i64,
    owner: i64,
    slot: i64,
    #[record(length(1..=32))]
    label: String,
    #[record(decimal(18, 8))]
    amount: Decimal,
    remark: Option<String>,
    #[record(created)]
    created_at: Timestamp,
    #[record(updated)]
    updated_at: Timestamp,
    #[record(version)]
    version: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "accounts")]
struct Account {
    #[record(key)]
    id: i64,
    units: i64,
    #[record(version)]
    version: i64,
}

/// Plain rows: no column of the layer, so that they may take a lane.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "ticks")]
struct Tick {
    #[record(key)]
    id: i64,
    price: i64,
}

struct Actor {
    sql: Sql,
    owner: i64,
    next: i64,
    notes: BTreeMap<i64, Note>,
    ticks: BTreeMap<i64, Tick>,
    dice: Dice,
}

impl Actor {
    fn new(sql: Sql, owner: i64, seed: u64) -> Self {
        let dice = Dice::new(seed ^ owner.unsigned_abs().wrapping_mul(0x1234_5678_9abc_def1));
        let (notes, ticks) = (BTreeMap::new(), BTreeMap::new());
        Self { sql, owner, next: 0, notes, ticks, dice }
    }

    fn note(&mut self) -> Note {
        self.next += 1;
        let amount = i64::try_from(self.dice.below(1 << 50)).unwrap();
        Note {
            id: self.owner * 1_000_000 + self.next,
            owner: self.owner,
            slot: self.next,
            label: format!("label {}", self.dice.below(5)),
            amount: Decimal::new(amount, 8),
            remark: self.dice.maybe(|dice| format!("remark {}", dice.below(99))),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            version: 0,
        }
    }

    fn one(&mut self) -> Option<Note> {
        let n = self.notes.len();
        (n > 0).then(|| {
            let at = usize::try_from(self.dice.below(n as u64)).unwrap();
            self.notes.values().nth(at).unwrap().clone()
        })
    }

    fn keep(&mut self, note: Note) {
        self.notes.insert(note.id, note);
    }

    async fn step(&mut self) -> Result<()> {
        if self.notes.len() > ROWS {
            return self.shrink().await;
        }
        match self.dice.below(13) {
            0 => self.insert().await,
            1 => self.insert_many().await,
            2 => self.upsert().await,
            3 => self.upsert_many().await,
            4 => self.read().await,
            5 => self.read_many().await,
            6 => self.update().await,
            7 => self.patch().await,
            8 => self.batch().await,
            9 => self.transfer().await,
            10 => self.nested().await,
            11 => self.raw().await,
            _ => self.tick().await,
        }
    }

    async fn insert(&mut self) -> Result<()> {
        let mut note = self.note();
        assert_eq!(self.sql.insert(&mut note).await?, note.id);
        assert_eq!(note.version, 1);
        let again = self.sql.insert(&mut note.clone()).await.unwrap_err();
        assert_eq!(again.code(), Code::NotUnique, "{again}");
        self.keep(note);
        Ok(())
    }

    async fn insert_many(&mut self) -> Result<()> {
        let count = 1 + self.dice.below(30);
        let mut notes: Vec<_> = (0..count).map(|_| self.note()).collect();
        assert_eq!(self.sql.insert_many(&mut notes).await?, count);
        // One row that is there already undoes all.
        let mut bad: Vec<_> = (0..5).map(|_| self.note()).collect();
        bad.push(notes[0].clone());
        let refused = self.sql.insert_many(&mut bad).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotUnique, "{refused}");
        assert!(!self.sql.exists::<Note>(&bad[0].id).await?);
        notes.into_iter().for_each(|note| self.keep(note));
        Ok(())
    }

    async fn upsert(&mut self) -> Result<()> {
        let mut fresh = self.note();
        let how = self.sql.upsert(&mut fresh, &Conflict::replace()).await?;
        assert_eq!(how, Upserted::Inserted);
        self.keep(fresh.clone());
        let mut kept = Note { label: "other".into(), ..fresh.clone() };
        assert_eq!(self.sql.upsert(&mut kept, &Conflict::keep()).await?, Upserted::Kept);
        let on = (Note::OWNER, Note::SLOT);
        let mut set = Note { id: -fresh.id, label: "set".into(), remark: None, ..fresh.clone() };
        let conflict = Conflict::set(Note::LABEL).on(on);
        assert_eq!(self.sql.upsert(&mut set, &conflict).await?, Upserted::Updated);
        let updated_at = set.updated_at;
        let now = Note { label: "set".into(), version: 2, updated_at, ..fresh };
        assert_eq!(self.sql.get::<Note>(&now.id).await?, Some(now.clone()));
        self.keep(now);
        Ok(())
    }

    async fn upsert_many(&mut self) -> Result<()> {
        let mut notes: Vec<_> = (0..3).map(|_| self.note()).collect();
        if let Some(old) = self.one() {
            notes.push(Note { label: "again".into(), ..old });
        }
        let there = notes.len() - 3;
        let upserts = self.sql.upsert_many(&mut notes, &Conflict::replace()).await?;
        let counts = (upserts.inserted, upserts.updated, upserts.kept);
        assert_eq!(counts, (3, there as u64, 0));
        notes.into_iter().for_each(|note| self.keep(note));
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        let Some(note) = self.one() else { return Ok(()) };
        assert_eq!(self.sql.get::<Note>(&note.id).await?.as_ref(), Some(&note));
        assert!(self.sql.exists::<Note>(&note.id).await?);
        assert_eq!(self.sql.get::<Note>(&-note.id).await?, None);
        let filter = || Note::OWNER.eq(self.owner).and(Note::LABEL.eq(note.label.as_str()));
        let found = self.sql.find::<Note>().filter(filter()).order_by(Note::ID.asc()).all();
        let mine: Vec<_> = self.notes.values().filter(|n| n.label == note.label).collect();
        assert_eq!(found.await?.iter().collect::<Vec<_>>(), mine);
        let first = self.sql.find::<Note>().filter(filter()).order_by(Note::ID.desc()).first();
        assert_eq!(first.await?.as_ref(), mine.last().copied());
        assert!(self.sql.count::<Note>().await? >= self.notes.len() as u64);
        self.sql.ping().await
    }

    async fn read_many(&mut self) -> Result<()> {
        let mut keys: Vec<_> = self.notes.keys().copied().collect();
        keys.push(-7);
        keys.extend(keys.first().copied());
        let got = self.sql.get_many::<Note>(&keys).await?;
        let want: Vec<_> = keys.iter().map(|key| self.notes.get(key).cloned()).collect();
        assert_eq!(got, want);
        if self.dice.below(8) == 0 {
            let mut rows = self.sql.stream::<Note>().await?;
            let mut mine = Vec::new();
            while let Some(note) = rows.next().await? {
                if note.owner == self.owner {
                    mine.push(note);
                }
            }
            assert!(mine.iter().eq(self.notes.values()));
            let listed = self.sql.list::<Note>(20, 3).await?;
            assert!(listed.is_sorted_by_key(|note| note.id));
        }
        Ok(())
    }

    async fn update(&mut self) -> Result<()> {
        let Some(mut note) = self.one() else { return self.insert().await };
        let stale = note.clone();
        note.remark = Some("updated".into());
        self.sql.update(&mut note).await?;
        assert_eq!(note.version, stale.version + 1);
        let refused = self.sql.update(&mut stale.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::VersionConflict);
        self.keep(note);
        let mut all: Vec<_> = self.notes.values().take(9).cloned().collect();
        for (n, note) in (0..).zip(all.iter_mut()) {
            note.amount = Decimal::new(n, 8);
        }
        let count = all.len() as u64;
        assert_eq!(self.sql.update_many(&mut all).await?, count);
        all.iter_mut().for_each(|note| note.label = "some columns".into());
        let columns = (Note::LABEL, Note::REMARK);
        assert_eq!(self.sql.update_columns(&mut all, columns).await?, count);
        all.into_iter().for_each(|note| self.keep(note));
        Ok(())
    }

    async fn patch(&mut self) -> Result<()> {
        let Some(note) = self.one() else { return self.insert().await };
        let patch = self.sql.patch::<Note>(&note.id).set(Note::LABEL, "patched");
        let patch = patch.set_named("remark", Value::Null).if_version(note.version);
        assert!(patch.run().await?);
        let got = self.sql.get::<Note>(&note.id).await?.unwrap();
        let version = note.version + 1;
        let updated_at = got.updated_at;
        let want = Note { label: "patched".into(), remark: None, version, updated_at, ..note };
        assert_eq!(got, want);
        self.keep(want);
        Ok(())
    }

    async fn batch(&mut self) -> Result<()> {
        let (mut fresh, old) = (self.note(), self.one());
        let mut changed = old.map(|note| Note { label: "in a batch".into(), ..note });
        let mut batch = self.sql.batch();
        batch.insert(&mut fresh)?;
        if let Some(changed) = &mut changed {
            batch.update(changed)?;
        }
        batch.delete::<Note>(&-5)?;
        batch.run().await?;
        self.keep(fresh);
        changed.into_iter().for_each(|note| self.keep(note));
        // A row that is not there undoes all.
        let (mut lost, mut nobody) = (self.note(), self.note());
        let mut batch = self.sql.batch();
        batch.insert(&mut lost)?;
        batch.update(&mut nobody)?;
        let refused = batch.run().await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{refused}");
        assert!(!self.sql.exists::<Note>(&lost.id).await?);
        Ok(())
    }

    /// Moves units between two accounts that all share: the total stays.
    async fn transfer(&mut self) -> Result<()> {
        let sum = i64::try_from(self.dice.below(50)).unwrap();
        let from = i64::try_from(self.dice.below(ACCOUNTS as u64)).unwrap();
        let to = (from + 1) % ACCOUNTS;
        let moved = self.sql.transaction(|tx| async move {
            let mut from = tx.get::<Account>(&from).await?.unwrap();
            let mut to = tx.get::<Account>(&to).await?.unwrap();
            (from.units, to.units) = (from.units - sum, to.units + sum);
            tx.update(&mut from).await?;
            tx.update(&mut to).await
        });
        match moved.await {
            Err(error) if error.code() == Code::VersionConflict => Ok(()),
            outcome => outcome,
        }
    }

    /// What is inside and fails is undone, and nothing else.
    async fn nested(&mut self) -> Result<()> {
        let (note, other) = (self.note(), self.note());
        let outside = self.sql.clone();
        let (first, second, outside) = (&note, &other, &outside);
        let kept = self.sql.transaction(|tx| async move {
            let mut kept = first.clone();
            tx.insert(&mut kept).await?;
            let inner = tx.transaction(|tx| async move {
                tx.insert(&mut second.clone()).await?;
                tx.insert(&mut first.clone()).await.map(drop)
            });
            assert_eq!(inner.await.unwrap_err().code(), Code::NotUnique);
            let outside = outside.get::<Note>(&1).await.unwrap_err();
            assert_eq!(outside.code(), Code::OutsideTransaction);
            assert!(!tx.exists::<Note>(&second.id).await?);
            Ok::<_, Error>(kept)
        });
        let kept = kept.await?;
        assert!(!self.sql.exists::<Note>(&other.id).await?);
        self.keep(kept);
        Ok(())
    }

    async fn raw(&mut self) -> Result<()> {
        let text = if self.sql.capabilities().engine == "sqlite" {
            "SELECT count(*) FROM notes WHERE owner = ?"
        } else {
            "SELECT count(*) FROM notes WHERE owner = $1"
        };
        let found = self.sql.query_values(text, &[Value::Int(self.owner)]).await?;
        assert_eq!(found.rows, [[Value::Int(i64::try_from(self.notes.len()).unwrap())]]);
        Ok(())
    }

    /// Plain records take the lanes.
    async fn tick(&mut self) -> Result<()> {
        self.next += 1;
        let tick = Tick { id: self.owner * 1_000_000 + self.next, price: self.next };
        self.sql.insert(&tick).await?;
        assert_eq!(self.sql.get::<Tick>(&tick.id).await?.as_ref(), Some(&tick));
        let again = self.sql.insert(&tick).await.unwrap_err();
        assert_eq!(again.code(), Code::NotUnique, "{again}");
        self.ticks.insert(tick.id, tick);
        if self.ticks.len() > ROWS {
            let keys: Vec<_> = self.ticks.keys().copied().collect();
            assert_eq!(self.sql.delete_many::<Tick>(&keys).await?, keys.len() as u64);
            self.ticks.clear();
        }
        Ok(())
    }

    async fn shrink(&mut self) -> Result<()> {
        let keys: Vec<_> = self.notes.keys().copied().take(ROWS / 2).collect();
        let (first, rest) = keys.split_first().unwrap();
        assert!(self.sql.delete::<Note>(first).await?);
        assert!(!self.sql.delete::<Note>(first).await?);
        assert_eq!(self.sql.delete_many::<Note>(rest).await?, rest.len() as u64);
        keys.iter().for_each(|key| drop(self.notes.remove(key)));
        Ok(())
    }
}

/// Works for so long, and gives the rows that there must be.
async fn work(mut actor: Actor, until: Instant, steps: Arc<AtomicU64>) -> Actor {
    while Instant::now() < until {
        let step = actor.step().await;
        step.unwrap_or_else(|error| panic!("actor {}: {error}", actor.owner));
        steps.fetch_add(1, Ordering::Relaxed);
    }
    actor
}

/// How long a round takes.
const ROUND: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_serves_every_verb_to_tasks_and_threads_at_once() {
    let _alone = crate::alone().await;
    let folder = TempFolder::new().unwrap();
    every_verb(&common::url(&folder.file("a.db")), crate::seed(), length()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_serves_every_verb_to_tasks_and_threads_at_once() {
    let _alone = crate::alone().await;
    let database = tradebase_testkit::Postgres::shared().database();
    every_verb(&database.url(), crate::seed(), length()).await;
}

fn length() -> Duration {
    ROUND * u32::try_from(crate::rounds()).unwrap()
}

/// Every verb at once, on that store, for so long.
#[allow(clippy::print_stdout)]
async fn every_verb(url: &str, seed: u64, length: Duration) {
    let options = SqlOptions::new(url).runtime(Handle::current()).create_tables([
        Note::TABLE,
        Account::TABLE,
        Tick::TABLE,
    ]);
    let sql = Sql::open_with(options).await.unwrap();
    for id in 0..ACCOUNTS {
        let mut account = Account { id, units: TOTAL / ACCOUNTS, version: 0 };
        sql.insert(&mut account).await.unwrap();
    }
    let steps = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + length;
    let handle = Handle::current();
    let threads: Vec<_> = (1..=THREADS)
        .map(|owner| {
            let actor = Actor::new(sql.in_place(), TASKS + owner, seed);
            let (handle, steps) = (handle.clone(), steps.clone());
            thread::spawn(move || handle.block_on(work(actor, until, steps)))
        })
        .collect();
    let mut tasks = JoinSet::new();
    for owner in 1..=TASKS {
        tasks.spawn(work(Actor::new(sql.clone(), owner, seed), until, steps.clone()));
    }
    let mut actors = tasks.join_all().await;
    for thread in threads {
        let joined = tokio::task::spawn_blocking(move || thread.join().unwrap());
        actors.push(joined.await.unwrap());
    }
    let mut want: Vec<_> = actors.iter().flat_map(|actor| actor.notes.values().cloned()).collect();
    want.sort_by_key(|note| note.id);
    assert_eq!(sql.all::<Note>().await.unwrap(), want);
    let ticks: usize = actors.iter().map(|actor| actor.ticks.len()).sum();
    assert_eq!(sql.count::<Tick>().await.unwrap(), ticks as u64);
    let accounts = sql.all::<Account>().await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.units).sum::<i64>(), TOTAL);
    assert_eq!(sql.pool_status().in_use, 0, "the pool is at rest");
    println!("{} steps of {} rows at the end", steps.load(Ordering::Relaxed), want.len());
    drop(actors);
    sql.close().await.unwrap();
}
