//! The role that guests sign in by: how it is made, and what it must not be able to do.

use tokio_postgres::types::Type;
use tradebase_core::{Code, Error, Result, Secret, Table};

use super::address;
use super::connection::Connection;
use super::error::from_postgres;
use super::store::Store;
use crate::call::Call;
use crate::escapes::encode;
use crate::naming::{literal, quoted};
use crate::options::SqlOptions;

/// What our roles are known by: no other is ever altered.
const MARK: &str = "guest of tradebase";
/// The longest name of a role; longer ones are cut off in silence by the server.
const NAME_BYTES_MAX: usize = 63;
/// The shortest password, in bytes.
const PASSWORD_BYTES_MIN: usize = 12;
/// How long one statement of a guest may take unless its connection says otherwise, in
/// milliseconds.
const STATEMENT_MILLIS: u32 = 15_000;

/// What the role that has signed in may do beyond reading the tables `$1`, at most one row.
///
/// Rights on catalogues that everybody has do not count, nor do tables of extensions that
/// everybody reads, nor functions of extensions that compute only. A table is the one that its
/// name means to the role: one of the same name in another schema is another.
const TOO_MUCH: &str = "
WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = session_user),
allowed AS (
    SELECT pg_catalog.to_regclass(pg_catalog.quote_ident(name))::pg_catalog.oid AS oid
    FROM pg_catalog.unnest($1) AS name
),
relations AS (
    SELECT c.oid, c.relname::text AS name, c.relkind,
        n.nspname IN ('pg_catalog', 'information_schema') AS is_catalogue,
        EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'
            AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS is_extension
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname <> 'pg_toast'
)
SELECT what FROM (
    SELECT 1 AS place, 'it acts as another role' AS what WHERE session_user <> current_user
    UNION ALL SELECT 2, 'it is a superuser' FROM me WHERE rolsuper
    UNION ALL SELECT 3, 'it may make roles or databases, replicate or pass row security'
        FROM me WHERE rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
    UNION ALL SELECT 4, 'it is a member of ' || g.rolname
        FROM me JOIN pg_catalog.pg_auth_members m ON m.member = me.oid
        JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
    UNION ALL SELECT 5, 'it owns something'
        FROM me JOIN pg_catalog.pg_shdepend d ON d.refobjid = me.oid AND d.deptype = 'o'
        AND d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    UNION ALL SELECT 6, 'it may make schemas in the database ' || pg_catalog.current_database()
        WHERE pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
    UNION ALL SELECT 7, 'it may make tables in the schema ' || nspname
            || ' (REVOKE CREATE ON SCHEMA ' || nspname || ' FROM PUBLIC)'
        FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
        AND pg_catalog.has_schema_privilege(oid, 'CREATE')
    UNION ALL SELECT 8, 'it may write to ' || name FROM relations
        WHERE relkind <> 'S' AND NOT (is_catalogue AND name = 'pg_settings') AND (
            pg_catalog.has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
            OR pg_catalog.has_any_column_privilege(oid, 'INSERT, UPDATE, REFERENCES'))
    UNION ALL SELECT 9, 'it may draw from the sequence ' || name FROM relations
        WHERE relkind = 'S' AND CASE WHEN relkind = 'S'
            THEN pg_catalog.has_sequence_privilege(oid, 'USAGE, UPDATE') END
    UNION ALL SELECT 10, 'it may read ' || oid::pg_catalog.regclass
            || ', which is not among the tables of guests'
        FROM relations r WHERE relkind <> 'S' AND NOT is_catalogue AND NOT is_extension
        AND NOT EXISTS (SELECT 1 FROM allowed a WHERE a.oid = r.oid)
        AND pg_catalog.has_any_column_privilege(oid, 'SELECT')
    UNION ALL SELECT 10, 'it may read ' || c.oid::pg_catalog.regclass FROM me,
        pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) AS g
        WHERE g.grantee = me.oid AND NOT EXISTS (SELECT 1 FROM allowed a WHERE a.oid = c.oid)
    UNION ALL SELECT 11, 'it may run ' || p.proname || ' with the rights of its owner'
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    UNION ALL SELECT 12, 'it may connect to other servers by ' || p.proname
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d ON d.objid = p.oid
        AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
        WHERE e.extname = 'dblink' AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    UNION ALL SELECT 13, 'it may run ' || p.proname || ', which is written in ' || l.lanname
            || ' (REVOKE EXECUTE ON FUNCTION ' || p.oid::pg_catalog.regprocedure || ' FROM PUBLIC)'
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE NOT l.lanpltrusted AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
        AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
            WHERE d.objid = p.oid AND d.deptype = 'e'
            AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND e.extname IN ('plpgsql', 'pgcrypto', 'uuid-ossp', 'pg_trgm', 'btree_gin',
                'btree_gist', 'citext', 'hstore', 'pg_stat_statements'))
) AS found ORDER BY place LIMIT 1";

/// Whether the role is there: then its comment, who has signed in, and the schema of the tables.
const THERE: &str = "
SELECT (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1),
    (SELECT pg_catalog.shobj_description(oid, 'pg_authid') FROM pg_catalog.pg_roles
        WHERE rolname = $1),
    pg_catalog.current_schema(), pg_catalog.current_database()";

/// What the role has been granted in this database: statements that take it back.
const GRANTED: &str = "
SELECT DISTINCT pg_catalog.format('REVOKE ALL ON %s %s FROM %I',
    CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::pg_catalog.regclass, $1)
FROM pg_catalog.pg_class c, LATERAL (
    SELECT grantee FROM pg_catalog.aclexplode(c.relacl)
    UNION ALL SELECT x.grantee FROM pg_catalog.pg_attribute a,
        LATERAL pg_catalog.aclexplode(a.attacl) x WHERE a.attrelid = c.oid) AS g
WHERE g.grantee = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1)
UNION ALL SELECT pg_catalog.format('REVOKE ALL ON SCHEMA %I FROM %I', nspname, $1)
FROM pg_catalog.pg_namespace, LATERAL pg_catalog.aclexplode(nspacl) AS g
WHERE g.grantee = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1)";

impl Store {
    /// Makes the role of guests or gives it other tables, and gives the address that it signs in
    /// at. All of it, or nothing.
    pub(crate) async fn guest_role(
        &self,
        call: &Call<'_>,
        name: &str,
        password: &Secret,
        tables: &[&'static Table],
    ) -> Result<Secret> {
        check(name, password)?;
        let url = with_user(self.pool().options().url.expose(), name, password)?;
        let mut lease = self.own_lease(call).await?;
        let connection = lease.connection()?;
        let made = connection.make_guest(name, password, tables).await;
        let made = match made {
            Ok(()) => connection.run(None, "COMMIT").await,
            Err(error) => connection.run(None, "ROLLBACK").await.and(Err(error)),
        };
        lease.done(made)?;
        Ok(url)
    }

    /// Signs in as the guest and looks at what it may do.
    pub(crate) async fn check_guest(&self, url: &Secret, tables: &[&'static Table]) -> Result<()> {
        let options = SqlOptions { guest_url: None, ..self.pool().options().clone() };
        let rest = url.expose().split_once(':').map_or("", |(_, rest)| rest);
        let connection = Connection::open(&address::parse(rest, &options)?, &options).await?;
        let names: Vec<_> = tables.iter().map(|table| table.name.to_owned()).collect();
        connection.refuse_mighty(&names).await
    }
}

impl Connection {
    async fn make_guest(
        &self,
        name: &str,
        password: &Secret,
        tables: &[&'static Table],
    ) -> Result<()> {
        let failed = |e| from_postgres(&e, None);
        self.run(None, "BEGIN").await?;
        let asked = self.client.query_typed(THERE, &[(&name, Type::TEXT)]).await;
        let rows = asked.map_err(failed)?;
        let row = rows.first().ok_or_else(nothing_told)?;
        let there: Option<u32> = row.try_get(0).map_err(failed)?;
        let mark: Option<String> = row.try_get(1).map_err(failed)?;
        let schema: Option<String> = row.try_get(2).map_err(failed)?;
        let database: String = row.try_get(3).map_err(failed)?;
        if there.is_some() && mark.as_deref() != Some(MARK) {
            let message = format!("there is a role of this name that was not made here: {name}");
            return Err(Error::new(Code::Config, message));
        }
        let schema = schema.ok_or_else(no_schema)?;
        let (role, schema) = (quoted(name), quoted(&schema));
        let verb = if there.is_some() { "ALTER" } else { "CREATE" };
        // The server keeps what the password is checked by, and never sees the password.
        let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
        let database = quoted(&database);
        let mut text = format!(
            "{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT \
             NOREPLICATION NOBYPASSRLS PASSWORD {};\n\
             COMMENT ON ROLE {role} IS {};\n\
             ALTER ROLE {role} SET default_transaction_read_only = on;\n\
             ALTER ROLE {role} SET statement_timeout = {STATEMENT_MILLIS};\n\
             ALTER ROLE {role} IN DATABASE {database} SET search_path = {schema};\n",
            literal(&verifier),
            literal(MARK),
        );
        let granted = self.client.query_typed(GRANTED, &[(&name, Type::TEXT)]).await;
        for row in granted.map_err(failed)? {
            text.push_str(&row.try_get::<_, String>(0).map_err(failed)?);
            text.push_str(";\n");
        }
        text.push_str(&format!(
            "GRANT CONNECT ON DATABASE {database} TO {role};\n\
             GRANT USAGE ON SCHEMA {schema} TO {role};\n"
        ));
        for table in tables {
            let table = quoted(table.name);
            text.push_str(&format!("GRANT SELECT ON TABLE {schema}.{table} TO {role};\n"));
        }
        self.run(None, &text).await
    }

    /// Refuses a role that may do more than read these tables.
    pub(super) async fn refuse_mighty(&self, names: &[String]) -> Result<()> {
        let failed = |e| from_postgres(&e, None);
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] =
            [(&names, Type::TEXT_ARRAY)];
        let rows = self.client.query_typed(TOO_MUCH, &parameters).await.map_err(failed)?;
        let Some(row) = rows.first() else { return Ok(()) };
        let what: String = row.try_get(0).map_err(failed)?;
        let message = format!("the role of guests may do too much, nobody is let in by it: {what}");
        Err(Error::new(Code::Config, message))
    }
}

fn check(name: &str, password: &Secret) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
        let message = format!("the name of a role has 1 to {NAME_BYTES_MAX} bytes: {name}");
        return Err(Error::new(Code::Config, message));
    }
    if password.expose().len() < PASSWORD_BYTES_MIN || password.expose().contains('\0') {
        let message =
            format!("the password of a role has at least {PASSWORD_BYTES_MIN} bytes, and no NUL");
        return Err(Error::new(Code::Config, message));
    }
    Ok(())
}

#[cold]
fn nothing_told() -> Error {
    Error::new(Code::Internal, "the server did not tell of its roles")
}

#[cold]
fn no_schema() -> Error {
    Error::new(Code::Config, "there is no schema that this role's tables stand in")
}

/// The same address for another user.
fn with_user(url: &str, name: &str, password: &Secret) -> Result<Secret> {
    let (scheme, rest) = url.split_once("://").ok_or_else(unread)?;
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
    let kept = parameters.split('&').filter(|parameter| {
        let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name);
        !name.is_empty() && name != "user" && name != "password"
    });
    let kept: Vec<_> = kept.collect();
    let sign = if kept.is_empty() { "" } else { "?" };
    let (name, password) = (encode(name), encode(password.expose()));
    Ok(Secret::new(format!("{scheme}://{name}:{password}@{place}{sign}{}", kept.join("&"))))
}

#[cold]
fn unread() -> Error {
    Error::new(Code::Config, "the address of PostgreSQL does not begin with postgres://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_guests_is_that_of_the_store_with_another_user() {
        let password = Secret::new("a b@c/d?e");
        for (url, want) in [
            ("postgres://me:secret@h:1/db", "postgres://g:a%20b%40c%2Fd%3Fe@h:1/db"),
            ("postgresql://h/db", "postgresql://g:a%20b%40c%2Fd%3Fe@h/db"),
            (
                "postgres://h/db?user=me&sslmode=require&password=x",
                "postgres://g:a%20b%40c%2Fd%3Fe@h/db?sslmode=require",
            ),
        ] {
            assert_eq!(with_user(url, "g", &password).unwrap().expose(), want);
        }
    }
}
