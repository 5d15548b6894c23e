//! DuckDB's errors as ours. DuckDB says what went wrong in words, beginning with the family.

use duckdb::Error as Driver;
use tokio::task::JoinError;
use tradebase_core::{Code, Error};

/// The most bytes of DuckDB's words that an error repeats.
const WORDS_BYTES_MAX: usize = 600;

/// The error of the library beneath, with our code.
#[cold]
pub fn of(error: Driver) -> Error {
    match error {
        Driver::DuckDBFailure(_, Some(words)) => of_words(&words),
        Driver::InvalidParameterCount(given, needed) => {
            let message = format!("the statement takes {needed} parameters, it is given {given}");
            Error::new(Code::Syntax, message)
        }
        Driver::NulError(_) => {
            Error::new(Code::Syntax, "a statement or name must not contain the character NUL")
        }
        Driver::ArrowTypeToDuckdbType(..) | Driver::ToSqlConversionFailure(_) => {
            Error::new(Code::Unsupported, "DuckDB cannot take such a value").because(error)
        }
        Driver::InvalidPath(_) => Error::new(Code::Config, "the path is not valid").because(error),
        other => Error::new(Code::QueryFailed, "DuckDB refused the call").because(other),
    }
}

/// The error that DuckDB's words tell of.
#[cold]
pub fn of_words(words: &str) -> Error {
    if words.contains("attached in read-only mode") {
        return read_only();
    }
    let code = code_of(words);
    Error::new(code, meaning(code)).because(shortened(words))
}

/// A write to a file that is open for reading only.
#[cold]
pub(crate) fn read_only() -> Error {
    Error::new(Code::Unsupported, "the file is open for reading only")
}

/// A call to a database that was closed.
#[cold]
pub(crate) fn closed() -> Error {
    Error::new(Code::Closed, "the database is closed")
}

/// A call from outside an async runtime.
#[cold]
pub(crate) fn no_runtime() -> Error {
    Error::new(Code::Config, "the call needs a tokio runtime, and there is none on this thread")
}

/// Work that did not come to its end on its thread.
#[cold]
pub(crate) fn unfinished(error: JoinError) -> Error {
    let code = if error.is_panic() { Code::Internal } else { Code::ConnectionLost };
    Error::new(code, "the work on the database did not end").because(error)
}

/// Without the excerpt of the statement that DuckDB adds with a marker below it.
pub(crate) fn shortened(words: &str) -> String {
    let head = words.split("\n\nLINE ").next().unwrap_or(words).trim();
    let cut = head.floor_char_boundary(WORDS_BYTES_MAX.min(head.len()));
    head[..cut].replace('\n', " ")
}

const fn meaning(code: Code) -> &'static str {
    match code {
        Code::FileLocked => "another process holds the database file",
        Code::Syntax => "the statement is not valid",
        Code::SchemaMismatch => "the tables are not as the statement says",
        Code::NotUnique => "a value is there already",
        Code::BrokenReference => "a reference would point to nothing",
        Code::Invalid => "a value breaks a rule of the table",
        Code::TransactionFailed => "the transaction failed",
        Code::StorageFull => "there is no space left",
        Code::StorageFailed => "the database file cannot be read or written",
        Code::AccessDenied => "the database does not permit this",
        Code::TimedOut => "the call was interrupted",
        Code::Unsupported => "this DuckDB cannot do that",
        Code::ConnectionFailed => "a server cannot be reached",
        _ => "the statement failed",
    }
}

/// Which of our codes DuckDB's words mean.
fn code_of(words: &str) -> Code {
    let has = |part: &str| words.contains(part);
    let (family, _) = words.split_once(" Error").unwrap_or_default();
    match family {
        "Parser" | "Syntax" => Code::Syntax,
        "Catalog" => catalog(words),
        "Binder" => binder(words),
        "Constraint" => constraint(words),
        "TransactionContext" if has("duplicate key") => Code::NotUnique,
        // A commit that the disk refuses: doing it again does not help.
        "TransactionContext" if has("ould not write") || has("No space left") => io(words),
        "TransactionContext" | "Transaction" => Code::TransactionFailed,
        "IO" => io(words),
        "Out of Memory" => Code::StorageFull,
        "Permission" => Code::AccessDenied,
        "INTERRUPT" | "Interrupt" => Code::TimedOut,
        "Missing Extension" | "Extension" | "Autoload" | "Not implemented" => Code::Unsupported,
        "FATAL" | "Fatal" | "Serialization" | "Corruption" => Code::StorageFailed,
        "INTERNAL" | "Internal" => Code::Internal,
        "HTTP" | "Network" | "Connection" => Code::ConnectionFailed,
        // An appender does not say of which family its errors are.
        _ if has("constraint failed") || has("constraint violation") => constraint(words),
        _ if has("iolates foreign key") => Code::BrokenReference,
        _ => Code::QueryFailed,
    }
}

fn catalog(words: &str) -> Code {
    if words.contains("exists in the") && words.contains("extension") {
        return Code::Unsupported;
    }
    if words.contains("write-write conflict") {
        return Code::TransactionFailed;
    }
    const OF_THE_SCHEMA: [&str; 8] =
        ["Table", "View", "Column", "Schema", "Sequence", "Index", "Type", "Catalog"];
    let subject = words.trim_start_matches("Catalog Error: ");
    if OF_THE_SCHEMA.iter().any(|what| subject.starts_with(what)) {
        Code::SchemaMismatch
    } else {
        Code::Syntax
    }
}

fn binder(words: &str) -> Code {
    const UNKNOWN: [&str; 5] = [
        "not found in FROM clause",
        "does not have a column",
        "Referenced table",
        "does not exist",
        "columns but",
    ];
    if UNKNOWN.iter().any(|part| words.contains(part)) {
        Code::SchemaMismatch
    } else {
        Code::Syntax
    }
}

fn constraint(words: &str) -> Code {
    let has = |part: &str| words.contains(part);
    if has("uplicate key") || has("unique constraint") || has("UNIQUE constraint") {
        Code::NotUnique
    } else if has("foreign key") {
        Code::BrokenReference
    } else {
        Code::Invalid
    }
}

fn io(words: &str) -> Code {
    let has = |part: &str| words.contains(part);
    if has("Could not set lock on file") || has("Conflicting lock") {
        Code::FileLocked
    } else if has("No space left") || has("Disk quota") || has("File too large") {
        Code::StorageFull
    } else if has("extension") && (has("INSTALL") || has("Failed to download")) {
        Code::Unsupported
    } else {
        Code::StorageFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_the_disk_refuses_is_not_to_be_tried_again() {
        let failed = "TransactionContext Error: Failed to commit: Could not write file \"/x.wal\"";
        for (why, code) in [
            ("No space left on device", Code::StorageFull),
            ("Input/output error", Code::StorageFailed),
        ] {
            let error = of_words(&format!("{failed}: {why}"));
            assert_eq!((error.code(), error.is_retryable()), (code, false));
        }
    }

    #[test]
    fn what_duckdb_says_has_a_code_of_ours() {
        let cases = [
            ("Parser Error: syntax error at or near \"selec\"", Code::Syntax),
            ("Catalog Error: Table with name nope does not exist!", Code::SchemaMismatch),
            ("Catalog Error: Table with name \"t\" already exists!", Code::SchemaMismatch),
            ("Catalog Error: Sequence with name s does not exist!", Code::SchemaMismatch),
            ("Catalog Error: Scalar Function with name f does not exist!", Code::Syntax),
            (
                "Catalog Error: Scalar Function with name \"st_point\" is not in the catalog, but \
                 it exists in the spatial extension.",
                Code::Unsupported,
            ),
            (
                "Binder Error: Referenced column \"x\" not found in FROM clause!",
                Code::SchemaMismatch,
            ),
            ("Binder Error: column \"l\" must appear in the GROUP BY clause", Code::Syntax),
            ("Conversion Error: Could not convert string 'abc' to INT32", Code::QueryFailed),
            ("Out of Range Error: Overflow in addition of INT64", Code::QueryFailed),
            ("Invalid Input Error: boom", Code::QueryFailed),
            (
                "Constraint Error: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"1\"",
                Code::NotUnique,
            ),
            ("Constraint Error: Duplicate key \"a: 1\" violates primary key", Code::NotUnique),
            ("Constraint Error: NOT NULL constraint failed: p.b", Code::Invalid),
            ("Constraint Error: CHECK constraint failed on table p", Code::Invalid),
            ("Constraint Error: Violates foreign key constraint because", Code::BrokenReference),
            ("TransactionContext Error: Conflict on update!", Code::TransactionFailed),
            (
                "TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE constraint \
                 violation: duplicate key \"1\"",
                Code::NotUnique,
            ),
            (
                "IO Error: Could not set lock on file \"/x\": Conflicting lock is held in y",
                Code::FileLocked,
            ),
            ("IO Error: Could not write file \"/x\": No space left on device", Code::StorageFull),
            (
                "IO Error: The file \"/x\" exists, but it is not a valid DuckDB database file!",
                Code::StorageFailed,
            ),
            ("IO Error: Cannot open file \"/x\": No such file or directory", Code::StorageFailed),
            ("IO Error: Failed to download extension \"httpfs\" at URL", Code::Unsupported),
            ("Missing Extension Error: File s3://a requires the extension", Code::Unsupported),
            ("Not implemented Error: SET LOCAL is not implemented.", Code::Unsupported),
            ("Out of Memory Error: failed to allocate data of size", Code::StorageFull),
            ("Permission Error: File system operations are disabled", Code::AccessDenied),
            ("INTERRUPT Error: Interrupted!", Code::TimedOut),
            ("FATAL Error: database has been invalidated", Code::StorageFailed),
            ("INTERNAL Error: assertion", Code::Internal),
            (
                "Failed to append: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"a\"",
                Code::NotUnique,
            ),
            ("Failed to append: NOT NULL constraint failed: t.a", Code::Invalid),
            ("something else", Code::QueryFailed),
        ];
        for (words, code) in cases {
            assert_eq!(of_words(words).code(), code, "{words}");
        }
    }

    #[test]
    fn the_excerpt_of_the_statement_is_left_out() {
        let error = of_words("Parser Error: syntax error at end of input\n\nLINE 1: selec\n    ^");
        let text = error.to_string();
        assert!(text.ends_with("Parser Error: syntax error at end of input"), "{text}");
    }
}
