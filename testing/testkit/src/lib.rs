//! Private servers, a fault proxy, dropped futures and temp folders for the tests of tradebase.
//!
//! Proofs run against real servers: this crate starts a PostgreSQL, a Redis or an InfluxDB of its
//! own on the loopback, waits until it answers, and takes it away again. A server that is missing
//! is an error that says how to install it, never a test that passes without running.
//!
//! ```no_run
//! use tradebase_testkit::{Postgres, Proxy, psql};
//!
//! let database = Postgres::shared().database();
//! assert_eq!(psql(&database.url(), "select 1 + 1")?, "2");
//!
//! let server = Postgres::options().fsync(true).start()?;
//! server.kill()?;
//! server.restart()?;
//!
//! let proxy = Proxy::before(&format!("127.0.0.1:{}", server.port()))?;
//! proxy.delay(std::time::Duration::from_millis(20));
//! # Ok::<(), tradebase_testkit::KitError>(())
//! ```
//!
//! What holds for every server:
//!
//! - It listens on 127.0.0.1 and on a unix socket in its own temp folder. Its port is held for it
//!   as long as the handle lives, so it comes back on the same port after a fault.
//! - It dies with the process that started it, also when that process is killed.
//! - Dropping the handle stops it and removes its folder. Statics are not dropped, so the folder
//!   of a [`Postgres::shared`] server stays behind; the next process to use this crate removes it.
//! - Faults go through [`Server`], which every handle dereferences to.
//!
//! All but [`drop_at_every_poll`] blocks. Linux only: it needs the parent death signal and `/proc`.

mod clients;
mod command;
mod drops;
mod error;
mod folder;
mod http;
mod influx;
mod pgbouncer;
mod pgwire;
mod port;
mod postgres;
mod process;
mod programs;
mod proxy;
mod redis;
mod server;
mod spawn;

pub use clients::{
    CLIENT_DEADLINE, Finding, influx, pg_dump_schema, psql, psql_separated, redis_cli, sqlite3,
    squawk,
};
pub use drops::{Dropped, POLLS_MAX, drop_after, drop_at_every_poll};
pub use error::KitError;
pub use folder::TempFolder;
pub use influx::Influx;
pub use pgbouncer::PgBouncer;
pub use postgres::{Database, Postgres, PostgresOptions};
pub use proxy::{CONNECTIONS_MAX, Counts, Proxy, Side};
pub use redis::{Redis, RedisOptions};
pub use server::{READY_DEADLINE, SHUTDOWN_DEADLINE, Server};
