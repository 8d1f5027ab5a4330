//! The explanation of a case that needs attention: what was promised, what came, when, and how to see it again.
//!
//! A target that cannot be used fails every scenario in the same words, and a server that prints on stdout breaks the same
//! promise with every line: what is the same is said once, and counted.

use std::fmt::Write as _;

use super::page::{headline, wrapped};
use super::telling::Telling;
use super::{Case, neutral};
use crate::check::{Finding, Outcome};
use crate::verdict::Verdict;

/// Most findings, items of a request and names of scenarios that are shown; the JSON report has all of them.
const SHOWN: usize = 8;
/// Longest quotation from a target.
const QUOTE: usize = 300;

/// What a person needs to know of the cases that failed, were fixed, or could not be judged. Errors of one target in the
/// same words are one text.
pub fn explanations(cases: &[Case], columns: usize) -> Vec<String> {
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    for case in cases {
        let same = |group: &&mut Vec<&Case>| group.first().is_some_and(|first| same_error(first, case));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    groups.iter().filter_map(|group| explain(group, columns)).collect()
}

fn same_error(one: &Case, other: &Case) -> bool {
    match (&one.verdict, &other.verdict) {
        (Verdict::Error { text: a }, Verdict::Error { text: b }) => one.target == other.target && bare(a) == bare(b),
        _ => false,
    }
}

/// An error's text without the step in front of it.
fn bare(text: &str) -> &str {
    let rest = text.strip_prefix("step ").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text)
}

/// `alike` are one case, or several with the same error.
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
    if !others.is_empty() {
        let names: Vec<_> = others.iter().take(SHOWN).map(|other| neutral(&other.scenario, QUOTE)).collect();
        let more = others.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.push_str(&wrapped("  the same in  ", &format!("{}{more}", names.join(", ")), columns));
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
            event(1, Kind::Life(Life { from: Vec::new(), process_cwd, home: None, credentials: None })),
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
