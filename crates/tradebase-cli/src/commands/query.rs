//! `query`: the rows of one query, as a table, JSON or CSV.

use std::io::{self, Read};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value as Json, json};
use tradebase::sql::{GUEST_SQL_BYTES_MAX, GuestOptions, Sql, SqlText};
use tradebase::{Code, Config, Error, Records, Result, Rows, Value, decimal};

use crate::arguments::{self, Arguments};
use crate::ask;
use crate::output::{self, Table};

/// What stands for the text on standard input.
const STDIN: &str = "-";
/// How the statements begin that give rows, of those that `--write` runs.
const GIVING: [&str; 8] =
    ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA", "DESCRIBE"];

/// What was found or done.
enum Found {
    Rows { rows: Rows, is_cut: bool },
    Changed(u64),
}

#[derive(Serialize)]
struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<Json>>,
    cut: bool,
}

pub(crate) fn run(
    options: &arguments::Query,
    config: Config,
    records: &Records,
    arguments: &Arguments,
) -> Result<ExitCode> {
    let text = text(&options.sql)?;
    let guest = guest(options, records);
    let may_write = options.write;
    let found = tradebase::run(config, async |db| {
        if may_write {
            confirm(options, &db.sql().address())?;
            return write(db.sql(), &text).await;
        }
        let found = db.sql().guest(guest)?.query(&text).await?;
        Ok(Found::Rows { rows: found.rows, is_cut: found.is_cut })
    })?;
    match found {
        Found::Rows { rows, is_cut } => show(&rows, is_cut, options.csv, arguments.json)?,
        Found::Changed(count) if arguments.json => output::json(&json!({ "changed": count }))?,
        Found::Changed(count) => output::line(&format!("{count} rows changed"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The text of the query, which may come through a pipe. One that is too long is refused: the
/// beginning of a statement may do more than the whole.
fn text(given: &str) -> Result<String> {
    if given != STDIN {
        return Ok(given.to_owned());
    }
    let unread = "standard input cannot be read as text";
    let mut bytes = Vec::new();
    let most = u64::try_from(GUEST_SQL_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let read = io::stdin().take(most).read_to_end(&mut bytes);
    read.map_err(|e| Error::new(Code::Config, unread).because(e))?;
    if bytes.len() > GUEST_SQL_BYTES_MAX {
        let message = format!(
            "a statement on standard input has at most {GUEST_SQL_BYTES_MAX} bytes, nothing was run"
        );
        return Err(Error::new(Code::Config, message));
    }
    String::from_utf8(bytes).map_err(|e| Error::new(Code::Config, unread).because(e))
}

fn guest(options: &arguments::Query, records: &Records) -> GuestOptions {
    let tables = records.tables().iter().copied().filter(|table| table.is_relational());
    let guest = GuestOptions::new().tables(tables).recursion(true);
    let guest = match options.limit {
        Some(rows) => guest.rows_max(rows),
        None => guest,
    };
    match options.timeout {
        Some(seconds) => guest.wait(Duration::from_secs(seconds)),
        None => guest,
    }
}

/// A statement that may write is run when somebody has said so twice.
fn confirm(options: &arguments::Query, address: &str) -> Result<()> {
    if options.yes {
        return Ok(());
    }
    let refusal = "a statement that may write needs --yes, nothing was run";
    // A statement that came through standard input leaves nobody to ask there.
    if options.sql == STDIN {
        return Err(Error::new(Code::Config, refusal));
    }
    ask::confirm(&format!("run this statement on {address}?"), refusal)
}

async fn write(sql: &Sql, text: &str) -> Result<Found> {
    // The operator's own: they asked for it by `--write`.
    let statement = SqlText::trusted_text_built_at_run_time(text);
    let upper = text.trim_start().to_ascii_uppercase();
    if GIVING.iter().any(|word| upper.starts_with(word)) || upper.contains("RETURNING") {
        let rows = sql.query_values(statement, &[]).await?;
        return Ok(Found::Rows { rows, is_cut: false });
    }
    sql.execute(statement, &[]).await.map(Found::Changed)
}

fn show(rows: &Rows, is_cut: bool, as_csv: bool, as_json: bool) -> Result<()> {
    if as_json {
        let cells = |row: &Vec<Value>| row.iter().map(json_of).collect();
        let answer = Answer {
            columns: rows.columns.clone(),
            rows: rows.rows.iter().map(cells).collect(),
            cut: is_cut,
        };
        return output::json(&answer);
    }
    if as_csv {
        output::line(csv(rows).trim_end_matches("\r\n"))?;
    } else {
        let heading: Vec<_> = rows.columns.iter().map(String::as_str).collect();
        let mut table = Table::new(&heading);
        for row in &rows.rows {
            table.row(row.iter().map(cell_of).collect());
        }
        table.print()?;
    }
    if is_cut {
        eprintln!("these are the first {} rows, there are more: see --limit", rows.rows.len());
    }
    Ok(())
}

/// A value as a person reads it; nothing of it can move the cursor.
fn cell_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        value => plain(value).replace(|c: char| c.is_control(), " "),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Decimal(units, scale) => decimal::text(*units, *scale),
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Timestamp(at) => at.to_string(),
        Value::TimestampNs(at) => at.to_string(),
        Value::Date(day) => day.to_string(),
        _ => String::new(),
    }
}

/// Numbers that JSON holds are numbers; decimals are text, which keeps their digits.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        value => json!(plain(value)),
    }
}

/// As RFC 4180 has it: a null is nothing, an empty text is two quotes.
fn csv(rows: &Rows) -> String {
    let mut out = String::new();
    let heading = rows.columns.iter().map(|name| field(name));
    push_line(&mut out, heading);
    for row in &rows.rows {
        push_line(
            &mut out,
            row.iter().map(|value| match value {
                Value::Null => String::new(),
                value => field(&plain(value)),
            }),
        );
    }
    out
}

fn push_line(out: &mut String, fields: impl Iterator<Item = String>) {
    out.push_str(&fields.collect::<Vec<_>>().join(","));
    out.push_str("\r\n");
}

fn field(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_keep_what_they_hold() {
        let rows = Rows::new(
            vec!["a".into(), "b,c".into()],
            vec![
                vec![Value::Null, Value::Text(String::new())],
                vec![Value::Text("say \"hi\"\n".into()), Value::Decimal(-105, 2)],
            ],
        );
        assert_eq!(csv(&rows), "a,\"b,c\"\r\n,\"\"\r\n\"say \"\"hi\"\"\n\",-1.05\r\n");
    }

    #[test]
    fn a_cell_moves_no_cursor() {
        assert_eq!(cell_of(&Value::Text("\u{1b}[2Ja\nb".into())), " [2Ja b");
        assert_eq!(cell_of(&Value::Null), "-");
    }
}
