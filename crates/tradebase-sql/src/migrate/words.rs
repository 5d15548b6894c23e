//! What kind of statement it is, by its words.

use crate::raw::{Dialect, TokenKind, Tokens};

/// The words of a statement, as they decide how it is run.
#[derive(Debug)]
pub(super) struct Words<'s> {
    engine: Dialect,
    text: &'s str,
    /// Every piece but blanks.
    pieces: Vec<Piece<'s>>,
}

#[derive(Debug)]
struct Piece<'s> {
    kind: TokenKind<'s>,
    text: &'s str,
    /// Where it begins, and whether it touches the one before.
    from: usize,
    touches: bool,
}

/// How statements of PostgreSQL begin that refuse to be part of a transaction. VACUUM is on both
/// engines.
const ALONE: [&str; 9] = [
    "ALTER SYSTEM",
    "CREATE DATABASE",
    "CREATE TABLESPACE",
    "DROP DATABASE",
    "DROP TABLESPACE",
    "REINDEX DATABASE",
    "REINDEX SCHEMA",
    "REINDEX SYSTEM",
    "VACUUM",
];

/// An index that is built, or dropped, beside the running readers and writers; a part that is
/// detached beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concurrent<'s> {
    /// The index, its table, and whether one that is there is fine.
    Build { index: &'s str, table: &'s str, if_missing: bool },
    /// The index.
    Drop { index: &'s str },
    /// The table and its part.
    Detach { table: &'s str, part: &'s str },
}

impl<'s> Words<'s> {
    pub(super) fn of(engine: Dialect, text: &'s str) -> Self {
        let mut pieces = Vec::new();
        let (mut from, mut touches) = (0, false);
        // The text was cut out of a file by the same rules: it has no open ends.
        for token in Tokens::new(engine, text).flatten() {
            let is_blank = token.kind == TokenKind::Blank;
            if !is_blank {
                pieces.push(Piece { kind: token.kind, text: token.text, from, touches });
            }
            touches = !is_blank;
            from += token.text.len();
        }
        Self { engine, text, pieces }
    }

    /// Whether it begins with these words.
    pub(super) fn begin(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(at, word)| self.is(at, word))
    }

    /// Whether it refuses to be part of a transaction.
    pub(super) fn must_stand_alone(&self) -> bool {
        match self.engine {
            Dialect::Sqlite => self.begin("VACUUM"),
            Dialect::Postgres => {
                let concurrent = ["CREATE", "DROP INDEX", "REINDEX", "ALTER TABLE"];
                ALONE.iter().any(|words| self.begin(words))
                    || self.place("CONCURRENTLY").is_some()
                        && concurrent.iter().any(|words| self.begin(words))
            }
        }
    }

    /// Whether it is run outside a transaction where it may be: what refuses one, what commits by
    /// itself, and settings, which a transaction may not hear.
    pub(super) fn stands_alone(&self) -> bool {
        self.must_stand_alone()
            || match self.engine {
                Dialect::Sqlite => self.sets(),
                Dialect::Postgres => self.calls(),
            }
    }

    /// Whether it may lose data: it takes rows, columns or tables away, or writes over values.
    pub(super) fn may_lose(&self) -> bool {
        let has = |word: &str| self.has(word);
        let alters = self.begin("ALTER TABLE") && has("DROP");
        let replaces = || has("REPLACE") || has("CONFLICT") && has("UPDATE");
        let writes = || has("UPDATE") || has("DELETE") || replaces();
        ["DROP TABLE", "DELETE", "UPDATE", "REPLACE"].iter().any(|words| self.begin(words))
            || alters
            || self.begin("INSERT") && replaces()
            || self.begin("WITH") && writes()
    }

    /// Whether it sets something for the rest of the session.
    pub(super) fn sets(&self) -> bool {
        match self.engine {
            Dialect::Sqlite => ["PRAGMA", "ATTACH", "DETACH"].iter().any(|word| self.begin(word)),
            Dialect::Postgres => {
                let passing = ["SET LOCAL", "SET TRANSACTION", "SET CONSTRAINTS"];
                (self.begin("SET") || self.begin("RESET"))
                    && !passing.iter().any(|words| self.begin(words))
            }
        }
    }

    /// The statement.
    pub(super) fn text(&self) -> &'s str {
        self.text
    }

    /// Whether it has that word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.place(word).is_some()
    }

    /// Whether it is a procedure of the user's own, which may commit by itself.
    pub(super) fn calls(&self) -> bool {
        self.engine == Dialect::Postgres && self.begin("CALL")
    }

    /// Whether it makes nothing that a shape shows, and may refuse a transaction.
    pub(super) fn makes_no_shape(&self) -> bool {
        ["VACUUM", "ANALYZE", "REINDEX", "CLUSTER", "CHECKPOINT", "PRAGMA"]
            .iter()
            .any(|word| self.begin(word))
            // It says what renaming a table does to others.
            && !self.begin("PRAGMA LEGACY_ALTER_TABLE")
    }

    /// Whether an index is built concurrently whose name the server chooses.
    pub(super) fn index_without_name(&self) -> bool {
        let built = self.place("CONCURRENTLY").filter(|_| self.begin("CREATE"));
        self.engine == Dialect::Postgres && built.is_some_and(|at| self.is(at + 1, "ON"))
    }

    /// Whether it is done beside the running readers and writers, in a statement of its own.
    pub(super) fn is_beside(&self) -> bool {
        self.must_stand_alone() && self.place("CONCURRENTLY").is_some()
    }

    /// What it does beside the running readers, where that can be examined.
    pub(super) fn concurrent(&self) -> Option<Concurrent<'s>> {
        if self.engine != Dialect::Postgres {
            return None;
        }
        let at = self.place("CONCURRENTLY")?;
        if self.begin("CREATE") {
            let if_missing = self.is(at + 1, "IF");
            let (index, behind) = self.name(if if_missing { at + 4 } else { at + 1 })?;
            let on = behind + usize::from(self.is(behind + 1, "ONLY"));
            let (table, _) = self.name(on + 1)?;
            return Some(Concurrent::Build { index, table, if_missing });
        }
        if self.begin("DROP INDEX") {
            let (index, _) = self.name(if self.is(at + 1, "IF") { at + 3 } else { at + 1 })?;
            return Some(Concurrent::Drop { index });
        }
        let detached = self.place("DETACH").filter(|_| self.begin("ALTER TABLE"))?;
        let (part, _) = self.name(detached + 2)?;
        let table = if self.is(2, "IF") { 4 } else { 2 };
        let (table, _) = self.name(if self.is(table, "ONLY") { table + 1 } else { table })?;
        Some(Concurrent::Detach { table, part })
    }

    fn is(&self, at: usize, word: &str) -> bool {
        let piece = self.pieces.get(at);
        piece.is_some_and(|p| p.kind == TokenKind::Word && p.text.eq_ignore_ascii_case(word))
    }

    fn place(&self, word: &str) -> Option<usize> {
        (0..self.pieces.len()).find(|&at| self.is(at, word))
    }

    /// The name at a place, as it is written, with its schema; and the place behind it.
    fn name(&self, at: usize) -> Option<(&'s str, usize)> {
        let first = self.pieces.get(at)?;
        let mut end = at + 1;
        while let Some(piece) = self.pieces.get(end)
            && piece.touches
            && (piece.text == "." || self.pieces.get(end - 1).is_some_and(|p| p.text == "."))
        {
            end += 1;
        }
        let last = self.pieces.get(end - 1)?;
        Some((self.text.get(first.from..last.from + last.text.len())?, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words<'_> {
        Words::of(Dialect::Postgres, text)
    }

    #[test]
    fn what_refuses_a_transaction_is_known() {
        for (text, must, stands) in [
            ("create unique index concurrently i on t (a)", true, true),
            ("DROP INDEX CONCURRENTLY i", true, true),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", true, true),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", false, false),
            ("VACUUM t", true, true),
            ("CALL fill()", false, true),
            ("CREATE INDEX i ON t (a)", false, false),
            ("INSERT INTO t VALUES ('CONCURRENTLY')", false, false),
        ] {
            let words = words(text);
            assert_eq!((words.must_stand_alone(), words.stands_alone()), (must, stands), "{text}");
        }
        assert!(words("CREATE INDEX CONCURRENTLY ON t (a)").index_without_name());
        assert!(!words("CREATE INDEX ON t (a)").index_without_name());
    }

    #[test]
    fn names_are_found_as_they_are_written() {
        let build = |index, table, if_missing| Concurrent::Build { index, table, if_missing };
        for (text, want) in [
            ("CREATE INDEX CONCURRENTLY i ON ONLY s.\"T t\" (a)", build("i", "s.\"T t\"", false)),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS \"i\" ON t(a)", build("\"i\"", "t", true)),
            ("DROP INDEX CONCURRENTLY IF EXISTS s.i", Concurrent::Drop { index: "s.i" }),
            (
                "ALTER TABLE IF EXISTS t DETACH PARTITION \"p\" CONCURRENTLY",
                Concurrent::Detach { table: "t", part: "\"p\"" },
            ),
        ] {
            assert_eq!(words(text).concurrent(), Some(want), "{text}");
        }
        assert_eq!(words("VACUUM t").concurrent(), None);
    }

    #[test]
    fn what_may_lose_data_is_known() {
        for (text, want) in [
            ("DROP TABLE t", true),
            ("ALTER TABLE t DROP COLUMN a", true),
            ("DELETE FROM t WHERE a = 1", true),
            ("UPDATE t SET a = 1", true),
            ("UPDATE t SET a = 1 WHERE b = 2", true),
            ("REPLACE INTO t VALUES (1)", true),
            ("INSERT OR REPLACE INTO t VALUES (1)", true),
            ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", true),
            ("WITH o AS (SELECT 1) DELETE FROM t WHERE a IN o", true),
            ("WITH o AS (SELECT 1) INSERT INTO t SELECT * FROM o", false),
            ("INSERT INTO t VALUES ('REPLACE') ON CONFLICT DO NOTHING", false),
            ("DROP INDEX i", false),
            ("ALTER TABLE t ADD COLUMN a", false),
        ] {
            assert_eq!(words(text).may_lose(), want, "{text}");
        }
    }
}
