//! What `rehydra run` writes beside the matrix: files for programs, annotations and a summary for a CI, a draft of a
//! baseline. Whether they can be written is found out before anything is played for them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ci::{Annotations, Ci};
use super::out::{self, Failure, print};
use crate::check::{Finding, Invariant};
use crate::report::{self, Results, SUMMARY_BYTES, Tally};
use crate::verdict::{self, Failed, Verdict};
use crate::{neutral, scenario};

/// Flags of `rehydra run` that say what else is written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Outputs")]
pub(super) struct Outputs {
    /// Write the results as JSON to this file, `-` for stdout; `rehydra schema report` describes it
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Put `file` and `line` into the JUnit cases: GitLab, CircleCI and most GitHub actions read them; the xunit plugin
    /// of Jenkins refuses a file that has them
    #[arg(long, requires = "junit")]
    junit_locations: bool,
    /// Annotate what failed for `github`, or for `none` [default: github where GITHUB_ACTIONS is `true`]
    #[arg(long, value_name = "CI", value_enum, hide_possible_values = true)]
    annotations: Option<Annotations>,
    /// Append a summary in Markdown, at most 1 MiB [default: $GITHUB_STEP_SUMMARY where annotations are for github]
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Draft a baseline for what fails, into a file that is not there yet; each entry still needs a reason
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
}

impl Outputs {
    /// Sees to it that everything can be written.
    pub(super) fn reserve(&self) -> Result<(), Failure> {
        let json = self.json.iter().filter(|path| path.as_os_str() != "-");
        let files: Vec<&PathBuf> = json.chain(&self.junit).chain(&self.summary).collect();
        for (n, path) in files.iter().enumerate() {
            if files.iter().take(n).chain(&self.write_baseline.as_ref()).any(|other| other == path) {
                return Err(Failure::usage(format!("{} is to be written twice; give each its file", path.display())));
            }
            let opened = File::options().append(true).create(true).open(path);
            opened.map(drop).map_err(|error| Failure::usage(unwritten(path, &error)))?;
        }
        let Some(path) = &self.write_baseline else { return Ok(()) };
        if path.symlink_metadata().is_ok() {
            let text = format!("{} is there already and stays as it is; draft into a new file", path.display());
            return Err(Failure::usage(text));
        }
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) if !parent.is_dir() => {
                let text = format!("there is no directory {} for the draft of a baseline; make it", parent.display());
                Err(Failure::usage(text))
            }
            _ => Ok(()),
        }
    }

    /// Whether the JSON is to be alone on stdout.
    pub(super) fn json_on_stdout(&self) -> bool {
        self.json.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Writes all of them, and fails with the first that could not be.
    pub(super) fn write(&self, results: &Results<'_>) -> Result<(), Failure> {
        let ci = Ci::seen(self.annotations);
        let mut done = Vec::new();
        if let Some(path) = self.json.as_ref().filter(|_| !self.json_on_stdout()) {
            done.push(fs::write(path, report::document(results)).map_err(|error| unwritten(path, &error)));
        }
        if let Some(path) = &self.junit {
            let text = report::junit(results, self.junit_locations);
            done.push(fs::write(path, text).map_err(|error| unwritten(path, &error)));
        }
        if let Some(path) = &self.summary {
            done.push(append(path, results).map_err(|error| unwritten(path, &error)));
        } else if let Some(path) = &ci.summary
            && let Err(error) = append(path, results)
        {
            // Nobody asked for it on the command line, so it decides nothing.
            out::complain(&format!("warning: {}\n", unwritten(path, &error)));
        }
        if let Some(path) = &self.write_baseline {
            done.push(self.draft(path, results));
        }
        done.into_iter().collect::<Result<(), String>>().map_err(Failure::broken)?;
        if !ci.github {
            return Ok(());
        }
        let annotations = report::annotations(results, |file| ci.place(file));
        // GitHub reads both.
        if self.json_on_stdout() {
            out::complain(&annotations);
            return Ok(());
        }
        print(&annotations)
    }

    fn draft(&self, path: &Path, results: &Results<'_>) -> Result<(), String> {
        let tallies = report::tallies(results.cases);
        let draft = verdict::draft(&tallies.iter().filter_map(failed).collect::<Vec<_>>());
        if draft.gaps.is_empty() && draft.left_out.is_empty() {
            out::complain(&format!("nothing failed, so {} was not made\n", path.display()));
            return Ok(());
        }
        let mut text = DRAFTED.to_owned();
        for (scenario, target) in &draft.left_out {
            let name = |name: &String| neutral::line(name, usize::MAX);
            text.push_str(&format!(
                "# No entry: {} on {} breaks no promise; it fails by what the scenario itself expects.\n",
                name(scenario),
                name(target)
            ));
        }
        text.push_str(&format!("\n{}", scenario::baseline_text(&draft.gaps)));
        // What came to be there in the meantime stays as well.
        let made = File::options().write(true).create_new(true).open(path);
        made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritten(path, &error))?;
        let (n, path) = (draft.gaps.len(), path.display());
        let entries = if n == 1 { "entry".to_owned() } else { format!("{n} entries") };
        out::complain(&format!("drafted {entries} into {path}: give each a reason, or mend what it is about\n"));
        Ok(())
    }
}

/// What stands at the head of a draft.
const DRAFTED: &str = "\
# Drafted by `rehydra run --write-baseline`: what failed, as it failed. Give each entry a reason, which is refused while
# it is empty, and references if there are any; or mend what it is about, and take it out.
";

/// What a baseline could know of it: every run that could be judged, if any failed.
fn failed<'a>(tally: &Tally<'a>) -> Option<Failed<'a>> {
    let is = |case: &report::Case| matches!(case.verdict, Verdict::Fail { .. });
    let judged = tally.cases().filter(|case| !matches!(case.verdict, Verdict::Error { .. }));
    let findings = |case: &'a report::Case| -> Vec<&'a Finding> {
        let of_target = case.outcomes.iter().filter(|(invariant, _)| *invariant != Invariant::Reached);
        of_target.flat_map(|(_, outcome)| outcome.findings()).collect()
    };
    let runs = judged.map(findings).collect();
    tally.cases().any(is).then(|| Failed { scenario: tally.scenario(), target: tally.target(), runs })
}

/// Appends the summary; what stands in the file already counts against what GitHub takes.
fn append(path: &Path, results: &Results<'_>) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(report::markdown(results, SUMMARY_BYTES.saturating_sub(there)).as_bytes())
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("failed to write {}: {error}", path.display())
}
