//! Running what leads from version to version.

mod alone;

use std::time::Duration;

use tokio::time::sleep;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::file::Direction;
use super::history::{self, Entry, Hand};
use super::lock;
use super::options::MigrateOptions;
use super::orphans;
use super::recipe::{self, Note, Step, Unit};
use super::report::{Applied, Failure, MigrationReport};
use crate::chance;
use crate::door::SqlConnection;
use crate::engine::Engine;
use crate::raw::{Dialect, Fields, SqlText};
use crate::sql::Sql;

/// The longest pause before a statement is tried again that did not get its lock: those who wait
/// behind it get theirs meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A migrator at work: it has the lock, and the one connection for all that it runs.
pub(super) struct Runner<'m> {
    sql: &'m Sql,
    options: &'m MigrateOptions,
    engine: Dialect,
    connection: SqlConnection,
    report: MigrationReport,
    /// How many statements the steps before had, and all of them have.
    statements: (usize, usize),
}

/// What went wrong, and where.
struct Fault {
    error: Error,
    /// The statement of the step; none if it was not one of its file.
    statement: Option<usize>,
    /// What was run, if not a statement of the file.
    what: &'static str,
}

impl Fault {
    fn of(error: Error, what: &'static str) -> Self {
        Self { error, statement: None, what }
    }
}

impl<'m> Runner<'m> {
    /// Waits until no other migrator is at work.
    pub(super) async fn open(sql: &'m Sql, options: &'m MigrateOptions) -> Result<Self> {
        let engine = sql.engine.dialect();
        // A file is there once the store is connected.
        sql.connect().await?;
        let lock = lock::of_file(sql, options.lock_wait).await?;
        let mut connection = lock::connection(sql, options.lock_wait).await?;
        if let Some(lock) = lock {
            connection.keep(lock);
        }
        if engine == Dialect::Postgres {
            lock::of_schema(&mut connection, options.lock_wait).await?;
        }
        let report = MigrationReport::default();
        let statements = (0, 0);
        let mut runner = Self { sql, options, engine, connection, report, statements };
        for text in recipe::opening(engine, options) {
            runner.batch(text).await?;
        }
        Ok(runner)
    }

    /// What the history says.
    pub(super) async fn entries(&mut self) -> Result<Vec<Entry>> {
        history::read(&mut self.connection, self.engine).await
    }

    pub(super) async fn make_history(&mut self) -> Result<()> {
        self.together(&[(None, history::definition(self.engine))]).await
    }

    /// Runs statements of the library's own, all or none; each unless it is wrong to.
    pub(super) async fn together(&mut self, texts: &[(Option<String>, String)]) -> Result<()> {
        let mut attempt = 1;
        loop {
            let Err(fault) = self.try_together(texts).await else { return Ok(()) };
            _ = self.batch("ROLLBACK".to_owned()).await;
            pause(self.options, attempt, fault).await.map_err(|fault| fault.error)?;
            attempt += 1;
        }
    }

    async fn try_together(&mut self, texts: &[(Option<String>, String)]) -> Result<(), Fault> {
        let of = |error| Fault::of(error, "the history");
        for text in recipe::begin(self.engine, self.options, false) {
            self.batch(text).await.map_err(of)?;
        }
        for (wrong, text) in texts {
            self.doubt(wrong.as_ref()).await?;
            self.batch(text.clone()).await.map_err(of)?;
        }
        self.batch("COMMIT".to_owned()).await.map_err(of)
    }

    /// Gives the connection back, with foreign keys on again and whatever is open rolled back.
    pub(super) async fn close(self) -> MigrationReport {
        if let Err(error) = self.connection.release().await {
            // All that was to be done is done; the connection is ended with its lock.
            tracing::warn!(%error, "the connection of a migrator could not be given back");
        }
        self.report
    }

    /// Runs the steps. What is done stands in the report, and what is not.
    pub(super) async fn run(&mut self, steps: &[Step<'_>]) -> Result<()> {
        self.statements = (0, steps.iter().map(|step| step.statements.len()).sum());
        for (at, step) in steps.iter().enumerate() {
            let begun = Tick::now();
            self.report.remaining = steps.iter().skip(at + 1).map(Step::place).collect();
            if let Err(fault) = self.step(step, begun).await {
                return Err(self.failed(step, fault).await);
            }
            self.statements.0 += step.statements.len();
            let took_ms = milliseconds(begun);
            let place = step.place();
            tracing::info!(version = place, way = step.direction.word(), took_ms, "migrated");
            self.report.applied.push(Applied {
                set: step.set.to_owned(),
                version: step.version.id.clone(),
                title: step.version.title.clone(),
                direction: step.direction,
                statements: step.statements.len() - step.done.min(step.statements.len()),
                took_ms,
            });
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step<'_>, begun: Tick) -> Result<(), Fault> {
        self.settle(step).await?;
        for unit in step.units() {
            match unit.note {
                // What stands alone is run with its note before it, see there.
                Note::Progress(done, next) if next > done => {}
                _ if !unit.transaction => self.alone(step, unit.statements.start, begun).await?,
                _ => self.unit(step, &unit, begun).await?,
            }
        }
        Ok(())
    }

    /// Makes the session what a step begins with, or goes on with: nothing that the step before
    /// has set, all that its own statements have set which are done.
    async fn settle(&mut self, step: &Step<'_>) -> Result<(), Fault> {
        let set = step.settings().map(|statement| statement.text.clone());
        for text in recipe::opening(self.engine, self.options).into_iter().chain(set) {
            self.batch(text).await.map_err(|e| Fault::of(e, "the settings"))?;
        }
        Ok(())
    }

    /// Runs a transaction, again if it did not get its locks.
    async fn unit(&mut self, step: &Step<'_>, unit: &Unit, begun: Tick) -> Result<(), Fault> {
        let mut attempt = 1;
        loop {
            let Err(fault) = self.attempt(step, unit, begun).await else { return Ok(()) };
            // What is left of the attempt; if the connection is lost, the server does it.
            _ = self.batch("ROLLBACK".to_owned()).await;
            pause(self.options, attempt, fault).await?;
            if step.file.transactional {
                self.settle(step).await?;
            }
            attempt += 1;
        }
    }

    async fn attempt(&mut self, step: &Step<'_>, unit: &Unit, begun: Tick) -> Result<(), Fault> {
        let checked = !unit.statements.is_empty();
        let [first, last] = step.doubt(unit.note);
        for text in recipe::begin(self.engine, self.options, checked) {
            self.batch(text).await.map_err(|e| Fault::of(e, "BEGIN"))?;
        }
        self.doubt(first.as_ref()).await?;
        self.back_up(step).await.map_err(|e| Fault::of(e, "the backup"))?;
        for at in unit.statements.clone() {
            self.statement(step, at).await?;
        }
        for text in recipe::before_commit(self.engine).into_iter().filter(|_| checked) {
            if let Err(error) = self.batch(text).await {
                let error = self.orphan(error).await;
                return Err(Fault::of(error, "the check of foreign keys"));
            }
        }
        let hand = Hand::ours(self.sql, self.options.who.as_deref(), milliseconds(begun));
        if let Some(note) = step.note(unit.note, &hand) {
            let of = |error| Fault::of(error, "the note in the history");
            for text in recipe::before_note(self.engine) {
                self.batch(text).await.map_err(of)?;
            }
            self.doubt(last.as_ref()).await?;
            self.batch(note).await.map_err(of)?;
        }
        self.batch("COMMIT".to_owned()).await.map_err(|e| Fault::of(e, "COMMIT"))
    }

    /// Refuses to go on where the history is not what it was when the way was chosen. Asked inside
    /// the transaction that changes it, so nobody comes in between: neither a script, nor a
    /// migrator whose lock was taken away.
    async fn doubt(&mut self, wrong: Option<&String>) -> Result<(), Fault> {
        let Some(wrong) = wrong else { return Ok(()) };
        let of = |error| Fault::of(error, "the look at the history");
        let text = built(format!("SELECT count(*) WHERE {wrong}"));
        let found: i64 = self.connection.query_scalar(text, ()).await.map_err(of)?;
        if found == 0 {
            return Ok(());
        }
        let message = "the history is not where this begins, somebody else migrates at the same \
                       time: look at the status, and try again";
        Err(of(Error::new(Code::MigrationBusy, message)))
    }

    async fn statement(&mut self, step: &Step<'_>, at: usize) -> Result<(), Fault> {
        let Some(statement) = step.statements.get(at) else { return Ok(()) };
        self.tell(at);
        let ran = self.batch(statement.text.clone()).await;
        ran.map_err(|error| Fault { error, statement: Some(at), what: "" })
    }

    /// Tells that a statement of the present step begins.
    fn tell(&self, at: usize) {
        if let Some(progress) = &self.options.progress {
            let (before, all) = self.statements;
            progress.tell(before + at + 1, all);
        }
    }

    /// Backs a SQLite file up before the first step that may lose data, while nobody else writes.
    async fn back_up(&mut self, step: &Step<'_>) -> Result<()> {
        let store = match &self.sql.engine {
            Engine::Sqlite(store) => Some(store),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => None,
        };
        let wanted = self.options.backup && self.report.backup.is_none() && step.may_lose();
        let Some(store) = store.filter(|_| wanted) else { return Ok(()) };
        let label = format!("before-{}-{}-{}", step.set, step.version.id, step.direction.word());
        let folder = self.options.backup_folder.as_deref();
        if let Some(path) = store.back_up(&label, folder).await? {
            tracing::info!(path = %path.display(), "backed up");
            self.report.backup = Some(path.display().to_string());
        }
        Ok(())
    }

    /// Says which row points to nothing, if that is what the check has found.
    async fn orphan(&mut self, error: Error) -> Error {
        type Orphan = Fields<(String, String, i64, Option<i64>)>;
        let text = built(format!(
            "SELECT made.\"child\", made.\"parent\", made.\"rows\", (SELECT c.\"rowid\" FROM \
             pragma_foreign_key_check(made.\"child\") AS c WHERE c.\"parent\" = made.\"parent\" \
             LIMIT 1) FROM ({}) AS made LIMIT 1",
            orphans::made()
        ));
        match self.connection.query_at_most_one::<Orphan>(text, ()).await {
            Ok(Some(Fields((table, parent, before, row)))) => {
                let rows = match row.filter(|_| before == 0) {
                    Some(row) => format!("rowid {row} of {table}"),
                    None => format!("more rows of {table} than before"),
                };
                let message = format!("{rows} would point to what is not there in {parent}");
                Error::new(Code::BrokenReference, message)
            }
            _ => error,
        }
    }

    /// Puts what went wrong into the report.
    async fn failed(&mut self, step: &Step<'_>, fault: Fault) -> Error {
        let Fault { error, statement: at, what } = fault;
        let statement = at.and_then(|at| step.statements.get(at));
        let line = statement.map_or(step.file.body_line, |statement| statement.line);
        let text = statement.map_or_else(|| what.to_owned(), |s| s.text.clone());
        let said = error.again().message().to_owned();
        let state = self.state(step, &error, what).await;
        let place = format!("{}, line {line}", step.file.name);
        let shown = shortened(&text);
        let message = format!("{place}: {shown}: {said}; {state}");
        self.report.failed = Some(Box::new(Failure {
            set: step.set.to_owned(),
            version: step.version.id.clone(),
            file: step.file.name.clone(),
            line,
            position: at.map_or(0, |at| at + 1),
            statement: text,
            code: error.code().as_str(),
            error: said,
            state,
        }));
        // A source would say the same twice.
        Error::new(Code::MigrationFailed, message)
    }

    /// What state the database is in, for people.
    async fn state(&mut self, step: &Step<'_>, error: &Error, what: &str) -> String {
        let place = step.place();
        let unknown = matches!(error.code(), Code::ConnectionLost | Code::OutcomeUnknown);
        if unknown && (what == "COMMIT" || !step.file.transactional) {
            return format!(
                "the connection was lost: the history knows whether {place} took effect"
            );
        }
        let (untouched, further) = match step.direction {
            Direction::Up => ("was not applied", "up"),
            Direction::Down => ("is still applied", "down"),
        };
        if step.file.transactional {
            return format!("{place} {untouched}, all of it was rolled back");
        }
        let all = step.statements.len();
        // The history is where it was, whatever the step has set.
        for text in recipe::opening(self.engine, self.options) {
            _ = self.batch(text).await;
        }
        let entries = self.entries().await.unwrap_or_default();
        match history::of(&entries, step.set, &step.version.id).filter(|e| e.outcome.is_half()) {
            Some(entry) => format!(
                "{} of {all} statements of {place} are done and stay, {further} goes on behind \
                 them",
                entry.statements_done
            ),
            None => format!("{place} {untouched}, nothing of it has begun"),
        }
    }

    async fn batch(&mut self, text: String) -> Result<()> {
        self.connection.batch(built(text)).await
    }
}

/// Pauses before the next attempt, unless it would be of no use.
async fn pause(options: &MigrateOptions, attempt: u32, fault: Fault) -> Result<(), Fault> {
    let again = matches!(fault.error.code(), Code::Locked | Code::TransactionFailed);
    if !again || attempt >= options.attempts {
        return Err(fault);
    }
    tracing::info!(attempt, error = %fault.error, "a migration gives way and tries again");
    let longest = options.statement_lock_wait.saturating_mul(attempt).min(PAUSE_MAX);
    sleep(longest.mul_f64(0.25 + 0.75 * chance::unit())).await;
    Ok(())
}

fn built(text: String) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}

fn milliseconds(since: Tick) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Characters of a statement that a message shows.
const SHOWN_CHARS: usize = 120;

/// The beginning of a statement, on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_CHARS {
        return line;
    }
    line.chars().take(SHOWN_CHARS).chain(['…']).collect()
}
