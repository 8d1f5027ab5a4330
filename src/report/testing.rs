//! Cases for the tests of this room.

use super::Case;
use crate::verdict::Verdict;

/// A case without a run.
pub(super) fn case(scenario: &str, target: &str, verdict: Verdict) -> Case {
    Case {
        scenario: scenario.to_owned(),
        target: target.to_owned(),
        verdict,
        outcomes: Vec::new(),
        run: None,
        dir: None,
        again: String::new(),
        judge_again: String::new(),
        took_ms: 0,
    }
}

/// A text without its colours.
pub(super) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
