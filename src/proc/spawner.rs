//! The one thread that starts processes.
//!
//! The kernel takes a parent's death to be the death of the *thread* that forked. A worker of an async runtime may end
//! long before the process does, and would take its children with it. So one thread does all the forking; it is made
//! at the first order and ends with the process.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};

use std::os::unix::process::CommandExt;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{Pid, getpid, set_child_subreaper};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::child::Child;
use super::tag::{TAG_VAR, Tag};
use super::warden;

/// A process to be started.
#[derive(Debug)]
pub struct Order {
    /// The `rehydra` binary, absolute: see [`super::launcher_path`].
    pub launcher: PathBuf,
    /// Program and arguments. A program without `/` is looked for on the PATH of `env`.
    pub argv: Vec<String>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// Its whole environment; the tag is added to it.
    pub env: Vec<(String, String)>,
    /// By which it is found again.
    pub tag: Tag,
    /// What the launcher is given for what it does before it becomes the command.
    pub gift: Option<Gift>,
}

/// A descriptor for the launcher alone, and what it is told about it: `OPTION NUMBER WORDS…` stands on its command line
/// between the parent's number and the `--`. This room does not know what it is for; whoever answers `__exec` takes the
/// words out before [`super::exec_launcher`] sees the rest, and the descriptor with them.
#[derive(Debug)]
pub struct Gift {
    /// The option that is followed by the descriptor's number.
    pub option: &'static str,
    /// The descriptor. The copy on our side is closed once the launcher has been started.
    pub fd: OwnedFd,
    /// What else it is told.
    pub words: Vec<&'static str>,
}

/// A gift's descriptor is never given as one of these, which are the command's pipes.
const STANDARD_STREAMS: i32 = 3;

/// A process that was started, and its pipes.
#[derive(Debug)]
pub struct Spawned {
    /// The process.
    pub child: Child,
    /// Its standard input.
    pub stdin: ChildStdin,
    /// Its standard output.
    pub stdout: ChildStdout,
    /// Its standard error.
    pub stderr: ChildStderr,
}

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// There is no command.
    #[error("the command is empty; give a program to start")]
    Empty,
    /// Its working directory is not there.
    #[error("the working directory {0} is no directory; make it before the process is started")]
    Cwd(PathBuf),
    /// The launcher or one of its helpers could not be started.
    #[error("failed to start {launcher}: {source}; check that it is a `rehydra` binary and can be run")]
    Launcher {
        /// The launcher.
        launcher: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The spawning thread could not be made, or the process not be watched.
    #[error("failed to set up what watches a process: {0}")]
    Watch(io::Error),
}

/// Starts a process through the launcher. That the *command* could be started is not known yet: if it cannot, the process
/// ends with code 126 or 127 and says why on stderr, beginning with [`super::LAUNCH_FAILED`].
pub async fn spawn(order: Order) -> Result<Spawned, SpawnError> {
    if order.argv.is_empty() {
        return Err(SpawnError::Empty);
    }
    if !order.cwd.is_dir() {
        return Err(SpawnError::Cwd(order.cwd));
    }
    let launcher = order.launcher.clone();
    let started = forked(order).map_err(SpawnError::Watch)?.await;
    let mut process = match started {
        Ok(Ok(process)) => process,
        Ok(Err(source)) => return Err(SpawnError::Launcher { launcher, source }),
        Err(_) => return Err(SpawnError::Watch(io::Error::other("the spawning thread has ended"))),
    };
    watched(&mut process).map_err(|error| {
        discard(process);
        SpawnError::Watch(error)
    })
}

type Forked = oneshot::Sender<io::Result<std::process::Child>>;
type Job = (Order, Forked);

static SPAWNER: Mutex<Option<mpsc::Sender<Job>>> = Mutex::new(None);

/// Hands the order to the thread.
fn forked(order: Order) -> io::Result<oneshot::Receiver<io::Result<std::process::Child>>> {
    let (answer, answered) = oneshot::channel();
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = match spawner.as_ref() {
        Some(jobs) => jobs,
        None => {
            let (jobs, queue) = mpsc::channel();
            std::thread::Builder::new().name("rehydra-spawner".into()).spawn(move || serve(&queue))?;
            spawner.insert(jobs)
        }
    };
    // A thread that has ended drops the answer, and the caller learns it there.
    let _ = jobs.send((order, answer));
    Ok(answered)
}

fn serve(queue: &mpsc::Receiver<Job>) {
    // What our children leave behind becomes ours, so that it can be found by descent and reaped.
    let adopted = set_child_subreaper(Some(getpid()));
    let mut warden = None;
    while let Ok((order, answer)) = queue.recv() {
        let started = adopted.map_err(io::Error::from).and_then(|()| {
            if warden.is_none() {
                warden = Some(warden::start(&order.launcher)?);
            }
            start(&order)
        });
        // With it goes our copy of its gift: whoever waits at the other end learns of the launcher's death.
        drop(order);
        // Whoever asked has gone: nobody would ever reap it.
        if let Err(Ok(process)) = answer.send(started) {
            discard(process);
        }
    }
}

fn start(order: &Order) -> io::Result<std::process::Child> {
    let Some(gift) = &order.gift else { return command(order, None).spawn() };
    // A copy that is inherited, for the time of this one fork: no target is started by any thread but this.
    let copy = fcntl_dupfd_cloexec(&gift.fd, STANDARD_STREAMS)?;
    fcntl_setfd(&copy, FdFlags::empty())?;
    command(order, Some((gift, copy.as_raw_fd()))).spawn()
}

fn command(order: &Order, gift: Option<(&Gift, i32)>) -> Command {
    let mut command = Command::new(&order.launcher);
    command.args(["__exec", "--parent", &std::process::id().to_string()]);
    if let Some((gift, number)) = gift {
        command.args([gift.option, &number.to_string()]).args(&gift.words);
    }
    command
        .arg("--")
        .args(&order.argv)
        .current_dir(&order.cwd)
        .env_clear()
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .env(TAG_VAR, order.tag.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

fn watched(process: &mut std::process::Child) -> io::Result<Spawned> {
    let missing = || io::Error::other("a pipe is missing");
    let stdin = ChildStdin::from_std(process.stdin.take().ok_or_else(missing)?)?;
    let stdout = ChildStdout::from_std(process.stdout.take().ok_or_else(missing)?)?;
    let stderr = ChildStderr::from_std(process.stderr.take().ok_or_else(missing)?)?;
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).ok_or_else(missing)?;
    Ok(Spawned { child: Child::adopt(pid)?, stdin, stdout, stderr })
}

fn discard(mut process: std::process::Child) {
    let _ = process.kill();
    let _ = process.wait();
}
