//! The embedded engine: conversations without a Codex.
//!
//! One exchange with the model a turn, no tool is run, rollouts are written as Codex writes them. Threads come from
//! three places: a call that begins one, this life's memory, and, unless rehydration is off, the disk. With it off the
//! engine is the control: the server as it was before, which knows no thread of an earlier life and looks at no file to
//! find one.
//!
//! World and model come in from outside, and nothing else does, so that the simulator can run the same code.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::bugs::Plant;
use super::disk::at_disk;
use super::log::Log;
use super::model::{Credential, Model};
use super::revive::Reviver;
use super::settings::{Settings, model_of, rehydration_ceiling};
use super::thread::{State, Thread};
use super::turn::{Means, Turn, TurnEnd};
use crate::codex::user_config::UserConfig;
use crate::rehydrate::alias;
use crate::rehydrate::continuation::Options;
use crate::rehydrate::error::RehydrateError;
use crate::rehydrate::lock::LoadedGuard;
use crate::rehydrate::policy::Ceiling;
use crate::responses::item;
use crate::rollout::draft::{Draft, NewThread};
use crate::rollout::writer::Writer;
use crate::rollout::{IdError, ThreadId};
use crate::serve::engine::{Call, Engine, Outcome, Rehydration, ReplyRequest, StartRequest};
use crate::serve::threads::{Found, Miss, Threads};
use crate::world::World;

/// Stands in the rollouts that this engine begins.
const ORIGINATOR: &str = "rehydra";
/// The Codex version whose server this engine stands in for; also in its rollouts.
const CODEX_VERSION: &str = "0.153.4";

/// What an engine is made of.
pub struct Parts {
    /// Disk, clock, ids.
    pub world: World,
    /// `CODEX_HOME`.
    pub home: PathBuf,
    /// The process's cwd: where threads begin that name none.
    pub process_cwd: PathBuf,
    /// What `config.toml` says.
    pub config: UserConfig,
    /// The model.
    pub model: Arc<dyn Model>,
    /// The server's own credential, for every turn.
    pub credential: Credential,
    /// What the operator's flags allow at most.
    pub ceiling: Ceiling,
    /// Whether threads of an earlier life are brought back.
    pub rehydrate: bool,
}

/// See the module.
pub struct EmbeddedEngine {
    parts: Parts,
    threads: Threads<Thread>,
    plant: Plant,
}

impl EmbeddedEngine {
    /// An engine at the begin of its life.
    pub fn new(parts: Parts) -> EmbeddedEngine {
        EmbeddedEngine::with_plant(parts, Plant::NONE)
    }

    /// The same with a defect.
    #[cfg(feature = "planted-bugs")]
    pub fn with_bug(parts: Parts, bug: Option<super::bugs::Bug>) -> EmbeddedEngine {
        EmbeddedEngine::with_plant(parts, Plant::from(bug))
    }

    fn with_plant(parts: Parts, plant: Plant) -> EmbeddedEngine {
        plant.start_of_life();
        let parts = Parts { world: plant.world(parts.world), ..parts };
        EmbeddedEngine { parts, threads: Threads::default(), plant }
    }

    async fn begin(&self, request: StartRequest, call: Call<'_>) -> Outcome {
        let Parts { config, process_cwd, ceiling, .. } = &self.parts;
        let settings = match Settings::of_start(&request, config, process_cwd, ceiling) {
            Ok(settings) => settings,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let id = ThreadId::from(self.parts.world.ids.uuid());
        let thread = match at_disk(|| self.new_thread(id, settings, request.developer_instructions.as_deref())) {
            Ok(thread) => Arc::new(thread),
            Err(error) => return self.unwritable(&error),
        };
        // Known from before its id is told, so that a reply to it never looks for it on disk.
        self.threads.insert(id, Arc::clone(&thread));
        let found = Found { thread: Arc::clone(&thread), revived: false };
        let outcome = self.turn(found, id, &request.prompt, call).await;
        if thread.state.lock().await.announced {
            return outcome;
        }
        // Its first turn never got onto the disk, so it has never existed.
        self.threads.remove(id);
        match outcome {
            Outcome::TurnFailed { text, .. } => Outcome::StartFailed { text },
            other => other,
        }
    }

    fn new_thread(&self, id: ThreadId, settings: Settings, developer: Option<&str>) -> io::Result<Thread> {
        let new = NewThread {
            id,
            cwd: settings.cwd.clone(),
            originator: ORIGINATOR.to_owned(),
            cli_version: CODEX_VERSION.to_owned(),
            source: "mcp".to_owned(),
            model_provider: self.parts.config.provider.id.clone(),
            forked_from_id: None,
            base_instructions: Some(settings.instructions.clone()),
        };
        // A home without locks still takes a thread; other processes then cannot see that it is in use.
        let loaded = LoadedGuard::take(&self.parts.world.disk, &self.parts.home, id);
        let mut writer = Writer::create(&self.parts.world, &self.parts.home, &new)?;
        let history: Vec<_> = developer.map(item::developer).into_iter().collect();
        for message in &history {
            writer.append(&Draft::response_item(message.clone()))?;
        }
        let path = writer.path().to_owned();
        let state = State {
            settings,
            history,
            log: Log::new(writer, false, self.plant),
            announced: false,
            told: true,
            _loaded: loaded.unwrap_or_else(|_| LoadedGuard::none()),
        };
        Ok(Thread { id, path, notes: None, state: tokio::sync::Mutex::new(state) })
    }

    async fn go_on(&self, request: ReplyRequest, call: Call<'_>) -> Outcome {
        let asked = request.thread;
        let found = match self.find(asked, call).await {
            Ok(found) => found,
            Err(Miss::Cancelled) => return Outcome::Cancelled,
            Err(Miss::Unknown) if self.plant.starts_unknown_threads() => {
                let start = StartRequest { prompt: request.prompt, ..StartRequest::default() };
                return self.begin(start, call).await;
            }
            Err(Miss::Unknown) => return Outcome::NotFound { thread: asked },
            Err(Miss::Failed(error)) => {
                return Outcome::RehydrationFailed { thread: asked, text: error.to_string() };
            }
        };
        self.plant.led(&self.threads, asked);
        self.turn(found, asked, &request.prompt, call).await
    }

    async fn find(&self, asked: ThreadId, call: Call<'_>) -> Result<Found<Thread>, Miss<RehydrateError>> {
        if !self.parts.rehydrate {
            let found = self.threads.find(asked).ok_or(Miss::Unknown)?;
            return Ok(Found { thread: found, revived: false });
        }
        let Parts { world, home, .. } = &self.parts;
        let resolve = |id| at_disk(|| alias::resolve(&*world.disk, home, id));
        let revive = || at_disk(|| self.reviver().revive(asked));
        self.threads.find_or_revive(asked, call.cancel, resolve, revive).await
    }

    fn reviver(&self) -> Reviver<'_> {
        let Parts { world, home, config, process_cwd, ceiling, .. } = &self.parts;
        let model = model_of(config);
        let options = Options::new(ORIGINATOR, CODEX_VERSION, &config.provider.id, &model, process_cwd);
        let options = Options { ceiling: rehydration_ceiling(ceiling, config), ..options };
        Reviver { world, home, options, plant: self.plant }
    }

    /// Runs a turn once those before it are over.
    async fn turn(&self, found: Found<Thread>, asked: ThreadId, prompt: &str, call: Call<'_>) -> Outcome {
        let thread = &found.thread;
        let mut state = tokio::select! {
            biased;
            () = call.cancel.cancelled() => return Outcome::Cancelled,
            state = thread.state.lock() => state,
        };
        let means = Means {
            world: &self.parts.world,
            model: &*self.parts.model,
            credential: self.credential(thread),
            provider: &self.parts.config.provider.id,
        };
        let call = Call { cancel: self.plant.cancel(call.cancel), ..call };
        let end = Turn::new(means, thread, &mut state, call).run(prompt).await;
        let outcome = match end {
            TurnEnd::Cancelled => Outcome::Cancelled,
            TurnEnd::Answered(text) => {
                Outcome::Reply { thread: thread.id, text, rehydration: self.tell(&found, asked, &mut state) }
            }
            TurnEnd::Failed(text) => {
                Outcome::TurnFailed { thread: thread.id, text, rehydration: self.tell(&found, asked, &mut state) }
            }
        };
        self.plant.answered(&self.parts.world, &self.parts.home, outcome)
    }

    /// What the answer says of a rehydration: to every call that came before the thread was there, and to the first
    /// that gets an answer at all, should those have been taken back.
    fn tell(&self, found: &Found<Thread>, asked: ThreadId, state: &mut State) -> Option<Rehydration> {
        let notes = found.thread.notes.as_ref()?;
        if std::mem::replace(&mut state.told, true) && !found.revived {
            return None;
        }
        Some(Rehydration { from: asked, to: found.thread.id, notes: notes.clone() })
    }

    /// The server's own.
    fn credential(&self, thread: &Thread) -> Credential {
        let Parts { world, home, credential, .. } = &self.parts;
        self.plant.credential(world, home, thread.notes.is_some(), credential.clone())
    }

    fn unwritable(&self, error: &io::Error) -> Outcome {
        let home = self.parts.home.display();
        let text = format!("failed to begin a rollout below {home}: {error}; check space and permissions there");
        Outcome::StartFailed { text }
    }
}

impl Engine for EmbeddedEngine {
    fn thread_id(&self, text: &str) -> Result<ThreadId, IdError> {
        self.plant.thread_id(text)
    }

    fn start<'a>(&'a self, request: StartRequest, call: Call<'a>) -> BoxFuture<'a, Outcome> {
        self.begin(request, call).boxed()
    }

    fn reply<'a>(&'a self, request: ReplyRequest, call: Call<'a>) -> BoxFuture<'a, Outcome> {
        self.go_on(request, call).boxed()
    }
}
