//! The explanation of a case that needs attention: what was promised, what came, when, and how to see it again.
//!
//! A server that keeps threads in memory only fails every scenario in the same way, and one that prints on stdout breaks
//! the same promise with every line: what is the same is said once, and counted. The JSON report and the runs' directories
//! have all of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::alike::Likeness;
use super::last_words::last_words;
use super::page::{headline, wrapped};
use super::telling::Telling;
use super::{Case, neutral};
use crate::check::{Finding, Outcome};
use crate::journal::Kind;
use crate::verdict::Verdict;

/// Most findings, items of a request and names of scenarios that are shown; the JSON report has all of them.
const SHOWN: usize = 8;
/// Longest quotation from a target.
const QUOTE: usize = 300;

/// How the text of an error begins that stands for a scenario which was not played, because its target cannot be used.
pub const NOT_PLAYED: &str = "not played: ";

/// What a person needs to know of the cases that failed, were fixed, or could not be judged. Cases of one target that are
/// alike are one text: the first of them in full, the others by name.
pub fn explanations<'a>(cases: impl IntoIterator<Item = &'a Case>, columns: usize) -> Vec<String> {
    let mut groups: Vec<(Likeness<'_>, Vec<&Case>)> = Vec::new();
    for case in cases {
        let Some(likeness) = Likeness::of(case) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == likeness) {
            // What was played has more to tell than what was not.
            Some((_, alike)) if case.run.is_some() && alike.first().is_some_and(|first| first.run.is_none()) => {
                alike.insert(0, case);
            }
            Some((_, alike)) => alike.push(case),
            None => groups.push((likeness, vec![case])),
        }
    }
    groups.iter().filter_map(|(_, alike)| explain(alike, columns)).collect()
}

/// `alike` are one case, or several with the same explanation.
fn explain(alike: &[&Case], columns: usize) -> Option<String> {
    let (case, others) = alike.split_first()?;
    let mut out = headline(case) + "\n";
    match &case.verdict {
        Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. } => return None,
        Verdict::Fail { reason } | Verdict::Fixed { reason } => reason_lines(&mut out, reason, columns),
        Verdict::Error { text } => reason_lines(&mut out, text, columns),
    }
    let mut findings: Vec<(&Finding, usize)> = Vec::new();
    for finding in case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings()) {
        match findings.iter_mut().find(|(known, _)| same_finding(known, finding)) {
            Some((_, times)) => *times += 1,
            None => findings.push((finding, 1)),
        }
    }
    let mut telling = Telling::of(case.run.as_ref(), columns);
    for (finding, times) in findings.iter().take(SHOWN) {
        telling.finding(&mut out, finding, *times);
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more findings: see --json", findings.len() - SHOWN);
    }
    if matches!(case.verdict, Verdict::Fail { .. }) {
        unjudged(&mut out, case, columns);
    }
    if let Some((life, lines)) = last_words(case) {
        let _ = writeln!(out, "  on stderr of life {life}:");
        for line in lines {
            let _ = writeln!(out, "    {line}");
        }
    }
    let is_unplayed = |case: &&Case| matches!(&case.verdict, Verdict::Error { text } if text.starts_with(NOT_PLAYED));
    let (unplayed, played): (Vec<&Case>, Vec<&Case>) = others.iter().copied().partition(is_unplayed);
    for (head, cases) in [("  the same in  ", played), ("  not played   ", unplayed)] {
        if !cases.is_empty() {
            out.push_str(&wrapped(head, &named(&cases), columns));
        }
    }
    for (codex, starts) in launched(case) {
        let times = if starts == 1 { "once".to_owned() } else { format!("{starts} times") };
        let _ = writeln!(out, "  its codex    {}, started {times}", neutral(&codex, usize::MAX));
    }
    // Paths and commands stay on one line, so that they can be copied.
    if let Some(dir) = &case.dir {
        let _ = writeln!(out, "  run          {}", neutral(&dir.display().to_string(), usize::MAX));
    }
    for (name, command) in [("judge again", &case.judge_again), ("play again", &case.again)] {
        if !command.is_empty() {
            let _ = writeln!(out, "  {name:11}  {}", neutral(command, usize::MAX));
        }
    }
    Some(out)
}

/// The names of several scenarios.
fn named(cases: &[&Case]) -> String {
    let mut names: Vec<_> = cases.iter().map(|case| neutral(&case.scenario, QUOTE)).collect();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Each Codex that the target started, and how often.
fn launched(case: &Case) -> BTreeMap<String, usize> {
    let mut starts = BTreeMap::new();
    for event in case.run.iter().flat_map(|run| &run.events) {
        if let Kind::Launched(launched) = &event.kind {
            *starts.entry(format!("{} ({})", launched.version, launched.program)).or_default() += 1;
        }
    }
    starts
}

fn same_finding(one: &Finding, other: &Finding) -> bool {
    let said = |f: &Finding| (f.invariant, f.incarnation, f.step, f.call);
    said(one) == said(other) && (&one.text, &one.expected, &one.got) == (&other.text, &other.expected, &other.got)
}

/// What the scenario proves and could not be judged after what went wrong.
fn unjudged(out: &mut String, case: &Case, columns: usize) {
    let Some(run) = &case.run else { return };
    let proves = |name: &str| run.header.scenario.proves.iter().any(|proved| proved == name);
    let names = case.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Unjudged(_)));
    let names: Vec<&str> = names.map(|(invariant, _)| invariant.name()).filter(|name| proves(name)).collect();
    if !names.is_empty() {
        out.push_str(&wrapped("  not to be judged after that: ", &names.join(", "), columns));
    }
}

/// A reason line by line; what is indented in it stays so.
fn reason_lines(out: &mut String, reason: &str, columns: usize) {
    for line in reason.lines().filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        out.push_str(&wrapped(&" ".repeat(2 + indent), &neutral(line, 2 * QUOTE), columns));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::check::Invariant;
    use crate::journal::*;
    use crate::limits::Limits;

    const ROOT: &str = "/very/long/path/of/the/run";

    fn event(seq: Seq, kind: Kind) -> Event {
        Event { seq, at: 0, incarnation: 2, lane: Lane::Player, kind }
    }

    fn item(preview: &str) -> Item {
        let (kind, preview) = ("message".to_owned(), preview.to_owned());
        Item { role: Some("user".into()), kind, markers: Vec::new(), call_id: None, context: None, preview }
    }

    fn run() -> Run {
        let target = TargetProfile {
            name: "builtin".into(),
            kind: TargetKind::Builtin,
            dialect: Dialect::Mcp,
            level: Level::CodexCompatible,
            identity: Identity::New,
            command: Vec::new(),
            version: None,
            note: None,
            unknown_id_error: None,
            daemon: false,
            tools: crate::journal::Tools::default(),
            rollouts: true,
        };
        let proves = vec!["durable".to_owned(), "lean".to_owned()];
        let scenario = ScenarioHeader { name: "a".into(), title: "a".into(), source: String::new(), proves };
        let (rehydra, started) = (String::new(), String::new());
        let header = Header { format: FORMAT, rehydra, started, seed: 0, scenario, target, limits: Limits::default() };
        let request = ModelRequest {
            from: Vec::new(),
            n: 7,
            call: Some(2),
            of_turn: 1,
            items: vec![item(&format!("<cwd>{ROOT}/life-2</cwd>")), item("Which colour?")],
            cwd_told: None,
            credential_digest: None,
            refused: None,
            body: Body::Text(String::new()),
        };
        let process_cwd = format!("{ROOT}/life-2");
        let events = vec![
            event(1, Kind::Life(Life { from: Vec::new(), process_cwd, home: None, credentials: None, target: None })),
            event(2, Kind::Step(crate::journal::Step { n: 3, what: "reply".into(), line: 12 })),
            event(3, Kind::ModelRequest(request)),
        ];
        Run { header, events, blobs: BlobStore::new(Path::new("nowhere")), cut_short: false }
    }

    fn found(invariant: Invariant, call: Option<u32>) -> (Invariant, Outcome) {
        let finding = Finding {
            invariant,
            call,
            incarnation: 2,
            step: call.map(|_| 3),
            expected: format!("{ROOT}/project"),
            got: "\u{1b}[31mnothing".into(),
            text: "it is broken".into(),
            evidence: vec![3],
        };
        (invariant, Outcome::Findings(vec![finding]))
    }

    #[test]
    fn a_failure_is_told_with_its_promise_its_moment_and_what_the_model_received_once() {
        let unjudged = (Invariant::Lean, Outcome::Unjudged("no snapshot".into()));
        let case = Case {
            scenario: "a".into(),
            target: "builtin".into(),
            path: None,
            verdict: Verdict::Fail { reason: "broken: durable".into() },
            outcomes: vec![
                found(Invariant::Durable, Some(2)),
                found(Invariant::Cwd, Some(2)),
                found(Invariant::Protocol, None),
                unjudged,
            ],
            run: Some(run()),
            dir: Some("runs/1".into()),
            again: "rehydra run a".into(),
            judge_again: "rehydra replay runs/1".into(),
            took_ms: 1,
        };
        insta::assert_snapshot!(explanations(&[case], 100).concat());
    }
}
