//! The results as JSON, for programs.
//!
//! The document is versioned. A new field or a new name of an invariant is no new version: readers pass over what they do
//! not know. The types here are the one place where its form stands: they are what is written, and [`schema`] is made from
//! them. Everything that the harness knows of a run and that is not in its directory is in it; nothing is shortened. What
//! a target said stands in it as it was, and acts on nothing that shows it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::{Case, Results, Tally, tallies};
use crate::check::{self, Invariant, Outcome as Checked};
use crate::{neutral, verdict};

/// Raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// The results, pretty-printed, with a newline at the end.
pub fn document(results: &Results<'_>) -> String {
    let tallies = tallies(results.cases);
    let whole = Report {
        version: VERSION,
        rehydra: env!("CARGO_PKG_VERSION"),
        elapsed_ms: results.elapsed_ms,
        exit_code: exit_code(results),
        cases: tallies
            .iter()
            .flat_map(|tally| (1..).zip(tally.cases()))
            .map(|(n, case)| CaseOf::new(case, n))
            .collect(),
        repeats: tallies.iter().filter(|tally| tally.runs() > 1).map(Repeat::new).collect(),
        stale: results.stale,
    };
    // Maps with keys that are no strings, and numbers that are none, are all that can fail; there are neither.
    neutral::json(&serde_json::to_string_pretty(&whole).unwrap_or_default()) + "\n"
}

/// The JSON Schema of [`document`]. `docs/report.schema.json` is this, pretty-printed, with a newline at its end.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report<'static>>().into()
}

fn exit_code(results: &Results<'_>) -> u8 {
    let verdicts: Vec<_> = results.cases.iter().map(|case| &case.verdict).collect();
    verdict::exit_code(&verdicts).max(u8::from(!results.stale.is_empty()))
}

/// What one call of `rehydra run` or `rehydra replay` came to.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Rehydra report")]
struct Report<'a> {
    /// Version of this document. It is raised when a field changes its meaning or goes, not when one is added.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// Version of the program that wrote it.
    rehydra: &'a str,
    /// How long the whole of it took.
    elapsed_ms: u64,
    /// What the verdicts come to: 0 (pass, gap, unsupported), 1 (something failed, or the baseline is stale), 3 (an error).
    /// A flag may have made more of it.
    #[schemars(extend("enum" = [0, 1, 3]))]
    exit_code: u8,
    /// Every run, scenario by scenario and target by target.
    cases: Vec<CaseOf<'a>>,
    /// A count for each scenario that was played on a target more than once.
    repeats: Vec<Repeat<'a>>,
    /// Entries of the baseline about something that does not exist any more.
    stale: &'a [String],
}

/// One run: a scenario on a target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Case")]
struct CaseOf<'a> {
    /// The scenario's name: its path below the suite, without `.toml`.
    scenario: &'a str,
    /// The file it was read from; null for one inside the binary.
    file: Option<String>,
    /// The target's name.
    target: &'a str,
    /// Which run of the scenario on the target, from 1.
    round: usize,
    /// What came out.
    verdict: Word,
    /// Why, or for an error what to do about it; null for a pass.
    reason: Option<&'a str>,
    /// For a gap, the issues and pull requests that the baseline names.
    refs: &'a [String],
    /// What each check said.
    checks: Vec<Check<'a>>,
    /// The run's directory, where it was kept.
    run: Option<String>,
    /// The command that plays it again.
    play_again: &'a str,
    /// How long it took.
    took_ms: u64,
}

/// A verdict.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// Every promise that the scenario proves was kept.
    Pass,
    /// A promise was broken.
    Fail,
    /// It fails exactly as the baseline says.
    Gap,
    /// The baseline lists something that no longer fires.
    Fixed,
    /// What the scenario proves cannot apply to this target.
    Unsupported,
    /// The target could not be used, or there was nothing to judge.
    Error,
}

/// What one check said of one run.
#[derive(Serialize, JsonSchema)]
struct Check<'a> {
    /// The promise.
    invariant: &'a str,
    /// Whether it was kept.
    outcome: Outcome,
    /// Why it could not be judged, or does not apply; of one that was kept, what was not looked at.
    reason: Option<&'a str>,
    /// How it was broken.
    findings: Vec<Finding<'a>>,
}

/// Whether a promise was kept.
#[derive(Serialize, JsonSchema)]
enum Outcome {
    /// It was looked at and kept.
    #[serde(rename = "held")]
    Held,
    /// It was broken.
    #[serde(rename = "findings")]
    Findings,
    /// There was nothing to look at.
    #[serde(rename = "unjudged")]
    Unjudged,
    /// It cannot apply to this target.
    #[serde(rename = "n/a")]
    NotApplicable,
}

/// One broken promise.
#[derive(Serialize, JsonSchema)]
struct Finding<'a> {
    /// One line.
    text: &'a str,
    /// What was promised.
    expected: &'a str,
    /// What happened instead, in the target's own words where it has some.
    got: &'a str,
    /// The life of the target's process in which it showed, from 1.
    life: u32,
    /// The step of the scenario, from 1.
    step: Option<u32>,
    /// The call, as the journal numbers it.
    call: Option<u32>,
    /// The events of the journal that show it.
    evidence: &'a [u64],
}

/// All runs of one scenario on one target.
#[derive(Serialize, JsonSchema)]
struct Repeat<'a> {
    /// The scenario's name.
    scenario: &'a str,
    /// The target's name.
    target: &'a str,
    /// How many runs there were.
    runs: usize,
    /// How many of them ended in each way.
    verdicts: Counts,
    /// Every promise that some run broke.
    broken: Vec<Broken<'a>>,
}

/// Runs by verdict.
#[derive(Default, Serialize, JsonSchema)]
struct Counts {
    pass: usize,
    fail: usize,
    gap: usize,
    fixed: usize,
    unsupported: usize,
    error: usize,
}

/// How often a promise was broken.
#[derive(Serialize, JsonSchema)]
struct Broken<'a> {
    /// The promise.
    invariant: &'a str,
    /// The runs that broke it; at least 1.
    runs: usize,
    /// The runs that could be judged.
    judged: usize,
    /// Some of those broke it and some did not.
    race: bool,
}

impl<'a> CaseOf<'a> {
    fn new(case: &'a Case, round: usize) -> CaseOf<'a> {
        use verdict::Verdict as V;
        let (verdict, reason) = match &case.verdict {
            V::Pass => (Word::Pass, None),
            V::Fail { reason } => (Word::Fail, Some(reason)),
            V::Gap { reason, .. } => (Word::Gap, Some(reason)),
            V::Fixed { reason } => (Word::Fixed, Some(reason)),
            V::Unsupported { reason } => (Word::Unsupported, Some(reason)),
            V::Error { text } => (Word::Error, Some(text)),
        };
        let refs: &[String] = match &case.verdict {
            V::Gap { refs, .. } => refs,
            _ => &[],
        };
        CaseOf {
            scenario: &case.scenario,
            file: case.path.as_ref().map(|path| path.display().to_string()),
            target: &case.target,
            round,
            verdict,
            reason: reason.map(String::as_str),
            refs,
            checks: case.outcomes.iter().map(|(invariant, outcome)| Check::new(*invariant, outcome, case)).collect(),
            run: case.dir.as_ref().map(|dir| dir.display().to_string()),
            play_again: &case.again,
            took_ms: case.took_ms,
        }
    }
}

impl<'a> Check<'a> {
    fn new(invariant: Invariant, outcome: &'a Checked, case: &Case) -> Check<'a> {
        let (word, reason) = match outcome {
            Checked::Held => (Outcome::Held, case.run.as_ref().and_then(|run| check::not_looked_at(run, invariant))),
            Checked::Findings(_) => (Outcome::Findings, None),
            Checked::Unjudged(reason) => (Outcome::Unjudged, Some(reason.as_str())),
            Checked::NotApplicable(reason) => (Outcome::NotApplicable, Some(*reason)),
        };
        let finding = |finding: &'a crate::check::Finding| Finding {
            text: &finding.text,
            expected: &finding.expected,
            got: &finding.got,
            life: finding.incarnation,
            step: finding.step,
            call: finding.call,
            evidence: &finding.evidence,
        };
        Check {
            invariant: invariant.name(),
            outcome: word,
            reason,
            findings: outcome.findings().iter().map(finding).collect(),
        }
    }
}

impl<'a> Repeat<'a> {
    fn new(tally: &Tally<'a>) -> Repeat<'a> {
        use verdict::Verdict as V;
        let mut verdicts = Counts::default();
        for case in tally.cases() {
            let count = match &case.verdict {
                V::Pass => &mut verdicts.pass,
                V::Fail { .. } => &mut verdicts.fail,
                V::Gap { .. } => &mut verdicts.gap,
                V::Fixed { .. } => &mut verdicts.fixed,
                V::Unsupported { .. } => &mut verdicts.unsupported,
                V::Error { .. } => &mut verdicts.error,
            };
            *count += 1;
        }
        let broken = tally.rates().into_iter().map(|rate| Broken {
            invariant: rate.invariant.name(),
            runs: rate.broken,
            judged: rate.judged,
            race: rate.is_race(),
        });
        Repeat {
            scenario: tally.scenario(),
            target: tally.target(),
            runs: tally.runs(),
            verdicts,
            broken: broken.collect(),
        }
    }
}
