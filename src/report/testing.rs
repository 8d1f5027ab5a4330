//! Cases for the tests of this room.

use super::Case;
use crate::check::{Finding, Invariant, Outcome};
use crate::verdict::Verdict;

/// A case without a run.
pub(super) fn case(scenario: &str, target: &str, verdict: Verdict) -> Case {
    Case::bare(scenario, target, verdict)
}

/// A case that failed with these findings.
pub(super) fn failed(scenario: &str, target: &str, findings: &[(Invariant, &str)]) -> Case {
    let finding = |invariant: Invariant, text: &str| Finding {
        invariant,
        call: Some(1),
        incarnation: 1,
        step: Some(1),
        expected: String::new(),
        got: String::new(),
        text: text.to_owned(),
        evidence: Vec::new(),
    };
    let outcomes = findings.iter().map(|(i, text)| (*i, Outcome::Findings(vec![finding(*i, text)])));
    let verdict = Verdict::Fail { reason: "broken".into() };
    Case { outcomes: outcomes.collect(), ..case(scenario, target, verdict) }
}

/// A text without its colours.
pub(super) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// The case with one finding of each of these.
pub(super) fn fired(mut case: Case, invariants: &[Invariant]) -> Case {
    let finding = |invariant: Invariant| Finding {
        invariant,
        call: Some(1),
        incarnation: 2,
        step: Some(3),
        expected: "it is kept".into(),
        got: "it is broken".into(),
        text: format!("{invariant} is broken"),
        evidence: vec![1],
    };
    case.outcomes = invariants.iter().map(|i| (*i, Outcome::Findings(vec![finding(*i)]))).collect();
    case
}
