//! Chance, for pauses and spreads: nothing that must be secret.

use tradebase_core::id;

/// A number from 0 up to, not including, 1.
pub(crate) fn unit() -> f64 {
    const VALUES: f64 = 4_294_967_296.0;
    let [.., a, b, c, d] = id::new().into_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / VALUES
}
