//! Where the checkout is, and how cargo is started in it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::problem::Problem;

/// The folder that holds the workspace.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// Finds the checkout this program was started in.
    ///
    /// `cargo run` says it at run time. The value of compile time is second choice: two checkouts
    /// may share one target folder.
    pub fn find() -> Result<Self, Problem> {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        match package.parent() {
            Some(root) if root.join("Cargo.toml").is_file() => Ok(Self { root: root.into() }),
            _ => Err(Problem::not_ready(format!("no checkout around {}", package.display()))),
        }
    }

    #[cfg(test)]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Where the DuckDB library lies; `.cargo/config.toml` names the same folder.
    pub fn library_folder(&self) -> PathBuf {
        self.root.join(".tools").join("duckdb")
    }

    /// Reads a text file of the checkout.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String, Problem> {
        let path = self.join(path);
        std::fs::read_to_string(&path)
            .map_err(|error| Problem::failed(format!("cannot read {}: {error}", path.display())))
    }

    /// A cargo command in the checkout.
    ///
    /// It does not hand on what `cargo run` says about this very package: a build script of a
    /// dependency that watches such a variable would run again each time a plain `cargo` command
    /// and an xtask command follow each other.
    pub fn cargo(&self) -> Command {
        let mut command = plain_cargo();
        command.current_dir(&self.root);
        command
    }
}

/// A cargo command that has no folder yet.
pub fn plain_cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Finds a program on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(&file)).find(|file| file.is_file())
}

/// Runs a command with its output going through; a failure names the command.
pub fn run(command: &mut Command) -> Result<(), Problem> {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Problem::failed(format!("{shown}: {status}"))),
        Err(error) => Err(Problem::failed(format!("cannot start {shown}: {error}"))),
    }
}

/// Runs a command and gives its standard output; its standard error goes through.
pub fn output(command: &mut Command) -> Result<String, Problem> {
    let shown = shown(command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Problem::failed(format!("cannot start {shown}: {error}")))?;
    if !output.status.success() {
        return Err(Problem::failed(format!("{shown}: {}", output.status)));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Problem::failed(format!("the output is not UTF-8: {shown}")))
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let mut text = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
