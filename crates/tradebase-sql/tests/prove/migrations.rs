//! From a random set of records to another and back: the database becomes what the records say,
//! with all data that can be kept, or refuses and is as it was.

#[path = "migrations/apply.rs"]
pub mod apply;
#[path = "migrations/expect.rs"]
mod expect;
#[path = "migrations/generate.rs"]
mod generate;
#[path = "migrations/lint.rs"]
mod lint;
#[path = "migrations/repair.rs"]
mod repair;
#[path = "migrations/rows.rs"]
mod rows;
#[cfg(feature = "postgres")]
#[path = "migrations/squawk.rs"]
mod squawk;

use std::fmt::Write;

use tradebase_core::Table;
use tradebase_core::schema::{TableSchema, tables};
use tradebase_sql::{
    Direction, Draft, Migration, MigrationFile, MigrationSet, Plan, Renames, Shape, Sql, Target,
    Wanted,
};

use self::expect::{Way, all_there, counting};
use crate::common::{self, Dice};

/// Rounds of a plain test run; `cargo xtask prove` says how many.
const ROUNDS: u64 = 12;
/// Seeds that once found something: a column made anew that is the key of SQLite's rows, a key that
/// other tables point to, a name that is taken over, a check that reads like that of an old name.
const KNOWN: [u64; 4] = [5_258, 777_106, 20_261_122, 1_795_302_671_740_604_475];
/// Rows of a table at most.
const ROWS: u64 = 9;

/// Two sets of records, the second made from the first.
struct Sets {
    a: Vec<&'static Table>,
    b: Vec<&'static Table>,
    told: String,
}

/// What came of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Came {
    /// It led there, with this many rows kept.
    There(usize),
    /// It was refused, and led there once there were no rows.
    Refused,
    /// It was refused behind what was done already, by what nobody could foresee.
    Late,
}

#[derive(Debug, Default)]
struct Tally {
    there: u64,
    rows: usize,
    refused: u64,
    late: u64,
}

impl Tally {
    fn note(&mut self, came: Came) {
        match came {
            Came::There(rows) => (self.there, self.rows) = (self.there + 1, self.rows + rows),
            Came::Refused => self.refused += 1,
            Came::Late => self.late += 1,
        }
    }
}

/// Says what it was about when a test fails.
struct Told(String);

impl Drop for Told {
    #[allow(clippy::print_stdout, reason = "a failing test says its seed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// The sets of a seed. The rows come from the same dice.
fn sets(dice: &mut Dice) -> Sets {
    let from = generate::records(dice);
    let a = tables(&from).unwrap();
    loop {
        let to = generate::changed(dice, &from);
        let b = tables(&to).unwrap();
        let renames = counting(&Renames::of(&b).unwrap(), &a, &b);
        let way = Way { engine: "", from: &a, to: &b, renames: &renames };
        if !way.is_ambiguous() {
            let told = told("from", &from) + &told("to", &to);
            return Sets { a, b, told };
        }
    }
}

fn told(word: &str, set: &[TableSchema]) -> String {
    let mut text = format!("{word}:\n");
    for table in set {
        _ = writeln!(text, "  {}", serde_json::to_string(table).unwrap());
    }
    text
}

/// There, back and there again, by the files that are written; back by each number of versions and
/// there again; then rows are written and read through the records.
async fn round(sql: &Sql, seed: u64, most: u64, tally: &mut Tally) -> Came {
    let mut dice = Dice::new(seed);
    let Sets { a, b, told } = sets(&mut dice);
    let mut told = Told(format!("engine {}, seed {seed}\n{told}", sql.capabilities().engine));
    begin(sql, &a, &mut dice, most).await;
    let now = sql.shape().await.unwrap();
    let wanted = sql.wanted(&b).await.unwrap();
    let draft = sql.draft(&wanted, true).await.unwrap();
    let files = apply::Way::new(sql, &draft);
    told.0 += &told_files(&files.set);
    let Draft { up, down, .. } = draft;
    let Wanted { shape, renames, .. } = wanted;
    let renames = counting(&renames, &a, &b);
    let there = Step { from: &a, to: &b, plan: &up, renames: &renames, shape: &shape };
    let back = renames.reversed();
    let back = Step { from: &b, to: &a, plan: &down, renames: &back, shape: &now };
    let mut all_kept = true;
    for (word, step) in [("up", &there), ("down", &back), ("up again", &there)] {
        told.0 += &format!("-- {word}\n");
        let came = step.take(sql, &files).await;
        tally.note(came);
        if came == Came::Late {
            return came;
        }
        all_kept &= came != Came::Refused;
    }
    if !all_kept {
        rows::clear(sql, &b).await;
    }
    let lossless = up.losses.is_empty() && down.losses.is_empty();
    let had = rows::read(sql, &b).await;
    for steps in 1..=files.set.versions.len() {
        told.0 += &format!("-- down by {steps}, and up\n");
        files.migrator.down(Target::Steps(steps)).await.unwrap();
        files.migrator.up(Target::End).await.unwrap();
        there.arrived(sql).await;
        let have = rows::read(sql, &b).await;
        let count = |rows: &rows::Rows| rows.values().map(Vec::len).sum::<usize>();
        assert!(!lossless || count(&have) == count(&had), "rows are lost: {had:?} {have:?}");
    }
    rows::fill(sql, &b, &mut dice, 3).await;
    let nothing = sql.draft(&sql.wanted(&b).await.unwrap(), true).await.unwrap();
    assert!(nothing.up.files.is_empty() && nothing.down.files.is_empty(), "{nothing:?}");
    Came::There(0)
}

/// Makes the tables and their rows.
async fn begin(sql: &Sql, tables: &[&'static Table], dice: &mut Dice, most: u64) {
    for table in tables {
        sql.table(table).create_table().await.unwrap();
    }
    rows::fill(sql, tables, dice, most).await;
    let (now, want) = (sql.shape().await.unwrap(), sql.wanted(tables).await.unwrap());
    assert_eq!(told_shape(&now), told_shape(&want.shape), "what create_table made");
}

/// The script does what the migrator does. Whether it could: rows may be in the way.
async fn scripted(online: &Sql, offline: &Sql, seed: u64, most: u64, shell: Shell<'_>) -> bool {
    let mut told = Told(format!("engine {}, seed {seed}", online.capabilities().engine));
    let mut ends = Vec::new();
    for sql in [online, offline] {
        let mut dice = Dice::new(seed);
        let Sets { a, b, .. } = sets(&mut dice);
        begin(sql, &a, &mut dice, most).await;
        ends = vec![b, a];
    }
    let draft = online.draft(&online.wanted(&ends[0]).await.unwrap(), true).await.unwrap();
    let files = apply::Way::new(online, &draft);
    told.0 += &told_files(&files.set);
    let zero = || Target::Version("0".to_owned());
    let last = files.set.versions.last().map_or_else(zero, |v| Target::Version(v.id.clone()));
    let ways = [(Direction::Up, zero(), last.clone()), (Direction::Down, last, zero())];
    for (tables, (way, from, to)) in ends.iter().zip(ways) {
        if files.go(way).await.is_err() {
            return false;
        }
        let script = files.migrator.script(apply::engine(online), from, to).unwrap();
        told.0 += &format!("-- script\n{script}");
        assert_eq!(shell(Some(&script)), ["", ""], "a script says nothing");
        let [one, other] = shell(None);
        assert_eq!(one, other, "{way:?}");
        let (have, want) = (rows::read(offline, tables).await, rows::read(online, tables).await);
        assert_eq!(have, want, "{way:?}");
    }
    true
}

/// Runs a script offline, or dumps both databases.
type Shell<'a> = &'a dyn Fn(Option<&str>) -> [String; 2];

/// The history but for who, when and how long.
const HISTORY: &str = "SELECT set_name, version, title, checksum, outcome, statements_done, \
                       statements_begun, number FROM tradebase_migrations ORDER BY number";

/// A way, with the shape at its end.
struct Step<'a> {
    from: &'a [&'static Table],
    to: &'a [&'static Table],
    plan: &'a Plan,
    renames: &'a Renames,
    shape: &'a Shape,
}

impl Step<'_> {
    async fn take(&self, sql: &Sql, files: &apply::Way) -> Came {
        let engine = sql.capabilities().engine;
        let way = Way { engine, from: self.from, to: self.to, renames: self.renames };
        way.check_losses(self.plan);
        let direction = if files.is_there().await { Direction::Down } else { Direction::Up };
        let before = sql.shape().await.unwrap();
        let had = rows::read(sql, self.from).await;
        let expected = way.expected(self.plan, &had);
        let stopped = match files.go(direction).await {
            Ok(()) => {
                let refusals = &expected.refusals;
                assert!(refusals.is_empty(), "was to be refused: {refusals:?}");
                self.arrived(sql).await;
                self.kept(sql, &expected).await;
                return Came::There(had.values().map(Vec::len).sum());
            }
            Err(stopped) => stopped,
        };
        let reasons = [&expected.refusals, &expected.doubts];
        let may = reasons.iter().any(|reasons| !reasons.is_empty());
        assert!(may, "was refused without reason: {stopped}");
        if direction == Direction::Down && !files.is_half().await {
            // What was built beside may be gone already, and comes again.
            files.go(Direction::Up).await.unwrap();
        }
        if told_shape(&sql.shape().await.unwrap()) != told_shape(&before) {
            let sure = &expected.refusals;
            assert!(sure.is_empty(), "was refused behind what was done: {sure:?}: {stopped}");
            // What was done before stands, with all rows.
            self.kept(sql, &expected).await;
            return Came::Late;
        }
        let have = rows::read(sql, self.from).await;
        assert_eq!(have, had, "a refused migration changed rows");
        rows::clear(sql, self.from).await;
        if let Err(stopped) = files.go(direction).await {
            panic!("was refused without rows: {stopped}");
        }
        self.arrived(sql).await;
        Came::Refused
    }

    async fn arrived(&self, sql: &Sql) {
        assert_eq!(told_shape(&sql.shape().await.unwrap()), told_shape(self.shape));
    }

    async fn kept(&self, sql: &Sql, expected: &expect::Expected) {
        let have = rows::read(sql, self.to).await;
        for table in self.to {
            let (want, have) = (&expected.rows[table.name], &have[table.name]);
            let name = table.name;
            assert!(all_there(table, want, have), "{name}: want {want:#?}\nhave {have:#?}");
        }
    }
}

/// A shape as text, whose difference is easy to see. The order of columns aside, which a table
/// that has got one has in another order than its record.
fn told_shape(shape: &Shape) -> String {
    let mut shape = shape.clone();
    for table in shape.tables.values_mut() {
        table.columns.sort_by(|a, b| a.name.cmp(&b.name));
        table.checks.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
        table.references.sort_by(|a, b| (&a.name, &a.columns).cmp(&(&b.name, &b.columns)));
        table.indexes.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
        table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    }
    serde_json::to_string_pretty(&shape).unwrap()
}

fn told_files(set: &MigrationSet) -> String {
    set.versions.iter().flat_map(Migration::files).map(MigrationFile::text).collect()
}

fn seeds() -> impl Iterator<Item = u64> {
    let rounds = super::setting("TRADEBASE_PROVE_ROUNDS", ROUNDS);
    let random = (0..rounds).map(|round| super::seed().wrapping_add(round));
    KNOWN.into_iter().chain(random)
}

/// Each round in a database of its own; one that was refused late once more, without rows.
macro_rules! on {
    ($store:ident) => {{
        let _alone = super::super::alone().await;
        let mut tally = super::Tally::default();
        for seed in super::seeds() {
            for most in [super::ROWS, 0] {
                let store = super::common::$store::new().await;
                let came = super::round(&store.sql, seed, most, &mut tally).await;
                store.sql.clone().close().await.unwrap();
                if came != super::Came::Late {
                    break;
                }
                assert!(most > 0, "was refused without rows: seed {seed}");
            }
        }
        println!("migrations on {}: {tally:?}", stringify!($store));
    }};
}

/// Seeds whose scripts are run.
const SCRIPTS: usize = 5;

/// The script of each seed on a database of its own; once more without rows if they are in the way.
macro_rules! scripts {
    ($store:ident, $shell:expr) => {{
        for seed in super::seeds().take(super::SCRIPTS) {
            for most in [super::ROWS, 0] {
                let online = super::common::$store::new().await;
                let offline = super::common::$store::new().await;
                let shell = |script: Option<&str>| $shell(script, &offline, &online);
                let ran = super::scripted(&online.sql, &offline.sql, seed, most, &shell).await;
                online.sql.clone().close().await.unwrap();
                offline.sql.clone().close().await.unwrap();
                if ran {
                    break;
                }
                assert!(most > 0, "was refused without rows: seed {seed}");
            }
        }
    }};
}

mod sqlite {
    use super::common::SqliteStore;

    #[tokio::test]
    async fn random_records_are_reached_and_left_again() {
        on!(SqliteStore);
    }

    #[tokio::test]
    async fn scripts_do_what_the_migrator_does() {
        use tradebase_testkit::sqlite3;
        let shell = |script: Option<&str>, offline: &SqliteStore, online: &SqliteStore| match script
        {
            Some(script) => [sqlite3(offline.path(), script).unwrap(), String::new()],
            None => [offline, online].map(|store| {
                let dump = sqlite3(store.path(), ".schema\n").unwrap();
                dump + &sqlite3(store.path(), super::HISTORY).unwrap()
            }),
        };
        scripts!(SqliteStore, shell);
    }

    #[tokio::test]
    async fn generated_files_pass_lint_but_for_what_is_argued() {
        super::lint::all_pass!(SqliteStore);
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::common::PostgresStore;

    #[tokio::test]
    async fn random_records_are_reached_and_left_again() {
        on!(PostgresStore);
    }

    #[tokio::test]
    async fn scripts_do_what_the_migrator_does() {
        use tradebase_testkit::{pg_dump_schema, psql};
        let shell =
            |script: Option<&str>, offline: &PostgresStore, online: &PostgresStore| match script {
                Some(script) => [psql(&offline.url(), script).unwrap(), String::new()],
                None => [offline, online].map(|store| {
                    let history = psql(&store.url(), super::HISTORY).unwrap();
                    pg_dump_schema(&store.url()).unwrap() + &history
                }),
            };
        scripts!(PostgresStore, shell);
    }

    #[tokio::test]
    async fn generated_files_pass_lint_but_for_what_is_argued() {
        super::lint::all_pass!(PostgresStore);
    }

    #[tokio::test]
    async fn generated_migrations_pass_squawk() {
        let mut found = Vec::new();
        for seed in super::seeds().take(super::squawk::PLANS) {
            let store = PostgresStore::new().await;
            found.extend(super::squawk::look_over(&store.sql, seed).await);
            store.sql.clone().close().await.unwrap();
        }
        assert!(found.is_empty(), "{}: {}", found.len(), found.join("\n"));
    }
}
