//! One run, all outcomes, one verdict.

use super::known::{Known, compare};
use crate::check::{Finding, Invariant, Outcome};
use crate::journal::{AnswerOutcome, CallKind, Kind, Run, Seq, TargetKind, Unexpected};
use crate::scenario::Baseline;

/// What came out of one scenario on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was broken, and what the scenario proves was looked at.
    Pass,
    /// A promise was broken, or the story went otherwise than the scenario demands.
    Fail {
        /// What and, where a baseline almost covers it, why that does not.
        reason: String,
    },
    /// It fails exactly as the baseline says.
    Gap {
        /// The baseline's reason.
        reason: String,
        /// The issues and pull requests that the baseline names.
        refs: Vec<String>,
    },
    /// The baseline lists something that no longer fires.
    Fixed {
        /// What, and where it is listed.
        reason: String,
    },
    /// All that the scenario proves cannot apply to this target.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// The harness failed, or there was nothing to judge.
    Error {
        /// What to do about it.
        text: String,
    },
}

/// The exit code of a run of many: 3 if any is an error, else 1 if any is a failure or a stale baseline, else 0.
pub fn exit_code(verdicts: &[&Verdict]) -> u8 {
    let code = |verdict: &&Verdict| match verdict {
        Verdict::Error { .. } => 3,
        Verdict::Fail { .. } | Verdict::Fixed { .. } => 1,
        Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. } => 0,
    };
    verdicts.iter().map(code).max().unwrap_or(0)
}

/// The verdict on a run from what the checks said of it.
pub fn judge(run: &Run, outcomes: &[(Invariant, Outcome)], baseline: &Baseline) -> Verdict {
    let errors: Vec<String> = elsewhere(run).into_iter().chain(run.incomplete()).collect();
    if !errors.is_empty() {
        return Verdict::Error { text: errors.join("\n") };
    }
    let proves = match proved(run, outcomes) {
        Ok(proves) => proves,
        Err(text) => return Verdict::Error { text },
    };
    let of_target = outcomes.iter().filter(|(invariant, _)| *invariant != Invariant::Reached);
    let findings: Vec<&Finding> = of_target.flat_map(|(_, outcome)| outcome.findings()).collect();
    if findings.is_empty()
        && let Some(reason) = unsupported(&proves)
    {
        return Verdict::Unsupported { reason };
    }
    if let Some(text) = not_reached(outcomes) {
        return Verdict::Error { text };
    }
    let unmet = unmet(run, &findings);
    // The end of the story is the latest call that an unjudged promise can be about: any finding of a call is earlier.
    // A life that did not open is earlier too: its calls could not be sent.
    let explains = |finding: &&Finding| finding.call.is_some() || finding.invariant == Invariant::Responsive;
    let explained = !unmet.is_empty() || findings.iter().any(explains);
    if !explained && let Some(text) = unjudged(&proves) {
        return Verdict::Error { text };
    }
    let (scenario, target) = (&run.header.scenario.name, &run.header.target.name);
    match compare(baseline, scenario, target, &findings) {
        Known::Nothing if unmet.is_empty() => Verdict::Pass,
        Known::Gap { reason, refs } if unmet.is_empty() => Verdict::Gap { reason, refs },
        Known::Fixed(reason) if unmet.is_empty() => Verdict::Fixed { reason },
        Known::Nothing | Known::Gap { .. } => Verdict::Fail { reason: unmet.join("\n") },
        Known::Fixed(text) | Known::Other(text) => Verdict::Fail { reason: lines(text, unmet) },
    }
}

fn lines(first: String, others: Vec<String>) -> String {
    std::iter::once(first).chain(others).collect::<Vec<_>>().join("\n")
}

/// No prompt of the target reaches the stub: it answers, but not with what the stub says, or all that a foreign server
/// says is errors.
fn elsewhere(run: &Run) -> Option<String> {
    let kinds = || run.events.iter().map(|event| &event.kind);
    if kinds().any(|kind| matches!(kind, Kind::ModelRequest(_))) {
        return None;
    }
    let replied = |kind: &Kind| matches!(kind, Kind::Answer(answer) if answer.outcome == AnswerOutcome::Reply);
    let what = match kinds().any(replied) {
        true => "the target answers, but".to_owned(),
        false => format!("the target's first answer is an error ({}), and", first_error(run)?),
    };
    let foreign = run.header.target.kind == TargetKind::Foreign;
    let own = if foreign {
        ", or give it that address in its profile, as in `env = { OPENAI_BASE_URL = \"{stub}/v1\" }`"
    } else {
        ""
    };
    let mut hosts: Vec<&str> = kinds()
        .filter_map(|kind| match kind {
            Kind::Egress(egress) => egress.host.as_deref(),
            _ => None,
        })
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    let asked = if hosts.is_empty() { String::new() } else { format!("; it asks for {}", hosts.join(", ")) };
    Some(format!(
        "{what} its model traffic does not come to {{stub}}{asked}; let it use the provider that \
         $CODEX_HOME/config.toml names{own}"
    ))
}

/// The error with which a foreign server answers the call that begins a conversation, where no call begins one.
fn first_error(run: &Run) -> Option<String> {
    let kinds = || run.events.iter().map(|event| &event.kind);
    let start = kinds().find_map(|kind| match kind {
        Kind::Call(call) if call.kind == CallKind::Start => Some(call.call),
        _ => None,
    })?;
    let text = kinds().find_map(|kind| match kind {
        Kind::Answer(answer) if answer.call == start => match answer.outcome {
            AnswerOutcome::ToolError | AnswerOutcome::RpcError => Some(&answer.text),
            _ => None,
        },
        _ => None,
    })?;
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (run.header.target.kind == TargetKind::Foreign).then(|| text.chars().take(200).collect())
}

/// What the scenario proves, with what was said of each.
fn proved<'o>(run: &Run, outcomes: &'o [(Invariant, Outcome)]) -> Result<Vec<(Invariant, &'o Outcome)>, String> {
    let find = |name: &String| {
        let found = outcomes.iter().find(|(invariant, _)| invariant.name() == name);
        let found = found.map(|(invariant, outcome)| (*invariant, outcome));
        found.ok_or_else(|| {
            format!("the journal is to prove `{name}`, which this build does not judge; use a newer one")
        })
    };
    run.header.scenario.proves.iter().map(find).collect()
}

fn unsupported(proves: &[(Invariant, &Outcome)]) -> Option<String> {
    let mut reasons = Vec::new();
    for (invariant, outcome) in proves {
        let Outcome::NotApplicable(reason) = outcome else { return None };
        reasons.push(format!("{invariant}: {reason}"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn not_reached(outcomes: &[(Invariant, Outcome)]) -> Option<String> {
    let reached = outcomes.iter().filter(|(invariant, _)| *invariant == Invariant::Reached);
    let texts: Vec<&str> = reached.flat_map(|(_, o)| o.findings()).map(|f| f.text.as_str()).collect();
    (!texts.is_empty()).then(|| format!("{}; give it a trigger that comes on this target", texts.join("; ")))
}

fn unjudged(proves: &[(Invariant, &Outcome)]) -> Option<String> {
    let text = |(invariant, outcome): &(Invariant, &Outcome)| match outcome {
        Outcome::Unjudged(reason) => Some(format!("{invariant} is to be proved and could not be judged: {reason}")),
        _ => None,
    };
    let texts: Vec<String> = proves.iter().filter_map(text).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Expectations of the scenario that were not met and that no finding of the same or an earlier call explains.
fn unmet(run: &Run, findings: &[&Finding]) -> Vec<String> {
    let told = run.events.iter().filter_map(|event| match &event.kind {
        Kind::Unexpected(unexpected) => Some((event.seq, unexpected)),
        _ => None,
    });
    let explained = |(seq, unexpected): &(Seq, &Unexpected)| {
        findings.iter().any(|finding| finding.is_no_later_than(Some(unexpected.call), *seq))
    };
    let step_of = |unexpected: &Unexpected| {
        let mut calls = run.events.iter().filter_map(|event| match &event.kind {
            Kind::Call(call) if call.call == unexpected.call => Some(call.step),
            _ => None,
        });
        calls.next_back().map_or_else(|| format!("call {}", unexpected.call), |step| format!("step {step}"))
    };
    told.filter(|told| !explained(told))
        .map(|(_, u)| {
            // What a target says may have any shape; a reason has one line for each thing.
            let got = u.got.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}: the scenario expects {}, and got {got}", step_of(u), u.expected)
        })
        .collect()
}
