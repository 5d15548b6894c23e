//! Escaping in line protocol, one rule for each place.
//!
//! Tried against InfluxDB 1.6.7 with every text of one to seven of `\ , = space a`: in a tag a
//! backslash stands for itself wherever it is, except at the very end, and only comma, equals
//! sign and space take one in front. In quotes, quote and backslash do.

/// What must have a backslash in front inside a tag's name or value.
const IN_TAG: [bool; 256] = set(b",= ");
/// The same inside the name of a measurement.
const IN_MEASUREMENT: [bool; 256] = set(b", ");
/// The same between quotes.
const IN_QUOTES: [bool; 256] = set(b"\"\\");

const fn set(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = true;
        i += 1;
    }
    table
}

/// Appends the value of a tag.
#[inline]
pub fn tag(out: &mut Vec<u8>, text: &[u8]) {
    escape(out, text, &IN_TAG);
}

/// Appends the name of a measurement.
pub fn measurement(out: &mut Vec<u8>, text: &[u8]) {
    escape(out, text, &IN_MEASUREMENT);
}

/// Appends what stands between the quotes of a field.
#[inline]
pub fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    escape(out, text, &IN_QUOTES);
}

/// Most texts have nothing to escape: one look, one copy.
#[cfg_attr(not(debug_assertions), inline(always))]
fn escape(out: &mut Vec<u8>, text: &[u8], special: &[bool; 256]) {
    match text.iter().position(|b| special[usize::from(*b)]) {
        None => out.extend_from_slice(text),
        Some(first) => escape_from(out, text, first, special),
    }
}

#[inline(never)]
fn escape_from(out: &mut Vec<u8>, text: &[u8], first: usize, special: &[bool; 256]) {
    let (plain, rest) = text.split_at(first);
    out.extend_from_slice(plain);
    for byte in rest {
        if special[usize::from(*byte)] {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}

/// Escapes as a tag what stands in the buffer from `start` on.
pub fn tag_in_place(out: &mut Vec<u8>, start: usize) {
    escape_in_place(out, start, &IN_TAG);
}

/// Escapes for quotes what stands in the buffer from `start` on.
pub fn quoted_in_place(out: &mut Vec<u8>, start: usize) {
    escape_in_place(out, start, &IN_QUOTES);
}

/// Without a second buffer: from the back, so that nothing is overwritten before it has moved.
fn escape_in_place(out: &mut Vec<u8>, start: usize, special: &[bool; 256]) {
    let len = out.len();
    let more = out[start..].iter().filter(|b| special[usize::from(**b)]).count();
    out.resize(len + more, 0);
    let (mut from, mut to) = (len, len + more);
    // Behind the first special byte from the front, everything is in its place already.
    while from < to {
        from -= 1;
        to -= 1;
        out[to] = out[from];
        if special[usize::from(out[from])] {
            to -= 1;
            out[to] = b'\\';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&mut Vec<u8>, &[u8]), text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_place_has_its_rule() {
        assert_eq!(written(tag, r#"a,b=c d\e"f"#), r#"a\,b\=c\ d\e"f"#);
        assert_eq!(written(measurement, "a,b=c d"), r"a\,b=c\ d");
        assert_eq!(written(quoted, "a,b \"c\" \\ \n"), "a,b \\\"c\\\" \\\\ \n");
    }

    #[test]
    fn escaping_in_place_is_escaping() {
        for text in ["", "a", "\"", "\\", "\"\\\"", "a=b, c", "=", "{\"a\":\"b\\\"c\"}", "plain"] {
            let mut out = b"x,".to_vec();
            out.extend_from_slice(text.as_bytes());
            quoted_in_place(&mut out, 2);
            assert_eq!(out[2..], *written(quoted, text).as_bytes(), "{text}");
            tag_in_place(&mut out, 2);
            assert_eq!(out[2..], *written(tag, &written(quoted, text)).as_bytes(), "{text}");
        }
    }
}
