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
