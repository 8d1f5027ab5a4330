//! Annotations for GitHub Actions: what failed, on the line of the scenario that shows it.
//!
//! A workflow command is a line of a step's output that begins with `::`. Its properties end at `,` and `:`, and the line
//! ends it: what stands in one is escaped as the runner's own toolkit does it, so that nothing that a target prints becomes
//! a property, a second command, or an end to them (`::stop-commands::`). The older form, `##[…]`, is obeyed wherever it
//! stands in a line that is no command of the newer one; [`crate::neutral`] breaks it up.

use std::path::Path;

use super::tally::attention;
use super::{Case, Results, Tally, neutral, tallies, word};
use crate::journal::Kind;
use crate::verdict::Verdict;

/// GitHub shows no more errors of one step, and says nothing of the rest.
const SHOWN: usize = 10;
/// Longest text of an annotation, in characters.
const TEXT_CHARS: usize = 4_000;
/// Longest line of one.
const LINE_CHARS: usize = 400;
/// Longest title and path.
const NAME_CHARS: usize = 300;
/// Most findings in one.
const FINDINGS: usize = 8;

/// A line for each scenario on a target that needs attention, at most as many as GitHub shows. `place` says how the
/// repository calls the file of a scenario; one inside the binary has none.
pub fn annotations(results: &Results<'_>, place: impl Fn(&Path) -> String) -> String {
    let tallies = tallies(results.cases);
    let loud =
        |tally: &&Tally<'_>| attention(&tally.worst().verdict) >= attention(&Verdict::Fixed { reason: String::new() });
    let mut lines: Vec<String> = tallies.iter().filter(loud).map(|tally| annotation(tally, &place)).collect();
    if !results.stale.is_empty() {
        lines.push(command(&[("title", "FIXED: the baseline is stale")], &results.stale.join("\n")));
    }
    if lines.len() > SHOWN {
        let more = lines.len() - (SHOWN - 1);
        lines.truncate(SHOWN - 1);
        let text = format!("{more} more need attention; the output of this step tells them all");
        lines.push(command(&[("title", "rehydra")], &text));
    }
    lines.concat()
}

fn annotation(tally: &Tally<'_>, place: &impl Fn(&Path) -> String) -> String {
    let case = tally.worst();
    let title = format!("{} {} on {}", word(&case.verdict), tally.scenario(), tally.target());
    let (mut properties, path, at);
    properties = Vec::new();
    if let Some(file) = &case.path {
        (path, at) = (place(file), line(case).unwrap_or(1).to_string());
        properties.extend([("file", path.as_str()), ("line", at.as_str())]);
    }
    properties.push(("title", title.as_str()));
    command(&properties, &text(tally, case))
}

fn text(tally: &Tally<'_>, case: &Case) -> String {
    let reason = match &case.verdict {
        Verdict::Fail { reason } | Verdict::Fixed { reason } => reason.as_str(),
        Verdict::Error { text } => text.as_str(),
        Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. } => "",
    };
    let mut lines: Vec<String> = reason.lines().map(str::to_owned).collect();
    let findings: Vec<_> = case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings()).collect();
    lines.extend(findings.iter().take(FINDINGS).map(|finding| format!("{}: {}", finding.invariant, finding.text)));
    if findings.len() > FINDINGS {
        lines.push(format!("… and {} more findings", findings.len() - FINDINGS));
    }
    if tally.runs() > 1 {
        lines.push(super::repeats::verdicts(tally));
        lines.extend(tally.rates().into_iter().map(super::repeats::sentence));
    }
    if !case.again.is_empty() {
        lines.push(format!("play again: {}", case.again));
    }
    lines.join("\n")
}

/// One command, with its newline.
fn command(properties: &[(&str, &str)], text: &str) -> String {
    let property = |(name, value): &(&str, &str)| format!("{name}={}", escaped(&neutral(value, NAME_CHARS), true));
    let properties: Vec<String> = properties.iter().map(property).collect();
    let lines: Vec<String> = text.lines().map(|line| neutral(line, LINE_CHARS)).collect();
    let text: String = lines.join("\n").chars().take(TEXT_CHARS).collect();
    format!("::error {}::{}\n", properties.join(","), escaped(&text, false))
}

fn escaped(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

/// The line of the scenario's file that shows best why the case needs attention: of the step of its first finding that
/// belongs to one, else of the last step that was begun. `None` where no step was.
pub(super) fn line(case: &Case) -> Option<u32> {
    let run = case.run.as_ref()?;
    let steps = || {
        run.events.iter().filter_map(|event| match &event.kind {
            Kind::Step(step) => Some(step),
            _ => None,
        })
    };
    let mut found = case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings()).filter_map(|finding| finding.step);
    let of = |n: u32| steps().find(|step| step.n == n).map(|step| step.line);
    found.find_map(of).or_else(|| steps().next_back().map(|step| step.line))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, fired};
    use super::*;
    use crate::check::Invariant;

    fn results(cases: &[Case]) -> Results<'_> {
        Results { cases, stale: &[], elapsed_ms: 0 }
    }

    fn same(path: &Path) -> String {
        path.display().to_string()
    }

    #[test]
    fn what_needs_attention_is_an_error_on_its_file() {
        let mut failed =
            fired(case("idle/kill-9", "x", Verdict::Fail { reason: "broken: durable".into() }), &[Invariant::Durable]);
        failed.path = Some("my, suite/a.toml".into());
        let cases =
            [case("calm", "x", Verdict::Pass), failed, case("b", "y", Verdict::Error { text: "no server".into() })];
        let stale = ["line 3 of the baseline".to_owned()];
        assert_eq!(
            annotations(&Results { stale: &stale, ..results(&cases) }, same),
            "::error file=my%2C suite/a.toml,line=1,title=FAIL idle/kill-9 on x::broken: durable%0Adurable: durable is broken\n\
             ::error title=ERROR b on y::no server\n\
             ::error title=FIXED%3A the baseline is stale::line 3 of the baseline\n"
        );
    }

    #[test]
    fn nothing_that_a_target_says_is_a_command() {
        let text = "100%\r\n::stop-commands::x\n##[error]y\u{1b}[31m\n::error::z".to_owned();
        let mut bad = case("a::b,c", "x\n::warning::", Verdict::Error { text });
        bad.path = Some("a\n::error::.toml".into());
        let out = annotations(&results(&[bad]), same);
        assert_eq!(out.lines().count(), 1, "{out}");
        let (head, data) = out.strip_prefix("::error ").and_then(|rest| rest.split_once("::")).expect("one command");
        let names: Vec<_> = head.split(',').filter_map(|p| p.split_once('=')).map(|(name, _)| name).collect();
        assert_eq!(names, ["file", "line", "title"], "{out}");
        assert!(data.starts_with("100%25") && !out.contains("##[") && !out.contains('\u{1b}'), "{out}");
    }

    #[test]
    fn what_github_would_not_show_is_counted() {
        let cases: Vec<_> =
            (0..30).map(|n| case(&format!("s{n}"), "x", Verdict::Error { text: "no".repeat(9_000) })).collect();
        let out = annotations(&results(&cases), same);
        assert_eq!(out.lines().count(), SHOWN);
        assert!(out.ends_with("::21 more need attention; the output of this step tells them all\n"), "{out}");
        assert!(out.len() < 20_000);
    }
}
