//! Calls and the responses to them.

use super::parse_fault::fault;
use super::types::{Call, Expect, Expected, Id, MAIN_CLIENT};
use super::view::View;
use super::{keys_call, keys_fail};
use crate::model::script::{Break, Drip, Effect, Failure, Output, Place, Response, Usage};

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
    let reasoning = view.text("reasoning").map(|summary| match view.has("encrypted") {
        true => Output::Sealed { summary },
        false => Output::Reasoning { summary },
    });
    let text = view.text("text").map(|text| Output::Text { text, chunks: view.count("chunks").unwrap_or(1) });
    let tools = view.views("tools").into_iter().map(|tool| match tool.text("run") {
        Some(command) => Output::Run { command, escalate: tool.has("escalate"), effect: effect(tool) },
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
        drip: view.has("drip").then(|| {
            let drip = view.view("drip");
            Drip { bytes: drip.count("bytes").unwrap_or(1), every_ms: drip.count("every_ms").unwrap_or(1) }
        }),
    }
}

/// What a command leaves behind.
fn effect(tool: View<'_, '_>) -> Option<Effect> {
    let name = tool.text("effect")?;
    let times = match tool.count("times") {
        Some(times) => (times, times),
        None if tool.has("times") => {
            let range = tool.view("times");
            (range.count("least").unwrap_or(0), range.count("most").unwrap_or(u32::MAX))
        }
        None => (1, 1),
    };
    Some(Effect { name, times })
}

fn failure(view: View<'_, '_>) -> Option<Failure> {
    if let Some(status) = view.number("http") {
        let status = u16::try_from(status).ok()?;
        let body = view.text("body").unwrap_or_default();
        return Some(match (view.count("retry-after"), view.number("above")) {
            (None, None) => Failure::Http { status, body },
            (retry_after, above) => Failure::Refused { status, body, retry_after, above },
        });
    }
    if let Some(broken) = breaks(view) {
        return Some(broken);
    }
    if let Some(mangled) = view.word("events", &keys_fail::MANGLED) {
        return Some(Failure::Events(mangled));
    }
    if let Some(value) = view.text("content-type") {
        return Some(Failure::ContentType { value });
    }
    if view.has("invalid-encrypted-content") {
        return Some(Failure::EncryptedContent);
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

/// A break at a place, or a reset in mid-body.
fn breaks(view: View<'_, '_>) -> Option<Failure> {
    if let Some(after) = view.count("reset-after") {
        return Some(Failure::At(Place::Chunk(after), Break::Reset));
    }
    let ways = [("reset-at", Break::Reset), ("stall-at", Break::Stall), ("close-at", Break::Close)];
    ways.into_iter().find_map(|(key, how)| {
        let place = view.word(key, &keys_fail::PLACES).or_else(|| view.count(key).map(Place::Item))?;
        Some(Failure::At(place, how))
    })
}
