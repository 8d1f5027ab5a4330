//! Several runs of one scenario on one target, counted: what tells a race from a bug.
//!
//! A server that breaks a promise in every run has a bug that anybody can reproduce. One that breaks it in some runs has
//! a race, and the rate says how often one has to look. The rate is of the runs that could be judged: a run in which the
//! harness failed says nothing about the server.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, word};
use crate::check::Invariant;
use crate::verdict::Verdict;

/// All runs of one scenario on one target; at least one.
#[derive(Debug)]
pub struct Tally<'a> {
    first: &'a Case,
    more: Vec<&'a Case>,
}

/// How often a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Which.
    pub invariant: Invariant,
    /// The runs that broke it; at least one.
    pub broken: usize,
    /// The runs that could be judged.
    pub judged: usize,
}

impl Rate {
    /// Whether some runs broke it and some did not.
    pub fn is_race(self) -> bool {
        self.broken < self.judged
    }
}

/// The cases by scenario and target, in the order in which each pair comes first.
pub fn tallies(cases: &[Case]) -> Vec<Tally<'_>> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut tallies: Vec<Tally<'_>> = Vec::new();
    for case in cases {
        let next = tallies.len();
        let place = *places.entry((&case.scenario, &case.target)).or_insert(next);
        match tallies.get_mut(place) {
            Some(tally) => tally.more.push(case),
            None => tallies.push(Tally { first: case, more: Vec::new() }),
        }
    }
    tallies
}

impl<'a> Tally<'a> {
    /// The scenario's name.
    pub fn scenario(&self) -> &'a str {
        &self.first.scenario
    }

    /// The target's name.
    pub fn target(&self) -> &'a str {
        &self.first.target
    }

    /// The runs in order.
    pub fn cases(&self) -> impl Iterator<Item = &'a Case> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// How many.
    pub fn runs(&self) -> usize {
        1 + self.more.len()
    }

    /// The first of those whose verdict needs most attention.
    pub fn worst(&self) -> &'a Case {
        let worse = |one: &'a Case, other: &'a Case| {
            if attention(&other.verdict) > attention(&one.verdict) { other } else { one }
        };
        self.more.iter().copied().fold(self.first, worse)
    }

    /// How many runs ended with that verdict.
    pub fn count(&self, verdict: &Verdict) -> usize {
        self.cases().filter(|case| word(&case.verdict) == word(verdict)).count()
    }

    /// Every promise that some run broke, in the order of every table.
    pub fn rates(&self) -> Vec<Rate> {
        let judged = self.cases().filter(|case| !matches!(case.verdict, Verdict::Error { .. }));
        let judged: Vec<BTreeSet<Invariant>> = judged.map(broken).collect();
        let mut counts: BTreeMap<Invariant, usize> = BTreeMap::new();
        for invariant in judged.iter().flatten() {
            *counts.entry(*invariant).or_default() += 1;
        }
        let rate = |(invariant, broken)| Rate { invariant, broken, judged: judged.len() };
        counts.into_iter().map(rate).collect()
    }

    /// One run for each way in which they went: those with the same verdict that broke the same promises are told once.
    /// A run whose events are at hand is preferred, because it can be told in full.
    pub fn ways(&self) -> Vec<&'a Case> {
        let mut ways: BTreeMap<(&str, BTreeSet<Invariant>), &'a Case> = BTreeMap::new();
        let mut order = Vec::new();
        for case in self.cases() {
            let way = case.way();
            match ways.get_mut(&way) {
                Some(told) if told.run.is_none() && case.run.is_some() => *told = case,
                Some(_) => {}
                None => {
                    order.push(way.clone());
                    ways.insert(way, case);
                }
            }
        }
        order.iter().filter_map(|way| ways.get(way).copied()).collect()
    }
}

impl Case {
    /// How it went: its verdict, and the promises that were broken.
    pub fn way(&self) -> (&'static str, BTreeSet<Invariant>) {
        (word(&self.verdict), broken(self))
    }
}

/// The promises that a run broke; `reached` is the harness's own.
pub(super) fn broken(case: &Case) -> BTreeSet<Invariant> {
    let fired = case.outcomes.iter().filter(|(_, outcome)| !outcome.findings().is_empty());
    fired.map(|(invariant, _)| *invariant).filter(|invariant| *invariant != Invariant::Reached).collect()
}

/// How much attention a verdict needs: an error most, a pass none.
pub(super) fn attention(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Unsupported { .. } => 1,
        Verdict::Gap { .. } => 2,
        Verdict::Fixed { .. } => 3,
        Verdict::Fail { .. } => 4,
        Verdict::Error { .. } => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, fired};
    use super::*;

    fn fail() -> Verdict {
        Verdict::Fail { reason: "broken".into() }
    }

    #[test]
    fn a_race_is_told_from_a_bug_by_the_runs_that_could_be_judged() {
        let always = [Invariant::Rehydrates];
        let both = [Invariant::Rehydrates, Invariant::Durable];
        let cases = [
            fired(case("a", "x", fail()), &always),
            case("b", "x", Verdict::Pass),
            fired(case("a", "x", fail()), &both),
            case("a", "x", Verdict::Error { text: "no server".into() }),
        ];
        let tallies = tallies(&cases);
        let [a, b] = tallies.as_slice() else { panic!("two pairs: {tallies:?}") };
        let rate = |invariant, broken| Rate { invariant, broken, judged: 2 };
        assert_eq!(a.rates(), [rate(Invariant::Rehydrates, 2), rate(Invariant::Durable, 1)]);
        assert_eq!(a.rates().iter().map(|rate| rate.is_race()).collect::<Vec<_>>(), [false, true]);
        assert_eq!((a.runs(), a.count(&fail()), word(&a.worst().verdict)), (3, 2, "ERROR"));
        assert_eq!((b.scenario(), b.runs(), b.rates()), ("b", 1, Vec::new()));
    }

    #[test]
    fn each_way_of_going_wrong_is_told_once() {
        let durable = || fired(case("a", "x", fail()), &[Invariant::Durable]);
        let once = || fired(case("a", "x", fail()), &[Invariant::Once]);
        let cases = [durable(), case("a", "x", Verdict::Pass), once(), durable(), once(), durable()];
        let ways = tallies(&cases).remove(0).ways();
        let told: Vec<_> = ways.iter().map(|case| (word(&case.verdict), broken(case).len())).collect();
        assert_eq!(told, [("FAIL", 1), ("pass", 0), ("FAIL", 1)]);
    }
}
