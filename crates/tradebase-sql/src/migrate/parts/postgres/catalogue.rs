//! What the server says of a table's parts.

use tradebase_core::{Code, Error, PartitionStep, Result, Table, Timestamp};

use super::super::Cut;
use super::super::period::{Period, text};
use crate::door::SqlConnection;
use crate::naming::{self, quoted};
use crate::raw::{Fields, SqlText};
use crate::sql::Sql;

/// How often a name that is taken is tried with a number behind it.
const NAMES_MAX: u32 = 100;

/// A table, and what it is cut by: schema, whether it is cut as the record says, default part.
const TABLE: &str = "SELECT n.nspname::text, p.partrelid IS NOT NULL, coalesce(\
     pg_catalog.pg_get_partkeydef(c.oid) = 'RANGE (' || pg_catalog.quote_ident($2) || ')', false) \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid \
     WHERE c.oid = pg_catalog.to_regclass($1)";

/// Its parts: schema, name, whether it is the default one, whether it is being detached, and its
/// bounds in microseconds, none for what is not one moment. Bounds are written in the time zone of
/// the session, and read in it.
const PARTS: &str = "SELECT n.nspname::text, c.relname::text, c.oid = p.partdefid, \
     coalesce((pg_catalog.to_jsonb(i) ->> 'inhdetachpending')::bool, false), \
     CASE WHEN pg_catalog.isfinite(b.low) \
          THEN (extract(epoch FROM b.low) * 1000000)::bigint END, \
     CASE WHEN pg_catalog.isfinite(b.high) \
          THEN (extract(epoch FROM b.high) * 1000000)::bigint END \
     FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent \
     CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS text) e \
     CROSS JOIN LATERAL (SELECT substring(e.text from 'FROM \\(''([^'']*)''\\)')::timestamptz, \
          substring(e.text from 'TO \\(''([^'']*)''\\)')::timestamptz) AS b (low, high) \
     WHERE i.inhparent = pg_catalog.to_regclass($1) ORDER BY c.relname";

/// A part of a table.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// The same with its schema, in quotes.
    pub(super) place: String,
    /// What it holds from, and up to; none for all there is, and for what we do not know.
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    /// Whether somebody began to detach it and did not end.
    pub(super) pending: bool,
}

/// A table as it stands.
#[derive(Debug)]
pub(super) struct Live {
    schema: String,
    /// Its name with its schema, in quotes.
    pub(super) place: String,
    /// Without the default one.
    pub(super) parts: Vec<Part>,
    pub(super) default: Option<Part>,
}

/// A part as the catalogue gives it.
type PartRow = (String, String, bool, bool, Option<i64>, Option<i64>);

impl Live {
    pub(super) async fn of(connection: &mut SqlConnection, cut: &Cut) -> Result<Self> {
        let name = quoted(cut.table.name);
        let column = cut.table.columns.get(cut.partition.column).map(|c| c.name.text);
        let found: Option<Fields<(String, bool, bool)>> = connection
            .query_at_most_one(TABLE, (name.as_str(), column.unwrap_or_default()))
            .await?;
        let schema = match found {
            Some(Fields((schema, _, true))) => schema,
            Some(Fields((_, true, false))) => {
                return Err(mismatch("the table is not cut by the time that the record says"));
            }
            Some(_) => {
                return Err(mismatch(
                    "the table is not cut into parts, as the record says: make it anew so, and \
                     copy its rows",
                ));
            }
            None => return Err(mismatch("there is no such table")),
        };
        let place = format!("{}.{name}", quoted(&schema));
        let mut live = Self { schema, place, parts: Vec::new(), default: None };
        let rows: Vec<Fields<PartRow>> = connection.query(PARTS, (name.as_str(),)).await?;
        for Fields((schema, name, is_default, pending, from, to)) in rows {
            let place = format!("{}.{}", quoted(&schema), quoted(&name));
            let part = Part { name, place, from, to, pending };
            if is_default {
                live.default = Some(part);
            } else {
                live.parts.push(part);
            }
        }
        Ok(live)
    }

    /// Whether a part holds the whole period. One that holds some of it is an error.
    pub(super) fn covers(&self, period: Period) -> Result<bool> {
        for part in &self.parts {
            let begins = part.from.is_none_or(|from| from <= period.from);
            let ends = part.to.is_none_or(|to| to >= period.to);
            if begins && ends {
                return Ok(true);
            }
            let apart = part.from.is_some_and(|from| from >= period.to)
                || part.to.is_some_and(|to| to <= period.from);
            if !apart {
                let between = |at| text(at).unwrap_or_default();
                let message = format!(
                    "a part holds some of what a new one is to hold, from {} to {}: {}",
                    between(period.from),
                    between(period.to),
                    part.name
                );
                return Err(mismatch(&message));
            }
        }
        Ok(false)
    }

    /// The parts that end before that moment, the oldest first.
    pub(super) fn before(&self, moment: i64) -> Vec<Part> {
        let is_old = |part: &&Part| part.to.is_some_and(|to| to <= moment);
        let mut old: Vec<_> = self.parts.iter().filter(is_old).cloned().collect();
        old.sort_by_key(|part| part.to);
        old
    }

    /// The periods of the rows in the default part.
    pub(super) async fn periods_in_default(
        &self,
        connection: &mut SqlConnection,
        cut: &Cut,
        most: usize,
    ) -> Result<Vec<Period>> {
        let Some(default) = &self.default else { return Ok(Vec::new()) };
        let (column, step) = (&cut.column, cut.partition.step);
        let unit = match step {
            PartitionStep::Day => "day",
            _ => "month",
        };
        // Whatever no record can hold stays where it is.
        let text = format!(
            "SELECT DISTINCT date_trunc('{unit}', {column} AT TIME ZONE 'UTC') \
             AT TIME ZONE 'UTC' FROM {} WHERE {column} >= '0001-01-01 00:00:00+00' \
             AND {column} < '10000-01-01 00:00:00+00' ORDER BY 1 LIMIT {most}",
            default.place
        );
        let found: Vec<Fields<(Timestamp,)>> = connection.query(trusted(text), ()).await?;
        Ok(found.into_iter().filter_map(|Fields((at,))| Period::of(at, step)).collect())
    }

    /// A part for that period, under a name that nobody has: one that was detached keeps its own.
    pub(super) async fn free_name(
        &self,
        connection: &mut SqlConnection,
        cut: &Cut,
        period: Period,
    ) -> Result<Part> {
        let label = period.label(cut.partition.step);
        for number in 1..=NAMES_MAX {
            let label = if number == 1 { label.clone() } else { format!("{label}_{number}") };
            let name = naming::part(cut.table.name, &label);
            let place = format!("{}.{}", quoted(&self.schema), quoted(&name));
            let look = "SELECT pg_catalog.to_regclass($1) IS NULL";
            if connection.query_scalar::<bool>(look, (place.as_str(),)).await? {
                let (from, to) = (Some(period.from), Some(period.to));
                return Ok(Part { name, place, from, to, pending: false });
            }
        }
        Err(mismatch("too many tables have the name of the part"))
    }

    pub(super) async fn rows_in_default(&self, connection: &mut SqlConnection) -> Result<u64> {
        let Some(default) = &self.default else { return Ok(0) };
        let text = format!("SELECT count(*) FROM {}", default.place);
        Ok(connection.query_scalar::<i64>(trusted(text), ()).await?.unsigned_abs())
    }
}

/// The default part of a table, with its schema, in quotes; none if the table has none.
pub(super) async fn default_part(sql: &Sql, table: &Table) -> Result<Option<String>> {
    let text = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_partitioned_table p \
                JOIN pg_catalog.pg_class c ON c.oid = p.partdefid \
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                WHERE p.partrelid = pg_catalog.to_regclass($1)";
    let found: Option<Fields<(String, String)>> =
        sql.query_at_most_one(text, (quoted(table.name).as_str(),)).await?;
    Ok(found.map(|Fields((schema, name))| format!("{}.{}", quoted(&schema), quoted(&name))))
}

/// Whether a table has a row.
pub(super) async fn has_rows(sql: &Sql, place: &str) -> Result<bool> {
    let text = format!("SELECT EXISTS (SELECT 1 FROM {place} LIMIT 1)");
    sql.query_scalar(trusted(text), ()).await
}

/// Whether somebody began to detach a part and did not end.
pub(super) async fn is_pending(connection: &mut SqlConnection, place: &str) -> Result<bool> {
    let text = "SELECT coalesce(bool_or((pg_catalog.to_jsonb(i) ->> 'inhdetachpending')::bool), \
                false) FROM pg_catalog.pg_inherits i \
                WHERE i.inhrelid = pg_catalog.to_regclass($1)";
    connection.query_scalar(text, (place,)).await
}

/// Those others who see the database as it is at some moment: each process, with its oldest moment
/// and the beginning of its transaction, and whether it waits for this one.
pub(super) async fn views(connection: &mut SqlConnection) -> Result<Vec<(String, bool)>> {
    // Within a transaction the server goes on with what it has told once.
    connection.batch("SELECT pg_catalog.pg_stat_clear_snapshot()").await?;
    let text = "SELECT pg_catalog.concat_ws(' ', pid, backend_xmin, xact_start), \
                pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(pid)) \
                FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() \
                AND pid <> pg_catalog.pg_backend_pid() AND backend_xmin IS NOT NULL \
                AND backend_type = 'client backend'";
    let found: Vec<Fields<(String, bool)>> = connection.query(text, ()).await?;
    Ok(found.into_iter().map(|Fields(view)| view).collect())
}

/// The server's time.
pub(super) async fn now(connection: &mut SqlConnection) -> Result<Timestamp> {
    connection.query_scalar("SELECT pg_catalog.clock_timestamp()", ()).await
}

/// The columns of a table whose values are written, in quotes.
pub(super) async fn columns(connection: &mut SqlConnection, place: &str) -> Result<String> {
    let text = "SELECT attname::text FROM pg_catalog.pg_attribute \
                WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 \
                AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
    let found: Vec<Fields<(String,)>> = connection.query(text, (place,)).await?;
    let names: Vec<_> = found.iter().map(|Fields((name,))| quoted(name)).collect();
    Ok(names.join(", "))
}

pub(super) fn trusted(text: impl Into<String>) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}

#[cold]
fn mismatch(message: &str) -> Error {
    Error::new(Code::SchemaMismatch, message)
}
