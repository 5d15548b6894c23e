//! The statement of a patch.

use std::fmt::Write;

use tradebase_core::{Roles, Table};

use super::write::Text;
use crate::naming::quoted;
use crate::patch::Change;

/// What changes these columns, and what asks whether the row is there, where versions are asked
/// for. Parameters: the values, the key, the version.
pub(super) fn texts(table: &'static Table, change: &Change) -> (Text, Option<Text>) {
    let name = |at: usize| quoted(table.columns[at].name.text);
    let mut number = 0;
    let mut mark = || {
        number += 1;
        number
    };
    let mut terms: Vec<_> =
        change.values.iter().map(|(at, _)| format!("{} = ?{}", name(*at), mark())).collect();
    let version = table.playing(Roles::VERSION).map(|(at, _)| name(at));
    if let Some(version) = &version {
        terms.push(format!("{version} = {version} + 1"));
    }
    let key: Vec<_> = table.key.iter().map(|&at| format!("{} = ?{}", name(at), mark())).collect();
    let (of, key) = (quoted(table.name), key.join(" AND "));
    let mut text = format!("UPDATE {of} SET {} WHERE {key}", terms.join(", "));
    let exists = match (&version, change.version) {
        (Some(version), Some(_)) => {
            _ = write!(text, " AND {version} = ?{}", mark());
            Some(Text::Own(format!("SELECT 1 FROM {of} WHERE {key}").into()))
        }
        _ => None,
    };
    (Text::Own(text.into()), exists)
}

/// What writes these columns of a row. Parameters: the columns, the key, the expected version.
pub(super) fn columns_text(table: &Table, columns: &[usize]) -> String {
    let name = |at: usize| quoted(table.columns[at].name.text);
    let set = columns.iter().enumerate().map(|(i, &at)| format!("{} = ?{}", name(at), i + 1));
    let (set, first) = (set.collect::<Vec<_>>().join(", "), columns.len() + 1);
    let key = table.key.iter().enumerate();
    let key = key.map(|(i, &at)| format!("{} = ?{}", name(at), first + i)).collect::<Vec<_>>();
    let mut text = format!("UPDATE {} SET {set} WHERE {}", quoted(table.name), key.join(" AND "));
    if let Some((at, _)) = table.playing(Roles::VERSION) {
        _ = write!(text, " AND {} = ?{}", name(at), first + table.key.len());
    }
    text
}
