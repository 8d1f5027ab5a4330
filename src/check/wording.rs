//! Whether a part of the history still says what was said.
//!
//! A marker tells that a part is there; its text may have been cut, escaped twice or rewritten all the same. Texts are
//! compared where an item carries one marker and no other, by their letters and digits alone, because spaces and marks
//! come and go with the form of a message. What a request said is known by its first 160 characters; a reply is held
//! against what the client was told.
//!
//! A foreign server may put words of its own around a prompt or an answer, so of its texts one need only contain the
//! other.

use super::expected::{Expected, Received, carries};
use super::view::View;
use crate::journal::{Item, TargetKind};
use crate::marker::Marker;

/// Characters of an item's text that a journal holds.
const PREVIEW_CHARS: usize = 160;

/// A part of the history with other words than it had.
pub(super) struct Reworded {
    pub(super) marker: Marker,
    pub(super) was: String,
    pub(super) is: String,
}

/// The first part whose words are others than before.
pub(super) fn reworded(view: &View<'_>, expected: &Expected<'_>, received: &Received<'_>) -> Option<Reworded> {
    let lenient = view.run.header.target.kind == TargetKind::Foreign;
    received.items.iter().find_map(|item| {
        let marker = only_marker(item)?;
        let was = original(expected, marker)?;
        if says(&was, &item.preview, lenient) {
            return None;
        }
        Some(Reworded { marker: marker.clone(), was, is: item.preview.clone() })
    })
}

/// The marker of an item that carries it alone, in the right role.
fn only_marker(item: &Item) -> Option<&Marker> {
    let [marker] = item.markers.as_slice() else { return None };
    carries(item, marker).then_some(marker)
}

/// What was said under that marker, as far as the journal holds it.
fn original(expected: &Expected<'_>, marker: &Marker) -> Option<String> {
    let mut before = expected.base_items.unwrap_or_default().iter().filter(|i| only_marker(i) == Some(marker));
    if let Some(item) = before.next() {
        return Some(item.preview.clone());
    }
    let told = expected.told.filter(|text| crate::marker::find(text) == std::slice::from_ref(marker))?;
    Some(told.chars().take(PREVIEW_CHARS).collect())
}

fn says(was: &str, is: &str, lenient: bool) -> bool {
    let (was, is) = (letters(was), letters(is));
    was == is || lenient && (was.contains(&is) || is.contains(&was))
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Invariant, Outcome};
    use crate::journal::{Item, TargetKind};

    fn says(kind: TargetKind, item: Item, preview: &str) -> Outcome {
        let mut story = Story::restarted_on(kind);
        let say = |i: Item| if i.markers == item.markers { Item { preview: preview.into(), ..i } } else { i };
        let history = story.history("main").into_iter().map(say).collect();
        story.say(Say::reply("main", A, B, history));
        story.says(Invariant::Durable)
    }

    #[test]
    fn a_part_with_other_words_is_found() {
        let outcome = says(TargetKind::Builtin, assistant(r(1)), &format!("something else {}", r(1)));
        let expected = format!("the reply of step 1 ({}) reaches the model in other words", r(1));
        assert_eq!(text(&outcome), expected);
        let cut = says(TargetKind::Builtin, user(p(1)), &format!("… {}", p(1)));
        assert!(text(&cut).starts_with("the prompt of step 1"));
    }

    #[test]
    fn spaces_and_marks_are_no_words() {
        let same = format!(" Noted.\n\n{} ", r(1));
        assert_eq!(says(TargetKind::Builtin, assistant(r(1)), &same), Outcome::Held);
    }

    #[test]
    fn a_foreign_server_may_put_words_around() {
        let around = format!("assistant: Noted. {} (end)", r(1));
        assert_eq!(says(TargetKind::Foreign, assistant(r(1)), &around), Outcome::Held);
        assert!(!says(TargetKind::CodexMcp, assistant(r(1)), &around).findings().is_empty());
    }
}
