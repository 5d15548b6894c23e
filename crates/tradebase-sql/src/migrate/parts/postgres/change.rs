//! Making parts and letting them go.

use std::time::Duration;

use tokio::time::sleep;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::super::period::text;
use super::super::{Cut, PartOptions};
use super::catalogue::{self, Live, Part, trusted};
use crate::chance;
use crate::door::SqlConnection;
use crate::migrate::options::MIGRATION_STATEMENT_LOCK_WAIT;
use crate::naming::literal;

/// How often a change is tried that does not get its locks.
const ATTEMPTS: u32 = 20;
/// The pause before the second attempt, more or less; each further one is longer by as much.
const PAUSE: Duration = Duration::from_millis(100);
/// How long to wait between two looks whether older transactions have ended.
const VIEW_PAUSE: Duration = Duration::from_millis(20);
/// The check that spares a scan when a part is attached. It goes again.
const BOUNDS: &str = "tradebase_bounds";

/// Makes a part and attaches it. Gives how many rows it got from the default part.
pub(super) async fn make(
    connection: &mut SqlConnection,
    cut: &Cut,
    live: &Live,
    part: &Part,
    dry_run: bool,
) -> Result<u64> {
    let (low, high) = bounds(part)?;
    let holds = format!("{column} >= {low} AND {column} < {high}", column = cut.column);
    let mut rows = 0;
    if let Some(default) = &live.default {
        let count = format!("SELECT count(*) FROM {} WHERE {holds}", default.place);
        rows = connection.query_scalar::<i64>(trusted(count), ()).await?.unsigned_abs();
    }
    if dry_run {
        return Ok(rows);
    }
    let attach = format!(
        "ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({low}) TO ({high})",
        live.place, part.place
    );
    let attached = [
        Step::Run(attach),
        Step::Run(format!("ALTER TABLE {} DROP CONSTRAINT {BOUNDS}", part.place)),
    ];
    if rows == 0 {
        let lock = "IN SHARE ROW EXCLUSIVE MODE";
        let lock = Step::Run(format!("LOCK TABLE ONLY {} {lock}", live.place));
        let steps = made_aside(live, part, &holds).into_iter().chain([lock]);
        let steps: Vec<_> = steps.chain(attached.clone()).collect();
        match together(connection, &steps).await {
            // A row of the part came to the default one since it was looked for.
            Err(error) if error.code() == Code::Invalid && live.default.is_some() => {}
            made => return made,
        }
    }
    let Some(default) = &live.default else { return Ok(0) };
    let steps = moving(live, part, default, &holds, attached);
    together(connection, &steps).await.map_err(|error| {
        if error.code() != Code::BrokenReference {
            return error;
        }
        let message = format!(
            "rows of other tables point to rows of the default part, so none of them can move to \
             a part of their own: {}",
            part.name
        );
        Error::new(Code::BrokenReference, message).because(error)
    })
}

/// Something that is done in a transaction.
#[derive(Clone, Debug)]
enum Step {
    /// A statement.
    Run(String),
    /// Notes who sees the database as it is, before there are locks.
    Look,
    /// Waits until nobody sees the database as it was before the locks that are held.
    Alone,
    /// Moves rows.
    Move { from: String, to: String, holds: String },
}

/// The statements that make a part, without touching the table. A key that the server gives is
/// given by the table: none of the part's own, which the server refuses from version 17 on.
fn made_aside(live: &Live, part: &Part, holds: &str) -> [Step; 2] {
    let (place, table) = (&part.place, &live.place);
    [
        Step::Run(format!("CREATE TABLE {place} (LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)")),
        Step::Run(format!("ALTER TABLE {place} ADD CONSTRAINT {BOUNDS} CHECK ({holds})")),
    ]
}

/// The steps that move rows of the default part to a part and attach that.
///
/// Readers wait too: one who had looked for the parts a moment before would not see the new one,
/// and so lose sight of the rows in it. It takes some 4 µs a row. Meanwhile the default part stands
/// by itself, so that nothing happens to what belongs to the rows: no trigger fires, no reference
/// cascades.
///
/// The lock comes first: what is read of the table from then on, its columns above all, stays so.
fn moving(live: &Live, part: &Part, default: &Part, holds: &str, attached: [Step; 2]) -> Vec<Step> {
    let (table, default) = (&live.place, &default.place);
    let lock = format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE");
    let mut steps = vec![Step::Look, Step::Run(lock), Step::Alone];
    steps.extend(made_aside(live, part, holds));
    let (from, to) = (default.clone(), part.place.clone());
    steps.push(Step::Run(format!("ALTER TABLE {table} DETACH PARTITION {default}")));
    steps.push(Step::Move { from, to, holds: holds.to_owned() });
    steps.extend(attached);
    steps.push(Step::Run(format!("ALTER TABLE {table} ATTACH PARTITION {default} DEFAULT")));
    steps
}

/// Detaches a part, and drops it if that is told.
pub(super) async fn detach(
    connection: &mut SqlConnection,
    live: &Live,
    part: &Part,
    options: &PartOptions,
) -> Result<()> {
    if options.dry_run {
        return Ok(());
    }
    let (table, place) = (&live.place, &part.place);
    let lock = format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE");
    let mut steps = vec![Step::Run(lock)];
    if live.default.is_none() {
        detach_beside(connection, live, part).await?;
        steps.clear();
    } else {
        let end = if part.pending { " FINALIZE" } else { "" };
        let detach = format!("ALTER TABLE {table} DETACH PARTITION {place}{end}");
        steps.push(Step::Run(detach));
    }
    if options.drop {
        steps.push(Step::Run(format!("DROP TABLE {place}")));
    }
    if steps.is_empty() { Ok(()) } else { together(connection, &steps).await.map(drop) }
}

/// Detaches a part beside running transactions, which a table without a default part allows.
/// Interrupted, the part is neither in nor out: whoever comes next ends it.
async fn detach_beside(connection: &mut SqlConnection, live: &Live, part: &Part) -> Result<()> {
    let wait = MIGRATION_STATEMENT_LOCK_WAIT.as_millis();
    connection.batch(trusted(format!("SET lock_timeout = {wait}"))).await?;
    let mut attempt = 1;
    loop {
        let pending = catalogue::is_pending(connection, &part.place).await?;
        let how = if pending { "FINALIZE" } else { "CONCURRENTLY" };
        let text = format!("ALTER TABLE {} DETACH PARTITION {} {how}", live.place, part.place);
        match connection.batch(trusted(text)).await {
            Ok(()) => return Ok(()),
            Err(error) => pause(&error, attempt).await.ok_or(error)?,
        }
        attempt += 1;
    }
}

/// Carries steps out as one transaction, again and again while they do not get their locks.
/// Gives how many rows they changed.
async fn together(connection: &mut SqlConnection, steps: &[Step]) -> Result<u64> {
    let mut attempt = 1;
    loop {
        let error = match once(connection, steps).await {
            Ok(changed) => return Ok(changed),
            Err(error) => error,
        };
        if connection.batch("ROLLBACK").await.is_err() {
            return Err(error);
        }
        pause(&error, attempt).await.ok_or(error)?;
        attempt += 1;
    }
}

async fn once(connection: &mut SqlConnection, steps: &[Step]) -> Result<u64> {
    let wait = MIGRATION_STATEMENT_LOCK_WAIT.as_millis();
    let begin = format!(
        "BEGIN; SET LOCAL lock_timeout = {wait}; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0"
    );
    connection.batch(trusted(begin)).await?;
    let (mut changed, mut seen) = (0, Vec::new());
    for step in steps {
        match step {
            Step::Run(text) => connection.batch(trusted(text.clone())).await?,
            Step::Look => {
                let views = catalogue::views(connection).await?;
                seen.extend(views.into_iter().map(|(view, _)| view));
            }
            Step::Alone => alone(connection, &seen).await?,
            Step::Move { from, to, holds } => {
                let columns = catalogue::columns(connection, from).await?;
                let text = format!(
                    "WITH gone AS (DELETE FROM {from} WHERE {holds} RETURNING {columns}) \
                     INSERT INTO {to} ({columns}) OVERRIDING SYSTEM VALUE \
                     SELECT {columns} FROM gone"
                );
                changed += connection.execute(trusted(text), ()).await?;
            }
        }
    }
    connection.batch("COMMIT").await?;
    Ok(changed)
}

/// Waits until those who may see the database as it was have ended what they do: one of a
/// transaction of REPEATABLE READ would look for rows in a part where he cannot see them. Gives up
/// as one who does not get a lock, so that nobody waits long for the locks that are held.
async fn alone(connection: &mut SqlConnection, seen: &[String]) -> Result<()> {
    let due = Tick::now().after(MIGRATION_STATEMENT_LOCK_WAIT);
    let mut left: Option<Vec<String>> = None;
    loop {
        let now = catalogue::views(connection).await?;
        let older: Vec<_> = now
            .into_iter()
            .filter(|(view, waits)| match &left {
                // Those who came later met the lock.
                Some(left) => left.contains(view),
                // A statement that waits for the lock looks anew when it has it, unless its
                // transaction holds on to what it saw before.
                None => !waits || seen.contains(view),
            })
            .map(|(view, _)| view)
            .collect();
        if older.is_empty() {
            return Ok(());
        }
        if due.is_past() {
            let message = "another transaction of this database sees it as it was, and would miss \
                           rows that move to a part";
            return Err(Error::new(Code::Locked, message));
        }
        left = Some(older);
        sleep(VIEW_PAUSE.min(due.left())).await;
    }
}

/// Waits before the next attempt; none if there is none, because this one met no lock or was the
/// last.
async fn pause(error: &Error, attempt: u32) -> Option<()> {
    let met_lock = matches!(error.code(), Code::Locked | Code::TransactionFailed);
    if !met_lock || attempt >= ATTEMPTS {
        return None;
    }
    tracing::debug!(attempt, %error, "the parts of a table are in use, trying again");
    sleep((PAUSE * attempt).mul_f64(0.5 + chance::unit())).await;
    Some(())
}

/// The bounds of a part that is to be made, as SQL.
fn bounds(part: &Part) -> Result<(String, String)> {
    let bound = |at: Option<i64>| at.and_then(text).map(|text| literal(&text));
    match (bound(part.from), bound(part.to)) {
        (Some(low), Some(high)) => Ok((low, high)),
        _ => Err(Error::new(Code::Internal, "a part is made without bounds")),
    }
}
