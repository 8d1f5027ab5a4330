//! What the tests of this room share: a scripted model, a home, and a sink that remembers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::embedded::model::{Credential, Model, ModelError, ModelEvents, ModelRequest};
use super::embedded::{EmbeddedEngine, Parts};
use super::engine::{Call, Engine, EventSink, Outcome, ReplyRequest, StartRequest};
use super::events::{Event, EventMsg};
use crate::codex::user_config::UserConfig;
use crate::rehydrate::policy::Ceiling;
use crate::responses::item;
use crate::rollout::ThreadId;
use crate::world::World;

/// One response of the scripted model.
pub(super) enum Scripted {
    /// Items, then the end.
    Items(Vec<Value>),
    /// Items, then an error.
    Fails(Vec<Value>, ModelError),
    /// Items, and then nothing any more.
    Hangs(Vec<Value>),
    /// A message, once it is let go.
    Held(tokio::sync::oneshot::Receiver<()>, String),
}

/// A model that gives scripted responses in order, and remembers what it was asked.
#[derive(Default)]
pub(super) struct ScriptedModel {
    script: Mutex<VecDeque<Scripted>>,
    requests: Mutex<Vec<ModelRequest>>,
    asked: tokio::sync::Notify,
    at_request: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl ScriptedModel {
    pub(super) fn will(&self, response: Scripted) {
        self.script.lock().unwrap().push_back(response);
    }

    /// Forgets what it was to say.
    pub(super) fn clear(&self) {
        self.script.lock().unwrap().clear();
    }

    pub(super) fn will_say(&self, text: &str) {
        self.will(Scripted::Items(vec![item::assistant("msg", text)]));
    }

    /// The next exchange fails before anything is said.
    pub(super) fn will_fail(&self) {
        self.will(Scripted::Fails(Vec::new(), ModelError::HighDemand));
    }

    /// Called whenever a request comes in.
    pub(super) fn at_request(&self, look: impl Fn() + Send + 'static) {
        *self.at_request.lock().unwrap() = Some(Box::new(look));
    }

    /// Returns once that many requests have come.
    pub(super) async fn asked(&self, times: usize) {
        loop {
            let next = self.asked.notified();
            if self.requests.lock().unwrap().len() >= times {
                return;
            }
            next.await;
        }
    }

    pub(super) fn requests(&self) -> Vec<ModelRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The messages of the newest request, environment contexts left out: `user: …`, `assistant: …`.
    pub(super) fn last_heard(&self) -> Vec<String> {
        let request = self.requests().pop().unwrap();
        let items = request.body["input"].as_array().unwrap().clone();
        let messages = items.iter().filter(|item| crate::responses::context::tag(item).is_none());
        messages.map(|item| format!("{}: {}", item::role(item).unwrap_or(item::kind(item)), item::text(item))).collect()
    }
}

impl Model for ScriptedModel {
    fn respond(&self, request: ModelRequest) -> ModelEvents {
        if let Some(look) = &*self.at_request.lock().unwrap() {
            look();
        }
        self.requests.lock().unwrap().push(request);
        self.asked.notify_waiters();
        let response = self.script.lock().unwrap().pop_front().unwrap_or(Scripted::Items(Vec::new()));
        let done = |items: Vec<Value>| {
            stream::iter(items.into_iter().map(|item| Ok(json!({"type": "response.output_item.done", "item": item}))))
        };
        let once = |last: Result<Value, ModelError>| stream::once(std::future::ready(last));
        match response {
            Scripted::Items(items) => done(items).chain(once(Ok(json!({"type": "response.completed"})))).boxed(),
            Scripted::Fails(items, error) => done(items).chain(once(Err(error))).boxed(),
            Scripted::Held(release, text) => {
                let late = async move {
                    release.await.ok();
                    Ok(json!({"type": "response.output_item.done", "item": item::assistant("msg", &text)}))
                };
                stream::once(late).chain(once(Ok(json!({"type": "response.completed"})))).boxed()
            }
            Scripted::Hangs(items) => done(items).chain(stream::pending()).boxed(),
        }
    }
}

/// A sink that remembers.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Vec<Event>>);

impl EventSink for Recorder {
    fn emit(&self, event: Event) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(event);
        std::future::ready(()).boxed()
    }
}

impl Recorder {
    /// The `type` of each event.
    pub(super) fn types(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events.iter().map(|event| event.msg_json()["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The rollout that `session_configured` named.
    pub(super) fn rollout_path(&self) -> PathBuf {
        let events = self.0.lock().unwrap();
        let path = events.iter().find_map(|event| match &event.msg {
            EventMsg::SessionConfigured(configured) => Some(configured.rollout_path.clone()),
            _ => None,
        });
        path.unwrap()
    }
}

/// A `CODEX_HOME` and the model that its servers reach.
pub(super) struct Home {
    dir: TempDir,
    pub(super) model: Arc<ScriptedModel>,
    config: &'static str,
}

impl Home {
    pub(super) fn new() -> Home {
        Home::with_config("model = \"m\"\nsandbox_mode = \"danger-full-access\"")
    }

    pub(super) fn with_config(config: &'static str) -> Home {
        Home { dir: tempfile::tempdir().unwrap(), model: Arc::default(), config }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn parts(&self) -> Parts {
        Parts {
            world: World::real(),
            home: self.path().to_owned(),
            process_cwd: self.path().join("process"),
            config: UserConfig::parse(self.config, Path::new("config.toml")).unwrap(),
            model: Arc::clone(&self.model) as Arc<dyn Model>,
            credential: Credential::Bearer("own".to_owned()),
            ceiling: Ceiling::default(),
            rehydrate: true,
        }
    }

    /// A new life.
    pub(super) fn engine(&self) -> EmbeddedEngine {
        EmbeddedEngine::new(self.parts())
    }

    /// The same before rehydration.
    pub(super) fn control(&self) -> EmbeddedEngine {
        EmbeddedEngine::new(Parts { rehydrate: false, ..self.parts() })
    }

    /// All files below the home, as text.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut dirs = vec![self.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { dirs.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

pub(super) async fn start(engine: &EmbeddedEngine, prompt: &str) -> Outcome {
    start_with(engine, StartRequest { prompt: prompt.to_owned(), ..StartRequest::default() }, &Recorder::default())
        .await
}

pub(super) async fn start_with(engine: &EmbeddedEngine, request: StartRequest, events: &Recorder) -> Outcome {
    engine.start(request, Call { events, cancel: &CancellationToken::new() }).await
}

pub(super) async fn reply(engine: &EmbeddedEngine, thread: ThreadId, prompt: &str) -> Outcome {
    reply_with(engine, thread, prompt, &Recorder::default(), &CancellationToken::new()).await
}

pub(super) async fn reply_with(
    engine: &EmbeddedEngine,
    thread: ThreadId,
    prompt: &str,
    events: &Recorder,
    cancel: &CancellationToken,
) -> Outcome {
    engine.reply(ReplyRequest { thread, prompt: prompt.to_owned() }, Call { events, cancel }).await
}

/// The thread of a successful outcome.
pub(super) fn thread_of(outcome: &Outcome) -> ThreadId {
    match outcome {
        Outcome::Reply { thread, .. } | Outcome::TurnFailed { thread, .. } => *thread,
        other => panic!("{other:?}"),
    }
}

/// The records of a rollout as `type/payload type`.
pub(super) fn records(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |line: Value| {
        let kind = line["type"].as_str().unwrap().to_owned();
        let payload = &line["payload"];
        match (kind.as_str(), payload["type"].as_str()) {
            ("response_item", Some("message")) => payload["role"].as_str().unwrap().to_owned(),
            (_, Some(of)) => of.to_owned(),
            (_, None) => kind,
        }
    };
    lines.map(word).collect()
}
