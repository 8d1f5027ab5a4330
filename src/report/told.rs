//! What one case says of itself: for whoever has a single case in hand, and no table to put it in.

use super::{COLUMNS, Case, explanations, word};
use crate::check::Finding;
use crate::verdict::Verdict;

impl Case {
    /// Nothing needs attention: a pass, a known gap, or something that the target cannot be asked for.
    pub fn is_fine(&self) -> bool {
        matches!(self.verdict, Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. })
    }

    /// Every broken promise, known to a baseline or not.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.outcomes.iter().flat_map(|(_, outcome)| outcome.findings())
    }

    /// What `rehydra run` would print of it, without colours: which promise was broken, when, what was expected, what the
    /// model received, and where the run lies. Of a case that needs no attention, its verdict.
    pub fn explanation(&self) -> String {
        let told = explanations(std::slice::from_ref(self), COLUMNS).concat();
        if told.is_empty() {
            return format!("{} {} on {}", word(&self.verdict), self.scenario, self.target);
        }
        anstream::adapter::strip_str(&told).to_string()
    }

    /// Stops a test unless the case [is fine](Case::is_fine).
    ///
    /// # Panics
    ///
    /// If it is not, with its [explanation](Case::explanation).
    #[track_caller]
    pub fn assert_fine(&self) {
        assert!(self.is_fine(), "{}", self.explanation());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::case;
    use super::*;

    #[test]
    fn a_case_explains_itself_without_colours() {
        let broken = case("idle/kill-9", "builtin", Verdict::Fail { reason: "broken: durable".into() });
        assert!(!broken.is_fine());
        assert_eq!(broken.explanation(), "FAIL idle/kill-9 on builtin\n  broken: durable\n");
    }

    #[test]
    fn a_case_that_needs_no_attention_says_its_verdict() {
        let passed = case("idle/kill-9", "builtin", Verdict::Pass);
        passed.assert_fine();
        assert_eq!(passed.explanation(), "pass idle/kill-9 on builtin");
    }

    #[test]
    #[should_panic(expected = "FAIL idle/kill-9 on builtin")]
    fn a_failure_stops_a_test() {
        case("idle/kill-9", "builtin", Verdict::Fail { reason: "broken: durable".into() }).assert_fine();
    }
}
