//! A whole home at a glance.
//!
//! The names come first, in one walk, and are sorted; then each file is read once from end to end, by as many threads as
//! are asked for. Files are told in the order of their paths whichever was done first. Memory follows the number of
//! files, a hundred bytes each, and of damaged ones, of which a bounded number is kept; no file is ever held.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use serde::Serialize;
use uuid::Uuid;

use super::glance::{FileLine, Glance};
use super::told::{Follows, Verdict};
use crate::limits::{INSPECTED_DAMAGED, INSPECTED_VERSIONS};
use crate::rollout::Era;
use crate::rollout::locate::{RolloutFile, walk};
use crate::world::Disk;

/// A home, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct HomeReport {
    /// The directory.
    pub home: String,
    /// Files that are rollouts, or may be by their name.
    pub files: u64,
    /// Threads: different ids.
    pub threads: u64,
    /// Files that continue others, by their name.
    pub segments: u64,
    /// Files below `archived_sessions`.
    pub archived: u64,
    /// `.zst` files.
    pub compressed: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records that were read.
    pub records: u64,
    /// Files of each era.
    pub eras: BTreeMap<String, u64>,
    /// Files of each Codex version that wrote them, `unknown` where a file does not say, `other` for what is beyond a limit.
    pub versions: BTreeMap<String, u64>,
    /// Files of each verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Damage by class, the gravest first.
    pub classes: Vec<ClassTotal>,
    /// Files that are not healthy, by path.
    pub damaged: Vec<FileLine>,
    /// How many more there are that are not listed.
    pub further: u64,
}

impl HomeReport {
    /// The gravest verdict of a file.
    pub fn verdict(&self) -> Verdict {
        let all = [Verdict::Unreadable, Verdict::Lossy, Verdict::Damaged];
        let there = all.into_iter().find(|verdict| self.verdicts.contains_key(verdict.name()));
        there.unwrap_or(Verdict::Healthy)
    }
}

/// One class of damage in a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct ClassTotal {
    /// Its class.
    pub class: String,
    /// The gravest of what follows.
    pub follows: Follows,
    /// What it is.
    pub text: String,
    /// In how many files.
    pub files: u64,
    /// How often in all.
    pub count: u64,
}

/// Where a survey is.
#[derive(Debug)]
pub struct Step<'a> {
    /// Files done.
    pub done: usize,
    /// Files in all.
    pub of: usize,
    /// The file that was just done, if it is not healthy.
    pub file: Option<&'a FileLine>,
}

/// Looks at every rollout below `home` with that many threads, and shows `each` step. Where `each` says no, it ends there
/// and sums up what was seen.
pub fn survey(disk: &dyn Disk, home: &Path, threads: usize, each: &mut dyn FnMut(Step<'_>) -> bool) -> HomeReport {
    let mut files = Vec::new();
    walk(disk, home, |_| true, |file| files.push(file));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let present: HashSet<Uuid> = files.iter().filter_map(|file| Some(file.name.as_ref()?.rollout_id())).collect();
    let mut summing = Summing::new(home);
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (sender, glances) = mpsc::sync_channel(64);
        for _ in 0..threads.clamp(1, 16) {
            let (sender, files, present, next, stopped) = (sender.clone(), &files, &present, &next, &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { break };
                    if sender.send((at, Glance::at(disk, file, present))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        summing.gather(&files, &glances, each);
        stopped.store(true, Ordering::Relaxed);
    });
    summing.finish()
}

struct Summing {
    report: HomeReport,
    threads: HashSet<Uuid>,
    classes: BTreeMap<String, ClassTotal>,
}

impl Summing {
    fn new(home: &Path) -> Summing {
        let report = HomeReport { home: home.display().to_string(), ..HomeReport::default() };
        Summing { report, threads: HashSet::new(), classes: BTreeMap::new() }
    }

    /// Takes what the threads saw, in the order of the files.
    fn gather(
        &mut self,
        files: &[RolloutFile],
        glances: &mpsc::Receiver<(usize, Glance)>,
        each: &mut dyn FnMut(Step<'_>) -> bool,
    ) {
        let mut early: BTreeMap<usize, Glance> = BTreeMap::new();
        let mut done = 0;
        for (at, glance) in glances {
            early.insert(at, glance);
            while let Some((file, glance)) = files.get(done).zip(early.remove(&done)) {
                done += 1;
                let line = self.take(file, glance);
                let goes_on = each(Step { done, of: files.len(), file: line.as_ref() });
                if let Some(line) = line {
                    self.keep(line);
                }
                if !goes_on {
                    return;
                }
            }
        }
    }

    /// Counts a file; gives its line if it is not healthy.
    fn take(&mut self, file: &RolloutFile, glance: Glance) -> Option<FileLine> {
        let report = &mut self.report;
        report.files += 1;
        report.segments += u64::from(file.name.as_ref().is_some_and(|name| name.segment.is_some()));
        report.archived += u64::from(!file.is_active);
        report.compressed += u64::from(file.is_compressed());
        report.bytes += glance.bytes;
        report.records += glance.records;
        self.threads.extend(glance.thread.map(|thread| thread.uuid()));
        *report.eras.entry(glance.era.map_or("unknown", era_name).to_owned()).or_default() += 1;
        let version = glance.version.clone().unwrap_or_else(|| "unknown".to_owned());
        let is_room = report.versions.contains_key(&version) || report.versions.len() < INSPECTED_VERSIONS;
        *report.versions.entry(if is_room { version } else { "other".to_owned() }).or_default() += 1;
        let line = glance.into_line(file);
        *report.verdicts.entry(line.verdict.name().to_owned()).or_default() += 1;
        for class in &line.damage {
            let total = self.classes.entry(class.class.clone()).or_insert_with(|| ClassTotal {
                class: class.class.clone(),
                follows: class.follows,
                text: class.text.clone(),
                files: 0,
                count: 0,
            });
            total.files += 1;
            total.count += class.count;
            total.follows = total.follows.max(class.follows);
        }
        (line.verdict != Verdict::Healthy).then_some(line)
    }

    fn keep(&mut self, line: FileLine) {
        if self.report.damaged.len() < INSPECTED_DAMAGED {
            self.report.damaged.push(line);
        } else {
            self.report.further += 1;
        }
    }

    fn finish(mut self) -> HomeReport {
        self.report.threads = self.threads.len() as u64;
        self.report.classes = self.classes.into_values().collect();
        self.report.classes.sort_by_key(|class| (std::cmp::Reverse(class.follows), std::cmp::Reverse(class.files)));
        self.report
    }
}

/// The word for an era.
pub fn era_name(era: Era) -> &'static str {
    match era {
        Era::Bare => "bare",
        Era::Envelope => "envelope",
        Era::WorldState => "world-state",
        Era::Paginated => "paginated",
    }
}
