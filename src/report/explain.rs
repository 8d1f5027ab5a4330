//! The explanation of a case that needs attention: what was promised, what came, when, and how to see it again.

use std::fmt::Write as _;

use super::{Case, neutral, word};
use crate::check::{Finding, Outcome};
use crate::journal::{Item, Kind, ModelRequest, Run};
use crate::verdict::Verdict;

/// Most findings and most items of a request that are shown; the JSON report has all of them.
const SHOWN: usize = 8;
/// Width of a quotation from a target.
const QUOTE: usize = 76;

/// What a person needs to know of a case that failed, was fixed, or could not be judged; `None` for the others.
pub fn explain(case: &Case) -> Option<String> {
    let mut out = String::new();
    let _ = writeln!(out, "{} {} on {}", word(&case.verdict), case.scenario, case.target);
    match &case.verdict {
        Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. } => return None,
        Verdict::Fail { reason } | Verdict::Fixed { reason } => reason_line(&mut out, reason),
        Verdict::Error { text } => reason_line(&mut out, text),
    }
    let findings: Vec<_> = case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings()).collect();
    for finding in findings.iter().take(SHOWN) {
        describe(&mut out, finding, case.run.as_ref());
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more findings: see --json", findings.len() - SHOWN);
    }
    unjudged(&mut out, case, findings.is_empty());
    if let Some(dir) = &case.dir {
        let _ = writeln!(out, "  run          {}", dir.display());
    }
    if !case.judge_again.is_empty() {
        let _ = writeln!(out, "  judge again  {}", case.judge_again);
    }
    if !case.again.is_empty() {
        let _ = writeln!(out, "  play again   {}", case.again);
    }
    Some(out)
}

/// What the scenario proves and nothing was there to judge by: each with its reason where no finding explains it.
fn unjudged(out: &mut String, case: &Case, with_reasons: bool) {
    let Some(run) = &case.run else { return };
    let proves = |name: &str| run.header.scenario.proves.iter().any(|proved| proved == name);
    let mut names = Vec::new();
    for (invariant, outcome) in &case.outcomes {
        if let Outcome::Unjudged(reason) = outcome
            && proves(invariant.name())
        {
            names.push(invariant.name());
            if with_reasons {
                let _ = writeln!(out, "  {invariant}: nothing to judge, {reason}");
            }
        }
    }
    if !with_reasons && !names.is_empty() {
        let _ = writeln!(out, "  not to be judged after that: {}", names.join(", "));
    }
}

fn reason_line(out: &mut String, reason: &str) {
    for line in reason.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(out, "  {}", neutral(line, 2 * QUOTE));
    }
}

fn describe(out: &mut String, finding: &Finding, run: Option<&Run>) {
    let _ = writeln!(out, "  {}: {}", finding.invariant, neutral(&finding.text, 2 * QUOTE));
    let _ = writeln!(out, "    when      {}", moment(finding, run));
    let _ = writeln!(out, "    expected  {}", neutral(&finding.expected, 2 * QUOTE));
    let _ = writeln!(out, "    got       {}", neutral(&finding.got, 2 * QUOTE));
    let Some(request) = run.and_then(|run| request_of(run, finding)) else { return };
    let _ = writeln!(out, "    the model received, in its request {} of the run:", request.n);
    let skipped = request.items.len().saturating_sub(SHOWN);
    if skipped > 0 {
        let _ = writeln!(out, "      … {skipped} earlier items");
    }
    for item in request.items.iter().skip(skipped) {
        let _ = writeln!(out, "      {}", line_of(item));
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

fn line_of(item: &Item) -> String {
    let who = item.role.as_deref().unwrap_or(&item.kind);
    let tag = item.context.as_deref().map(|tag| format!("<{tag}> ")).unwrap_or_default();
    neutral(&format!("{who:9} {tag}{}", item.preview), QUOTE + 16)
}
