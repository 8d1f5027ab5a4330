//! The events of a response's stream, made in the order in which the API sends them.
//!
//! An [`EventStream`] numbers its events, remembers where in the output it stands and collects the items that are done,
//! so that a maker of streams says only what happens next. The order is the caller's: a stream that breaks off, or one
//! that never says `response.completed`, is made by not calling what would follow. Fields are those of the public API;
//! Codex 0.105.0 to 0.169.0 read a part of them, other clients more. Nothing in an event depends on time or chance.

use serde_json::{Map, Value, json};

/// One event: its name, and its data with the same name as `type`.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamEvent {
    /// `response.created` …
    pub name: &'static str,
    /// Its JSON object.
    pub data: Value,
}

impl StreamEvent {
    /// Its bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        super::sse::encode(self.name, &self.data)
    }
}

/// Token counts of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Input tokens that came from a cache.
    pub cached_input: u64,
    /// Output tokens, those of reasoning included.
    pub output: u64,
    /// Output tokens of reasoning.
    pub reasoning_output: u64,
}

impl TokenUsage {
    /// As the API writes them.
    pub fn to_value(self) -> Value {
        json!({
            "input_tokens": self.input,
            "input_tokens_details": {"cached_tokens": self.cached_input},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_output},
            "total_tokens": self.input.saturating_add(self.output),
        })
    }

    /// Reads them from what the API wrote; what is missing counts as zero.
    pub fn from_value(usage: &Value) -> TokenUsage {
        let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        TokenUsage {
            input: count("/input_tokens"),
            cached_input: count("/input_tokens_details/cached_tokens"),
            output: count("/output_tokens"),
            reasoning_output: count("/output_tokens_details/reasoning_tokens"),
        }
    }
}

/// Makes the events of one response.
#[derive(Clone, Debug)]
pub struct EventStream {
    response_id: String,
    model: String,
    sequence: u64,
    item_id: String,
    output: Vec<Value>,
}

impl EventStream {
    /// A response with that id, by that model.
    pub fn new(response_id: &str, model: &str) -> EventStream {
        EventStream {
            response_id: response_id.to_owned(),
            model: model.to_owned(),
            sequence: 0,
            item_id: String::new(),
            output: Vec::new(),
        }
    }

    /// `response.created`.
    pub fn created(&mut self) -> StreamEvent {
        let response = self.response("in_progress", Value::Null, Value::Null);
        self.event("response.created", json!({"response": response}))
    }

    /// `response.output_item.added`: the item as it begins, without what is to be streamed. Events of parts and deltas
    /// belong to it until it is done.
    pub fn item_added(&mut self, done: &Value) -> StreamEvent {
        self.item_id = done.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let item = begun(done);
        let output_index = self.output.len();
        self.event("response.output_item.added", json!({"output_index": output_index, "item": item}))
    }

    /// `response.content_part.added`, before the first delta of a message.
    pub fn text_part_added(&mut self) -> StreamEvent {
        let part = json!({"type": "output_text", "text": "", "annotations": []});
        self.in_item("response.content_part.added", json!({"content_index": 0, "part": part}))
    }

    /// `response.output_text.delta`.
    pub fn text_delta(&mut self, delta: &str) -> StreamEvent {
        self.in_item("response.output_text.delta", json!({"content_index": 0, "delta": delta}))
    }

    /// `response.output_text.done` with the whole text.
    pub fn text_done(&mut self, text: &str) -> StreamEvent {
        self.in_item("response.output_text.done", json!({"content_index": 0, "text": text}))
    }

    /// `response.content_part.done` with the whole text.
    pub fn text_part_done(&mut self, text: &str) -> StreamEvent {
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        self.in_item("response.content_part.done", json!({"content_index": 0, "part": part}))
    }

    /// `response.reasoning_summary_part.added`.
    pub fn summary_part_added(&mut self) -> StreamEvent {
        let part = json!({"type": "summary_text", "text": ""});
        self.in_item("response.reasoning_summary_part.added", json!({"summary_index": 0, "part": part}))
    }

    /// `response.reasoning_summary_text.delta`.
    pub fn summary_delta(&mut self, delta: &str) -> StreamEvent {
        self.in_item("response.reasoning_summary_text.delta", json!({"summary_index": 0, "delta": delta}))
    }

    /// `response.reasoning_summary_text.done` with the whole summary.
    pub fn summary_done(&mut self, text: &str) -> StreamEvent {
        self.in_item("response.reasoning_summary_text.done", json!({"summary_index": 0, "text": text}))
    }

    /// `response.reasoning_summary_part.done` with the whole summary.
    pub fn summary_part_done(&mut self, text: &str) -> StreamEvent {
        let part = json!({"type": "summary_text", "text": text});
        self.in_item("response.reasoning_summary_part.done", json!({"summary_index": 0, "part": part}))
    }

    /// `response.function_call_arguments.delta`.
    pub fn arguments_delta(&mut self, delta: &str) -> StreamEvent {
        self.in_item("response.function_call_arguments.delta", json!({"delta": delta}))
    }

    /// `response.function_call_arguments.done` with all of the JSON text.
    pub fn arguments_done(&mut self, arguments: &str) -> StreamEvent {
        self.in_item("response.function_call_arguments.done", json!({"arguments": arguments}))
    }

    /// `response.output_item.done` with the whole item.
    pub fn item_done(&mut self, item: Value) -> StreamEvent {
        let output_index = self.output.len();
        let event = self.event("response.output_item.done", json!({"output_index": output_index, "item": item}));
        self.output.push(item);
        event
    }

    /// `response.completed` with all items that are done.
    pub fn completed(&mut self, usage: TokenUsage) -> StreamEvent {
        let response = self.response("completed", Value::Null, usage.to_value());
        self.event("response.completed", json!({"response": response}))
    }

    /// `response.failed`.
    pub fn failed(&mut self, code: &str, message: &str) -> StreamEvent {
        let response = self.response("failed", json!({"code": code, "message": message}), Value::Null);
        self.event("response.failed", json!({"response": response}))
    }

    fn response(&self, status: &str, error: Value, usage: Value) -> Value {
        json!({
            "id": self.response_id,
            "object": "response",
            "created_at": 0,
            "status": status,
            "error": error,
            "incomplete_details": null,
            "model": self.model,
            "output": self.output,
            "parallel_tool_calls": false,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage,
        })
    }

    fn in_item(&mut self, name: &'static str, mut fields: Value) -> StreamEvent {
        fields["item_id"] = Value::from(self.item_id.as_str());
        fields["output_index"] = Value::from(self.output.len());
        self.event(name, fields)
    }

    fn event(&mut self, name: &'static str, fields: Value) -> StreamEvent {
        let mut data = Map::new();
        data.insert("type".to_owned(), Value::from(name));
        data.insert("sequence_number".to_owned(), Value::from(self.sequence));
        self.sequence += 1;
        if let Value::Object(fields) = fields {
            data.extend(fields);
        }
        StreamEvent { name, data: Value::Object(data) }
    }
}

/// An item before any of what it will hold has been streamed.
fn begun(done: &Value) -> Value {
    let mut item = done.clone();
    if let Some(fields) = item.as_object_mut() {
        for (field, empty) in [("content", json!([])), ("summary", json!([])), ("arguments", json!(""))] {
            if let Some(value) = fields.get_mut(field) {
                *value = empty;
            }
        }
        if let Some(status) = fields.get_mut("status") {
            *status = Value::from("in_progress");
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::item;

    #[test]
    fn events_are_numbered_and_belong_to_their_item() {
        let mut stream = EventStream::new("resp_1", "mock");
        let message = item::assistant("msg_1", "hello");
        let events =
            [stream.created(), stream.item_added(&message), stream.text_delta("hello"), stream.item_done(message)];
        let numbers: Vec<_> = events.iter().map(|e| e.data["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        assert!(events.iter().all(|e| e.data["type"] == e.name));
        assert_eq!(events[1].data["item"]["content"], json!([]));
        assert_eq!(events[1].data["item"]["status"], "in_progress");
        assert_eq!(events[2].data["item_id"], "msg_1");
        assert_eq!(stream.item_added(&item::reasoning("rs", "x")).data["output_index"], 1);
    }

    #[test]
    fn the_completed_response_holds_its_items_and_counts() {
        let mut stream = EventStream::new("resp_1", "mock");
        stream.item_done(item::assistant("msg_1", "hello"));
        let usage = TokenUsage { input: 7, cached_input: 3, output: 5, reasoning_output: 2 };
        let data = stream.completed(usage).data;
        assert_eq!(data["response"]["output"][0]["id"], "msg_1");
        assert_eq!(data["response"]["usage"]["total_tokens"], 12);
        assert_eq!(TokenUsage::from_value(&data["response"]["usage"]), usage);
    }
}
