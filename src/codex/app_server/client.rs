//! The client: from calls to lines, from messages to what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::frames::{Settings, Thread, request, turn_start};
use super::turns::{End, Outcome, Turns};
use crate::wire::Mark;

/// How a thread of an earlier life is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `thread/resume`: it keeps its id.
    Resume,
    /// `thread/fork`: it goes on under a new one.
    Fork,
}

impl How {
    fn method(self) -> &'static str {
        match self {
            How::Resume => "thread/resume",
            How::Fork => "thread/fork",
        }
    }
}

/// Which id goes on as which. Clones share it, so that the client of a later process knows what an earlier one made.
#[derive(Clone, Debug, Default)]
pub struct GoesOn(Arc<Mutex<BTreeMap<String, String>>>);

impl GoesOn {
    fn learn(&self, from: &str, to: &str) {
        if from != to {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(from.to_owned(), to.to_owned());
        }
    }

    /// The newest id of the thread that has this one.
    pub fn newest(&self, id: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = id;
        // No chain is longer than the table, unless it is a ring.
        for _ in 0..known.len() {
            match known.get(id) {
                Some(next) => id = next,
                None => break,
            }
        }
        id.to_owned()
    }
}

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

/// A call that wants a thread.
struct Wants<K> {
    key: K,
    prompt: String,
    /// It has written nothing yet, because another call asked for the thread.
    waits: bool,
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
    goes_on: GoesOn,
    next: i64,
    asked: BTreeMap<i64, Asked<K>>,
    loaded: BTreeSet<String>,
    loading: BTreeMap<String, Vec<Wants<K>>>,
    turns: Turns<K>,
}

impl<K: Copy> Client<K> {
    /// For a process that has just been started: it has loaded nothing.
    pub fn new(how: How, goes_on: GoesOn) -> Client<K> {
        let (asked, loading) = (BTreeMap::new(), BTreeMap::new());
        Client { how, goes_on, next: 0, asked, loaded: BTreeSet::new(), loading, turns: Turns::new() }
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
        let id = self.goes_on.newest(id);
        if self.loaded.contains(&id) {
            return Some(self.turn(key, &id, prompt));
        }
        let waiting = self.loading.entry(id.clone()).or_default();
        let waits = !waiting.is_empty();
        waiting.push(Wants { key, prompt: prompt.to_owned(), waits });
        if waits {
            return None;
        }
        let params = json!({"threadId": id});
        Some(request(self.number(Asked::Load(id)), self.how.method(), params))
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
                let wants = self.loading.remove(&id).unwrap_or_default();
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
                let (callers, end) = self.turns.completed(mark, params, awaited).unzip();
                let callers = callers.into_iter().flatten();
                callers
                    .zip(std::iter::repeat(end))
                    .filter_map(|(key, end)| Some(Event::Ended { key, end: end? }))
                    .collect()
            }
            "thread/closed" => {
                self.loaded.remove(thread);
                Vec::new()
            }
            _ => {
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
                let message = "the result names no thread".to_owned();
                let outcome = Outcome::Failed { message, kind: None };
                return ended(wants, &End { thread: None, marks: vec![mark], outcome, raw: result });
            }
            Err(error) => return ended(wants, &refused(mark, None, error)),
        };
        self.loaded.insert(thread.id.clone());
        if let Some(asked) = asked {
            self.goes_on.learn(asked, &thread.id);
        }
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
                None => {
                    let outcome = Outcome::Failed { message: "the result names no turn".to_owned(), kind: None };
                    Some(End { thread: Some(thread.to_owned()), marks: vec![mark], outcome, raw: result })
                }
            },
        };
        if !self.awaited(thread) {
            self.turns.settle(thread);
        }
        end.into_iter().map(|end| Event::Ended { key, end }).collect()
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
    End { thread, marks: vec![mark], outcome: Outcome::Refused, raw: error }
}

fn ended<K>(wants: Vec<Wants<K>>, end: &End) -> Vec<Event<K>> {
    wants.into_iter().map(|wants| Event::Ended { key: wants.key, end: end.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Message;

    const A: &str = "01a2019e-7c9d-7000-8000-00000000000a";
    const B: &str = "01a2019e-7c9d-7000-8000-00000000000b";

    /// A client, the lines that it made, and the number of the last message that it was given.
    struct Talk {
        client: Client<u32>,
        mark: Mark,
    }

    impl Talk {
        fn new(how: How) -> Talk {
            Talk { client: Client::new(how, GoesOn::default()), mark: 0 }
        }

        /// Gives it one line of the server.
        fn hear(&mut self, message: Value) -> Vec<Event<u32>> {
            self.mark += 1;
            match Message::parse(message.to_string().as_bytes()) {
                Ok(Message::Response { id, outcome }) => self.client.answered(self.mark, &id, outcome),
                Ok(Message::Notification { method, params }) => self.client.notified(self.mark, &method, &params),
                other => panic!("{other:?}"),
            }
        }

        fn thread(&mut self, request: i64, id: &str) -> Vec<Event<u32>> {
            self.hear(json!({"id": request, "result": {"thread": {"id": id}, "cwd": "/w"}}))
        }

        fn turn(&mut self, request: i64, id: &str) -> Vec<Event<u32>> {
            self.hear(json!({"id": request, "result": {"turn": {"id": id, "status": "inProgress"}}}))
        }

        fn says(&mut self, thread: &str, turn: &str, text: &str) {
            let item = json!({"type": "agentMessage", "text": text});
            let params = json!({"threadId": thread, "turnId": turn, "item": item});
            assert_eq!(self.hear(json!({"method": "item/completed", "params": params})), []);
        }

        fn completes(&mut self, thread: &str, turn: Value) -> Vec<Event<u32>> {
            self.hear(json!({"method": "turn/completed", "params": {"threadId": thread, "turn": turn}}))
        }
    }

    fn said(line: &[u8]) -> (String, Value) {
        let line: Value = serde_json::from_slice(line).expect("JSON");
        (line["method"].as_str().unwrap_or_default().to_owned(), line["params"].clone())
    }

    /// The line that the last event asks to be written.
    fn next(events: &[Event<u32>]) -> (u32, String, Value) {
        match events.last() {
            Some(Event::Write { key, line, .. }) => {
                let (method, params) = said(line);
                (*key, method, params)
            }
            other => panic!("{other:?}"),
        }
    }

    fn ends(events: &[Event<u32>]) -> Vec<(u32, Outcome)> {
        let end = |event: &Event<u32>| match event {
            Event::Ended { key, end } => (*key, end.outcome.clone()),
            other => panic!("{other:?}"),
        };
        events.iter().map(end).collect()
    }

    fn done(text: &str) -> Outcome {
        Outcome::Completed(text.into())
    }

    #[test]
    fn a_thread_is_brought_back_once_and_by_its_id_alone() {
        let mut talk = Talk::new(How::Resume);
        let line = talk.client.reply(1, A, "one").expect("a line");
        assert_eq!(said(&line), ("thread/resume".into(), json!({"threadId": A})));
        let prompt = json!({"threadId": A, "input": [{"type": "text", "text": "one"}]});
        assert_eq!(next(&talk.thread(0, A)), (1, "turn/start".into(), prompt));
        talk.turn(1, "t1");
        talk.says(A, "t1", "first");
        talk.says(A, "t1", "second");
        assert_eq!(ends(&talk.completes(A, json!({"id": "t1", "status": "completed"}))), [(1, done("first\nsecond"))]);
        assert_eq!(said(&talk.client.reply(2, A, "two").expect("a line")).0, "turn/start");
    }

    #[test]
    fn calls_that_want_one_thread_share_what_brings_it_back() {
        let mut talk = Talk::new(How::Fork);
        assert_eq!(said(&talk.client.reply(1, A, "one").expect("a line")).0, "thread/fork");
        assert_eq!(talk.client.reply(2, A, "two"), None);
        let events = talk.thread(0, B);
        let firsts = events.iter().filter_map(|event| match event {
            Event::Write { key, first, .. } => Some((*key, *first)),
            _ => None,
        });
        assert_eq!(firsts.collect::<Vec<_>>(), [(1, false), (2, true)]);
        assert_eq!(next(&events).2["threadId"], B);
    }

    #[test]
    fn a_refusal_ends_every_call_that_waited() {
        let mut talk = Talk::new(How::Resume);
        talk.client.reply(1, A, "one");
        talk.client.reply(2, A, "two");
        let events = talk.hear(json!({"id": 0, "error": {"code": -32600, "message": "no rollout found"}}));
        assert_eq!(ends(&events), [(1, Outcome::Refused), (2, Outcome::Refused)]);
        assert!(talk.client.is_idle());
        assert_eq!(said(&talk.client.reply(3, A, "again").expect("a line")).0, "thread/resume");
    }

    #[test]
    fn an_old_id_leads_to_the_newest_in_later_lives_too() {
        let mut talk = Talk::new(How::Fork);
        talk.client.reply(1, A, "one");
        talk.thread(0, B);
        assert_eq!(said(&talk.client.reply(2, A, "two").expect("a line")).1["threadId"], B);
        let mut later = Client::new(How::Fork, talk.client.goes_on.clone());
        let line = later.reply(1, A, "three").expect("a line");
        assert_eq!(said(&line), ("thread/fork".into(), json!({"threadId": B})));
    }

    #[test]
    fn a_ring_of_ids_ends() {
        let goes_on = GoesOn::default();
        goes_on.learn(A, B);
        goes_on.learn(B, A);
        assert!([A, B].contains(&goes_on.newest(A).as_str()));
    }

    #[test]
    fn a_turn_may_end_before_its_start_is_answered() {
        let mut talk = Talk::new(How::Resume);
        talk.client.start(1, &Settings::default(), "one");
        talk.thread(0, A);
        talk.says(A, "t1", "quick");
        assert_eq!(talk.completes(A, json!({"id": "t1", "status": "completed"})), []);
        assert_eq!(ends(&talk.turn(1, "t1")), [(1, done("quick"))]);
        assert!(talk.client.is_idle());
    }

    #[test]
    fn a_prompt_that_is_steered_into_a_turn_ends_with_it() {
        let mut talk = Talk::new(How::Resume);
        talk.client.start(1, &Settings::default(), "one");
        talk.thread(0, A);
        talk.client.reply(2, A, "two");
        talk.turn(1, "t1");
        talk.turn(2, "t1");
        talk.says(A, "t1", "both");
        let events = talk.completes(A, json!({"id": "t1", "status": "completed"}));
        assert_eq!(ends(&events), [(1, done("both")), (2, done("both"))]);
    }

    #[test]
    fn how_a_turn_failed_is_told_with_what_was_said_of_it() {
        let failed = |error: Value, told: Value| {
            let mut talk = Talk::new(How::Resume);
            talk.client.start(1, &Settings::default(), "one");
            talk.thread(0, A);
            talk.turn(1, "t1");
            let params = json!({"threadId": A, "turnId": "t1", "willRetry": false, "error": told});
            talk.hear(json!({"method": "error", "params": params}));
            ends(&talk.completes(A, json!({"id": "t1", "status": "failed", "error": error}))).remove(0).1
        };
        let error = |text: &str| json!({"message": text, "codexErrorInfo": "other"});
        let kind = Some("other".to_owned());
        let outcome = |message: &str| Outcome::Failed { message: message.into(), kind: kind.clone() };
        assert_eq!(failed(error("its own"), error("told")), outcome("its own"));
        assert_eq!(failed(Value::Null, error("told")), outcome("told"));
        let silent = Outcome::Failed { message: "the turn failed".into(), kind: None };
        assert_eq!(failed(Value::Null, json!(5)), silent);
    }

    #[test]
    fn what_belongs_to_nobody_is_passed_over_and_forgotten() {
        let mut talk = Talk::new(How::Resume);
        talk.says(A, "stray", "hello");
        assert_eq!(talk.completes(A, json!({"id": "stray", "status": "completed"})), []);
        for odd in
            [json!({"id": 9, "result": {}}), json!({"id": "x", "result": {}}), json!({"method": "turn/completed"})]
        {
            assert_eq!(talk.hear(odd), []);
        }
        assert!(talk.client.is_idle());
    }

    #[test]
    fn results_of_another_shape_end_the_call() {
        let mut talk = Talk::new(How::Resume);
        talk.client.reply(1, A, "one");
        let events = talk.hear(json!({"id": 0, "result": {}}));
        assert!(matches!(ends(&events).as_slice(), [(1, Outcome::Failed { .. })]));
        talk.client.reply(2, A, "two");
        talk.thread(1, A);
        let events = talk.hear(json!({"id": 2, "result": {"turn": 7}}));
        assert!(matches!(ends(&events).as_slice(), [(2, Outcome::Failed { .. })]));
        assert!(talk.client.is_idle());
    }

    #[test]
    fn a_frame_belongs_to_the_call_of_its_turn_or_else_of_its_thread() {
        let mut talk = Talk::new(How::Resume);
        talk.client.start(1, &Settings::default(), "one");
        talk.thread(0, A);
        assert_eq!(talk.client.about(&json!({"threadId": A})), Some(1));
        talk.turn(1, "t1");
        assert_eq!(talk.client.about(&json!({"threadId": A, "turn": {"id": "t1"}})), Some(1));
        assert_eq!(talk.client.about(&json!({"threadId": A})), Some(1));
        assert_eq!(talk.client.about(&json!({"threadId": B})), None);
        assert_eq!(talk.client.about(&json!({})), None);
    }

    #[test]
    fn a_thread_that_was_closed_is_brought_back_again() {
        let mut talk = Talk::new(How::Resume);
        talk.client.reply(1, A, "one");
        talk.thread(0, A);
        talk.hear(json!({"method": "thread/closed", "params": {"threadId": A}}));
        assert_eq!(said(&talk.client.reply(2, A, "two").expect("a line")).0, "thread/resume");
    }
}
