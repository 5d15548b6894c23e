//! What ALTER TABLE does.

use super::reader::Reader;
use super::table::{Column, Constraint, column, constraint};

/// One of the things that an ALTER TABLE does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// ADD COLUMN.
    AddColumn {
        /// The column.
        column: Column,
        /// Whether it may be there: IF NOT EXISTS.
        tolerant: bool,
    },
    /// DROP COLUMN.
    DropColumn {
        /// Which.
        column: String,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// RENAME COLUMN.
    RenameColumn {
        /// What it was called.
        from: String,
        /// What it is called now.
        to: String,
    },
    /// RENAME TO.
    RenameTable {
        /// What it is called now.
        to: String,
    },
    /// ALTER COLUMN … TYPE.
    SetType {
        /// Which column.
        column: String,
        /// The new type in small letters, `numeric(18,8)`.
        type_text: String,
        /// Whether each value is reckoned anew: USING.
        using: bool,
    },
    /// ALTER COLUMN … SET NOT NULL.
    SetNotNull {
        /// Which column.
        column: String,
    },
    /// ALTER COLUMN …: a default, NULL, storage; it has the same effect if it is repeated.
    AlterColumn,
    /// ADD CONSTRAINT.
    AddConstraint(Constraint),
    /// VALIDATE CONSTRAINT.
    Validate {
        /// Which.
        constraint: String,
    },
    /// DROP CONSTRAINT.
    DropConstraint {
        /// Which.
        constraint: String,
        /// Whether there may be none: IF EXISTS.
        tolerant: bool,
    },
    /// RENAME CONSTRAINT.
    RenameConstraint {
        /// What it was called.
        from: String,
        /// What it is called now.
        to: String,
    },
    /// ATTACH PARTITION.
    Attach {
        /// The table that becomes a part.
        part: String,
    },
    /// DETACH PARTITION.
    Detach {
        /// Whether beside the running statements: CONCURRENTLY.
        concurrently: bool,
    },
    /// Something else: a setting, an owner, a trigger, the rest of a DETACH that was interrupted.
    Other,
}

/// The actions behind the name of the table.
pub(super) fn actions(reader: Reader<'_>) -> Vec<Action> {
    reader.parts().into_iter().map(|part| action(part).unwrap_or(Action::Other)).collect()
}

fn action(mut reader: Reader<'_>) -> Option<Action> {
    if reader.word("ADD") {
        return added(reader);
    }
    if reader.word("DROP") {
        return dropped(reader);
    }
    if reader.word("RENAME") {
        return renamed(reader);
    }
    if reader.word("ALTER") {
        return altered(reader);
    }
    if reader.words(&["VALIDATE", "CONSTRAINT"]) {
        return Some(Action::Validate { constraint: reader.name()? });
    }
    if reader.words(&["ATTACH", "PARTITION"]) {
        return Some(Action::Attach { part: reader.name()? });
    }
    if reader.words(&["DETACH", "PARTITION"]) {
        reader.name()?;
        if reader.word("FINALIZE") {
            return None;
        }
        return Some(Action::Detach { concurrently: reader.word("CONCURRENTLY") });
    }
    None
}

fn added(mut reader: Reader<'_>) -> Option<Action> {
    if reader.sees_one_of(&["CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE"]) {
        return Some(Action::AddConstraint(constraint(reader)));
    }
    reader.word("COLUMN");
    let tolerant = reader.words(&["IF", "NOT", "EXISTS"]);
    Some(Action::AddColumn { column: column(reader)?, tolerant })
}

fn dropped(mut reader: Reader<'_>) -> Option<Action> {
    let is_constraint = reader.word("CONSTRAINT");
    if !is_constraint {
        reader.word("COLUMN");
    }
    let tolerant = reader.words(&["IF", "EXISTS"]);
    let name = reader.name()?;
    Some(if is_constraint {
        Action::DropConstraint { constraint: name, tolerant }
    } else {
        Action::DropColumn { column: name, tolerant }
    })
}

fn renamed(mut reader: Reader<'_>) -> Option<Action> {
    if reader.word("TO") {
        return Some(Action::RenameTable { to: reader.name()? });
    }
    let is_constraint = reader.word("CONSTRAINT");
    if !is_constraint {
        reader.word("COLUMN");
    }
    let from = reader.name()?;
    if !reader.word("TO") {
        return None;
    }
    let to = reader.name()?;
    Some(if is_constraint {
        Action::RenameConstraint { from, to }
    } else {
        Action::RenameColumn { from, to }
    })
}

fn altered(mut reader: Reader<'_>) -> Option<Action> {
    reader.word("COLUMN");
    let column = reader.name()?;
    if reader.words(&["SET", "NOT", "NULL"]) {
        return Some(Action::SetNotNull { column });
    }
    if !(reader.word("TYPE") || reader.words(&["SET", "DATA", "TYPE"])) {
        return Some(Action::AlterColumn);
    }
    let type_text = reader.until(&["USING", "COLLATE"]).text();
    Some(Action::SetType { column, type_text, using: reader.has(&["USING"]) })
}
