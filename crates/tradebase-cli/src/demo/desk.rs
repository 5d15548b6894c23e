//! The desk: hands ticks to the bots in order and writes down what they trade.

use tradebase::{Date, Timestamp};

use super::book::{Book, Paper, Quote, Trades};
use super::bots::KINDS;
use super::exact::{ONE, decimal, units};
use super::ids::Ids;
use super::instrument::{INSTRUMENTS, Instrument};
use super::market::{MINUTE_US, begin_us};
use super::model::{Bot, BotId, Tick};
use super::random::Random;

/// What every bot starts the day with, in units of money.
const CAPITAL: i128 = 100_000 * ONE;

/// How long before the end of a session positions are closed.
const CLOSING_US: i64 = 5 * MINUTE_US;

/// The streams of chance of the books come after this one, those of the market before.
const BOOKS: u64 = 1 << 32;

/// All bots on all symbols, through one day.
///
/// The same seed and ticks give the same orders and fills, ids and all.
pub(crate) struct Desk {
    bots: Vec<Bot>,
    stalls: Vec<Stall>,
    paper: Paper,
}

/// One symbol, with a book of every bot.
struct Stall {
    instrument: &'static Instrument,
    books: Vec<Book>,
    quote: Option<Quote>,
    closes_us: i64,
    is_closed: bool,
}

impl Desk {
    /// Opens the desk for a day.
    pub(crate) fn new(day: Date, seed: u64) -> Self {
        let begin_us = begin_us(day);
        let mut ids = Ids::new(seed);
        let started_at = Timestamp::from_micros(begin_us);
        let bots = KINDS.iter().map(|kind| Bot {
            id: BotId(ids.at(started_at)),
            name: kind.name.to_owned(),
            capital: decimal(CAPITAL),
            started_at,
        });
        let bots: Vec<Bot> = bots.collect();
        let mut stream = BOOKS;
        let mut chance = || {
            stream += 1;
            Random::new(seed, stream)
        };
        let stalls = INSTRUMENTS.iter().map(|instrument| {
            let books = KINDS
                .iter()
                .zip(&bots)
                .map(|(kind, bot)| Book::new(bot.id, instrument, (kind.make)(chance()), chance()));
            let end_us = i64::from(instrument.session.end) * MINUTE_US;
            Stall {
                instrument,
                books: books.collect(),
                quote: None,
                closes_us: begin_us + end_us - CLOSING_US,
                is_closed: false,
            }
        });
        let stalls = stalls.collect();
        Self { bots, stalls, paper: Paper { ids, trades: Trades::default() } }
    }

    /// The bots.
    pub(crate) fn bots(&self) -> &[Bot] {
        &self.bots
    }

    /// Shows ticks to the bots, and answers with the orders that ended on them.
    pub(crate) fn on_ticks(&mut self, ticks: &[Tick]) -> Trades {
        for tick in ticks {
            let stall = self.stalls.iter_mut().find(|one| one.instrument.symbol == tick.symbol);
            if let Some(stall) = stall {
                let quote = Quote { at: tick.at, bid: units(tick.bid), ask: units(tick.ask) };
                stall.see(quote, &mut self.paper);
            }
        }
        std::mem::take(&mut self.paper.trades)
    }

    /// Ends the day: takes back what still waits and closes what is still held, at the last quote.
    pub(crate) fn close(&mut self) -> Trades {
        for stall in &mut self.stalls {
            stall.close(&mut self.paper);
        }
        std::mem::take(&mut self.paper.trades)
    }
}

impl Stall {
    fn see(&mut self, quote: Quote, paper: &mut Paper) {
        self.quote = Some(quote);
        if quote.at.as_micros() >= self.closes_us {
            self.close(paper);
            return;
        }
        for book in &mut self.books {
            book.see(&quote, paper);
        }
    }

    fn close(&mut self, paper: &mut Paper) {
        let Some(quote) = self.quote.filter(|_| !self.is_closed) else { return };
        self.is_closed = true;
        for book in &mut self.books {
            book.close(&quote, paper);
        }
    }
}
