//! Turns under way: who waits for each, what was said in it, and how it ended.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wire::Mark;

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The thread that answered; none where no thread did.
    pub thread: Option<String>,
    /// The messages that it was read from.
    pub marks: Vec<Mark>,
    /// How.
    pub outcome: Outcome,
    /// What the server warned of since the last call on that thread ended, each in its words.
    pub warnings: Vec<String>,
    /// The error, or the `turn` of `turn/completed`, as it came.
    pub raw: Value,
}

/// See [`End`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The turn is complete; every message of the agent in it, a line apart.
    Completed(String),
    /// The turn failed.
    Failed {
        /// What the server says of it.
        message: String,
        /// Its kind of error (`codexErrorInfo`), where there is one.
        kind: Option<String>,
    },
    /// The turn was interrupted.
    Interrupted,
    /// A request of the call was answered by an error.
    Refused,
}

/// See the module.
pub(super) struct Turns<K>(BTreeMap<String, Turn<K>>);

struct Turn<K> {
    thread: String,
    callers: Vec<K>,
    said: Vec<String>,
    marks: Vec<Mark>,
    /// The last error that is not tried again.
    error: Option<Value>,
    /// The `turn` of a `turn/completed` that was read before the answer to `turn/start`.
    completed: Option<Value>,
}

impl<K> Turn<K> {
    fn new(thread: &str) -> Turn<K> {
        let (callers, said, marks) = (Vec::new(), Vec::new(), Vec::new());
        Turn { thread: thread.to_owned(), callers, said, marks, error: None, completed: None }
    }

    fn end(&self, turn: &Value) -> End {
        let outcome = match turn.get("status").and_then(Value::as_str) {
            Some("failed") => {
                let error = turn.get("error").filter(|error| !error.is_null()).or(self.error.as_ref());
                let text = |key: &str| error.and_then(|error| error.get(key));
                let message = text("message").and_then(Value::as_str).unwrap_or("the turn failed").to_owned();
                let kind = text("codexErrorInfo").filter(|kind| !kind.is_null());
                Outcome::Failed { message, kind: kind.map(|k| k.as_str().map_or_else(|| k.to_string(), str::to_owned)) }
            }
            Some("interrupted") => Outcome::Interrupted,
            _ => Outcome::Completed(self.said.join("\n")),
        };
        let (thread, warnings) = (Some(self.thread.clone()), Vec::new());
        End { thread, marks: self.marks.clone(), outcome, warnings, raw: turn.clone() }
    }
}

impl<K: Copy> Turns<K> {
    pub(super) fn new() -> Turns<K> {
        Turns(BTreeMap::new())
    }

    /// The caller of a turn, the first if there are several.
    pub(super) fn caller(&self, turn: &str) -> Option<K> {
        self.0.get(turn)?.callers.first().copied()
    }

    /// The first caller of some turn of that thread.
    pub(super) fn caller_on(&self, thread: &str) -> Option<K> {
        self.0.values().filter(|turn| turn.thread == thread).find_map(|turn| turn.callers.first().copied())
    }

    /// A `turn/start` was answered: that caller waits for that turn, or has waited already.
    pub(super) fn join(&mut self, turn: &str, thread: &str, caller: K) -> Option<End> {
        let open = self.0.entry(turn.to_owned()).or_insert_with(|| Turn::new(thread));
        if let Some(completed) = &open.completed {
            return Some(open.end(completed));
        }
        open.callers.push(caller);
        None
    }

    /// Something was said or went wrong in a turn. `awaited` says that a `turn/start` on its thread has no answer yet, so
    /// that a turn without a caller may still get one; all others are nobody's and are passed over.
    pub(super) fn heard(&mut self, mark: Mark, method: &str, params: &Value, awaited: bool) {
        let (Some(turn), Some(thread)) = (text(params, "/turnId"), text(params, "/threadId")) else { return };
        let Some(open) = self.of(turn, thread, awaited) else { return };
        match method {
            "item/completed" if text(params, "/item/type") == Some("agentMessage") => {
                open.said.extend(text(params, "/item/text").map(str::to_owned));
                open.marks.push(mark);
            }
            "error" if params.get("willRetry").and_then(Value::as_bool) != Some(true) => {
                open.error = params.get("error").cloned();
                open.marks.push(mark);
            }
            _ => {}
        }
    }

    /// A turn is over: its end, and whoever waited for it.
    pub(super) fn completed(&mut self, mark: Mark, params: &Value, awaited: bool) -> Option<(Vec<K>, End)> {
        let (id, thread) = (text(params, "/turn/id")?, text(params, "/threadId")?);
        let turn = params.get("turn")?;
        let open = self.of(id, thread, awaited)?;
        open.marks.push(mark);
        if open.callers.is_empty() {
            open.completed = Some(turn.clone());
            return None;
        }
        let open = self.0.remove(id)?;
        let end = open.end(turn);
        Some((open.callers, end))
    }

    /// No `turn/start` on that thread waits for an answer any more: what nobody asked for is forgotten.
    pub(super) fn settle(&mut self, thread: &str) {
        self.0.retain(|_, turn| turn.thread != thread || !turn.callers.is_empty());
    }

    /// Nobody waits for a turn.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&mut self, turn: &str, thread: &str, awaited: bool) -> Option<&mut Turn<K>> {
        if awaited && !self.0.contains_key(turn) {
            self.0.insert(turn.to_owned(), Turn::new(thread));
        }
        self.0.get_mut(turn)
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}
