//! The stage of a trial conversation: a run's own directory, home, stub and environment, and one server on it.
//!
//! It is set exactly as for a run, so that what was found holds there too. Prompts carry markers, the stub tells which
//! of them arrived, and with which history.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::files;
use super::trouble::Trouble;
use crate::fault::armed::Armed;
use crate::fault::client::Opening;
use crate::fault::plan::{Signal, Watched, Whom};
use crate::journal::{CallId, FORMAT, Header, Journal, Kind, ModelRequest, Parts, Redactor, ScenarioHeader, Tool};
use crate::limits::{Limits, SURVEY_PAGES};
use crate::marker::{Carrier, Marker};
use crate::model::Stub;
use crate::model::script::{Output, Response};
use crate::target::egress::Guard;
use crate::target::home::{Home, HomeSpec, TOKEN_VAR};
use crate::target::live::{Asked, LiveConfig, LiveTarget};
use crate::target::resolve::Resolved;
use crate::target::stand_in::StandIn;
use crate::target::{Differs, End, LifePlan, Target};
use crate::world::World;

/// Most requests of one turn that the stub answers; some servers ask twice for one prompt.
const REQUESTS: usize = 4;
/// The seed of the markers; a stage has no other randomness.
const SEED: u64 = 0x5EED;

/// See the module.
pub(super) struct Stage {
    journal: Journal,
    stub: Stub,
    home: Home,
    target: LiveTarget,
    limits: Limits,
    /// What lay in the run's directory before the server was started.
    before: Vec<PathBuf>,
    calls: CallId,
    lives: u32,
    // Removed with the stage.
    _props: (Guard, StandIn),
}

/// What came of one call.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) asked: Asked,
    /// The prompt as it was sent.
    pub(super) prompt: String,
    /// The marker in it.
    pub(super) marker: Marker,
    /// The requests to the model that belong to it, those that the stub refused too.
    pub(super) requests: Vec<ModelRequest>,
}

impl Came {
    /// The result, if it is one and no error.
    pub(super) fn result(&self) -> Option<&Value> {
        match &self.asked {
            Asked::Result(result) if !is_error(result) => Some(result),
            _ => None,
        }
    }

    /// Whether the prompt reached the model and was answered.
    pub(super) fn reached(&self) -> bool {
        self.requests.iter().any(|request| request.refused.is_none())
    }

    /// Whether the model was sent what carries that marker, before the prompt of this call.
    pub(super) fn recalls(&self, marker: &Marker) -> bool {
        self.requests.iter().flat_map(|request| &request.items).any(|item| item.markers.contains(marker))
    }

    /// What it answered, in words.
    pub(super) fn told(&self) -> String {
        match &self.asked {
            Asked::Result(result) => super::ids::texts(result).next().map_or_else(|| result.to_string(), str::to_owned),
            Asked::Error(error) => {
                error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned)
            }
            Asked::Closed => "nothing: it ended".to_owned(),
            Asked::Timeout => "nothing in time".to_owned(),
        }
    }

    /// Whether it is an error, of the tool or of the protocol.
    pub(super) fn is_error(&self) -> bool {
        match &self.asked {
            Asked::Result(result) => is_error(result),
            Asked::Error(_) => true,
            Asked::Closed | Asked::Timeout => false,
        }
    }
}

fn is_error(result: &Value) -> bool {
    result.get("isError").and_then(Value::as_bool) == Some(true)
}

impl Stage {
    /// Sets the stage in `dir`, which is there and empty. Needs a tokio runtime around it.
    pub(super) fn set(
        dir: &Path,
        target: &Resolved,
        limits: &Limits,
        launcher: Option<&Path>,
    ) -> Result<Stage, Trouble> {
        let failed = |what: &str| {
            let text = format!("failed to {what} {}", dir.display());
            move |error: std::io::Error| Trouble::harness(format!("{text}: {error}"))
        };
        let dir = &dir.canonicalize().map_err(failed("resolve"))?;
        let world = World::real();
        let token = format!("rehydra-token-{}", world.ids.uuid().simple());
        let clock = world.clock.clone();
        let began = clock.elapsed();
        let elapsed = move || u64::try_from((clock.elapsed() - began).as_micros()).unwrap_or(u64::MAX);
        let header = header(target, limits, world.clock.now().to_string());
        let journal = Journal::create(dir, &header, Redactor::new([token.clone()]), elapsed)
            .map_err(failed("begin the journal in"))?;
        let armed = Arc::new(Armed::new(journal.clone()));
        let stub = Stub::start(journal.clone(), armed.clone(), token.clone()).map_err(failed("start the stub for"))?;
        // What a server asks the model besides (a title, say) is no reason to fail here.
        let other = Response { output: vec![spoken("Noted.".to_owned())], ..Response::default() };
        stub.unprompted("", other).map_err(|error| Trouble::harness(error.to_string()))?;
        let spec = HomeSpec::wide(target.profile.kind, target.version, stub.port(), token);
        let home = Home::create(dir, &spec).map_err(failed("make the home in"))?;
        let filling = home.filling(stub.port());
        let guard = Guard::start(journal.clone()).map_err(failed("start the egress guard for"))?;
        let stand_in = home.stand_in(&target.setup, launcher, &guard).map_err(failed("make a `codex` in"))?;
        let config = LiveConfig {
            profile: filling.profile(target.profile.clone()),
            env: home.env_with(&target.setup, &filling, &guard, Some(&stand_in)),
            secret_env: vec![TOKEN_VAR.to_owned()],
            limits: limits.clone(),
            run: world.ids.uuid().simple().to_string(),
            launcher: launcher.map(Path::to_owned),
            watched: Watched::Nothing,
        };
        let live = LiveTarget::new(config, journal.clone(), armed).map_err(|error| Trouble::harness(error.text))?;
        let before = files::below(dir);
        let (limits, target) = (limits.clone(), live.unlisted());
        let _props = (guard, stand_in);
        Ok(Stage { journal, stub, home, target, limits, before, calls: 0, lives: 0, _props })
    }

    /// Begins the next life.
    pub(super) async fn open(&mut self) -> Result<(), Trouble> {
        self.lives += 1;
        let failed = |error: std::io::Error| Trouble::harness(format!("failed to make a working directory: {error}"));
        let process_cwd = self.home.life(self.lives).map_err(failed)?;
        let (opening, differs) = (Some(Opening::Plain), Differs::default());
        let plan = LifePlan { incarnation: self.lives, process_cwd, opening, differs };
        self.target.open(plan).await.map_err(|error| Trouble::unusable(error.text))
    }

    /// The results of `tools/list`, page by page.
    pub(super) async fn list(&self) -> Result<Vec<Value>, Trouble> {
        let mut pages: Vec<Value> = Vec::new();
        while pages.len() < SURVEY_PAGES {
            let cursor = pages.last().and_then(|page| page.get("nextCursor")).filter(|cursor| cursor.is_string());
            let params = match (pages.is_empty(), cursor) {
                (true, _) => json!({}),
                (false, Some(cursor)) => json!({"cursor": cursor}),
                (false, None) => break,
            };
            match self.target.ask("tools/list", params, Duration::from_millis(self.limits.open_ms)).await {
                Asked::Result(page) => pages.push(page),
                other => return Err(Trouble::unlisted(&other, self.target.complaints())),
            }
        }
        Ok(pages)
    }

    /// One call, to its end or its limit.
    pub(super) async fn call(&mut self, tool: &Tool, id: Option<&str>) -> Came {
        self.calls += 1;
        let n = u64::from(self.calls);
        let marker = Marker::new(Carrier::Prompt, SEED, 2 * n);
        let reply = Marker::new(Carrier::Reply, SEED, 2 * n + 1);
        let prompt = format!("Remember the number {n}. {marker}");
        let response = Response { output: vec![spoken(format!("Noted. {reply}"))], ..Response::default() };
        self.stub.expect(self.calls, marker.clone(), vec![response; REQUESTS]);
        let cwd = self.cwd();
        let parts =
            Parts { id, prompt: &prompt, cwd: Some(&cwd), sandbox: Some("read-only"), approval: Some("on-request") };
        let params = json!({"name": tool.name, "arguments": tool.arguments(&parts)});
        let limit = Duration::from_millis(self.limits.call_ms);
        let asked = self.target.ask("tools/call", params, limit).await;
        let requests = self.requests().filter(|request| request.call == Some(self.calls)).collect();
        Came { asked, prompt, marker, requests }
    }

    /// Where the threads of a trial work.
    pub(super) fn cwd(&self) -> String {
        self.home.project().display().to_string()
    }

    /// Kills the server alone, waits for its end, and counts what all lives so far have left behind.
    pub(super) async fn kill(&self) -> Result<usize, Trouble> {
        let end = End::Signal(Signal::Kill, Whom::Server);
        self.target.bury(Some(end)).await.map_err(|error| Trouble::harness(error.text))?;
        let events = self.journal.events();
        let left = events.iter().filter_map(|event| match &event.kind {
            Kind::Leftover(left) => Some(left.pids.len()),
            _ => None,
        });
        Ok(left.sum())
    }

    /// Ends the running life, if there is one, however it ends.
    pub(super) async fn end(self) {
        // What cannot be ended by itself is killed when the target is dropped.
        let _ = self.target.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await;
        self.stub.stop().await;
    }

    /// Requests to the model that carried no prompt of ours.
    pub(super) fn strays(&self) -> usize {
        self.requests().filter(|request| request.call.is_none()).count()
    }

    /// The hosts that the server asked the run's proxy for, each once.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for event in self.journal.events() {
            if let Kind::Egress(egress) = event.kind {
                hosts.extend(egress.host.filter(|host| !hosts.contains(host)));
            }
        }
        hosts
    }

    /// The version of the Codex that the server started, if it started one.
    pub(super) fn codex(&self) -> Option<String> {
        self.journal.events().into_iter().find_map(|event| match event.kind {
            Kind::Launched(launched) => Some(launched.version),
            _ => None,
        })
    }

    /// Takes the directory of the conversations away.
    pub(super) fn take_cwd_away(&self) -> bool {
        std::fs::remove_dir_all(self.home.project()).is_ok()
    }

    /// Why the stub refused a request, if it refused one.
    pub(super) fn refusal(&self) -> Option<String> {
        self.requests().find_map(|request| Some(request.refused?.text))
    }

    /// Files that are there since the server was started, below the run's directory, as a profile would write them.
    pub(super) fn written(&self) -> Vec<String> {
        let below = files::below(self.journal.dir());
        below.iter().filter(|path| !self.before.contains(path)).filter_map(|path| files::shown(path)).collect()
    }

    /// The last lines of the server's stderr.
    pub(super) fn complaints(&self) -> Vec<String> {
        self.target.complaints()
    }

    /// Whether the server is still there.
    pub(super) fn is_alive(&self) -> bool {
        self.target.is_alive()
    }

    fn requests(&self) -> impl Iterator<Item = ModelRequest> {
        self.journal.events().into_iter().filter_map(|event| match event.kind {
            Kind::ModelRequest(request) => Some(request),
            _ => None,
        })
    }
}

fn spoken(text: String) -> Output {
    Output::Text { text, chunks: 1 }
}

fn header(target: &Resolved, limits: &Limits, started: String) -> Header {
    let scenario = ScenarioHeader {
        name: "init".to_owned(),
        title: "a trial conversation".to_owned(),
        source: String::new(),
        proves: Vec::new(),
    };
    Header {
        format: FORMAT,
        rehydra: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        seed: SEED,
        scenario,
        target: target.profile.clone(),
        limits: limits.clone(),
    }
}
