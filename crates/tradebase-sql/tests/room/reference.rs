//! The generated page of errors is that of this code.

#![cfg(feature = "postgres")]

use std::fmt::Write;
use std::path::Path;

use tradebase_core::Code;
use tradebase_sql::codec::{postgres, sqlite};

const HEAD: &str = "# Errors

<!-- @generated from the tables in the code by the tests of tradebase-sql; \
TRADEBASE_WRITE_REFERENCE=1 writes it anew -->

Every error has one of these codes, which do not change. *Again* says whether the same call may \
succeed later. Behind them stands which of them the errors of the relational engines become.

## Codes

| code | name | kind | again | for people |
| --- | --- | --- | --- | --- |
";

const POSTGRES: &str = "
## PostgreSQL

An SQLSTATE that is not listed has the code of its class, the first two letters. A statement that \
was prepared before its table was altered is prepared anew and run again; inside a transaction, \
and if that fails too, it is `TransactionFailed`. A missing column that must have a value and that \
the record does not know is `SchemaMismatch`.

| SQLSTATE | becomes | when |
| --- | --- | --- |
";

const SQLITE: &str = "
## SQLite

An extended result code that is not listed has the code of its primary one, its lowest byte.

| result code | becomes | when |
| --- | --- | --- |
";

const MESSAGES: &str = "
The result code 1 covers too much; here the message tells more.

| message with | becomes |
| --- | --- |
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut line = |text: std::fmt::Arguments<'_>| page.write_fmt(text).expect("it is memory");
    for code in Code::ALL {
        let again = if code.is_retryable() { "yes" } else { "no" };
        let (kind, people) = (code.kind(), code.user_message());
        line(format_args!("| `{code}` | {code:?} | {kind:?} | {again} | {people} |\n"));
    }
    line(format_args!("{POSTGRES}"));
    for (state, code, when) in postgres::SQLSTATES {
        line(format_args!("| `{state}` | {code:?} | {when} |\n"));
    }
    line(format_args!("{SQLITE}"));
    for (number, code, when) in sqlite::RESULT_CODES {
        line(format_args!("| {number} | {code:?} | {when} |\n"));
    }
    line(format_args!("{MESSAGES}"));
    for (message, code) in sqlite::MESSAGES {
        line(format_args!("| {message} | {code:?} |\n"));
    }
    page
}

#[test]
fn the_page_of_errors_is_that_of_the_code() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
    if std::env::var_os("TRADEBASE_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    assert_eq!(found, page, "write it anew with TRADEBASE_WRITE_REFERENCE=1");
}
