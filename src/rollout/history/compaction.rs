//! What a compaction brings.
//!
//! A compaction of 0.87 and later brings the history that replaces what was before it (`replacement_history`, which may
//! be empty) and has a message all the same; without one Codex skips it (0.105 to 0.169). One of 0.42 to about 0.80 brings its summary alone. One bad item makes the whole of it unusable: Codex
//! 0.87 and later then skip the record, and the history before it stays.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::super::items::{ItemFacts, Use};

/// A usable compaction.
pub(super) enum Brings<'a> {
    /// The items of a history that replaces what was before.
    History(Vec<Brought<'a>>),
    /// Its summary.
    Summary(String),
}

/// An item of such a history.
pub(super) struct Brought<'a> {
    pub(super) text: &'a str,
    pub(super) use_: Use,
    begins_turn: bool,
}

impl<'a> Brought<'a> {
    fn new(text: &'a str) -> Brought<'a> {
        let facts = ItemFacts::of(text);
        Brought { text, use_: facts.use_, begins_turn: facts.begins_turn() }
    }
}

impl<'a> Brings<'a> {
    /// Reads the text of a `compacted` payload; `None` if it is unusable.
    pub(super) fn of(payload: &'a str) -> Option<Brings<'a>> {
        // Not a derived type: that would refuse a key which stands there twice, where the last one counts.
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(payload).ok()?;
        let message: String = serde_json::from_str(fields.get("message")?.get()).ok()?;
        match fields.get("replacement_history").map(|history| history.get()).filter(|text| *text != "null") {
            Some(history) => {
                let items: Vec<&RawValue> = serde_json::from_str(history).ok()?;
                let items: Vec<_> = items.into_iter().map(|item| Brought::new(item.get())).collect();
                items.iter().all(|item| item.use_ != Use::Bad).then_some(Brings::History(items))
            }
            None => Some(Brings::Summary(message)),
        }
    }

    /// Of one that brings a history: whether that holds a message that a user wrote.
    pub(super) fn has_turn(&self) -> Option<bool> {
        match self {
            Brings::History(items) => Some(items.iter().any(|item| item.begins_turn)),
            Brings::Summary(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brings(payload: &str) -> Option<(usize, Option<bool>)> {
        Brings::of(payload).map(|brings| match &brings {
            Brings::History(items) => (items.len(), brings.has_turn()),
            Brings::Summary(summary) => (summary.len(), None),
        })
    }

    #[test]
    fn a_history_comes_before_a_summary_and_a_bad_item_makes_it_unusable() {
        let user = r#"{"type":"message","role":"user","content":[]}"#;
        assert_eq!(brings(&format!(r#"{{"message":"s","replacement_history":[{user}]}}"#)), Some((1, Some(true))));
        assert_eq!(brings(r#"{"message":"s","replacement_history":[]}"#), Some((0, Some(false))));
        assert_eq!(brings(r#"{"message":"sum","replacement_history":null}"#), Some((3, None)));
        assert_eq!(brings(r#"{"message":"","message":"last"}"#), Some((4, None)));
        for bad in [
            r#"{}"#,
            r#"{"message":3}"#,
            r#"{"message":"s","replacement_history":{}}"#,
            r#"{"replacement_history":[]}"#,
            r#"{"message":"s","replacement_history":[{"type":"message"}]}"#,
        ] {
            assert_eq!(brings(bad), None, "{bad}");
        }
    }
}
