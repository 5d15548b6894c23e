//! Levels per room.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tracing::Level;
use tradebase_core::{Code, Error};

use crate::config::closest;

/// The rooms, each with the targets of its events.
const ROOMS: [(&str, &[&str]); 5] = [
    ("sql", &["tradebase_sql"]),
    ("cache", &["tradebase_cache"]),
    ("analytics", &["tradebase_analytics", "tradebase_duckdb"]),
    ("series", &["tradebase_series"]),
    ("hall", &["tradebase"]),
];

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed for good.
    Error,
    /// What is amiss.
    Warn,
    /// What happens now and then, such as a connection.
    #[default]
    Info,
    /// Every operation.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [(&str, LogLevel); 6] = [
        ("off", LogLevel::Off),
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];

    fn find(word: &str) -> Option<Self> {
        // The name of Python's logging.
        if word.eq_ignore_ascii_case("warning") {
            return Some(LogLevel::Warn);
        }
        let found = Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, level)| *level)
    }

    fn read(word: &str) -> Result<Self, String> {
        Self::find(word).ok_or_else(|| {
            let typed = word.to_ascii_lowercase();
            let hint = match closest(&typed, Self::ALL.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("did you mean {meant}"),
                None => "write off, error, warn, info, debug or trace".to_owned(),
            };
            format!("there is no such level, {hint}: {word}")
        })
    }

    fn allows(self, level: Level) -> bool {
        self >= match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(_, level)| level == self);
        f.pad(found.map_or("", |(name, _)| name))
    }
}

impl FromStr for LogLevel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text.trim()).map_err(|why| Error::new(Code::Config, why))
    }
}

/// What is logged: a level for all, and others for some.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    rest: LogLevel,
    /// By the name of a room, or by a target.
    named: BTreeMap<String, LogLevel>,
}

impl Levels {
    /// Reads `info,sql=debug`; the error names the part at fault.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut levels = Self::default();
        let mut rest = None;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((room, level)) => {
                    let level = LogLevel::read(level.trim())?;
                    levels = levels.with(name(room)?, level);
                }
                None => {
                    if let Some(room) = mistaken(part) {
                        return Err(format!("write {room}=debug, or another level: {part}"));
                    }
                    let level = LogLevel::read(part)?;
                    if rest.replace(level).is_some() {
                        return Err(format!("a second level for all: {part}"));
                    }
                }
            }
        }
        levels.rest = rest.unwrap_or_default();
        Ok(levels)
    }

    /// Names that may be mistyped rooms. They may be crates too, so they are no error.
    pub(crate) fn doubts(text: &str) -> Vec<String> {
        let names = text.split(',').filter_map(|part| Some(part.split_once('=')?.0.trim()));
        names
            .filter(|name| !is_room(name))
            .filter_map(|name| {
                let meant = closest(name, ROOMS.iter().map(|(room, _)| *room))?;
                Some(format!("taken as the name of a crate, did you mean {meant}: {name}"))
            })
            .collect()
    }

    pub(super) fn with(mut self, name: String, level: LogLevel) -> Self {
        self.named.insert(name, level);
        self
    }

    pub(super) fn allow(&self, target: &str, level: Level) -> bool {
        self.of(target).allows(level)
    }

    /// The level of the name that says most about the target.
    fn of(&self, target: &str) -> LogLevel {
        let fits = self.named.iter().filter_map(|(name, level)| {
            let length = |of: &str| is_within(target, of).then_some(of.len());
            let longest = match targets(name) {
                Some(targets) => targets.iter().filter_map(|of| length(of)).max(),
                None => length(name),
            };
            longest.map(|length| (length, *level))
        });
        fits.max_by_key(|(length, _)| *length).map_or(self.rest, |(_, level)| level)
    }
}

/// As it can be read again.
impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rest)?;
        self.named.iter().try_for_each(|(name, level)| write!(f, ",{name}={level}"))
    }
}

/// The name of a room or a target, if it is one.
pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return Err(format!(
            "not the name of a room (sql, cache, analytics, series, hall) or of a crate: {text:?}"
        ));
    }
    Ok(text.to_owned())
}

/// The room of a target, for the field `room`.
pub(super) fn room(target: &str) -> &str {
    let of = |targets: &[&str]| targets.iter().any(|of| is_within(target, of));
    ROOMS.iter().find(|(_, targets)| of(targets)).map_or(target, |(room, _)| *room)
}

fn targets(room: &str) -> Option<&'static [&'static str]> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, targets)| *targets)
}

fn is_room(name: &str) -> bool {
    targets(name).is_some()
}

/// The room of a part without a level: `sql`, `sql:debug`, `sql debug`.
fn mistaken(part: &str) -> Option<&str> {
    part.split([':', ' ']).next().filter(|first| is_room(first))
}

/// Whether the target is that one, or below it.
fn is_within(target: &str, of: &str) -> bool {
    target.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(levels: &str, target: &str) -> LogLevel {
        Levels::read(levels).unwrap().of(target)
    }

    #[test]
    fn the_name_that_says_most_decides() {
        let levels = "warn, sql=debug ,hyper=off,hyper::client=trace,hall=error";
        assert_eq!(level(levels, "tradebase_sql::sqlite"), LogLevel::Debug);
        assert_eq!(level(levels, "tradebase_cache"), LogLevel::Warn);
        assert_eq!(level(levels, "tradebase::house"), LogLevel::Error);
        assert_eq!(level(levels, "hyper"), LogLevel::Off);
        assert_eq!(level(levels, "hyper::client::pool"), LogLevel::Trace);
        assert_eq!(level(levels, "hyper_util"), LogLevel::Warn);
        assert_eq!(level("analytics=debug", "tradebase_duckdb::engine"), LogLevel::Debug);
        assert_eq!(level("analytics=debug", "tradebase_analytics"), LogLevel::Debug);
        assert_eq!(level("", "anything"), LogLevel::Info);
        assert_eq!(level("WARNING", "anything"), LogLevel::Warn);
    }

    #[test]
    fn the_part_at_fault_is_named_with_what_was_meant() {
        for (text, parts) in [
            ("info,sql=debgu", ["did you mean debug", ": debgu"]),
            ("info,cache", ["write cache=debug", ": cache"]),
            ("sql:debug", ["write sql=debug", ": sql:debug"]),
            ("ifno", ["did you mean info", ": ifno"]),
            ("loud", ["off, error, warn, info, debug or trace", ": loud"]),
            ("info,=debug", ["not the name of a room", "\"\""]),
            ("info,warn", ["a second level for all", ": warn"]),
        ] {
            let why = Levels::read(text).unwrap_err();
            assert!(parts.iter().all(|part| why.contains(part)), "{text}: {why}");
        }
        assert!(Levels::doubts("info,cahce=debug")[0].contains("did you mean cache: cahce"));
        assert!(Levels::doubts("info,cache=debug,hyper=warn").is_empty());
    }

    #[test]
    fn levels_are_shown_as_they_are_read() {
        let levels = Levels::read("sql=debug,warn,hyper=off").unwrap();
        assert_eq!(levels.to_string(), "warn,hyper=off,sql=debug");
    }
}
