//! The README and the guide, compiled and run as tests. The programs stand in `src/bin`: start one
//! with `cargo run -p tradebase-examples --bin ledger`.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/first-steps.md")]
mod first_steps {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/configuration.md")]
mod configuration {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/coming-from-python.md")]
mod coming_from_python {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/relational.md")]
mod relational {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/queries.md")]
mod queries {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/migrations.md")]
mod migrations {}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/partitions.md")]
mod partitions {}
