//! Where the database is, from what stands behind `sqlite:`.

use std::path::PathBuf;

use tradebase_core::{Code, Error, Result};

use crate::escapes::decode;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this process, until it is closed.
    Memory,
    /// In a file.
    File(PathBuf),
}

/// Reads `relative`, `///absolute`, `////absolute`, `//relative` or `:memory:`.
pub(super) fn parse(rest: &str) -> Result<Place> {
    let path = match rest.strip_prefix("//") {
        // SQLAlchemy writes an absolute path with four slashes, most others with three.
        Some(path) => path.strip_prefix('/').filter(|p| p.starts_with('/')).unwrap_or(path),
        None => rest,
    };
    if path == ":memory:" || path == "/:memory:" {
        return Ok(Place::Memory);
    }
    if path.contains('?') {
        let message = "the address of a SQLite file takes no parameters (write a question mark \
                       in a name as %3F): use the options of open_with";
        return Err(Error::new(Code::Config, message));
    }
    let escaped = || Error::new(Code::Config, format!("not a path with %-escapes: {path}"));
    let path = decode(path).ok_or_else(escaped)?;
    if path.is_empty() || path.ends_with('/') || path.contains('\0') {
        // A mistyped variable must not end in a database that is gone with the process.
        let message = "the address of a SQLite database names no file (write sqlite::memory: for \
                       one in memory)";
        return Err(Error::new(Code::Config, message));
    }
    Ok(Place::File(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_files() {
        for (rest, path) in [
            ("ledger.db", "ledger.db"),
            ("//ledger.db", "ledger.db"),
            ("data/ledger.db", "data/ledger.db"),
            ("/srv/ledger.db", "/srv/ledger.db"),
            ("///srv/ledger.db", "/srv/ledger.db"),
            ("////srv/ledger.db", "/srv/ledger.db"),
            ("a%20b%3F.db", "a b?.db"),
        ] {
            assert_eq!(parse(rest).unwrap(), Place::File(path.into()), "{rest}");
        }
        assert_eq!(parse(":memory:").unwrap(), Place::Memory);
        assert_eq!(parse("//:memory:").unwrap(), Place::Memory);
        assert_eq!(parse("///:memory:").unwrap(), Place::Memory);
    }

    #[test]
    fn addresses_of_nothing_are_refused() {
        for rest in ["", "//", "///", "folder/", "a.db?mode=ro", "a%2", "a%zz", "a%00b"] {
            assert_eq!(parse(rest).unwrap_err().code(), Code::Config, "{rest}");
        }
    }
}
