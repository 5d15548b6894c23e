//! Reads the sources: the environment, `.env`, and the file.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use tradebase_core::{Code, Error, Result};

use super::origin::{Given, Origin};
use super::table::{self, FILE_VARIABLE, OWN, Setting, hint};
use super::{Config, dotenv, is_empty};

/// What the files of a folder are called.
pub(super) const FILE: &str = "tradebase.toml";
const DOTENV: &str = ".env";

/// The sources of a [`Config`] as texts, for tests and tools: nothing of the real environment is
/// read, and nothing of the disk.
#[derive(Clone, Default)]
#[must_use]
pub struct Sources {
    file: Option<(Arc<str>, String)>,
    dotenv: Option<String>,
    vars: Vec<(OsString, OsString)>,
}

impl Sources {
    /// No sources.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The text of `tradebase.toml`.
    pub fn file_text(self, text: impl Into<String>) -> Self {
        self.file_named(FILE, text)
    }

    /// The text of `.env`.
    pub fn dotenv_text(mut self, text: impl Into<String>) -> Self {
        self.dotenv = Some(text.into());
        self
    }

    /// Variables of the environment.
    pub fn vars<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.vars.extend(vars);
        self
    }

    /// Reads them all; the error names every fault.
    pub fn read(self) -> Result<Config> {
        let mut reading = Reading::default();
        if let Some((name, text)) = &self.file {
            reading.file(name, text);
        }
        if let Some(text) = &self.dotenv {
            reading.dotenv(text);
        }
        for (name, value) in &self.vars {
            // All our names are Unicode.
            if let Some(name) = name.to_str() {
                reading.environment(name, value);
            }
        }
        reading.finish()
    }

    /// The files of a folder, if they are there, and variables. A file that is named must be.
    pub(super) fn of_folder(
        folder: &Path,
        vars: impl IntoIterator<Item = (OsString, OsString)>,
        named: Option<&Path>,
    ) -> Result<Self> {
        let mut sources = Self::empty().vars(vars);
        // Some keep a folder of Python packages there.
        let dotenv = folder.join(DOTENV);
        if !dotenv.is_dir() {
            sources.dotenv = text_of(&dotenv)?;
        }
        if let Some(named) = named.map(Path::to_owned).or_else(|| sources.named_file()) {
            return sources.with_file(&folder.join(&named), &named);
        }
        let file = text_of(&folder.join(FILE))?;
        Ok(file.into_iter().fold(sources, Self::file_text))
    }

    /// That file alone.
    pub(super) fn of_file(path: &Path) -> Result<Self> {
        Self::empty().with_file(path, path)
    }

    fn with_file(self, path: &Path, shown: &Path) -> Result<Self> {
        let name = shown.display().to_string();
        let text = text_of(path)?.ok_or_else(|| {
            Error::new(Code::Config, format!("there is no such configuration file: {name}"))
        })?;
        Ok(self.file_named(&name, text))
    }

    fn file_named(mut self, name: &str, text: impl Into<String>) -> Self {
        self.file = Some((name.into(), text.into()));
        self
    }

    /// The file that a variable names.
    fn named_file(&self) -> Option<std::path::PathBuf> {
        let var = self.vars.iter().find(|(name, _)| name == FILE_VARIABLE);
        let var = var.map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
        let dotenv = || {
            let (all, _) = dotenv::parse(self.dotenv.as_deref()?);
            let named = all.into_iter().rev().find(|one| one.name == FILE_VARIABLE)?;
            (!is_empty(&named.value)).then(|| named.value.into())
        };
        var.or_else(dotenv).map(Into::into)
    }
}

/// What sources there are; their texts may hold secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file.as_ref().map(|(name, _)| name))
            .field("dotenv", &self.dotenv.is_some())
            .field("vars", &self.vars.len())
            .finish()
    }
}

/// The text of a file; none if there is no such file.
fn text_of(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => {
            let message = format!("the configuration file cannot be read: {}", path.display());
            Err(Error::new(Code::Config, message).because(e))
        }
    }
}

/// A configuration that comes into being, and what is wrong with it.
#[derive(Default)]
struct Reading {
    config: Config,
    faults: Vec<String>,
}

impl Reading {
    fn environment(&mut self, name: &str, value: &OsString) {
        let Some((setting, name)) = table::variable(name) else {
            if !is_link_of_ours(name) {
                self.unknown_variable(name, "environment");
            }
            return;
        };
        let origin = Origin::Environment(name);
        let Some(text) = value.to_str() else {
            let given = Given { setting, origin, text: String::new() };
            self.faults.push(format!("{given} must be Unicode"));
            return;
        };
        if is_service_link(name, text) {
            self.config.notes.push(format!(
                "{name} (environment) looks like a link that Kubernetes sets for a service of \
                 that name, and is passed over: set {OWN}{name} instead"
            ));
            return;
        }
        self.put(Given { setting, origin, text: text.to_owned() });
    }

    fn dotenv(&mut self, text: &str) {
        let (assignments, faults) = dotenv::parse(text);
        for fault in faults {
            self.faults.push(format!("{DOTENV} line {}: {}", fault.line, fault.message));
        }
        for one in assignments {
            let line = one.line;
            match table::variable(&one.name) {
                Some((setting, name)) => {
                    let origin = Origin::Dotenv { name, line };
                    self.put(Given { setting, origin, text: one.value });
                }
                None => self.unknown_variable(&one.name, &format!("{DOTENV} line {line}")),
            }
        }
    }

    /// A mistyped name of ours is an error; one that is near to a name of the seeds may belong
    /// to somebody else.
    fn unknown_variable(&mut self, name: &str, place: &str) {
        if table::is_reserved(name) {
            return;
        }
        let meant = table::closest_name(name);
        if name.starts_with(OWN) {
            let hint = hint(meant);
            self.faults.push(format!("there is no such variable{hint}: {name} ({place})"));
        } else if let Some(meant) = meant {
            self.config.notes.push(format!("{name} ({place}) is not read, did you mean {meant}"));
        }
    }

    fn file(&mut self, name: &Arc<str>, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.parse::<toml::Table>() {
            Ok(table) => self.table(name, "", &table),
            Err(e) => {
                // Its whole text shows the line, which may hold a password.
                let start = e.span().map_or(0, |span| span.start).min(text.len());
                let line = text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count() + 1;
                self.faults.push(format!("{name} line {line}: {}", e.message()));
            }
        }
    }

    fn table(&mut self, name: &Arc<str>, within: &str, table: &toml::Table) {
        for (word, value) in table {
            let key = if within.is_empty() { word.clone() } else { format!("{within}.{word}") };
            let known = table::find(&key).ok();
            let begins = || table::all().any(|s| s.key.starts_with(&format!("{key}.")));
            match (known, value) {
                (Some(setting), value) => self.entry(setting, name, value),
                (None, toml::Value::Table(inner)) if begins() => self.table(name, &key, inner),
                (None, _) => {
                    let hint = hint(table::closest_key(&key).or_else(|| closest_room(&key)));
                    self.faults.push(format!("there is no such setting{hint}: {key} ({name})"));
                }
            }
        }
    }

    fn entry(&mut self, setting: &'static Setting, name: &Arc<str>, value: &toml::Value) {
        let origin = Origin::File(name.clone());
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => {
                let given = Given { setting, origin, text: String::new() };
                self.faults.push(format!("{given} must be {}", setting.kind.expected()));
                return;
            }
        };
        self.put(Given { setting, origin, text });
    }

    fn put(&mut self, given: Given) {
        let is_variable = given.origin.variable().is_some();
        // Else a file would be the ledger, or cursors would have no seal, and nobody would know.
        let is_told = matches!(given.setting.key, "sql.url" | "sql.cursor_key");
        if is_empty(&given.text) && is_told && is_variable {
            self.config.notes.push(format!("{given} is empty and counts as not set"));
        }
        self.config.put(given);
    }

    fn finish(mut self) -> Result<Config> {
        for all in self.config.given.values() {
            for (at, given) in all.iter().enumerate() {
                // A variable of the seeds that loses may belong to another program.
                let is_foreign = matches!(given.origin, Origin::Environment(name)
                    if !name.starts_with(OWN));
                if at == 0 || !is_foreign {
                    self.faults.extend(given.fault());
                }
            }
        }
        match self.faults.as_slice() {
            [] => Ok(self.config),
            [one] => Err(Error::new(Code::Config, one)),
            all => {
                let message = format!("{} settings are wrong: {}", all.len(), all.join("; "));
                Err(Error::new(Code::Config, message))
            }
        }
    }
}

/// `tcp://10.0.0.7:6379`, which Kubernetes puts into `REDIS_PORT` for a service named `redis`.
fn is_service_link(name: &str, text: &str) -> bool {
    !name.starts_with(OWN) && name.ends_with("_PORT") && text.starts_with("tcp://")
}

/// What Kubernetes sets in every pod for a service whose name begins with ours:
/// `TRADEBASE_SERVICE_HOST`, `TRADEBASE_API_PORT_80_TCP_ADDR` and the like. Nobody has mistyped it.
fn is_link_of_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(OWN.trim_end_matches('_')) else { return false };
    let numbered = rest.split("_PORT_").nth(1).is_some_and(|after| {
        after
            .split('_')
            .next()
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    numbered
        || rest.ends_with("_SERVICE_HOST")
        || rest.contains("_SERVICE_PORT")
        || rest.ends_with("_PORT")
}

fn closest_room(key: &str) -> Option<&'static str> {
    super::closest(key, table::ROOMS.into_iter().skip(1).chain(["log"]))
}

#[cfg(test)]
mod tests {
    use tradebase_testkit::TempFolder;

    use super::*;

    fn read(folder: &Path, vars: &[(&str, &str)], named: Option<&Path>) -> Result<Config> {
        let vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Sources::of_folder(folder, vars, named)?.read()
    }

    #[test]
    fn the_files_of_the_folder_are_read_if_they_are_there() {
        let folder = TempFolder::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(format!("{:?}", read(folder.path(), &[], None).unwrap()), "{}");

        fs::create_dir(at(".env")).unwrap();
        assert!(read(folder.path(), &[], None).is_ok(), "a folder named .env is none of ours");
        fs::remove_dir(at(".env")).unwrap();

        fs::write(at(".env"), "POOL_SIZE=7").unwrap();
        fs::write(at("tradebase.toml"), "data = 'there'\n[sql]\npool_size = 8").unwrap();
        let shown = format!("{:?}", read(folder.path(), &[], None).unwrap());
        assert!(shown.contains("\"data\": there (tradebase.toml)"), "{shown}");
        assert!(shown.contains("\"sql.pool_size\": 7 (.env line 1)"), "{shown}");
        fs::write(at(".env"), [0xff, b'=']).unwrap();
        let error = read(folder.path(), &[], None).unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert!(error.to_string().contains(".env"), "{error}");
    }

    #[test]
    fn a_file_that_is_named_is_read_instead_and_must_be_there() {
        let folder = TempFolder::new().unwrap();
        fs::write(folder.path().join("tradebase.toml"), "data = 'usual'").unwrap();
        fs::write(folder.path().join("other.toml"), "data = 'other'").unwrap();
        let var = |file| [("TRADEBASE_CONFIG", file)];
        let other = read(folder.path(), &var("other.toml"), None).unwrap();
        assert_eq!(other.settle().unwrap().data_folder, Path::new("other"));
        let usual = read(folder.path(), &var(""), None).unwrap();
        assert_eq!(usual.settle().unwrap().data_folder, Path::new("usual"));
        let error = read(folder.path(), &var("gone.toml"), None).unwrap_err();
        assert!(error.to_string().ends_with("no such configuration file: gone.toml"), "{error}");

        fs::write(folder.path().join(".env"), "TRADEBASE_CONFIG=other.toml").unwrap();
        let other = read(folder.path(), &[], None).unwrap();
        assert_eq!(other.settle().unwrap().data_folder, Path::new("other"));
        // Named in code, it wins over the variable.
        let named = Some(Path::new("tradebase.toml"));
        let usual = read(folder.path(), &var("other.toml"), named).unwrap();
        assert_eq!(usual.settle().unwrap().data_folder, Path::new("usual"));
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_not_unicode_are_refused_by_name() {
        use std::os::unix::ffi::OsStringExt;
        let bad = OsString::from_vec(vec![0xff]);
        let vars = [("DATABASE_PATH".into(), bad.clone()), (bad.clone(), bad)];
        let error = Sources::empty().vars(vars).read().unwrap_err();
        assert!(error.to_string().contains("DATABASE_PATH (environment)"), "{error}");
    }
}
