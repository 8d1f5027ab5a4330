//! What a check says: held, findings, nothing to judge, or not applicable.
//!
//! *Unjudged* is an answer of its own and never a pass: the harness looked and there was nothing to see, with the reason
//! in words. *Not applicable* is decided by what the target is, before anything is looked at. A finding states what was
//! promised, what happened instead and which events show it, so that a reader can disagree with evidence in hand.

use serde::Serialize;

use super::Invariant;
use crate::journal::{CallId, Incarnation, Seq};

/// What a check says about one invariant in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was something to look at and the promise was kept.
    Held,
    /// The promise was broken, at least once.
    Findings(Vec<Finding>),
    /// There was nothing to look at, for this reason.
    Unjudged(String),
    /// The promise cannot apply to this target, for this reason.
    NotApplicable(&'static str),
}

impl Outcome {
    /// The findings; empty for every other outcome.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Outcome::Findings(findings) => findings,
            _ => &[],
        }
    }

    /// Findings if there are any, else held if something was looked at, else unjudged with the reason.
    pub(super) fn conclude(findings: Vec<Finding>, looked: bool, nothing_to_see: impl Into<String>) -> Outcome {
        if !findings.is_empty() {
            Outcome::Findings(findings)
        } else if looked {
            Outcome::Held
        } else {
            Outcome::Unjudged(nothing_to_see.into())
        }
    }
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which promise.
    pub invariant: Invariant,
    /// The call that shows it, where it is about one.
    pub call: Option<CallId>,
    /// The life in which it showed.
    pub incarnation: Incarnation,
    /// The step of that call.
    pub step: Option<u32>,
    /// What was promised, e.g. the markers of the expected history.
    pub expected: String,
    /// What happened instead, in the target's own words where it has some.
    pub got: String,
    /// One line: a lower-case fragment without a full stop.
    pub text: String,
    /// The events that show it, in the order in which they matter.
    pub evidence: Vec<Seq>,
}

impl Finding {
    /// Whether it came before, or at the same call as, something about `call` that the journal tells at `seq`.
    pub fn is_no_later_than(&self, call: Option<CallId>, seq: Seq) -> bool {
        match (self.call, call) {
            (Some(mine), Some(other)) => mine <= other,
            _ => self.evidence.iter().min().is_some_and(|first| *first < seq),
        }
    }
}

/// Longest text of a target that a finding quotes, in bytes.
const QUOTED_BYTES: usize = 400;

/// `text` on one line, cut to a length that a table can hold; the whole stands in the journal.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
        if line.len() > QUOTED_BYTES {
            let end = (0..=QUOTED_BYTES).rev().find(|n| line.is_char_boundary(*n)).unwrap_or(0);
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_line_and_short() {
        assert_eq!(one_line("a\n b\t c"), "a b c");
        let long = one_line(&"ä".repeat(10_000));
        assert!(long.len() <= QUOTED_BYTES + "…".len() && long.ends_with('…'));
    }
}
