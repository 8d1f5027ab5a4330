//! A program under the injector, and everything that was seen of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use rehydra::fault::write::{Attempt, Decision, Op, Supervisor, Then, Watch, offer, refuse_descriptors};
use rehydra::proc::{self, Child, Ended, Order, Scope, Signal, Tag, find};
use tokio::io::AsyncReadExt;

/// What a program that hangs is given before its test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// What was heard of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) order: u64,
    pub(crate) op: Op,
    pub(crate) name: String,
    pub(crate) to: Option<String>,
    pub(crate) offset: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) landed: u64,
    pub(crate) errno: Option<i32>,
}

type Decide = Box<dyn FnMut(&Attempt<'_>) -> Decision + Send>;

/// Decides by a closure, and writes down what it hears.
pub(crate) struct Book {
    covered: PathBuf,
    decide: Mutex<Decide>,
    /// The attempt that does not return: once it has happened, the whole group is killed.
    last: Mutex<Option<u64>>,
    child: Mutex<Option<Arc<Child>>>,
    there: Condvar,
    pub(crate) asked: Mutex<Vec<Heard>>,
    pub(crate) heard: Mutex<Vec<Heard>>,
    pub(crate) troubles: Mutex<Vec<String>>,
    changed: tokio::sync::Notify,
}

impl Book {
    fn note(&self, attempt: &Attempt<'_>, landed: u64, errno: Option<i32>) -> Heard {
        let name = |path: &Path| path.strip_prefix(&self.covered).unwrap_or(path).display().to_string();
        Heard {
            order: attempt.order,
            op: attempt.op,
            name: name(attempt.path),
            to: attempt.to.map(name),
            offset: attempt.offset,
            data: attempt.data.to_vec(),
            landed,
            errno,
        }
    }
}

impl Watch for Book {
    fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.covered)
    }

    fn about_to(&self, attempt: &Attempt<'_>) -> Decision {
        lock(&self.asked).push(self.note(attempt, 0, None));
        let decision = (lock(&self.decide))(attempt);
        if let Decision::Cut { then: Then::NoReturn, .. } = decision {
            *lock(&self.last) = Some(attempt.order);
        }
        self.changed.notify_waiters();
        decision
    }

    fn happened(&self, attempt: &Attempt<'_>, landed: u64, errno: Option<i32>) {
        lock(&self.heard).push(self.note(attempt, landed, errno));
        if *lock(&self.last) == Some(attempt.order) {
            let there = |child: &mut Option<Arc<Child>>| child.is_none();
            let child = self.there.wait_while(lock(&self.child), there).unwrap();
            assert!(child.as_ref().unwrap().signal_group(Signal::KILL));
        }
        self.changed.notify_waiters();
    }

    fn trouble(&self, text: &str) {
        lock(&self.troubles).push(text.to_owned());
    }
}

/// How a program is to be run.
pub(crate) struct Rig {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) reads: bool,
    pub(crate) is_static: bool,
    /// Whether the supervisor may take descriptors.
    pub(crate) exact: bool,
}

/// A program that runs.
pub(crate) struct Running {
    pub(crate) book: Arc<Book>,
    pub(crate) supervisor: Supervisor,
    child: Arc<Child>,
    stdin: tokio::process::ChildStdin,
    stdout: tokio::process::ChildStdout,
    stderr: tokio::process::ChildStderr,
    scope: Scope,
}

/// What is left when it has ended.
pub(crate) struct Done {
    pub(crate) ended: Ended,
    pub(crate) said: String,
    pub(crate) asked: Vec<Heard>,
    pub(crate) heard: Vec<Heard>,
    pub(crate) troubles: Vec<String>,
}

impl Rig {
    pub(crate) fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("covered")).unwrap();
        Rig { dir, reads: false, is_static: true, exact: true }
    }

    /// A covered file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("covered").join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Starts the writer; `F` in its arguments stands for the directory of covered files, `U` for the one beside it.
    pub(crate) async fn start(
        &self,
        args: &str,
        decide: impl FnMut(&Attempt<'_>) -> Decision + Send + 'static,
    ) -> Running {
        let (covered, beside) = (self.path(""), self.dir.path().to_owned());
        let place = |part: &str| match (part.strip_prefix("F/"), part.strip_prefix("U/")) {
            (Some(name), _) => covered.join(name).display().to_string(),
            (_, Some(name)) => beside.join(name).display().to_string(),
            _ => part.to_owned(),
        };
        let fill = |arg: &str| arg.split(':').map(place).collect::<Vec<_>>().join(":");
        let mut argv = vec![writer(self.is_static).display().to_string()];
        argv.extend(args.split_whitespace().map(fill));
        self.start_any(argv, vec![], decide).await
    }

    pub(crate) async fn start_any(
        &self,
        argv: Vec<String>,
        env: Vec<(String, String)>,
        decide: impl FnMut(&Attempt<'_>) -> Decision + Send + 'static,
    ) -> Running {
        let book = Arc::new(Book {
            covered: self.dir.path().canonicalize().unwrap().join("covered"),
            decide: Mutex::new(Box::new(decide)),
            last: Mutex::default(),
            child: Mutex::default(),
            there: Condvar::new(),
            asked: Mutex::default(),
            heard: Mutex::default(),
            troubles: Mutex::default(),
            changed: tokio::sync::Notify::new(),
        });
        let (gift, handover) = offer(self.reads).unwrap();
        let watch: Arc<dyn Watch> = Arc::<Book>::clone(&book);
        let exact = self.exact;
        let start = move || {
            if !exact {
                refuse_descriptors().unwrap();
            }
            Supervisor::start(handover, watch).unwrap()
        };
        // A thread of its own, whose filter the supervisor's inherits.
        let supervisor = std::thread::spawn(start).join().unwrap();
        static RUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let run = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let tag = Tag::harness().of(&format!("injector-{run}"));
        let order = Order {
            launcher: launcher(),
            argv,
            cwd: self.dir.path().to_owned(),
            env,
            tag: tag.clone(),
            gift: Some(gift),
        };
        let spawned = proc::spawn(order).await.unwrap();
        let child = Arc::new(spawned.child);
        *lock(&book.child) = Some(Arc::clone(&child));
        book.there.notify_all();
        let scope = Scope::new(tag, Some(child.pid()));
        let (stdin, stdout, stderr) = (spawned.stdin, spawned.stdout, spawned.stderr);
        Running { book, supervisor, child, stdin, stdout, stderr, scope }
    }

    /// Runs the writer to its end.
    pub(crate) fn run(&self, args: &str, decide: impl FnMut(&Attempt<'_>) -> Decision + Send + 'static) -> Done {
        block_on(async { self.start(args, decide).await.end().await })
    }
}

impl Running {
    /// Waits until the book says so.
    pub(crate) async fn until(&self, seen: impl Fn(&Book) -> bool) {
        let wait = async {
            loop {
                let changed = self.book.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if seen(&self.book) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("it comes to that in time");
    }

    pub(crate) fn kill(&self) {
        assert!(self.child.signal_group(Signal::KILL));
    }

    /// Reads so many lines of what it prints.
    pub(crate) async fn lines(&mut self, count: usize) -> String {
        let mut said = String::new();
        while said.lines().count() < count || !said.ends_with('\n') {
            let mut byte = [0];
            let got = tokio::time::timeout(LIMIT, self.stdout.read(&mut byte)).await.unwrap().unwrap();
            assert_eq!(got, 1, "it has ended after {said:?}");
            said.push(byte[0] as char);
        }
        said
    }

    /// Drops the supervisor and gives what the program says from then on.
    pub(crate) async fn abandon(mut self) -> String {
        drop(self.supervisor);
        let mut said = String::new();
        tokio::time::timeout(LIMIT, self.stdout.read_to_string(&mut said)).await.unwrap().unwrap();
        self.child.wait().await.unwrap();
        said
    }

    /// Waits for its end; how it ended, and what it complained of.
    pub(crate) async fn end_with_complaint(mut self) -> (Ended, String) {
        let mut complaint = String::new();
        tokio::time::timeout(LIMIT, self.stderr.read_to_string(&mut complaint)).await.unwrap().unwrap();
        let ended = self.child.wait().await.unwrap();
        self.supervisor.join();
        (ended, complaint)
    }

    /// Waits for its end, and that nothing of it is left: no process, and no thread of the supervisor.
    pub(crate) async fn end(mut self) -> Done {
        let whole = async {
            let (mut said, mut complaint) = (String::new(), String::new());
            drop(self.stdin);
            let (out, err) =
                tokio::join!(self.stdout.read_to_string(&mut said), self.stderr.read_to_string(&mut complaint));
            out.unwrap();
            err.unwrap();
            assert_eq!(complaint, "");
            let ended = self.child.wait().await.unwrap();
            let left = proc::wait_gone(&self.scope, tokio::time::Instant::now() + LIMIT).await;
            assert_eq!(left, [0_u32; 0]);
            (ended, said)
        };
        let (ended, said) = tokio::time::timeout(LIMIT, whole).await.expect("it ends in time");
        self.supervisor.join();
        assert!(find(&self.scope).is_empty());
        let (asked, heard) = (lock(&self.book.asked).clone(), lock(&self.book.heard).clone());
        Done { ended, said, asked, heard, troubles: lock(&self.book.troubles).clone() }
    }
}

impl Done {
    /// What each file would hold if exactly what was heard had been done to it.
    pub(crate) fn model(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for heard in self.heard.iter().filter(|heard| heard.op == Op::Write) {
            let file = files.entry(heard.name.clone()).or_default();
            let (begin, landed) = (heard.offset as usize, heard.landed as usize);
            file.resize(file.len().max(begin + landed), 0);
            file[begin..begin + landed].copy_from_slice(&heard.data[..landed]);
        }
        files
    }
}

pub(crate) fn pass(_: &Attempt<'_>) -> Decision {
    Decision::Pass
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn launcher() -> PathBuf {
    std::env::var_os("REHYDRA_BIN").unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_rehydra"))).into()
}

/// Whether there is a C compiler; if not, the reason for a test that does nothing is told.
#[allow(clippy::print_stderr, reason = "the reason has nowhere else to go")]
pub(crate) fn has_cc() -> bool {
    let there = Command::new("cc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        assert!(std::env::var_os("REHYDRA_REQUIRE_CODEX").is_none(), "there is no `cc`, and CI needs it");
        eprintln!("there is no `cc` on PATH: nothing is tested here");
    }
    there
}

/// Names the directory with the compiled writers, for a run of these tests that cannot make them.
pub(crate) const WRITERS_VAR: &str = "REHYDRA_TEST_WRITERS";

/// The directory of the writers, compiled once for all tests of this process.
pub(crate) fn writers() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(dir) = std::env::var_os(WRITERS_VAR) {
            return dir.into();
        }
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let work = tempfile::tempdir_in(dir).unwrap();
        let source = work.path().join("writer.c");
        fs::write(&source, include_str!("writer.c")).unwrap();
        for (name, how) in [("static", &["-static"][..]), ("dynamic", &[])] {
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-pthread"]).args(how).arg("-o").arg(work.path().join(name)).arg(&source);
            assert!(cc.status().unwrap().success());
            fs::rename(work.path().join(name), dir.join(name)).unwrap();
        }
        dir.to_owned()
    })
}

fn writer(is_static: bool) -> PathBuf {
    writers().join(if is_static { "static" } else { "dynamic" })
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
