//! Base 64 with padding, for bytes in text formats.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as base 64.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        let digit = |shift: u32| DIGITS[(word >> shift & 63) as usize];
        let third = if chunk.len() > 1 { digit(6) } else { b'=' };
        let fourth = if chunk.len() > 2 { digit(0) } else { b'=' };
        out.extend_from_slice(&[digit(18), digit(12), third, fourth]);
    }
}

/// Appends the bytes of a base 64 text; none if it is not base 64.
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (quads, []) = text.as_chunks::<4>() else { return None };
    out.reserve(quads.len() * 3);
    for (i, quad) in quads.iter().enumerate() {
        let padding = quad.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && i + 1 != quads.len()) {
            return None;
        }
        let mut word = 0;
        for byte in &quad[..4 - padding] {
            word = word << 6 | value(*byte)?;
        }
        word <<= 6 * padding;
        let [_, a, b, c] = word.to_be_bytes();
        out.extend_from_slice(&[a, b, c][..3 - padding]);
    }
    Some(())
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_every_length_come_back() {
        for len in 0..20_u8 {
            let bytes: Vec<u8> = (0..len).map(|i| i.wrapping_mul(37) ^ 0xff).collect();
            let (mut text, mut back) = (Vec::new(), Vec::new());
            encode(&bytes, &mut text);
            decode(&text, &mut back).unwrap();
            assert_eq!(back, bytes);
        }
        let mut text = Vec::new();
        encode(b"tradebase", &mut text);
        assert_eq!(text, b"dHJhZGViYXNl");
    }

    #[test]
    fn other_text_is_refused() {
        for bad in ["abc", "ab=c", "a===", "=abc", "ab==abcd", "ab c"] {
            assert_eq!(decode(bad.as_bytes(), &mut Vec::new()), None, "{bad}");
        }
    }
}
