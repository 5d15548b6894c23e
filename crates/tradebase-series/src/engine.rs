//! One of the engines, asked alike.

use std::sync::Arc;

use crate::absent::Absent;
#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
#[cfg(feature = "influx")]
use crate::influx::Influx;

/// The engines that are built in. Cloning gives another handle to the same one.
#[derive(Clone, Debug)]
pub enum Engine {
    Absent(Arc<Absent>),
    #[cfg(feature = "influx")]
    Influx(Arc<Influx>),
    #[cfg(feature = "embedded")]
    Embedded(Arc<Embedded>),
}

/// The same call on whichever engine it is.
macro_rules! on {
    ($any:expr, $engine:ident => $call:expr) => {
        match $any {
            $crate::engine::Engine::Absent($engine) => $call,
            #[cfg(feature = "influx")]
            $crate::engine::Engine::Influx($engine) => $call,
            #[cfg(feature = "embedded")]
            $crate::engine::Engine::Embedded($engine) => $call,
        }
    };
}
pub(crate) use on;
