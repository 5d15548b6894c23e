//! What writes a whole table anew, or an index, under a lock.

use tradebase_core::Result;

use super::reader::Reader;
use crate::raw::Dialect;

/// Something written anew under a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// By what: VACUUM FULL.
    pub(crate) by: &'static str,
    /// The table, index or view; none if it is all of them.
    pub(crate) name: Option<String>,
}

/// What a statement of PostgreSQL writes anew under a lock that all others wait for.
pub(crate) fn rewrite(text: &str) -> Result<Option<Rewrite>> {
    Ok(read(Reader::new(Dialect::Postgres, text)?))
}

fn read(mut reader: Reader<'_>) -> Option<Rewrite> {
    let word = reader.any_word()?;
    let options = reader.group();
    let says = |word| options.as_ref().is_some_and(|options| options.has(&[word]));
    let by = match word.as_str() {
        "VACUUM" if says("FULL") || reader.sees("FULL") => {
            while reader.one_of(&["FULL", "FREEZE", "VERBOSE", "ANALYZE"]) {}
            "VACUUM FULL"
        }
        "CLUSTER" => {
            reader.word("VERBOSE");
            "CLUSTER"
        }
        "REINDEX" => {
            reader.any_word();
            if says("CONCURRENTLY") || reader.sees("CONCURRENTLY") {
                return None;
            }
            "REINDEX"
        }
        "REFRESH" if reader.words(&["MATERIALIZED", "VIEW"]) && !reader.sees("CONCURRENTLY") => {
            "REFRESH MATERIALIZED VIEW"
        }
        "ALTER" if reader.word("TABLE") => return altered(reader),
        _ => return None,
    };
    Some(Rewrite { by, name: reader.name() })
}

fn altered(mut reader: Reader<'_>) -> Option<Rewrite> {
    reader.words(&["IF", "EXISTS"]);
    reader.word("ONLY");
    let name = reader.name();
    let by = ["UNLOGGED", "LOGGED", "TABLESPACE"].iter().zip([
        "SET UNLOGGED",
        "SET LOGGED",
        "SET TABLESPACE",
    ]);
    let found = by.into_iter().find(|(word, _)| reader.has(&["SET", word]));
    found.map(|(_, by)| Rewrite { by, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_a_table_anew_is_known() {
        for (text, want) in [
            ("VACUUM FULL trades", Some(("VACUUM FULL", Some("trades")))),
            ("VACUUM (ANALYZE, FULL) s.trades", Some(("VACUUM FULL", Some("trades")))),
            ("VACUUM trades", None),
            ("CLUSTER", Some(("CLUSTER", None))),
            ("CLUSTER trades USING i", Some(("CLUSTER", Some("trades")))),
            ("REINDEX INDEX i", Some(("REINDEX", Some("i")))),
            ("REINDEX (VERBOSE, CONCURRENTLY) TABLE trades", None),
            ("REINDEX TABLE CONCURRENTLY trades", None),
            ("REFRESH MATERIALIZED VIEW v", Some(("REFRESH MATERIALIZED VIEW", Some("v")))),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", None),
            ("ALTER TABLE ONLY trades SET UNLOGGED", Some(("SET UNLOGGED", Some("trades")))),
            ("ALTER TABLE trades SET (fillfactor = 70)", None),
            ("ALTER TABLE trades ALTER note SET NOT NULL", None),
        ] {
            let found = rewrite(text).unwrap();
            let found = found.as_ref().map(|r| (r.by, r.name.as_deref()));
            assert_eq!(found, want, "{text}");
        }
    }
}
