//! What a statement of a migration does, read from its pieces: as much as it takes to tell what it
//! locks, what it loses, and what is there after it. No parser: what it does not know is `Other`.

mod alter;
mod command;
mod reader;
mod rewrite;
mod table;

use tradebase_core::Result;

use crate::raw::Dialect;

pub(crate) use alter::Action;
pub(crate) use rewrite::{Rewrite, rewrite};
pub(crate) use table::{Column, Constraint, ConstraintKind, Reference, TableDefinition};

/// What a statement does. Names are without their schema and in the case in which the engine
/// compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// CREATE TABLE.
    CreateTable(TableDefinition),
    /// CREATE INDEX.
    CreateIndex(IndexDefinition),
    /// DROP INDEX.
    DropIndex {
        /// Which.
        names: Vec<String>,
        /// Whether beside the running statements.
        concurrently: bool,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// DROP TABLE.
    DropTable {
        /// Which.
        names: Vec<String>,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// ALTER TABLE.
    AlterTable {
        /// Which.
        table: String,
        /// What of it, in order.
        actions: Vec<Action>,
    },
    /// ALTER INDEX … RENAME TO.
    RenameIndex {
        /// What it was called.
        from: String,
        /// What it is called now.
        to: String,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// CREATE of something else: `what` is VIEW, TRIGGER, FUNCTION …
    Create {
        /// The kind, in capitals.
        what: String,
        /// Its name.
        name: Option<String>,
        /// The table behind ON, of a trigger.
        table: Option<String>,
        /// Whether it may be there: IF NOT EXISTS, OR REPLACE.
        tolerant: bool,
    },
    /// DROP of something else.
    Drop {
        /// The kind, in capitals.
        what: String,
        /// Its name.
        name: Option<String>,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// INSERT.
    Insert {
        /// Into which table.
        table: String,
        /// The tables that it reads.
        sources: Vec<String>,
        /// Whether rows that are there already do no harm: ON CONFLICT, OR IGNORE, OR REPLACE.
        tolerant: bool,
    },
    /// UPDATE.
    Update {
        /// Which table.
        table: String,
        /// Whether it has a WHERE.
        filtered: bool,
        /// Whether the WHERE asks for what is NULL, as one does that fills a column.
        fills: bool,
    },
    /// DELETE.
    Delete {
        /// Which table.
        table: String,
        /// Whether it has a WHERE.
        filtered: bool,
    },
    /// TRUNCATE.
    Truncate {
        /// Which tables.
        tables: Vec<String>,
    },
    /// LOCK TABLE.
    Lock {
        /// Which tables.
        tables: Vec<String>,
    },
    /// BEGIN, COMMIT and their like.
    Transaction,
    /// PRAGMA.
    Pragma {
        /// Its name.
        name: String,
        /// Whether it sets something.
        sets: bool,
    },
    /// What an engine refuses inside a transaction, and is none of the above: VACUUM.
    Apart,
    /// Something else.
    Other {
        /// Its first word, in capitals.
        word: String,
    },
}

/// CREATE INDEX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexDefinition {
    /// Its name, if it is given one.
    pub(crate) name: Option<String>,
    /// The table.
    pub(crate) table: String,
    /// Its columns up to the first that is an expression.
    pub(crate) columns: Vec<String>,
    /// Whether no two rows may be equal in it.
    pub(crate) unique: bool,
    /// Whether it is built beside the running statements.
    pub(crate) concurrently: bool,
    /// Whether it is that of a table without its parts: ON ONLY.
    pub(crate) only: bool,
    /// Whether it may be there: IF NOT EXISTS.
    pub(crate) tolerant: bool,
}

/// Reads a statement.
pub(crate) fn read(dialect: Dialect, text: &str) -> Result<Command> {
    Ok(command::command(reader::Reader::new(dialect, text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(text: &str) -> Command {
        read(Dialect::Sqlite, text).unwrap()
    }

    fn postgres(text: &str) -> Command {
        read(Dialect::Postgres, text).unwrap()
    }

    fn actions(text: &str) -> Vec<Action> {
        match postgres(text) {
            Command::AlterTable { actions, .. } => actions,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_table_is_read_with_its_columns_and_constraints() {
        let text = "CREATE TABLE IF NOT EXISTS public.\"Trades\" (id BIGINT GENERATED ALWAYS AS \
                    IDENTITY PRIMARY KEY, \"price\" NUMERIC(18, 8) DEFAULT 0.5 NOT NULL CHECK \
                    (price > 0), bot_id bigint REFERENCES bots (id) ON DELETE SET NULL NOT NULL, \
                    note varchar(20), CONSTRAINT \"c\" CHECK (note <> ')'), FOREIGN KEY (bot_id, \
                    note) REFERENCES b.others) PARTITION BY RANGE (at)";
        let Command::CreateTable(table) = postgres(text) else { panic!("no table") };
        assert_eq!(table.name, "Trades");
        assert!(table.tolerant && table.partitioned);
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["id", "price", "bot_id", "note"]);
        assert!(table.columns[0].key && table.columns[0].assigned);
        let price = &table.columns[1];
        assert_eq!(price.type_text, "numeric(18,8)");
        assert!(price.not_null && price.check && price.default == Some(true), "{price:?}");
        let bot = &table.columns[2];
        assert!(bot.not_null && bot.default.is_none(), "{bot:?}");
        assert_eq!(bot.references.as_ref().unwrap().parent, "bots");
        assert_eq!(table.columns[3].type_text, "varchar(20)");
        assert_eq!(table.constraints.len(), 2);
        let want = ConstraintKind::ForeignKey(Reference {
            columns: vec!["bot_id".into(), "note".into()],
            parent: "others".into(),
        });
        assert_eq!(table.constraints[1].kind, want);
    }

    #[test]
    fn the_names_of_sqlite_are_of_one_case() {
        let Command::CreateTable(table) =
            sqlite("CREATE TABLE [Trades] (`Id` INTEGER PRIMARY KEY AUTOINCREMENT, x) STRICT")
        else {
            panic!("no table")
        };
        assert_eq!(table.name, "trades");
        assert_eq!(table.columns[0].name, "id");
        assert_eq!(table.columns[1].type_text, "");
    }

    #[test]
    fn the_actions_of_one_alter_table_are_all_read() {
        let found = actions(
            "ALTER TABLE IF EXISTS ONLY trades ADD COLUMN IF NOT EXISTS fee numeric(10, 2) NOT \
             NULL, DROP note CASCADE, ALTER COLUMN price TYPE numeric(20, 8) USING price + 1, \
             ALTER at SET NOT NULL, ADD CONSTRAINT f FOREIGN KEY (bot_id) REFERENCES bots NOT \
             VALID, VALIDATE CONSTRAINT f, RENAME COLUMN a TO b",
        );
        assert_eq!(found.len(), 7, "{found:?}");
        assert!(matches!(&found[0], Action::AddColumn { column, tolerant: true }
            if column.not_null && column.type_text == "numeric(10,2)"));
        let dropped = Action::DropColumn { column: "note".into(), tolerant: false };
        assert_eq!(found[1], dropped);
        assert!(matches!(&found[2], Action::SetType { column, type_text, .. }
            if column == "price" && type_text == "numeric(20,8)"));
        assert_eq!(found[3], Action::SetNotNull { column: "at".into() });
        assert!(matches!(&found[4], Action::AddConstraint(constraint)
            if constraint.not_valid && constraint.name.as_deref() == Some("f")));
        assert_eq!(found[5], Action::Validate { constraint: "f".into() });
        assert_eq!(found[6], Action::RenameColumn { from: "a".into(), to: "b".into() });
    }

    #[test]
    fn an_index_is_read() {
        let text = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.trades USING btree \
                    (bot_id DESC, lower(note), at) WHERE at > 3";
        let want = IndexDefinition {
            name: Some("i".into()),
            table: "trades".into(),
            columns: vec!["bot_id".into()],
            unique: true,
            concurrently: true,
            only: true,
            tolerant: true,
        };
        assert_eq!(postgres(text), Command::CreateIndex(want));
        let Command::CreateIndex(nameless) = postgres("create index on t (a, b)") else { panic!() };
        assert_eq!((nameless.name, nameless.columns), (None, vec!["a".into(), "b".into()]));
    }

    #[test]
    fn rows_are_changed_with_and_without_a_filter() {
        let update = |filtered, fills| Command::Update { table: "t".into(), filtered, fills };
        assert_eq!(postgres("UPDATE ONLY t SET a = (SELECT 1 WHERE true)"), update(false, false));
        assert_eq!(sqlite("UPDATE OR FAIL t SET a = 1 WHERE b = 2"), update(true, false));
        assert_eq!(postgres("UPDATE t SET a = 1 WHERE a IS NULL"), update(true, true));
        let delete = |filtered| Command::Delete { table: "t".into(), filtered };
        assert_eq!(postgres("DELETE FROM t"), delete(false));
        assert_eq!(postgres("DELETE FROM x.t WHERE a = 1"), delete(true));
        let insert = |sources: &[&str], tolerant| Command::Insert {
            table: "t".into(),
            sources: sources.iter().map(|&s| s.to_owned()).collect(),
            tolerant,
        };
        assert_eq!(sqlite("INSERT INTO t (a) SELECT a FROM \"old\" JOIN b"), {
            insert(&["old", "b"], false)
        });
        assert_eq!(sqlite("INSERT OR IGNORE INTO t VALUES (1)"), insert(&[], true));
    }

    #[test]
    fn a_statement_behind_with_is_what_it_changes() {
        let delete = |filtered| Command::Delete { table: "t".into(), filtered };
        let text = "WITH a AS (SELECT 1), b (x) AS MATERIALIZED (SELECT 2) DELETE FROM t";
        assert_eq!(postgres(text), delete(false));
        let inside = "WITH gone AS (DELETE FROM t WHERE a = 1 RETURNING *) SELECT * FROM gone";
        assert_eq!(postgres(inside), delete(true));
        let update = Command::Update { table: "t".into(), filtered: true, fills: false };
        assert_eq!(sqlite("WITH a AS (SELECT 1) UPDATE t SET x = 1 WHERE y = 2"), update);
        let with = Command::Other { word: "WITH".into() };
        assert_eq!(sqlite("WITH a AS (SELECT 1) SELECT * FROM a"), with);
    }

    #[test]
    fn what_is_not_known_is_something_else() {
        assert_eq!(postgres("SELECT 1"), Command::Other { word: "SELECT".into() });
        for text in
            ["VACUUM trades", "CLUSTER", "REINDEX (VERBOSE) SCHEMA s", "ALTER SYSTEM SET a = 1"]
        {
            assert_eq!(postgres(text), Command::Apart, "{text}");
        }
        assert_eq!(postgres("COMMIT"), Command::Transaction);
        assert_eq!(postgres("COMMIT PREPARED 'a'"), Command::Transaction);
        let pragma = |sets| Command::Pragma { name: "foreign_keys".into(), sets };
        assert_eq!(sqlite("PRAGMA main.foreign_keys = ON"), pragma(true));
        assert_eq!(sqlite("PRAGMA foreign_keys"), pragma(false));
        let view = Command::Create {
            what: "VIEW".into(),
            name: Some("v".into()),
            table: None,
            tolerant: true,
        };
        assert_eq!(postgres("CREATE OR REPLACE VIEW v AS SELECT 1"), view);
        let trigger = Command::Create {
            what: "TRIGGER".into(),
            name: Some("g".into()),
            table: Some("t".into()),
            tolerant: false,
        };
        assert_eq!(sqlite("CREATE TRIGGER g AFTER UPDATE OF a ON t BEGIN SELECT 1; END"), trigger);
        for text in ["CREATE", "ALTER TABLE", "CREATE TABLE", "DROP", "CREATE INDEX ON", "("] {
            assert!(matches!(postgres(text), Command::Other { .. }), "{text}");
        }
    }
}
