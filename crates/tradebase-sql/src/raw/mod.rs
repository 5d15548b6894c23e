//! SQL of the user's own, before an engine gets it: its text, its parameters, what becomes of its
//! rows.

mod bounds;
mod fields;
mod gather;
mod parameters;
mod placeholders;
mod text;
mod tokens;
mod words;

pub(crate) use bounds::Bounds;
pub use fields::Fields;
pub(crate) use gather::{All, AtMostOne, Gather, One};
pub(crate) use parameters::Argument;
pub use parameters::{Parameter, Parameters};
pub(crate) use placeholders::{Ready, ready};
pub use text::SqlText;
pub use tokens::Dialect;
pub(crate) use tokens::{Kind as TokenKind, Tokens};
pub(crate) use words::{begins_with, mentions};
