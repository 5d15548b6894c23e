//! What went wrong, and with which exit code the command ends.

use std::fmt::Display;
use std::process::ExitCode;

/// A reason to stop.
#[derive(Debug)]
pub enum Problem {
    /// A check or a test failed.
    Failed(String),
    /// A check or a test failed, and all has been said already.
    Told,
    /// A program, a package or a file is missing.
    NotReady(String),
}

impl Problem {
    pub fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    pub fn not_ready(message: impl Display) -> Self {
        Self::NotReady(message.to_string())
    }

    pub fn print(&self) {
        match self {
            Self::Failed(message) | Self::NotReady(message) => eprintln!("error: {message}"),
            Self::Told => {}
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) | Self::Told => ExitCode::from(1),
            Self::NotReady(_) => ExitCode::from(3),
        }
    }
}
