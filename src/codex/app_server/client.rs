//! The client: from calls to lines, from messages to what they mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::frames::{Settings, Thread, request, turn_start};
use super::threads::{GoesOn, How, Threads, Wants, Way};
use super::turns::{End, Outcome, Turns};
use super::warnings::Warnings;
use crate::wire::Mark;

/// What a message means to whoever drives the client. `key` is the caller's name for the request or call.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<K> {
    /// A request of [`Client::ask`] was answered.
    Replied {
        /// Whose.
        key: K,
        /// Its `result` or `error`.
        outcome: Result<Value, Value>,
    },
    /// The call's thread is there, started or brought back.
    Loaded {
        /// Whose.
        key: K,
        /// The thread.
        thread: Thread,
        /// It was brought back.
        back: bool,
    },
    /// The call's next line is to be written.
    Write {
        /// Whose.
        key: K,
        /// Without its newline.
        line: Vec<u8>,
        /// It is the first that this call writes.
        first: bool,
    },
    /// The call has ended.
    Ended {
        /// Whose.
        key: K,
        /// How.
        end: End,
    },
}

enum Asked<K> {
    Plain(K),
    Start(Wants<K>),
    /// The id that was asked for.
    Load(String),
    Turn {
        key: K,
        thread: String,
    },
}

/// One conversation with one process. See the module above.
pub struct Client<K> {
    how: How,
    next: i64,
    asked: BTreeMap<i64, Asked<K>>,
    threads: Threads<K>,
    turns: Turns<K>,
    warnings: Warnings,
}

impl<K: Copy> Client<K> {
    /// For a process that has just been started: it has loaded nothing.
    pub fn new(how: How, goes_on: GoesOn) -> Client<K> {
        Client {
            how,
            next: 0,
            asked: BTreeMap::new(),
            threads: Threads::new(goes_on),
            turns: Turns::new(),
            warnings: Warnings::default(),
        }
    }

    /// The line of any request; its answer is [`Event::Replied`].
    pub fn ask(&mut self, key: K, method: &str, params: Value) -> Vec<u8> {
        request(self.number(Asked::Plain(key)), method, params)
    }

    /// The first line of a call that begins a thread.
    pub fn start(&mut self, key: K, settings: &Settings, prompt: &str) -> Vec<u8> {
        let wants = Wants { key, prompt: prompt.to_owned(), waits: false };
        request(self.number(Asked::Start(wants)), "thread/start", settings.params())
    }

    /// The first line of a call that continues a thread; `None` if it waits for a thread that is on its way.
    pub fn reply(&mut self, key: K, id: &str, prompt: &str) -> Option<Vec<u8>> {
        match self.threads.want(id, key, prompt) {
            (id, Way::There) => Some(self.turn(key, &id, prompt)),
            (_, Way::Wait) => None,
            (id, Way::Ask) => {
                let params = json!({"threadId": id});
                Some(request(self.number(Asked::Load(id)), self.how.method(), params))
            }
        }
    }

    /// Whether nothing that was asked for is outstanding.
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.turns.is_empty()
    }

    /// A response was read. One to nothing that was asked means nothing.
    pub fn answered(&mut self, mark: Mark, id: &Value, outcome: Result<Value, Value>) -> Vec<Event<K>> {
        let Some(asked) = id.as_i64().and_then(|id| self.asked.remove(&id)) else { return Vec::new() };
        match asked {
            Asked::Plain(key) => vec![Event::Replied { key, outcome }],
            Asked::Start(wants) => self.came(mark, None, vec![wants], outcome),
            Asked::Load(id) => {
                let wants = self.threads.answered(&id);
                self.came(mark, Some(&id), wants, outcome)
            }
            Asked::Turn { key, thread } => self.began(mark, key, &thread, outcome),
        }
    }

    /// A notification was read.
    pub fn notified(&mut self, mark: Mark, method: &str, params: &Value) -> Vec<Event<K>> {
        let thread = params.get("threadId").and_then(Value::as_str).unwrap_or_default();
        let awaited = self.awaited(thread);
        match method {
            "turn/completed" => {
                let Some((callers, end)) = self.turns.completed(mark, params, awaited) else { return Vec::new() };
                let end = self.warned(end);
                callers.into_iter().map(|key| Event::Ended { key, end: end.clone() }).collect()
            }
            "thread/closed" => {
                self.threads.closed(thread);
                Vec::new()
            }
            _ => {
                self.warnings.heard(mark, method, params);
                self.turns.heard(mark, method, params, awaited);
                Vec::new()
            }
        }
    }

    /// The call that a notification or a request of the server is about, by its turn, else by its thread.
    pub fn about(&self, params: &Value) -> Option<K> {
        let turn = params.get("turnId").or_else(|| params.pointer("/turn/id")).and_then(Value::as_str);
        let thread = params.get("threadId").and_then(Value::as_str);
        let starting = |asked: &Asked<K>| match asked {
            Asked::Turn { key, thread: on } if Some(on.as_str()) == thread => Some(*key),
            _ => None,
        };
        turn.and_then(|turn| self.turns.caller(turn))
            .or_else(|| self.asked.values().find_map(starting))
            .or_else(|| self.turns.caller_on(thread?))
    }

    /// The result of a start, a resume or a fork, and what its calls do next.
    fn came(
        &mut self,
        mark: Mark,
        asked: Option<&str>,
        wants: Vec<Wants<K>>,
        outcome: Result<Value, Value>,
    ) -> Vec<Event<K>> {
        let thread = match outcome.map(|result| Thread::read(&result).ok_or(result)) {
            Ok(Ok(thread)) => thread,
            Ok(Err(result)) => {
                return ended(wants, &failed(mark, None, "the result names no thread", result));
            }
            Err(error) => return ended(wants, &refused(mark, None, error)),
        };
        self.threads.came(asked, &thread.id);
        let mut events = Vec::new();
        for Wants { key, prompt, waits } in wants {
            events.push(Event::Loaded { key, thread: thread.clone(), back: asked.is_some() });
            events.push(Event::Write { key, line: self.turn(key, &thread.id, &prompt), first: waits });
        }
        events
    }

    /// The answer to a `turn/start`.
    fn began(&mut self, mark: Mark, key: K, thread: &str, outcome: Result<Value, Value>) -> Vec<Event<K>> {
        let end = match outcome {
            Err(error) => Some(refused(mark, Some(thread.to_owned()), error)),
            Ok(result) => match result.pointer("/turn/id").and_then(Value::as_str) {
                Some(turn) => self.turns.join(turn, thread, key),
                None => Some(failed(mark, Some(thread.to_owned()), "the result names no turn", result)),
            },
        };
        if !self.awaited(thread) {
            self.turns.settle(thread);
        }
        end.into_iter().map(|end| Event::Ended { key, end: self.warned(end) }).collect()
    }

    /// The end with what was warned of on its thread.
    fn warned(&mut self, mut end: End) -> End {
        let warnings = end.thread.as_deref().map(|thread| self.warnings.take(thread)).unwrap_or_default();
        for (mark, text) in warnings {
            end.marks.push(mark);
            end.warnings.push(text);
        }
        end.marks.sort_unstable();
        end
    }

    fn turn(&mut self, key: K, thread: &str, prompt: &str) -> Vec<u8> {
        let id = self.number(Asked::Turn { key, thread: thread.to_owned() });
        turn_start(id, thread, prompt)
    }

    /// Whether a `turn/start` on that thread has no answer yet.
    fn awaited(&self, thread: &str) -> bool {
        self.asked.values().any(|asked| matches!(asked, Asked::Turn { thread: on, .. } if on == thread))
    }

    fn number(&mut self, asked: Asked<K>) -> i64 {
        let id = self.next;
        self.next += 1;
        self.asked.insert(id, asked);
        id
    }
}

fn refused(mark: Mark, thread: Option<String>, error: Value) -> End {
    End { thread, marks: vec![mark], outcome: Outcome::Refused, warnings: Vec::new(), raw: error }
}

fn failed(mark: Mark, thread: Option<String>, message: &str, result: Value) -> End {
    let outcome = Outcome::Failed { message: message.to_owned(), kind: None };
    End { thread, marks: vec![mark], outcome, warnings: Vec::new(), raw: result }
}

fn ended<K>(wants: Vec<Wants<K>>, end: &End) -> Vec<Event<K>> {
    wants.into_iter().map(|wants| Event::Ended { key: wants.key, end: end.clone() }).collect()
}

#[cfg(test)]
mod tests;
