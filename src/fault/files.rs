//! What becomes of each thing that a life does to its session files, and the record of it.
//!
//! The injector asks here, in one order over all threads and children of the life: let it happen, cut it, fail it, hold it.
//! A fault that is armed for a call of this life may fire; an error that is to last goes on. All else happens as it would
//! have. Whatever happens, or is kept from happening, is journalled as [`WriteSeen`] with the bytes that were to be
//! written, so that every state that a death or a power loss could have left on disk can be made from the journal alone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::armed::{Armed, Due};
use super::plan::{Action, FileError, Signal, Trigger};
use super::touch::{self, Touch};
use super::write::{Attempt, Decision, Op, Then, Watch};
use crate::journal::{CallId, Journal, Kind, Lane, NEVER_DONE, WriteSeen, is_home_path, is_session_path};

/// How the kernel marks a name that is gone.
const GONE: &[u8] = b" (deleted)";

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
    /// Files that were given a further name, and which.
    links: HashMap<PathBuf, PathBuf>,
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

    /// The name that a file has. The kernel calls an open file by the name with which it was opened, also when that is
    /// gone; it may have another one. Nothing for a file without any.
    fn named<'p>(&self, path: &'p Path) -> Option<Cow<'p, Path>> {
        match path.as_os_str().as_bytes().strip_suffix(GONE) {
            Some(gone) if fs::symlink_metadata(path).is_err() => {
                self.lock().links.get(Path::new(OsStr::from_bytes(gone))).cloned().map(Cow::Owned)
            }
            _ => Some(Cow::Borrowed(path)),
        }
    }

    /// The path as journals and scenarios tell it: below the home, or by the way from there.
    fn told(&self, path: &Path) -> Option<String> {
        let path = self.named(path)?;
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
            Trigger::Read { path, .. } => touch.attempt.op == Op::Read && touch::fits(path, touch.path),
            Trigger::Sync { path, .. } => touch.attempt.op == Op::Sync && touch::fits(path, touch.path),
            Trigger::Write { path, .. } => touch::op(touch.attempt.op).changes() && touch::fits(path, touch.path),
            // A file system that fails one record fails whatever comes after it.
            _ => touch::op(touch.attempt.op).changes() && is_session_path(touch.path),
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
            || is_home_path(&told)
            || self.armed.names(&|call| self.is_ours(call), &told)
            || self.lock().lasting.iter().any(|(at, _)| touch::names(at, &told))
    }

    fn about_to(&self, attempt: &Attempt<'_>) -> Decision {
        let Some(told) = self.told(attempt.path).filter(|told| matters(told, attempt.op)) else {
            return Decision::Pass;
        };
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
            self.lock().learn(attempt);
        }
        if let Some(path) = self.told(attempt.path).filter(|told| matters(told, attempt.op)) {
            self.journal.append(Lane::Fault, Kind::Write(self.seen(attempt, path, landed, errno)));
        }
        if let Some(due) = due.filter(|due| !due.fault.what.is_about_files()) {
            let _within = self.runtime.enter();
            self.armed.take(&due);
        }
    }

    fn trouble(&self, text: &str) {
        self.journal.append(Lane::Fault, Kind::Missed(crate::journal::Missed { text: text.to_owned() }));
    }
}

impl LifeFiles {
    fn seen(&self, attempt: &Attempt<'_>, path: String, landed: u64, errno: Option<i32>) -> WriteSeen {
        let is_write = attempt.op == Op::Write;
        WriteSeen {
            order: attempt.order,
            op: touch::op(attempt.op),
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

impl State {
    fn learn(&mut self, attempt: &Attempt<'_>) {
        let Some(to) = attempt.to else { return };
        match attempt.op {
            Op::Create => drop(self.links.insert(to.to_owned(), attempt.path.to_owned())),
            Op::Rename => {
                self.links.values_mut().filter(|name| *name == attempt.path).for_each(|name| *name = to.into())
            }
            _ => {}
        }
    }
}

/// A home is looked at for one reason: its names may be synced.
fn matters(told: &str, op: Op) -> bool {
    op == Op::Sync || !is_home_path(told)
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
