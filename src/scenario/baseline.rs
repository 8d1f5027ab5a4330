//! Baselines: what a suite is known to find.
//!
//! A [`Gap`] says that a scenario on a target fails in a known way, and why that is accepted. An entry that gives no
//! reason is refused, because nobody could ever judge whether it is still right. Whether a run fails exactly as its gap
//! says is judged elsewhere; here stands what the file says, with the same diagnostics as for scenarios.

use super::diagnostic::Diagnostics;
use super::grammar::{Form, Shape, TableShape, Text, invariants, line, optional, pattern, required};
use super::parse;
use crate::check::Invariant;
use crate::glob;
use crate::limits::{SCENARIO_LINE_CHARS, SCENARIO_LIST};

/// What a suite is known to find.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// In the order of the file.
    pub gaps: Vec<Gap>,
    /// The text that it was read from: what a run keeps, to be judged by it again.
    pub source: String,
}

/// A known failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Line of its `[[gap]]`, from 1.
    pub line: u32,
    /// The scenario's name; `*` stands for any text, `/` included, and `{a,b}` for `a` or `b`.
    pub scenario: String,
    /// The target as reports call it; `*` stands for any text, and `{a,b}` for `a` or `b`.
    pub target: String,
    /// The invariants that fire, all of them and no other. At least one.
    pub invariants: Vec<Invariant>,
    /// Regular expression on the text of the findings.
    pub text: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Issues and pull requests about it.
    pub refs: Vec<String>,
    /// The invariants may fire or not.
    pub races: bool,
}

impl Gap {
    /// Whether it is about that scenario on that target.
    pub fn covers(&self, scenario: &str, target: &str) -> bool {
        glob::matches(&self.scenario, scenario) && glob::matches(&self.target, target)
    }

    /// Whether each of the scenarios that it is about stands for one of these.
    pub fn is_about<S: AsRef<str>>(&self, scenarios: &[S]) -> bool {
        let one = |pattern: &String| scenarios.iter().any(|name| glob::matches(pattern, name.as_ref()));
        glob::alternatives(&self.scenario).is_some_and(|patterns| patterns.iter().all(one))
    }

    /// The targets that it is about, each with or without `*`.
    pub fn targets(&self) -> Vec<String> {
        glob::alternatives(&self.target).unwrap_or_default()
    }
}

impl Baseline {
    /// Reads a baseline; `origin` is what the diagnostics call it. An empty text is an empty baseline.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the source.
    pub fn parse(origin: &str, source: &str) -> Result<Baseline, Diagnostics> {
        parse::read(origin, source, &FILE, |file, lines, findings| {
            let mut gaps: Vec<Gap> = Vec::new();
            for view in file.views("gap") {
                let gap = Gap {
                    line: lines.of(view.span().start),
                    scenario: view.text("scenario").unwrap_or_default(),
                    target: view.text("target").unwrap_or_default(),
                    invariants: view.texts("invariants").iter().filter_map(|name| name.parse().ok()).collect(),
                    text: view.text("text"),
                    reason: view.text("reason").unwrap_or_default(),
                    refs: view.texts("refs"),
                    races: view.flag("races").unwrap_or(false),
                };
                if view.has("reason") && !gap.reason.is_empty() && gap.reason.trim().is_empty() {
                    let message = "`reason` is blank".to_owned();
                    findings.add(view.value_span("reason"), message, "no reason", "say why the gap is accepted");
                }
                for (key, pattern) in [("scenario", &gap.scenario), ("target", &gap.target)] {
                    if glob::alternatives(pattern).is_none() {
                        let message = format!("`{key}` stands for more than {} names", glob::ALTERNATIVES);
                        findings.add(view.value_span(key), message, "too many braces", "make two entries of it");
                    }
                }
                let same = |other: &&Gap| other.scenario == gap.scenario && other.target == gap.target;
                if let Some(other) = gaps.iter().find(same).filter(|_| view.has("scenario") && view.has("target")) {
                    let message = format!("the gap in line {} is about the same scenario and target", other.line);
                    findings.add(view.value_span("scenario"), message, "a second time", "make one entry of the two");
                }
                gaps.push(gap);
            }
            Baseline { gaps, source: source.to_owned() }
        })
    }
}

const REASON: Shape = Shape::Text(Text { min: 1, max: 4_000, form: Form::Plain });

static FILE: TableShape = TableShape {
    id: "baseline",
    name: "the baseline",
    doc: "What a suite is known to find.",
    choice: None,
    refused: &[],
    keys: &[optional(
        "gap",
        Shape::List { of: &Shape::Table(&GAP), min: 0, max: SCENARIO_LIST, unique: false },
        "A known failure.",
    )],
};

static GAP: TableShape = TableShape {
    id: "gap",
    name: "`[[gap]]`",
    doc: "A known failure: it holds only if exactly its invariants fire and its text matches.",
    choice: None,
    refused: &[],
    keys: &[
        required(
            "scenario",
            line(SCENARIO_LINE_CHARS),
            "scenario = \"idle/*\"",
            "Name of the scenario; `*` is any text, `{a,b}` is `a` or `b`.",
        ),
        required(
            "target",
            line(SCENARIO_LINE_CHARS),
            "target = \"codex@0.153.4\"",
            "The target; `*` is any text, `{a,b}` is `a` or `b`.",
        ),
        required(
            "invariants",
            Shape::List { of: &Shape::Word(invariants), min: 1, max: SCENARIO_LIST, unique: true },
            "invariants = [\"rehydrates\"]",
            "The invariants that fire, all of them and no other.",
        ),
        optional("text", pattern(), "Regular expression on the text of the findings."),
        required("reason", REASON, "reason = \"why it is accepted\"", "Why it is accepted."),
        optional(
            "refs",
            Shape::List { of: &line(SCENARIO_LINE_CHARS), min: 0, max: SCENARIO_LIST, unique: true },
            "Issues and pull requests about it.",
        ),
        optional("races", Shape::Flag, "The invariants may fire or not."),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: &str = "[[gap]]\nscenario = \"idle/*\"\ntarget = \"codex@0.153.4\"\ninvariants = [\"rehydrates\"]\n";

    #[test]
    fn a_gap_covers_what_its_stars_cover() {
        let source = format!("# known\n{GAP}reason = \"because\"\nraces = true\n");
        let baseline = Baseline::parse("b.toml", &source).unwrap_or_else(|e| panic!("{e}"));
        let gap = baseline.gaps.first().expect("one gap");
        assert_eq!((gap.line, gap.races, gap.invariants.as_slice()), (2, true, [Invariant::Rehydrates].as_slice()));
        assert!(gap.covers("idle/kill-9", "codex@0.153.4"));
        assert!(!gap.covers("turn/kill", "codex@0.153.4") && !gap.covers("idle/kill-9", "codex@0.153x4"));
        let gap = Gap { scenario: "{idle,turn}/*".into(), target: "codex@{1,2}".into(), ..gap.clone() };
        assert!(gap.is_about(&["idle/kill-9", "turn/eof"]) && !gap.is_about(&["idle/kill-9", "disk/eof"]));
        assert_eq!(gap.targets(), ["codex@1", "codex@2"]);
    }

    #[test]
    fn an_empty_file_is_an_empty_baseline() {
        assert_eq!(Baseline::parse("b.toml", ""), Ok(Baseline::default()));
    }

    #[test]
    fn a_gap_without_a_reason_is_refused() {
        for (reason, said) in
            [("", "has no `reason`"), ("reason = \"\"", "is empty"), ("reason = \" \\t\"", "is blank")]
        {
            let wrong = Baseline::parse("b.toml", &format!("{GAP}{reason}\n")).expect_err("no reason");
            assert!(wrong.to_string().contains(said), "{wrong}");
        }
    }

    #[test]
    fn braces_that_stand_for_too_much_are_refused() {
        let gap = format!("{GAP}reason = \"because\"\n").replace("idle/*", &"{a,b}".repeat(10));
        let wrong = Baseline::parse("b.toml", &gap).expect_err("too many");
        assert!(wrong.to_string().contains("`scenario` stands for more than 100 names"), "{wrong}");
    }

    #[test]
    fn the_same_gap_twice_is_refused() {
        let gap = format!("{GAP}reason = \"because\"\n");
        let wrong = Baseline::parse("b.toml", &format!("{gap}{gap}")).expect_err("twice");
        assert!(wrong.to_string().contains("the gap in line 1"), "{wrong}");
    }
}
