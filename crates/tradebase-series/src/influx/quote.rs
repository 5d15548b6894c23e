//! Quoting of what is asked: names in statements, and parts of an address.

/// An identifier of InfluxQL in quotes.
pub fn identifier(out: &mut String, name: &str) {
    out.push('"');
    for letter in name.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// A part of an address: all but letters, digits and `-_.~` as `%XX`.
pub fn percent(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte.into());
        } else {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend(['%', high.into(), low.into()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_quoted() {
        let (mut name, mut address) = (String::new(), String::new());
        identifier(&mut name, "a\"b\\c\n");
        percent(&mut address, "a b&c=ä");
        assert_eq!(name, r#""a\"b\\c\n""#);
        assert_eq!(address, "a%20b%26c%3D%C3%A4");
    }
}
