//! The results as JSON, for machines. What a target said stands in it as it was, and acts on nothing that shows it.

use serde_json::{Value, json};

use super::{Case, word};
use crate::check::{Finding, Outcome};
use crate::neutral;
use crate::verdict::Verdict;

/// Version of the shape below; raised when a field changes its meaning or goes.
const SHAPE: u32 = 1;

/// `{ "shape": 1, "rehydra": "…", "elapsed_ms": …, "cases": [ { "scenario", "target", "verdict", "reason", "refs": […], "checks": [ {
/// "invariant", "outcome", "reason", "findings": […] } ], "run", "took_ms" } ] }`.
pub fn summary(cases: &[Case], elapsed_ms: u64) -> String {
    let cases: Vec<_> = cases.iter().map(case).collect();
    let all = json!({
        "shape": SHAPE,
        "rehydra": env!("CARGO_PKG_VERSION"),
        "elapsed_ms": elapsed_ms,
        "cases": cases,
    });
    neutral::json(&format!("{all:#}"))
}

fn case(case: &Case) -> Value {
    let checks = case.outcomes.iter().map(|(invariant, outcome)| {
        let (word, reason, findings) = match outcome {
            Outcome::Held => ("held", None, Vec::new()),
            Outcome::Findings(findings) => ("findings", None, findings.iter().map(finding).collect()),
            Outcome::Unjudged(reason) => ("unjudged", Some(reason.clone()), Vec::new()),
            Outcome::NotApplicable(reason) => ("n/a", Some((*reason).to_owned()), Vec::new()),
        };
        json!({ "invariant": invariant.name(), "outcome": word, "reason": reason, "findings": findings })
    });
    let checks: Vec<_> = checks.collect();
    let reason = match &case.verdict {
        Verdict::Pass => None,
        Verdict::Fail { reason } | Verdict::Fixed { reason } | Verdict::Gap { reason, .. } => Some(reason),
        Verdict::Unsupported { reason } => Some(reason),
        Verdict::Error { text } => Some(text),
    };
    let refs = match &case.verdict {
        Verdict::Gap { refs, .. } => refs.as_slice(),
        _ => [].as_slice(),
    };
    json!({
        "scenario": case.scenario,
        "target": case.target,
        "verdict": word(&case.verdict).to_lowercase(),
        "reason": reason,
        "refs": refs,
        "checks": checks,
        "run": case.dir,
        "took_ms": case.took_ms,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "text": finding.text,
        "expected": finding.expected,
        "got": finding.got,
        "life": finding.incarnation,
        "step": finding.step,
        "call": finding.call,
        "evidence": finding.evidence,
    })
}
