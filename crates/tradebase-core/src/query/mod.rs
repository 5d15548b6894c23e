//! Questions over the columns of records, the same for every engine that can answer them.

mod col;
mod condition;
mod filter;
mod link;
mod number;
mod order;
mod pattern;
mod stored;

pub use col::{Col, Embedded, Operand};
pub use condition::{Comparison, Condition, Related};
pub use filter::Filter;
pub use link::Link;
pub use number::{Number, Present, Wraps};
pub use order::{Nulls, Order, Sort};
pub use pattern::{Pattern, Piece};
pub use stored::Stored;
