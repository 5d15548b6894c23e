//! The kinds of settings: what their values look like.

use std::time::Duration;

use crate::log::Levels;

/// What stands for a store in memory.
pub(super) const MEMORY: &str = ":memory:";

/// The kind of a setting.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// Never shown.
    Secret,
    /// An address with one of these beginnings; it may hold a password.
    Url(&'static [&'static str]),
    /// A file, or `:memory:`.
    Path,
    Folder,
    /// A host, or the path of a socket.
    Host,
    Count {
        least: u64,
        most: u64,
    },
    /// With up to three decimals; the bounds in milliseconds.
    Seconds {
        least_ms: u64,
        most_ms: u64,
    },
    Words(&'static [&'static str]),
    Flag,
    /// Levels of the log.
    Levels,
}

const DAY_MS: u64 = 86_400_000;

impl Kind {
    pub(super) const PORT: Kind = Kind::Count { least: 1, most: 65_535 };
    /// For counts that nothing here goes by.
    pub(super) const ANY_COUNT: Kind = Kind::Count { least: 0, most: 1_000_000 };
    /// Up to a terabyte.
    pub(super) const BYTES: Kind = Kind::Count { least: 0, most: 1 << 40 };
    /// A wait may be none.
    pub(super) const WAIT: Kind = Kind::Seconds { least_ms: 0, most_ms: DAY_MS };
    /// A deadline leaves some time.
    pub(super) const DEADLINE: Kind = Kind::Seconds { least_ms: 1, most_ms: DAY_MS };
    /// An age of days or years.
    pub(super) const AGE: Kind = Kind::Seconds { least_ms: 0, most_ms: 36_500 * DAY_MS };

    /// Whether a text is a value of this kind; else what it must be.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let fits = match self {
            Kind::Text | Kind::Secret => true,
            Kind::Url(schemes) => has_scheme(text, schemes),
            Kind::Path => is_path(text),
            Kind::Folder => is_path(text) && text.trim() != MEMORY,
            Kind::Host => is_host(text),
            Kind::Count { .. } => self.count(text).is_some(),
            Kind::Seconds { .. } => self.wait(text).is_some(),
            Kind::Words(words) => word(words, text).is_some(),
            Kind::Flag => flag(text).is_some(),
            Kind::Levels => {
                let levels = Levels::read(text);
                return levels.map(drop).map_err(|why| format!("levels of the log: {why}"));
            }
        };
        if fits { Ok(()) } else { Err(self.expected()) }
    }

    /// What a value must be, for messages and for the reference.
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Text => "a text".to_owned(),
            Kind::Secret => "a secret".to_owned(),
            Kind::Url(schemes) => format!("an address that begins with {}", or(schemes)),
            Kind::Path => "the path of a file, or :memory: for a store in memory".to_owned(),
            Kind::Folder => "the path of a folder".to_owned(),
            Kind::Host => "a host without port and user, or the path of a socket".to_owned(),
            Kind::Count { least, most } => format!("a whole number from {least} to {most}"),
            Kind::Seconds { least_ms, most_ms } => {
                let (least, most) = (seconds(*least_ms), seconds(*most_ms));
                format!("seconds from {least} to {most}, with up to three decimals")
            }
            Kind::Words(words) => or(words),
            Kind::Flag => "true or false".to_owned(),
            Kind::Levels => "levels of the log such as info,sql=debug".to_owned(),
        }
    }

    /// Whether a wrong value may be shown.
    pub(super) fn is_open(&self) -> bool {
        // A path or host at fault is perhaps an address with a password.
        !matches!(self, Kind::Secret | Kind::Url(_) | Kind::Path | Kind::Folder | Kind::Host)
    }

    pub(super) fn count(&self, text: &str) -> Option<u64> {
        let Kind::Count { least, most } = self else { return None };
        let count = whole(text.trim())?;
        (*least..=*most).contains(&count).then_some(count)
    }

    pub(super) fn wait(&self, text: &str) -> Option<Duration> {
        let Kind::Seconds { least_ms, most_ms } = self else { return None };
        let text = text.trim();
        let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 3 {
            return None;
        }
        let ms = whole(&format!("{decimals:0<3}"))?;
        let ms = whole(seconds)?.checked_mul(1_000)?.checked_add(ms)?;
        (*least_ms..=*most_ms).contains(&ms).then(|| Duration::from_millis(ms))
    }
}

/// The word of a list, whatever its case.
pub(super) fn word(words: &[&'static str], text: &str) -> Option<&'static str> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text.trim())).copied()
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Digits only: `parse` would take a sign too.
fn whole(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A driver's name after the scheme (`postgresql+asyncpg://`) is passed over.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    let text = text.trim();
    let begins = |text: &str| {
        schemes.iter().any(|scheme| text.get(..scheme.len()).is_some_and(|t| t == *scheme))
    };
    let driverless = || {
        let (scheme, rest) = text.split_once(':')?;
        let (engine, _) = scheme.split_once('+')?;
        Some(format!("{engine}:{rest}"))
    };
    begins(text) || driverless().is_some_and(|text| begins(&text))
}

/// An address in the place of a path would make a file of that name, and hide a mistake.
fn is_path(text: &str) -> bool {
    let no_address = !text.contains("://") && !text.starts_with("sqlite:");
    // What stands for letters that are not Unicode.
    no_address && !text.contains(['\0', char::REPLACEMENT_CHARACTER])
}

fn is_host(text: &str) -> bool {
    let text = text.trim();
    let socket = text.starts_with('/');
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@/?#\\[]".contains(c);
    // Two colons at least are an address of IPv6, one is a port.
    (socket && !text.contains('\0')) || (text.chars().all(plain) && text.matches(':').count() != 1)
}

fn seconds(ms: u64) -> String {
    Duration::from_millis(ms).as_secs_f64().to_string()
}

/// `a, b or c`.
fn or(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_decimals() {
        for (text, ms) in [("30", 30_000), ("0.5", 500), (" 1.250 ", 1_250), ("2.0", 2_000)] {
            assert_eq!(Kind::WAIT.wait(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", ".", "-1", "+1", "1e3", "0.0001", "1s", "86400.001", "1.-5", "1.2.3"] {
            assert_eq!(Kind::WAIT.wait(text), None, "{text}");
        }
        assert_eq!(Kind::DEADLINE.wait("0"), None);
    }

    #[test]
    fn an_address_is_no_path_and_no_host() {
        for text in ["postgres://a@b/c", "sqlite:ledger.db"] {
            assert!(Kind::Path.check(text).is_err(), "{text}");
            assert!(Kind::Folder.check(text).is_err(), "{text}");
        }
        assert!(Kind::Path.check(MEMORY).is_ok() && Kind::Folder.check(MEMORY).is_err());
        for text in ["redis://host", "me@host", "host:6379", "a host", "[::1]"] {
            assert!(Kind::Host.check(text).is_err(), "{text}");
        }
        for text in ["localhost", "10.0.0.7", "::1", "/var/run/postgresql", "redis-0.redis"] {
            assert_eq!(Kind::Host.check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_driver_in_an_address_is_passed_over() {
        let kind = Kind::Url(&["sqlite:", "postgresql://"]);
        for text in ["sqlite::memory:", "sqlite+aiosqlite:///a.db", "postgresql+asyncpg://h/d"] {
            assert_eq!(kind.check(text), Ok(()), "{text}");
        }
        for text in ["mysql://h/d", "postgresql:h", "ledger.db", ""] {
            assert!(kind.check(text).is_err(), "{text}");
        }
    }
}
