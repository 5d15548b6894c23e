//! Reads the text of a `.env` file.
//!
//! `KEY=value`, also after `export`. A value stands in single quotes as it is, in double quotes
//! with the escapes `\n`, `\r`, `\t`, `\"`, `\\` and `\$`, or without quotes up to the end of the
//! line or a `#` with a space before it. Quotes may span lines. A `$` stands for itself.

/// One assignment.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
    /// Counted from 1.
    pub(super) line: usize,
}

/// A line that is none; what it holds is not shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: &'static str,
}

/// The assignments in their order, or every fault.
pub(super) fn parse(text: &str) -> (Vec<Assignment>, Vec<Fault>) {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let (mut assignments, mut faults) = (Vec::new(), Vec::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        match reader.assignment() {
            Ok(Some((name, value))) => assignments.push(Assignment { name, value, line }),
            Ok(None) => {}
            Err(message) => {
                faults.push(Fault { line, message });
                // The rest of the line belongs to the fault.
                reader.take_line();
            }
        }
    }
    (assignments, faults)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The next line, which may have no assignment.
    fn assignment(&mut self) -> Result<Option<(String, String)>, &'static str> {
        self.skip_spaces();
        if self.is_at_end() || self.rest.starts_with('#') {
            self.take_line();
            return Ok(None);
        }
        let name = self.name()?;
        let value = match self.rest.chars().next() {
            Some('\'') => self.single_quoted()?,
            Some('"') => self.double_quoted()?,
            _ => return Ok(Some((name, self.bare()))),
        };
        self.skip_spaces();
        if !self.is_at_end() && !self.rest.starts_with('#') {
            return Err("something stands behind the closing quote");
        }
        self.take_line();
        Ok(Some((name, value)))
    }

    /// The name, with all up to the value.
    fn name(&mut self) -> Result<String, &'static str> {
        const NONE: &str = "not an assignment, write NAME=value";
        let end = self.rest.find(['=', '\n']).ok_or(NONE)?;
        let (name, rest) = self.rest.split_at(end);
        let value = rest.strip_prefix('=').ok_or(NONE)?;
        let exported = name.strip_prefix("export").filter(|n| n.starts_with([' ', '\t']));
        let name = exported.unwrap_or(name).trim();
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_next = |c: char| is_first(c) || c.is_ascii_digit() || c == '.' || c == '-';
        if !name.starts_with(is_first) || !name.chars().all(is_next) {
            return Err(NONE);
        }
        // A `#` right behind the `=` begins a value, one after a space a comment: the space stays.
        let trimmed = value.trim_start_matches([' ', '\t']);
        self.rest = if trimmed.starts_with('#') { value } else { trimmed };
        Ok(name.to_owned())
    }

    fn single_quoted(&mut self) -> Result<String, &'static str> {
        let inside = &self.rest[1..];
        let end = inside.find('\'').ok_or("the quote is not closed")?;
        let value = &inside[..end];
        self.line += value.matches('\n').count();
        self.rest = &inside[end + 1..];
        Ok(value.to_owned())
    }

    fn double_quoted(&mut self) -> Result<String, &'static str> {
        let inside = &self.rest[1..];
        let mut value = String::new();
        let mut letters = inside.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.line += inside[..at].matches('\n').count();
                    self.rest = &inside[at + 1..];
                    return Ok(value);
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, same @ ('"' | '\\' | '$'))) => value.push(same),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                other => value.push(other),
            }
        }
        Err("the quote is not closed")
    }

    fn bare(&mut self) -> String {
        let line = self.take_line();
        let comment = line.match_indices('#').map(|(at, _)| at);
        let mut comment = comment.filter(|at| line[..*at].ends_with([' ', '\t']));
        line[..comment.next().unwrap_or(line.len())].trim().to_owned()
    }

    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.line += 1;
        self.rest = rest;
        line
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with('\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let (assignments, faults) = parse(text);
        assert_eq!(faults, [], "{text}");
        assignments.into_iter().map(|one| (one.name, one.value)).collect()
    }

    #[test]
    fn values_are_read_as_other_tools_read_them() {
        for (line, value) in [
            ("A=b", "b"),
            ("  A = b c  ", "b c"),
            ("export A=b", "b"),
            ("A=", ""),
            ("A=         # Optional", ""),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=#b", "#b"),
            ("A='b # \\n $C' # comment", "b # \\n $C"),
            ("A=\"b # \\\"c\\\"\\n\\d\"", "b # \"c\"\n\\d"),
            ("A=$B/${C}", "$B/${C}"),
            ("A=b=c", "b=c"),
            ("A=''", ""),
            ("A=b\r", "b"),
            ("\u{feff}A=b", "b"),
        ] {
            assert_eq!(read(line), [("A".to_owned(), value.to_owned())], "{line}");
        }
        assert_eq!(read("exported=1")[0].0, "exported");
        assert_eq!(read("\n# only\n \r\n#A=b"), []);
    }

    #[test]
    fn lines_are_counted_also_behind_quotes_that_span_them() {
        let (assignments, faults) = parse("# x\r\nA=\"1\n2\"\r\n\r\nB='3\n4'\nC=5");
        let lines: Vec<_> = assignments.iter().map(|one| (&*one.name, one.line)).collect();
        assert_eq!(lines, [("A", 2), ("B", 5), ("C", 7)]);
        assert_eq!(faults, []);
    }

    #[test]
    fn every_line_that_is_no_assignment_is_named() {
        let (assignments, faults) = parse("A=1\nhunter2\n=2\n1A=2\nB='x' y\nC='open\nD=4");
        assert_eq!(assignments.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 7]);
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    }
}
