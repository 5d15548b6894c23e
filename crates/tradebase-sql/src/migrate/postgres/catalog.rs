//! What a schema consists of, read from the server's catalogue.
//!
//! One statement for all tables' columns, one for all their indexes and so on, in one snapshot.
//! The server writes each text for the search path and the settings of the session, so those are
//! set: then texts of two schemas can be compared, and none holds the name of its schema.

use tradebase_core::{Code, Error, Result};

use super::super::history::HISTORY_TABLE;
use super::super::shape::{
    CheckShape, ColumnShape, IndexShape, KeyShape, PartShape, ReferenceShape, Shape, Storage,
    TableShape, TriggerShape,
};
use crate::door::SqlConnection;
use crate::naming::{literal, quoted};
use crate::raw::{Fields, SqlText};

/// How the server is to write texts, up to the end of the transaction.
const WRITING: &str = "SET LOCAL TimeZone TO 'UTC'; SET LOCAL DateStyle TO 'ISO, YMD'; \
     SET LOCAL IntervalStyle TO 'postgres'; SET LOCAL bytea_output TO 'hex'; \
     SET LOCAL extra_float_digits TO 1; SET LOCAL quote_all_identifiers TO off";

/// What the current schema consists of.
pub(in super::super) async fn shape(connection: &mut SqlConnection) -> Result<Shape> {
    connection.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = current(connection).await;
    let ended = connection.batch("ROLLBACK").await;
    let shape = found?;
    ended.map(|()| shape)
}

async fn current(connection: &mut SqlConnection) -> Result<Shape> {
    let schema: Option<String> =
        connection.query_scalar("SELECT current_schema()::text", ()).await?;
    let schema = schema.ok_or_else(|| {
        let message = "there is no schema to work in: none of those in search_path exists";
        Error::new(Code::SchemaMismatch, message)
    })?;
    let path = format!("SET LOCAL search_path TO {}", quoted(&schema));
    connection.batch(SqlText::trusted_text_built_at_run_time(path)).await?;
    read(connection).await
}

/// What the current schema consists of, inside a transaction whose search path is that schema
/// alone.
pub(super) async fn read(connection: &mut SqlConnection) -> Result<Shape> {
    connection.batch(WRITING).await?;
    let mut shape = Shape::default();
    tables(connection, &mut shape).await?;
    columns(connection, &mut shape).await?;
    constraints(connection, &mut shape).await?;
    references(connection, &mut shape).await?;
    indexes(connection, &mut shape).await?;
    triggers(connection, &mut shape).await?;
    parts(connection, &mut shape).await?;
    views(connection, &mut shape).await?;
    Ok(shape)
}

/// A statement that begins with the tables of the current schema: those that are no parts, no
/// extension's, and not the history.
fn over_tables(rest: &str) -> SqlText {
    let history = literal(HISTORY_TABLE);
    SqlText::trusted_text_built_at_run_time(format!(
        "WITH t AS (SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') \
         AND NOT c.relispartition AND c.relname <> {history} AND NOT EXISTS (\
         SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = c.oid \
         AND d.classid = 'pg_catalog.pg_class'::regclass)) {rest}"
    ))
}

fn table<'s>(shape: &'s mut Shape, name: &str) -> Result<&'s mut TableShape> {
    shape.tables.get_mut(name).ok_or_else(|| {
        let message = format!("the catalogue tells of a table that it does not list: {name}");
        Error::new(Code::Internal, message)
    })
}

/// A list of names, as JSON.
fn names(json: &str) -> Result<Vec<String>> {
    serde_json::from_str(json).map_err(|e| {
        Error::new(Code::Unreadable, "the server's list of names is not JSON").because(e)
    })
}

async fn tables(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, t.relkind = 'p', \
         (SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid \
         AND p.partstrat = 'r' AND p.partnatts = 1 AND a.attnum = p.partattrs[0]), \
         pg_catalog.pg_get_partkeydef(t.oid) \
         FROM t LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = t.oid",
    );
    type Found = Fields<(String, bool, Option<String>, Option<String>)>;
    for Fields((name, cut, column, text)) in connection.query::<Found>(sql, ()).await? {
        let storage = match (cut, column) {
            (false, _) => Storage::Plain,
            (true, Some(column)) => Storage::Parts { column },
            (true, None) => Storage::Other(format!("PARTITION BY {}", text.unwrap_or_default())),
        };
        shape.tables.insert(name, TableShape { storage, ..TableShape::default() });
    }
    Ok(())
}

async fn columns(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, a.attname::text, \
         pg_catalog.format_type(a.atttypid, a.atttypmod), \
         CASE WHEN a.attcollation <> y.typcollation THEN CASE \
         WHEN o.collnamespace = 'pg_catalog'::regnamespace THEN quote_ident(o.collname) \
         ELSE o.collnamespace::regnamespace || '.' || quote_ident(o.collname) END END, \
         a.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid, true), \
         a.attidentity::text, a.attgenerated::text \
         FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid \
         JOIN pg_catalog.pg_type y ON y.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY t.relname, a.attnum",
    );
    type Found =
        Fields<(String, String, String, Option<String>, bool, Option<String>, String, String)>;
    for Fields(found) in connection.query::<Found>(sql, ()).await? {
        let (of, name, type_text, collation, not_null, value, identity, generated) = found;
        let mut more: Vec<String> = collation.map(|c| format!("COLLATE {c}")).into_iter().collect();
        let mut default = value;
        if generated == "s" {
            let value = default.take().unwrap_or_default();
            more.push(format!("GENERATED ALWAYS AS ({value}) STORED"));
        }
        if identity == "a" {
            more.push("GENERATED ALWAYS AS IDENTITY".to_owned());
        }
        table(shape, &of)?.columns.push(ColumnShape {
            name,
            type_text,
            meaning: None,
            nullable: !not_null,
            default,
            assigned: !identity.is_empty(),
            more: (!more.is_empty()).then(|| more.join(" ")),
        });
    }
    Ok(())
}

/// Keys, checks, and what is unique by a constraint: that one is an index which is dropped in
/// another way, so its text is that of the constraint.
async fn constraints(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, c.conname::text, c.contype::text, \
         CASE c.contype WHEN 'c' THEN pg_catalog.pg_get_expr(c.conbin, c.conrelid, true) \
         ELSE pg_catalog.pg_get_constraintdef(c.oid, true) END, c.convalidated, \
         (SELECT coalesce(json_agg(a.attname ORDER BY k.at), '[]') \
         FROM unnest(c.conkey) WITH ORDINALITY k(num, at) JOIN pg_catalog.pg_attribute a \
         ON a.attrelid = c.conrelid AND a.attnum = k.num)::text \
         FROM t JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid \
         WHERE c.contype IN ('p', 'c', 'u', 'x') ORDER BY t.relname, c.conname",
    );
    type Found = Fields<(String, String, String, String, bool, String)>;
    for Fields(found) in connection.query::<Found>(sql, ()).await? {
        let (of, name, kind, text, validated, columns) = found;
        let table = table(shape, &of)?;
        match kind.as_str() {
            "p" => table.key = Some(KeyShape { name: Some(name), columns: names(&columns)? }),
            "c" => table.checks.push(CheckShape { name: Some(name), text, validated }),
            kind => {
                let unique = kind == "u";
                table.indexes.push(IndexShape { name, unique, text, valid: true });
            }
        }
    }
    Ok(())
}

async fn references(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, c.conname::text, \
         CASE WHEN p.relnamespace = f.relnamespace THEN p.relname::text \
         ELSE n.nspname || '.' || p.relname END, \
         json_agg(a.attname ORDER BY k.at)::text, json_agg(b.attname ORDER BY k.at)::text, \
         'FOREIGN KEY (' || string_agg(quote_ident(a.attname), ', ' ORDER BY k.at) || \
         ') REFERENCES ' || c.confrelid::regclass || '(' || \
         string_agg(quote_ident(b.attname), ', ' ORDER BY k.at) || ')', \
         pg_catalog.pg_get_constraintdef(c.oid, true), c.convalidated \
         FROM t JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid \
         JOIN pg_catalog.pg_class f ON f.oid = t.oid \
         JOIN pg_catalog.pg_class p ON p.oid = c.confrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace \
         CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY k(own, theirs, at) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own \
         JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.theirs \
         WHERE c.contype = 'f' AND c.conparentid = 0 \
         GROUP BY t.relname, c.oid, c.conname, c.confrelid, c.convalidated, p.relname, \
         p.relnamespace, f.relnamespace, n.nspname ORDER BY t.relname, c.conname",
    );
    type Found = Fields<(String, String, String, String, String, String, String, bool)>;
    for Fields(found) in connection.query::<Found>(sql, ()).await? {
        let (of, name, parent, own, theirs, head, text, validated) = found;
        let text = text.strip_suffix(" NOT VALID").unwrap_or(&text);
        let actions = text.strip_prefix(&head).ok_or_else(|| {
            let message = format!("the server writes the reference {name} in an unknown form");
            Error::new(Code::Unreadable, message)
        })?;
        table(shape, &of)?.references.push(ReferenceShape {
            name: Some(name),
            columns: names(&own)?,
            parent,
            parent_columns: names(&theirs)?,
            actions: actions.trim().to_owned(),
            validated,
        });
    }
    Ok(())
}

async fn indexes(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, i.relname::text, x.indisunique, \
         x.indisvalid AND x.indisready AND x.indislive, \
         pg_catalog.pg_get_indexdef(i.oid, 0, true), \
         format('CREATE %sINDEX %I ON %s%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END, \
         i.relname, CASE WHEN i.relkind = 'I' THEN 'ONLY ' ELSE '' END, t.relname) \
         FROM t JOIN pg_catalog.pg_index x ON x.indrelid = t.oid \
         JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE NOT EXISTS (\
         SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid = i.oid \
         AND c.conrelid = t.oid AND c.contype IN ('p', 'u', 'x')) \
         ORDER BY t.relname, i.relname",
    );
    type Found = Fields<(String, String, bool, bool, String, String)>;
    for Fields((of, name, unique, valid, text, head)) in connection.query::<Found>(sql, ()).await? {
        let text = text.strip_prefix(&head).ok_or_else(|| {
            let message = format!("the server writes the index {name} in an unknown form: {text}");
            Error::new(Code::Unreadable, message)
        })?;
        let text = text.to_owned();
        table(shape, &of)?.indexes.push(IndexShape { name, unique, text, valid });
    }
    Ok(())
}

async fn triggers(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, g.tgname::text, pg_catalog.pg_get_triggerdef(g.oid, true) || \
         CASE g.tgenabled WHEN 'O' THEN '' ELSE format(E';\\nALTER TABLE %I %s TRIGGER %I', \
         t.relname, CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' \
         ELSE 'ENABLE ALWAYS' END, g.tgname) END \
         FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid \
         WHERE NOT g.tgisinternal ORDER BY t.relname, g.tgname",
    );
    type Found = Fields<(String, String, String)>;
    for Fields((of, name, text)) in connection.query::<Found>(sql, ()).await? {
        table(shape, &of)?.triggers.push(TriggerShape { name, text });
    }
    Ok(())
}

async fn parts(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = over_tables(
        "SELECT t.relname::text, c.relname::text, \
         pg_catalog.pg_get_expr(c.relpartbound, c.oid) \
         FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid \
         JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relispartition \
         ORDER BY t.relname, c.relname",
    );
    type Found = Fields<(String, String, String)>;
    for Fields((of, name, bounds)) in connection.query::<Found>(sql, ()).await? {
        table(shape, &of)?.parts.push(PartShape { name, bounds });
    }
    Ok(())
}

async fn views(connection: &mut SqlConnection, shape: &mut Shape) -> Result<()> {
    let sql = "SELECT c.relname::text, pg_catalog.pg_get_viewdef(c.oid, true) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind = 'v' AND NOT EXISTS (\
         SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = c.oid \
         AND d.classid = 'pg_catalog.pg_class'::regclass)";
    for Fields((name, text)) in connection.query::<Fields<(String, String)>>(sql, ()).await? {
        shape.views.insert(name, text.trim().trim_end_matches(';').to_owned());
    }
    Ok(())
}
