//! Numbers drawn from a seed: the same seed gives the same numbers, on every machine and for ever.
//!
//! Generated and damaged files are told by their seed alone, so the stream must not depend on a library's release.
//! The generator is SplitMix64.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        match bound as u64 {
            0 => 0,
            bound => (self.next() % bound) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_stream() {
        let mut draw = Draw::new(0);
        assert_eq!(draw.next(), 0xE220_A839_7B1D_CDAF, "the first number of SplitMix64 from 0");
        let stream = |seed| {
            let mut draw = Draw::new(seed);
            (0..20).map(|_| draw.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(stream(7), stream(7));
        assert_ne!(stream(7), stream(8));
        assert!(stream(7).into_iter().all(|n| n < 10));
        assert_eq!(Draw::new(1).below(0), 0);
    }
}
