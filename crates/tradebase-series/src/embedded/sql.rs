//! The statements of the embedded engine.

use tradebase_core::{Column, Kind, Roles, Table};
use tradebase_duckdb::{names, quote};

use crate::plan::Plan;

/// Makes the temporary table that a batch goes through, with the columns of the series.
pub fn stage(plan: &Plan) -> String {
    let (stage, name) = (quote(plan.stage.name), quote(plan.table.name));
    let columns = names(plan.table.columns);
    format!("CREATE OR REPLACE TEMP TABLE {stage} AS SELECT {columns} FROM {name} LIMIT 0")
}

/// Takes the temporary table away: the connection is used again.
pub fn unstage(plan: &Plan) -> String {
    format!("DROP TABLE {}", quote(plan.stage.name))
}

/// Puts the batch in the place of what it replaces; inside a transaction.
pub fn settle(plan: &Plan) -> String {
    let (name, stage) = (quote(plan.table.name), quote(plan.stage.name));
    // A tag that is null is a value like others here: no tag.
    let same = plan.table.columns.iter().filter(|c| is_identity(c)).map(|c| {
        let column = named(c);
        let operator = if c.nullable { "IS NOT DISTINCT FROM" } else { "=" };
        format!("old.{column} {operator} new.{column}")
    });
    let same = same.collect::<Vec<_>>().join(" AND ");
    let columns = names(plan.table.columns);
    format!(
        "DELETE FROM {name} AS old USING {stage} AS new WHERE {same}; \
         INSERT INTO {name} ({columns}) SELECT {columns} FROM {stage}"
    )
}

fn named(column: &Column) -> String {
    quote(column.name.text)
}

/// What tells points apart.
fn is_identity(column: &Column) -> bool {
    [Roles::TIME, Roles::TAG, Roles::SEQUENCE].iter().any(|role| column.is(*role))
}

/// Asks for the rows of a range of nanoseconds, both ends included, by time and then by tags.
pub fn select(plan: &Plan, range: (i64, i64)) -> String {
    let table = &plan.table;
    let (name, columns) = (quote(table.name), names(table.columns));
    let order = [Roles::TIME, Roles::SEQUENCE, Roles::TAG].iter().flat_map(|role| {
        table.columns.iter().filter(|c| c.is(*role)).map(|c| format!("{} NULLS LAST", named(c)))
    });
    let order = order.collect::<Vec<_>>().join(", ");
    let within = within(table, range);
    format!("SELECT {columns} FROM {name} WHERE {within} ORDER BY {order}")
}

/// The condition of a range, on the time and on the sequence below its microsecond.
fn within(table: &Table, (first, last): (i64, i64)) -> String {
    let Some((_, time)) = table.playing(Roles::TIME) else { return "false".to_owned() };
    let at = named(time);
    if time.kind == Kind::TimestampNs {
        return format!("{at} >= make_timestamp_ns({first}) AND {at} <= make_timestamp_ns({last})");
    }
    let from = (first.div_euclid(1000), first.rem_euclid(1000));
    let to = (last.div_euclid(1000), last.rem_euclid(1000));
    let moment = |micros: i64| format!("make_timestamp({micros})");
    match table.playing(Roles::SEQUENCE) {
        Some((_, sequence)) => {
            let (sequence, from_at, to_at) = (named(sequence), moment(from.0), moment(to.0));
            format!(
                "{at} >= {from_at} AND {at} <= {to_at} \
                 AND NOT ({at} = {from_at} AND {sequence} < {}) \
                 AND NOT ({at} = {to_at} AND {sequence} > {})",
                from.1, to.1
            )
        }
        // Nothing stands between two microseconds: the first one is the next whole one.
        None => {
            let first = from.0 + i64::from(from.1 > 0);
            format!("{at} >= {} AND {at} <= {}", moment(first), moment(to.0))
        }
    }
}
