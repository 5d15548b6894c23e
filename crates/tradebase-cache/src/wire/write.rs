//! Writing, each value in its smallest form.

use tradebase_core::TimeParts;

use super::{FIXMAP, FIXSTR, MOMENT, NIL};

/// Appends the head of a map of so many pairs.
#[inline(always)]
pub(crate) fn map(out: &mut Vec<u8>, pairs: u16) {
    match pairs.to_be_bytes() {
        [0, few @ 0..16] => out.push(FIXMAP | few),
        [high, low] => out.extend_from_slice(&[0xde, high, low]),
    }
}

/// Changes the number of pairs in the head that stands at that place, keeping its form.
pub(crate) fn patch_map(out: &mut [u8], at: usize, pairs: u16) {
    let [high, low] = pairs.to_be_bytes();
    match out.get_mut(at..) {
        Some([0xde, first, second, ..]) => [*first, *second] = [high, low],
        Some([head, ..]) => *head = FIXMAP | (low & 0x0f),
        _ => {}
    }
}

/// Appends a column's name.
#[inline(always)]
pub(crate) fn name(out: &mut Vec<u8>, name: &'static str) {
    match u8::try_from(name.len()) {
        Ok(short @ 0..32) => out.push(FIXSTR | short),
        // Names have at most 48 bytes, by the rules of schemas.
        long => {
            debug_assert!(long.is_ok(), "the name is too long");
            out.extend_from_slice(&[0xd9, long.unwrap_or(u8::MAX)]);
        }
    }
    out.extend_from_slice(name.as_bytes());
}

/// Appends an integer.
#[inline(never)]
pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    match value {
        -0x20..=0x7f => out.push(h),
        0x80..=0xff => out.extend_from_slice(&[0xcc, h]),
        0x100..=0xffff => out.extend_from_slice(&[0xcd, g, h]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[0xce, e, f, g, h]),
        0x1_0000_0000.. => out.extend_from_slice(&[0xcf, a, b, c, d, e, f, g, h]),
        -0x80.. => out.extend_from_slice(&[0xd0, h]),
        -0x8000.. => out.extend_from_slice(&[0xd1, g, h]),
        -0x8000_0000.. => out.extend_from_slice(&[0xd2, e, f, g, h]),
        _ => out.extend_from_slice(&[0xd3, a, b, c, d, e, f, g, h]),
    }
}

/// Appends a float.
#[inline(always)]
pub(crate) fn float(out: &mut Vec<u8>, value: f64) {
    let mut text = [0xcb; 9];
    text[1..].copy_from_slice(&value.to_be_bytes());
    out.extend_from_slice(&text);
}

/// Appends a text; false if it is longer than MessagePack can say.
#[inline(always)]
pub(crate) fn text(out: &mut Vec<u8>, text: &[u8]) -> bool {
    match u8::try_from(text.len()) {
        Ok(short @ 0..32) => out.push(FIXSTR | short),
        _ => {
            if !head(out, [0xd9, 0xda, 0xdb], text.len()) {
                return false;
            }
        }
    }
    out.extend_from_slice(text);
    true
}

/// Appends bytes; false if they are more than MessagePack can say.
#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let fits = head(out, [0xc4, 0xc5, 0xc6], bytes.len());
    if fits {
        out.extend_from_slice(bytes);
    }
    fits
}

/// Appends the smallest of three heads: with one, two or four bytes of length.
#[inline(never)]
fn head(out: &mut Vec<u8>, [one, two, four]: [u8; 3], len: usize) -> bool {
    let Ok(len) = u32::try_from(len) else { return false };
    match len.to_be_bytes() {
        [0, 0, 0, d] => out.extend_from_slice(&[one, d]),
        [0, 0, c, d] => out.extend_from_slice(&[two, c, d]),
        [a, b, c, d] => out.extend_from_slice(&[four, a, b, c, d]),
    }
    true
}

/// Appends a text that is written in place and is short: at most 255 bytes.
#[inline(always)]
pub(crate) fn short(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(FIXSTR);
    write(out);
    match u8::try_from(out.len() - start - 1) {
        Ok(short @ 0..32) => out[start] = FIXSTR | short,
        long => {
            debug_assert!(long.is_ok(), "the text is too long");
            out[start] = 0xd9;
            out.insert(start + 1, long.unwrap_or(u8::MAX));
        }
    }
}

/// Appends the sixteen bytes of a UUID.
#[inline(always)]
pub(crate) fn sixteen(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    let mut text = [0; 18];
    text[..2].copy_from_slice(&[0xc4, 16]);
    text[2..].copy_from_slice(bytes);
    out.extend_from_slice(&text);
}

/// Appends a moment as MessagePack's own timestamp, in the smallest of its three forms.
#[inline(never)]
pub(crate) fn moment(out: &mut Vec<u8>, moment: TimeParts) {
    let nanos = u64::from(moment.nanos);
    match (u64::try_from(moment.secs), u32::try_from(moment.secs)) {
        (_, Ok(secs)) if nanos == 0 => {
            let [a, b, c, d] = secs.to_be_bytes();
            out.extend_from_slice(&[0xd6, MOMENT, a, b, c, d]);
        }
        (Ok(secs @ 0..0x4_0000_0000), _) => {
            let [a, b, c, d, e, f, g, h] = (nanos << 34 | secs).to_be_bytes();
            out.extend_from_slice(&[0xd7, MOMENT, a, b, c, d, e, f, g, h]);
        }
        _ => {
            let mut text = [0; 15];
            text[..3].copy_from_slice(&[0xc7, 12, MOMENT]);
            text[3..7].copy_from_slice(&moment.nanos.to_be_bytes());
            text[7..].copy_from_slice(&moment.secs.to_be_bytes());
            out.extend_from_slice(&text);
        }
    }
}

/// Appends nil.
#[inline(always)]
pub(crate) fn nil(out: &mut Vec<u8>) {
    out.push(NIL);
}

/// Appends a bool.
#[inline(always)]
pub(crate) fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}
