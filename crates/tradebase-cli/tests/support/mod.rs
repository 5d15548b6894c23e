//! Starting the command as a person would: in a folder of its own, with no variables but those
//! that the test gives.
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tradebase_testkit::TempFolder;

/// What a run of the command said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The one object on standard output.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        assert_eq!(self.out.lines().count(), 1, "one object on one line: {}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }

    /// Everything that it printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// The command with its arguments, in that folder.
pub fn tradebase<A: AsRef<OsStr>>(folder: &TempFolder, arguments: &[A]) -> Command {
    start(Path::new(env!("CARGO_BIN_EXE_tradebase")), folder, arguments)
}

/// A copy of the command.
pub fn start<A: AsRef<OsStr>>(program: &Path, folder: &TempFolder, arguments: &[A]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder.path()).env_clear().stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> Said {
    Said::of(command.output().unwrap())
}

/// Runs the command in that folder with these arguments, with nothing configured.
pub fn say(folder: &TempFolder, arguments: &[&str]) -> Said {
    run(&mut tradebase(folder, arguments))
}
