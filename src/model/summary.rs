//! What a request says, in the words of the journal.

use serde_json::Value;

use crate::journal::{Body, Item, Journal};
use crate::marker;
use crate::neutral;
use crate::responses::{context, item};

/// Longest preview of an item, in characters.
const PREVIEW_CHARS: usize = 160;

/// One journal item for each item of a request's input.
pub(super) fn items(journal: &Journal, input: &[Value]) -> Vec<Item> {
    input.iter().map(|value| summarise(journal, value)).collect()
}

fn summarise(journal: &Journal, value: &Value) -> Item {
    let text = item::text(value);
    let context = match context::tag(value) {
        Some(tag) => Some(tag),
        None => context::is_synthetic_output(value).then_some("aborted"),
    };
    Item {
        role: item::role(value).map(|role| flat(role, PREVIEW_CHARS)),
        kind: flat(item::kind(value), PREVIEW_CHARS),
        markers: marker::find(&text),
        call_id: item::call_id(value).map(str::to_owned),
        context: context.map(str::to_owned),
        preview: preview(journal, &text),
    }
}

/// The beginning of a text, without secrets and without anything that acts on a terminal or a page.
fn preview(journal: &Journal, text: &str) -> String {
    // Cut first, with room for a secret that begins inside: a history is megabytes, its preview is not.
    let head: String = text.chars().take(4 * PREVIEW_CHARS).collect();
    match journal.body(head.as_bytes()) {
        Body::Text(clean) => flat(&clean, PREVIEW_CHARS),
        _ => String::new(),
    }
}

/// At most `limit` characters on one line, on which white space is space and nothing else acts.
fn flat(text: &str, limit: usize) -> String {
    let plain = |c: char| if matches!(c, '\n' | '\r') { ' ' } else { c };
    neutral::inside(&text.chars().take(limit).map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::{Carrier, Marker};
    use crate::model::testing::Recorded;

    fn of(value: &Value) -> Item {
        let recorded = Recorded::new();
        summarise(&recorded.journal, value)
    }

    #[test]
    fn an_item_is_told_with_its_markers_and_its_beginning() {
        let marker = Marker::new(Carrier::Prompt, 1, 1);
        let item = of(&item::user(&format!("{} {marker}", "long ".repeat(100))));
        assert_eq!((item.role.as_deref(), item.kind.as_str()), (Some("user"), "message"));
        assert_eq!(item.markers, [marker]);
        assert_eq!(item.preview.chars().count(), PREVIEW_CHARS);
        assert_eq!(item.context, None);
    }

    #[test]
    fn contextual_messages_and_synthetic_outputs_are_marked() {
        assert_eq!(of(&item::user("<environment_context>…")).context.as_deref(), Some("environment_context"));
        let output = of(&item::function_call_output("c1", "aborted"));
        assert_eq!((output.context.as_deref(), output.call_id.as_deref()), (Some("aborted"), Some("c1")));
    }

    #[test]
    fn a_preview_acts_on_nothing() {
        assert_eq!(of(&item::user("a\n\u{1b}[31mred\u{202e}")).preview, "a ␛[31mred\u{fffd}");
    }

    #[test]
    fn a_preview_holds_no_secret() {
        let preview = of(&item::user(&format!("{}{}", "x".repeat(150), Recorded::SECRET))).preview;
        assert!(!preview.contains(&Recorded::SECRET[..6]), "{preview}");
        assert!(preview.ends_with("«redacted»"), "{preview}");
    }
}
