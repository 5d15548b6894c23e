//! One handle for the whole process, for programs that want it.
//!
//! ```
//! use tradebase::{Config, global};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tradebase::Result<()> {
//! assert_eq!(global::get().unwrap_err().code(), tradebase::Code::NotOpen);
//! # let config = Config::in_memory();
//! global::open(config).await?;
//! assert!(global::get()?.health().await.is_healthy());
//! global::close().await?;
//! # Ok(())
//! # }
//! ```

use std::sync::{PoisonError, RwLock};

use tradebase_core::{Code, Error, Result};

use crate::{Config, Tradebase};

static GLOBAL: RwLock<Option<Tradebase>> = RwLock::new(None);

/// Opens the stores and keeps their handle for [`get`].
pub async fn open(config: Config) -> Result<Tradebase> {
    if get().is_ok() {
        return Err(there_is_one());
    }
    let db = Tradebase::open(config).await?;
    set(db.clone())?;
    Ok(db)
}

/// Keeps a handle for [`get`]; an error if there is one already.
pub fn set(db: Tradebase) -> Result<()> {
    let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
    if global.is_some() {
        return Err(there_is_one());
    }
    *global = Some(db);
    Ok(())
}

/// The handle; an error of the code [`NotOpen`](Code::NotOpen) before there is one.
pub fn get() -> Result<Tradebase> {
    let global = GLOBAL.read().unwrap_or_else(PoisonError::into_inner);
    global.clone().ok_or_else(|| {
        let message = "no stores are open for this process: call tradebase::global::open first";
        Error::new(Code::NotOpen, message)
    })
}

/// Closes the stores and lets go of the handle. Nothing happens if there is none.
pub async fn close() -> Result<()> {
    let db = GLOBAL.write().unwrap_or_else(PoisonError::into_inner).take();
    match db {
        Some(db) => db.close().await,
        None => Ok(()),
    }
}

#[cold]
fn there_is_one() -> Error {
    let message = "stores are open for this process already: close them first, or use \
                   Tradebase::open for further ones";
    Error::new(Code::NotOpen, message)
}
