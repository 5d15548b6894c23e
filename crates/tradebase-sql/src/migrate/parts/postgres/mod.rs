//! Parts of PostgreSQL.
//!
//! A part is made aside (`LIKE`) with a check of its bounds and then attached, which needs no scan
//! of it. Attaching takes a weak lock of the table by itself, but then a writer who has looked for
//! his part a moment before would be refused by the default part. So writers wait for that moment.
//!
//! With a default part nothing can be detached beside running transactions (`CONCURRENTLY` is
//! refused), so it is done under the strongest lock, which is held for a change of the catalogue
//! only.

mod catalogue;
mod change;

use tokio::time::sleep;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result, Table, Timestamp};

use self::catalogue::Live;
use self::change::{detach, make};
use super::period::{Period, kept_from};
use super::{Cut, PartOptions, TableParts};
use crate::chance;
use crate::door::SqlConnection;
use crate::naming::fnv;
use crate::sql::Sql;

/// How long to wait between two looks whether another one still keeps the parts. Looking and not
/// waiting in the server: a wait there would be a transaction that others wait for.
const LOOK_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
/// How far the clock of the store may be ahead of the server's where old parts are let go.
const CLOCKS_APART: std::time::Duration = std::time::Duration::from_secs(60);
/// The most parts that one call makes for the rows of a default part.
const FROM_DEFAULT_MAX: usize = 1_000;

pub(super) async fn keep(sql: &Sql, cut: &[Cut], options: &PartOptions) -> Result<Vec<TableParts>> {
    let mut connection = sql.connection().await?;
    take_turn(&mut connection, options).await?;
    let of_server = catalogue::now(&mut connection).await?;
    let mut keepers: Vec<_> = cut.iter().map(|cut| Keeper::new(cut, options)).collect();
    // What is needed soon comes first, for all tables; and no table waits for what another lacks.
    for keeper in &mut keepers {
        keeper.make_ahead(&mut connection).await;
    }
    for keeper in &mut keepers {
        keeper.make_for_default(&mut connection).await;
    }
    for keeper in &mut keepers {
        keeper.let_go(&mut connection, of_server).await;
    }
    let mut done = Vec::new();
    let mut failed = Vec::new();
    for mut keeper in keepers {
        keeper.count_default(&mut connection).await;
        failed.extend(keeper.failed.into_iter().map(|error| (keeper.cut.table, error)));
        done.push(keeper.done);
    }
    let released = connection.release().await;
    match first_of(failed) {
        Some(error) => Err(error),
        None => released.map(|()| done),
    }
}

/// The first of some errors, which tells how many others there are.
fn first_of(failed: Vec<(&'static Table, Error)>) -> Option<Error> {
    let others = failed.len().saturating_sub(1);
    let (table, first) = failed.into_iter().next()?;
    if others == 0 {
        return Some(first.of(table));
    }
    let message = format!("{}; {others} more parts or tables failed", first.message());
    Some(Error::new(first.code(), message).because(first).of(table))
}

/// Waits until nobody else keeps the parts of this database. The turn ends with the connection.
async fn take_turn(connection: &mut SqlConnection, options: &PartOptions) -> Result<()> {
    let key = fnv(b"tradebase parts").cast_signed();
    let due = Tick::now().after(options.lock_wait);
    loop {
        let text = "SELECT pg_catalog.pg_try_advisory_lock($1)";
        if connection.query_scalar::<bool>(text, (key,)).await? {
            return Ok(());
        }
        if due.is_past() {
            let wait = options.lock_wait;
            let message = format!("another process still keeps the parts after {wait:?}");
            return Err(Error::new(Code::Locked, message));
        }
        sleep(LOOK_PAUSE.mul_f64(0.5 + chance::unit()).min(due.left())).await;
    }
}

/// Keeps the parts of one table.
struct Keeper<'a> {
    cut: &'a Cut,
    options: &'a PartOptions,
    /// The table as it stands; none before it is looked at, and if that failed.
    live: Option<Live>,
    done: TableParts,
    failed: Vec<Error>,
    /// The periods whose part was made or failed.
    tried: Vec<Period>,
    /// Whether somebody else holds the table for long: then it is left alone.
    is_held: bool,
}

impl<'a> Keeper<'a> {
    fn new(cut: &'a Cut, options: &'a PartOptions) -> Self {
        let done = TableParts { table: cut.table.name.to_owned(), ..TableParts::default() };
        Self {
            cut,
            options,
            live: None,
            done,
            failed: Vec::new(),
            tried: Vec::new(),
            is_held: false,
        }
    }

    fn note(&mut self, error: Error) {
        tracing::warn!(table = self.cut.table.name, %error, "a part is not as it should be");
        self.failed.push(error);
    }

    /// Makes the parts of now and of the time that comes.
    async fn make_ahead(&mut self, connection: &mut SqlConnection) {
        match Live::of(connection, self.cut).await {
            Ok(live) => self.live = Some(live),
            Err(error) => return self.note(error),
        }
        for period in ahead(self.cut, self.options.ahead) {
            self.make(connection, period).await;
        }
    }

    /// Makes the parts of the rows that have none.
    async fn make_for_default(&mut self, connection: &mut SqlConnection) {
        let Some(live) = &self.live else { return };
        match live.periods_in_default(connection, self.cut, FROM_DEFAULT_MAX).await {
            Ok(periods) => {
                for period in periods {
                    self.make(connection, period).await;
                }
            }
            Err(error) => self.note(error),
        }
    }

    async fn make(&mut self, connection: &mut SqlConnection, period: Period) {
        if self.is_held {
            return;
        }
        if let Err(error) = self.try_make(connection, period).await {
            self.is_held = error.code() == Code::Locked;
            self.note(error);
        }
    }

    async fn try_make(&mut self, connection: &mut SqlConnection, period: Period) -> Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if live.covers(period)? || self.tried.contains(&period) {
            return Ok(());
        }
        self.tried.push(period);
        let part = live.free_name(connection, self.cut, period).await?;
        self.done.moved += make(connection, self.cut, live, &part, self.options.dry_run).await?;
        tell(&part.name, "part made", self.options);
        self.done.made.push(part.name.clone());
        live.parts.push(part);
        Ok(())
    }

    /// Lets old parts go.
    async fn let_go(&mut self, connection: &mut SqlConnection, of_server: Timestamp) {
        let (Some(live), Some(from)) = (&self.live, self.cut.kept_from) else { return };
        // However wrong the clock here is, what the server's would keep stays.
        let apart = i64::try_from(CLOCKS_APART.as_micros()).unwrap_or_default();
        let latest = Timestamp::from_micros(of_server.as_micros().saturating_add(apart));
        let keep = self.options.keep;
        let step = self.cut.partition.step;
        let sure = keep.and_then(|keep| kept_from(latest, keep, step));
        let mut failed = Vec::new();
        for part in live.before(from.as_micros()) {
            let is_sure = sure.zip(part.to).is_some_and(|(sure, to)| to <= sure.as_micros());
            if !is_sure {
                let message = format!(
                    "the clock is ahead of the server's, by which a part is not old yet: {}",
                    part.name
                );
                failed.push(Error::new(Code::Config, message));
                continue;
            }
            match detach(connection, live, &part, self.options).await {
                Ok(()) => {
                    let what = if self.options.drop { "part dropped" } else { "part detached" };
                    tell(&part.name, what, self.options);
                    let TableParts { dropped, detached, .. } = &mut self.done;
                    let gone = if self.options.drop { dropped } else { detached };
                    gone.push(part.name);
                }
                Err(error) => failed.push(error),
            }
        }
        failed.into_iter().for_each(|error| self.note(error));
    }

    async fn count_default(&mut self, connection: &mut SqlConnection) {
        let Some(live) = &self.live else { return };
        match live.rows_in_default(connection).await {
            Ok(rows) => self.done.in_default = rows,
            Err(error) => self.note(error),
        }
    }
}

/// Leaves a trace of what was done.
fn tell(part: &str, what: &str, options: &PartOptions) {
    if !options.dry_run {
        tracing::info!(part, "{what}");
    }
}

/// The periods of now and so many behind it.
fn ahead(cut: &Cut, ahead: u32) -> Vec<Period> {
    let step = cut.partition.step;
    let mut all = Vec::new();
    let mut next = Period::of(cut.now, step);
    while let Some(period) = next {
        all.push(period);
        if u32::try_from(all.len()).map_or(true, |made| made > ahead) {
            break;
        }
        next = period.next(step);
    }
    all
}

pub(super) async fn defaults_in_use(
    sql: &Sql,
    tables: &[&'static Table],
) -> Result<Vec<&'static Table>> {
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| table.partition.is_some()) {
        let Some(default) = catalogue::default_part(sql, table).await? else { continue };
        if catalogue::has_rows(sql, &default).await? {
            found.push(*table);
        }
    }
    Ok(found)
}
