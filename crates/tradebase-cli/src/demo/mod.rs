//! A seeded trading day, through all four stores and back.

mod book;
mod bots;
mod chart;
mod curve;
mod desk;
mod exact;
#[cfg(test)]
mod fixture;
mod ids;
mod instrument;
mod market;
mod model;
mod position;
mod random;
mod report;
mod run;
mod stores;
mod table;
#[cfg(test)]
mod tests;

use tradebase::Records;

pub(crate) use run::run;

/// The ticks of a day, unless told otherwise: about ten seconds of work.
pub(crate) const TICKS: u32 = 200_000;

/// Where the demo puts its files, unless told otherwise.
pub(crate) const FOLDER: &str = "tradebase-demo";

/// The records of the demo.
pub fn records() -> Records {
    tradebase::records![model::Bot, model::Order, model::Fill, model::Tick, model::LastPrice]
}
