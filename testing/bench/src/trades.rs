//! The rows that are measured: seeded, 20 bots, 50 symbols.

use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};

/// A small generator, so that every run sees the same rows.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn decimal(&mut self, end: u64, scale: u32) -> Decimal {
        Decimal::new(i64::try_from(self.below(end)).unwrap_or_default(), scale)
    }
}

/// So many trades.
pub fn trades(count: usize) -> Vec<Trade> {
    let mut seeded = Seeded(0x7261_6465_6261_7365);
    let bots: Vec<Uuid> = (0..20).map(|n| Uuid::from_u128(n << 64 | 0xb07)).collect();
    let start = 1_767_225_600_000_000_i64;
    (0..count)
        .map(|n| {
            let step = i64::try_from(n).unwrap_or_default() * 250_000;
            let millis = u128::try_from((start + step) / 1000).unwrap_or_default();
            let tail = u128::from(seeded.next());
            Trade {
                id: TradeId(Uuid::from_u128(millis << 80 | 0x7 << 76 | 0x8 << 60 | tail >> 8)),
                bot_id: bots[usize::try_from(seeded.below(20)).unwrap_or_default()],
                symbol: format!("SYM{:02}/USDT", seeded.below(50)),
                side: if seeded.below(2) == 0 { "buy".into() } else { "sell".into() },
                order_type: if seeded.below(3) == 0 { "market".into() } else { "limit".into() },
                quantity: seeded.decimal(1_000_000_000, 8),
                price: seeded.decimal(10_000_000, 2),
                executed_price: seeded.decimal(10_000_000, 2),
                fee: seeded.decimal(100_000_000, 8),
                pnl: (seeded.below(4) != 0).then(|| seeded.decimal(1_000_000_000, 6)),
                status: "filled".into(),
                timestamp: Timestamp::from_micros(start + step),
            }
        })
        .collect()
}
