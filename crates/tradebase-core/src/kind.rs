//! What a column can hold.

use std::fmt;

/// The kind of value a column holds, the same in every store.
///
/// Each room has a table from kinds to its own types; the guide lists them side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// True or false.
    Bool,
    /// A signed integer of 16 bits.
    I16,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 64 bits; also what `u32` and `u64` are stored as.
    I64,
    /// A binary floating point number. Not for money.
    F64,
    /// An exact decimal number with a declared number of digits.
    Decimal {
        /// All digits, at most [`MAX_PRECISION`](crate::decimal::MAX_PRECISION);
        /// 0 means "not declared yet".
        precision: u8,
        /// The digits after the point.
        scale: u8,
    },
    /// Text.
    Text {
        /// The most characters it may have.
        max: Option<u32>,
    },
    /// Raw bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// A moment in UTC, to the microsecond.
    Timestamp,
    /// A moment in UTC, to the nanosecond.
    TimestampNs,
    /// A calendar day.
    Date,
    /// Any value of serde, as JSON.
    Json,
}

impl Kind {
    /// A decimal whose digits the field has not declared yet.
    pub const UNDECLARED_DECIMAL: Kind = Kind::Decimal { precision: 0, scale: 0 };

    /// Text without a bound.
    pub const TEXT: Kind = Kind::Text { max: None };

    /// The word for this kind in messages and in `schema.json`.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::I16 => "i16",
            Kind::I32 => "i32",
            Kind::I64 => "i64",
            Kind::F64 => "f64",
            Kind::Decimal { .. } => "decimal",
            Kind::Text { .. } => "text",
            Kind::Bytes => "bytes",
            Kind::Uuid => "uuid",
            Kind::Timestamp => "timestamp",
            Kind::TimestampNs => "timestamp_ns",
            Kind::Date => "date",
            Kind::Json => "json",
        }
    }

    /// Whether this is one of the integers.
    pub const fn is_integer(self) -> bool {
        matches!(self, Kind::I16 | Kind::I32 | Kind::I64)
    }

    /// Whether this is text, bounded or not.
    pub const fn is_text(self) -> bool {
        matches!(self, Kind::Text { .. })
    }

    /// Whether this is a decimal, declared or not.
    pub const fn is_decimal(self) -> bool {
        matches!(self, Kind::Decimal { .. })
    }

    /// The digits after the point; 0 for what is not a decimal.
    pub const fn scale(self) -> u8 {
        match self {
            Kind::Decimal { scale, .. } => scale,
            _ => 0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Kind::Text { max: Some(max) } => write!(f, "text({max})"),
            other => f.write_str(other.word()),
        }
    }
}
