//! What an empty schema consists of after some statements.

use std::time::Duration;

use tradebase_core::{Code, Error, Result, id};

use super::super::shape::Shape;
use super::super::split::Statement;
use super::catalog;
use crate::door::SqlConnection;
use crate::naming::quoted;
use crate::raw::{Dialect, Fields, SqlText, TokenKind, Tokens, begins_with};

/// How long a replayed statement waits for a lock. What it makes is its own, so it waits for
/// nobody unless a file names another schema.
const REPLAY_LOCK_WAIT: Duration = Duration::from_secs(2);

/// What cannot be in a transaction and leaves nothing in the catalogue.
const WITHOUT_A_TRACE: [&str; 3] = ["VACUUM", "ANALYZE", "CHECKPOINT"];

/// What an empty schema consists of after these statements. They run in a schema of their own,
/// inside a transaction that is rolled back: nothing of it is seen by others, and nothing stays.
pub(in super::super) async fn replayed(
    connection: &mut SqlConnection,
    statements: &[Statement],
) -> Result<Shape> {
    connection.batch("BEGIN").await?;
    let found = aside(connection, statements).await;
    let ended = connection.batch("ROLLBACK").await;
    let shape = found?;
    ended.map(|()| shape)
}

async fn aside(connection: &mut SqlConnection, statements: &[Statement]) -> Result<Shape> {
    let schema = quoted(&format!("tradebase_{}", id::new().simple()));
    let who = "SELECT quote_ident(current_database()), quote_ident(current_user)";
    let Fields((database, user)) =
        connection.query_one::<Fields<(String, String)>>(who, ()).await?;
    run(connection, format!("CREATE SCHEMA {schema}")).await.map_err(|error| {
        if error.code() != Code::AccessDenied {
            return error;
        }
        let message = format!(
            "what records want is made in a schema of its own first and read from there, which \
             this user may not create: GRANT CREATE ON DATABASE {database} TO {user}"
        );
        Error::new(Code::AccessDenied, message).because(error)
    })?;
    let wait = REPLAY_LOCK_WAIT.as_millis();
    let settings =
        format!("SET LOCAL search_path TO {schema}; SET LOCAL lock_timeout TO '{wait}ms'");
    run(connection, settings).await?;
    for statement in statements {
        if begins_with(&statement.text, &WITHOUT_A_TRACE) {
            continue;
        }
        run(connection, within_a_transaction(&statement.text)?).await.map_err(|error| {
            let message = format!("line {}: {}", statement.line, error.message());
            Error::new(error.code(), message).because(error)
        })?;
    }
    catalog::read(connection).await
}

async fn run(connection: &mut SqlConnection, sql: String) -> Result<()> {
    connection.batch(SqlText::trusted_text_built_at_run_time(sql)).await
}

/// The statement without CONCURRENTLY, which is refused inside a transaction and makes the same.
fn within_a_transaction(sql: &str) -> Result<String> {
    let mut text = String::with_capacity(sql.len());
    for token in Tokens::new(Dialect::Postgres, sql) {
        let token = token?;
        if token.kind != TokenKind::Word || !token.text.eq_ignore_ascii_case("CONCURRENTLY") {
            text.push_str(token.text);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrently_is_taken_out_and_nothing_else() {
        for (sql, want) in [
            ("CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX  i ON t (a)"),
            ("drop index concurrently \"concurrently\"", "drop index  \"concurrently\""),
            ("SELECT 'CONCURRENTLY' -- CONCURRENTLY", "SELECT 'CONCURRENTLY' -- CONCURRENTLY"),
        ] {
            assert_eq!(within_a_transaction(sql).unwrap(), want);
        }
    }
}
