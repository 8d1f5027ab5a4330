//! A run in a temporary directory, with a fake server as its target.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::fault::armed::Armed;
use rehydra::fault::client::Opening;
use rehydra::fault::plan::{Signal, Watched, Whom};
use rehydra::journal::{
    Answer, CallKind, Event, FORMAT, Header, IdChoice, Identity, Journal, Kind, Redactor, Run, ScenarioHeader,
    TargetProfile,
};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::target::live::{LiveConfig, LiveTarget};
use rehydra::target::{Ask, End, LifePlan, Target, TargetError, profile};

pub(crate) const KILL: Option<End> = Some(End::Signal(Signal::Kill, Whom::Server));

/// An async test.
pub(crate) fn trial<F: Future<Output = ()> + Send + 'static>(
    name: &str,
    test: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test()).await })?;
        Ok(())
    })
}

pub(crate) fn this_binary() -> String {
    std::env::current_exe().expect("this binary").to_string_lossy().into_owned()
}

pub(crate) struct Rig {
    pub(crate) target: LiveTarget,
    pub(crate) journal: Journal,
    pub(crate) armed: Arc<Armed>,
    pub(crate) dir: tempfile::TempDir,
    calls: std::sync::atomic::AtomicU32,
}

pub(crate) struct Plan {
    pub(crate) profile: TargetProfile,
    pub(crate) limits: Limits,
    pub(crate) env: Vec<(String, String)>,
}

impl Plan {
    pub(crate) fn fake(mode: &str) -> Plan {
        Plan::command(&[&this_binary(), "fake-server", mode])
    }

    /// A fake app-server whose threads come back by `thread/resume` or, if they get a new id, by `thread/fork`.
    pub(crate) fn app_server(identity: Identity) -> Plan {
        Plan::odd_app_server(identity, &[])
    }

    /// One that does what the mode says.
    pub(crate) fn odd_app_server(identity: Identity, mode: &[&str]) -> Plan {
        let plan = Plan::command(&[&[this_binary().as_str(), "fake-app-server"], mode].concat());
        let profile = profile::codex_app_server("0.169.0", identity, std::path::Path::new("/fake"));
        Plan { profile: TargetProfile { command: plan.profile.command, ..profile }, ..plan }
    }

    pub(crate) fn command(argv: &[&str]) -> Plan {
        let mut profile = profile::from_command("x").expect("a command");
        profile.command = argv.iter().map(|arg| (*arg).to_owned()).collect();
        let env = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
        Plan { profile, limits: Limits::default(), env }
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Plan {
        change(&mut self.limits);
        self
    }

    pub(crate) fn rig(self) -> Rig {
        let dir = tempfile::tempdir().expect("a directory");
        let scenario =
            ScenarioHeader { name: "t".into(), title: "t".into(), source: String::new(), proves: Vec::new() };
        let header = Header {
            format: FORMAT,
            rehydra: "0".into(),
            started: "2026-01-01T00:00:00Z".into(),
            seed: 1,
            scenario,
            target: self.profile.clone(),
            limits: self.limits.clone(),
        };
        let redactor = Redactor::new(["s3cret-token".to_owned()]);
        let journal = Journal::create(dir.path(), &header, redactor, || 0).expect("a journal");
        let armed = Arc::new(Armed::new(journal.clone()));
        let config = LiveConfig {
            profile: self.profile,
            env: self.env,
            secret_env: vec!["TOKEN".into()],
            limits: self.limits,
            run: dir.path().file_name().expect("a name").to_string_lossy().into_owned(),
            launcher: Some(env!("CARGO_BIN_EXE_rehydra").into()),
            watched: Watched::Nothing,
        };
        let target = LiveTarget::new(config, journal.clone(), Arc::clone(&armed)).expect("a target");
        Rig { target, journal, armed, dir, calls: Default::default() }
    }
}

impl Rig {
    pub(crate) async fn try_open(&self, incarnation: u32) -> Result<(), TargetError> {
        let process_cwd = self.dir.path().to_owned();
        let (opening, differs) = (Some(Opening::Plain), Default::default());
        self.target.open(LifePlan { incarnation, process_cwd, opening, differs }).await
    }

    pub(crate) async fn open(&self, incarnation: u32) {
        self.try_open(incarnation).await.expect("the life begins");
    }

    /// The next call's number.
    pub(crate) fn next(&self) -> u32 {
        self.calls.load(std::sync::atomic::Ordering::Relaxed) + 1
    }

    pub(crate) fn ask(&self, prompt: &str) -> Ask {
        let call = self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        Ask {
            call,
            step: 1,
            client: None,
            thread: "main".into(),
            kind: CallKind::Reply,
            id: Some((crate::fake::ID.into(), IdChoice::Current)),
            prompt: prompt.into(),
            marker: Marker::new(Carrier::Prompt, 1, u64::from(call)),
            cwd: None,
            sandbox: None,
            approval: None,
            faulted: false,
            approve: Some(false),
            limit: Duration::from_secs(20),
        }
    }

    pub(crate) async fn call(&self, prompt: &str) -> Answer {
        let pending = self.target.send(self.ask(prompt)).await.expect("sent");
        pending.0.await.expect("every call ends")
    }

    pub(crate) async fn bury(&self, end: Option<End>) {
        self.target.bury(end).await.expect("buried");
    }

    /// The events so far, read back from the disk.
    pub(crate) fn events(&self) -> Vec<Event> {
        assert_eq!(self.journal.failure(), None);
        Run::read(self.dir.path()).expect("a journal").events
    }

    pub(crate) fn all<T>(&self, pick: impl Fn(Kind) -> Option<T>) -> Vec<T> {
        self.events().into_iter().filter_map(|event| pick(event.kind)).collect()
    }

    /// The kinds of the events, in a word each.
    pub(crate) fn story(&self) -> Vec<String> {
        let word = |kind: &Kind| {
            let value = serde_json::to_value(kind).expect("JSON");
            value.as_object().and_then(|o| o.keys().next().cloned()).expect("a kind")
        };
        self.events().iter().map(|event| word(&event.kind)).collect()
    }
}

/// Whether a process is there and not a zombie.
pub(crate) fn is_there(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
