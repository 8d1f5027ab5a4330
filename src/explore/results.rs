//! What came out of a sweep: kept point by point while it goes on, sorted into classes at its end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::classes::{Class, Outcome};
use super::points::Point;
use super::sweep::{Plan, SweepError};
use super::tail;
use crate::journal::sha256_hex;
use crate::target::past::Recording;

/// One point and what came out there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swept {
    /// The point in words, unique in its sweep.
    pub point: String,
    /// The life that died.
    pub life: u32,
    /// The step under way.
    pub step: u32,
    /// Constructed.
    pub constructed: Outcome,
    /// Played live, if it was.
    pub live: Option<Outcome>,
    /// The scenario of a pair of deaths that broke something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
}

/// What a sweep has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// The conversation's points, duplicates included.
    pub all: usize,
    /// Those that leave different states.
    pub distinct: usize,
    /// Those that were played, in the order of the conversation.
    pub swept: Vec<Swept>,
    /// What a quiet death breaks.
    pub quiet: Outcome,
    /// The classes, the fine one first, with their points and the file of their smallest example.
    pub classes: Vec<(Class, Vec<usize>, Option<PathBuf>)>,
    /// How many points were played live as well, and those that came out otherwise.
    pub live: usize,
    /// Places in [`Report::swept`] where live and constructed differ.
    pub differ: Vec<usize>,
}

impl Report {
    /// How many points break a promise that a quiet death keeps, or leave a bad record.
    pub fn broken(&self) -> usize {
        self.classes.iter().filter(|(class, ..)| !class.is_fine()).map(|(_, places, _)| places.len()).sum()
    }

    /// How many points could not be judged.
    pub fn unjudged(&self) -> usize {
        self.classes.iter().filter(|(class, ..)| class.error).map(|(_, places, _)| places.len()).sum()
    }
}

/// Sorts what came out into classes, and writes the smallest example of each.
pub(super) fn report(
    plan: &Plan,
    recorded: &Recording,
    (all, distinct): (usize, &[Point]),
    swept: Vec<Swept>,
    quiet: Outcome,
) -> Result<Report, SweepError> {
    let mut classes: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (at, one) in swept.iter().enumerate() {
        classes.entry(one.constructed.class(&quiet)).or_default().push(at);
    }
    let mut sorted = Vec::new();
    for (number, (class, places)) in classes.into_iter().enumerate() {
        // What has least before it is the smallest: the record's order is the conversation's.
        let first = places.first().and_then(|at| swept.get(*at));
        let story = first.filter(|_| !class.is_fine()).and_then(|one| {
            let point = distinct.iter().find(|point| point.what == one.point);
            let made =
                point.map(|point| crate::scenario::to_toml(&tail::scenario(&plan.scenario, &recorded.run, point)));
            Some(format!("# {}\n# {}\n\n{}", class.text(), one.point, made.or_else(|| one.story.clone())?))
        });
        let example = match story {
            Some(text) => {
                let path = plan.dir.join(format!("class-{number}.toml"));
                let failed = |error| SweepError(format!("failed to write {}: {error}", path.display()));
                fs::write(&path, text).map_err(failed)?;
                Some(path)
            }
            None => None,
        };
        sorted.push((class, places, example));
    }
    let is_live = |one: &&Swept| one.live.is_some();
    let live = swept.iter().filter(is_live).count();
    let differs =
        |one: &Swept| one.live.as_ref().is_some_and(|live| live.class(&quiet) != one.constructed.class(&quiet));
    let differ = swept.iter().enumerate().filter(|(_, one)| differs(one)).map(|(at, _)| at).collect();
    Ok(Report { all, distinct: distinct.len(), swept, quiet, classes: sorted, live, differ })
}

/// What came out so far, a line a point, so that a sweep that was stopped goes on.
pub(super) struct Results {
    file: fs::File,
    path: PathBuf,
    done: BTreeMap<String, Swept>,
}

impl Results {
    pub(super) fn open(plan: &Plan, recorded: &Recording) -> Result<Results, SweepError> {
        let started = &recorded.run.header.started;
        let path = plan.dir.join(format!("points-{}.jsonl", &sha256_hex(started.as_bytes())[..8]));
        let failed = |error: io::Error| SweepError(format!("failed to keep results in {}: {error}", path.display()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        // A line that was being written when the sweep was stopped is played again.
        let done = text.lines().filter_map(|line| serde_json::from_str::<Swept>(line).ok());
        let done = done.map(|swept| (swept.point.clone(), swept)).collect();
        let file = fs::OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        Ok(Results { file, path, done })
    }

    pub(super) fn has(&self, point: &Point) -> bool {
        self.done.contains_key(&point.what)
    }

    pub(super) fn keep(&mut self, swept: Swept) -> Result<(), SweepError> {
        let failed =
            |error: io::Error| SweepError(format!("failed to keep results in {}: {error}", self.path.display()));
        let line = serde_json::to_string(&swept).map_err(|error| failed(error.into()))?;
        writeln!(self.file, "{line}").map_err(failed)?;
        self.done.insert(swept.point.clone(), swept);
        Ok(())
    }

    pub(super) fn of(&self, point: &Point) -> Option<Swept> {
        self.done.get(&point.what).cloned()
    }
}
