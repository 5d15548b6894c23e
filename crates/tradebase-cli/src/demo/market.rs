//! The ticks of a day: prices that wander, trend and swing back, by chance from a seed.

use tradebase::{Date, Timestamp};

use super::exact::decimal;
use super::instrument::{INSTRUMENTS, Instrument};
use super::model::Tick;
use super::random::Random;

/// The day of the demo: Monday, 2026-01-05.
pub(crate) const DAY: Date = Date::from_days(20_458);

/// A day, in microseconds.
pub(crate) const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// A minute, in microseconds.
pub(crate) const MINUTE_US: i64 = 60_000_000;

/// How long half of a swing around the fair price takes, about.
const SWING_US: i128 = 150_000_000;

/// The shortest and the longest trend, in minutes.
const TREND_MINUTES: (u32, u32) = (25, 110);

/// The steepest trend, as a multiple of the volatility of a day.
const TREND_STEEPEST: i128 = 16;

/// How far fair prices are kept finer than a unit.
const FINE: i128 = 1000;

const BILLION: i128 = 1_000_000_000;

/// How lively each hour of the day is, in percent: Europe opens, New York opens, the day ends.
const LIVELY_PERCENT: [i128; 24] = [
    90, 80, 75, 70, 75, 80, 95, 115, 120, 105, 95, 90, 100, 120, 150, 145, 130, 115, 110, 115, 120,
    100, 90, 85,
];

/// The stream of chance that says whose tick is next; those of the instruments follow it.
const TURNS: u64 = 0;

/// When a day begins, in microseconds from 1970.
pub(crate) fn begin_us(day: Date) -> i64 {
    i64::from(day.as_days()) * DAY_US
}

/// The ticks of one day, in order of time, no two at the same moment.
///
/// The same seed and count give the same ticks to the last digit on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    begin_us: i64,
    made: u32,
    ticks: u32,
    turns: Random,
    walks: Vec<Walk>,
}

impl Market {
    /// A day with so many ticks.
    pub(crate) fn new(day: Date, seed: u64, ticks: u32) -> Self {
        let walks = INSTRUMENTS.iter().zip(TURNS + 1..);
        Self {
            begin_us: begin_us(day),
            made: 0,
            ticks,
            turns: Random::new(seed, TURNS),
            walks: walks.map(|(one, stream)| Walk::new(one, Random::new(seed, stream))).collect(),
        }
    }

    /// The next ticks, so many at most; none when the day is over.
    pub(crate) fn chunk(&mut self, most: usize) -> Vec<Tick> {
        self.by_ref().take(most).collect()
    }

    /// The moment of the next tick: by chance within its even share of the day.
    fn next_us(&mut self) -> i64 {
        let share = |at: u32| {
            let begin = i128::from(at) * i128::from(DAY_US) / i128::from(self.ticks);
            i64::try_from(begin).unwrap_or(DAY_US)
        };
        let (begin, end) = (share(self.made), share(self.made.saturating_add(1)));
        let late = self.turns.below(u32::try_from(end - begin).unwrap_or(u32::MAX));
        begin + i64::from(late)
    }
}

impl Iterator for Market {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.made == self.ticks {
            return None;
        }
        let us = self.next_us();
        self.made += 1;
        let minute = u32::try_from(us / MINUTE_US).unwrap_or_default();
        let is_open = |walk: &Walk| walk.instrument.session.contains(&minute);
        let open = self.walks.iter().filter(|walk| is_open(walk));
        let mut turn = self.turns.below(open.map(|walk| walk.instrument.weight).sum());
        let mut open = self.walks.iter_mut().filter(|walk| is_open(walk));
        let walk = open.find(|walk| {
            let weight = walk.instrument.weight;
            let is_next = turn < weight;
            turn = turn.saturating_sub(weight);
            is_next
        })?;
        walk.advance(us);
        Some(walk.tick(Timestamp::from_micros(self.begin_us + us)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.ticks - self.made).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

/// The price of one instrument on its way.
#[derive(Clone, Debug)]
struct Walk {
    instrument: &'static Instrument,
    random: Random,
    /// The last moment, in microseconds of the day.
    at_us: i64,
    /// In thousandths of a unit.
    fair: i128,
    /// How far the price is from the fair one, in billionths.
    wobble_ppb: i128,
    /// How far the trend would go in a day, in billionths.
    trend_ppb: i128,
    trend_until_us: i64,
}

impl Walk {
    fn new(instrument: &'static Instrument, random: Random) -> Self {
        let at_us = i64::from(instrument.session.start) * MINUTE_US;
        Self {
            instrument,
            random,
            at_us,
            fair: instrument.start_ticks * instrument.tick * FINE,
            wobble_ppb: 0,
            trend_ppb: 0,
            trend_until_us: at_us,
        }
    }

    fn advance(&mut self, us: i64) {
        if us >= self.trend_until_us {
            self.turn_trend(us);
        }
        let passed = i128::from(us - self.at_us);
        self.at_us = us;
        self.wander(passed);
        self.swing(passed);
    }

    /// Another trend: none, or up or down by chance.
    fn turn_trend(&mut self, us: i64) {
        let (shortest, longest) = TREND_MINUTES;
        let minutes = shortest + self.random.below(longest - shortest);
        self.trend_until_us = us + i64::from(minutes) * MINUTE_US;
        let steepest = TREND_STEEPEST * self.instrument.volatility_ppb;
        let steep = steepest * self.random.normal() / Random::DEVIATION / 2;
        let is_flat = self.random.one_in(3);
        self.trend_ppb = if is_flat { 0 } else { steep.clamp(-steepest, steepest) };
    }

    /// Moves the fair price: by its trend, and by chance with the root of the time.
    fn wander(&mut self, passed: i128) {
        let day = i128::from(DAY_US);
        let hour = usize::try_from(self.at_us / (60 * MINUTE_US)).unwrap_or_default();
        let lively = LIVELY_PERCENT.get(hour).copied().unwrap_or(100);
        let step = root(self.instrument.volatility_ppb.pow(2) * passed / day) * lively / 100;
        let chance = step * self.random.normal() / Random::DEVIATION;
        let trend = self.trend_ppb * passed / day;
        let lowest = self.instrument.tick * FINE * 10 * self.instrument.spread_ticks;
        self.fair = (self.fair + self.fair * (chance + trend) / BILLION).max(lowest);
    }

    /// Pulls the price back to the fair one and pushes it off anew, so that its deviation stays.
    fn swing(&mut self, passed: i128) {
        let passed = passed.min(SWING_US);
        let kept = self.wobble_ppb - self.wobble_ppb * passed / SWING_US;
        let fresh = (2 * SWING_US - passed) * passed;
        let step = root(self.instrument.wobble_ppb.pow(2) * fresh / SWING_US.pow(2));
        self.wobble_ppb = kept + step * self.random.normal() / Random::DEVIATION;
    }

    fn tick(&mut self, at: Timestamp) -> Tick {
        let Instrument { symbol, tick, lot, spread_ticks, volume_lots, .. } = self.instrument;
        let price = (self.fair + self.fair * self.wobble_ppb / BILLION) / FINE;
        let spread = (spread_ticks + i128::from(self.random.run(3))) * tick;
        let bid = ((price - spread / 2) / tick * tick).max(*tick);
        let ask = bid + spread;
        let last = if self.random.one_in(2) { bid } else { ask };
        let lots = i128::from(1 + self.random.below(*volume_lots)) << self.random.run(4);
        Tick {
            symbol: (*symbol).to_owned(),
            at,
            bid: decimal(bid),
            ask: decimal(ask),
            last: decimal(last),
            volume: decimal(lots * lot),
        }
    }
}

/// The whole root of a number that is not negative.
fn root(square: i128) -> i128 {
    square.max(0).isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::exact::units;

    #[test]
    fn the_same_seed_gives_the_same_ticks() {
        let day = |seed| Market::new(DAY, seed, 3_000).collect::<Vec<_>>();
        assert_eq!(day(42), day(42));
        assert_ne!(day(42), day(43));
    }

    #[test]
    fn chunks_are_the_day_in_pieces() {
        let mut market = Market::new(DAY, 42, 1_000);
        let mut pieces = Vec::new();
        while let Some(chunk) = Some(market.chunk(333)).filter(|chunk| !chunk.is_empty()) {
            pieces.extend(chunk);
        }
        assert_eq!(pieces, Market::new(DAY, 42, 1_000).collect::<Vec<_>>());
    }

    #[test]
    fn every_tick_of_the_day_comes_after_the_one_before() {
        assert_eq!(DAY.to_string(), "2026-01-05");
        for count in [1, 2, 1_000, 20_000] {
            let ticks: Vec<_> = Market::new(DAY, 5, count).collect();
            assert_eq!(ticks.len(), usize::try_from(count).unwrap());
            assert!(ticks.is_sorted_by(|a, b| a.at < b.at));
            assert!(ticks.iter().all(|tick| tick.at.to_string().starts_with("2026-01-05T")));
        }
    }

    #[test]
    fn prices_stand_on_their_steps_and_the_bid_below_the_ask() {
        for tick in Market::new(DAY, 9, 20_000) {
            let one = INSTRUMENTS.iter().find(|one| one.symbol == tick.symbol).unwrap();
            let prices = [tick.bid, tick.ask, tick.last].map(units);
            assert!(prices.iter().all(|price| *price > 0 && price % one.tick == 0), "{tick:?}");
            assert!(prices[0] < prices[1] && prices[..2].contains(&prices[2]), "{tick:?}");
            assert!(units(tick.volume) % one.lot == 0 && units(tick.volume) > 0, "{tick:?}");
        }
    }

    #[test]
    fn a_share_trades_in_its_session_only() {
        let mut shares = Market::new(DAY, 3, 20_000).filter(|tick| tick.symbol == "AAPL");
        let first = shares.next().unwrap().at.to_string();
        let last = shares.last().unwrap().at.to_string();
        assert!(first.as_str() >= "2026-01-05T14:30" && last.as_str() < "2026-01-05T21:00");
    }

    #[test]
    fn how_far_prices_go_does_not_hang_on_the_number_of_ticks() {
        for count in [2_000, 50_000] {
            let ticks: Vec<_> = Market::new(DAY, 42, count).collect();
            for one in &INSTRUMENTS {
                let bids = ticks.iter().filter(|tick| tick.symbol == one.symbol);
                let bids: Vec<_> = bids.map(|tick| units(tick.bid)).collect();
                let (low, high) = (bids.iter().min().unwrap(), bids.iter().max().unwrap());
                let range_ppb = (high - low) * BILLION / low;
                assert!(range_ppb > one.volatility_ppb / 3, "{} {range_ppb}", one.symbol);
                assert!(range_ppb < one.volatility_ppb * 6, "{} {range_ppb}", one.symbol);
            }
        }
    }
}
