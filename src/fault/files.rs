//! What becomes of each thing that a life does to its session files, and the record of it.
//!
//! The injector asks here, in one order over all threads and children of the life: let it happen, cut it, fail it, hold it.
//! A fault that is armed for a call of this life may fire; an error that is to last goes on. All else happens as it would
//! have. Whatever happens, or is kept from happening, is journalled as [`WriteSeen`] with the bytes that were to be
//! written, so that every state that a death or a power loss could have left on disk can be made from the journal alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::armed::{Armed, Due};
use super::plan::{Action, FileError, Signal, Trigger};
use super::touch::{self, Touch};
use super::write::{Attempt, Decision, Op, Then, Watch};
use crate::glob;
use crate::journal::{CallId, FileOp, Journal, Kind, Lane, Missed, NEVER_DONE, WriteSeen, is_session_path};

/// The files of one life.
pub struct LifeFiles {
    /// Appends to the life.
    pub journal: Journal,
    /// The faults.
    pub armed: Arc<Armed>,
    /// The run's directory. What lies outside of it is nobody's session file.
    pub run: PathBuf,
    /// The usual home, from which paths are told.
    pub home: PathBuf,
    state: Mutex<State>,
    /// Which calls were sent to this life.
    ours: OnceLock<Box<dyn Fn(CallId) -> bool + Send + Sync>>,
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct State {
    /// The fault that fired at the touch that is being decided.
    due: Option<Due>,
    /// Errors that last.
    lasting: Vec<(Trigger, FileError)>,
    names: Names,
}

/// Files that go by another name than the one they were opened by.
///
/// The kernel tells of an open file by which name it was opened, and that this name is gone. A file that is published
/// under its final name by a link, after which its first name goes, would be told by that first name for ever.
#[derive(Default)]
struct Names {
    /// Further names, by the one that they were linked from.
    links: BTreeMap<PathBuf, PathBuf>,
    /// What goes by another name now.
    moved: BTreeMap<PathBuf, PathBuf>,
}

impl Names {
    /// What the kernel adds to a name that is gone.
    const GONE: &str = " (deleted)";

    fn happened(&mut self, attempt: &Attempt<'_>) {
        match (attempt.op, attempt.to) {
            (Op::Link, Some(to)) => drop(self.links.insert(attempt.path.to_owned(), to.to_owned())),
            (Op::Unlink, _) => {
                if let Some(to) = self.links.remove(attempt.path) {
                    self.moved.insert(attempt.path.to_owned(), to);
                }
            }
            _ => {}
        }
    }

    /// The name that an open file goes by.
    fn of(&self, path: &Path) -> Option<&PathBuf> {
        self.moved.get(Path::new(path.to_str()?.strip_suffix(Names::GONE)?))
    }
}

impl LifeFiles {
    /// Must be called within a tokio runtime.
    pub fn new(journal: Journal, armed: Arc<Armed>, home: PathBuf) -> LifeFiles {
        let run = journal.dir().to_owned();
        let (state, ours) = (Mutex::default(), OnceLock::new());
        LifeFiles { journal, armed, run, home, state, ours, runtime: tokio::runtime::Handle::current() }
    }

    /// Says which calls are this life's; before that none is. Only the first call counts.
    pub fn set_calls(&self, ours: impl Fn(CallId) -> bool + Send + Sync + 'static) {
        let _ = self.ours.set(Box::new(ours));
    }

    fn is_ours(&self, call: CallId) -> bool {
        self.ours.get().is_some_and(|ours| ours(call))
    }

    /// The path as journals and scenarios tell it: below the home, or by the way from there.
    fn told(&self, path: &Path) -> Option<String> {
        let gone = path.as_os_str().as_encoded_bytes().ends_with(Names::GONE.as_bytes());
        let moved = if gone { self.lock().names.of(path).cloned() } else { None };
        let path = moved.as_deref().unwrap_or(path);
        let way = match (path.strip_prefix(&self.home), path.strip_prefix(&self.run)) {
            (Ok(below), _) => below.to_owned(),
            (Err(_), Ok(below)) => Path::new("..").join(below),
            _ => return None,
        };
        Some(way.to_string_lossy().into_owned())
    }

    fn lasting(&self, touch: &Touch<'_>) -> Option<FileError> {
        let state = self.lock();
        let fails = |(at, _): &&(Trigger, FileError)| match at {
            Trigger::Read { path, .. } => touch.attempt.op == Op::Read && glob::matches(path, touch.path),
            Trigger::Sync { path, .. } => touch.attempt.op == Op::Sync && glob::matches(path, touch.path),
            Trigger::Write { path, .. } => {
                touch::touched(touch.attempt.op).is_some() && glob::matches(path, touch.path)
            }
            // A file system that fails one record fails whatever comes after it.
            _ => touch::touched(touch.attempt.op).is_some() && is_session_path(touch.path),
        };
        state.lasting.iter().find(fails).map(|(_, error)| *error)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for LifeFiles {
    fn covers(&self, path: &Path) -> bool {
        let Some(told) = self.told(path) else { return false };
        is_session_path(&told)
            || self.armed.names(&|call| self.is_ours(call), &told)
            || self.lock().lasting.iter().any(|(at, _)| touch::names(at, &told))
    }

    fn about_to(&self, attempt: &Attempt<'_>) -> Decision {
        let Some(told) = self.told(attempt.path) else { return Decision::Pass };
        let touch = Touch { attempt, path: &told };
        if let Some(error) = self.lasting(&touch) {
            return Decision::Cut { bytes: 0, then: Then::Errno(error.errno()) };
        }
        let Some(due) = self.armed.touched(&|call| self.is_ours(call), &touch) else { return Decision::Pass };
        let decision = decision(&due);
        if let Action::Errno { error, lasting: true } = due.fault.what {
            self.lock().lasting.push((due.fault.at.clone(), error));
        }
        self.lock().due = Some(due);
        decision
    }

    fn happened(&self, attempt: &Attempt<'_>, landed: u64, errno: Option<i32>) {
        let due = self.lock().due.take();
        // Whatever is no write is done whole or not at all.
        let cut = due.as_ref().is_some_and(|due| matches!(decision(due), Decision::Cut { .. }));
        let errno = errno.or((cut && attempt.op != Op::Write).then_some(NEVER_DONE));
        if errno.is_none() {
            self.lock().names.happened(attempt);
        }
        if let Some(path) = self.told(attempt.path) {
            self.journal.append(Lane::Fault, Kind::Write(self.seen(attempt, path, landed, errno)));
        }
        if let Some(due) = due.filter(|due| !due.fault.what.is_about_files()) {
            let _within = self.runtime.enter();
            self.armed.take(&due);
        }
    }

    fn trouble(&self, text: &str) {
        self.journal.append(Lane::Fault, Kind::Missed(Missed { text: text.to_owned() }));
    }
}

impl LifeFiles {
    fn seen(&self, attempt: &Attempt<'_>, path: String, landed: u64, errno: Option<i32>) -> WriteSeen {
        let is_write = attempt.op == Op::Write;
        WriteSeen {
            order: attempt.order,
            op: op(attempt.op),
            path,
            to: attempt.to.and_then(|to| self.told(to)),
            offset: attempt.offset,
            len: match attempt.op {
                Op::Truncate { len } => len,
                _ => attempt.data.len() as u64,
            },
            landed,
            errno,
            record_kind: if is_write { touch::record_kind(attempt.data) } else { None },
            body: is_write.then(|| self.journal.body(attempt.data)),
        }
    }
}

/// What the program meets.
fn decision(due: &Due) -> Decision {
    let bytes = due.lands;
    match due.fault.what {
        // Nothing that the program does after this counts: it is not answered before it is dead.
        Action::Kill { signal: Signal::Kill | Signal::Abort, .. } => Decision::Cut { bytes, then: Then::NoReturn },
        Action::Errno { error, .. } => Decision::Cut { bytes, then: Then::Errno(error.errno()) },
        Action::Short => Decision::Cut { bytes, then: Then::Short },
        Action::Delay { ms } => Decision::Delay(Duration::from_millis(ms)),
        Action::Hold => Decision::Hold,
        _ => Decision::Pass,
    }
}

fn op(op: Op) -> FileOp {
    match op {
        Op::Write => FileOp::Write,
        Op::Truncate { .. } => FileOp::Truncate,
        Op::Rename => FileOp::Rename,
        Op::Link => FileOp::Link,
        Op::Unlink => FileOp::Unlink,
        Op::Create => FileOp::Create,
        Op::Mkdir => FileOp::Mkdir,
        Op::Sync => FileOp::Sync,
        Op::Read => FileOp::Read,
    }
}
