//! Patterns that SQLite's own GLOB does not take exactly.
//!
//! To GLOB the characters U+FFFD, U+FFFE and U+FFFF are one. Only patterns that hold one of them
//! come here: GLOB is quicker, and right for all others, whatever the text holds.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use tradebase_core::{Pattern, Piece};

/// Its name in statements: of a text, a pattern, and whether that ignores case.
pub(super) const LIKE: &str = "tradebase_like";

/// Whether GLOB takes the pattern exactly.
pub(super) fn is_for_the_engine(pattern: &Pattern) -> bool {
    let is_blurred = |piece| matches!(piece, Piece::Char('\u{fffd}'..='\u{ffff}'));
    !pattern.pieces().any(is_blurred)
}

/// Lets a connection match exactly.
pub(super) fn load_like(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(LIKE, 3, flags, is_like)
}

/// Nothing is known of a null, and what is no text is like nothing.
fn is_like(context: &Context<'_>) -> Result<Option<bool>> {
    let text = match context.get_raw(0) {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    let pattern = Pattern::new(context.get::<String>(1)?);
    let pattern = if context.get(2)? { pattern.ignoring_case() } else { pattern };
    Ok(Some(text.is_some_and(|text| pattern.matches(text))))
}
