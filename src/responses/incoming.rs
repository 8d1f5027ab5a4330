//! A response's stream as its client reads it.
//!
//! The counterpart of [`event`](super::event): each decoded event becomes one of the few things that a turn depends on.
//! Events of no consequence, and those that a later version of the API adds, are [`Incoming::Other`]. The `type` in the
//! data counts, as it does for Codex; the name of the event stands in where the data has none.

use serde_json::Value;

use super::event::TokenUsage;
use super::sse::SseEvent;

/// What an event means to the client.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The response has begun.
    Created,
    /// A piece of an assistant's text.
    TextDelta(String),
    /// An item is whole.
    ItemDone(Value),
    /// The response is whole; nothing follows.
    Completed {
        /// Its id.
        response_id: String,
        /// Its counts, where it tells them.
        usage: Option<TokenUsage>,
    },
    /// The model failed or broke off; nothing follows.
    Failed {
        /// A word for machines, e.g. `server_error`; empty if there is none.
        code: String,
        /// What happened.
        message: String,
    },
    /// Nothing that a turn depends on.
    Other,
}

/// An event's data is not a JSON object.
#[derive(Debug, thiserror::Error)]
#[error("an event of the model's stream is not a JSON object ({reason}); the model endpoint must send one per `data`")]
pub struct NotAnEvent {
    reason: String,
}

/// Reads one event.
pub fn read(event: &SseEvent) -> Result<Incoming, NotAnEvent> {
    if event.data == "[DONE]" {
        return Ok(Incoming::Other);
    }
    let data: Value = serde_json::from_str(&event.data).map_err(|error| NotAnEvent { reason: error.to_string() })?;
    if !data.is_object() {
        return Err(NotAnEvent { reason: "it is another kind of value".to_owned() });
    }
    let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = data.get("type").and_then(Value::as_str).unwrap_or(&event.name);
    Ok(match name {
        "response.created" => Incoming::Created,
        "response.output_text.delta" => Incoming::TextDelta(text("/delta")),
        "response.output_item.done" => match data.get("item") {
            Some(item) => Incoming::ItemDone(item.clone()),
            None => Incoming::Other,
        },
        "response.completed" => Incoming::Completed {
            response_id: text("/response/id"),
            usage: data.pointer("/response/usage").filter(|usage| usage.is_object()).map(TokenUsage::from_value),
        },
        "response.failed" => {
            Incoming::Failed { code: text("/response/error/code"), message: text("/response/error/message") }
        }
        "response.incomplete" => Incoming::Failed {
            code: "incomplete".to_owned(),
            message: format!("Incomplete response returned, reason: {}", text("/response/incomplete_details/reason")),
        },
        "error" => Incoming::Failed { code: text("/code"), message: text("/message") },
        _ => Incoming::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::event::{EventStream, StreamEvent};
    use crate::responses::item;
    use crate::responses::sse::Decoder;

    fn through_the_wire(event: &StreamEvent) -> Incoming {
        let mut events = Vec::new();
        Decoder::new(1 << 16).push(&event.encode(), &mut events).unwrap();
        read(&events[0]).unwrap()
    }

    #[test]
    fn what_the_stub_says_is_what_the_client_reads() {
        let mut stream = EventStream::new("resp_1", "mock");
        let message = item::assistant("msg_1", "a\nb");
        assert_eq!(through_the_wire(&stream.created()), Incoming::Created);
        assert_eq!(through_the_wire(&stream.item_added(&message)), Incoming::Other);
        assert_eq!(through_the_wire(&stream.text_delta("a\nb")), Incoming::TextDelta("a\nb".into()));
        assert_eq!(through_the_wire(&stream.item_done(message.clone())), Incoming::ItemDone(message));
        let usage = TokenUsage { input: 1, output: 2, ..TokenUsage::default() };
        let completed = Incoming::Completed { response_id: "resp_1".into(), usage: Some(usage) };
        assert_eq!(through_the_wire(&stream.completed(usage)), completed);
        let failed = Incoming::Failed { code: "server_error".into(), message: "no".into() };
        assert_eq!(through_the_wire(&stream.failed("server_error", "no")), failed);
    }

    #[test]
    fn data_that_is_no_object_is_an_error() {
        for data in ["", "{", "7", "[]"] {
            assert!(read(&SseEvent { name: "response.created".into(), data: data.into() }).is_err(), "{data:?}");
        }
        let done = SseEvent { name: String::new(), data: "[DONE]".into() };
        assert_eq!(read(&done).unwrap(), Incoming::Other);
    }
}
