//! Placeholders in any of their forms, written as the engine wants them.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use tradebase_core::{Code, Error, Result};

use super::bounds::Bounds;
use super::parameters::{Argument, Parameters};
use super::tokens::{Dialect, Kind, Mark, Tokens, is_word};
use crate::door::other_count;

/// A statement as the engine takes it, with its values in order.
#[derive(Debug)]
pub(crate) struct Ready<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) values: Vec<Argument<'a>>,
}

/// Looks through a text, and puts the values in the place of its placeholders.
pub(crate) fn ready<'a>(
    dialect: Dialect,
    text: &'a str,
    parameters: &'a Parameters<'_>,
) -> Result<Ready<'a>> {
    let placed = Placed::read(dialect, text)?;
    let values = placed.values(parameters)?;
    Ok(Ready { text: placed.text(), values })
}

/// The form of a statement's placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    None,
    /// `?`, one after another.
    Next,
    /// `$1` or `?1`.
    Number {
        dollar: bool,
    },
    /// `:name`.
    Name,
}

/// A text with its placeholders found and numbered.
#[derive(Debug)]
pub(super) struct Placed<'t> {
    dialect: Dialect,
    text: &'t str,
    pub(super) style: Style,
    /// Where they stand, and the number of each; none for an operator that is written doubled.
    marks: Vec<(Range<usize>, Option<usize>)>,
    /// The names, in the order of their numbers.
    pub(super) names: Vec<&'t str>,
    /// How many values they take.
    pub(super) count: usize,
}

impl<'t> Placed<'t> {
    /// Finds the placeholders of one statement.
    pub(super) fn read(dialect: Dialect, text: &'t str) -> Result<Self> {
        if text.contains('\0') {
            // SQLite would not see what stands behind it.
            let message = "the text of a statement must not contain the character NUL";
            return Err(Error::new(Code::Injection, message));
        }
        let mut found = Vec::new();
        let (mut bounds, mut at) = (Bounds::new(dialect), 0);
        for token in Tokens::new(dialect, text) {
            let token = token?;
            bounds.pass(&token)?;
            let end = at + token.text.len();
            if let Kind::Mark(mark) = token.kind {
                if mark == Mark::Foreign {
                    return Err(foreign(token.text));
                }
                found.push((at..end, mark));
            }
            at = end;
        }
        let style = style(dialect, &found)?;
        let (marks, names, count) = (Vec::new(), Vec::new(), 0);
        let mut placed = Self { dialect, text, style, marks, names, count };
        for (range, mark) in found {
            placed.place(range, mark)?;
        }
        placed.check_numbers()?;
        Ok(placed)
    }

    fn place(&mut self, range: Range<usize>, mark: Mark<'t>) -> Result<()> {
        match (self.style, mark) {
            (Style::Next, Mark::Next { .. }) => {
                self.count += 1;
                self.marks.push((range, Some(self.count)));
            }
            (Style::Next, Mark::Doubled) => self.marks.push((range, None)),
            (Style::Number { dollar }, Mark::Number { dollar: same, number }) if dollar == same => {
                let text = self.text.get(range.clone()).unwrap_or_default();
                let number = usize::from(number.ok_or_else(|| out_of_range(text))?);
                self.count = self.count.max(number);
                self.marks.push((range, Some(number)));
            }
            (Style::Name, Mark::Name(name)) => {
                let known = self.names.iter().position(|one| *one == name);
                let at = known.unwrap_or_else(|| {
                    self.names.push(name);
                    self.names.len() - 1
                });
                self.count = self.names.len();
                self.marks.push((range, Some(at + 1)));
            }
            // An operator of PostgreSQL.
            _ => {}
        }
        Ok(())
    }

    /// Refuses numbers with gaps: a value would be given for nothing.
    fn check_numbers(&self) -> Result<()> {
        let mut numbers: Vec<_> = self.marks.iter().filter_map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        match (1..).zip(numbers).find(|(want, have)| want != have) {
            Some((unused, _)) => Err(gap(unused, self.count)),
            None => Ok(()),
        }
    }

    /// The values that are given, in the order of their numbers.
    fn values<'p>(&self, parameters: &'p Parameters<'_>) -> Result<Vec<Argument<'p>>> {
        match (parameters.names(), self.style) {
            (Some(given), Style::Name | Style::None) => self.named(parameters, &given),
            (Some(given), _) => Err(match given.first() {
                Some(name) => by_name(name),
                None => other_count(self.count, 0),
            }),
            (None, Style::Name) if parameters.len() > 0 => Err(by_place(&self.names)),
            (None, Style::Name) => Err(not_given(self.names.first().copied().unwrap_or_default())),
            (None, _) if parameters.len() != self.count => {
                Err(other_count(self.count, parameters.len()))
            }
            (None, _) => (0..self.count).map(|at| parameters.argument(at)).collect(),
        }
    }

    fn named<'p>(
        &self,
        parameters: &'p Parameters<'_>,
        given: &[&str],
    ) -> Result<Vec<Argument<'p>>> {
        for (at, name) in given.iter().enumerate() {
            if !self.names.contains(name) {
                return Err(unknown(name, &self.names));
            }
            if given.iter().take(at).any(|one| one == name) {
                return Err(twice(name));
            }
        }
        let at = |name: &&str| given.iter().position(|one| one == name);
        let found = self.names.iter().map(|name| at(name).ok_or_else(|| not_given(name)));
        found.map(|at| parameters.argument(at?)).collect()
    }

    /// The text with its placeholders as the engine wants them, and else as it was.
    fn text(&self) -> Cow<'t, str> {
        let (own, sign) = match self.dialect {
            Dialect::Sqlite => ([Style::Next, Style::Number { dollar: false }], '?'),
            Dialect::Postgres => ([Style::Number { dollar: true }; 2], '$'),
        };
        if self.marks.is_empty() || own.contains(&self.style) {
            return Cow::Borrowed(self.text);
        }
        let mut out = String::with_capacity(self.text.len() + self.marks.len());
        let mut done = 0;
        for (range, number) in &self.marks {
            out.push_str(self.text.get(done..range.start).unwrap_or_default());
            match number {
                Some(number) => {
                    // What touches it would become a part of it, or it a part of that.
                    if out.bytes().next_back().is_some_and(is_word) {
                        out.push(' ');
                    }
                    _ = write!(out, "{sign}{number}");
                    if self.text.as_bytes().get(range.end).copied().is_some_and(is_word) {
                        out.push(' ');
                    }
                }
                None => out.push('?'),
            }
            done = range.end;
        }
        out.push_str(self.text.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }
}

/// The one form of all placeholders.
fn style(dialect: Dialect, found: &[(Range<usize>, Mark<'_>)]) -> Result<Style> {
    let has = |is: fn(&Mark<'_>) -> bool| found.iter().any(|(_, mark)| is(mark));
    let next = has(|mark| matches!(mark, Mark::Next { .. } | Mark::Doubled));
    let surely = has(|mark| matches!(mark, Mark::Next { surely: true }));
    let numbered = has(|mark| matches!(mark, Mark::Number { dollar: false, .. }));
    let dollars = has(|mark| matches!(mark, Mark::Number { dollar: true, .. }));
    let names = has(|mark| matches!(mark, Mark::Name(_)));
    // On PostgreSQL, ? is an operator where placeholders have another form.
    let operators = dialect == Dialect::Postgres && (dollars || names);
    let forms = [
        (if operators { surely } else { next }, Style::Next, "?"),
        (numbered && !operators, Style::Number { dollar: false }, "?1"),
        (dollars, Style::Number { dollar: true }, "$1"),
        (names, Style::Name, ":name"),
    ];
    let mut there = forms.into_iter().filter(|(there, ..)| *there);
    match (there.next(), there.next()) {
        (None, _) => Ok(Style::None),
        (Some((_, style, _)), None) => Ok(style),
        (Some((_, _, one)), Some((_, _, other))) => Err(mixed(one, other)),
    }
}

#[cold]
fn mixed(one: &str, other: &str) -> Error {
    let message =
        format!("the placeholders of a statement have one form, these two: {one}, {other}");
    Error::new(Code::Syntax, message)
}

#[cold]
fn foreign(text: &str) -> Error {
    let message = format!("a placeholder is written ?, $1 or :name, not {text}");
    Error::new(Code::Syntax, message)
}

#[cold]
fn out_of_range(text: &str) -> Error {
    let message = format!("a placeholder has a number from 1 to {}, not {text}", u16::MAX);
    Error::new(Code::Syntax, message)
}

#[cold]
fn gap(unused: usize, count: usize) -> Error {
    let message = format!("of {count} parameters the statement does not use number {unused}");
    Error::new(Code::Invalid, message)
}

#[cold]
fn by_place(names: &[&str]) -> Error {
    let message = format!("the statement wants its parameters by name: {}", listed(names));
    Error::new(Code::Invalid, message)
}

#[cold]
fn by_name(given: &str) -> Error {
    let message = format!("the statement wants its parameters by position, not by name: {given}");
    Error::new(Code::Invalid, message)
}

#[cold]
fn unknown(name: &str, names: &[&str]) -> Error {
    let message = match names {
        [] => format!("the statement has no parameter :{name}, and no other"),
        _ => format!("the statement has no parameter :{name}, it has {}", listed(names)),
    };
    Error::new(Code::Invalid, message)
}

#[cold]
fn twice(name: &str) -> Error {
    Error::new(Code::Invalid, format!("a parameter is given twice, :{name}"))
}

#[cold]
fn not_given(name: &str) -> Error {
    Error::new(Code::Invalid, format!("a parameter is not given, :{name}"))
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What texts are made of that may be taken for something else.
    const PIECES: &[&str] = &[
        "?", "??", "?1", "?2", "$1", "$2", "$", "$$", "$t$", "$é", ":a", ":b", ":", "::", ":=",
        "@", "@?", "@a", "#a", "'", "''", "E'", "e", "U&'", "\\", "\"", "`", "[", "]", "(", ")",
        ";", "--", "-", "/*", "*/", "/", "*", "\n", "\r", " ", "\t", "\u{feff}", "a", "é", "1",
        "1.5e3", "1e", "+", ",", ".", "=", "|", "&", "CREATE", "TRIGGER", "RULE", "FUNCTION",
        "BEGIN", "ATOMIC", "END",
    ];

    fn soup() -> impl Strategy<Value = String> {
        let piece = prop_oneof![9 => select(PIECES).prop_map(str::to_owned), 1 => ".{0,3}"];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    /// What stands between the placeholders, if the text is that with placeholders in between.
    fn unmarked<'t>(placed: &Placed<'_>, text: &'t str) -> Option<&'t str> {
        let sign = if placed.dialect == Dialect::Sqlite { '?' } else { '$' };
        let (mut rest, mut done) = (text, 0);
        for (range, number) in &placed.marks {
            rest = rest.strip_prefix(placed.text.get(done..range.start)?)?;
            let mark = number.map_or("?".to_owned(), |number| format!("{sign}{number}"));
            rest = rest.strip_prefix(' ').filter(|_| !rest.starts_with(&mark)).unwrap_or(rest);
            rest = rest.strip_prefix(&mark)?;
            if number.is_some()
                && placed.text.as_bytes().get(range.end).copied().is_some_and(is_word)
            {
                rest = rest.strip_prefix(' ')?;
            }
            done = range.end;
        }
        rest.strip_prefix(placed.text.get(done..)?)
    }

    fn whole(dialect: Dialect, text: &str) -> Result<String> {
        Tokens::new(dialect, text).map(|token| token.map(|token| token.text)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn any_soup_is_refused_or_kept_but_for_its_placeholders(text in soup(), sqlite: bool) {
            let dialect = if sqlite { Dialect::Sqlite } else { Dialect::Postgres };
            if let Ok(pieces) = whole(dialect, &text) {
                prop_assert_eq!(pieces, &*text);
            }
            let Ok(placed) = Placed::read(dialect, &text) else { return Ok(()) };
            let out = placed.text();
            if let Cow::Borrowed(out) = out {
                prop_assert_eq!(out, &text);
                return Ok(());
            }
            prop_assert_eq!(unmarked(&placed, &out), Some(""), "{} became {}", text, out);
            // Nothing that was written takes a placeholder in, or makes another of what was none.
            if placed.marks.iter().all(|(_, number)| number.is_some()) {
                let again = Placed::read(dialect, &out);
                prop_assert_eq!(again.map(|again| again.count).ok(), Some(placed.count), "{}", out);
            }
        }

        #[test]
        fn any_text_at_all_is_refused_or_cut_into_itself(text: String, sqlite: bool) {
            let dialect = if sqlite { Dialect::Sqlite } else { Dialect::Postgres };
            if let Ok(pieces) = whole(dialect, &text) {
                prop_assert_eq!(pieces, &*text);
            }
            _ = Placed::read(dialect, &text);
        }
    }

    #[test]
    fn an_entry_of_json_has_a_colon_and_no_placeholder() {
        // PostgreSQL knows them from its version 16 on.
        let placed = Placed::read(Dialect::Postgres, "SELECT json_object('a':b, 'c': :d, e:f)");
        assert_eq!(placed.unwrap().names, ["d"]);
    }

    #[test]
    fn what_needs_no_change_is_not_copied() {
        for (dialect, text) in [
            (Dialect::Sqlite, "SELECT ?, ?"),
            (Dialect::Sqlite, "SELECT ?2, ?1"),
            (Dialect::Postgres, "SELECT $1, '?'"),
            (Dialect::Postgres, "SELECT a ? 'b'::text FROM c WHERE d = $1"),
        ] {
            assert!(
                matches!(Placed::read(dialect, text).unwrap().text(), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }
}
