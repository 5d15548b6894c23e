//! What the exit code says.

use std::process::ExitCode;

use tradebase::{Code, Error, ErrorKind};

/// The work failed.
pub const FAILED: u8 = 1;
/// The arguments were not understood.
pub const USAGE: u8 = 2;
/// The configuration is not valid, or the program was built without what it asks for.
pub const NOT_CONFIGURED: u8 = 3;
/// A store cannot be reached, or did not answer in time.
pub const UNAVAILABLE: u8 = 4;
/// Stopped by Ctrl-C or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// The list, for the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0    all is well
  1    the work failed, the stores are unhealthy, or lint or drift found something
  2    the arguments were not understood
  3    the configuration is not valid
  4    a store cannot be reached, or did not answer in time
  130  stopped by Ctrl-C";

pub(crate) fn code(error: &Error) -> ExitCode {
    let code = match error.kind() {
        ErrorKind::Config | ErrorKind::Capability => NOT_CONFIGURED,
        ErrorKind::Interrupted => INTERRUPTED,
        _ if error.is_unavailable() || error.code() == Code::MigrationBusy => UNAVAILABLE,
        _ => FAILED,
    };
    ExitCode::from(code)
}
