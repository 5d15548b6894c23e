use super::*;

fn draft(up: &[(bool, &str)], down: &[(bool, &str)]) -> Draft {
    let files = |of: &[(bool, &str)]| {
        let file = |&(transactional, sql): &(bool, &str)| PlannedFile {
            transactional,
            sql: sql.to_owned(),
        };
        of.iter().map(file).collect()
    };
    let mut draft = Draft::default();
    draft.up.files = files(up);
    draft.down.files = files(down);
    draft
}

/// The versions: up and down, with a mark where it is no transaction.
fn legs(up: &[(bool, &str)], down: &[(bool, &str)]) -> Vec<[String; 2]> {
    let text = |file: PlannedFile| {
        let mark = if file.transactional { "" } else { "! " };
        format!("{mark}{}", file.sql.trim_end().replace('\n', " "))
    };
    let legs = spread(Dialect::Postgres, &draft(up, down)).unwrap();
    legs.into_iter().map(|leg| [text(leg.up), text(leg.down)]).collect()
}

#[test]
fn what_is_one_transaction_both_ways_is_one_version() {
    assert_eq!(legs(&[(true, "a;\n")], &[(true, "b;\n")]), [["a;", "b;"]]);
    assert!(legs(&[], &[]).is_empty());
}

#[test]
fn an_index_is_taken_back_before_its_column() {
    let found = legs(
        &[
            (true, "ALTER TABLE t ADD fee int;\n"),
            (false, "CREATE INDEX CONCURRENTLY i ON t (fee);\n"),
        ],
        &[(true, "DROP INDEX i;\n-- loses: t.fee\nALTER TABLE t DROP fee;\n")],
    );
    assert_eq!(
        found,
        [
            ["ALTER TABLE t ADD fee int;", "-- loses: t.fee ALTER TABLE t DROP fee;"],
            [
                "! CREATE INDEX CONCURRENTLY i ON t (fee);",
                "! DROP INDEX CONCURRENTLY IF EXISTS \"i\";"
            ],
        ]
    );
}

#[test]
fn what_is_built_beside_on_the_way_back_comes_behind_the_transaction() {
    let found = legs(
        &[(true, "DROP INDEX i;\nALTER TABLE t DROP fee;\n")],
        &[
            (true, "ALTER TABLE t ADD fee int;\n"),
            (false, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (fee);\n"),
        ],
    );
    assert_eq!(
        found,
        [
            ["", "! CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (fee);"],
            ["DROP INDEX IF EXISTS i; ALTER TABLE t DROP fee;", "ALTER TABLE t ADD fee int;"],
        ]
    );
}

#[test]
fn an_index_of_a_table_that_is_not_touched_comes_back_at_once() {
    let aside = "CREATE INDEX CONCURRENTLY j_new ON u (a);\nDROP INDEX CONCURRENTLY j;\n\
                 ALTER INDEX j_new RENAME TO j;\n";
    let back = aside.replace("(a)", "(b)");
    let found = legs(
        &[(true, "ALTER TABLE t ADD fee int;\n"), (false, aside)],
        &[(true, "ALTER TABLE t DROP fee;\n"), (false, &back)],
    );
    let line = |text: &str| format!("! {}", text.trim_end().replace('\n', " "));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1], [line(aside), line(&back)]);
    let alone = legs(&[(false, aside)], &[(false, &back)]);
    assert_eq!(alone, [[line(aside), line(&back)]]);
}

#[test]
fn a_column_that_must_have_a_value_may_be_null_again_behind_its_check() {
    let found = legs(
        &[
            (true, "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;\n"),
            (
                false,
                "ALTER TABLE t VALIDATE CONSTRAINT c;\nALTER TABLE t ALTER a SET NOT NULL;\n\
                 ALTER TABLE t DROP CONSTRAINT IF EXISTS c;\n",
            ),
        ],
        &[(true, "ALTER TABLE t ALTER a DROP NOT NULL;\n")],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[1][1],
        "! ALTER TABLE \"t\" ALTER COLUMN \"a\" DROP NOT NULL; ALTER TABLE \"t\" DROP CONSTRAINT \
         IF EXISTS \"c\"; ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;"
    );
    assert_eq!(
        found[0][1],
        "ALTER TABLE \"t\" DROP CONSTRAINT IF EXISTS \"c\"; ALTER TABLE t ALTER a DROP NOT NULL;"
    );
}

#[test]
fn an_index_with_which_the_way_back_goes_on_is_built_in_it() {
    let found = legs(
        &[
            (true, "DROP INDEX i;\nALTER TABLE t DROP a;\nALTER TABLE t ADD a int;\n"),
            (false, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);\n"),
        ],
        &[(true, "ALTER TABLE t\n  ALTER COLUMN a TYPE text USING a::text;\n")],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1][1], "! DROP INDEX CONCURRENTLY IF EXISTS \"i\";");
    assert_eq!(
        found[0][1],
        "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a); \
         ALTER TABLE t   ALTER COLUMN a TYPE text USING a::text;"
    );
}

#[test]
fn an_index_that_goes_over_to_another_table_is_dropped_there_first() {
    let found = legs(
        &[
            (true, "DROP INDEX i;\n"),
            (false, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (x);\n"),
        ],
        &[
            (true, "DROP INDEX i;\n"),
            (false, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON b (x);\n"),
        ],
    );
    assert_eq!(
        found,
        [
            ["", "! CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON b (x);"],
            ["DROP INDEX IF EXISTS i;", ""],
            [
                "! CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (x);",
                "! DROP INDEX CONCURRENTLY IF EXISTS \"i\";"
            ],
        ]
    );
}

#[test]
fn files_of_another_kind_are_gone_back_in_turn() {
    let up = [(true, "a;"), (true, "b;")];
    let down = [(true, "c;"), (false, "d;"), (true, "e;")];
    assert_eq!(legs(&up, &down), [["", "e;"], ["a;", "! d;"], ["b;", "c;"]]);
    assert_eq!(legs(&up, &down[..1]), [["a;", ""], ["b;", "c;"]]);
}

#[test]
fn a_check_that_proves_a_column_on_the_way_back_is_no_bar_from_half_way() {
    let found = legs(
        &[(true, "ALTER TABLE t ALTER a DROP NOT NULL;\n")],
        &[
            (true, "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;\n"),
            (
                false,
                "ALTER TABLE t VALIDATE CONSTRAINT c;\nALTER TABLE t ALTER a SET NOT NULL;\n\
                 ALTER TABLE t DROP CONSTRAINT IF EXISTS c;\n",
            ),
        ],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[1][0],
        "ALTER TABLE \"t\" DROP CONSTRAINT IF EXISTS \"c\"; ALTER TABLE t ALTER a DROP NOT NULL;"
    );
}

#[test]
fn files_without_anything_beside_go_as_they_are() {
    let down = "CREATE TRIGGER g AFTER INSERT ON t BEGIN\n  UPDATE t SET a = 1;\n\n\n  \
                DELETE FROM u; -- all\nEND;\n";
    let mut draft = draft(&[(true, "DROP TRIGGER g;\n")], &[(true, down)]);
    let legs = spread(Dialect::Sqlite, &draft).unwrap();
    assert_eq!(legs[0].down.sql, down);
    draft.up.files.clear();
    assert_eq!(spread(Dialect::Sqlite, &draft).unwrap()[0].down.sql, down);
}

#[test]
fn an_index_that_is_renamed_on_the_way_up_is_there_from_half_way_too() {
    let found = legs(
        &[(true, "ALTER TABLE t RENAME a TO b;\nALTER INDEX i RENAME TO j;\n")],
        &[
            (true, "DROP INDEX j;\nALTER TABLE t RENAME b TO a;\n"),
            (false, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);\n"),
        ],
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[1][0],
        "-- allow: M007 because it is there, but behind half of the way back CREATE INDEX IF NOT \
         EXISTS i ON t (a); ALTER TABLE t RENAME a TO b; ALTER INDEX i RENAME TO j;"
    );
}
