//! The commands of the checkout.
fn main() {}
