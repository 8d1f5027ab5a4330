//! The client and a server whose lines stand in the tests.

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
    let goes_on = GoesOn::default();
    let mut talk = Talk { client: Client::new(How::Fork, goes_on.clone()), mark: 0 };
    talk.client.reply(1, A, "one");
    talk.thread(0, B);
    assert_eq!(said(&talk.client.reply(2, A, "two").expect("a line")).1["threadId"], B);
    let mut later = Client::new(How::Fork, goes_on);
    let line = later.reply(1, A, "three").expect("a line");
    assert_eq!(said(&line), ("thread/fork".into(), json!({"threadId": B})));
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
    for odd in [json!({"id": 9, "result": {}}), json!({"id": "x", "result": {}}), json!({"method": "turn/completed"})] {
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

#[test]
fn what_was_warned_of_on_the_way_goes_with_the_next_end_alone() {
    let mut talk = Talk::new(How::Resume);
    talk.client.reply(1, A, "one");
    let warning = json!({"method": "warning", "params": {"threadId": A, "message": "the directory is gone"}});
    assert_eq!(talk.hear(warning), []);
    talk.thread(0, A);
    for (call, turn, warnings) in [(1, "t1", vec!["the directory is gone".to_owned()]), (2, "t2", Vec::new())] {
        talk.turn(call, turn);
        let events = talk.completes(A, json!({"id": turn, "status": "completed"}));
        let [Event::Ended { end, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(end.warnings, warnings);
        assert!(end.marks.is_sorted());
        talk.client.reply(2, A, "two");
    }
}
