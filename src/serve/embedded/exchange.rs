//! One exchange with the model: what its events mean.
//!
//! Of a stream only four things matter to a conversation: pieces of text as they come, whole items, the end, and the
//! reasons for which there is no end. Everything else passes by, as it does with Codex. A response counts only if it
//! says `response.completed`; items that were whole before it broke off are kept all the same, because they are in the
//! rollout by then and the model will see them again.

use std::collections::HashSet;

use futures_util::StreamExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::model::{ModelError, ModelEvents};

/// What came next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// A piece of a message that is being made.
    Delta {
        /// The item, as the API names it; empty if it does not.
        item_id: String,
        /// The piece.
        text: String,
    },
    /// A whole output item.
    Item(Value),
    /// The response is whole.
    Completed,
    /// It will not be.
    Failed(ModelError),
    /// The client took the call back.
    Cancelled,
}

/// Reads a response to its end.
pub(super) struct Exchange {
    events: ModelEvents,
    item_id: String,
    /// Ids of the items that are done.
    done: HashSet<String>,
}

impl Exchange {
    pub(super) fn new(events: ModelEvents) -> Exchange {
        Exchange { events, item_id: String::new(), done: HashSet::new() }
    }

    /// The next thing that matters. A cancellation goes before anything that has come already.
    pub(super) async fn next(&mut self, cancel: &CancellationToken) -> Next {
        loop {
            let event = tokio::select! {
                biased;
                () = cancel.cancelled() => return Next::Cancelled,
                event = self.events.next() => event,
            };
            match event {
                None => return Next::Failed(disconnected("stream closed before response.completed")),
                Some(Err(error)) => return Next::Failed(error),
                Some(Ok(event)) => {
                    if let Some(next) = self.read(event) {
                        return next;
                    }
                }
            }
        }
    }

    fn read(&mut self, mut event: Value) -> Option<Next> {
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "response.output_item.added" => {
                self.item_id = text_at(&event, "/item/id").unwrap_or_default();
                None
            }
            "response.output_text.delta" => {
                let item_id = text_at(&event, "/item_id").unwrap_or_else(|| self.item_id.clone());
                Some(Next::Delta { item_id, text: text_at(&event, "/delta")? })
            }
            "response.output_item.done" => {
                let item = event.get_mut("item").map(Value::take)?;
                // A stream that tells an item twice has made one.
                let is_new = text_at(&item, "/id").is_none_or(|id| self.done.insert(id));
                (item.is_object() && is_new).then_some(Next::Item(item))
            }
            "response.completed" => Some(Next::Completed),
            "response.failed" => Some(Next::Failed(failed(&event))),
            "response.incomplete" => {
                let reason = text_at(&event, "/response/incomplete_details/reason");
                let reason = reason.unwrap_or_else(|| "unknown".to_owned());
                Some(Next::Failed(disconnected(&format!("Incomplete response returned, reason: {reason}"))))
            }
            _ => None,
        }
    }
}

fn text_at(event: &Value, pointer: &str) -> Option<String> {
    event.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn failed(event: &Value) -> ModelError {
    if text_at(event, "/response/error/code").as_deref() == Some("context_length_exceeded") {
        return ModelError::ContextWindowExceeded;
    }
    match text_at(event, "/response/error/message") {
        Some(message) => disconnected(&message),
        None => disconnected("response.failed event received"),
    }
}

fn disconnected(why: &str) -> ModelError {
    ModelError::Disconnected(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn read_all(events: Vec<Value>) -> Vec<Next> {
        let mut exchange = Exchange::new(futures_util::stream::iter(events.into_iter().map(Ok)).boxed());
        let cancel = CancellationToken::new();
        let mut all = Vec::new();
        loop {
            let next = exchange.next(&cancel).await;
            let last = matches!(next, Next::Completed | Next::Failed(_) | Next::Cancelled);
            all.push(next);
            if last {
                return all;
            }
        }
    }

    async fn failure(event: Value) -> String {
        match read_all(vec![event]).await.pop() {
            Some(Next::Failed(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn deltas_items_and_the_end_are_read_and_the_rest_passes_by() {
        let item = json!({"type": "message", "role": "assistant", "content": []});
        let events = vec![
            json!({"type": "response.created"}),
            json!("no event"),
            json!({"type": "response.output_item.added", "item": {"id": "m1"}}),
            json!({"type": "response.output_text.delta", "delta": "he"}),
            json!({"type": "response.output_item.done"}),
            json!({"type": "response.output_item.done", "item": item}),
            json!({"type": "response.completed", "response": {"id": "r"}}),
        ];
        let delta = Next::Delta { item_id: "m1".into(), text: "he".into() };
        assert_eq!(read_all(events).await, [delta, Next::Item(item), Next::Completed]);
    }

    #[tokio::test]
    async fn an_item_that_is_told_twice_is_one() {
        let done = |id: &str| json!({"type": "response.output_item.done", "item": {"type": "message", "id": id}});
        let events = vec![done("m1"), done("m1"), done("m2"), json!({"type": "response.completed"})];
        let items = read_all(events).await.into_iter().filter(|next| matches!(next, Next::Item(_)));
        assert_eq!(items.count(), 2);
    }

    #[tokio::test]
    async fn a_response_that_does_not_end_well_says_so_in_codexs_words() {
        let failed = |error: Value| json!({"type": "response.failed", "response": {"error": error}});
        let prefix = "stream disconnected before completion: ";
        assert_eq!(failure(failed(json!({"message": "mock failed"}))).await, format!("{prefix}mock failed"));
        assert_eq!(failure(failed(json!(null))).await, format!("{prefix}response.failed event received"));
        assert_eq!(
            failure(failed(json!({"code": "context_length_exceeded", "message": "x"}))).await,
            "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before \
             retrying."
        );
        let incomplete = json!({
            "type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}
        });
        assert_eq!(
            failure(incomplete).await,
            format!("{prefix}Incomplete response returned, reason: max_output_tokens")
        );
        assert_eq!(
            failure(json!({"type": "response.created"})).await,
            format!("{prefix}stream closed before response.completed")
        );
    }

    #[tokio::test]
    async fn a_cancelled_exchange_yields_nothing_more() {
        let item = json!({"type": "response.output_item.done", "item": {}});
        let mut exchange = Exchange::new(futures_util::stream::iter([Ok(item)]).boxed());
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert_eq!(exchange.next(&cancel).await, Next::Cancelled);
    }
}
