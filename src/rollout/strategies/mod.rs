//! Strategies for `proptest`: rollouts, homes and damage, to test a parser of one's own with (feature `strategies`).
//!
//! What shrinks is the description and never the bytes: a failing file comes down to fewer turns, fewer calls, no
//! compaction, and is a well-formed rollout with one known class of damage to the end. A class of damage does not shrink
//! into another one, for that would be another failure. Each value carries the expected answer, and prints itself as its
//! description and its text.
//!
//! ```
//! use proptest::prelude::*;
//! use rehydra::rollout::strategies::damaged_rollouts;
//!
//! /// The parser under test: everything that stands in a file as text.
//! fn text(file: &[u8]) -> String {
//!     String::from_utf8_lossy(file).into_owned()
//! }
//!
//! proptest!(|(case in damaged_rollouts())| {
//!     prop_assume!(!case.mutated.refused && !case.mutated.compressed);
//!     let text = text(&case.mutated.bytes);
//!     for marker in case.mutated.must_show() {
//!         prop_assert!(text.contains(marker.as_str()), "{marker} is lost in {text}");
//!     }
//! });
//! ```
//!
//! `examples/parser_property.rs` is a longer one, with a bug to be found. A parser in another language is tested with files
//! instead, from `rehydra generate`.

mod printed;

use proptest::prelude::*;
use proptest::sample::select;

use super::generate::home::{GeneratedHome, HomeSpec, home};
use super::generate::{Generated, Spec, ToolKind, generate};
use super::mutate::{Mutated, Mutator, Where, apply_all};
use super::{Era, ThreadId};
use crate::rollout::generate::home::drawn_id;

/// A rollout, and what it was made from.
#[derive(Clone, PartialEq)]
pub struct Rollout {
    /// Its description.
    pub spec: Spec,
    /// Its id.
    pub id: ThreadId,
    /// The file, with the expected answer.
    pub made: Generated,
}

/// A rollout that was damaged at least once.
#[derive(Clone, PartialEq)]
pub struct DamagedRollout {
    /// The rollout before.
    pub rollout: Rollout,
    /// The file as it is now, what was done to it, and what readers can still show of it.
    pub mutated: Mutated,
}

impl DamagedRollout {
    /// The names of the classes of damage, in the order in which they were done.
    pub fn damage(&self) -> impl Iterator<Item = &'static str> {
        self.mutated.done.iter().map(|(mutator, _)| mutator.name())
    }
}

/// A home, and what it was made from.
#[derive(Clone, PartialEq)]
pub struct Home {
    /// Its description.
    pub spec: HomeSpec,
    /// Its files, with the expected answers.
    pub made: GeneratedHome,
}

/// The cwd of all rollouts here: with a space, and with a letter of two bytes.
pub const CWD: &str = "/project/ä b";
/// Most classes of damage in one file.
const DAMAGES: usize = 3;

/// Descriptions of rollouts of all eras, of no turn to five, with everything that one can hold.
pub fn specs() -> impl Strategy<Value = Spec> {
    let shape = (0u32..5, select(&Era::ALL[..]), any::<u64>(), 0u32..3, any::<bool>());
    let kinds = proptest::sample::subsequence(&ToolKind::ALL[..], 0..=ToolKind::ALL.len());
    let more = (kinds, any::<[bool; 4]>(), 0u32..3, proptest::option::of(0u32..6), 0u64..20_000);
    (shape, more).prop_map(
        |((turns, era, seed, tools, interrupted), (kinds, flags, rolled_back, compaction, bytes))| {
            let [reasoning, images, aborted, summary_only] = flags;
            // Most files are small.
            let bytes = bytes.saturating_sub(15_000) * 4;
            let sized = Spec { turns, era, seed, tools, interrupted, bytes, ..Spec::default() };
            Spec { kinds, reasoning, images, aborted, rolled_back, compaction, summary_only, ..sized }
        },
    )
}

/// Rollouts of all eras.
pub fn rollouts() -> impl Strategy<Value = Rollout> {
    specs().prop_map(rollout)
}

/// One to three classes of damage that files of the era can have, each with its place.
pub fn damage(era: Era) -> impl Strategy<Value = Vec<(Mutator, Where)>> {
    let classes: Vec<Mutator> = Mutator::all().filter(|mutator| mutator.applies_to(era)).collect();
    let one = (select(classes).no_shrink(), any::<u64>().prop_map(Where::Seed));
    proptest::collection::vec(one, 1..=DAMAGES)
}

/// Damaged rollouts of all eras.
pub fn damaged_rollouts() -> impl Strategy<Value = DamagedRollout> {
    // Drawn from all classes and chosen by the era: a strategy that depends on another one's value would not shrink.
    let classes: Vec<Mutator> = Mutator::all().collect();
    let one = (select(classes).no_shrink(), any::<u64>().prop_map(Where::Seed));
    let drawn = (specs(), proptest::collection::vec(one, 1..=DAMAGES));
    drawn.prop_filter_map("the file offers no place for the damage", |(spec, mut damage)| {
        damage.retain(|(mutator, _)| mutator.applies_to(spec.era));
        let rollout = rollout(spec);
        let mutated = apply_all(&damage, &rollout.made.bytes);
        mutated.touched.is_some().then_some(DamagedRollout { rollout, mutated })
    })
}

/// Homes of up to eight threads, some of which continue others, lie in the archive, are compressed or were copied.
pub fn homes() -> impl Strategy<Value = Home> {
    (0u32..8, any::<u64>(), 1u32..4, any::<bool>()).prop_map(|(threads, seed, turns, oddities)| {
        let spec = HomeSpec { threads, seed, turns, oddities, ..HomeSpec::default() };
        let made = home(&spec);
        Home { spec, made }
    })
}

fn rollout(spec: Spec) -> Rollout {
    let start = jiff::Timestamp::constant(1_795_363_327, 0);
    let id = drawn_id(spec.era, start, spec.seed);
    let made = generate(&spec, id, CWD, start);
    Rollout { spec, id, made }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    use super::*;

    fn runner() -> TestRunner {
        let config = Config { failure_persistence: None, ..Config::default() };
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    #[test]
    fn a_failure_shrinks_to_a_small_file_with_its_class_of_damage() {
        let strategy = damaged_rollouts();
        let hit = |case: &DamagedRollout| case.damage().any(|name| name == "raw-newline");
        let mut runner = runner();
        let found = (0..5_000).find_map(|_| strategy.new_tree(&mut runner).ok().filter(|tree| hit(&tree.current())));
        let mut tree = found.unwrap();
        // As proptest does it: simpler as long as it fails, back a step where it does not.
        while if hit(&tree.current()) { tree.simplify() } else { tree.complicate() } {}
        while !hit(&tree.current()) && tree.complicate() {}
        let case = tree.current();
        assert!(hit(&case));
        let names: Vec<_> = case.damage().collect();
        let Spec { turns, tools, compaction, bytes, .. } = case.rollout.spec;
        assert_eq!((names, tools, compaction, bytes), (vec!["raw-newline"], 0, None, 0));
        assert!(turns <= 1, "{turns} turns");
    }

    #[test]
    fn a_case_prints_what_it_was_made_from_and_its_text() {
        let mut runner = runner();
        let case = damaged_rollouts().new_tree(&mut runner).unwrap().current();
        let printed = format!("{case:?}");
        assert!(printed.contains("turns") && case.damage().all(|name| printed.contains(name)), "{printed}");
        assert!(!printed.contains("bytes: [1"), "bytes as numbers tell nobody anything");
    }

    #[test]
    fn a_home_of_no_thread_is_the_smallest() {
        let mut tree = homes().new_tree(&mut runner()).unwrap();
        while tree.simplify() {}
        assert_eq!(tree.current().made, GeneratedHome::default());
    }
}
