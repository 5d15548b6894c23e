//! Migrations are run as their files say, one migrator at a time, and nothing by halves.

use crate::common;

mod alone;
mod compared;
mod failing;
mod files;
mod mended;
mod script;
mod settings;
mod sqlite_files;
mod ways;
