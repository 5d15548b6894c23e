//! Ids that rise with time and are the same in every run of a seed.

use tradebase::{Timestamp, Uuid};

use super::random::mix;

/// Makes UUIDs of version 7 from the moment, a counter and the seed, where others have chance.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    seed: u64,
    made: u32,
}

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, made: 0 }
    }

    /// Another id, above all that were made for this moment before.
    ///
    /// From the top: 48 bits of milliseconds, the version, 12 bits of the counter, the variant,
    /// the other 20 bits of the counter, 42 bits of the seed.
    pub(crate) fn at(&mut self, moment: Timestamp) -> Uuid {
        const VERSION: u128 = 0x7 << 76;
        const VARIANT: u128 = 0b10 << 62;
        let ms = u128::try_from(moment.as_micros() / 1000).unwrap_or_default() & 0xFFFF_FFFF_FFFF;
        let count = u128::from(self.made);
        let (high, low) = (count >> 20, count & 0xF_FFFF);
        let tail = mix(self.seed ^ mix(self.made.into())) >> 22;
        self.made += 1;
        let bits = ms << 80 | VERSION | high << 64 | VARIANT | low << 42 | u128::from(tail);
        Uuid::from_u128(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_rise() {
        let moment = Timestamp::from_micros(1_767_571_200_000_000);
        let mut ids = Ids { seed: 42, made: 0xF_FFF0 };
        let all: Vec<_> = (0..40).map(|_| ids.at(moment)).collect();
        assert!(all.is_sorted_by(|a, b| a < b));
        assert!(all.iter().all(|id| id.get_version_num() == 7));
        assert!(all.iter().all(|id| id.get_variant() == tradebase::uuid::Variant::RFC4122));
        assert!(all.iter().all(|id| id.to_string().starts_with("019b8b74-1800-7")));
    }

    #[test]
    fn seeds_have_ids_of_their_own() {
        let moment = Timestamp::from_micros(0);
        let first = |seed| Ids::new(seed).at(moment);
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
