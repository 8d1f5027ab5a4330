//! What `--repeat` found out: how often each promise was broken, and where the runs that broke it lie.

use super::page::wrapped;
use super::tally::{Rate, Tally, attention, broken};
use super::{Case, neutral, tallies, word};
use crate::verdict::Verdict;

/// Longest name that is shown.
const NAME: usize = 300;
/// Most pairs of scenario and target that are shown; the JSON report has all of them.
const SHOWN: usize = 40;
/// Most directories of runs that are shown of one pair.
const DIRS: usize = 4;

/// Some lines for each scenario that was played on a target more than once and did not always go the same way, and a count
/// of those that always broke the same; empty if there are neither.
pub fn repeats(cases: &[Case], columns: usize) -> String {
    let tallies = tallies(cases);
    let repeated = || tallies.iter().filter(|tally| tally.runs() > 1);
    let told: Vec<&Tally<'_>> = repeated().filter(|tally| tally.ways().len() > 1).collect();
    let mut out: String = told.iter().take(SHOWN).map(|tally| lines(tally, columns)).collect();
    if let Some(more @ 1..) = told.len().checked_sub(SHOWN) {
        out.push_str(&format!("… and {more} more that did not always go the same way: see --json\n"));
    }
    let always = repeated().filter(|tally| tally.ways().len() == 1 && !tally.rates().is_empty()).count();
    if always > 0 {
        let text = format!("{always} broke the same promises in every run, which is no race");
        out.push_str(&wrapped("", &text, columns));
    }
    out
}

fn lines(tally: &Tally<'_>, columns: usize) -> String {
    let (scenario, target) = (neutral(tally.scenario(), NAME), neutral(tally.target(), NAME));
    let mut out = wrapped("", &format!("{scenario} on {target}: {}", verdicts(tally)), columns);
    for rate in tally.rates() {
        out.push_str(&wrapped("  ", &sentence(rate), columns));
    }
    if let Some(remark) = remark(tally) {
        out.push_str(&wrapped("  ", remark, columns));
    }
    let dirs: Vec<_> = tally.cases().filter_map(|case| case.dir.as_ref()).collect();
    // Paths stay on one line each, so that they can be copied.
    for dir in dirs.iter().take(DIRS) {
        out.push_str(&format!("  run  {}\n", neutral(&dir.display().to_string(), usize::MAX)));
    }
    if dirs.len() > DIRS {
        out.push_str(&format!("  … and {} more beside them\n", dirs.len() - DIRS));
    }
    out
}

/// `3 FAIL, 7 pass of 10 runs`, what needs most attention first.
pub(super) fn verdicts(tally: &Tally<'_>) -> String {
    let mut verdicts: Vec<&Verdict> = Vec::new();
    for case in tally.cases() {
        if !verdicts.iter().any(|known| word(known) == word(&case.verdict)) {
            verdicts.push(&case.verdict);
        }
    }
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(attention(verdict)));
    let counts: Vec<_> = verdicts.iter().map(|verdict| format!("{} {}", tally.count(verdict), word(verdict))).collect();
    format!("{} of {} runs", counts.join(", "), tally.runs())
}

/// `durable broken in 3 of 10 runs: a race`.
pub(super) fn sentence(rate: Rate) -> String {
    let Rate { invariant, broken, judged } = rate;
    let what = match (rate.is_race(), judged) {
        (true, _) => "a race",
        (false, 1) => "only one could be judged",
        (false, _) => "always, no race",
    };
    format!("{invariant} broken in {broken} of {judged} runs: {what}")
}

/// What to do about a baseline that takes a race for a bug.
fn remark(tally: &Tally<'_>) -> Option<&'static str> {
    let gaps = tally.cases().any(|case| matches!(case.verdict, Verdict::Gap { .. }) && !broken(case).is_empty());
    let fixed = tally.cases().any(|case| matches!(case.verdict, Verdict::Fixed { .. }));
    (gaps && fixed).then_some("the baseline lists as certain what fires only sometimes: give its entry `races = true`")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, fired};
    use super::*;
    use crate::check::Invariant;

    #[test]
    fn what_was_repeated_is_told_with_its_rates_and_its_runs() {
        let gap = || Verdict::Gap { reason: "known".into(), refs: Vec::new() };
        let mut kept = fired(case("race", "x", Verdict::Fail { reason: "r".into() }), &[Invariant::Durable]);
        kept.dir = Some("runs/race@x~2".into());
        let cases = [
            case("fine", "x", Verdict::Pass),
            case("fine", "x", Verdict::Pass),
            case("race", "x", Verdict::Pass),
            kept,
            fired(case("known", "x", gap()), &[Invariant::Rehydrates]),
            case("known", "x", Verdict::Fixed { reason: "no longer".into() }),
            fired(case("single", "x", gap()), &[Invariant::Rehydrates]),
            fired(case("always", "x", gap()), &[Invariant::Rehydrates]),
            fired(case("always", "x", gap()), &[Invariant::Rehydrates]),
        ];
        assert_eq!(
            repeats(&cases, 100),
            "race on x: 1 FAIL, 1 pass of 2 runs\n  durable broken in 1 of 2 runs: a race\n  run  runs/race@x~2\n\
             known on x: 1 FIXED, 1 gap of 2 runs\n  rehydrates broken in 1 of 2 runs: a race\n  \
             the baseline lists as certain what fires only sometimes: give its entry `races = true`\n\
             1 broke the same promises in every run, which is no race\n"
        );
    }

    #[test]
    fn a_flood_of_them_is_counted() {
        let verdict = |n| if n % 2 == 0 { Verdict::Pass } else { Verdict::Error { text: "no".into() } };
        let cases: Vec<_> = (0..2 * 50).map(|n| case(&format!("s{}", n / 2), "x", verdict(n))).collect();
        assert!(repeats(&cases, 100).ends_with("… and 10 more that did not always go the same way: see --json\n"));
    }
}
