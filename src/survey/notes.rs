//! How a server tells that something was lost: the text block that an answer has once something is, and never before.

use serde_json::Value;

use super::ids::texts;
use crate::marker;

/// How our own server's notes begin, which every run knows.
const OURS: &str = "[rehydra]";
/// Words of a note that has no other beginning, which its pattern is made of.
const WORDS: usize = 3;

/// The text block that `result` has more than a `usual` one: one that says nothing of the conversation.
pub(super) fn added(usual: &Value, result: &Value) -> Option<String> {
    let ordinary: Vec<&str> = texts(usual).collect();
    let is_new = |text: &&str| marker::find(text).is_empty() && !ordinary.contains(text) && !text.trim().is_empty();
    let more = texts(result).count() > ordinary.len();
    texts(result).filter(is_new).last().filter(|_| more).map(str::to_owned)
}

/// A regular expression for notes like this one; `None` where a run needs none.
pub(super) fn pattern(note: &str) -> Option<String> {
    if note.starts_with(OURS) {
        return None;
    }
    let bracketed = note.starts_with(['[', '(', '<']).then(|| note.find([']', ')', '>'])).flatten();
    // A colon that ends a word of its own, not one of a path or a time.
    let labelled = note.find(": ").filter(|at| note.get(..*at).is_some_and(|label| label.split(' ').count() <= WORDS));
    let end = match (bracketed, labelled) {
        (Some(end), _) | (None, Some(end)) => end + 1,
        (None, None) => note.match_indices(' ').nth(WORDS - 1).map_or(note.len(), |(at, _)| at),
    };
    let beginning = note.get(..end).unwrap_or(note).lines().next().unwrap_or_default();
    Some(format!("^{}", regex_lite::escape(beginning)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(blocks: &[&str]) -> Value {
        json!({"content": blocks.iter().map(|text| json!({"type": "text", "text": text})).collect::<Vec<_>>()})
    }

    #[test]
    fn a_note_is_a_block_that_was_not_there_before() {
        let usual = result(&["Noted. rhr-00000001", "session: a"]);
        let added = |blocks: &[&str]| added(&usual, &result(blocks));
        assert_eq!(added(&["Noted. rhr-00000002", "session: a", "[notice] gone"]).as_deref(), Some("[notice] gone"));
        assert_eq!(added(&["[notice] gone", "Noted. rhr-00000002", "session: a"]).as_deref(), Some("[notice] gone"));
        assert_eq!(added(&["Noted. rhr-00000002", "session: a"]), None);
        assert_eq!(added(&["Noted. rhr-00000002", "session: b"]), None);
        assert_eq!(added(&["Noted. rhr-00000002", "session: a", "more rhr-00000003"]), None);
    }

    #[test]
    fn a_note_is_known_by_how_it_begins() {
        let pattern = |note: &str| pattern(note).unwrap_or_default();
        assert_eq!(pattern("[notice] the directory /a/b is gone"), r"^\[notice\]");
        assert_eq!(pattern("Warning: the directory /a/b is gone"), "^Warning:");
        assert_eq!(pattern("The directory of this conversation: /a/b"), "^The directory of");
        assert_eq!(pattern("gone"), "^gone");
        assert_eq!(super::pattern("[rehydra] the directory is gone"), None);
    }
}
