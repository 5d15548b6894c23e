//! PostgreSQL's SQLSTATE codes as codes of tradebase: the one table, which the reference shows.

use tradebase_core::Code;

/// An SQLSTATE of five letters or a class of two, its code, and what it means.
pub type Meaning = (&'static str, Code, &'static str);

/// Every class of PostgreSQL's appendix, each before the codes that differ from their class.
pub const SQLSTATES: &[Meaning] = &[
    ("00", Code::Internal, "successful completion, as an error"),
    ("01", Code::QueryFailed, "warning"),
    ("02", Code::QueryFailed, "no data"),
    ("03", Code::QueryFailed, "SQL statement not yet complete"),
    ("08", Code::ConnectionLost, "connection exception"),
    ("08001", Code::ConnectionFailed, "the connection cannot be made"),
    ("08004", Code::ConnectionFailed, "the server rejected the connection"),
    ("09", Code::QueryFailed, "triggered action exception"),
    ("0A", Code::Unsupported, "feature not supported"),
    ("0B", Code::QueryFailed, "invalid transaction initiation"),
    ("0F", Code::QueryFailed, "locator exception"),
    ("0L", Code::AccessDenied, "invalid grantor"),
    ("0P", Code::AccessDenied, "invalid role"),
    ("0Z", Code::QueryFailed, "diagnostics exception"),
    ("10", Code::QueryFailed, "XQuery error"),
    ("20", Code::QueryFailed, "case not found"),
    ("21", Code::QueryFailed, "cardinality violation"),
    ("22", Code::Invalid, "data exception: a value out of range, too long, of a wrong form"),
    ("23", Code::Invalid, "integrity constraint violation: not null, check"),
    ("23001", Code::BrokenReference, "the row is still pointed to"),
    ("23503", Code::BrokenReference, "foreign key violation"),
    ("23505", Code::NotUnique, "unique violation"),
    ("23P01", Code::NotUnique, "exclusion violation"),
    ("24", Code::QueryFailed, "invalid cursor state"),
    ("25", Code::QueryFailed, "invalid transaction state"),
    ("25006", Code::AccessDenied, "the transaction or the server is read-only"),
    ("25P02", Code::TransactionFailed, "an earlier statement of the transaction failed"),
    ("25P03", Code::TimedOut, "the transaction stood idle too long"),
    ("25P04", Code::TimedOut, "the transaction took too long"),
    ("26", Code::TransactionFailed, "the prepared statement is gone; prepared anew"),
    ("27", Code::QueryFailed, "triggered data change violation"),
    ("28", Code::AuthenticationRefused, "invalid authorization"),
    ("2B", Code::QueryFailed, "privileges depend on it"),
    ("2BP01", Code::BrokenReference, "other objects depend on it"),
    ("2D", Code::QueryFailed, "invalid transaction termination"),
    ("2F", Code::QueryFailed, "SQL routine exception"),
    ("34", Code::QueryFailed, "invalid cursor name"),
    ("38", Code::QueryFailed, "external routine exception"),
    ("39", Code::QueryFailed, "external routine invocation exception"),
    ("3B", Code::QueryFailed, "savepoint exception"),
    ("3D", Code::Config, "there is no such database"),
    ("3F", Code::SchemaMismatch, "there is no such schema"),
    ("40", Code::TransactionFailed, "rollback: serialization failure, deadlock"),
    ("40003", Code::ConnectionLost, "whether the statement took effect is not known"),
    ("42", Code::QueryFailed, "syntax error or access rule violation"),
    ("42501", Code::AccessDenied, "insufficient privilege"),
    ("42601", Code::Syntax, "syntax error"),
    ("42701", Code::SchemaMismatch, "the column is there already"),
    ("42703", Code::SchemaMismatch, "there is no such column"),
    ("42704", Code::SchemaMismatch, "there is no such object"),
    ("42710", Code::SchemaMismatch, "the object is there already"),
    ("42804", Code::SchemaMismatch, "the column is of another type"),
    ("42P01", Code::SchemaMismatch, "there is no such table"),
    ("42P06", Code::SchemaMismatch, "the schema is there already"),
    ("42P07", Code::SchemaMismatch, "the table is there already"),
    ("42P10", Code::SchemaMismatch, "no unique index is on these columns"),
    ("44", Code::Invalid, "the view does not let the row in"),
    ("53", Code::QueryFailed, "insufficient resources"),
    ("53100", Code::StorageFull, "disk full"),
    ("53300", Code::ConnectionFailed, "too many connections"),
    ("53400", Code::StorageFull, "a configured limit is reached"),
    ("54", Code::StorageFull, "program limit exceeded"),
    ("55", Code::QueryFailed, "object not in prerequisite state"),
    ("55006", Code::Locked, "the object is in use"),
    ("55P02", Code::Config, "the parameter cannot be changed now"),
    ("55P03", Code::Locked, "the lock did not become free in time"),
    ("57", Code::QueryFailed, "operator intervention"),
    ("57014", Code::TimedOut, "the statement was cancelled, or took too long"),
    ("57P01", Code::ConnectionLost, "the server shuts down, or its operator ended the connection"),
    ("57P02", Code::ConnectionLost, "the server crashed"),
    ("57P03", Code::ConnectionFailed, "the server starts or shuts down"),
    ("57P04", Code::ConnectionLost, "the database was dropped"),
    ("57P05", Code::TimedOut, "the session stood idle too long"),
    ("58", Code::StorageFailed, "system error: input and output, files"),
    ("72", Code::TransactionFailed, "the snapshot is too old"),
    ("F0", Code::Config, "configuration file error"),
    ("HV", Code::QueryFailed, "foreign data wrapper error"),
    ("P0", Code::QueryFailed, "PL/pgSQL error, also one that a function raised"),
    ("XX", Code::QueryFailed, "internal error of the server"),
    ("XX001", Code::StorageFailed, "data corrupted"),
    ("XX002", Code::StorageFailed, "index corrupted"),
];

/// The code of an SQLSTATE, or of its class.
pub(super) fn code_of(state: &str) -> Code {
    let find = |wanted: &str| SQLSTATES.iter().find(|(state, ..)| *state == wanted);
    let found = find(state).or_else(|| find(state.get(..2)?));
    found.map_or(Code::QueryFailed, |(_, code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_the_appendix_has_its_code() {
        for class in [
            "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20",
            "21", "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39",
            "3B", "3D", "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV",
            "P0", "XX",
        ] {
            assert!(SQLSTATES.iter().any(|(state, ..)| *state == class), "{class}");
        }
        let known = |state: &str| SQLSTATES.iter().any(|(class, ..)| *class == &state[..2]);
        assert!(SQLSTATES.iter().all(|(state, ..)| known(state)));
        for (at, (state, ..)) in SQLSTATES.iter().enumerate() {
            assert!(SQLSTATES[at + 1..].iter().all(|(other, ..)| other != state), "{state}");
        }
    }

    #[test]
    fn every_sqlstate_has_its_code() {
        for (state, want) in [
            ("23505", Code::NotUnique),
            ("23P01", Code::NotUnique),
            ("23503", Code::BrokenReference),
            ("23001", Code::BrokenReference),
            ("2BP01", Code::BrokenReference),
            ("23502", Code::Invalid),
            ("23514", Code::Invalid),
            ("22001", Code::Invalid),
            ("22003", Code::Invalid),
            ("22P02", Code::Invalid),
            ("42P01", Code::SchemaMismatch),
            ("42703", Code::SchemaMismatch),
            ("42804", Code::SchemaMismatch),
            ("42P07", Code::SchemaMismatch),
            ("42601", Code::Syntax),
            ("42501", Code::AccessDenied),
            ("25006", Code::AccessDenied),
            ("42883", Code::QueryFailed),
            ("40001", Code::TransactionFailed),
            ("40P01", Code::TransactionFailed),
            ("26000", Code::TransactionFailed),
            ("25P02", Code::TransactionFailed),
            ("55P03", Code::Locked),
            ("57014", Code::TimedOut),
            ("57P01", Code::ConnectionLost),
            ("57P03", Code::ConnectionFailed),
            ("53300", Code::ConnectionFailed),
            ("08006", Code::ConnectionLost),
            ("28P01", Code::AuthenticationRefused),
            ("28000", Code::AuthenticationRefused),
            ("3D000", Code::Config),
            ("53100", Code::StorageFull),
            ("54000", Code::StorageFull),
            ("54011", Code::StorageFull),
            ("58030", Code::StorageFailed),
            ("XX001", Code::StorageFailed),
            ("0A000", Code::Unsupported),
            ("53200", Code::QueryFailed),
            ("", Code::QueryFailed),
        ] {
            assert_eq!(code_of(state), want, "{state}");
        }
    }
}
