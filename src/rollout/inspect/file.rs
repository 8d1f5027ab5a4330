//! One thread, told: what it is, what it is made of, what is wrong with it, what was said, what Codex would do.

use std::path::Path;

use serde::Serialize;

use super::codex::{self, CodexDoes};
use super::home::era_name;
use super::told::{DamageTold, Verdict};
use super::transcript::{Said, Who, said};
use crate::limits::INSPECTED_ENTRIES;
use crate::rollout::codex_reads::Release;
use crate::rollout::history::{Transcript, read_transcript};
use crate::rollout::lineage::{Segment, home_of, trace};
use crate::rollout::meta::{Source, Sourced, ThreadMeta};
use crate::world::Disk;

/// What is wanted of a file.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The home in which the files that it continues are looked for, besides the one that its path lies in.
    pub home: Option<&'a Path>,
    /// Releases of Codex that are asked about.
    pub releases: &'a [Release],
    /// How many characters of a text are kept.
    pub chars: usize,
}

/// A thread, by one of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct FileReport {
    /// The file that was asked for.
    pub path: String,
    /// What its damage comes to.
    pub verdict: Verdict,
    /// Why it cannot be read, if so; then there is neither a meta nor a transcript.
    pub unreadable: Option<String>,
    /// What the thread is, each value with its source.
    pub meta: Vec<Told>,
    /// The files it is made of: the one that was asked for, then its base, and that one's.
    pub files: Vec<Part>,
    /// What is wrong.
    pub damage: Vec<DamageTold>,
    /// Messages of the user that begin turns, whatever became of them.
    pub turns: u64,
    /// What was said, oldest first.
    pub transcript: Vec<Said>,
    /// How many entries there are beyond those that are kept.
    pub further: u64,
    /// What each Codex would do with it.
    pub codex: Vec<CodexDoes>,
}

/// A value of the meta.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct Told {
    /// Its name.
    pub name: String,
    /// What counts.
    pub value: String,
    /// What says so: a kind of record, or `file name`.
    pub from: String,
    /// Which file.
    pub file: Option<u32>,
    /// Its line, from 1.
    pub line: Option<u64>,
    /// What else was told and does not count.
    pub overrode: Vec<Overrode>,
}

/// A value that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct Overrode {
    /// What was told.
    pub value: String,
    /// What told it.
    pub from: String,
    /// Which file.
    pub file: Option<u32>,
    /// Its line, from 1.
    pub line: Option<u64>,
}

/// One file of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct Part {
    /// Where it lies.
    pub path: String,
    /// Its length on disk.
    pub bytes: u64,
    /// How many of its bytes belong to the thread, from its start; null for all of them.
    pub inherited: Option<u64>,
}

/// Looks at the rollout at `path`, from its first byte to its last, and at what it continues.
pub fn file(disk: &dyn Disk, path: &Path, wanted: &Wanted<'_>) -> FileReport {
    let home = home_of(path).or(wanted.home).or(path.parent()).unwrap_or(path);
    let mut report = FileReport {
        path: path.display().to_string(),
        verdict: Verdict::Unreadable,
        unreadable: None,
        meta: Vec::new(),
        files: parts(disk, path, wanted.home),
        damage: Vec::new(),
        turns: 0,
        transcript: Vec::new(),
        further: 0,
        codex: codex::all(disk, home, path, wanted.releases),
    };
    match read_transcript(disk, wanted.home, path) {
        Ok(transcript) => report.read(transcript, wanted.chars),
        Err(error) => report.unreadable = Some(error.kind.to_string()),
    }
    report
}

impl FileReport {
    fn read(&mut self, mut transcript: Transcript<'_>, chars: usize) {
        self.meta = values(&transcript.thread);
        self.damage = transcript.damage.iter().map(DamageTold::from).collect();
        self.verdict = Verdict::of(self.damage.iter().map(|damage| damage.follows).max());
        for entry in transcript.by_ref() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.verdict = Verdict::Unreadable;
                    self.unreadable = Some(format!("failed to read: {error}"));
                    break;
                }
            };
            let Some(said) = said(&entry, chars) else { continue };
            self.turns += u64::from(said.who == Who::User);
            if self.transcript.len() < INSPECTED_ENTRIES {
                self.transcript.push(said);
            } else {
                self.further += 1;
            }
        }
    }
}

fn parts(disk: &dyn Disk, path: &Path, home: Option<&Path>) -> Vec<Part> {
    let homes: Vec<&Path> = home_of(path).into_iter().chain(home).collect();
    let Ok(lineage) = trace(disk, &homes, path) else { return Vec::new() };
    let part = |segment: &Segment| Part {
        path: segment.path.display().to_string(),
        bytes: disk.status(&segment.path).map_or(0, |status| status.len),
        inherited: segment.end,
    };
    lineage.segments.iter().map(part).collect()
}

fn values(thread: &ThreadMeta) -> Vec<Told> {
    let mut list = List(Vec::new());
    list.push("thread", &Some(thread.id.clone()), ToString::to_string);
    list.push("segment", &thread.segment, ToString::to_string);
    list.push("forked from", &thread.forked_from, ToString::to_string);
    list.push("parent", &thread.parent_thread, ToString::to_string);
    list.push("created", &thread.created, Clone::clone);
    list.push("cwd", &thread.cwd, |cwd| cwd.display().to_string());
    list.push("version", &thread.writer_version, Clone::clone);
    list.push("originator", &thread.originator, Clone::clone);
    list.push("provider", &thread.provider, Clone::clone);
    list.push("model", &thread.model, Clone::clone);
    list.push("effort", &thread.effort, Clone::clone);
    list.push("sandbox", &thread.sandbox, |sandbox| sandbox.name().to_owned());
    list.push("approval", &thread.approval, |approval| approval.name().to_owned());
    list.push("base", &thread.base, |base| format!("{}, {} bytes of it", base.rollout, base.end_byte_offset));
    list.push("own from", &thread.subagent_history_start_ordinal, |ordinal| format!("ordinal {ordinal}"));
    let era = era_name(thread.era).to_owned();
    list.0.insert(
        1,
        Told { name: "era".into(), value: era, from: "its shape".into(), file: None, line: None, overrode: Vec::new() },
    );
    list.0
}

struct List(Vec<Told>);

impl List {
    fn push<T>(&mut self, name: &str, told: &Option<Sourced<T>>, show: impl Fn(&T) -> String) {
        let Some(told) = told else { return };
        let overrode = told.overrode.iter().map(|(value, source)| {
            let (from, file, line) = place(source);
            Overrode { value: show(value), from, file, line }
        });
        let (from, file, line) = place(&told.from);
        let value = show(&told.value);
        self.0.push(Told { name: name.to_owned(), value, from, file, line, overrode: overrode.collect() });
    }
}

fn place(source: &Source) -> (String, Option<u32>, Option<u64>) {
    let place = source.place.as_ref();
    (source.kind.name().to_owned(), place.map(|place| place.file), place.and_then(|place| place.line))
}
