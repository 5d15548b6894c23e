//! The settings in effect, for people who look for a fault.

use serde::Serialize;

use super::anchors::{CACHE, SERIES, SQL};
use super::kind::Kind;
use super::origin::Given;
use super::settings::Profile;
use super::table::{self, Setting};
use super::{Config, address, settle};

/// A setting with its value and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Effective {
    /// `sql.url`.
    pub key: &'static str,
    /// Its value, with `***` for secrets; none where there is none.
    pub value: Option<String>,
    /// `code`, `environment DATABASE_URL`, `.env line 3`, `tradebase.toml` or `default`.
    pub source: String,
    /// The setting that wins over this one, which has no effect.
    pub loses_to: Option<&'static str>,
    /// The room, or `general`.
    pub room: &'static str,
    /// `s`, `connections` …
    pub unit: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
    /// What is missing before the room uses it; none if it does.
    pub not_yet: Option<&'static str>,
}

impl Effective {
    /// Whether nobody says it.
    pub fn is_default(&self) -> bool {
        self.source == DEFAULT
    }
}

const DEFAULT: &str = "default";

pub(super) fn listing(config: &Config) -> Vec<Effective> {
    let mut losers = Vec::new();
    for anchors in [SQL, CACHE, SERIES] {
        let winner = anchors.winner(config).map(|winner| winner.setting.key);
        let keys = anchors.losers(config).into_iter().map(|loser| loser.setting.key);
        losers.extend(keys.filter_map(|key| Some((key, winner?))));
    }
    let effective = |setting: &'static Setting| {
        let given = config.winner(setting.key);
        let loses_to = losers.iter().find(|(key, _)| *key == setting.key);
        Effective {
            key: setting.key,
            value: given.map(shown).or_else(|| default(config, setting)),
            source: given.map_or_else(|| DEFAULT.to_owned(), |given| given.origin.to_string()),
            loses_to: loses_to.map(|(_, winner)| *winner),
            room: setting.room,
            unit: setting.unit,
            meaning: setting.meaning,
            not_yet: setting.missing(),
        }
    };
    table::all().map(effective).collect()
}

/// A value as it may be shown.
pub(super) fn shown(given: &Given) -> String {
    match given.setting.kind {
        Kind::Secret => "***".to_owned(),
        Kind::Url(_) => address::masked(&given.text),
        // Somebody may have put a whole address there.
        Kind::Path | Kind::Folder | Kind::Host if given.fault().is_some() => "***".to_owned(),
        _ => given.text.clone(),
    }
}

/// The default, also where it depends on other settings.
fn default(config: &Config, setting: &Setting) -> Option<String> {
    let in_data_folder = |file: &str| {
        let data = config.winner("data").map(|given| given.text.clone());
        let data = data.or_else(|| table::find("data").ok()?.default.value())?;
        Some(std::path::Path::new(&data).join(file).display().to_string())
    };
    match setting.key {
        "create_tables" => Some((settle::profile(config) != Profile::Production).to_string()),
        // Nothing is opened there if an address says otherwise.
        "sql.path" if SQL.winner(config).is_none() => in_data_folder(settle::LEDGER),
        "analytics.path" => in_data_folder(settle::ANALYTICS),
        "series.path" if SERIES.winner(config).is_none() => in_data_folder(settle::SERIES),
        _ => setting.default.value(),
    }
}
