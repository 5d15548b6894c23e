//! Chance that is the same on every machine: SplitMix64, whole numbers only.

/// The golden ratio in 64 bits, the step of the generator.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// One of many streams of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The standard deviation of [`normal`](Random::normal).
    pub(crate) const DEVIATION: i128 = 1 << 16;

    /// A stream of a seed. Another stream shares nothing with it.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed).wrapping_add(mix(!stream)))
    }

    /// 64 bits of chance.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from 0 up to but without that end; 0 if the end is 0.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let number = ((self.bits() >> 32) * u64::from(end)) >> 32;
        u32::try_from(number).unwrap_or_default()
    }

    /// Whether a chance of one in so many came true.
    pub(crate) fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    /// How often a coin fell on one side before it fell on the other, so many times at most.
    pub(crate) fn run(&mut self, most: u32) -> u32 {
        self.bits().trailing_zeros().min(most)
    }

    /// A bell curve around 0: the sum of twelve even numbers of 16 bits, less their mean.
    pub(crate) fn normal(&mut self) -> i128 {
        const MEAN: i128 = 6 * 0xFFFF;
        let words = [self.bits(), self.bits(), self.bits()];
        let parts = words
            .map(|word| (0..4).map(|at| i128::from((word >> (16 * at)) & 0xFFFF)).sum::<i128>());
        parts.iter().sum::<i128>() - MEAN
    }
}

/// Scatters 64 bits.
pub(crate) fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = Random(1_234_567);
        let bits = [random.bits(), random.bits(), random.bits()];
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(bits, published);
    }

    #[test]
    fn the_bell_has_its_deviation() {
        const COUNT: i128 = 20_000;
        let mut random = Random::new(1, 1);
        let all: Vec<_> = (0..COUNT).map(|_| random.normal()).collect();
        let mean = all.iter().sum::<i128>() / COUNT;
        let deviation = all.iter().map(|x| x * x).sum::<i128>() / COUNT;
        assert!(mean.abs() < 1500, "{mean}");
        let deviation = i128::try_from(deviation.unsigned_abs().isqrt()).unwrap();
        assert!((deviation - Random::DEVIATION).abs() < 1000, "{deviation}");
    }

    #[test]
    fn numbers_stay_below_their_end() {
        let mut random = Random::new(7, 7);
        assert!((0..1000).all(|_| random.below(3) < 3 && random.run(4) <= 4));
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }
}
