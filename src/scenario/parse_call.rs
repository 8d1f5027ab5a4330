//! Calls and the responses to them.

use super::keys_call;
use super::parse_fault::fault;
use super::types::{Call, Expect, Expected, Id, MAIN_CLIENT};
use super::view::View;
use crate::model::script::{Failure, Output, Response, Usage};

/// The thread of a call that names none.
const MAIN: &str = "main";

/// `codex` where `start` is set, else `reply`.
pub(super) fn call(view: View<'_, '_>, start: bool) -> Call {
    let settings = |key| if start { view.text(key) } else { None };
    Call {
        client: view.text("client").unwrap_or_else(|| MAIN_CLIENT.to_owned()),
        thread: view.text("thread").unwrap_or_else(|| MAIN.to_owned()),
        id: if start { Id::Current } else { id(view) },
        prompt: view.text("prompt").unwrap_or_default(),
        cwd: settings("cwd"),
        sandbox: settings("sandbox"),
        approval: settings("approval"),
        model: view.views("model").into_iter().map(response).collect(),
        fault: view.has("fault").then(|| fault(view.view("fault"))).flatten(),
        expect: expect(view),
        limit_ms: view.number("limit_ms"),
        fill: view.count("fill").unwrap_or(0),
        approve: view.word("approve", &keys_call::APPROVES).unwrap_or_default(),
    }
}

fn id(view: View<'_, '_>) -> Id {
    match view.text("id").as_deref() {
        None | Some("current") => Id::Current,
        Some("first") => Id::First,
        Some("previous") => Id::Previous,
        Some(literal) => Id::Literal(literal.to_owned()),
    }
}

fn expect(view: View<'_, '_>) -> Expect {
    match view.word("expect", &keys_call::OUTCOMES) {
        Some(outcome) => Expect { outcome, text: None },
        None if view.has("expect") => {
            let table = view.view("expect");
            Expect {
                outcome: table.word("outcome", &keys_call::OUTCOMES).unwrap_or(Expected::Default),
                text: table.text("text"),
            }
        }
        None => Expect::default(),
    }
}

/// One response: reasoning, text and tool calls come in this order.
pub(super) fn response(view: View<'_, '_>) -> Response {
    let reasoning = view.text("reasoning").map(|summary| Output::Reasoning { summary });
    let text = view.text("text").map(|text| Output::Text { text, chunks: view.count("chunks").unwrap_or(1) });
    let tools = view.views("tools").into_iter().map(|tool| match tool.text("run") {
        Some(command) => Output::Run { command, escalate: tool.has("escalate") },
        None => Output::Call { name: tool.text("name").unwrap_or_default(), arguments: tool.json("arguments") },
    });
    let usage = view.has("usage").then(|| {
        let usage = view.view("usage");
        Usage { input: usage.number("input").unwrap_or(0), output: usage.number("output").unwrap_or(0) }
    });
    Response {
        output: reasoning.into_iter().chain(text).chain(tools).collect(),
        usage,
        failure: view.has("fail").then(|| failure(view.view("fail"))).flatten(),
    }
}

fn failure(view: View<'_, '_>) -> Option<Failure> {
    if let Some(status) = view.number("http") {
        let status = u16::try_from(status).ok()?;
        return Some(Failure::Http { status, body: view.text("body").unwrap_or_default() });
    }
    if let Some(after) = view.count("stall-after") {
        return Some(Failure::Stall { after });
    }
    if let Some(after) = view.count("close-after") {
        return Some(Failure::Close { after });
    }
    if let Some(after) = view.count("malformed-after") {
        return Some(Failure::Malformed { after });
    }
    if let Some(message) = view.text("failed") {
        return Some(Failure::Failed { message });
    }
    if view.has("reset") {
        return Some(Failure::Reset);
    }
    view.has("no-completed").then_some(Failure::NoCompleted)
}
