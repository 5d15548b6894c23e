//! Where a value was said.

use std::fmt;
use std::sync::Arc;

use super::table::{OWN, Setting};

/// Where a value was said.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Code,
    Environment(&'static str),
    Dotenv {
        name: &'static str,
        line: usize,
    },
    /// The file, as it was named.
    File(Arc<str>),
}

/// A value and where it was said.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) setting: &'static Setting,
    pub(super) origin: Origin,
    pub(super) text: String,
}

impl Origin {
    /// The lower wins.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Origin::Code => 0,
            Origin::Environment(name) if name.starts_with(OWN) => 1,
            Origin::Environment(_) => 2,
            Origin::Dotenv { name, .. } if name.starts_with(OWN) => 3,
            Origin::Dotenv { .. } => 4,
            Origin::File(_) => 5,
        }
    }

    /// The variable it was said with.
    pub(super) fn variable(&self) -> Option<&'static str> {
        match self {
            Origin::Environment(name) | Origin::Dotenv { name, .. } => Some(name),
            Origin::Code | Origin::File(_) => None,
        }
    }

    /// Without the variable: `environment`, `.env line 3`.
    pub(super) fn place(&self) -> String {
        match self {
            Origin::Environment(_) => "environment".to_owned(),
            other => other.to_string(),
        }
    }
}

/// `environment DATABASE_URL`, `.env line 3`, `tradebase.toml`, `code`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Code => f.write_str("code"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Dotenv { line, .. } => write!(f, ".env line {line}"),
            Origin::File(name) => f.write_str(name),
        }
    }
}

impl Given {
    /// How it is called where it was said: `REDIS_DB`, `cache.db`.
    pub(super) fn label(&self) -> &'static str {
        self.origin.variable().unwrap_or(self.setting.key)
    }

    /// The lower wins: by source, then by the order of the variables.
    pub(super) fn rank(&self) -> (u8, usize) {
        let names = self.setting.names;
        let place = |name| names.iter().position(|known| *known == name);
        (self.origin.rank(), self.origin.variable().and_then(place).unwrap_or_default())
    }

    /// What is wrong with the value, with its name and source; a secret is not shown.
    pub(super) fn fault(&self) -> Option<String> {
        const SHOWN: usize = 60;
        let expected = self.setting.kind.check(&self.text).err()?;
        let mut fault = format!("{self} must be {expected}");
        if self.setting.kind.is_open() {
            let shown: String = self.text.chars().take(SHOWN).collect();
            fault.push_str(&format!(", is {shown:?}"));
        }
        Some(fault)
    }
}

/// `REDIS_DB (.env line 3)`; never the value.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label(), self.origin.place())
    }
}
