//! Plays all cases on a parser, several at a time, and makes what fails smaller.
//!
//! Each worker has a room of its own: a home in which the one file lies, an empty directory to run in, an empty HOME. The
//! room is emptied between two files. In batch mode a worker keeps its process as long as it answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cases::Case;
use super::command::{Batch, Command, Mode, Ran, StartError};
use super::judge::{Judgement, judge};
use super::shrink::smaller;
use crate::limits::PARSER_SHRINK_RUNS;
use crate::proc::Tag;

/// What is played.
pub struct Suite {
    /// The parser.
    pub command: Command,
    /// The files.
    pub cases: Vec<Case>,
    /// At the same time.
    pub jobs: usize,
    /// What fails is made smaller.
    pub shrink: bool,
}

/// One case and what became of it.
#[derive(Clone, Debug)]
pub struct Played {
    /// The case as it was planned.
    pub case: Case,
    /// The verdict on it.
    pub judgement: Judgement,
    /// The smallest case that fails in the same way, where it is another one.
    pub smallest: Option<(Case, Judgement)>,
}

/// The parser could not be tried at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// Its process cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No room for it.
    #[error("failed to make or empty a directory for the parser: {0}; see that TMPDIR can be written")]
    Room(#[from] io::Error),
    /// A worker has died.
    #[error("a worker has died: {0}; report this, with the command")]
    Worker(String),
}

/// Plays them all; `ended` is called after each. In the order of the plan.
pub async fn play(suite: Suite, ended: impl Fn(&Played) + Send + Sync + 'static) -> Result<Vec<Played>, SuiteError> {
    let jobs = suite.jobs.clamp(1, suite.cases.len().max(1));
    let shared = Arc::new((suite, AtomicUsize::new(0), Mutex::new(Vec::new()), ended));
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..jobs {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let (suite, next, played, ended) = &*shared;
            let mut worker = Worker::new(&suite.command, n)?;
            let result = loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = suite.cases.get(at) else { break Ok(()) };
                match worker.play(case, suite.shrink).await {
                    Ok(one) => {
                        ended(&one);
                        played.lock().unwrap_or_else(PoisonError::into_inner).push((at, one));
                    }
                    Err(error) => break Err(error),
                }
            };
            worker.batch.end().await;
            result
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|error| SuiteError::Worker(error.to_string()))??;
    }
    let mut played = std::mem::take(&mut *shared.2.lock().unwrap_or_else(PoisonError::into_inner));
    played.sort_by_key(|(at, _)| *at);
    Ok(played.into_iter().map(|(_, one)| one).collect())
}

struct Worker<'a> {
    command: &'a Command,
    room: tempfile::TempDir,
    tag: Tag,
    batch: Batch,
}

impl Worker<'_> {
    fn new(command: &Command, n: usize) -> Result<Worker<'_>, SuiteError> {
        let room = tempfile::Builder::new().prefix("rehydra-parser-").tempdir()?;
        let tag = Tag::harness().of("parser").of(&n.to_string());
        fs::create_dir(room.path().join("work"))?;
        fs::create_dir(room.path().join("user"))?;
        Ok(Worker { command, room, tag, batch: Batch::new() })
    }

    async fn play(&mut self, case: &Case, shrink: bool) -> Result<Played, SuiteError> {
        let judgement = self.judged(case).await?;
        let smallest = match shrink && judgement.outcome.is_failure() {
            true => self.smallest(case, &judgement).await?,
            false => None,
        };
        Ok(Played { case: case.clone(), judgement, smallest })
    }

    /// Takes the first smaller case that fails in the same way, again and again.
    async fn smallest(&mut self, case: &Case, judgement: &Judgement) -> Result<Option<(Case, Judgement)>, SuiteError> {
        let mut best: Option<(Case, Judgement)> = None;
        let mut runs = PARSER_SHRINK_RUNS;
        'smaller: while let Some(recipe) = best.as_ref().map_or(&case.recipe, |(case, _)| &case.recipe) {
            for candidate in smaller(recipe) {
                if runs == 0 {
                    break 'smaller;
                }
                runs -= 1;
                let judged = self.judged(&candidate).await?;
                if fails_alike(&judged, judgement) {
                    best = Some((candidate, judged));
                    continue 'smaller;
                }
            }
            break;
        }
        // The smaller file keeps the name of the case for which it stands.
        Ok(best.map(|(smallest, judged)| (Case { name: case.name.clone(), ..smallest }, judged)))
    }

    async fn judged(&mut self, case: &Case) -> Result<Judgement, SuiteError> {
        let home = self.room.path().join("home");
        let file = case.path_in(&home);
        let beside = case.beside.iter().map(|(path, bytes)| (home.join(path), bytes));
        for (path, bytes) in beside.chain([(file.clone(), &case.bytes)]) {
            fs::create_dir_all(path.parent().unwrap_or(&home))?;
            fs::write(path, bytes)?;
        }
        let ran = self.run(&file, &home).await?;
        let changed = fs::read(&file).ok().as_ref() != Some(&case.bytes);
        let judgement = judge(&case.expected, &ran, changed);
        empty(&home)?;
        if self.command.mode == Mode::Single {
            // What a process in batch mode works with stays until it ends.
            for name in ["work", "user"] {
                empty(&self.room.path().join(name))?;
                fs::create_dir(self.room.path().join(name))?;
            }
        }
        Ok(judgement)
    }

    async fn run(&mut self, file: &Path, home: &Path) -> Result<Ran, StartError> {
        let room: PathBuf = self.room.path().to_owned();
        match self.command.mode {
            Mode::Single => self.command.once(&room, file, home, &self.tag).await,
            Mode::Batch => self.batch.give(self.command, &room, file, &self.tag).await,
        }
    }
}

fn empty(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The same outcome, for the same first reason.
fn fails_alike(one: &Judgement, other: &Judgement) -> bool {
    let first = |judgement: &Judgement| judgement.findings.first().map(|finding| finding.kind);
    one.outcome == other.outcome && first(one) == first(other)
}
