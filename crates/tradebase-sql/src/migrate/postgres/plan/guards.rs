//! Looking at the rows before anything is changed.
//!
//! What is validated beside the writers is validated after the transaction that holds all else.
//! If rows broke it, the database would stand between two versions. So the first thing that a
//! plan does is to look for such rows, under no lock that keeps anybody waiting. A row that is
//! written in between is found when the constraint is validated, or refused by it.

use super::pair::Ways;
use super::script::{Asks, Guard, Phase, Script};
use crate::naming::{literal, quoted};

/// Adds a look at the rows for each new constraint.
pub(super) fn added(script: &mut Script, ways: &Ways<'_>) {
    for guard in script.take_guards() {
        if let Some(question) = question(&guard, ways) {
            script.add(Phase::Guard, block(&guard, &question));
        }
    }
}

/// Refuses to make a table or view anew that has what no shape tells of, and so would lose it
/// without a word.
pub(super) fn of_what_is_made_anew(script: &mut Script, table: &str, is_view: bool) {
    let of = literal(&quoted(table));
    let more = "OR c.relpersistence = 'u' OR c.relrowsecurity OR c.relforcerowsecurity \
        OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) \
        OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prrelid = c.oid)";
    let (what, more, has) = match is_view {
        true => ("view", "", "grants or settings"),
        false => ("table", more, "grants, settings, policies, UNLOGGED, a place in a publication"),
    };
    let query = format!(
        "SELECT FROM pg_class c WHERE c.oid = {of}::regclass AND (c.reloptions IS NOT NULL \
         OR EXISTS (SELECT FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner) \
         OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) \
         {more})"
    );
    let says = format!(
        "the {what} {table} is made anew and has what would be lost with the old one ({has}): take \
         that away before, and give it back behind"
    );
    let table = table.to_owned();
    script.guard(Guard { table, asks: Asks::Rows(query), says, code: "0A000" });
}

/// Refuses to make a key anew that is more than its columns.
pub(super) fn of_a_key(script: &mut Script, table: &str) {
    let of = literal(&quoted(table));
    let query = format!(
        "SELECT FROM pg_constraint k JOIN pg_index i ON i.indexrelid = k.conindid \
         WHERE k.conrelid = {of}::regclass AND k.contype = 'p' \
         AND (k.condeferrable OR i.indnatts <> i.indnkeyatts)"
    );
    let says = format!(
        "the key of {table} is made anew, and is DEFERRABLE or has INCLUDE, which would be lost: \
         make it without before"
    );
    let table = table.to_owned();
    script.guard(Guard { table, asks: Asks::Rows(query), says, code: "0A000" });
}

/// A query that finds rows if there are some that break it; none if that cannot be asked of the
/// table as it was.
fn question(guard: &Guard, ways: &Ways<'_>) -> Option<String> {
    let of = || source(ways, &guard.table);
    Some(match &guard.asks {
        Asks::None(condition) => {
            format!("SELECT FROM {} AS {} WHERE {condition}", of()?, quoted(&guard.table))
        }
        Asks::Unique(columns) => {
            let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
            let set: Vec<_> = columns.iter().map(|c| format!("{c} IS NOT NULL")).collect();
            let (of, columns, set) = (of()?, columns.join(", "), set.join(" AND "));
            format!("SELECT FROM {of} AS of WHERE {set} GROUP BY {columns} HAVING count(*) > 1")
        }
        Asks::Rows(query) => query.clone(),
        Asks::Orphans { of: set, parent, same } => {
            let rows = format!("SELECT FROM {} AS of WHERE {set}", of()?);
            if ways.created.iter().any(|(name, _)| name == parent) {
                rows
            } else {
                let parent = source(ways, parent)?;
                format!("{rows} AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {same})")
            }
        }
    })
}

/// The rows of a table as they are to be, out of the table as it is.
fn source(ways: &Ways<'_>, table: &str) -> Option<String> {
    let pair = ways.of_new(table)?;
    let columns: Option<Vec<_>> = pair
        .columns
        .iter()
        .map(|way| Some(format!("{} AS {}", way.of_old_row()?, quoted(&way.to.name))))
        .collect();
    let unchanged = pair.columns.iter().all(|way| way.from.is_some() && !way.is_converted());
    if unchanged && pair.renamed.is_empty() && !pair.columns.iter().any(super::pair::Way::is_remade)
    {
        return Some(quoted(pair.old));
    }
    Some(format!("(SELECT {} FROM {})", columns?.join(", "), quoted(pair.old)))
}

/// A block that fails if a query finds rows.
fn block(guard: &Guard, question: &str) -> String {
    let Guard { says, code, .. } = guard;
    let mut tag = "$do".to_owned();
    while question.contains(&tag) || says.contains(&tag) {
        tag.push('_');
    }
    let says = literal(says);
    format!(
        "DO {tag}$ BEGIN\n  IF EXISTS ({question}) THEN\n    \
         RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = {says};\n  \
         END IF;\nEND {tag}$"
    )
}
