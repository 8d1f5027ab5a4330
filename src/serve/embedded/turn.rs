//! One turn: prompt, model, answer.
//!
//! In this order: the turn's context, the prompt and its event are made durable; the events that announce the turn go
//! out; the model is asked; each item it makes is written and then told; when the response is whole, the turn's end is
//! made durable, and only then does the call get its answer. A call of a tool gets the output that nothing ran, and the
//! model is asked once more, a bounded number of times.
//!
//! A turn that breaks off keeps what was whole: it is on disk, and the next request repeats it. A turn that is taken
//! back ends with a `turn_aborted` event and no invented message.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::disk::at_disk;
use super::exchange::{Exchange, Next};
use super::model::{Credential, Model, ModelError, ModelRequest};
use super::outputs::not_executed;
use super::request;
use super::thread::{State, Thread};
use crate::responses::item;
use crate::rollout::draft::{Draft, message};
use crate::rollout::meta::TurnContext;
use crate::serve::engine::Call;
use crate::serve::events::{Event, EventMsg, SessionConfigured};
use crate::world::World;

/// Most exchanges of one turn that end in tool calls.
const TOOL_EXCHANGES: u32 = 8;

/// How a turn ended.
pub(super) enum TurnEnd {
    /// With the model's last message; empty if it made none.
    Answered(String),
    /// Broken off, and why.
    Failed(String),
    /// Taken back by the client.
    Cancelled,
}

/// What a turn needs of its engine.
pub(super) struct Means<'a> {
    pub(super) world: &'a World,
    pub(super) model: &'a dyn Model,
    pub(super) credential: Credential,
    pub(super) provider: &'a str,
}

/// A turn that runs.
pub(super) struct Turn<'a> {
    means: Means<'a>,
    thread: &'a Thread,
    state: &'a mut State,
    call: Call<'a>,
    id: String,
    last_message: Option<String>,
}

/// Why a turn stopped short.
enum Stop {
    Failed(String),
    Cancelled,
}

impl From<ModelError> for Stop {
    fn from(error: ModelError) -> Stop {
        Stop::Failed(error.to_string())
    }
}

impl<'a> Turn<'a> {
    pub(super) fn new(means: Means<'a>, thread: &'a Thread, state: &'a mut State, call: Call<'a>) -> Turn<'a> {
        let id = means.world.ids.uuid().to_string();
        Turn { means, thread, state, call, id, last_message: None }
    }

    /// Runs it to its end.
    pub(super) async fn run(mut self, prompt: &str) -> TurnEnd {
        if self.call.cancel.is_cancelled() {
            return TurnEnd::Cancelled;
        }
        if let Err(error) = at_disk(|| self.begin(prompt)) {
            return TurnEnd::Failed(unwritten(self.state.log.path(), &error));
        }
        self.announce(prompt).await;
        match self.converse().await {
            Ok(()) => self.complete().await,
            Err(Stop::Failed(text)) => self.fail(text).await,
            Err(Stop::Cancelled) => self.abort(),
        }
    }

    /// Makes durable what the turn begins with.
    fn begin(&mut self, prompt: &str) -> io::Result<()> {
        let settings = &self.state.settings;
        let environment = request::environment_context(&settings.cwd, &self.state.history);
        let user = message("user", prompt);
        let context = TurnContext {
            cwd: Some(settings.cwd.clone()),
            model: Some(settings.model.clone()),
            effort: settings.effort.clone(),
            sandbox: Some(settings.sandbox.clone()),
            approval: Some(settings.approval.clone()),
        };
        let mut drafts = vec![Draft::task_started(&self.id)];
        drafts.extend(environment.clone().map(Draft::response_item));
        drafts.push(Draft::turn_context(&self.id, &context));
        drafts.push(Draft::response_item(user.clone()));
        drafts.push(Draft::user_message(prompt));
        self.state.log.begin_turn(&drafts)?;
        self.state.history.extend(environment);
        self.state.history.push(user);
        Ok(())
    }

    async fn announce(&mut self, prompt: &str) {
        if !self.state.announced {
            self.state.announced = true;
            let configured = SessionConfigured {
                model: self.state.settings.model.clone(),
                model_provider_id: self.means.provider.to_owned(),
                approval: self.state.settings.approval.clone(),
                sandbox: self.state.settings.sandbox.clone(),
                cwd: self.state.settings.cwd.clone(),
                rollout_path: self.thread.path.clone(),
            };
            let msg = EventMsg::SessionConfigured(Box::new(configured));
            self.call.events.emit(Event { thread: self.thread.id, turn: String::new(), msg }).await;
        }
        let started_at = self.means.world.clock.now().as_second();
        self.tell(EventMsg::TaskStarted { started_at }).await;
        self.tell(EventMsg::UserMessage { message: prompt.to_owned() }).await;
    }

    /// Asks the model until it calls no tool.
    async fn converse(&mut self) -> Result<(), Stop> {
        for _ in 0..TOOL_EXCHANGES {
            if !self.exchange().await? {
                return Ok(());
            }
        }
        Err(ModelError::ToolLoop(TOOL_EXCHANGES).into())
    }

    /// One exchange; whether a tool was called in it.
    async fn exchange(&mut self) -> Result<bool, Stop> {
        let body = request::body(self.thread.id, &self.state.settings, &self.state.history);
        let request = ModelRequest { body, credential: self.means.credential.clone() };
        let mut exchange = Exchange::new(self.means.model.respond(request));
        let mut called = false;
        loop {
            match exchange.next(self.call.cancel).await {
                Next::Delta { item_id, text } => {
                    self.tell(EventMsg::AgentMessageDelta { item_id, delta: text }).await;
                }
                Next::Item(item) => called |= self.keep(item).await?,
                Next::Completed => return Ok(called),
                Next::Failed(error) => return Err(error.into()),
                Next::Cancelled => return Err(Stop::Cancelled),
            }
        }
    }

    /// Writes an item of the model's, and the output that belongs to it; whether there was one.
    async fn keep(&mut self, item: Value) -> Result<bool, Stop> {
        let said = said(&item);
        let output = not_executed(&item);
        let called = output.is_some();
        let items: Vec<Value> = std::iter::once(item).chain(output).collect();
        at_disk(|| self.write(said.as_deref(), &items))
            .map_err(|error| Stop::Failed(unwritten(self.state.log.path(), &error)))?;
        self.state.history.extend(items);
        if let Some(message) = said {
            self.last_message = Some(message.clone());
            self.tell(EventMsg::AgentMessage { message }).await;
        }
        Ok(called)
    }

    fn write(&mut self, said: Option<&str>, items: &[Value]) -> io::Result<()> {
        if let Some(message) = said {
            self.state.log.append(Draft::agent_message(message))?;
        }
        items.iter().try_for_each(|item| self.state.log.append(Draft::response_item(item.clone())))
    }

    async fn complete(mut self) -> TurnEnd {
        let last_agent_message = self.last_message.take();
        let draft = Draft::task_complete(&self.id, last_agent_message.as_deref());
        if let Err(error) = at_disk(|| self.state.log.end_turn(draft)) {
            return TurnEnd::Failed(unwritten(self.state.log.path(), &error));
        }
        self.tell(EventMsg::TaskComplete { last_agent_message: last_agent_message.clone() }).await;
        TurnEnd::Answered(last_agent_message.unwrap_or_default())
    }

    async fn fail(mut self, text: String) -> TurnEnd {
        let draft = Draft::event(json!({
            "type": "task_complete", "turn_id": self.id, "last_agent_message": null,
            "error": {"message": text, "codex_error_info": "other"}
        }));
        // The turn has failed already; that its end is not recorded changes nothing for the next one.
        let _ = at_disk(|| self.state.log.end_turn(draft));
        self.tell(EventMsg::Error { message: text.clone() }).await;
        TurnEnd::Failed(text)
    }

    fn abort(self) -> TurnEnd {
        // Nobody waits for this any more, and an aborted turn without its end reads like one that was cut off.
        let _ = at_disk(|| self.state.log.end_turn(Draft::turn_aborted(&self.id, "interrupted")));
        TurnEnd::Cancelled
    }

    async fn tell(&mut self, msg: EventMsg) {
        self.call.events.emit(Event { thread: self.thread.id, turn: self.id.clone(), msg }).await;
    }
}

/// The text of an assistant's message.
fn said(stored: &Value) -> Option<String> {
    if item::kind(stored) != "message" || item::role(stored) != Some("assistant") {
        return None;
    }
    let parts = stored.get("content").and_then(Value::as_array)?;
    Some(parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect())
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!(
        "failed to write the conversation to {}: {error}; check space and permissions there, then send the prompt again",
        path.display()
    )
}
