//! Addresses: their parts, their escapes, and how they are shown.

use super::kind::MEMORY;

/// The parts of an address, with their escapes resolved.
#[derive(Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Parts {
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// The path without its first slash.
    pub(super) path: Option<String>,
}

/// Takes an address apart, as well as it goes.
pub(super) fn parts(url: &str) -> Parts {
    let Some((_, rest)) = url.trim().split_once("://") else { return Parts::default() };
    let rest = rest.split_once(['?', '#']).map_or(rest, |(rest, _)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (sign_in, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = sign_in.split_once(':').unwrap_or((sign_in, ""));
    let (host, port) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("")),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let said = |text: &str| (!text.is_empty()).then(|| unescaped(text));
    Parts {
        host: said(host),
        port: said(port),
        user: said(user),
        password: said(password),
        path: said(path),
    }
}

/// The address without its user and password.
pub(super) fn without_sign_in(url: &str) -> String {
    let Some((scheme, rest)) = url.trim().split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    format!("{scheme}://{place}{tail}")
}

/// The value of a parameter behind the `?`.
pub(super) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| unescaped(value))
}

/// The address as it may be shown: `***` for passwords, and for all that could be one.
pub(super) fn masked(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let mut shown = match address.split_once("://") {
        // A path on this machine, where an `@` is a letter like others.
        _ if address.starts_with("sqlite") => address.to_owned(),
        Some(("unix", rest)) if rest.starts_with('/') => address.to_owned(),
        None if address.starts_with("unix:") => address.to_owned(),
        Some((scheme, rest)) => format!("{scheme}://{}", masked_place(rest)),
        None => "***".to_owned(),
    };
    // A password with a `?` in it is torn apart here.
    match query {
        Some(query) if query.contains('@') => return before_password(url),
        Some(query) => shown.push_str(&format!("?{}", masked_query(query))),
        None => {}
    }
    shown
}

fn before_password(url: &str) -> String {
    url.split_once("://").map_or("***".to_owned(), |(scheme, _)| format!("{scheme}://***"))
}

/// What stands behind `://`. A password may hold an unescaped `/` or `@`, so the last `@` counts.
fn masked_place(rest: &str) -> String {
    if let Some((sign_in, place)) = rest.rsplit_once('@') {
        return match sign_in.split_once(':') {
            Some((user, _)) => format!("{user}:***@{place}"),
            None => format!("***@{place}"),
        };
    }
    // `user:password` whose host is missing.
    let authority = rest.split_once(['/', '#']).map_or(rest, |(authority, _)| authority);
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_plain = port.bytes().all(|b| b.is_ascii_digit()) || authority.ends_with(']');
    if is_plain { rest.to_owned() } else { "***".to_owned() }
}

/// Only parameters that are known to be harmless are shown.
fn masked_query(query: &str) -> String {
    const SHOWN: [&str; 7] =
        ["application_name", "db", "dbname", "host", "port", "sslmode", "user"];
    let masked: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if SHOWN.contains(&key) => pair.to_owned(),
            Some((key, _)) => format!("{key}=***"),
            None => "***".to_owned(),
        })
        .collect();
    masked.join("&")
}

/// The address of a SQLite file, or of one in memory.
pub(super) fn of_sqlite(path: &str) -> String {
    if path == MEMORY {
        return format!("sqlite:{MEMORY}");
    }
    // Behind `sqlite:`, two slashes at the beginning are no part of the path.
    let absolute = if path.starts_with('/') { "//" } else { "" };
    format!("sqlite:{absolute}{}", escaped(path, b"/"))
}

/// Writes letters that mean something in an address as `%40`.
pub(super) fn escaped(text: &str, also_plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || also_plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Resolves `%40` and the like; what is no escape stands for itself.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        let escape = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        out.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_however_it_is_written() {
        for (url, shown) in [
            ("postgres://me:hunter2@host:5432/ledger", "postgres://me:***@host:5432/ledger"),
            ("redis://:hunter2@host/0", "redis://:***@host/0"),
            ("redis://hunter2@host", "redis://***@host"),
            ("redis://me:hun/ter2@hunter2@host", "redis://me:***@host"),
            ("redis://me:a?hunter2@host", "redis://***"),
            ("redis://me:hunter2", "***"),
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://[::1]/0", "redis://[::1]/0"),
            (
                "redis+unix:///run/r.sock?db=1&pass=hunter2",
                "redis+unix:///run/r.sock?db=1&pass=***",
            ),
            ("unix:/run/r@1.sock?hunter2", "unix:/run/r@1.sock?***"),
            ("unix:///run/r@1.sock", "unix:///run/r@1.sock"),
            ("unix://me:hunter2@/run/r.sock", "unix://me:***@/run/r.sock"),
            ("sqlite:///srv/a@b.db", "sqlite:///srv/a@b.db"),
            ("hunter2", "***"),
        ] {
            let masked = masked(url);
            assert!(!masked.contains("ter2"), "{masked}");
            if shown != "***" {
                assert_eq!(masked, shown, "{url}");
            }
        }
    }

    #[test]
    fn an_address_is_taken_apart() {
        let parts = parts("postgresql+asyncpg://a%40b:p%3Aw@[::1]:5433/my%20db?x=y");
        assert_eq!(parts.host.as_deref(), Some("::1"));
        assert_eq!(parts.port.as_deref(), Some("5433"));
        assert_eq!(parts.user.as_deref(), Some("a@b"));
        assert_eq!(parts.password.as_deref(), Some("p:w"));
        assert_eq!(parts.path.as_deref(), Some("my db"));
        assert_eq!(super::parts("unix:/run/redis.sock"), Parts::default());
    }

    #[test]
    fn escapes_survive() {
        for text in ["plain", "a b@c:d/e?f#g%h", "%zz%4", "é", ""] {
            assert_eq!(unescaped(&escaped(text, b"")), text);
        }
        assert_eq!(escaped("p@ss:w/rd", b""), "p%40ss%3Aw%2Frd");
        assert_eq!(of_sqlite("a b?.db"), "sqlite:a%20b%3F.db");
        assert_eq!(of_sqlite("/srv/ledger.db"), "sqlite:///srv/ledger.db");
    }
}
