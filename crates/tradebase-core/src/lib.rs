//! The contract of tradebase: *a struct with `#[derive(Record)]` writes itself straight into each
//! store's native buffer and reads itself back.*
//!
//! Two shapes only: your type and the store's bytes. A room of tradebase brings a [`Sink`] and a
//! [`Source`] over its store's bytes; the derives write your type into any sink and read it from
//! any source, column by column, with no map or tree of values in between.
//!
//! ```
//! use tradebase_core::{json, Decimal, Field, Record, Timestamp};
//!
//! #[derive(Field, Clone, Debug, PartialEq)]
//! #[field(id)]
//! pub struct FillId(tradebase_core::Uuid);
//!
//! #[derive(Field, Clone, Copy, Debug, PartialEq)]
//! pub enum Side {
//!     Buy,
//!     Sell,
//! }
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(table = "fills", series = "fills")]
//! pub struct Fill {
//!     #[record(key, tag)]
//!     pub id: FillId,
//!     #[record(tag, length(1..=32))]
//!     pub symbol: String,
//!     #[record(tag)]
//!     pub side: Side,
//!     #[record(decimal(18, 8), min = 0)]
//!     pub quantity: Decimal,
//!     #[record(time, index)]
//!     pub executed_at: Timestamp,
//! }
//!
//! let fill = Fill {
//!     id: FillId::new(),
//!     symbol: "BTC/USDT".into(),
//!     side: Side::Buy,
//!     quantity: "0.5".parse()?,
//!     executed_at: "2026-11-20T09:30:00Z".parse()?,
//! };
//! let text = json::to_string(&fill)?;
//! assert!(text.contains(r#""quantity":0.50000000"#));
//! assert_eq!(json::from_slice::<Fill>(text.as_bytes())?, fill);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate does no I/O and knows no driver.

// The derives name this crate by its outer name, also inside it.
#[allow(unused_extern_crates)]
extern crate self as tradebase_core;

pub mod capability;
pub mod clock;
mod column;
pub mod decimal;
mod domain;
mod error;
mod field;
pub mod id;
mod join;
pub mod json;
mod key;
mod kind;
pub mod parse;
mod query;
mod row;
pub mod rule;
pub mod schema;
mod secret;
mod sink;
mod source;
mod table;
mod time;
mod value;
pub mod watch;

pub use capability::{Capabilities, Capability};
pub use column::{Check, Column, Domain, Name, OnDelete, Parent, Preset, Roles};
pub use error::{Code, Error, ErrorKind, Result, Violation, Violations};
pub use field::{Assigned, Field};
pub use key::Key;
pub use kind::Kind;
pub use query::{
    Col, Comparison, Condition, Embedded, Filter, Link, Nulls, Number, Operand, Order, Pattern,
    Piece, Present, Related, Sort, Stored,
};
pub use row::{Handed, Put, Record, Row, Stamp};
pub use secret::Secret;
pub use sink::Sink;
pub use source::{Got, Source};
pub use table::{Index, Partition, PartitionStep, Room, RowCheck, Table};
pub use time::{Date, ParseTimeError, TimeParts, Timestamp, TimestampNs};
pub use tradebase_derive::{Field, Record, Row};
pub use value::{Rows, Value};

// Foreign types that stand in our signatures.
pub use chrono;
pub use rust_decimal::{self, Decimal};
pub use uuid::{self, Uuid};

/// The traits without the derives of the same names, for a crate that exports derives of its own.
#[doc(hidden)]
pub mod traits {
    pub use crate::field::Field;
    pub use crate::row::{Record, Row};
}

/// What the derives call. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod derive_support {
    pub use crate::field::{put_json, put_other, take_json, unknown_label};
    pub use crate::join::{Part, columns, has_sure_field, name_bytes, names, names_differ, width};
    pub use crate::query::{Present, Wraps};
    pub use crate::row::{absent, need_json, null};
    pub use crate::rule::{Bound, Pattern, Rule, check_json, check_values};
    pub use crate::table::position_of;

    /// Whether a decimal has not said its digits.
    pub const fn is_undeclared(kind: crate::Kind) -> bool {
        matches!(kind, crate::Kind::Decimal { precision: 0, .. })
    }

    /// A column was asked for that the record does not have.
    #[cold]
    pub fn no_column(at: usize) -> crate::Error {
        crate::Error::new(crate::Code::Internal, format!("there is no column {at}"))
    }

    /// A custom rule's refusal, noted at its column.
    pub fn note(
        found: &mut crate::Violations,
        column: &crate::Column,
        verdict: crate::Result<(), impl Into<String>>,
    ) {
        if let Err(message) = verdict {
            found.push(crate::Violation::new(column.name.text, "custom", message));
        }
    }
}
