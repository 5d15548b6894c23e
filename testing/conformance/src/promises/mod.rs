//! What every engine promises, each written once.

mod refusals;
mod relational;
mod round_trips;

pub use refusals::{a_bad_row_stops_its_batch, refused_values_are_refused_before_writing};
pub use relational::{
    a_filter_finds_what_it_says, a_row_is_changed_and_deleted, a_second_row_of_a_key_conflicts,
    keys_are_assigned_and_stamps_set,
};
pub use round_trips::{
    equal_tags_and_times_stay_apart, every_session_comes_back, every_trade_comes_back,
    nothing_is_not_empty, writing_again_doubles_nothing,
};

use tradebase_core::{Capability, Code, Error};

use crate::store::Store;

/// Whether the engine can do it; if it says it cannot, it must name its own limit.
fn can(store: &Store, capability: Capability) -> bool {
    match store.capabilities().limit(capability) {
        None => true,
        Some(limit) => {
            assert!(!limit.trim().is_empty(), "a limit without a reason");
            false
        }
    }
}

/// The error of a call that must fail.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: Code) -> Error {
    match result {
        Ok(value) => panic!("was to be refused with {code}, but gave {value:?}"),
        Err(error) => {
            assert_eq!(error.code(), code, "{error}");
            error
        }
    }
}
