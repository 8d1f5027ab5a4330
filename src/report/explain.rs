//! The explanation of a case that needs attention: what was promised, what came, when, and how to see it again.
//!
//! A target that cannot be used fails every scenario in the same words, and a server that prints on stdout breaks the same
//! promise with every line: what is the same is said once, and counted.

use std::fmt::Write as _;

use super::page::{headline, wrapped};
use super::{Case, neutral};
use crate::check::{Finding, Outcome};
use crate::journal::{Item, Kind, ModelRequest, Run};
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
    for (finding, times) in findings.iter().take(SHOWN) {
        describe(&mut out, finding, *times, case.run.as_ref(), columns);
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

fn describe(out: &mut String, finding: &Finding, times: usize, run: Option<&Run>, columns: usize) {
    let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
    let text = format!("{}: {}{times}", finding.invariant, neutral(&finding.text, QUOTE));
    out.push_str(&wrapped("  ", &text, columns));
    for (name, text) in [("when", &moment(finding, run)), ("expected", &finding.expected), ("got", &finding.got)] {
        out.push_str(&wrapped(&format!("    {name:8}  "), &neutral(text, QUOTE), columns));
    }
    let Some(request) = run.and_then(|run| request_of(run, finding)) else { return };
    let _ = writeln!(out, "    the model received, in its request {} of the run:", request.n);
    let skipped = request.items.len().saturating_sub(SHOWN);
    if skipped > 0 {
        let _ = writeln!(out, "      … {skipped} earlier items");
    }
    for item in request.items.iter().skip(skipped) {
        let _ = writeln!(out, "      {}", line_of(item, columns.saturating_sub(7)));
    }
}

/// `life 2, step 3 (reply, line 14)`.
fn moment(finding: &Finding, run: Option<&Run>) -> String {
    let mut text = format!("life {}", finding.incarnation);
    let steps = run.map(|run| run.events.as_slice()).unwrap_or_default().iter();
    let mut steps = steps.filter_map(|event| match &event.kind {
        Kind::Step(step) => Some(step),
        _ => None,
    });
    if let Some(step) = finding.step.and_then(|n| steps.find(|step| step.n == n)) {
        let _ = write!(text, ", step {} ({}, line {})", step.n, step.what, step.line);
    }
    text
}

/// The last request that a finding points to, or that belongs to its call.
fn request_of<'a>(run: &'a Run, finding: &Finding) -> Option<&'a ModelRequest> {
    let requests = run.events.iter().rev().filter_map(|event| match &event.kind {
        Kind::ModelRequest(request) => Some((event.seq, request)),
        _ => None,
    });
    let mut named = requests.clone().filter(|(seq, _)| finding.evidence.contains(seq));
    let mut of_call = requests.filter(|(_, r)| finding.call.is_some() && r.call == finding.call);
    named.next().or_else(|| of_call.next()).map(|(_, request)| request)
}

fn line_of(item: &Item, columns: usize) -> String {
    let who = item.role.as_deref().unwrap_or(&item.kind);
    let tag = item.context.as_deref().map(|tag| format!("<{tag}> ")).unwrap_or_default();
    neutral(&format!("{who:9} {tag}{}", item.preview), columns)
}
