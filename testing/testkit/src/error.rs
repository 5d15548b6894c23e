//! The one error of this crate.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a server, a proxy, a folder or a client did not do what was asked.
///
/// `Debug` prints the same text as `Display`, so that a failed `unwrap` in a test is readable.
pub struct KitError {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Missing,
    Timeout,
    PortTaken,
    Failed,
}

impl KitError {
    /// True when a program is not installed; `cargo xtask test` installs it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == Kind::Missing
    }

    /// True when something did not happen within its deadline.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::Timeout
    }

    pub(crate) fn is_port_taken(&self) -> bool {
        self.kind == Kind::PortTaken
    }

    pub(crate) fn missing(program: &str, looked_in: &str) -> Self {
        let text = format!(
            "{program} is not installed (cargo xtask test installs it), looked in: {looked_in}"
        );
        Self { kind: Kind::Missing, text }
    }

    pub(crate) fn io(doing: impl fmt::Display, error: &io::Error) -> Self {
        Self { kind: Kind::Failed, text: format!("cannot {doing}: {error}") }
    }

    pub(crate) fn failed(text: String) -> Self {
        Self { kind: Kind::Failed, text }
    }

    pub(crate) fn timeout(what: &str, waited: Duration, detail: &str) -> Self {
        let text = format!("{what} within {waited:?}: {detail}");
        Self { kind: Kind::Timeout, text }
    }

    /// A server that ended while it was starting. Another process may have taken its port in
    /// between, which is the one cause worth another try.
    pub(crate) fn died(server: &str, status: ExitStatus, log: &str) -> Self {
        let taken = log.to_ascii_lowercase().contains("address already in use");
        let kind = if taken { Kind::PortTaken } else { Kind::Failed };
        Self { kind, text: format!("{server} ended while starting: {status}{}", framed(log)) }
    }

    pub(crate) fn with_log(mut self, log: &str) -> Self {
        self.text.push_str(&framed(log));
        self
    }
}

fn framed(log: &str) -> String {
    if log.trim().is_empty() {
        return ", its log is empty".to_owned();
    }
    format!(", the end of its log:\n{}", log.trim_end())
}

impl fmt::Display for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KitError {}
