//! One life of a live target: its process, its pipes, and the tasks that watch them.
//!
//! Three tasks belong to a life. Two read stdout and stderr to their ends. The third waits for the process's end, gives
//! the readers time to drain what is still in the pipes (a grandchild may hold them open, so that time has a limit), and
//! then journals `Exit` and ends the open calls. Whatever was read before counts as said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::ChildStdin;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::reading;
use super::speech::Speech;
use super::tap::Frames;
use super::watching::Watching;
use super::{LifePlan, live::Fixed};
use crate::fault::plan::{Action, Signal, Whom};
use crate::journal::{CallId, Exit, Journal, Kind, Lane, Seq, Spawn};
use crate::proc::{self, Child, Ended, Order, Scope, SpawnError};
use crate::wire::Outbox;

/// Most frame names that are remembered; a server that makes up more gets no credit for them.
const NAMES: usize = 4096;
/// Lines of stderr that an error text shows.
const TAIL_LINES: usize = 12;

/// Where a life stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// The process is there.
    Running,
    /// It has ended; its pipes are being drained.
    Exited,
    /// Drained, journalled, its calls ended.
    Over {
        /// The `Exit` event.
        exit: Seq,
        /// How the process ended.
        ended: Ended,
        /// Until when something of it may still be there.
        deadline: Instant,
    },
}

/// See the module.
pub(super) struct Life {
    pub(super) fixed: Arc<Fixed>,
    /// Whatever is appended here belongs to this life, also while another client has a newer one.
    pub(super) journal: Journal,
    pub(super) child: Child,
    pub(super) outbox: Outbox<ChildStdin>,
    pub(super) calls: Arc<Calls>,
    pub(super) speech: Speech,
    pub(super) scope: Scope,
    /// Names of the frames read so far.
    pub(super) names: watch::Sender<BTreeSet<String>>,
    /// The first line on stdout that was no message.
    pub(super) junk: Mutex<Option<String>>,
    /// It printed more than its limit and no message among that.
    pub(super) drowned: AtomicBool,
    /// The first lines of calls with a fault, which may want one again.
    lines: Mutex<BTreeMap<CallId, Vec<u8>>>,
    /// The last lines of stderr.
    tail: Mutex<VecDeque<String>>,
    /// What was done to end it.
    asked: Mutex<Option<&'static str>>,
    /// It is stopped and will not answer before it is told to go on.
    stopped: AtomicBool,
    phase: watch::Sender<Phase>,
    stop: CancellationToken,
    watcher: Mutex<Option<AbortHandle>>,
    /// The injector, where the story needs it.
    watching: Option<Watching>,
}

impl Life {
    /// Spawns the process, journals `Spawn` (whose number is returned) and starts the tasks.
    pub(super) async fn begin(fixed: &Arc<Fixed>, plan: &LifePlan) -> Result<(Arc<Life>, Seq), SpawnError> {
        let tag = fixed.tag.of(&plan.incarnation.to_string());
        let (env, argv) = (fixed.env_of(&plan.differs), fixed.argv_of(&plan.differs));
        let mut order = Order {
            launcher: fixed.launcher.clone(),
            argv: argv.clone(),
            cwd: plan.process_cwd.clone(),
            env: env.clone(),
            tag: tag.clone(),
            gift: None,
        };
        let journal = fixed.journal.of_life(plan.incarnation);
        let watching = Watching::begin(fixed, &journal, &mut order).map_err(SpawnError::Watch)?;
        let spawned = proc::spawn(order).await?;
        let spawn = Spawn {
            pid: spawned.child.pid(),
            argv,
            cwd: plan.process_cwd.display().to_string(),
            env: fixed.shown(&env),
            target: plan.differs.server.as_ref().map(|server| Box::new(server.profile.clone())),
            watched: fixed.watched,
        };
        let seq = journal.append(Lane::Target, Kind::Spawn(spawn));
        let log = journal.dir().join(format!("stderr-{}.log", plan.incarnation));
        let stop = CancellationToken::new();
        let life = Arc::new(Life {
            scope: Scope::new(tag, Some(spawned.child.pid())),
            outbox: Outbox::start(spawned.stdin, Arc::new(Frames(journal.clone()))),
            calls: Arc::new(Calls::new(journal.clone(), Arc::clone(&fixed.armed))),
            speech: Speech::new(fixed),
            child: spawned.child,
            names: watch::Sender::default(),
            junk: Mutex::default(),
            drowned: AtomicBool::new(false),
            lines: Mutex::default(),
            tail: Mutex::default(),
            asked: Mutex::default(),
            stopped: AtomicBool::new(false),
            phase: watch::Sender::new(Phase::Running),
            stop: stop.clone(),
            watcher: Mutex::default(),
            fixed: Arc::clone(fixed),
            journal,
            watching,
        });
        if let Some(watching) = &life.watching {
            watching.belongs_to(&life.calls);
        }
        let readers = [
            tokio::spawn(reading::stdout(Arc::clone(&life), spawned.stdout, stop.clone())),
            tokio::spawn(reading::stderr(Arc::clone(&life), spawned.stderr, log, stop)),
        ];
        let watcher = tokio::spawn(Arc::clone(&life).watch(readers));
        *lock(&life.watcher) = Some(watcher.abort_handle());
        Ok((life, seq))
    }

    /// Acts for a call: on the process, or on what the client writes.
    pub(super) fn act_for(&self, call: CallId, action: Action) {
        match action {
            Action::Cancel => self.cancel(call),
            Action::Repeat => {
                if let Some(line) = lock(&self.lines).get(&call).cloned() {
                    drop(self.outbox.send(line, |_| {}, || {}));
                }
            }
            action => self.act(action),
        }
    }

    /// Takes a call back: says so to the target, in a dialect that has a word for it, and waits no longer.
    fn cancel(&self, call: CallId) {
        let Some(slot) = self.calls.slot_of(call) else { return };
        let Some(line) = self.speech.cancel(slot) else { return };
        drop(self.outbox.send(line, |frame| self.calls.cancelled(slot, frame), || {}));
    }

    /// Remembers the line that a call with a fault begins with.
    pub(super) fn keep(&self, call: CallId, line: &[u8]) {
        lock(&self.lines).insert(call, line.to_vec());
    }

    /// What it was kept from doing to its files happens now.
    pub(super) fn release(&self) {
        if let Some(watching) = &self.watching {
            watching.release();
        }
    }

    /// Ready when all that the life did to its files is in the journal. A daemon goes on, and is watched until the target
    /// goes.
    pub(super) async fn files_told(&self) {
        if let Some(watching) = &self.watching {
            watching.end(&self.fixed).await;
        }
    }

    /// Acts on the process, at once, and remembers it if it is meant to end the life.
    pub(super) fn act(&self, action: Action) {
        // Held while it is done, so that nobody tells of a death before its cause is noted.
        let mut asked = lock(&self.asked);
        let done = match action {
            Action::Kill { signal, whom } => {
                let (number, name) = of(signal);
                let there = match whom {
                    Whom::Server => self.child.signal(number),
                    Whom::Group => self.child.signal_group(number),
                };
                there.then_some(name)
            }
            Action::Eof => {
                let there = self.is_running();
                self.outbox.close();
                there.then_some("eof")
            }
            Action::Stop => {
                self.stopped.store(true, Ordering::Relaxed);
                self.child.stop_group();
                None
            }
            Action::Continue => {
                self.stopped.store(false, Ordering::Relaxed);
                self.child.signal_group(proc::Signal::CONT);
                None
            }
            // Of a call or a file, and not of a life.
            Action::Cancel
            | Action::Repeat
            | Action::Errno { .. }
            | Action::Short
            | Action::Delay { .. }
            | Action::Hold => None,
        };
        if let Some(name) = done {
            asked.get_or_insert(name);
        }
    }

    /// What was done to end it, first.
    pub(super) fn asked(&self) -> Option<String> {
        lock(&self.asked).map(str::to_owned)
    }

    /// Whether it can be expected to answer: it runs, is not stopped, and nothing was done to end it.
    pub(super) fn is_responsive(&self) -> bool {
        self.is_running() && !self.stopped.load(Ordering::Relaxed) && lock(&self.asked).is_none()
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Running)
    }

    /// Ready once the process has ended.
    pub(super) fn exited(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.phase.subscribe();
        async move {
            let _ = phase.wait_for(|phase| !matches!(phase, Phase::Running)).await;
        }
    }

    /// Ready once it is over, with its last phase.
    pub(super) async fn over(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let over = phase.wait_for(|phase| matches!(phase, Phase::Over { .. })).await;
        over.map_or(Phase::Exited, |phase| *phase)
    }

    /// A frame of that name was read.
    pub(super) fn saw(&self, name: &str) {
        self.names.send_if_modified(|names| names.len() < NAMES && names.insert(name.to_owned()));
    }

    /// A line of stderr, for error texts.
    pub(super) fn complained(&self, line: String) {
        let mut tail = lock(&self.tail);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }

    /// The last lines of stderr.
    pub(super) fn complaints(&self) -> Vec<String> {
        lock(&self.tail).iter().cloned().collect()
    }

    /// Ends everything without ceremony: nobody will bury this life.
    pub(super) fn abandon(&self) {
        self.child.signal_group(proc::Signal::KILL);
        self.stop.cancel();
        if let Some(watcher) = lock(&self.watcher).take() {
            watcher.abort();
        }
    }

    async fn watch(self: Arc<Life>, readers: [JoinHandle<()>; 2]) {
        let ended = self.child.wait().await.unwrap_or(Ended { code: None, signal: None });
        self.phase.send_replace(Phase::Exited);
        let deadline = Instant::now() + Duration::from_millis(self.fixed.limits.leftover_ms);
        for mut reader in readers {
            if timeout_at(deadline, &mut reader).await.is_err() {
                self.stop.cancel();
                let _ = reader.await;
            }
        }
        self.outbox.close();
        let exit = Exit { code: ended.code, signal: ended.signal };
        let exit = self.journal.append(Lane::Target, Kind::Exit(exit));
        self.calls.close(exit);
        self.phase.send_replace(Phase::Over { exit, ended, deadline });
    }
}

/// The signal's number, and its name in a journal.
fn of(signal: Signal) -> (proc::Signal, &'static str) {
    match signal {
        Signal::Kill => (proc::Signal::KILL, "KILL"),
        Signal::Term => (proc::Signal::TERM, "TERM"),
        Signal::Int => (proc::Signal::INT, "INT"),
        Signal::Abort => (proc::Signal::ABORT, "ABRT"),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
