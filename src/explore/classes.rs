//! What came out at a point, and which points came out alike.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::tail::LIVES;
use crate::check::{self, Invariant};
use crate::journal::{Kind, Run, Snapshot, SnapshotFile, SnapshotWhen};
use crate::rollout::read_history_bytes;
use crate::scenario::Baseline;
use crate::verdict::{self, Verdict};

/// What came out at one point.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outcome {
    /// Names of the broken promises, each with the first words of how.
    pub broken: BTreeSet<(String, String)>,
    /// At the end a rollout that was written to after the death still holds something that is no record.
    pub bad_record: bool,
    /// Nothing can be said: the harness failed, or there was nothing to judge.
    pub error: Option<String>,
}

/// Which points came out alike: what is broken there beyond what a quiet death breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Class {
    /// Names of the promises.
    pub broken: Vec<String>,
    /// See [`Outcome::bad_record`].
    pub bad_record: bool,
    /// See [`Outcome::error`].
    pub error: bool,
}

impl Outcome {
    /// Of a run that was played to its end.
    pub(super) fn of(run: &Run) -> Outcome {
        let outcomes = check::judge(run, None);
        let findings = outcomes.iter().flat_map(|(invariant, outcome)| {
            outcome.findings().iter().map(move |finding| (invariant.name().to_owned(), shape(&finding.text)))
        });
        let error = match verdict::judge(run, &outcomes, &Baseline::default()) {
            // What a story of one death after the other sets out to prove may well have nothing to look at.
            Verdict::Error { text } if run.incomplete().is_some() || reached_not(&outcomes) => Some(text),
            _ => None,
        };
        Outcome { broken: findings.collect(), bad_record: has_bad_record(run), error }
    }

    /// Of a run that could not be played.
    pub(super) fn failed(text: String) -> Outcome {
        Outcome { error: Some(text), ..Outcome::default() }
    }

    /// Its class, where `quiet` is what a death breaks while nothing happens.
    pub fn class(&self, quiet: &Outcome) -> Class {
        let broken: BTreeSet<&String> = self.broken.difference(&quiet.broken).map(|(name, _)| name).collect();
        Class {
            broken: broken.into_iter().cloned().collect(),
            bad_record: self.bad_record && !quiet.bad_record,
            error: self.error.is_some(),
        }
    }
}

impl Class {
    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        *self == Class::default()
    }

    /// In words.
    pub fn text(&self) -> String {
        let mut words: Vec<&str> = self.broken.iter().map(|name| told(name)).collect();
        if self.bad_record {
            words.push("a bad record stays");
        }
        if self.error {
            words.push("could not be judged");
        }
        if words.is_empty() { "holds".to_owned() } else { words.join(", ") }
    }
}

/// What a broken promise means after a death.
fn told(name: &str) -> &str {
    match name {
        "rehydrates" => "the thread cannot be continued",
        "durable" => "an acknowledged turn is lost",
        "honest" => "a loss is not told",
        "responsive" => "a call is not answered",
        "nothing-invented" => "the model is told what never happened",
        other => other,
    }
}

fn reached_not(outcomes: &[(Invariant, check::Outcome)]) -> bool {
    outcomes.iter().any(|(invariant, outcome)| *invariant == Invariant::Reached && !outcome.findings().is_empty())
}

/// A text without what differs from run to run: markers, paths, numbers, ids, whatever stands in backticks.
fn shape(text: &str) -> String {
    let lasts = |word: &&str| !word.contains("rhp-") && !word.contains("rhr-") && !word.starts_with('/');
    let is_id = |word: &str| uuid::Uuid::try_parse(word.trim_matches(|c: char| !c.is_ascii_hexdigit())).is_ok();
    let word = |word| if is_id(word) { "…" } else { word };
    let words: Vec<&str> = text.split_whitespace().filter(lasts).map(word).collect();
    let mut shape = String::new();
    let mut quoted = false;
    for c in words.join(" ").chars() {
        match c {
            '`' => {
                quoted = !quoted;
                shape.push_str(if quoted { "`" } else { "…`" });
            }
            _ if quoted => {}
            '0'..='9' => {
                if !shape.ends_with('#') {
                    shape.push('#');
                }
            }
            c => shape.push(c),
        }
    }
    shape
}

/// Whether a rollout that was written to after a death still holds damage at the end. One that is only read keeps what
/// its death has left, as it should.
fn has_bad_record(run: &Run) -> bool {
    let snapshots = |when: SnapshotWhen| {
        run.events.iter().filter_map(move |event| match &event.kind {
            Kind::Snapshot(snapshot) if snapshot.when == when => Some(snapshot),
            _ => None,
        })
    };
    // What lay there before the first life after the last death of the story, a power loss included.
    let births: Vec<&Snapshot> = snapshots(SnapshotWhen::Birth).collect();
    let before = births.len().checked_sub(LIVES).and_then(|at| births.get(at));
    let (Some(before), Some(last)) = (before, snapshots(SnapshotWhen::End).next_back()) else { return false };
    let written =
        |file: &&SnapshotFile| !before.files.iter().any(|old| old.path == file.path && old.sha256 == file.sha256);
    let rollouts = last.files.iter().filter(|file| file.path.ends_with(".jsonl") && file.path.contains("sessions/"));
    rollouts.filter(written).any(|file| {
        let bytes = file.blob.as_deref().and_then(|blob| run.blobs.get(blob).ok());
        bytes.is_some_and(|bytes| match read_history_bytes(bytes, Path::new(&file.path)) {
            Ok(history) => !history.damage.is_empty(),
            Err(_) => true,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(broken: &[(&str, &str)]) -> Outcome {
        let broken = broken.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Outcome { broken, ..Outcome::default() }
    }

    #[test]
    fn what_a_quiet_death_breaks_is_no_point_s_doing() {
        let quiet = outcome(&[("no-wider", "got wider")]);
        assert!(quiet.class(&quiet).is_fine());
        let worse = outcome(&[("no-wider", "got wider"), ("durable", "lost")]);
        assert_eq!(worse.class(&quiet).text(), "an acknowledged turn is lost");
        let otherwise = outcome(&[("no-wider", "another way")]);
        assert_eq!(otherwise.class(&quiet).broken, ["no-wider"]);
    }

    #[test]
    fn a_shape_has_no_ids_and_numbers() {
        assert_eq!(shape("call 12 of `01a2` took 30 ms"), "call # of `…` took # ms");
        assert_eq!(shape("lost: step 1 (rhp-at8het3), in\n/tmp/a/b.jsonl: torn"), "lost: step # in torn");
        assert_eq!(shape("no thread 01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a, sorry"), "no thread … sorry");
    }
}
