//! Which of several addresses wins, and what loses to it.

use super::Config;
use super::address;
use super::origin::{Given, Origin};

/// The settings that say where a store is.
pub(super) struct Anchors {
    /// Those that suffice, the first wins within one source.
    pub(super) keys: &'static [&'static str],
    /// The one that has parts beside it.
    whole: &'static str,
    parts: &'static [&'static str],
}

pub(super) const SQL: Anchors = Anchors {
    keys: &["sql.url", "sql.path", "sql.host"],
    whole: "sql.host",
    parts: &["sql.port", "sql.name", "sql.user", "sql.password", "sql.sslmode", "sql.sslrootcert"],
};

pub(super) const CACHE: Anchors = Anchors {
    keys: &["cache.url", "cache.host"],
    whole: "cache.host",
    parts: &["cache.port", "cache.db", "cache.user", "cache.password"],
};

pub(super) const SERIES: Anchors = Anchors {
    keys: &["series.url", "series.path"],
    whole: "series.url",
    parts: &["series.database", "series.user", "series.password", "series.retention_policy"],
};

impl Anchors {
    /// The one that wins: of the highest source, and there the first.
    pub(super) fn winner<'a>(&self, config: &'a Config) -> Option<&'a Given> {
        // Of equals, `min_by_key` gives the first.
        self.keys
            .iter()
            .filter_map(|key| config.winner(key))
            .min_by_key(|given| given.origin.rank())
    }

    /// What is set and has no effect beside the winner.
    pub(super) fn losers<'a>(&self, config: &'a Config) -> Vec<&'a Given> {
        let winner = self.winner(config);
        let wins = |key: &str| winner.is_some_and(|winner| winner.setting.key == key);
        let parts = self.parts.iter().filter(|_| !wins(self.whole));
        let keys = self.keys.iter().filter(|key| !wins(key)).chain(parts);
        keys.filter_map(|key| config.winner(key)).filter(|given| !is_used(winner, given)).collect()
    }
}

/// The db of Redis is the one part that goes with an address too.
fn is_used(winner: Option<&Given>, given: &Given) -> bool {
    given.setting.key == "cache.db"
        && winner
            .is_some_and(|winner| given.origin == Origin::Code || db_of_url(&winner.text).is_none())
}

/// The logical db that an address of Redis names.
pub(super) fn db_of_url(url: &str) -> Option<String> {
    let is_unix = url.split_once(':').is_some_and(|(scheme, _)| scheme.ends_with("unix"));
    if is_unix { address::parameter(url, "db") } else { address::parts(url).path }
}

/// A sentence for each place that is said twice, or in part.
pub(super) fn conflicts(config: &Config) -> Vec<String> {
    let mut conflicts = Vec::new();
    for anchors in [SQL, CACHE, SERIES] {
        let losers = anchors.losers(config);
        let Some(winner) = anchors.winner(config) else {
            conflicts.extend(incomplete(&anchors, &losers));
            continue;
        };
        let at_odds: Vec<_> = losers
            .into_iter()
            .filter(|loser| !agrees(winner, loser))
            .map(Given::to_string)
            .collect();
        if !at_odds.is_empty() {
            let names = at_odds.join(", ");
            conflicts.push(format!("{winner} says where the store is; not used: {names}"));
        }
        if let Some(other) = other_name(config, winner) {
            conflicts.push(format!("{winner} says where the store is; not used: {other}"));
        }
    }
    conflicts
}

/// Parts of an address whose host nobody says.
fn incomplete(anchors: &Anchors, parts: &[&Given]) -> Option<String> {
    // Parts of ready caches and the like have a room of their own.
    let names: Vec<_> = parts.iter().map(|given| given.to_string()).collect();
    (!names.is_empty()).then(|| {
        let whole = anchors.whole;
        format!("not used, because nobody says {whole}: {}", names.join(", "))
    })
}

/// Whether it says what the address of the winner says too, as examples of `.env` files do.
fn agrees(winner: &Given, loser: &Given) -> bool {
    let (_, word) = winner.setting.key.split_once('.').unwrap_or_default();
    if word != "url" {
        return false;
    }
    let parts = address::parts(&winner.text);
    let default_port = || match winner.setting.key {
        "sql.url" => Some("5432".to_owned()),
        "cache.url" => Some("6379".to_owned()),
        _ => None,
    };
    let said = match loser.setting.key {
        "sql.host" | "cache.host" => parts.host,
        "sql.port" | "cache.port" => parts.port.or_else(default_port),
        "sql.name" => parts.path,
        "cache.db" => db_of_url(&winner.text),
        "sql.user" | "cache.user" => parts.user,
        "sql.password" | "cache.password" => parts.password,
        _ => None,
    };
    said.is_some_and(|said| said == loser.text.trim())
}

/// Another variable of the same setting, such as `KV_URL` beside `REDIS_URL`, that says otherwise.
fn other_name<'a>(config: &'a Config, winner: &Given) -> Option<&'a Given> {
    let seeds_name = |given: &Given| {
        let name = given.origin.variable()?;
        Some(name.trim_start_matches(super::table::OWN))
    };
    let name = seeds_name(winner)?;
    let others = config.given.get(winner.setting.key)?.iter();
    others
        .filter(|other| seeds_name(other).is_some_and(|seeds| seeds != name))
        .find(|other| other.text != winner.text)
}
