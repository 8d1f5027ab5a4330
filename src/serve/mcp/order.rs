//! Calls of one thread in the order in which the client sent them.
//!
//! rmcp runs each request in a task of its own, and tasks begin in no particular order. Turns of a thread queue at the
//! thread, so the queue is right if the calls come to it in order: a call that names a thread is begun only once the
//! one before it that named the same id has been, and whatever that then waits for. Calls with other ids never wait
//! here. Ids are compared as they were sent; two spellings of one id, or an old id and a new one of the same
//! conversation, make no promise about each other.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use serde_json::Value;
use tokio::sync::oneshot::{self, error::TryRecvError};

/// The newest call of each thread that has not begun.
#[derive(Default)]
pub(super) struct Order {
    newest: HashMap<String, Begun>,
}

/// Ready when a call has begun, or was dropped.
type Begun = oneshot::Receiver<()>;

/// A call's place behind the one before it.
#[derive(Clone, Default)]
pub(super) struct Place(Arc<Mutex<Option<Between>>>);

struct Between {
    before: Option<Begun>,
    // Dropping it tells the next one.
    own: oneshot::Sender<()>,
}

impl Order {
    /// Gives a call that names a thread its place, which [`Place::of`] finds again in the handler.
    pub(super) fn line_up(&mut self, message: &mut ClientJsonRpcMessage) {
        let JsonRpcMessage::Request(request) = message else { return };
        let ClientRequest::CallToolRequest(call) = &mut request.request else { return };
        let named = |key| call.params.arguments.as_ref()?.get(key).and_then(Value::as_str);
        let Some(thread) = named("threadId").or_else(|| named("conversationId")).map(str::to_owned) else { return };
        self.newest.retain(|_, begun| matches!(begun.try_recv(), Err(TryRecvError::Empty)));
        let (own, begun) = oneshot::channel();
        let before = self.newest.insert(thread, begun);
        call.extensions.insert(Place(Arc::new(Mutex::new(Some(Between { before, own })))));
    }
}

impl Place {
    /// The place of a request with these extensions; that of a call which names no thread is nowhere in particular.
    pub(super) fn of(extensions: &rmcp::model::Extensions) -> Place {
        extensions.get::<Place>().cloned().unwrap_or_default()
    }

    /// Runs `call`, from when the one before it has begun.
    pub(super) async fn run<F: Future>(self, call: F) -> F::Output {
        let between = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Between { before, own }) = between else { return call.await };
        if let Some(before) = before {
            // An error is a call that was dropped before it began.
            let _ = before.await;
        }
        let mut call = pin!(call);
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        drop(own);
        match first {
            Poll::Ready(output) => output,
            Poll::Pending => call.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use rmcp::model::GetExtensions;
    use serde_json::json;

    fn place(order: &mut Order, arguments: Value) -> Place {
        let frame = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "codex-reply", "arguments": arguments}
        });
        let mut message = serde_json::from_value(frame).unwrap();
        order.line_up(&mut message);
        let JsonRpcMessage::Request(request) = message else { panic!("no request") };
        Place::of(request.request.extensions())
    }

    #[tokio::test]
    async fn a_call_begins_when_the_one_before_it_has_begun_and_not_when_it_is_over() {
        let mut order = Order::default();
        let first = place(&mut order, json!({"threadId": "a"}));
        let second = place(&mut order, json!({"conversationId": "a"}));
        let mut later = pin!(second.run(async { 2 }));
        assert_eq!(later.as_mut().now_or_never(), None);
        let mut hanging = pin!(first.run(std::future::pending::<()>()));
        assert_eq!(hanging.as_mut().now_or_never(), None);
        assert_eq!(later.now_or_never(), Some(2));
    }

    #[tokio::test]
    async fn calls_of_other_threads_and_of_none_do_not_wait() {
        let mut order = Order::default();
        let _first = place(&mut order, json!({"threadId": "a"}));
        for arguments in [json!({"threadId": "b"}), json!({"prompt": "a"}), json!({"threadId": 5}), json!(null)] {
            assert_eq!(place(&mut order, arguments).run(async { 1 }).now_or_never(), Some(1));
        }
    }

    #[tokio::test]
    async fn a_call_that_never_begins_holds_nobody_up_and_nothing_is_kept() {
        let mut order = Order::default();
        let first = place(&mut order, json!({"threadId": "a"}));
        let second = place(&mut order, json!({"threadId": "a"}));
        drop(first);
        assert_eq!(second.run(async { 2 }).now_or_never(), Some(2));
        place(&mut order, json!({"threadId": "b"}));
        assert_eq!(order.newest.keys().collect::<Vec<_>>(), ["b"]);
    }
}
