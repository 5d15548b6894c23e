//! Names that somebody gave, and those that there are.

use tradebase_core::{Code, Error, Result, Table, Violation};

/// Characters of a name that are shown and compared; longer ones are no names of ours.
const NAME_SHOWN: usize = 64;
/// Names that a message proposes at most.
const PROPOSED_MAX: usize = 3;
/// Names that a message lists at most, where none is close.
const LISTED_MAX: usize = 12;

/// The position of a column.
pub(super) fn position(table: &Table, name: &str) -> Result<usize> {
    table.position(name).ok_or_else(|| Error::invalid(vec![unknown_column(table, name)]))
}

/// A column that is not there.
pub(super) fn unknown_column(table: &Table, name: &str) -> Violation {
    let names: Vec<_> = table.columns.iter().map(|column| column.name.text).collect();
    let message = format!("is no column of {}: {}", table.name, proposal(name, &names));
    Violation::new(shown(name), "unknown", message)
}

/// The table of that name.
pub(super) fn find(tables: &[&'static Table], name: &str) -> Result<&'static Table> {
    let unknown = || {
        let names: Vec<_> = tables.iter().map(|table| table.name).collect();
        let message = match names.as_slice() {
            [] => format!("there is no table {:?}: the store was opened without any", shown(name)),
            names => format!("there is no table {:?}: {}", shown(name), proposal(name, names)),
        };
        Error::new(Code::Invalid, message)
    };
    tables.iter().copied().find(|table| table.name == name).ok_or_else(unknown)
}

pub(super) fn shown(name: &str) -> String {
    name.chars().take(NAME_SHOWN).collect()
}

/// `did you mean price, prices?`, or what there is.
pub(super) fn proposal(name: &str, names: &[&str]) -> String {
    let name = shown(name).to_lowercase();
    let far = name.chars().count().div_ceil(3).max(2);
    let mut close: Vec<_> = names
        .iter()
        .map(|have| (distance(&name, have), *have))
        .filter(|(distance, have)| *distance <= far || (have.contains(&name) && name.len() > 2))
        .collect();
    close.sort_unstable();
    let close: Vec<_> = close.into_iter().take(PROPOSED_MAX).map(|(_, name)| name).collect();
    if !close.is_empty() {
        return format!("did you mean {}?", close.join(", "));
    }
    let more = if names.len() > LISTED_MAX { ", …" } else { "" };
    let listed: Vec<_> = names.iter().copied().take(LISTED_MAX).collect();
    format!("there is {}{more}", listed.join(", "))
}

/// How many characters must be added, taken away or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(NAME_SHOWN).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (b, around) in b.iter().zip(row.windows(2)) {
            let [corner, above] = around else { continue };
            let before = next.last().copied().unwrap_or_default();
            next.push((corner + usize::from(a != *b)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_proposed_and_else_those_there_are() {
        let names = ["symbol", "price", "executed_at", "quantity"];
        assert_eq!(proposal("simbol", &names), "did you mean symbol?");
        assert_eq!(proposal("Price", &names), "did you mean price?");
        assert_eq!(proposal("executed", &names), "did you mean executed_at?");
        assert_eq!(proposal("zzzzzzzz", &names), "there is symbol, price, executed_at, quantity");
        assert_eq!(proposal(&"'; DROP".repeat(99), &["a"]), "there is a");
    }

    #[test]
    fn a_distance_counts_changes() {
        for (a, b, want) in [("", "", 0), ("", "ab", 2), ("abc", "abc", 0), ("abc", "axcd", 2)] {
            assert_eq!(distance(a, b), want, "{a} {b}");
        }
    }
}
