//! SQLite: ours against rusqlite.

mod group;
mod raw;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tradebase_conformance::models::Trade;
use tradebase_core::Record;
use tradebase_sql::codec::sqlite as codec;
use tradebase_sql::codec::sqlite::rusqlite::Connection;
use tradebase_sql::{Durability, Sql, SqlOptions};
use tradebase_testkit::TempFolder;

use self::group::Group;
use self::raw::Direct;
use super::arena::{Arena, Contest, Keys, ROWS, TASKS};
use super::store::{Store, runtime};
use crate::hand::sqlite::{bind_one, read_one};
use crate::measure::{Figures, Plan, Side, contest};
use crate::trades::trades;

/// Gets and creates of a block of blocking calls at least.
const CALLS: usize = 512;
/// How long the arena waits for a contestant to leave the file.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures one work.
pub fn measure(work: &str, plan: &Plan) -> Option<Figures> {
    let run = match work {
        "bulk_insert" => {
            |lists: &Lists, plan: &Plan| lists.direct(Durability::Full).bulk_insert(plan)
        }
        "point_get_1" => |lists: &Lists, plan: &Plan| lists.reading().point_get(plan, 1),
        "point_get_64" => |lists: &Lists, plan: &Plan| lists.reading().point_get(plan, TASKS),
        "point_get_1_blocking" => |lists: &Lists, plan: &Plan| lists.blocking_get(plan),
        "create_1" => |lists: &Lists, plan: &Plan| lists.direct(Durability::Full).create(plan, 1),
        "create_1_handed" => |lists: &Lists, plan: &Plan| lists.grouped().create(plan, 1),
        "create_1_relaxed" => {
            |lists: &Lists, plan: &Plan| lists.direct(Durability::Relaxed).create(plan, 1)
        }
        "create_1_blocking" => |lists: &Lists, plan: &Plan| lists.blocking_create(plan),
        "create_64" => |lists: &Lists, plan: &Plan| lists.grouped().create(plan, TASKS),
        "read_all" => |lists: &Lists, plan: &Plan| lists.reading().read_all(plan),
        "filter_1000" => |lists: &Lists, plan: &Plan| lists.reading().filter(plan),
        "page_keyset" => |lists: &Lists, plan: &Plan| lists.reading().page_keyset(plan),
        "group_by" => |lists: &Lists, plan: &Plan| lists.reading().group_by(plan),
        "relation_load" => |lists: &Lists, plan: &Plan| lists.reading().relation_load(plan),
        "bulk_update" => |lists: &Lists, plan: &Plan| lists.updating().bulk_update(plan),
        _ => return None,
    };
    Some(run(&Lists::new(), plan))
}

/// A file with its table.
struct File {
    path: PathBuf,
    connection: Connection,
}

impl File {
    fn new(path: PathBuf) -> Self {
        let connection = raw::open(&path, Durability::Full);
        connection.busy_timeout(PATIENCE).expect("it is set");
        let create = codec::create(Trade::TABLE).expect("a statement");
        connection.execute_batch(&create).expect("the table is made");
        Self { path, connection }
    }

    fn fill(&self, rows: &[Trade]) {
        self.connection.execute_batch("BEGIN").expect("it begins");
        let mut insert = self.connection.prepare(raw::INSERT).expect("a statement");
        for row in rows {
            bind_one(row, &mut insert).expect("the rows are valid");
            insert.raw_execute().expect("the row is stored");
        }
        self.connection.execute_batch("COMMIT; ANALYZE").expect("it ends");
        self.settle();
    }
}

impl Arena for File {
    fn empty(&self) {
        self.connection.execute_batch("DELETE FROM trades").expect("the table is emptied");
        self.settle();
    }

    /// The log keeps its length and is written anew from its start, as in a store that has run
    /// for a while: one that grows takes the disk longer to sync.
    fn settle(&self) {
        let sql = "PRAGMA wal_checkpoint(RESTART)";
        let busy = || {
            let row = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            row.expect("it answers") != 0
        };
        let begun = Instant::now();
        // The engine waits for readers and writers, but not for another who moves the log: that
        // is done by ours behind its calls.
        while busy() {
            assert!(begun.elapsed() < PATIENCE, "nobody holds the log");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn analyze(&self) {
        self.connection.execute_batch("ANALYZE").expect("it looks");
    }

    fn rows(&self) -> Vec<Trade> {
        let mut select = self.connection.prepare(raw::ALL).expect("a statement");
        let mut rows = select.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            found.push(read_one(row).expect("a contestant wrote it"));
        }
        found
    }
}

/// Where it takes place.
struct Lists {
    // Before the folder, so that the files are closed when it goes.
    runtime: Runtime,
    files: [File; 3],
    _folder: TempFolder,
}

type Met<'a, R> = Contest<'a, File, Sql, R>;

impl Lists {
    fn new() -> Self {
        let folder = TempFolder::new().expect("a folder");
        let files = ["ours.db", "raw.db", "control.db"].map(|name| File::new(folder.file(name)));
        Self { runtime: runtime(), files, _folder: folder }
    }

    fn ours(&self, path: &Path, durability: Durability) -> Sql {
        let url = format!("sqlite:{}", path.display());
        let options = SqlOptions::new(url).durability(durability);
        self.runtime.block_on(Sql::open_with(options)).expect("ours opens")
    }

    fn met<R: Store>(
        &self,
        places: [&Path; 3],
        durability: Durability,
        raw: impl Fn(&Path) -> R,
    ) -> Met<'_, R> {
        Contest {
            runtime: &self.runtime,
            arenas: &self.files,
            ours: self.ours(places[0], durability),
            raw: raw(places[1]),
            control: raw(places[2]),
        }
    }

    fn places(&self) -> [&Path; 3] {
        self.files.each_ref().map(|file| file.path.as_path())
    }

    fn direct(&self, durability: Durability) -> Met<'_, Direct> {
        self.met(self.places(), durability, |path| Direct::open(path, durability))
    }

    fn grouped(&self) -> Met<'_, Group> {
        self.met(self.places(), Durability::Full, Group::open)
    }

    /// All read the same file.
    fn reading(&self) -> Met<'_, Direct> {
        self.files[0].fill(&trades(ROWS));
        let one = self.files[0].path.as_path();
        self.met([one; 3], Durability::Full, |path| Direct::open(path, Durability::Full))
    }

    fn updating(&self) -> Met<'_, Direct> {
        let rows = trades(ROWS);
        self.files.iter().for_each(|file| file.fill(&rows));
        self.direct(Durability::Full)
    }

    /// Waits as the blocking form does: most calls are done in one step.
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let first = {
            let _inside = self.runtime.enter();
            work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        match first {
            Poll::Ready(done) => done,
            Poll::Pending => self.runtime.block_on(work),
        }
    }

    /// Reads by key from a thread that has no runtime, as the blocking skin does.
    fn blocking_get(&self, plan: &Plan) -> Figures {
        let met = self.reading();
        let ours = met.ours.in_place();
        let mut keys = Keys::of(&trades(ROWS));
        contest(plan, CALLS, |side, repeat| {
            let ids = keys.next(side, repeat);
            let start = Instant::now();
            for id in ids {
                let found = match side {
                    Side::Ours => self.wait(Store::get(&ours, id)),
                    Side::Raw => met.raw.get_now(id),
                    Side::Control => met.control.get_now(id),
                };
                assert!(found.is_some(), "every key that is asked for is there");
            }
            start.elapsed()
        })
    }

    /// Inserts from a thread that has no runtime, each committed.
    fn blocking_create(&self, plan: &Plan) -> Figures {
        let met = self.direct(Durability::Full);
        let ours = met.ours.in_place();
        let rows = Arc::new(trades(ROWS));
        let plan = Plan { repeat_max: ROWS / CALLS, ..*plan };
        contest(&plan, CALLS, |side, repeat| {
            self.files[side as usize].empty();
            let start = Instant::now();
            for at in 0..repeat * CALLS {
                match side {
                    Side::Ours => self.wait(ours.create(&rows, at)),
                    Side::Raw => met.raw.create_now(&rows[at]),
                    Side::Control => met.control.create_now(&rows[at]),
                }
            }
            start.elapsed()
        })
    }
}
