//! Columns of a table that stays.

use super::super::super::shape::ColumnShape;
use super::convert::{Conversion, doubled_keys};
use super::keys;
use super::pair::{Pair, Way};
use super::script::{Asks, Guard, Phase, Script};
use super::texts::{alter, collation, column_line, generated, is_always, sequence, with_ending};
use crate::naming::{fnv, literal, quoted};

/// Makes the columns what they are to be.
pub(super) fn changed(script: &mut Script, pair: &Pair<'_>) {
    dropped(script, pair);
    let alter = alter(pair.new);
    for way in kept(pair) {
        released(script, &alter, way);
    }
    types(script, pair, &alter);
    for way in pair.columns.iter().filter(|way| way.is_added()) {
        added(script, pair, &alter, way.to);
    }
    for way in kept(pair) {
        bound(script, pair, &alter, way);
    }
}

/// Drops columns that are not to be, and those that are made anew. Under their old names, so that
/// others can have them.
fn dropped(script: &mut Script, pair: &Pair<'_>) {
    let alter = alter(pair.old);
    let gone = pair.dropped.iter().map(|column| (*column, Some("the column is dropped")));
    let remade = pair.columns.iter().filter(|way| way.is_remade());
    let remade = remade.filter_map(|way| Some((way.from?, way.loss())));
    for (column, why) in gone.chain(remade) {
        let drop = format!("{alter} DROP COLUMN {}", quoted(&column.name));
        match why {
            Some(why) => {
                let place = (pair.new, Some(column.name.as_str()));
                script.lose(Phase::DropColumn, place, why, &drop);
            }
            None => script.add(Phase::DropColumn, drop),
        }
    }
}

/// The columns that stay, with what they were.
fn kept<'a>(pair: &'a Pair<'_>) -> impl Iterator<Item = &'a Way<'a>> {
    pair.columns.iter().filter(|way| !way.is_added())
}

/// Takes away what may not be there while the type changes, and what is not to be.
fn released(script: &mut Script, alter: &str, way: &Way<'_>) {
    let Some(from) = way.from else { return };
    let to = way.to;
    let column = format!("{alter} ALTER COLUMN {}", quoted(&to.name));
    if from.assigned && !to.assigned {
        script.add(Phase::Columns, format!("{column} DROP IDENTITY IF EXISTS"));
    }
    if generated(from).is_some() && generated(to).is_none() {
        script.add(Phase::Columns, format!("{column} DROP EXPRESSION IF EXISTS"));
    }
    if from.default.is_some() && default_changes(way) {
        script.add(Phase::Columns, format!("{column} DROP DEFAULT"));
        if let Some(sequence) = sequence(from.default.as_deref())
            && to.default != from.default
        {
            script.add(Phase::Columns, format!("DROP SEQUENCE IF EXISTS {sequence}"));
        }
    }
    if to.nullable && !from.nullable {
        script.add(Phase::Columns, format!("{column} DROP NOT NULL"));
    }
}

/// Whether the default must be set anew: it may not fit the new type, so it goes before.
fn default_changes(way: &Way<'_>) -> bool {
    way.from.is_some_and(|from| from.default != way.to.default || way.is_converted())
}

/// All types of a table in one statement: so its rows are written anew once.
fn types(script: &mut Script, pair: &Pair<'_>, alter: &str) {
    let mut actions = Vec::new();
    for way in pair.columns.iter().filter(|way| way.is_converted()) {
        let (name, to) = (quoted(&way.to.name), &way.to.type_text);
        let collation = collation(way.to).map(|c| format!(" {c}")).unwrap_or_default();
        let mut action = format!("ALTER COLUMN {name} TYPE {to}{collation}");
        if let Conversion::Using(value) = &way.values {
            action.push_str(&format!(" USING {value}"));
        }
        actions.push(action);
        if let Some(from) = way.from.filter(|from| doubled_keys(from, way.to)) {
            script.guard(unequal_keys(pair, from));
        }
    }
    if !actions.is_empty() {
        script.add(Phase::Columns, format!("{alter}\n  {}", actions.join(",\n  ")));
    }
}

fn added(script: &mut Script, pair: &Pair<'_>, alter: &str, to: &ColumnShape) {
    if let Some(sequence) = sequence(to.default.as_deref()) {
        script.add(Phase::Columns, format!("CREATE SEQUENCE IF NOT EXISTS {sequence}"));
    }
    let add = format!("{alter} ADD COLUMN {}", column_line(to));
    let has_value = to.nullable || to.default.is_some() || to.assigned || generated(to).is_some();
    if has_value {
        script.add(Phase::Columns, add);
    } else {
        let comment = "fails if the table has rows: they have no value for it";
        script.explain(Phase::Columns, comment, &add);
    }
    owned(script, pair.new, to);
}

/// Adds what holds for the new type.
fn bound(script: &mut Script, pair: &Pair<'_>, alter: &str, way: &Way<'_>) {
    let Some(from) = way.from else { return };
    let to = way.to;
    let name = quoted(&to.name);
    let column = format!("{alter} ALTER COLUMN {name}");
    if let Some(default) = to.default.as_ref().filter(|_| default_changes(way)) {
        if let Some(sequence) = sequence(Some(default)) {
            script.add(Phase::Columns, format!("CREATE SEQUENCE IF NOT EXISTS {sequence}"));
        }
        script.add(Phase::Columns, format!("{column} SET DEFAULT {default}"));
        owned(script, pair.new, to);
        if sequence(Some(default)).is_some() {
            let before = asked(script, pair.old, from);
            script.add(Phase::Columns, counted(pair.new, to, before));
        }
    }
    let assigns = to.assigned && !from.assigned;
    if from.nullable && !to.nullable {
        let is_key = pair.to.key.as_ref().is_some_and(|key| key.columns.contains(&to.name));
        if assigns || pair.rewritten() || (is_key && !keys::is_kept(pair)) {
            // The table is locked for long anyway, or what follows needs it.
            script.add(Phase::Columns, format!("{column} SET NOT NULL"));
        } else {
            not_null(script, pair, &to.name);
        }
    }
    let when = if is_always(to) { "ALWAYS" } else { "BY DEFAULT" };
    if assigns {
        script.add(Phase::Columns, format!("{column} ADD GENERATED {when} AS IDENTITY"));
        let before = asked(script, pair.old, from);
        let counted = counted(pair.new, to, before);
        script.explain(Phase::Columns, "behind the keys that were given", &counted);
    } else if to.assigned && is_always(from) != is_always(to) {
        script.add(Phase::Columns, format!("{column} SET GENERATED {when}"));
    }
}

/// Of two values for one key jsonb would keep the last.
fn unequal_keys(pair: &Pair<'_>, from: &ColumnShape) -> Guard {
    let (table, name) = (pair.old, quoted(&from.name));
    let only = |kind: &str, none: &str| {
        format!("(CASE json_typeof(j) WHEN '{kind}' THEN j ELSE '{none}' END)")
    };
    let (object, array) = (only("object", "{}"), only("array", "[]"));
    Guard {
        table: pair.new.to_owned(),
        asks: Asks::Rows(format!(
            "WITH RECURSIVE v (j) AS (SELECT {name}::json FROM {} WHERE {name} IS NOT NULL \
             UNION ALL SELECT x.value FROM v CROSS JOIN LATERAL (SELECT value FROM \
             json_each{object} UNION ALL SELECT value FROM json_array_elements{array}) x) \
             SELECT FROM v WHERE \
             (SELECT count(*) > count(DISTINCT k) FROM json_object_keys{object} k)",
            quoted(table)
        )),
        says: format!("a value in {table}.{} has a key twice: jsonb keeps one", from.name),
        code: "22030",
    }
}

/// Forbids null without a long lock: by a check that is validated beside the writers, which the
/// server takes for a proof.
fn not_null(script: &mut Script, pair: &Pair<'_>, name: &str) {
    let (alter, column) = (alter(pair.new), quoted(name));
    let check = quoted(&with_ending(&format!("{}__{name}", pair.new), "__not_null"));
    script.add(
        Phase::Constraint,
        format!("{alter} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"),
    );
    script.add(Phase::NotNull, format!("{alter} VALIDATE CONSTRAINT {check}"));
    script.add(Phase::NotNull, format!("{alter} ALTER COLUMN {column} SET NOT NULL"));
    script.add(Phase::NotNull, format!("{alter} DROP CONSTRAINT IF EXISTS {check}"));
    script.guard(Guard {
        table: pair.new.to_owned(),
        asks: Asks::None(format!("{column} IS NULL")),
        says: format!("rows of {} have no value in {name}, which is to have one", pair.new),
        code: "23502",
    });
}

/// Makes the sequence of a default part of its column, as `serial` does.
pub(super) fn owned(script: &mut Script, table: &str, column: &ColumnShape) {
    if let Some(sequence) = sequence(column.default.as_deref()) {
        let place = format!("{}.{}", quoted(table), quoted(&column.name));
        script.add(Phase::Fill, format!("ALTER SEQUENCE {sequence} OWNED BY {place}"));
    }
}

/// Asks for the key that the database would give next, while what gives it is there: rows with
/// larger ones than any that is left may have been deleted. Gives where the answer is kept, for
/// this transaction; none if the database gave none.
pub(super) fn asked(script: &mut Script, table: &str, from: &ColumnShape) -> Option<String> {
    if !from.assigned && sequence(from.default.as_deref()).is_none() {
        return None;
    }
    let place = fnv(format!("{table}.{}", from.name).as_bytes());
    let setting = literal(&format!("tradebase.next_{place:016x}"));
    let next = format!("nextval({})", source(table, from));
    script.add(Phase::Numbers, format!("SELECT set_config({setting}, {next}::text, true)"));
    Some(setting)
}

/// What gives the keys of a column, as SQL.
fn source(table: &str, column: &ColumnShape) -> String {
    match sequence(column.default.as_deref()) {
        Some(sequence) => literal(&sequence),
        None => {
            let (table, name) = (literal(&quoted(table)), literal(&column.name));
            format!("pg_get_serial_sequence({table}, {name})")
        }
    }
}

/// Makes the database go on behind the largest key, and with what it would have given next
/// [`asked`] before: so none is given twice.
pub(super) fn counted(table: &str, column: &ColumnShape, before: Option<String>) -> String {
    let (source, table, name) = (source(table, column), quoted(table), quoted(&column.name));
    let before = before.map_or_else(String::new, |setting| {
        format!(", nullif(current_setting({setting}, true), '')::bigint")
    });
    format!(
        "SELECT setval({source}, greatest(coalesce(max({name}), 0) + 1, 1{before}), false) \
         FROM {table}"
    )
}
