//! The explanation of a case that needs attention: what was promised, what came, when, and how to see it again.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use super::{Case, neutral, word};
use crate::check::{Finding, Invariant, Outcome};
use crate::journal::{Item, Kind, ModelRequest, Run, Seq, Step};
use crate::verdict::Verdict;

/// Most findings that are shown; the JSON report has all of them.
const SHOWN: usize = 8;
/// Most items of a request that are shown, the last ones.
const ITEMS: usize = 20;
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
    let mut telling = Telling::of(case.run.as_ref());
    for finding in findings.iter().take(SHOWN) {
        telling.finding(&mut out, finding);
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

/// What has been told so far, so that nothing is told twice.
struct Telling<'a> {
    run: Option<&'a Run>,
    /// The run's directory as the target knew it. It is long, it is in every path, and its end is what matters.
    root: Option<String>,
    promised: Option<Invariant>,
    shown: HashSet<u32>,
}

impl<'a> Telling<'a> {
    fn of(run: Option<&'a Run>) -> Telling<'a> {
        let lives = run.map(|run| run.events.as_slice()).unwrap_or_default().iter();
        let mut roots = lives.filter_map(|event| match &event.kind {
            Kind::Life(life) => Some(Path::new(&life.process_cwd).parent()?.to_str()?.to_owned()),
            _ => None,
        });
        let root = roots.find(|root| root.len() > 1);
        Telling { run, root, promised: None, shown: HashSet::new() }
    }

    /// Data of the target: on one line, harmless, and with `{run}` for the run's directory.
    fn quote(&self, text: &str, chars: usize) -> String {
        match &self.root {
            Some(root) => neutral(&text.replace(root, "{run}"), chars),
            None => neutral(text, chars),
        }
    }

    fn finding(&mut self, out: &mut String, finding: &Finding) {
        let _ = writeln!(out, "  {}: {}", finding.invariant, self.quote(&finding.text, 2 * QUOTE));
        if self.promised.replace(finding.invariant) != Some(finding.invariant) {
            let _ = writeln!(out, "    promise   {}", finding.invariant.promise());
        }
        let _ = writeln!(out, "    when      {}", self.moment(finding));
        let _ = writeln!(out, "    expected  {}", self.quote(&finding.expected, 2 * QUOTE));
        let got = if finding.got.trim().is_empty() { "nothing" } else { &finding.got };
        let _ = writeln!(out, "    got       {}", self.quote(got, 2 * QUOTE));
        if shows_in_a_request(finding.invariant)
            && let Some(request) = self.run.and_then(|run| request_of(run, finding))
        {
            self.request(out, request);
        }
    }

    fn request(&mut self, out: &mut String, request: &ModelRequest) {
        if !self.shown.insert(request.n) {
            let _ = writeln!(out, "    the model received request {} of the run, shown above", request.n);
            return;
        }
        let _ = writeln!(out, "    the model received, in request {} of the run:", request.n);
        let skipped = request.items.len().saturating_sub(ITEMS);
        if skipped > 0 {
            let _ = writeln!(out, "      … {skipped} earlier items");
        }
        for item in request.items.iter().skip(skipped) {
            let _ = writeln!(out, "      {}", self.line_of(item));
        }
    }

    /// `life 2, step 3 (reply, line 14)`. A finding of no call belongs to the step during which it showed.
    fn moment(&self, finding: &Finding) -> String {
        let mut text = format!("life {}", finding.incarnation);
        let first = finding.evidence.first().copied().unwrap_or_default();
        let events = self.run.map(|run| run.events.as_slice()).unwrap_or_default().iter().rev();
        let mut steps = events.filter_map(|event| match &event.kind {
            Kind::Step(step) => Some((event.seq, step)),
            _ => None,
        });
        let its = |(seq, step): &(Seq, &Step)| finding.step.map_or(*seq <= first, |n| step.n == n);
        if let Some((_, step)) = steps.find(its) {
            let _ = write!(text, ", step {} ({}, line {})", step.n, step.what, step.line);
        }
        text
    }

    fn line_of(&self, item: &Item) -> String {
        let who = item.role.as_deref().unwrap_or(&item.kind);
        self.quote(&format!("{who:9} {}", item.preview), QUOTE + 16)
    }
}

/// Whether what the model received tells a reader more about it; files, settings and frames do not show there.
fn shows_in_a_request(invariant: Invariant) -> bool {
    use Invariant as I;
    matches!(
        invariant,
        I::Rehydrates
            | I::Durable
            | I::Ordered
            | I::Once
            | I::NothingInvented
            | I::Isolated
            | I::Paired
            | I::Cwd
            | I::Honest
            | I::StaleId
            | I::UnknownId
    )
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

#[cfg(test)]
mod tests {
    use super::*;
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
            event(1, Kind::Life(Life { from: Vec::new(), process_cwd })),
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
        insta::assert_snapshot!(explain(&case).expect("a failure is explained"));
    }
}
