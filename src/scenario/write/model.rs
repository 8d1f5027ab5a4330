//! What the model answers, as text.

use super::{Fields, json, list, string, word};
use crate::model::script::{Break, Drip, Failure, Output, Place, Response};
use crate::scenario::keys_fail;

pub(super) fn response(response: &Response) -> Fields {
    let (mut reasoning, mut sealed, mut text, mut pieces, mut tools) = (None, None, None, None, Vec::new());
    for output in &response.output {
        match output {
            Output::Reasoning { summary } => reasoning = Some(string(summary)),
            Output::Sealed { summary } => (reasoning, sealed) = (Some(string(summary)), Some("true")),
            Output::Text { text: said, chunks } => {
                text = Some(string(said));
                pieces = Some(*chunks).filter(|chunks| *chunks != 1).map(|chunks| chunks.to_string());
            }
            Output::Call { name, arguments } => {
                let fields = Fields::default().put("name", string(name));
                let some = arguments.as_object().is_some_and(|object| !object.is_empty());
                tools.push(fields.put_some("arguments", some.then(|| json(arguments))).inline());
            }
            Output::Run { command, escalate, effect } => {
                let fields = Fields::default().put("run", string(command));
                let fields = fields.put_some("escalate", escalate.then_some("true"));
                let name = effect.as_ref().map(|effect| string(&effect.name));
                let times = effect.as_ref().and_then(|effect| times(effect.times));
                tools.push(fields.put_some("effect", name).put_some("times", times).inline());
            }
        }
    }
    let usage = response.usage.map(|usage| {
        Fields::default().put("input", usage.input.to_string()).put("output", usage.output.to_string()).inline()
    });
    Fields::default()
        .put_some("text", text)
        .put_some("chunks", pieces)
        .put_some("reasoning", reasoning)
        .put_some("encrypted", sealed)
        .put_some("tools", (!tools.is_empty()).then(|| list(tools)))
        .put_some("usage", usage)
        .put_some("fail", response.failure.as_ref().map(|f| failure(f).inline()))
        .put_some("drip", response.drip.map(|drip| dripping(drip).inline()))
}

fn dripping(drip: Drip) -> Fields {
    Fields::default().put("bytes", drip.bytes.to_string()).put("every_ms", drip.every_ms.to_string())
}

/// A break as a key and its value.
fn broken(place: Place, how: Break) -> (&'static str, String) {
    let (after, at) = match how {
        Break::Stall => ("stall-after", "stall-at"),
        Break::Close => ("close-after", "close-at"),
        Break::Reset => ("reset-after", "reset-at"),
    };
    match place {
        Place::Chunk(n) => (after, n.to_string()),
        Place::Item(n) => (at, n.to_string()),
        place => (at, string(word(&keys_fail::PLACES, place))),
    }
}

fn times((least, most): (u32, u32)) -> Option<String> {
    match (least, most) {
        (1, 1) => None,
        (least, most) if least == most => Some(least.to_string()),
        (least, most) => Some(Fields::default().put("least", least.to_string()).put("most", most.to_string()).inline()),
    }
}

fn failure(failure: &Failure) -> Fields {
    let fields = Fields::default();
    match failure {
        Failure::Http { status, body } => {
            let body = Some(body).filter(|body| !body.is_empty()).map(|body| string(body));
            fields.put("http", status.to_string()).put_some("body", body)
        }
        Failure::Refused { status, body, retry_after, above } => fields
            .put("http", status.to_string())
            .put_some("body", Some(body).filter(|body| !body.is_empty()).map(|body| string(body)))
            .put_some("retry-after", retry_after.map(|seconds| seconds.to_string()))
            .put_some("above", above.map(|bytes| bytes.to_string())),
        Failure::EncryptedContent => fields.put("invalid-encrypted-content", "true"),
        Failure::At(place, how) => {
            let (key, value) = broken(*place, *how);
            fields.put(key, value)
        }
        Failure::Events(mangled) => fields.put("events", string(word(&keys_fail::MANGLED, *mangled))),
        Failure::ContentType { value } => fields.put("content-type", string(value)),
        Failure::Reset => fields.put("reset", "true"),
        Failure::Stall { after } => fields.put("stall-after", after.to_string()),
        Failure::Close { after } => fields.put("close-after", after.to_string()),
        Failure::NoCompleted => fields.put("no-completed", "true"),
        Failure::Failed { message } => fields.put("failed", string(message)),
        Failure::Malformed { after } => fields.put("malformed-after", after.to_string()),
    }
}
