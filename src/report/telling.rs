//! One finding after another, told so that nothing is told twice.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use super::neutral;
use super::page::wrapped;
use crate::check::{Finding, Invariant};
use crate::journal::{Item, Kind, ModelRequest, Run, Seq, Step};

/// Most items of a request that are shown, the last ones.
const ITEMS: usize = 20;
/// Longest quotation from a target.
const QUOTE: usize = 300;

/// What has been told so far, so that nothing is told twice.
pub(super) struct Telling<'a> {
    run: Option<&'a Run>,
    /// The run's directory as the target knew it. It is long, it is in every path, and its end is what matters.
    root: Option<String>,
    promised: Option<Invariant>,
    shown: HashSet<u32>,
    columns: usize,
}

impl<'a> Telling<'a> {
    pub(super) fn of(run: Option<&'a Run>, columns: usize) -> Telling<'a> {
        let lives = run.map(|run| run.events.as_slice()).unwrap_or_default().iter();
        let mut roots = lives.filter_map(|event| match &event.kind {
            Kind::Life(life) => Some(Path::new(&life.process_cwd).parent()?.to_str()?.to_owned()),
            _ => None,
        });
        let root = roots.find(|root| root.len() > 1);
        Telling { run, root, promised: None, shown: HashSet::new(), columns }
    }

    /// Data of the target: on one line, harmless, and with `{run}` for the run's directory.
    fn quote(&self, text: &str, chars: usize) -> String {
        match &self.root {
            Some(root) => neutral(&text.replace(root, "{run}"), chars),
            None => neutral(text, chars),
        }
    }

    /// `times` is how often the same finding was made.
    pub(super) fn finding(&mut self, out: &mut String, finding: &Finding, times: usize) {
        let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
        let text = format!("{}: {}{times}", finding.invariant, self.quote(&finding.text, QUOTE));
        out.push_str(&wrapped("  ", &text, self.columns));
        let mut lines = Vec::new();
        if self.promised.replace(finding.invariant) != Some(finding.invariant) {
            lines.push(("promise", finding.invariant.promise().to_owned()));
        }
        let got = if finding.got.trim().is_empty() { "nothing" } else { &finding.got };
        lines.push(("when", self.moment(finding)));
        lines.push(("expected", self.quote(&finding.expected, QUOTE)));
        lines.push(("got", self.quote(got, QUOTE)));
        for (name, text) in lines {
            out.push_str(&wrapped(&format!("    {name:8}  "), &text, self.columns));
        }
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
        self.quote(&format!("{who:9} {}", item.preview), self.columns.saturating_sub(7))
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
