//! The stable codes, each with its kind, whether a retry can help, and a sentence for people.

use std::fmt;

use super::ErrorKind;

macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $name:ident = $text:literal, $kind:ident, $retry:literal, $user:literal;
    )+) => {
        /// A stable code of an error, for programs and for the reference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The code as it is written: `DB_CONN_001`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The kind of error that has this code.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Code::$name => ErrorKind::$kind,)+ }
            }

            /// Whether the same call may succeed later.
            pub const fn is_retryable(self) -> bool {
                match self { $(Code::$name => $retry,)+ }
            }

            /// A sentence for an end user.
            pub const fn user_message(self) -> &'static str {
                match self { $(Code::$name => $user,)+ }
            }
        }
    };
}

codes! {
    /// The store cannot be reached.
    ConnectionFailed = "DB_CONN_001", Connection, true,
        "The service cannot be reached right now. Please try again in a moment.";
    /// The connection went away during the call; whether it took effect is not known.
    ConnectionLost = "DB_CONN_002", Connection, true,
        "The connection was lost. Please check whether your change is there before repeating it.";
    /// The store refused who we said we are.
    AuthenticationRefused = "DB_CONN_003", Connection, false,
        "The service refused the sign-in. Please tell the operator.";
    /// Another process holds the file.
    FileLocked = "DB_CONN_004", Connection, true,
        "The file is in use by another program.";
    /// The handle was closed.
    Closed = "DB_CONN_005", Connection, false,
        "The service is shutting down.";
    /// Values break the rules of the record, or the limits of its stores.
    Invalid = "DB_VAL_001", Validation, false,
        "Some of the values are not valid. Please correct them.";
    /// A value that must be unique is there already.
    NotUnique = "DB_VAL_002", Conflict, false,
        "There is already an entry with this value.";
    /// The record that a value points to does not exist, or is still pointed to.
    BrokenReference = "DB_VAL_003", Conflict, false,
        "The entry refers to something that does not exist, or is still in use.";
    /// The statement is not valid SQL.
    Syntax = "DB_QRY_001", Query, false,
        "The request could not be understood.";
    /// There is no such record.
    NotFound = "DB_QRY_002", NotFound, false,
        "There is no such entry.";
    /// The store's tables are not as the record says.
    SchemaMismatch = "DB_QRY_003", Query, false,
        "The database is not set up for this version. Please tell the operator.";
    /// The store refused the statement for another reason.
    QueryFailed = "DB_QRY_004", Query, false,
        "The request failed.";
    /// There are several records where there may be one.
    NotOne = "DB_QRY_005", Query, false,
        "There is more than one such entry.";
    /// The transaction failed and was rolled back.
    TransactionFailed = "DB_TXN_001", Transaction, true,
        "The change could not be made. Please try again.";
    /// Another writer holds the database.
    Locked = "DB_TXN_002", Transaction, true,
        "The database is busy. Please try again.";
    /// Somebody else changed the row in between.
    VersionConflict = "DB_TXN_003", Conflict, false,
        "The entry was changed by somebody else. Please load it again.";
    /// The answer to a commit was lost, and nobody can tell how it ended.
    OutcomeUnknown = "DB_TXN_004", Transaction, false,
        "The connection was lost. Please check whether your change is there before repeating it.";
    /// A handle was used that does not belong to the transaction that is open.
    OutsideTransaction = "DB_TXN_005", Transaction, false,
        "Something went wrong. Please tell the operator.";
    /// The text of a statement is not allowed.
    Injection = "DB_SEC_001", Security, false,
        "The request is not allowed.";
    /// Not permitted for this user.
    AccessDenied = "DB_SEC_002", Security, false,
        "You are not allowed to do this.";
    /// A slow query; only logged.
    SlowQuery = "DB_PERF_001", Performance, false,
        "The request took long.";
    /// No connection became free in time.
    PoolExhausted = "DB_PERF_002", Performance, true,
        "The service is busy. Please try again in a moment.";
    /// The call's time ran out.
    TimedOut = "DB_PERF_003", Performance, true,
        "The request took too long. Please try again.";
    /// The configuration is not valid.
    Config = "DB_CFG_001", Config, false,
        "The service is not configured correctly. Please tell the operator.";
    /// A file of a migration, or a set of them, is not as it must be.
    MigrationFile = "DB_MIG_001", Config, false,
        "The service is not set up correctly. Please tell the operator.";
    /// The versions of a set do not follow each other in one line.
    MigrationFork = "DB_MIG_002", Config, false,
        "The service is not set up correctly. Please tell the operator.";
    /// A file of a migration is not what it was when it was signed or applied.
    MigrationChanged = "DB_MIG_003", Config, false,
        "The service is not set up correctly. Please tell the operator.";
    /// A migration was stopped by the store.
    MigrationFailed = "DB_MIG_004", Query, false,
        "The service could not be brought up to date. Please tell the operator.";
    /// Another migrator is at work.
    MigrationBusy = "DB_MIG_005", Performance, true,
        "The service is being brought up to date. Please try again in a moment.";
    /// There is no handle for the whole process yet, or there is one already.
    NotOpen = "DB_CFG_002", Config, false,
        "The service is not ready. Please tell the operator.";
    /// The store cannot do this.
    Unsupported = "DB_CAP_001", Capability, false,
        "This is not possible with the present set-up.";
    /// A blocking call inside an async runtime, whose thread it would hold.
    BlockingInAsync = "DB_CAP_002", Capability, false,
        "Something went wrong. Please tell the operator.";
    /// Stored bytes cannot be read as what the record says they are.
    Unreadable = "DB_DATA_001", Data, false,
        "The stored data could not be read. Please tell the operator.";
    /// No space is left, or a size limit is reached.
    StorageFull = "DB_STORE_001", Storage, false,
        "There is no space left. Please tell the operator.";
    /// The file or the device is damaged, or cannot be read or written.
    StorageFailed = "DB_STORE_002", Storage, false,
        "The storage failed. Please tell the operator.";
    /// The program was asked to stop.
    Interrupted = "DB_RUN_001", Interrupted, true,
        "The program was stopped before it was done.";
    /// A defect of this library.
    Internal = "DB_INT_001", Internal, false,
        "Something went wrong. Please tell the operator.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
