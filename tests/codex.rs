//! Rollouts of our server and repaired ones on the real Codex, rollouts of the real Codex on our server, and its
//! app-server as a target.
//!
//! The trials need npm, which brings the binaries. Where it is missing they are ignored, with the reason; where
//! `REHYDRA_REQUIRE_CODEX` is set, as in CI, they fail instead.

#[path = "codex/app_server.rs"]
mod app_server;
#[path = "stage/exec.rs"]
mod exec;
#[path = "stage/npm.rs"]
mod npm;
#[path = "codex/repaired.rs"]
mod repaired;
#[path = "codex/segments.rs"]
mod segments;
mod stage;
#[path = "codex/torn.rs"]
mod torn;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::journal::{CallId, Identity, Kind, SettingsSource};
use rehydra::marker::{Carrier, Marker};
use rehydra::rollout::ThreadId;
use rehydra::rollout::draft::{Draft, NewThread};
use rehydra::rollout::writer::Writer;
use rehydra::target::profile;
use rehydra::world::World;

use exec::received;
use stage::{Failure, Stage};

const APP_SERVERS: [&str; 4] = ["0.105.0", "0.130.0", "0.153.4", "0.169.0"];
const VERSIONS: [&str; 3] = ["0.130.0", "0.153.4", "0.169.0"];

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let missing = npm::missing();
    let mut trials = Vec::new();
    for version in VERSIONS {
        let ours = move || run(resumes_ours(version));
        let unpublished = move || run(sees_nothing_unpublished(version));
        let theirs = move || run(is_rehydrated(version));
        trials.push(Trial::test(format!("codex {version} resumes what we wrote"), ours));
        trials.push(Trial::test(format!("codex {version} sees no rollout before it is published"), unpublished));
        trials.push(Trial::test(format!("we rehydrate what codex {version} wrote"), theirs));
    }
    for (version, identity) in APP_SERVERS.iter().flat_map(|v| [(*v, Identity::Same), (*v, Identity::New)]) {
        let how = if identity == Identity::Same { "resumes" } else { "forks" };
        let back = move || run(comes_back(version, identity));
        trials.push(Trial::test(format!("codex {version} app-server {how} a thread after kill -9"), back));
    }
    trials.extend(repaired::trials());
    trials.extend(segments::trials());
    trials.extend(torn::trials());
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(missing)).collect();
    libtest_mimic::run(&args, trials).exit_code()
}

fn run(trial: impl Future<Output = Result<(), Failure>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(trial).map_err(|failure| Failed::from(failure.to_string()))
}

/// Our server and a real Codex on one home.
struct Both {
    stage: Stage,
    native: PathBuf,
    /// Everything that was said so far, in order.
    said: Vec<Marker>,
}

impl Both {
    fn new(version: &str) -> Result<Both, Failure> {
        let version: Version = version.parse()?;
        let native = install::ensure(version)?.native;
        let stage = Stage::new(profile::builtin(stage::rehydra()), Some(version))?;
        Ok(Both { stage, native, said: Vec::new() })
    }

    /// One turn on our server; returns the id that the answer names.
    async fn ask(&mut self, id: Option<&str>) -> Result<String, Failure> {
        let (id, markers) = self.stage.ask(id).await?;
        self.said.extend(markers);
        Ok(id)
    }

    /// One turn of `codex exec`, on a new thread or on `id`.
    async fn exec(&mut self, id: Option<&str>) -> Result<CallId, Failure> {
        let (call, markers) = exec::exec(&mut self.stage, &self.native, id).await?;
        self.said.extend(markers);
        Ok(call)
    }

    /// The id of the only rollout in the home.
    fn only_thread(&self) -> Result<String, Failure> {
        let mut names = Vec::new();
        collect(&self.stage.home.codex_home().join("sessions"), &mut names);
        match names.as_slice() {
            [name] => Ok(name.trim_end_matches(".jsonl").chars().skip("rollout-2026-01-01T00-00-00-".len()).collect()),
            others => Err(format!("one rollout was expected, there are {others:?}").into()),
        }
    }

    /// That the model received, for `call`, exactly `history` and then the call's prompt, in order.
    fn received(&self, call: CallId, history: &[Marker]) -> Result<(), Failure> {
        received(&self.stage.journal, call, history)
    }
}

fn collect(dir: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), names);
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
}

/// Our first thread and our continuation are both resumed with everything that was said in them.
async fn resumes_ours(version: &str) -> Result<(), Failure> {
    let mut both = Both::new(version)?;
    both.stage.begin_life().await?;
    let first = both.ask(None).await?;
    both.ask(Some(&first)).await?;
    let in_first = both.said.clone();
    both.stage.kill().await?;
    both.stage.begin_life().await?;
    let continuation = both.ask(Some(&first)).await?;
    let in_continuation = both.said.clone();
    both.stage.kill().await?;
    if continuation == first {
        return Err("the continuation has no id of its own".into());
    }
    let call = both.exec(Some(&first)).await?;
    both.received(call, &in_first)?;
    let call = both.exec(Some(&continuation)).await?;
    both.received(call, &in_continuation)?;
    both.stage.stub.stop().await;
    Ok(())
}

/// A rollout that is being written lies in the directory that Codex searches, and cannot be found until it is whole.
async fn sees_nothing_unpublished(version: &str) -> Result<(), Failure> {
    let mut both = Both::new(version)?;
    let world = World::real();
    let id = ThreadId::from(world.ids.uuid());
    let thread = NewThread {
        id,
        cwd: both.stage.project(),
        originator: "rehydra".to_owned(),
        cli_version: "0.153.4".to_owned(),
        source: "mcp".to_owned(),
        model_provider: "stub".to_owned(),
        forked_from_id: None,
        base_instructions: None,
    };
    let mut writer = Writer::create(&world, &both.stage.home.codex_home(), &thread)?;
    let marker = Marker::new(Carrier::Prompt, 2, 1);
    let said = format!("Remember {marker}.");
    for draft in [Draft::user_item(&said), Draft::user_message(&said)] {
        writer.append(&draft)?;
    }
    match both.exec(Some(&id.to_string())).await {
        Ok(_) => return Err("it resumed a rollout that was not published".into()),
        Err(error) if error.to_string().contains("no rollout found") => {}
        Err(error) => return Err(error),
    }
    writer.publish()?;
    let call = both.exec(Some(&id.to_string())).await?;
    both.received(call, &[marker])?;
    both.stage.stub.stop().await;
    Ok(())
}

/// A thread of `codex exec` with two turns is continued by our server with everything that was said in it.
async fn is_rehydrated(version: &str) -> Result<(), Failure> {
    let mut both = Both::new(version)?;
    both.exec(None).await?;
    let id = both.only_thread()?;
    both.exec(Some(&id)).await?;
    let said = both.said.clone();
    both.stage.begin_life().await?;
    let continuation = both.ask(Some(&id)).await?;
    both.received(both.stage.calls, &said)?;
    both.stage.kill().await?;
    both.stage.stub.stop().await;
    if continuation == id { Err("the continuation has no id of its own".into()) } else { Ok(()) }
}

/// An app-server brings its own thread back after `kill -9`, under the id that its way of doing so promises, tells the
/// settings it runs under, and shows what the model got.
async fn comes_back(version: &str, identity: Identity) -> Result<(), Failure> {
    let version: Version = version.parse()?;
    let native = install::ensure(version)?.native;
    let profile = profile::codex_app_server(&version.to_string(), identity, &native);
    let mut stage = Stage::new(profile, Some(version))?;
    stage.begin_life().await?;
    let (first, mut said) = stage.ask(None).await.map(|(id, markers)| (id, markers.to_vec()))?;
    stage.kill().await?;
    stage.begin_life().await?;
    let (second, markers) = stage.ask(Some(&first)).await?;
    received(&stage.journal, stage.calls, &said)?;
    said.extend(markers);
    stage.kill().await?;
    stage.stub.stop().await;
    let events = stage.journal.events();
    let told = |kind: &Kind| matches!(kind, Kind::Settings(s) if s.source == SettingsSource::Result && s.cwd.is_some());
    let shown = events.iter().find_map(|event| match &event.kind {
        Kind::Shown(shown) => Some(shown.turns.iter().flat_map(|turn| turn.markers.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    match () {
        () if (first == second) != (identity == Identity::Same) => Err(format!("{first} became {second}").into()),
        () if events.iter().filter(|event| told(&event.kind)).count() != 2 => Err("two results tell settings".into()),
        () if shown.as_ref() != Some(&said) => Err(format!("it shows {shown:?} instead of {said:?}").into()),
        () => Ok(()),
    }
}
