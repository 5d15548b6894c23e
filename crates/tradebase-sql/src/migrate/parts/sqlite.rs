//! Retention on SQLite, which has no parts: old rows are deleted, some at a time.

use tradebase_core::{Code, Error, Result};

use super::{Cut, PartOptions, TableParts};
use crate::naming::{list, quoted};
use crate::raw::SqlText;
use crate::sql::Sql;

/// The most rows that are deleted in one commit: some ten milliseconds, in which other writers
/// wait.
const DELETED_AT_ONCE: u64 = 2_000;

pub(super) async fn keep(sql: &Sql, cut: &[Cut], options: &PartOptions) -> Result<Vec<TableParts>> {
    if options.keep.is_some() && !options.drop {
        let message = "SQLite has no parts to detach: say drop to delete the old rows";
        return Err(Error::new(Code::Unsupported, message));
    }
    let mut done = Vec::new();
    for one in cut {
        let deleted = let_go(sql, one, options).await.map_err(|e| e.of(one.table))?;
        done.push(TableParts {
            table: one.table.name.to_owned(),
            deleted,
            ..TableParts::default()
        });
    }
    Ok(done)
}

async fn let_go(sql: &Sql, cut: &Cut, options: &PartOptions) -> Result<u64> {
    let Some(kept_from) = cut.kept_from else { return Ok(0) };
    let (table, column) = (quoted(cut.table.name), &cut.column);
    if options.dry_run {
        let text = format!("SELECT count(*) FROM {table} WHERE {column} < ?");
        let count: i64 = sql.query_scalar(trusted(text), (kept_from,)).await?;
        return Ok(count.unsigned_abs());
    }
    let key = list(cut.table, cut.table.key.iter().copied());
    let text = format!(
        "DELETE FROM {table} WHERE ({key}) IN \
         (SELECT {key} FROM {table} WHERE {column} < ? LIMIT {DELETED_AT_ONCE})"
    );
    let mut deleted = 0;
    loop {
        let some = sql.execute(trusted(text.clone()), (kept_from,)).await?;
        deleted += some;
        if some < DELETED_AT_ONCE {
            return Ok(deleted);
        }
        // A store in place would else never let its runtime go on.
        tokio::task::yield_now().await;
    }
}

fn trusted(text: String) -> SqlText {
    SqlText::trusted_text_built_at_run_time(text)
}
