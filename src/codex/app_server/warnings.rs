//! What the server warns of in words for people, kept for the call that is next to end on the thread it is about.
//!
//! A warning names its thread: `warning {threadId, message}` in 0.130.0, 0.153.4 and 0.169.0, in 0.105.0
//! `codex/event/warning {conversationId, msg: {message}}`. It may come before the result that brings the thread back, so it
//! is kept by the thread's id whether that is known yet or not. One that names no thread is nobody's.

use serde_json::Value;

use crate::wire::Mark;

/// Most warnings that are kept; of more the first count.
const KEPT: usize = 100;

/// See the module.
#[derive(Default)]
pub(super) struct Warnings(Vec<Warning>);

struct Warning {
    thread: String,
    mark: Mark,
    text: String,
}

impl Warnings {
    /// A notification was read.
    pub(super) fn heard(&mut self, mark: Mark, method: &str, params: &Value) {
        let (thread, text) = match method {
            "warning" => ("/threadId", "/message"),
            "codex/event/warning" => ("/conversationId", "/msg/message"),
            _ => return,
        };
        let text_of = |pointer| params.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let (Some(thread), Some(text), true) = (text_of(thread), text_of(text), self.0.len() < KEPT) {
            self.0.push(Warning { thread, mark, text });
        }
    }

    /// Those about a thread, which are then forgotten: the message that each was read from, and its text.
    pub(super) fn take(&mut self, thread: &str) -> Vec<(Mark, String)> {
        self.0.extract_if(.., |warning| warning.thread == thread).map(|w| (w.mark, w.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_warning_is_kept_for_its_thread_and_told_once() {
        let mut warnings = Warnings::default();
        warnings.heard(1, "warning", &json!({"threadId": "a", "message": "one"}));
        warnings.heard(2, "codex/event/warning", &json!({"conversationId": "a", "msg": {"message": "two"}}));
        warnings.heard(3, "warning", &json!({"threadId": "b", "message": "three"}));
        for odd in [json!(null), json!({"message": "x"}), json!({"threadId": 5, "message": "x"}), json!([])] {
            warnings.heard(4, "warning", &odd);
        }
        warnings.heard(5, "deprecationNotice", &json!({"threadId": "a", "message": "old"}));
        assert_eq!(warnings.take("a"), [(1, "one".to_owned()), (2, "two".to_owned())]);
        assert_eq!(warnings.take("a"), []);
        assert_eq!(warnings.take("b").len(), 1);
    }

    #[test]
    fn a_flood_of_warnings_is_not_kept() {
        let mut warnings = Warnings::default();
        for mark in 0..1_000 {
            warnings.heard(mark, "warning", &json!({"threadId": "a", "message": "again"}));
        }
        assert_eq!(warnings.take("a").len(), KEPT);
    }
}
