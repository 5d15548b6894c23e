//! What to do about a file that somebody else holds.

use std::time::Duration;

/// The first pause before a held file is tried again; each further one is twice as long.
pub const LOCK_PAUSE_FIRST: Duration = Duration::from_millis(10);
/// The longest pause before a held file is tried again.
pub const LOCK_PAUSE_MAX: Duration = Duration::from_millis(250);

/// What becomes of an open where another process holds the file.
///
/// Only a lock is answered by it. A missing folder, a damaged file and the like are errors
/// whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenLocked {
    /// The open fails with the code [`FileLocked`](tradebase_core::Code::FileLocked).
    #[default]
    Error,
    /// An empty database in memory takes the place of the file, and a warning is logged. What is
    /// written there ends with the process; each handle that is opened apart has its own.
    Memory,
    /// The open is tried again until the file is free or the time is over, then it fails.
    Wait(Duration),
    /// The file is opened for reading only, which works beside other readers. Where a writer holds
    /// it, the open fails.
    ReadOnly,
}
