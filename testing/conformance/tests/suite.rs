//! The suite, once per engine.

use tradebase_conformance::promises;
use tradebase_conformance::store::Engine;

macro_rules! suite {
    ($($module:ident: $engine:ident;)+) => {$(
        mod $module {
            use super::{Engine, promises};

            suite! {
                @promises $engine:
                every_trade_comes_back
                every_session_comes_back
                equal_tags_and_times_stay_apart
                nothing_is_not_empty
                writing_again_doubles_nothing
                refused_values_are_refused_before_writing
                a_bad_row_stops_its_batch
                keys_are_assigned_and_stamps_set
                a_row_is_changed_and_deleted
                a_second_row_of_a_key_conflicts
                a_filter_finds_what_it_says
            }
        }
    )+};
    (@promises $engine:ident: $($promise:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            promises::$promise(Engine::$engine).await;
        }
    )+};
}

suite! {
    sqlite: Sqlite;
    postgres: Postgres;
    memory: Memory;
    redis: Redis;
    duckdb: Duckdb;
    embedded: Embedded;
    influx: Influx;
}
