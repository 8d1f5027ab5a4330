//! Which cases a reader takes for the same: what is broken in the same way on the same target is explained once.
//!
//! Two failures are alike if the same promises are broken on the same target in the same words, but for what differs from
//! story to story: ids, numbers, markers, paths, names in back-ticks, and how long a list is. Two errors are alike if their
//! texts are the same. What one promise is broken by in two ways stays two explanations, and so does a failure that breaks
//! one promise more.

use std::collections::BTreeSet;

use super::{Case, NOT_PLAYED};
use crate::marker;
use crate::verdict::Verdict;

/// What is the same in cases that are alike.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Likeness<'a> {
    target: &'a str,
    verdict: &'static str,
    /// The words of the error or, of a failure, the broken promises and how.
    how: BTreeSet<String>,
}

impl<'a> Likeness<'a> {
    /// The likeness of a case; none for one that needs no explanation.
    pub(super) fn of(case: &'a Case) -> Option<Likeness<'a>> {
        let (verdict, how) = match &case.verdict {
            Verdict::Error { text } => ("ERROR", BTreeSet::from([bare(text).to_owned()])),
            Verdict::Fail { reason } => ("FAIL", broken(case, reason)),
            Verdict::Fixed { reason } => ("FIXED", broken(case, reason)),
            Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. } => return None,
        };
        Some(Likeness { target: &case.target, verdict, how })
    }
}

/// The promises that are broken, each with the essence of what is said about it, and that of the verdict itself.
fn broken(case: &Case, reason: &str) -> BTreeSet<String> {
    let findings = case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings());
    let mut how: BTreeSet<String> =
        findings.map(|finding| format!("{}: {}", finding.invariant, essence(&finding.text))).collect();
    how.extend(reason.lines().map(essence));
    how
}

/// An error's text without the step in front of it, or that it was not met again.
fn bare(text: &str) -> &str {
    let text = text.strip_prefix(NOT_PLAYED).unwrap_or(text);
    let rest = text.strip_prefix("step ").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text)
}

/// A sentence without what differs from story to story.
fn essence(text: &str) -> String {
    let unnamed: Vec<&str> = text.split('`').enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "…" }).collect();
    let listed = unnamed.join("`").replace(" and ", ", ");
    let mut parts: Vec<String> = Vec::new();
    for part in listed.split(", ") {
        let part: Vec<&str> = part.split_whitespace().map(|word| if differs(word) { "…" } else { word }).collect();
        let part = part.join(" ");
        // The first part has the sentence's beginning in it, and the others of a list end as it does.
        if !parts.iter().any(|known| known.ends_with(&part)) && !part.ends_with(" more") {
            parts.push(part);
        }
    }
    parts.join(", ")
}

fn differs(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) || word.contains('/') || !marker::find(word).is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, failed};
    use super::*;
    use crate::check::Invariant;

    #[test]
    fn ids_numbers_names_and_the_length_of_a_list_are_no_difference() {
        let lost = "the model did not receive the prompt of step 1 (rhp-0000aaaa), the reply of step 1 (rhr-0000aaaa)";
        let more = "the model did not receive the prompt of step 2 (rhp-0000bbbb), the reply of step 2 (rhr-0000bbbb), \
                    the prompt of step 3 (rhp-0000cccc) and 4 more";
        assert_eq!(essence(lost), essence(more));
        assert_eq!(
            essence("a reply to `main` is refused: no thread 01a2-7c9d at /a"),
            essence("a reply to `old` is refused: no thread 02b3-8d0e at /b/c")
        );
        assert_ne!(essence("a reply to `main` is refused: busy"), essence("a reply to `main` is refused: unknown"));
    }

    #[test]
    fn one_promise_more_or_another_target_is_a_difference() {
        let one = failed("a", "t", &[(Invariant::Durable, "lost 1")]);
        let same = failed("b", "t", &[(Invariant::Durable, "lost 2")]);
        let more = failed("c", "t", &[(Invariant::Durable, "lost 1"), (Invariant::Honest, "silent")]);
        let elsewhere = failed("a", "u", &[(Invariant::Durable, "lost 1")]);
        assert_eq!(Likeness::of(&one), Likeness::of(&same));
        assert_ne!(Likeness::of(&one), Likeness::of(&more));
        assert_ne!(Likeness::of(&one), Likeness::of(&elsewhere));
    }

    #[test]
    fn an_error_is_the_same_at_every_step_and_where_it_kept_a_story_from_being_played() {
        let error = |text: &str| case("a", "t", Verdict::Error { text: text.into() });
        let likeness = |text: &str| format!("{:?}", Likeness::of(&error(text)));
        assert_eq!(likeness("step 1: it exits"), likeness("not played: it exits"));
        assert_ne!(likeness("step 1: it exits"), likeness("step 1: it hangs"));
        assert!(Likeness::of(&case("a", "t", Verdict::Pass)).is_none());
    }
}
