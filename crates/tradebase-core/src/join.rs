//! Compile-time assembly of a row's columns from its own fields and its embedded structs.
//!
//! An embedded struct cannot use its own columns (`city`), it stands in a host under a prefix
//! (`place_city`). So the derive lists parts, and these functions lay names and columns out.

use crate::column::{Column, Domain, Name, Roles};

/// One field of a row: a column of its own, or the columns of an embedded struct.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A column.
    One(Column),
    /// An embedded struct's columns, under a prefix.
    Many(&'static str, &'static [Column]),
}

/// How many columns the parts have.
pub const fn width(parts: &[Part]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < parts.len() {
        n += match parts[i] {
            Part::One(_) => 1,
            Part::Many(_, columns) => columns.len(),
        };
        i += 1;
    }
    n
}

/// `,"name":,name="` takes twice the name and seven more.
const fn rendered(len: usize) -> usize {
    2 * len + 7
}

/// How many bytes the rendered names take.
pub const fn name_bytes(parts: &[Part]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < parts.len() {
        match parts[i] {
            Part::One(column) => n += rendered(column.name.text.len()),
            Part::Many(prefix, columns) => {
                let mut k = 0;
                while k < columns.len() {
                    n += rendered(prefix.len() + columns[k].name.text.len());
                    k += 1;
                }
            }
        }
        i += 1;
    }
    n
}

/// Writes bytes at a place and gives the place behind them.
const fn lay<const N: usize>(out: &mut [u8; N], mut at: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        out[at] = bytes[i];
        at += 1;
        i += 1;
    }
    at
}

const fn lay_name<const N: usize>(out: &mut [u8; N], at: usize, prefix: &str, name: &str) -> usize {
    let at = lay(out, at, ",\"");
    let at = lay(out, at, prefix);
    let at = lay(out, at, name);
    let at = lay(out, at, "\":,");
    let at = lay(out, at, prefix);
    let at = lay(out, at, name);
    lay(out, at, "=\"")
}

/// All names, rendered one after another.
pub const fn names<const N: usize>(parts: &[Part]) -> [u8; N] {
    let mut out = [0; N];
    let (mut i, mut at) = (0, 0);
    while i < parts.len() {
        match parts[i] {
            Part::One(column) => at = lay_name(&mut out, at, "", column.name.text),
            Part::Many(prefix, columns) => {
                let mut k = 0;
                while k < columns.len() {
                    at = lay_name(&mut out, at, prefix, columns[k].name.text);
                    k += 1;
                }
            }
        }
        i += 1;
    }
    out
}

const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a column's name is not UTF-8"),
    }
}

/// The name rendered at `at`, and the place behind it.
const fn name_at(bytes: &'static [u8], at: usize, len: usize) -> (Name, usize) {
    let (_, tail) = bytes.split_at(at);
    let (json, tail) = tail.split_at(len + 4);
    let (quoted, _) = tail.split_at(len + 3);
    let line = quoted.split_at(len + 2).0;
    let plain = line.split_at(1).1.split_at(len).0;
    let [text, line, quoted, json] = [text(plain), text(line), text(quoted), text(json)];
    (Name { text, line, quoted, json }, at + rendered(len))
}

/// The columns of a row, with their full names and the row's value domain.
pub const fn columns<const W: usize>(
    parts: &[Part],
    bytes: &'static [u8],
    domain: Domain,
) -> [Column; W] {
    let mut out = [Column::new("", crate::kind::Kind::Bool, false); W];
    let (mut i, mut at, mut n) = (0, 0, 0);
    while i < parts.len() {
        match parts[i] {
            Part::One(column) => {
                out[n] = column;
                (out[n].name, at) = name_at(bytes, at, column.name.text.len());
                out[n].domain = domain;
                n += 1;
            }
            Part::Many(prefix, columns) => {
                let mut k = 0;
                while k < columns.len() {
                    out[n] = columns[k];
                    let len = prefix.len() + columns[k].name.text.len();
                    (out[n].name, at) = name_at(bytes, at, len);
                    out[n].domain = domain;
                    n += 1;
                    k += 1;
                }
            }
        }
        i += 1;
    }
    out
}

/// Whether two columns have the same name: the derive refuses such a row.
pub const fn names_differ(columns: &[Column]) -> bool {
    let mut i = 0;
    while i < columns.len() {
        let mut k = i + 1;
        while k < columns.len() {
            if same(columns[i].name.text, columns[k].name.text) {
                return false;
            }
            k += 1;
        }
        i += 1;
    }
    true
}

/// Whether a series of these columns has at least one field that is always there: a point
/// without fields cannot be written.
pub const fn has_sure_field(columns: &[Column]) -> bool {
    let mut i = 0;
    while i < columns.len() {
        let c = columns[i];
        if !c.nullable && !c.is(Roles::TAG) && !c.is(Roles::TIME) {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether a text is among others.
pub(crate) const fn contains(texts: &[&str], text: &str) -> bool {
    let mut i = 0;
    while i < texts.len() {
        if same(texts[i], text) {
            return true;
        }
        i += 1;
    }
    false
}

pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    static CITY: [Column; 1] = [Column::new("city", Kind::TEXT, false)];
    const PARTS: &[Part] =
        &[Part::One(Column::new("id", Kind::I64, false)), Part::Many("place_", &CITY)];
    static BYTES: [u8; name_bytes(PARTS)] = names(PARTS);
    static COLUMNS: [Column; width(PARTS)] = columns(PARTS, &BYTES, Domain::FREE);

    #[test]
    fn embedded_names_are_prefixed_and_rendered() {
        let names: Vec<_> =
            COLUMNS.iter().map(|c| (c.name.text, c.name.line, c.name.json)).collect();
        assert_eq!(
            names,
            [("id", ",id=", ",\"id\":"), ("place_city", ",place_city=", ",\"place_city\":")]
        );
        assert!(COLUMNS.iter().all(|c| c.name.quoted == format!("{}\"", c.name.line)));
    }

    #[test]
    fn equal_names_are_seen() {
        assert!(names_differ(&COLUMNS));
        assert!(!names_differ(&[COLUMNS[0], COLUMNS[0]]));
    }
}
