//! The server through its pipe: exact lines in, exact lines out.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;

use super::ServeError;
use crate::responses::item;
use crate::serve::embedded::model::ModelError;
use crate::serve::engine::Engine;
use crate::serve::schema::{self, Tool};
use crate::serve::testing::{Home, Scripted};

struct Client {
    input: Option<WriteHalf<DuplexStream>>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Client {
    fn of(engine: impl Engine + 'static) -> Client {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (their_input, their_output) = split(theirs);
        let server = tokio::spawn(super::serve(Arc::new(engine), their_input, their_output));
        let (output, input) = split(ours);
        Client { input: Some(input), output: BufReader::new(output).lines(), server }
    }

    async fn send(&mut self, frame: &str) {
        self.input.as_mut().unwrap().write_all(format!("{frame}\n").as_bytes()).await.unwrap();
    }

    async fn request(&mut self, id: u32, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()).await;
    }

    async fn call(&mut self, id: u32, tool: &str, arguments: Value) {
        self.request(id, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    }

    async fn next(&mut self) -> Option<Value> {
        let line = self.output.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    /// The next answer, and the types of the events before it.
    async fn answer(&mut self) -> (Value, Vec<Value>) {
        let mut events = Vec::new();
        loop {
            let frame = self.next().await.unwrap();
            if frame.get("id").is_some() {
                return (frame, events);
            }
            assert_eq!(frame["method"], "codex/event");
            events.push(frame["params"].clone());
        }
    }

    async fn result(&mut self) -> Value {
        self.answer().await.0["result"].clone()
    }

    /// What is ignored is followed by nothing but the answer to a ping.
    async fn is_silent(&mut self) {
        self.request(999, "ping", json!({})).await;
        assert_eq!(self.next().await.unwrap(), json!({"jsonrpc": "2.0", "id": 999, "result": {}}));
    }

    async fn end(mut self) -> Vec<Value> {
        self.input.take().unwrap().shutdown().await.unwrap();
        let mut rest = Vec::new();
        while let Some(frame) = self.next().await {
            rest.push(frame);
        }
        self.server.await.unwrap().unwrap();
        rest
    }
}

fn initialize(version: &str) -> Value {
    json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}})
}

fn said(text: &str, thread: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "structuredContent": {"threadId": thread, "content": text}})
}

fn refused(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}

fn failed(text: &str, thread: &str) -> Value {
    let mut result = said(text, thread);
    result["isError"] = json!(true);
    result
}

#[tokio::test]
async fn the_opening_is_codexs_and_a_probe_makes_clients_fall_back_to_it() {
    let mut client = Client::of(Home::new().engine());
    client
        .request(0, "server/discover", json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}))
        .await;
    let expected =
        json!({"code": -32601, "message": "method not found: server/discover", "data": {"method": "server/discover"}});
    assert_eq!(client.next().await.unwrap()["error"], expected);
    client.request(1, "initialize", initialize("2025-06-18")).await;
    let result = client.result().await;
    assert_eq!(
        (&result["protocolVersion"], &result["capabilities"]),
        (&json!("2025-06-18"), &json!({"tools": {"listChanged": true}}))
    );
    client.request(2, "initialize", initialize("2025-06-18")).await;
    let expected = json!({"code": -32600, "message": "initialize called more than once"});
    assert_eq!(client.next().await.unwrap()["error"], expected);
    assert!(client.end().await.is_empty());
}

#[tokio::test]
async fn a_version_that_knows_no_requests_from_the_server_is_never_agreed_to() {
    for asked in ["2026-07-28", "1999-01-01"] {
        let mut client = Client::of(Home::new().engine());
        client.request(1, "initialize", initialize(asked)).await;
        assert_eq!(client.result().await["protocolVersion"], "2025-11-25");
    }
}

#[tokio::test]
async fn calls_and_notifications_before_initialize_do_no_harm() {
    let mut client = Client::of(Home::new().engine());
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#).await;
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/unheard-of"}"#).await;
    client.send("not JSON").await;
    client.is_silent().await;
    client.request(2, "tools/list", json!({})).await;
    assert_eq!(client.result().await["tools"].as_array().map(Vec::len), Some(2));
    client.request(3, "initialize", initialize("2025-06-18")).await;
    assert_eq!(client.result().await["protocolVersion"], "2025-06-18");
}

#[tokio::test]
async fn the_tools_are_listed_as_codex_lists_them() {
    let mut client = Client::of(Home::new().engine());
    client.request(1, "tools/list", json!({})).await;
    let expected = json!({"tools": [
        {"name": "codex", "title": "Codex",
         "description": "Run a Codex session. Accepts configuration parameters matching the Codex Config struct.",
         "inputSchema": Tool::Codex.input_schema(), "outputSchema": schema::output_schema()},
        {"name": "codex-reply", "title": "Codex Reply",
         "description": "Continue a Codex conversation by providing the thread id and prompt.",
         "inputSchema": Tool::CodexReply.input_schema(), "outputSchema": schema::output_schema()}
    ]});
    assert_eq!(client.result().await, expected);
}

#[tokio::test]
async fn refusals_are_results_in_codexs_words_and_nothing_else() {
    let unknown = "01a2019e-7c9d-7000-8000-000000000001";
    let not_found = format!("Session not found for thread_id: {unknown}");
    let cases = [
        ("nope", json!({}), refused("Unknown tool 'nope'")),
        ("codex", json!(null), refused("Missing arguments for codex tool-call; the `prompt` field is required.")),
        ("codex", json!({}), refused("Failed to parse configuration for Codex tool: missing field `prompt`")),
        (
            "codex",
            json!({"prompt": "x", "config": {"model_provider": "missing"}}),
            refused("Failed to load Codex configuration from overrides: Model provider `missing` not found"),
        ),
        (
            "codex-reply",
            json!({"prompt": "x", "threadId": ""}),
            refused("Failed to parse thread_id: invalid length: expected length 32 for simple format, found 0"),
        ),
        ("codex-reply", json!({"prompt": "x", "threadId": unknown}), failed(&not_found, unknown)),
        ("codex-reply", json!({"prompt": "x", "threadId": unknown.to_uppercase()}), failed(&not_found, unknown)),
    ];
    let home = Home::new();
    let mut client = Client::of(home.engine());
    for (tool, arguments, expected) in cases {
        client.call(1, tool, arguments.clone()).await;
        assert_eq!(client.result().await, expected, "{tool} {arguments}");
    }
    assert!(home.files().is_empty());
}

#[tokio::test]
async fn events_name_their_request_and_precede_the_result() {
    let home = Home::new();
    home.model.will_say("hello");
    let mut client = Client::of(home.engine());
    client
        .send(r#"{"jsonrpc":"2.0","id":"s-1","method":"tools/call","params":{"name":"codex","arguments":{"prompt":"hi"}}}"#)
        .await;
    let (answer, events) = client.answer().await;
    let thread = answer["result"]["structuredContent"]["threadId"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({"jsonrpc": "2.0", "id": "s-1", "result": said("hello", &thread)}));
    let types: Vec<_> = events.iter().map(|event| event["msg"]["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["session_configured", "task_started", "user_message", "agent_message", "task_complete"]);
    assert!(events.iter().all(|event| event["_meta"] == json!({"requestId": "s-1", "threadId": thread})));
    let configured = &events[0]["msg"];
    assert_eq!(configured["sandbox_policy"], json!({"type": "danger-full-access"}));
    assert_eq!((&events[0]["id"], &configured["approval_policy"]), (&json!(""), &json!("on-request")));
}

#[tokio::test]
async fn failed_turns_are_results_that_name_the_thread() {
    let home = Home::new();
    let mut client = Client::of(home.engine());
    let cases = [
        (ModelError::HighDemand, "We're currently experiencing high demand, which may cause temporary errors."),
        (ModelError::BadRequest("{\"error\":1}".into()), "{\"error\":1}"),
        (ModelError::TooManyRequests, "exceeded retry limit, last status: 429 Too Many Requests"),
        (ModelError::Disconnected("mock failed".into()), "stream disconnected before completion: mock failed"),
        (ModelError::MissingVariable("KEY".into()), "Missing environment variable: `KEY`."),
    ];
    for (error, text) in cases {
        home.model.will(Scripted::Fails(Vec::new(), error));
        client.call(1, "codex", json!({"prompt": "x"})).await;
        let (answer, events) = client.answer().await;
        let thread = events[0]["_meta"]["threadId"].as_str().unwrap();
        assert_eq!(answer["result"], failed(text, thread));
    }
}

#[tokio::test]
async fn a_rehydrated_reply_adds_its_meta_and_nothing_to_the_rest() {
    let home = Home::new();
    home.model.will_say("one");
    home.model.will_say("two");
    let mut client = Client::of(home.engine());
    client.call(1, "codex", json!({"prompt": "a"})).await;
    let old = client.result().await["structuredContent"]["threadId"].as_str().unwrap().to_owned();
    client.end().await;

    let mut client = Client::of(home.engine());
    client.call(2, "codex-reply", json!({"prompt": "b", "threadId": format!("urn:uuid:{old}")})).await;
    let (answer, events) = client.answer().await;
    let new = events[0]["msg"]["thread_id"].as_str().unwrap();
    assert_ne!(new, old);
    let mut expected = said("two", new);
    // The cwd of these tests is no directory, which is told.
    let notes = answer["result"]["_meta"]["rehydra/rehydration"]["notes"].clone();
    assert_eq!(notes[0]["kind"], "cwd_missing");
    let told = format!("[rehydra] {}", notes[0]["text"].as_str().unwrap());
    expected["content"] = json!([{"type": "text", "text": "two"}, {"type": "text", "text": told}]);
    expected["_meta"] = json!({"rehydra/rehydration": {"from": old, "to": new, "notes": notes}});
    assert_eq!(answer["result"], expected);
}

#[tokio::test]
async fn a_cancelled_call_is_answered_by_nothing_and_the_thread_goes_on() {
    let home = Home::new();
    home.model.will_say("one");
    home.model.will(Scripted::Hangs(vec![item::assistant("m", "half")]));
    home.model.will_say("three");
    let mut client = Client::of(home.engine());
    client.call(1, "codex", json!({"prompt": "a"})).await;
    let thread = client.result().await["structuredContent"]["threadId"].clone();
    client.call(2, "codex-reply", json!({"prompt": "b", "threadId": thread})).await;
    home.model.asked(2).await;
    client
        .send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2,"reason":"late"}}"#)
        .await;
    client.call(3, "codex-reply", json!({"prompt": "c", "threadId": thread})).await;
    let (answer, _) = client.answer().await;
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(3), &json!("three")));
    assert!(client.end().await.is_empty());
}

#[tokio::test]
async fn a_request_with_an_id_that_is_still_waited_for_runs_no_turn() {
    let home = Home::new();
    home.model.will(Scripted::Hangs(Vec::new()));
    let mut client = Client::of(home.engine());
    client.call(1, "codex", json!({"prompt": "a"})).await;
    home.model.asked(1).await;
    client.call(1, "codex", json!({"prompt": "b"})).await;
    client.request(2, "ping", json!({})).await;
    assert_eq!(client.answer().await.0, json!({"jsonrpc": "2.0", "id": 2, "result": {}}));
    assert_eq!(home.model.requests().len(), 1);
}

#[tokio::test]
async fn a_turn_in_flight_at_the_end_of_the_input_is_answered() {
    let home = Home::new();
    let (release, held) = tokio::sync::oneshot::channel();
    home.model.will(Scripted::Held(held, "at last".into()));
    let mut client = Client::of(home.engine());
    client.call(1, "codex", json!({"prompt": "a"})).await;
    home.model.asked(1).await;
    let (rest, ()) = tokio::join!(client.end(), async { release.send(()).unwrap() });
    assert_eq!(rest.last().unwrap()["result"]["content"][0]["text"], "at last");
}

#[tokio::test]
async fn the_end_of_the_input_does_not_wait_for_a_call_that_was_taken_back() {
    let home = Home::new();
    home.model.will(Scripted::Hangs(Vec::new()));
    let mut client = Client::of(home.engine());
    client.call(1, "codex", json!({"prompt": "a"})).await;
    home.model.asked(1).await;
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    assert!(client.end().await.iter().all(|frame| frame.get("id").is_none()));
}
