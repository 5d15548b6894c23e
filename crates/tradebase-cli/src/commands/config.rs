//! `config`: the settings in effect, and example files.

use std::path::Path;
use std::{fs, io};

use serde_json::json;
use tradebase::config::{self, Effective};
use tradebase::{Code, Config, Error, Result};

use crate::arguments::{self, Arguments};
use crate::output::{self, Table};

/// What `--example` writes into the current folder.
const ENV_FILE: &str = ".env.example";
const TOML_FILE: &str = "tradebase.toml";

pub(crate) fn run(
    options: &arguments::Config,
    config: &Config,
    arguments: &Arguments,
) -> Result<()> {
    // Settings that contradict each other are an error here too.
    config.settle()?;
    let effective = config.effective();
    let warnings = config.warnings();
    if arguments.json {
        return output::json(&json!({ "settings": effective, "warnings": warnings }));
    }
    let mut table = Table::new(&["setting", "value", "source", ""]);
    let shown = effective.iter().filter(|setting| options.all || !setting.is_default());
    for setting in shown {
        table.row(vec![
            setting.key.to_owned(),
            value(setting),
            setting.source.clone(),
            remark(setting),
        ]);
    }
    table.print()?;
    if !options.all {
        output::line("\nThe other settings have their defaults; --all shows them.")?;
    }
    for warning in warnings {
        output::line(&format!("\nwarning: {warning}"))?;
    }
    Ok(())
}

/// Why a setting does nothing.
fn remark(setting: &Effective) -> String {
    match (&setting.loses_to, setting.not_yet) {
        (Some(winner), _) => format!("loses to {winner}"),
        (None, Some(missing)) => format!("not used yet: {missing}"),
        (None, None) => String::new(),
    }
}

fn value(setting: &Effective) -> String {
    match (&setting.value, setting.unit) {
        (None, _) => "-".to_owned(),
        (Some(value), None) => value.clone(),
        (Some(value), Some(unit)) => format!("{value} {unit}"),
    }
}

/// Writes the example files: both or none.
pub(crate) fn example(options: &arguments::Config, arguments: &Arguments) -> Result<()> {
    let files = [
        (Path::new(ENV_FILE), config::example_env()),
        (Path::new(TOML_FILE), config::example_toml()),
    ];
    if !options.force
        && let Some((there, _)) = files.iter().find(|(path, _)| path.exists())
    {
        let message = format!("the file is there already, --force overwrites: {}", there.display());
        return Err(Error::new(Code::Config, message));
    }
    // First both beside their places, so that a full disk leaves the old ones.
    let beside: Vec<_> = files.iter().map(|(path, _)| path.with_extension("new")).collect();
    for ((path, text), new) in files.iter().zip(&beside) {
        fs::write(new, text).map_err(|e| unwritten(path, e))?;
    }
    for ((path, _), new) in files.iter().zip(&beside) {
        fs::rename(new, path).map_err(|e| unwritten(path, e))?;
    }
    if arguments.json {
        return output::json(&json!({ "files": [ENV_FILE, TOML_FILE] }));
    }
    output::line(&format!(
        "wrote {ENV_FILE} and {TOML_FILE}; copy the first to .env, or keep the second, and take \
         the # from what you want to set"
    ))
}

fn unwritten(path: &Path, error: io::Error) -> Error {
    let message = format!("the file cannot be written: {}", path.display());
    Error::new(Code::StorageFailed, message).because(error)
}
