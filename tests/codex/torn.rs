//! A record of the real Codex's that is torn at a byte, by the injector, as the process dies.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::codex::install;
use rehydra::fault::write::{Attempt, Decision, Op, Supervisor, Then, Watch, offer};
use rehydra::proc::{self, Child, Order, Scope, Signal, Tag};
use rehydra::target::profile;
use tokio::io::AsyncReadExt;

use crate::run;
use crate::stage::{self, Failure, Stage};

const VERSIONS: [&str; 2] = ["0.153.4", "0.169.0"];
const LIMIT: Duration = Duration::from_secs(60);
/// Where a record is torn: none is as short, and the first is longer than 20,000.
const TORN_AT: u64 = 100;

pub(crate) fn trials() -> Vec<Trial> {
    let of = |version: &'static str| {
        let torn = move || run(is_torn_at_the_byte(version));
        Trial::test(format!("codex {version} leaves each record torn where it was told to"), torn)
    };
    VERSIONS.map(of).into()
}

/// Tears the write with that number and kills; writes down what lands.
struct Tears {
    sessions: PathBuf,
    victim: Option<usize>,
    child: Mutex<Option<Arc<Child>>>,
    there: Condvar,
    /// Length, and what landed, of each write.
    writes: Mutex<Vec<(usize, Vec<u8>)>>,
    troubles: Mutex<Vec<String>>,
}

impl Watch for Tears {
    fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.sessions)
    }

    fn about_to(&self, attempt: &Attempt<'_>) -> Decision {
        let next = lock(&self.writes).len() + 1;
        match attempt.op {
            Op::Write if self.victim == Some(next) => Decision::Cut { bytes: TORN_AT, then: Then::NoReturn },
            _ => Decision::Pass,
        }
    }

    fn happened(&self, attempt: &Attempt<'_>, landed: u64, _: Option<i32>) {
        if attempt.op != Op::Write {
            return;
        }
        let number = {
            let mut writes = lock(&self.writes);
            let landed = attempt.data.iter().copied().take(usize::try_from(landed).unwrap_or(usize::MAX)).collect();
            writes.push((attempt.data.len(), landed));
            writes.len()
        };
        if self.victim == Some(number) {
            let child = self.there.wait_while(lock(&self.child), |child| child.is_none());
            let child = child.unwrap_or_else(PoisonError::into_inner);
            child.as_ref().map(|child| child.signal_group(Signal::KILL));
        }
    }

    fn trouble(&self, text: &str) {
        lock(&self.troubles).push(text.to_owned());
    }
}

async fn is_torn_at_the_byte(version: &str) -> Result<(), Failure> {
    let whole = torn(version, None).await?;
    if whole < 9 {
        return Err(format!("a turn of codex exec has only {whole} writes").into());
    }
    for victim in [1, 2, 9, whole] {
        torn(version, Some(victim)).await?;
    }
    Ok(())
}

/// One turn of `codex exec`, in which that write is the last; how many there were.
async fn torn(version: &str, victim: Option<usize>) -> Result<usize, Failure> {
    let native = install::ensure(version.parse()?)?.native;
    let mut stage = Stage::new(profile::builtin(stage::rehydra()), Some(version.parse()?))?;
    let (_, prompt, _) = stage.script("Go on.");
    let sessions = stage.home.codex_home().canonicalize()?.join("sessions");
    let (child, there, writes, troubles) = Default::default();
    let tears = Arc::new(Tears { sessions, victim, child, there, writes, troubles });
    let (gift, handover) = offer(false)?;
    let watch: Arc<dyn Watch> = Arc::<Tears>::clone(&tears);
    let supervisor = Supervisor::start(handover, watch)?;
    let tag = Tag::harness().of(&format!("torn-{version}-{victim:?}"));
    let argv = [&native.display().to_string(), "exec", "--skip-git-repo-check", &prompt].map(str::to_owned);
    let order = Order {
        launcher: stage::rehydra().to_owned(),
        argv: argv.to_vec(),
        cwd: stage.project(),
        env: stage.home.env(),
        tag: tag.clone(),
        gift: Some(gift),
    };
    let mut spawned = proc::spawn(order).await?;
    drop(spawned.stdin);
    let child = Arc::new(spawned.child);
    *lock(&tears.child) = Some(Arc::clone(&child));
    tears.there.notify_all();
    let (mut said, mut complaint) = (String::new(), String::new());
    let read =
        async { tokio::join!(spawned.stdout.read_to_string(&mut said), spawned.stderr.read_to_string(&mut complaint)) };
    let (out, err) = tokio::time::timeout(LIMIT, read).await?;
    out?;
    err?;
    let ended = child.wait().await?;
    let left = proc::clear(&Scope::new(tag, Some(child.pid())), LIMIT).await;
    drop(supervisor);

    let (troubles, writes) = (lock(&tears.troubles).clone(), lock(&tears.writes).clone());
    let wanted = if victim.is_some() { (None, Some(9)) } else { (Some(0), None) };
    if (ended.code, ended.signal) != wanted || !left.is_empty() || !troubles.is_empty() {
        return Err(format!("{victim:?}: {ended:?}, left {left:?}, {troubles:?}\n{complaint}").into());
    }
    let mut files = Vec::new();
    rollouts(&tears.sessions, &mut files);
    let [file] = files.as_slice() else { return Err(format!("one rollout was expected: {files:?}").into()) };
    let landed: Vec<u8> = writes.iter().flat_map(|(_, landed)| landed.clone()).collect();
    if std::fs::read(file)? != landed {
        return Err(format!("{victim:?}: {} does not hold what landed", file.display()).into());
    }
    if let (Some(victim), Some((len, last))) = (victim, writes.last()) {
        let torn = usize::try_from(TORN_AT)?;
        if writes.len() != victim || last.len() != torn || *len <= torn {
            return Err(format!("write {victim} of {} has {} of {len} bytes", writes.len(), last.len()).into());
        }
    }
    Ok(writes.len())
}

fn rollouts(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            rollouts(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
