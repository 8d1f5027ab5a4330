//! What a baseline knows of a case, and which of its entries are stale.

use std::collections::BTreeSet;

use regex_lite::Regex;

use crate::check::{Finding, Invariant};
use crate::scenario::{Baseline, Gap};

/// How the findings of a case compare with the entries about it.
#[derive(Debug)]
pub(super) enum Known {
    /// No finding, and none was listed.
    Nothing,
    /// Exactly what is listed; the reasons, and what they refer to.
    Gap { reason: String, refs: Vec<String> },
    /// Something that is listed does not fire, and all that fires is listed.
    Fixed(String),
    /// Anything else.
    Other(String),
}

/// Compares what fired with what the baseline lists for that scenario on that target.
///
/// All entries that cover the case count together. Those with `races` may fire or not. Where an entry gives a pattern,
/// it must find something in a finding of one of the entry's invariants, in its text or in the target's own words; and
/// where it fits one finding of an invariant it must fit them all, so that a second, other failure is not excused.
pub(super) fn compare(baseline: &Baseline, scenario: &str, target: &str, findings: &[&Finding]) -> Known {
    let gaps: Vec<&Gap> = baseline.gaps.iter().filter(|gap| gap.covers(scenario, target)).collect();
    let fired: BTreeSet<Invariant> = findings.iter().map(|finding| finding.invariant).collect();
    let listed: BTreeSet<Invariant> = gaps.iter().flat_map(|gap| gap.invariants.iter().copied()).collect();
    let surely = gaps.iter().filter(|gap| !gap.races).flat_map(|gap| gap.invariants.iter().copied());
    let absent: BTreeSet<Invariant> = surely.filter(|invariant| !fired.contains(invariant)).collect();
    let more: BTreeSet<Invariant> = fired.difference(&listed).copied().collect();
    if !more.is_empty() {
        let beyond = match lines_of(&gaps) {
            Some(lines) => format!(" beyond what {lines} of the baseline lists"),
            None => String::new(),
        };
        return Known::Other(format!("broken{beyond}: {}", names(&more)));
    }
    if let (false, Some(lines)) = (absent.is_empty(), lines_of(&gaps)) {
        let what = names(&absent);
        return Known::Fixed(format!("{lines} of the baseline lists {what}, which no longer fires: take it out"));
    }
    if fired.is_empty() {
        return Known::Nothing;
    }
    let active: Vec<&Gap> = gaps.into_iter().filter(|gap| gap.invariants.iter().any(|i| fired.contains(i))).collect();
    if let Some(gap) = active.iter().find(|gap| !text_matches(gap, findings)) {
        let pattern = gap.text.as_deref().unwrap_or_default();
        let what = names(&fired);
        let line = gap.line;
        return Known::Other(format!(
            "broken: {what}, but not in the words `{pattern}` of line {line} of the baseline"
        ));
    }
    let reasons: BTreeSet<&str> = active.iter().map(|gap| gap.reason.as_str()).collect();
    let refs: BTreeSet<&String> = active.iter().flat_map(|gap| &gap.refs).collect();
    Known::Gap { reason: listed_together(reasons), refs: refs.into_iter().cloned().collect() }
}

/// Several reasons as one text: sentences follow each other, anything else is parted by semicolons.
fn listed_together<'r>(reasons: impl IntoIterator<Item = &'r str>) -> String {
    let mut text = String::new();
    for reason in reasons.into_iter().map(str::trim) {
        if !text.is_empty() {
            text.push_str(if text.ends_with('.') { " " } else { "; " });
        }
        text.push_str(reason);
    }
    text
}

/// Whether what fired is said in the words of the entry.
pub(super) fn text_matches(gap: &Gap, findings: &[&Finding]) -> bool {
    let Some(pattern) = &gap.text else { return true };
    // A pattern that is none was refused when the baseline was read.
    let Ok(pattern) = Regex::new(pattern) else { return false };
    let fits = |finding: &&&Finding| pattern.is_match(&finding.text) || pattern.is_match(&finding.got);
    let of = |invariant| findings.iter().filter(move |finding| finding.invariant == invariant);
    let some = gap.invariants.iter().any(|i| of(*i).any(|f| fits(&f)));
    some && gap.invariants.iter().all(|i| of(*i).all(|f| fits(&f)) || !of(*i).any(|f| fits(&f)))
}

fn names(invariants: &BTreeSet<Invariant>) -> String {
    invariants.iter().map(|invariant| invariant.name()).collect::<Vec<_>>().join(", ")
}

fn lines_of(gaps: &[&Gap]) -> Option<String> {
    let lines: Vec<String> = gaps.iter().map(|gap| format!("line {}", gap.line)).collect();
    (!lines.is_empty()).then(|| lines.join(" and "))
}

/// One text for each entry whose scenario is none of `scenarios` (all there are, not only those that were played).
pub fn stale<S: AsRef<str>>(baseline: &Baseline, scenarios: &[S]) -> Vec<String> {
    let gone = |gap: &&Gap| !gap.is_about(scenarios);
    let text = |gap: &Gap| {
        format!("line {} of the baseline is about `{}`, which is no scenario: take it out", gap.line, gap.scenario)
    };
    baseline.gaps.iter().filter(gone).map(text).collect()
}

/// One text for each entry whose target does not exist. A pattern may stand for a target that nobody has named yet.
pub fn stale_targets(baseline: &Baseline, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let gone = |gap: &&Gap| gap.targets().iter().any(|target| !target.contains('*') && !exists(target));
    let text = |gap: &Gap| {
        format!("line {} of the baseline is about `{}`, which is no target: take it out", gap.line, gap.target)
    };
    baseline.gaps.iter().filter(gone).map(text).collect()
}
