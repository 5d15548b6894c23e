//! The engines behind one store, and the one place that tells them apart.

use std::sync::Arc;

use tradebase_core::{Capabilities, Code, Error, Result};

use crate::options::SqlOptions;
use crate::raw::Dialect;
#[cfg(feature = "postgres")]
use crate::{POSTGRES, postgres};
use crate::{SQLITE, sqlite};

/// An engine with its connections.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Arc<sqlite::Store>),
    #[cfg(feature = "postgres")]
    Postgres(Arc<postgres::Store>),
}

/// Does the same on whichever engine it is.
macro_rules! either {
    ($of:ident, $value:expr, $it:ident => $work:expr) => {
        match $value {
            $of::Sqlite($it) => $work,
            #[cfg(feature = "postgres")]
            $of::Postgres($it) => $work,
        }
    };
}
pub(crate) use either;

impl Engine {
    /// The engine that the address names, not connected yet.
    pub(crate) fn later(options: &SqlOptions) -> Result<Self> {
        let (scheme, rest) = options.url.expose().split_once(':').ok_or_else(unknown_scheme)?;
        let driverless = scheme.split_once('+').map_or(scheme, |(engine, _)| engine);
        match driverless {
            "sqlite" | "sqlite3" => {
                Ok(Engine::Sqlite(Arc::new(sqlite::Store::later(rest, options)?)))
            }
            "postgres" | "postgresql" => Self::postgres(rest, options),
            _ => Err(unknown_scheme()),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(rest: &str, options: &SqlOptions) -> Result<Self> {
        Ok(Engine::Postgres(Arc::new(postgres::Store::later(rest, options)?)))
    }

    #[cfg(not(feature = "postgres"))]
    fn postgres(_: &str, _: &SqlOptions) -> Result<Self> {
        let message = "built without PostgreSQL: switch on the feature postgres";
        Err(Error::new(Code::Unsupported, message))
    }

    /// Whose SQL it takes.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Engine::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What it can do.
    pub(crate) fn capabilities(&self) -> &'static Capabilities {
        match self {
            Engine::Sqlite(_) => &SQLITE,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => &POSTGRES,
        }
    }
}

/// The address may hold a password, so nothing of it is shown.
#[cold]
fn unknown_scheme() -> Error {
    Error::new(Code::Config, "the address must begin with sqlite: or postgres://")
}
