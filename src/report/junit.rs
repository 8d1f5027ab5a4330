//! The results as JUnit XML: a suite for each target, a case for each scenario on it.
//!
//! There is no one schema of the format. What is written here is what the strictest reader in use takes, the XSD
//! `junit-10` with which the xunit plugin of Jenkins checks a file since its version 2.2.4; a file that it refuses is dropped
//! whole. It knows neither properties of a case nor where a case stands, so both are told in the case's output; those who
//! read `file` and `line` (GitLab, CircleCI, most actions for GitHub) are given them on request.
//!
//! A known gap is skipped, with its reason: the build is green and the gap is in sight. A stale baseline is a failure.
//! Runs of one scenario on one target are one case, because readers take a name that comes twice for the same test.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::repeats::{sentence, verdicts};
use super::tally::broken;
use super::{COLUMNS, Case, Results, Tally, explanations, neutral, tallies};
use crate::verdict::Verdict;

/// The file of a run's directory that is attached.
const JOURNAL: &str = "journal.jsonl";
/// Longest explanation of one case, in characters; GitLab takes no file beyond 30 MB.
const TEXT_CHARS: usize = 20_000;
/// Longest first line of a reason.
const MESSAGE_CHARS: usize = 300;

/// The whole file. With `locations`, each case of a scenario that was read from a file carries `file` and `line`.
pub fn junit(results: &Results<'_>, locations: bool) -> String {
    let tallies = tallies(results.cases);
    let mut targets: Vec<&str> = Vec::new();
    for tally in &tallies {
        if !targets.contains(&tally.target()) {
            targets.push(tally.target());
        }
    }
    let mut report = quick_junit::Report::new("rehydra");
    report.set_time(Duration::from_millis(results.elapsed_ms));
    for target in targets {
        let mut suite = TestSuite::new(xml(target));
        let of_target = tallies.iter().filter(|tally| tally.target() == target);
        suite.add_test_cases(of_target.clone().map(|tally| case(tally, locations)));
        suite.set_time(of_target.map(took).sum());
        report.add_test_suite(suite);
    }
    if !results.stale.is_empty() {
        report.add_test_suite(baseline(results.stale));
    }
    // Only a time out of range or a failing writer could fail; there is neither.
    let text = report.to_string().unwrap_or_default();
    // The count stands on the root too, where no schema knows it. Its attributes come first in the text, and a quotation
    // mark inside one is escaped, so the first place that reads so is that count.
    text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1)
}

/// Stale entries have no scenario or no target that their case could stand in.
fn baseline(stale: &[String]) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("stale").set_message("the baseline is stale").set_description(xml(&stale.join("\n")));
    let mut suite = TestSuite::new("baseline");
    let mut case = TestCase::new("entries", status);
    case.set_classname("baseline").set_time(Duration::ZERO);
    suite.set_time(Duration::ZERO).add_test_case(case);
    suite
}

fn took(tally: &Tally<'_>) -> Duration {
    tally.cases().map(|case| Duration::from_millis(case.took_ms)).sum()
}

fn case(tally: &Tally<'_>, locations: bool) -> TestCase {
    let worst = tally.worst();
    let mut made = TestCase::new(xml(tally.scenario()), status(tally, worst));
    made.set_classname(xml(tally.target())).set_time(took(tally));
    if let (true, Some(path)) = (locations, &worst.path) {
        made.extra.insert("file".into(), xml(&path.display().to_string()));
        made.extra.insert("line".into(), line(worst).to_string().into());
    }
    let told = output(tally, worst);
    if !told.is_empty() {
        made.set_system_out(xml(&told));
    }
    made
}

fn status(tally: &Tally<'_>, worst: &Case) -> TestCaseStatus {
    let non_success = |kind, ty: String, reason: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(xml(&ty)).set_message(xml(&first_line(reason))).set_description(xml(&explained(tally)));
        status
    };
    match &worst.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail { reason } => {
            let names: Vec<&str> = broken(worst).iter().map(|invariant| invariant.name()).collect();
            let ty = if names.is_empty() { "expectation".to_owned() } else { names.join(",") };
            non_success(NonSuccessKind::Failure, ty, reason)
        }
        Verdict::Fixed { reason } => non_success(NonSuccessKind::Failure, "fixed".to_owned(), reason),
        Verdict::Error { text } => non_success(NonSuccessKind::Error, "error".to_owned(), text),
        Verdict::Gap { reason, refs } => {
            let refs = if refs.is_empty() { String::new() } else { format!(" ({})", refs.join(", ")) };
            skipped("gap", &format!("{reason}{refs}"))
        }
        Verdict::Unsupported { reason } => skipped("unsupported", reason),
    }
}

fn skipped(ty: &str, reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    // GitLab reads the text, others the message.
    let reason = xml(&neutral(&format!("{ty}: {reason}"), TEXT_CHARS));
    status.set_type(ty).set_message(reason.clone()).set_description(reason);
    status
}

fn explained(tally: &Tally<'_>) -> String {
    let text = explanations(tally.ways(), COLUMNS).join("\n");
    let text = anstream::adapter::strip_str(&text).to_string();
    match text.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => format!("{}\n… cut; the JSON report has all of it\n", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn first_line(reason: &str) -> String {
    neutral(reason.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("broken"), MESSAGE_CHARS)
}

/// Where the case comes from, how often it was played, and the journal as an attachment: GitLab wants its path relative to
/// the project's directory, the attachments plugin of Jenkins an absolute one; both is decided by `--runs`.
fn output(tally: &Tally<'_>, worst: &Case) -> String {
    let mut out = String::new();
    if let Some(path) = &worst.path {
        out.push_str(&format!("scenario: {}:{}\n", neutral(&path.display().to_string(), usize::MAX), line(worst)));
    }
    if tally.runs() > 1 {
        out.push_str(&format!("runs: {}\n", verdicts(tally)));
        for rate in tally.rates() {
            out.push_str(&format!("rate: {}\n", sentence(rate)));
        }
    }
    if let Some(dir) = &worst.dir {
        out.push_str(&format!("run: {}\n", neutral(&dir.display().to_string(), usize::MAX)));
        if let Some(path) = attachable(&dir.join(JOURNAL)) {
            out.push_str(&format!("[[ATTACHMENT|{path}]]\n"));
        }
    }
    out
}

/// The path, if it can stand between the brackets.
fn attachable(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| !path.contains(['[', ']', '|']) && !path.contains(char::is_control))
}

/// The line of the scenario that shows best why the case needs attention; 1 if none does.
fn line(case: &Case) -> u32 {
    super::github::line(case).unwrap_or(1)
}

/// A text that XML 1.0 can hold, without escape sequences. `quick_junit` takes out both but for two characters.
fn xml(text: &str) -> XmlString {
    XmlString::new(text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, fired};
    use super::*;
    use crate::check::Invariant;

    fn results(cases: &[Case]) -> Results<'_> {
        Results { cases, stale: &[], elapsed_ms: 1_234_567 }
    }

    #[test]
    fn every_verdict_has_its_element() {
        let fail = Verdict::Fail { reason: "broken: durable, once\nmore".into() };
        let mut failed = fired(case("idle/kill-9", "x", fail), &[Invariant::Durable, Invariant::Once]);
        failed.path = Some("my/idle/kill-9.toml".into());
        failed.dir = Some(".rehydra/1/idle.kill-9@x".into());
        failed.took_ms = 1_500;
        let gap = Verdict::Gap { reason: "in memory only".into(), refs: vec!["openai/codex#6168".into()] };
        let cases = [
            case("calm", "x", Verdict::Pass),
            failed,
            case("calm", "y", Verdict::Error { text: "no server".into() }),
            case("gap", "y", gap),
            case("none", "y", Verdict::Unsupported { reason: "cwd: n/a".into() }),
            case("old", "y", Verdict::Fixed { reason: "line 3 of the baseline".into() }),
        ];
        let stale = ["line 9 of the baseline is about `gone`".to_owned()];
        let results = Results { stale: &stale, ..results(&cases) };
        insta::assert_snapshot!(junit(&results, true));
    }

    #[test]
    fn runs_of_one_scenario_are_one_case_with_its_rates() {
        let fail = || Verdict::Fail { reason: "broken".into() };
        let cases = [
            case("a", "x", Verdict::Pass),
            fired(case("a", "x", fail()), &[Invariant::Durable]),
            case("a", "x", Verdict::Pass),
        ];
        let text = junit(&results(&cases), false);
        assert_eq!(text.matches("<testcase").count(), 1, "{text}");
        assert!(text.contains("runs: 1 FAIL, 2 pass of 3 runs\nrate: durable broken in 1 of 3 runs: a race"), "{text}");
    }

    #[test]
    fn what_a_target_says_can_be_no_markup_and_no_escape_sequence() {
        let text = "\u{1b}[31m</failure>\u{0}\u{b}\u{ffff}\u{fffe}]]>&amp;\"\u{85}".to_owned();
        let mut bad = case("a<b>\u{1b}[0m", "x\" skipped=\"0\"", Verdict::Error { text });
        bad.dir = Some("a]]\u{1}|b".into());
        let text = junit(&results(&[bad]), true);
        let forbidden = |c: char| matches!(c, '\0'..='\x08' | '\x0b'..='\x1f' | '\u{fffe}' | '\u{ffff}');
        assert!(!text.contains(forbidden), "{text:?}");
        assert!(text.contains("&lt;/failure&gt;") && !text.contains("ATTACHMENT"), "{text}");
        assert!(text.contains("<testsuites name=\"rehydra\" tests=\"1\" failures"), "{text}");
    }
}
