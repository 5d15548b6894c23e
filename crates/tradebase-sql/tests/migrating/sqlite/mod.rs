//! What migrations of SQLite keep: rows, keys that were given, and what people made by hand.

use crate::common;

mod by_hand;
mod contradicting;
mod conversions;
mod decimals;
mod files;
mod kit;
mod meanings;
mod names;
mod proof;
mod rows;
mod strangers;
mod tables;
