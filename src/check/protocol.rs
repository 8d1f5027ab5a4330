//! `protocol`: every frame is valid, results match the advertised schema, one answer a request, nothing else on stdout.
//!
//! The one check that reads frames. It follows each life on its own: which requests we wrote, which were answered,
//! which were cancelled, what `tools/list` advertised (in any life: a server's tools do not change by a restart). A
//! request that is never answered is `responsive`'s. A line that a death cut short is no finding; one that a living
//! server left incomplete is.
//!
//! MCP frames are JSON-RPC 2.0 objects, one a line. The app-server's have no `jsonrpc` member, and it advertises no
//! schemas. An error without a usable id answers what could not be read, so it needs an unreadable frame before it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Invariant;
use super::outcome::{Finding, Outcome, one_line};
use super::schema;
use super::view::View;
use crate::journal::{Body, Dialect, Direction, Event, Incarnation, Kind, Seq};

/// What one life's frames have said so far.
#[derive(Default)]
struct Life {
    /// Requests of ours, by id as JSON text.
    asked: HashMap<String, Asked>,
    /// How often a request was answered.
    answered: HashMap<String, usize>,
    cancelled: HashSet<String>,
    /// We wrote something that is no request.
    wrote_garbage: bool,
}

/// The requests that were written under one id.
#[derive(Clone)]
struct Asked {
    method: String,
    /// The tool called.
    tool: Option<String>,
    /// More than one is our doing: then more than one answer is no finding.
    times: usize,
}

struct Reading<'v, 'r> {
    view: &'v View<'r>,
    dialect: Dialect,
    /// Output schemas by tool.
    schemas: HashMap<String, Value>,
    lives: HashMap<Incarnation, Life>,
    findings: Vec<Finding>,
    unreadable: bool,
    looked: bool,
}

/// Every frame is valid and every request has one answer.
pub(super) fn protocol(view: &View<'_>) -> Outcome {
    let mut reading = Reading {
        view,
        dialect: view.run.header.target.dialect,
        schemas: HashMap::new(),
        lives: HashMap::new(),
        findings: Vec::new(),
        unreadable: false,
        looked: false,
    };
    for event in &view.run.events {
        reading.frame(event);
    }
    let held = reading.looked && !reading.unreadable;
    let reason = if reading.unreadable { "a frame was not kept whole" } else { "no frame was read" };
    Outcome::conclude(reading.findings, held, reason)
}

impl Reading<'_, '_> {
    fn frame(&mut self, event: &Event) {
        let Kind::Frame(frame) = &event.kind else { return };
        let most = self.view.run.header.limits.frame_bytes;
        if let (Body::Ends { len, .. }, Direction::Out) = (&frame.bytes, frame.direction)
            && *len > most
        {
            self.looked = true;
            let text = format!("the target prints a line of {len} bytes, which is no frame that a client can take");
            return self.tell(event, &format!("frames of at most {most} bytes"), format!("{len} bytes"), text);
        }
        let Ok(bytes) = self.view.run.blobs.bytes(&frame.bytes) else {
            self.unreadable = true;
            return;
        };
        let parsed = serde_json::from_slice::<Value>(&bytes);
        if frame.direction == Direction::In {
            let life = self.lives.entry(event.incarnation).or_default();
            return life.note_ours(parsed.ok().filter(|_| !frame.partial));
        }
        self.looked = true;
        let shown = one_line(&String::from_utf8_lossy(&bytes));
        if frame.partial {
            let asked = |d: &&super::turn::Seen<'_, crate::journal::Death>| d.incarnation == event.incarnation;
            if self.view.deaths.iter().find(asked).is_some_and(|d| d.what.asked.is_none()) {
                self.tell(event, "whole lines", shown, "the target leaves a line without its end".into());
            }
            return;
        }
        match parsed {
            Ok(Value::Object(_)) => {}
            Ok(_) => return self.tell(event, "one JSON object a line", shown, "a frame is no JSON object".into()),
            Err(_) => {
                let text = "the target prints something on stdout that is no frame".into();
                return self.tell(event, "nothing but frames on stdout", shown, text);
            }
        }
        if let Ok(value) = parsed {
            self.theirs(event, &value, shown);
        }
    }

    /// A JSON object that the target wrote.
    fn theirs(&mut self, event: &Event, value: &Value, shown: String) {
        let version = value.get("jsonrpc");
        match self.dialect {
            Dialect::Mcp if version.and_then(Value::as_str) != Some("2.0") => {
                return self.tell(event, "`\"jsonrpc\":\"2.0\"`", shown, "a frame is not JSON-RPC 2.0".into());
            }
            Dialect::AppServer if version.is_some() => {
                return self.tell(event, "no `jsonrpc` member", shown, "a frame has a `jsonrpc` member".into());
            }
            _ => {}
        }
        if let Some(method) = value.get("method") {
            let id_fits = value.get("id").is_none_or(is_id);
            if !method.is_string() || !id_fits || value.get("result").is_some() || value.get("error").is_some() {
                self.tell(event, "a request or a notification", shown, "a frame is neither request nor answer".into());
            }
            return;
        }
        self.answer(event, value, shown);
    }

    fn answer(&mut self, event: &Event, value: &Value, shown: String) {
        let (result, error) = (value.get("result"), value.get("error"));
        if result.is_some() == error.is_some() {
            let text = "an answer does not have exactly one of `result` and `error`".into();
            return self.tell(event, "exactly one of `result` and `error`", shown, text);
        }
        if error.is_some_and(|e| {
            !e.get("code").is_some_and(Value::is_i64) || !e.get("message").is_some_and(Value::is_string)
        }) {
            return self.tell(event, "an error with a code and a message", shown, "an error is malformed".into());
        }
        let life = self.lives.entry(event.incarnation).or_default();
        let Some(id) = value.get("id").filter(|id| is_id(id)).map(Value::to_string) else {
            if error.is_none() || !life.wrote_garbage {
                self.tell(event, "the id of a request", shown, "an answer names no request".into());
            }
            return;
        };
        let Some(Asked { method, tool, times }) = life.asked.get(&id).cloned() else {
            return self.tell(event, "the id of a request", shown, format!("an answer to {id}, which nobody asked"));
        };
        let answers = life.answered.entry(id.clone()).or_default();
        *answers += 1;
        if *answers > times {
            return self.tell(event, "one answer a request", shown, format!("request {id} is answered twice"));
        }
        if life.cancelled.contains(&id) {
            return self.tell(
                event,
                "no answer to a cancelled call",
                shown,
                format!("the cancelled call {id} is answered"),
            );
        }
        // Of two requests with one id nobody can say which the answer is for.
        let Some(result) = result.filter(|_| self.dialect == Dialect::Mcp && times == 1) else { return };
        match (method.as_str(), tool) {
            ("tools/list", _) => self.learn_schemas(result),
            ("tools/call", Some(tool)) => self.tool_result(event, &tool, result, shown),
            _ => {}
        }
    }

    fn learn_schemas(&mut self, result: &Value) {
        let tools = result.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for tool in tools {
            if let (Some(name), Some(schema)) = (tool.get("name").and_then(Value::as_str), tool.get("outputSchema")) {
                self.schemas.insert(name.to_owned(), schema.clone());
            }
        }
    }

    fn tool_result(&mut self, event: &Event, tool: &str, result: &Value, shown: String) {
        let is_block = |block: &Value| match block.get("type").and_then(Value::as_str) {
            Some("text") => block.get("text").is_some_and(Value::is_string),
            other => other.is_some(),
        };
        if !result.get("content").and_then(Value::as_array).is_some_and(|blocks| blocks.iter().all(is_block)) {
            return self.tell(
                event,
                "a list of content blocks",
                shown,
                "a tool's result has no list of content".into(),
            );
        }
        // MCP binds a result to its schema, an error to nothing.
        if result.get("isError").and_then(Value::as_bool) == Some(true) {
            return;
        }
        let Some(schema) = self.schemas.get(tool) else { return };
        let wrong = match result.get("structuredContent") {
            None => Some("the result lacks `structuredContent`".to_owned()),
            Some(content) => schema::violation(schema, content),
        };
        if let Some(wrong) = wrong {
            let text = format!("a result of `{tool}` does not match the schema it advertises: {wrong}");
            self.tell(event, "a result that matches the advertised output schema", shown, text);
        }
    }

    fn tell(&mut self, event: &Event, expected: &str, got: String, text: String) {
        let (call, step) = self.call_of(event.seq);
        let incarnation = event.incarnation;
        let evidence = vec![event.seq];
        let invariant = Invariant::Protocol;
        self.findings.push(Finding {
            invariant,
            call,
            incarnation,
            step,
            expected: expected.to_owned(),
            got,
            text,
            evidence,
        });
    }

    /// The call whose answer was read from that frame.
    fn call_of(&self, seq: Seq) -> (Option<u32>, Option<u32>) {
        let turn = self.view.turns.iter().find(|t| t.answer.is_some_and(|a| a.what.from.contains(&seq)));
        (turn.map(|t| t.call.what.call), turn.map(|t| t.call.what.step))
    }
}

impl Life {
    fn note_ours(&mut self, frame: Option<Value>) {
        let Some(value) = frame else {
            self.wrote_garbage = true;
            return;
        };
        let Some(method) = value.get("method").and_then(Value::as_str) else { return };
        match value.get("id").filter(|id| is_id(id)) {
            Some(id) => {
                let tool = value.pointer("/params/name").and_then(Value::as_str).map(str::to_owned);
                let times = self.asked.get(&id.to_string()).map_or(1, |asked| asked.times + 1);
                self.asked.insert(id.to_string(), Asked { method: method.to_owned(), tool, times });
            }
            None if method == "notifications/cancelled" => {
                self.cancelled.extend(value.pointer("/params/requestId").map(Value::to_string));
            }
            None => self.wrote_garbage |= value.get("id").is_some(),
        }
    }
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Frame, Lane, TargetKind};

    const ASK: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"codex"}}"#;
    const TOOLS: &str = r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"codex","outputSchema":{"type":"object","required":["threadId","content"],"properties":{"threadId":{"type":"string"},"content":{"type":"string"}}}}]}}"#;
    const GOOD: &str = r#"{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"x"}],"structuredContent":{"threadId":"a","content":"x"}}}"#;

    fn life(kind: TargetKind) -> Story {
        let mut story = Story::new(kind);
        story.life();
        story.frame(Direction::In, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#);
        story.frame(Direction::Out, TOOLS);
        story.frame(Direction::In, ASK);
        story
    }

    fn after(frames: &[&str]) -> Story {
        let mut story = life(TargetKind::Builtin);
        for frame in frames {
            story.frame(Direction::Out, frame);
        }
        story
    }

    #[test]
    fn a_good_conversation_holds() {
        let notification = r#"{"jsonrpc":"2.0","method":"codex/event","params":{}}"#;
        let request = r#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}"#;
        assert_eq!(after(&[notification, request, GOOD]).says(Invariant::Protocol), Outcome::Held);
        let error = r#"{"jsonrpc":"2.0","id":3,"result":{"isError":true,"content":[{"type":"text","text":"no"}]}}"#;
        assert_eq!(after(&[error]).says(Invariant::Protocol), Outcome::Held);
    }

    #[test]
    fn each_breach_is_told_in_its_own_words() {
        for (frame, words) in [
            ("starting up…", "no frame"),
            ("", "no frame"),
            ("[]", "no JSON object"),
            (r#"{"id":3,"result":{}}"#, "not JSON-RPC 2.0"),
            (r#"{"jsonrpc":"2.0","id":3}"#, "exactly one of"),
            (r#"{"jsonrpc":"2.0","id":3,"result":{},"error":{"code":1,"message":"x"}}"#, "exactly one of"),
            (r#"{"jsonrpc":"2.0","id":3,"error":{"message":"x"}}"#, "malformed"),
            (r#"{"jsonrpc":"2.0","id":9,"result":{}}"#, "nobody asked"),
            (r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, "names no request"),
            (r#"{"jsonrpc":"2.0","method":7}"#, "neither request nor answer"),
            (r#"{"jsonrpc":"2.0","id":3,"result":{"structuredContent":{}}}"#, "no list of content"),
            (r#"{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text"}]}}"#, "no list of content"),
            (r#"{"jsonrpc":"2.0","id":3,"result":{"content":[]}}"#, "lacks `structuredContent`"),
            (
                r#"{"jsonrpc":"2.0","id":3,"result":{"content":[],"structuredContent":{"content":"x"}}}"#,
                "lacks `threadId`",
            ),
        ] {
            let story = after(&[frame]);
            assert!(
                text(&story.says(Invariant::Protocol)).contains(words),
                "{frame}: {:?}",
                story.says(Invariant::Protocol)
            );
            assert_eq!(story.fired(), ["protocol"]);
        }
    }

    #[test]
    fn a_second_answer_is_found() {
        assert!(text(&after(&[GOOD, GOOD]).says(Invariant::Protocol)).contains("answered twice"));
    }

    #[test]
    fn the_same_id_in_another_life_is_another_request() {
        let mut story = after(&[GOOD]);
        story.restart();
        story.frame(Direction::In, ASK);
        story.frame(Direction::Out, GOOD);
        assert_eq!(story.says(Invariant::Protocol), Outcome::Held);
    }

    #[test]
    fn an_answer_to_a_cancelled_call_is_found() {
        let mut story = life(TargetKind::Builtin);
        story.frame(Direction::In, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#);
        story.frame(Direction::Out, GOOD);
        assert!(text(&story.says(Invariant::Protocol)).contains("cancelled call 3"));
    }

    #[test]
    fn an_error_without_an_id_answers_garbage_only() {
        let nameless = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#;
        assert!(!after(&[nameless]).says(Invariant::Protocol).findings().is_empty());
        let mut story = life(TargetKind::Builtin);
        story.frame(Direction::In, "not json");
        story.frame(Direction::Out, nameless);
        assert_eq!(story.says(Invariant::Protocol), Outcome::Held);
    }

    #[test]
    fn a_line_that_a_kill_cut_short_is_no_finding() {
        for (asked, fires) in [(Some("KILL"), false), (None, true)] {
            let mut story = after(&[GOOD]);
            let frame = Frame { direction: Direction::Out, bytes: Body::Text("{\"js".into()), partial: true };
            story.push(Lane::Client, Kind::Frame(frame));
            story.death(asked);
            assert_eq!(story.fired() == ["protocol"], fires);
        }
    }

    #[test]
    fn an_app_server_has_no_jsonrpc_member() {
        let mut story = Story::new(TargetKind::CodexFork);
        story.life();
        story.frame(Direction::In, r#"{"id":1,"method":"initialize"}"#);
        story.frame(Direction::Out, r#"{"id":1,"result":{"userAgent":"x"}}"#);
        assert_eq!(story.says(Invariant::Protocol), Outcome::Held);
        story.frame(Direction::Out, r#"{"jsonrpc":"2.0","method":"turn/started"}"#);
        assert_eq!(story.fired(), ["protocol"]);
    }

    #[test]
    fn without_frames_there_is_nothing_to_see() {
        assert!(is_unjudged(&Story::restarted().says(Invariant::Protocol)));
    }

    #[test]
    fn a_server_that_logs_to_stdout_does_not_flood_the_report() {
        let noise: Vec<&str> = std::iter::repeat_n("log line", 500).collect();
        let outcome = after(&noise).says(Invariant::Protocol);
        assert_eq!(outcome.findings().len(), 50);
        assert!(outcome.findings().last().is_some_and(|f| f.text.ends_with("(and 450 more findings)")));
    }
}
