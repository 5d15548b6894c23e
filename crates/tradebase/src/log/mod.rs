//! Events as JSON or for people, with a level per room that can be changed while running.
//!
//! ```
//! use tradebase::log::{self, LogFormat, LogLevel, LogOptions};
//!
//! # fn main() -> tradebase::Result<()> {
//! let options = LogOptions::new().format(LogFormat::Json).levels("info,sql=debug")?;
//! let handle = log::init(options)?;
//!
//! log::correlation("order-4711").in_scope(|| {
//!     tracing::info!(symbol = "BTC/USDT", "the bot starts");
//!     // {"timestamp":"2026-11-20T09:30:00.000000Z","level":"info","event":"the bot starts",
//!     //  "room":"…","symbol":"BTC/USDT","correlation_id":"order-4711"}
//! });
//!
//! handle.set_level("cache", LogLevel::Debug)?;
//! handle.set_levels("warn,sql=debug")?;
//! # Ok(())
//! # }
//! ```
//!
//! Rooms are `sql`, `cache`, `analytics` and `series`; `hall` is what binds them. Other names are
//! targets of other crates, with all below them. A library sets no subscriber: a program that has
//! its own sees the same events under the targets `tradebase_sql`, `tradebase_cache`,
//! `tradebase_analytics`, `tradebase_duckdb`, `tradebase_series` and `tradebase`.

mod json;
mod levels;
mod out;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::{Dispatch, Metadata, Span, Subscriber, dispatcher};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tradebase_core::{Code, Error, Result};

pub(crate) use levels::Levels;
pub use levels::LogLevel;

use crate::Config;
use json::JsonLayer;
use out::{Clocked, Out};

/// The span of a correlation id is never left out.
const CORRELATION: &str = "tradebase::correlation";

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people on a terminal, else for machines.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What is logged, how, and where to. See [`init`].
#[must_use]
pub struct LogOptions {
    levels: Levels,
    format: LogFormat,
    writer: Option<Box<dyn Write + Send>>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { levels: Levels::default(), format: LogFormat::Auto, writer: None }
    }
}

impl LogOptions {
    /// Level info and above, to standard error.
    pub fn new() -> Self {
        Self::default()
    }

    /// As `log.level` and `log.format` say.
    pub fn from_config(config: &Config) -> Result<Self> {
        let log = config.log()?;
        Self::new().format(log.format).levels(&log.levels)
    }

    /// What is logged: a level, and others for rooms: `info,sql=debug,cache=warn`.
    pub fn levels(mut self, levels: &str) -> Result<Self> {
        self.levels = read(levels)?;
        Ok(self)
    }

    /// How events are written.
    pub fn format(mut self, format: LogFormat) -> Self {
        self.format = format;
        self
    }

    /// Where events are written instead of standard error, each with one call.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Box::new(writer));
        self
    }

    /// The subscriber without setting it for the process, for tests that log in a scope of their
    /// own and for programs that set it themselves.
    pub fn build(self) -> (Dispatch, LogHandle) {
        let on_terminal = self.writer.is_none() && io::stderr().is_terminal();
        let format = match self.format {
            LogFormat::Auto if on_terminal => LogFormat::Pretty,
            LogFormat::Auto => LogFormat::Json,
            said => said,
        };
        let levels = Arc::new(RwLock::new(Arc::new(self.levels)));
        let (gate, out) = (Gate(levels.clone()), Out::new(self.writer));
        let dispatch = if format == LogFormat::Json {
            Dispatch::new(Registry::default().with(JsonLayer::new(out)).with(gate))
        } else {
            let pretty = tracing_subscriber::fmt::layer().with_timer(Clocked).with_writer(out);
            // Left alone, it has colours unless the user refuses them.
            let pretty = if on_terminal { pretty } else { pretty.with_ansi(false) };
            Dispatch::new(Registry::default().with(pretty).with(gate))
        };
        (dispatch, LogHandle { levels })
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("levels", &self.levels.to_string())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Logs the events of the whole process. An error if somebody else does already.
pub fn init(options: LogOptions) -> Result<LogHandle> {
    let (dispatch, handle) = options.build();
    dispatcher::set_global_default(dispatch).map_err(|e| {
        let message = "this process has a subscriber for its log already";
        Error::new(Code::NotOpen, message).because(e)
    })?;
    Ok(handle)
}

/// A span that gives its id to every event inside it: as `correlation_id`.
pub fn correlation(id: impl fmt::Display) -> Span {
    tracing::error_span!(target: CORRELATION, "correlation", correlation_id = %id)
}

/// Changes what is logged while the program runs. Clones change the same.
#[derive(Clone, Debug)]
pub struct LogHandle {
    levels: Arc<RwLock<Arc<Levels>>>,
}

impl LogHandle {
    /// Sets the level of one room, or of another crate by its target's name.
    pub fn set_level(&self, room: &str, level: LogLevel) -> Result<()> {
        let room = levels::name(room).map_err(|why| wrong(&why))?;
        self.change(|levels| levels.clone().with(room, level));
        Ok(())
    }

    /// Sets all levels anew: `info,sql=debug,cache=warn`.
    pub fn set_levels(&self, levels: &str) -> Result<()> {
        let levels = read(levels)?;
        self.change(|_| levels.clone());
        Ok(())
    }

    /// The levels, as [`set_levels`](LogHandle::set_levels) takes them.
    pub fn levels(&self) -> String {
        current(&self.levels).to_string()
    }

    fn change(&self, to: impl FnOnce(&Levels) -> Levels) {
        {
            let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
            *levels = Arc::new(to(&levels));
        }
        // Each event's place in the code remembers whether it is wanted.
        tracing::callsite::rebuild_interest_cache();
    }
}

fn current(levels: &RwLock<Arc<Levels>>) -> Arc<Levels> {
    levels.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn read(levels: &str) -> Result<Levels> {
    Levels::read(levels).map_err(|why| wrong(&why))
}

#[cold]
fn wrong(why: &str) -> Error {
    Error::new(Code::Config, format!("not levels of a log: {why}"))
}

/// Lets through what the levels allow.
struct Gate(Arc<RwLock<Arc<Levels>>>);

impl Gate {
    fn lets_through(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == CORRELATION
            || current(&self.0).allow(metadata.target(), *metadata.level())
    }
}

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(
        &self,
        metadata: &'static Metadata<'static>,
    ) -> tracing::subscriber::Interest {
        if self.lets_through(metadata) {
            tracing::subscriber::Interest::always()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.lets_through(metadata)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn lines(&self) -> Vec<Value> {
            self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    fn log(levels: &str, format: LogFormat, work: impl FnOnce(&LogHandle)) -> Written {
        let written = Written::default();
        let options = LogOptions::new().levels(levels).unwrap().format(format);
        let (dispatch, handle) = options.writer(written.clone()).build();
        dispatcher::with_default(&dispatch, || work(&handle));
        written
    }

    #[test]
    fn json_has_one_object_a_line_in_a_fixed_order() {
        let written = log("trace", LogFormat::Auto, |_| {
            let record = "Fill";
            tracing::debug!(
                target: "tradebase_sql::trace",
                store = "sqlite", operation = "insert", record, count = 3, level = "mine",
                ratio = f64::NAN, done = true
            );
            tracing::error!(target: "other::part", code = %Code::Locked, "it \"failed\"\n{}", 1);
        });
        let text = written.text();
        let (first, second) = text.split_once('\n').unwrap();
        let (start, rest) = first.split_once("\",\"level\"").unwrap();
        let timestamp = start.strip_prefix("{\"timestamp\":\"").unwrap();
        assert_eq!(timestamp.len(), "2026-11-20T09:30:00.000000Z".len());
        assert!(timestamp.ends_with('Z') && timestamp.parse::<tradebase_core::Timestamp>().is_ok());
        assert_eq!(
            rest,
            ":\"debug\",\"event\":\"insert\",\"room\":\"sql\",\"store\":\"sqlite\",\
             \"operation\":\"insert\",\"record\":\"Fill\",\"count\":3,\"level_\":\"mine\",\
             \"ratio\":\"NaN\",\"done\":true}"
        );
        let second: Value = serde_json::from_str(second).unwrap();
        assert_eq!(second["event"], "it \"failed\"\n1");
        assert_eq!(second["room"], "other::part");
        assert_eq!(second["code"], "DB_TXN_002");
    }

    #[test]
    fn every_event_inside_carries_the_correlation_id() {
        let written = log("error", LogFormat::Json, |_| {
            let span = correlation("order-1");
            span.in_scope(|| {
                let inner = tracing::error_span!("inner");
                inner.in_scope(|| tracing::error!("deep"));
                correlation(2).in_scope(|| tracing::error!("nested"));
                tracing::error!(correlation_id = "own", "said");
            });
            tracing::error!("outside");
        });
        let ids: Vec<_> =
            written.lines().iter().map(|line| line["correlation_id"].clone()).collect();
        assert_eq!(ids, ["order-1".into(), "2".into(), "own".into(), Value::Null]);
        // Levels that leave out spans leave the id.
        let written = log("off,sql=warn", LogFormat::Json, |_| {
            correlation("x").in_scope(|| tracing::warn!(target: "tradebase_sql", "slow"));
        });
        assert_eq!(written.lines()[0]["correlation_id"], "x");
    }

    #[test]
    fn levels_change_while_running() {
        let written = log("warn", LogFormat::Json, |handle| {
            let tell = |count: u32| tracing::debug!(target: "tradebase_sql", count, "sql");
            tell(1);
            handle.set_level("sql", LogLevel::Debug).unwrap();
            tell(2);
            assert_eq!(handle.levels(), "warn,sql=debug");
            handle.clone().set_levels("info").unwrap();
            tell(3);
            handle.set_levels("info,sql=debgu").unwrap_err();
            handle.set_level("", LogLevel::Off).unwrap_err();
            assert_eq!(handle.levels(), "info");
            handle.set_levels("debug,sql=off").unwrap();
            tell(4);
            handle.set_levels("debug").unwrap();
            tell(5);
        });
        let counts: Vec<_> = written.lines().iter().map(|line| line["count"].clone()).collect();
        assert_eq!(counts, [2, 5]);
    }

    #[test]
    fn people_read_a_line_without_colours_where_there_is_no_terminal() {
        let written = log("info", LogFormat::Pretty, |_| {
            correlation("order-1").in_scope(|| tracing::info!(count = 2, "connected"));
        });
        let text = written.text();
        assert!(text.contains("INFO") && text.contains("connected count=2"), "{text}");
        assert!(text.contains("order-1") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_configuration_says_levels_and_format() {
        let config = Config::new().set("log.level", "warn,cache=debug").unwrap();
        let options = LogOptions::from_config(&config.set("log.format", "json").unwrap()).unwrap();
        assert_eq!(options.format, LogFormat::Json);
        assert_eq!(options.levels.to_string(), "warn,cache=debug");
        // Also where the stores are not configured.
        let production = Config::new().set("profile", "production").unwrap();
        assert!(production.settle().is_err());
        assert!(LogOptions::from_config(&production).is_ok());
    }

    #[test]
    fn a_second_log_for_the_process_is_a_typed_error() {
        // Another test of this process may have been first.
        let _first = init(LogOptions::new().writer(io::sink()));
        let error = init(LogOptions::new()).unwrap_err();
        assert_eq!(error.code(), Code::NotOpen);
    }
}
