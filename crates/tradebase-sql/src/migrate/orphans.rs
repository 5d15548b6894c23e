//! Rows of SQLite that point to nothing: a migration must not make more of them.
//!
//! They are counted by reference, because rows of a table that is made anew have other numbers,
//! and those of some tables have none. Some may have been there before.

/// The temporary table that knows how many there were before.
const BEFORE: &str = "temp.\"tradebase_orphans\"";

/// Every reference, by its table, its columns and the table that it points to, with how many rows
/// of it point to nothing.
const COUNTED: &str = "SELECT r.\"child\", r.\"parent\", r.\"columns\", sum(coalesce(c.\"rows\", \
                       0)) AS \"rows\" FROM (SELECT m.\"name\" AS \"child\", f.\"table\" AS \
                       \"parent\", f.\"id\" AS \"id\", group_concat(f.\"from\", ', ') AS \
                       \"columns\" FROM sqlite_schema AS m, \
                       pragma_foreign_key_list(m.\"name\") AS f WHERE m.\"type\" = \
                       'table' GROUP BY m.\"name\", f.\"id\") AS r LEFT JOIN \
                       (SELECT \"table\" AS \"child\", \"fkid\" AS \"id\", count(*) AS \"rows\" \
                       FROM pragma_foreign_key_check GROUP BY \"table\", \"fkid\") AS c ON \
                       c.\"child\" = r.\"child\" AND c.\"id\" = r.\"id\" GROUP BY 1, 2, 3";

/// Counts them before the statements of a migration.
pub(super) fn noted() -> [String; 2] {
    [
        format!("DROP TABLE IF EXISTS {BEFORE}"),
        format!("CREATE TEMP TABLE \"tradebase_orphans\" AS {COUNTED}"),
    ]
}

/// The references of which more rows point to nothing than before, as SQL: table, parent, columns
/// and how many there were.
///
/// A reference that was not there before, as that of a table that was renamed, may have as many as
/// those had that are there no more.
pub(super) fn made() -> String {
    let same = "o.\"child\" = n.\"child\" AND o.\"parent\" = n.\"parent\" AND o.\"columns\" = \
                n.\"columns\"";
    format!(
        "WITH n AS MATERIALIZED ({COUNTED}), moved AS (SELECT n.* FROM n WHERE NOT EXISTS (SELECT \
         1 FROM {BEFORE} AS o WHERE {same})) SELECT n.\"child\", n.\"parent\", n.\"columns\", \
         o.\"rows\" FROM n JOIN {BEFORE} AS o ON {same} WHERE n.\"rows\" > o.\"rows\" UNION ALL \
         SELECT moved.\"child\", moved.\"parent\", moved.\"columns\", 0 FROM moved WHERE \
         moved.\"rows\" > 0 AND (SELECT sum(\"rows\") FROM moved) > (SELECT \
         coalesce(sum(o.\"rows\"), 0) FROM {BEFORE} AS o WHERE NOT EXISTS (SELECT 1 FROM n WHERE \
         {same}))"
    )
}

/// Fails if there are more than before: by plain statements, so that a script has them too.
pub(super) fn checked() -> Vec<String> {
    vec![
        "CREATE TEMP TABLE \"tradebase_check\" (\"rows_that_point_to_nothing\" INTEGER \
         CONSTRAINT \"rows point to what is not there\" CHECK (\"rows_that_point_to_nothing\" = \
         0))"
        .to_owned(),
        format!("INSERT INTO temp.\"tradebase_check\" SELECT count(*) FROM ({})", made()),
        "DROP TABLE temp.\"tradebase_check\"".to_owned(),
        format!("DROP TABLE {BEFORE}"),
    ]
}
