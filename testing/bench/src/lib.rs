//! The benches of tradebase: ours beside the raw drivers.
