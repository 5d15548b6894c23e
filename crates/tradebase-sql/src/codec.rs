//! The sinks and sources over plain buffers, for the benches of this workspace. No promise.

/// Records in SQLite's own statements and rows.
pub mod sqlite {
    pub use crate::sqlite::{BindSink, MESSAGES, RESULT_CODES, RowSource, create, insert, select};
    pub use rusqlite;
}

/// Records in PostgreSQL's own bytes.
#[cfg(feature = "postgres")]
pub mod postgres {
    pub use crate::postgres::numeric;
    pub use crate::postgres::{
        ArraySink, Arrays, BindSink, CopySink, Params, RowSource, SQLSTATES, Scratch, Tuple,
        TupleSource, copy_end, copy_header, create, insert, read_header, read_tuple, select,
    };
    pub use tokio_postgres;
}
