//! What came of trying a parser: a table with a row for each class, the failures one by one, JSON and JUnit.
//!
//! The JSON is versioned as that of `rehydra run` is; the types here are the one place where its form stands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite, XmlString};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::{neutral, wrapped};
use crate::parser::{Fact, Finding, FindingKind, Judgement, Outcome, Played};

/// Raised when a field of the JSON changes its meaning or goes.
const VERSION: u32 = 1;
/// Longest finding, in characters.
const FINDING_CHARS: usize = 400;

/// All that was played, and where the failures are kept.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    /// Case by case.
    pub played: &'a [Played],
    /// For each, the directory that keeps it.
    pub kept: &'a [Option<PathBuf>],
    /// Seed of the plan.
    pub seed: u64,
    /// The whole of it.
    pub elapsed_ms: u64,
    /// Whether the call fails: some outcome is one that it was not to come to.
    pub fails: bool,
}

/// The heading of an outcome's column.
fn heading(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::ToldLoss => "told",
        Outcome::SilentLoss => "SILENT",
        Outcome::Wrong => "WRONG",
        Outcome::NoAnswer => "NO-ANSWER",
        Outcome::Flood => "FLOOD",
        Outcome::Hang => "HANG",
        Outcome::Crash => "CRASH",
    }
}

/// The table, the failures and what was not told, painted.
pub fn parser_text(parsed: &Parsed<'_>, columns: usize) -> String {
    let mut out = table(parsed);
    out.push_str(&not_told(parsed, columns));
    out.push_str(&failures(parsed, columns));
    let failed = parsed.played.iter().filter(|one| one.judgement.outcome.is_failure()).count();
    let seconds = parsed.elapsed_ms as f64 / 1000.0;
    let (files, seed) = (parsed.played.len(), parsed.seed);
    out.push_str(&format!("\n{files} files, {failed} failed, seed {seed}, {seconds:.1} s\n"));
    out
}

/// Rows in the order of the plan.
fn rows(played: &[Played]) -> Vec<(&str, Vec<&Played>)> {
    let mut rows: Vec<(&str, Vec<&Played>)> = Vec::new();
    for one in played {
        match rows.iter_mut().find(|(class, _)| *class == one.case.class) {
            Some((_, row)) => row.push(one),
            None => rows.push((&one.case.class, vec![one])),
        }
    }
    rows
}

fn table(parsed: &Parsed<'_>) -> String {
    let rows = rows(parsed.played);
    let seen = |outcome: &Outcome| parsed.played.iter().any(|one| one.judgement.outcome == *outcome);
    let always = [Outcome::Pass, Outcome::ToldLoss, Outcome::SilentLoss, Outcome::Wrong];
    let shown: Vec<Outcome> =
        Outcome::ALL.into_iter().filter(|outcome| always.contains(outcome) || seen(outcome)).collect();
    let first = rows.iter().map(|(class, _)| class.chars().count()).max().unwrap_or(0).max("class".len());
    let mut out = format!("{:first$}  files", "class");
    for outcome in &shown {
        let heading = heading(*outcome);
        out.push_str(&format!("  {heading:>5}"));
    }
    out.push('\n');
    let whole = ("all", parsed.played.iter().collect::<Vec<_>>());
    for (class, row) in rows.iter().chain([&whole]) {
        out.push_str(&format!("{class:first$}  {:>5}", row.len()));
        for outcome in &shown {
            let count = row.iter().filter(|one| one.judgement.outcome == *outcome).count();
            let width = heading(*outcome).len().max(5);
            let text = if count == 0 { "-".to_owned() } else { count.to_string() };
            let style = if count == 0 { Style::new().dimmed() } else { colour(*outcome) };
            out.push_str(&format!("  {style}{text:>width$}{style:#}"));
        }
        out.push('\n');
    }
    out
}

fn colour(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => AnsiColor::Green.on_default(),
        Outcome::ToldLoss => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Red.on_default().bold(),
    }
}

/// What the parser left out, with how often; only answers count.
fn not_told(parsed: &Parsed<'_>, columns: usize) -> String {
    let answered: Vec<&Judgement> =
        parsed.played.iter().map(|one| &one.judgement).filter(|one| is_answer(one)).collect();
    let mut counts: BTreeMap<Fact, usize> = BTreeMap::new();
    for fact in answered.iter().flat_map(|judgement| &judgement.not_told) {
        *counts.entry(*fact).or_default() += 1;
    }
    if counts.is_empty() {
        return String::new();
    }
    let told = |(fact, n): (&Fact, &usize)| match *n == answered.len() {
        true => format!("{} (never)", name(*fact)),
        false => format!("{} ({n} of {} files)", name(*fact), answered.len()),
    };
    let all: Vec<String> = counts.iter().map(told).collect();
    format!("\n{}", wrapped("not told, and so not judged: ", &all.join(", "), columns))
}

fn is_answer(judgement: &Judgement) -> bool {
    !judgement.findings.iter().any(|finding| finding.kind == FindingKind::Broken)
}

fn name(fact: Fact) -> &'static str {
    match fact {
        Fact::Id => "id",
        Fact::Cwd => "cwd",
        Fact::Damaged => "damaged",
        Fact::Tools => "tools",
        Fact::Form => "form",
    }
}

/// The first of those that are alike, and how many more there are.
fn failures(parsed: &Parsed<'_>, columns: usize) -> String {
    let mut alike: Vec<(&Played, Option<&PathBuf>, usize)> = Vec::new();
    let why = |one: &Played| {
        let judgement = smallest(one);
        (judgement.outcome, judgement.findings.first().map(|finding| finding.kind))
    };
    for (one, kept) in parsed.played.iter().zip(parsed.kept).filter(|(one, _)| one.judgement.outcome.is_failure()) {
        match alike.iter_mut().find(|(first, ..)| first.case.class == one.case.class && why(first) == why(one)) {
            Some((_, _, more)) => *more += 1,
            None => alike.push((one, kept.as_ref(), 0)),
        }
    }
    alike.iter().map(|(one, kept, more)| failure(one, *kept, *more, columns)).collect()
}

fn failure(one: &Played, kept: Option<&PathBuf>, more: usize, columns: usize) -> String {
    let (case, judgement) = (one.smallest.as_ref().map_or(&one.case, |(case, _)| case), smallest(one));
    let style = colour(judgement.outcome);
    let lines = case.bytes.iter().filter(|byte| **byte == b'\n').count();
    let (name, bytes) = (neutral(&one.case.name, columns), case.bytes.len());
    let outcome = heading(judgement.outcome);
    let more = if more == 0 { String::new() } else { format!(", and {more} more of the class fail so") };
    let mut out = format!("\n{style}{outcome}{style:#} {name}: {lines} lines, {bytes} bytes{more}\n");
    for finding in &judgement.findings {
        out.push_str(&wrapped("  ", &neutral(&finding.text, FINDING_CHARS), columns));
    }
    if let Some(dir) = kept {
        out.push_str(&format!("  kept: {}\n", neutral(&dir.display().to_string(), usize::MAX)));
    }
    out
}

/// What one call of `rehydra parser` came to.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Rehydra parser report")]
struct Document<'a> {
    /// Version of this document. It is raised when a field changes its meaning or goes, not when one is added.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// Version of the program that wrote it.
    rehydra: &'a str,
    /// What decided every file; the same seed and flags give the same files.
    seed: u64,
    /// How long the whole of it took.
    elapsed_ms: u64,
    /// 0: only `pass` and `told-loss`. 1: anything else, or a told loss with `--deny-told`.
    #[schemars(extend("enum" = [0, 1]))]
    exit_code: u8,
    /// The classes of files that were tried, in the order of the table.
    classes: Vec<ClassOf<'a>>,
    /// Every file that was tried.
    cases: Vec<CaseOf<'a>>,
}

/// A class of files: healthy ones, recorded ones, or those with one class of damage.
#[derive(Serialize, JsonSchema)]
struct ClassOf<'a> {
    /// Its name.
    class: &'a str,
    /// How many files of it were tried.
    files: usize,
    /// How often each outcome came; one that never came is left out.
    outcomes: BTreeMap<&'static str, usize>,
}

/// A file, and what came of it.
#[derive(Serialize, JsonSchema)]
struct CaseOf<'a> {
    /// Its name, unique in this document.
    name: &'a str,
    /// The class that it is of.
    class: &'a str,
    /// The worst of it.
    outcome: Outcome,
    /// Why it is no pass; of the smallest file that fails alike.
    findings: &'a [Finding],
    /// What the parser did not tell of it, and so was not judged.
    not_told: &'a [Fact],
    /// The directory that keeps the smallest file that fails alike, where `--keep` is given.
    kept: Option<String>,
}

/// The JSON Schema of [`parser_document`]. `docs/parser-report.schema.json` is this, pretty-printed, with a newline at its
/// end.
pub fn parser_schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document<'static>>().into()
}

/// The results as JSON, with a newline at the end. Findings are of the smallest file that fails alike.
pub fn parser_document(parsed: &Parsed<'_>) -> String {
    let class = |(class, row): (_, Vec<&Played>)| {
        let mut outcomes = BTreeMap::new();
        row.iter().for_each(|one| *outcomes.entry(one.judgement.outcome.name()).or_default() += 1);
        ClassOf { class, files: row.len(), outcomes }
    };
    let case = |(one, kept): (_, &Option<PathBuf>)| {
        let (one, judgement): (&Played, _) = (one, smallest(one));
        CaseOf {
            name: &one.case.name,
            class: &one.case.class,
            outcome: judgement.outcome,
            findings: &judgement.findings,
            not_told: &judgement.not_told,
            kept: kept.as_ref().map(|dir| dir.display().to_string()),
        }
    };
    let document = Document {
        version: VERSION,
        rehydra: env!("CARGO_PKG_VERSION"),
        seed: parsed.seed,
        elapsed_ms: parsed.elapsed_ms,
        exit_code: u8::from(parsed.fails),
        classes: rows(parsed.played).into_iter().map(class).collect(),
        cases: parsed.played.iter().zip(parsed.kept).map(case).collect(),
    };
    // Maps with keys that are no strings, and numbers that are none, are all that can fail; there are neither.
    crate::neutral::json(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

/// The results as JUnit XML: a suite for each class, a case for each file. A told loss is skipped: it is in sight, and no
/// failure.
pub fn parser_junit(parsed: &Parsed<'_>) -> String {
    let mut report = quick_junit::Report::new("rehydra parser");
    report.set_time(Duration::from_millis(parsed.elapsed_ms));
    for (class, row) in rows(parsed.played) {
        let mut suite = TestSuite::new(class);
        suite.set_time(Duration::ZERO);
        for one in row {
            let mut case = TestCase::new(XmlString::new(&one.case.name), status(smallest(one)));
            case.set_classname(class).set_time(Duration::ZERO);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    // Only a time out of range or a failing writer could fail; there is neither.
    let text = report.to_string().unwrap_or_default();
    // The count stands on the root too, where no schema knows it.
    text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1)
}

fn status(judgement: &Judgement) -> TestCaseStatus {
    let texts: Vec<String> = judgement.findings.iter().map(|finding| neutral(&finding.text, FINDING_CHARS)).collect();
    let (name, text) = (judgement.outcome.name(), texts.join("\n"));
    let mut status = match judgement.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::ToldLoss => TestCaseStatus::skipped(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    let message = texts.first().cloned().unwrap_or_default();
    status.set_type(name).set_message(XmlString::new(message)).set_description(XmlString::new(text));
    status
}

fn smallest(one: &Played) -> &Judgement {
    one.smallest.as_ref().map_or(&one.judgement, |(_, judgement)| judgement)
}
