//! `--shard i/n`: the part of a suite that one of several machines plays.
//!
//! What is shared out are the pairs of a scenario and a target, after every filter. They are dealt out like cards, one target
//! after the other, so that the shards differ by at most one pair, of each target too. Every pair is in exactly one shard,
//! and which one depends on nothing but the order of scenarios and targets, which is that of the files' names and of the
//! command line.

use std::str::FromStr;

/// Shard number `i` of `n`, with `1 ≤ i ≤ n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    i: usize,
    n: usize,
}

impl Shard {
    /// All there is.
    pub(super) const WHOLE: Shard = Shard { i: 1, n: 1 };

    /// Its number and how many there are.
    pub(super) fn part(self) -> (usize, usize) {
        (self.i, self.n)
    }

    /// Whether it is the first: what is about no scenario that is played is told by that one alone, so that all shards
    /// together say what one run of the whole would.
    pub(super) fn is_first(self) -> bool {
        self.i == 1
    }

    /// The pairs that it plays, as places in the two lists, scenario by scenario.
    pub(super) fn of(self, scenarios: usize, targets: usize) -> Vec<(usize, usize)> {
        let pairs = (0..scenarios).flat_map(|scenario| (0..targets).map(move |target| (scenario, target)));
        pairs.filter(|(scenario, target)| (target * scenarios + scenario) % self.n == self.i - 1).collect()
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.i, self.n)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((i, n)) if 1 <= i && i <= n => Ok(Shard { i, n }),
            _ => Err("give it as i/n with 1 ≤ i ≤ n, such as 2/5".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shard_is_one_of_some() {
        assert_eq!("2/5".parse(), Ok(Shard { i: 2, n: 5 }));
        for wrong in ["", "2", "0/5", "6/5", "1/0", "-1/5", "1/5/5", "a/b", "1/99999999999999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_pair_is_in_exactly_one_shard_and_the_shards_are_even(
            scenarios in 0usize..80, targets in 0usize..9, n in 1usize..100,
        ) {
            let mut seen: BTreeMap<(usize, usize), usize> = BTreeMap::new();
            let mut sizes = Vec::new();
            let mut of_target: Vec<Vec<usize>> = vec![Vec::new(); targets];
            for i in 1..=n {
                let part = Shard { i, n }.of(scenarios, targets);
                sizes.push(part.len());
                for (target, counts) in of_target.iter_mut().enumerate() {
                    counts.push(part.iter().filter(|pair| pair.1 == target).count());
                }
                prop_assert!(part.is_sorted());
                part.into_iter().for_each(|pair| *seen.entry(pair).or_default() += 1);
            }
            prop_assert_eq!(seen.len(), scenarios * targets);
            prop_assert!(seen.values().all(|times| *times == 1));
            for counts in of_target.iter().chain([&sizes]) {
                let (least, most) = (counts.iter().min(), counts.iter().max());
                prop_assert!(most.zip(least).is_none_or(|(most, least)| most - least <= 1), "{:?}", counts);
            }
            prop_assert_eq!(Shard::WHOLE.of(scenarios, targets).len(), scenarios * targets);
        }
    }
}
