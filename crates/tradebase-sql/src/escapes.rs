//! The %-escapes of addresses.

/// Resolves `%20` and the like; none if that gives no text.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok())?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail.get(2..).unwrap_or_default();
    }
    String::from_utf8(out).ok()
}

/// Writes a part of an address, with escapes for all that may mean something there.
#[cfg(all(feature = "guest", feature = "postgres"))]
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
