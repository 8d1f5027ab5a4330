//! The draft of a baseline: entries that describe what failed, for a person to judge.
//!
//! A draft says exactly what was seen: the invariants that fired and a pattern on the words of the findings, with what
//! changes from run to run (ids, markers, numbers, paths) left open. It does not say why that is acceptable, because
//! nobody has decided it yet: its reason is empty, and a baseline with an empty reason is refused. Cases that fail alike
//! share an entry. The same failures give the same draft, whatever order they came in.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

use super::known::text_matches;
use crate::check::{Finding, Invariant};
use crate::limits::{SCENARIO_LINE_CHARS, SCENARIO_PATTERN_CHARS};
use crate::scenario::Gap;

/// A scenario on a target that failed in some run, and what each run of it found.
#[derive(Clone, Debug)]
pub struct Failed<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The target's name.
    pub target: &'a str,
    /// The findings of each run that could be judged, an empty list for one that found nothing.
    pub runs: Vec<Vec<&'a Finding>>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Entries, each with an empty reason.
    pub gaps: Vec<Gap>,
    /// Scenario and target of what no entry can describe: it broke no promise and failed by what the scenario expects.
    pub left_out: Vec<(String, String)>,
}

/// Most names in one entry; a baseline takes a hundred.
const NAMES: usize = 50;
/// Most phrases that a pattern chooses from.
const PHRASES: usize = 6;
/// Longest phrase, in characters of what was said.
const PHRASE_CHARS: usize = 120;

/// What cases must have in common to share an entry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    invariants: Vec<Invariant>,
    text: Option<String>,
    races: bool,
}

/// Drafts entries for what failed.
pub fn draft(failed: &[Failed<'_>]) -> Draft {
    let mut draft = Draft::default();
    let mut alike: BTreeMap<Likeness, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for case in failed {
        match likeness(case) {
            Some(likeness) => {
                alike.entry(likeness).or_default().entry(case.target).or_default().insert(case.scenario);
            }
            None => draft.left_out.push((case.scenario.to_owned(), case.target.to_owned())),
        }
    }
    draft.left_out.sort();
    for (likeness, by_target) in alike {
        let mut shared: BTreeMap<BTreeSet<&str>, BTreeSet<&str>> = BTreeMap::new();
        for (target, scenarios) in by_target {
            shared.entry(scenarios).or_default().insert(target);
        }
        for (scenarios, targets) in shared {
            for target in lists(&targets) {
                draft
                    .gaps
                    .extend(lists(&scenarios).into_iter().map(|scenario| gap(&likeness, scenario, target.clone())));
            }
        }
    }
    draft
}

fn gap(likeness: &Likeness, scenario: String, target: String) -> Gap {
    let Likeness { invariants, text, races } = likeness.clone();
    Gap { line: 0, scenario, target, invariants, text, reason: String::new(), refs: Vec::new(), races }
}

fn likeness(case: &Failed<'_>) -> Option<Likeness> {
    let fired = |run: &Vec<&Finding>| run.iter().map(|finding| finding.invariant).collect::<BTreeSet<_>>();
    let each: Vec<BTreeSet<Invariant>> = case.runs.iter().map(fired).collect();
    let some: BTreeSet<Invariant> = each.iter().flatten().copied().collect();
    if some.is_empty() {
        return None;
    }
    let races = each.iter().any(|fired| *fired != some);
    let invariants: Vec<Invariant> = some.into_iter().collect();
    let text = pattern(&case.runs, &invariants, races);
    Some(Likeness { invariants, text, races })
}

/// A pattern that holds for every run, tried by the very rule by which a baseline is held against it. First the words of
/// all findings, then of one invariant after the other; none if there is no such pattern.
fn pattern(runs: &[Vec<&Finding>], invariants: &[Invariant], races: bool) -> Option<String> {
    let all = || runs.iter().flatten().copied();
    let of_all = std::iter::once(all().collect::<Vec<_>>());
    let of_one = invariants.iter().map(|one| all().filter(|finding| finding.invariant == *one).collect());
    of_all.chain(of_one).find_map(|findings: Vec<&Finding>| {
        let phrases: BTreeSet<String> = findings.into_iter().map(phrase).collect();
        let text = phrases.iter().cloned().collect::<Vec<_>>().join("|");
        let is_short = phrases.len() <= PHRASES && text.chars().count() <= SCENARIO_PATTERN_CHARS;
        let gap = gap(
            &Likeness { invariants: invariants.to_vec(), text: Some(text.clone()), races },
            String::new(),
            String::new(),
        );
        let holds = runs.iter().filter(|run| !run.is_empty()).all(|run| text_matches(&gap, run));
        (is_short && !text.is_empty() && holds).then_some(text)
    })
}

/// The words of a finding as a pattern. An error answer is quoted in the server's own words, which do not change with the
/// scenario; any other finding in the harness's.
fn phrase(finding: &Finding) -> String {
    let own = matches!(finding.invariant, Invariant::Rehydrates | Invariant::UnknownId | Invariant::Responsive);
    let said = if own && finding.got.trim().len() > 3 { &finding.got } else { &finding.text };
    let head: String = said.trim().chars().take(PHRASE_CHARS).collect();
    // A word that is cut short could be the beginning of something that changes.
    let whole =
        if head.len() < said.trim().len() { head.rsplit_once(' ').map_or(head.as_str(), |(w, _)| w) } else { &head };
    opened(whole)
}

/// Text as a pattern: what changes from run to run is open, everything else is itself.
fn opened(text: &str) -> String {
    // Written by hand and held by a test; without it the text is taken as it is.
    let Ok(changing) = Regex::new(CHANGING) else { return regex_lite::escape(text) };
    let mut out = String::new();
    let mut rest = text;
    while let Some(found) = changing.captures(rest) {
        let Some(whole) = found.get(0) else { break };
        literal(&mut out, rest.get(..whole.start()).unwrap_or_default());
        literal(&mut out, found.name("before").map_or("", |before| before.as_str()));
        out.push_str(match () {
            () if found.name("space").is_some() => r"\s+",
            () if found.name("number").is_some() => r"\d+",
            () => r"\S+",
        });
        rest = rest.get(whole.end()..).unwrap_or_default();
    }
    literal(&mut out, rest);
    out
}

/// An id, a marker or a digest; an absolute path; a number; space that is more than one. Each path needs something before it that is no letter.
const CHANGING: &str = r#"(?x)
    (?<id> [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12} | rh[a-z]-[0-9a-z]{8} | [0-9a-f]{16,} )
    | (?<before> ^ | [\s`'"(=:] ) (?<path> /[^\s`'",;)]+ )
    | (?<number> [0-9]+ )
    | (?<space> \s{2,} | [^\S\x20] )
"#;

fn literal(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') {
            out.push('.');
        } else {
            out.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4])));
        }
    }
}

/// The names as `{a,b}`, or as several such where they are too many for one. A name that holds a brace or a comma stands
/// alone, with `*` for an opening brace: a pattern has no other way to say one.
fn lists(names: &BTreeSet<&str>) -> Vec<String> {
    let (plain, odd): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| !name.contains(['{', '}', ',']));
    let mut lists: Vec<Vec<&str>> = Vec::new();
    let mut length = 0;
    for name in plain {
        let more = name.chars().count() + 1;
        match lists.last_mut().filter(|list| list.len() < NAMES && length + more < SCENARIO_LINE_CHARS) {
            Some(list) => list.push(name),
            None => {
                lists.push(vec![name]);
                length = 2;
            }
        }
        length += more;
    }
    let text = |list: Vec<&str>| match list.as_slice() {
        [one] => (*one).to_owned(),
        list => format!("{{{}}}", list.join(",")),
    };
    lists.into_iter().map(text).chain(odd.into_iter().map(|name| name.replace('{', "*"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Baseline;

    fn finding(invariant: Invariant, text: &str, got: &str) -> Finding {
        Finding {
            invariant,
            call: Some(1),
            incarnation: 2,
            step: Some(2),
            expected: String::new(),
            got: got.into(),
            text: text.into(),
            evidence: vec![1],
        }
    }

    fn lost(id: &str) -> Finding {
        finding(
            Invariant::Rehydrates,
            "the reply is answered by an error",
            &format!("Session not found for thread_id: {id}"),
        )
    }

    const ID: &str = "01a204a6-6ae8-7453-8a3b-b453019862f8";

    fn failed<'a>(scenario: &'a str, target: &'a str, runs: Vec<Vec<&'a Finding>>) -> Failed<'a> {
        Failed { scenario, target, runs }
    }

    #[test]
    fn what_fails_alike_shares_an_entry_and_what_changes_is_left_open() {
        let (one, other) = (lost(ID), lost("11111111-6ae8-7453-8a3b-b453019862f8"));
        let durable = finding(Invariant::Durable, "turn 2 (rhp-3k9x02ma) is not in request 7 of /tmp/x y", "");
        let mut cases = vec![
            failed("b", "x", vec![vec![&one]]),
            failed("a", "x", vec![vec![&other]]),
            failed("a", "y", vec![vec![&other]]),
            failed("b", "y", vec![vec![&one]]),
            failed("c", "y", vec![vec![&durable]]),
            failed("d", "y", vec![vec![]]),
        ];
        let made = draft(&cases);
        let told: Vec<_> =
            made.gaps.iter().map(|g| (&*g.scenario, &*g.target, g.text.as_deref().unwrap_or(""))).collect();
        assert_eq!(
            told,
            [
                ("{a,b}", "{x,y}", r"Session not found for thread_id: \S+"),
                ("c", "y", r"turn \d+ \(\S+\) is not in request \d+ of \S+ y"),
            ]
        );
        assert_eq!(made.left_out, [("d".to_owned(), "y".to_owned())]);
        cases.reverse();
        assert_eq!(draft(&cases), made, "the order of the cases makes no difference");
    }

    #[test]
    fn what_fires_in_some_runs_only_races() {
        let (lost, once) = (lost(ID), finding(Invariant::Once, "twice", ""));
        let cases = [
            failed("sometimes", "x", vec![vec![&lost], vec![]]),
            failed("more", "x", vec![vec![&lost, &once], vec![&lost]]),
            failed("always", "x", vec![vec![&lost], vec![&lost]]),
        ];
        let made = draft(&cases);
        let mut told: Vec<_> = made.gaps.iter().map(|g| (&*g.scenario, g.races, g.invariants.len())).collect();
        told.sort();
        assert_eq!(told, [("always", false, 1), ("more", true, 2), ("sometimes", true, 1)]);
    }

    #[test]
    fn a_pattern_holds_for_what_it_was_drafted_from_or_there_is_none() {
        let hostile = "a\u{1b}[31m\u{202e}.*{}()[]\\^$|+?\n\t'''\"\"\" /etc/passwd 12345678-1234";
        let mut findings: Vec<Finding> = (0..20).map(|n| finding(Invariant::Durable, &"x".repeat(n + 1), "")).collect();
        findings.push(finding(Invariant::Protocol, hostile, ""));
        let made = draft(&[failed("a", "x", vec![findings.iter().collect()])]);
        let gap = made.gaps.first().expect("one");
        let text = gap.text.as_deref().expect("that of `protocol` holds");
        assert!(text_matches(gap, &findings.iter().collect::<Vec<_>>()) && !text.contains(char::is_control), "{text}");
        let many: Vec<Finding> = findings.into_iter().take(20).collect();
        let made = draft(&[failed("a", "x", vec![many.iter().collect()])]);
        assert_eq!(made.gaps.first().map(|gap| gap.text.clone()), Some(None));
    }

    #[test]
    fn a_draft_with_reasons_is_a_baseline_that_covers_each_case_once() {
        let one = lost(ID);
        let names: Vec<String> = (0..300).map(|n| format!("family/a-scenario-{n}")).collect();
        let odd = ["{home}", "a,b", "node {x} *", "}"];
        let all: Vec<&str> = names.iter().map(String::as_str).chain(odd).collect();
        let cases: Vec<_> = all.iter().map(|name| failed(name, "x{1}", vec![vec![&one]])).collect();
        let mut made = draft(&cases);
        made.gaps.iter_mut().for_each(|gap| gap.reason = "because".to_owned());
        let text = crate::scenario::baseline_text(&made.gaps);
        let read = Baseline::parse("draft", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        for name in names.iter().map(String::as_str).chain(odd) {
            assert!(read.gaps.iter().any(|gap| gap.covers(name, "x{1}")), "{name} in\n{text}");
        }
        for name in &names {
            assert_eq!(read.gaps.iter().filter(|gap| gap.covers(name, "x{1}")).count(), 1, "{name}");
        }
    }
}
