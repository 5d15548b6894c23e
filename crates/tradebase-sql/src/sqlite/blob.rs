//! Decimals of more than 18 digits: 16 bytes whose order as bytes is the order of the numbers.
//!
//! The units as a signed integer of 128 bits, big end first, with the top bit flipped: then
//! negative ones sort first. A plain index serves, and plain SQL can print them (see `view`).

const TOP_BIT: u128 = 1 << 127;

/// The bytes of so many units.
#[inline(always)]
pub(crate) const fn encode(units: i128) -> [u8; 16] {
    (units.cast_unsigned() ^ TOP_BIT).to_be_bytes()
}

/// The units in these bytes.
#[inline(always)]
pub(crate) const fn decode(bytes: [u8; 16]) -> i128 {
    (u128::from_be_bytes(bytes) ^ TOP_BIT).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_of_the_bytes_is_the_order_of_the_numbers(a: i128, b: i128) {
            prop_assert_eq!(encode(a).cmp(&encode(b)), a.cmp(&b));
            prop_assert_eq!(decode(encode(a)), a);
        }
    }
}
