//! Response items: which of them reach the model, and what their texts say about the thread.
//!
//! Codex itself decides by type and by the beginning of a user message's text; these are its rules as 0.130, 0.153.4
//! and 0.169 were seen to follow them.

use std::borrow::Cow;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::scan::keys::{Inner, Sort, Span, sort_of, text_of};
use super::scan::parts::Contents;
use super::scan::skim::Skim;

/// What becomes of a response item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is sent to the model.
    Send,
    /// It never is, by design: a ghost snapshot, a system message.
    Drop,
    /// This build does not know its type, and so can not send it.
    Unknown,
    /// It lacks what its type needs, or holds a part that no release knows; Codex skips it.
    Bad,
}

/// Types that are sent to the model (newest source read: 0.169).
const SENT: [&str; 16] = [
    "message",
    "reasoning",
    "local_shell_call",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
    "image_generation_call",
    "compaction",
    "compaction_summary",
    "context_compaction",
    "agent_message",
    "additional_tools",
];

/// Whether a bare line of this type is a response item.
pub(super) fn is_known_type(kind: &str) -> bool {
    SENT.contains(&kind) || kind == "ghost_snapshot"
}

/// What the text of a response item says that decides what becomes of it, without a value built from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ItemFacts<'a> {
    /// What becomes of it.
    pub(super) use_: Use,
    /// Its `type`.
    pub(super) kind: Option<Cow<'a, str>>,
    /// The role of a message; `None` for every other item.
    pub(super) role: Option<Cow<'a, str>>,
    /// What ties a call to its output.
    pub(super) call_id: Option<Cow<'a, str>>,
    /// Who ran a tool search: `server` or `client`.
    pub(super) execution: Option<Cow<'a, str>>,
    /// It is a user message that Codex wrote itself.
    pub(super) is_contextual: bool,
    /// Its message or output holds a part that 0.105.0 and 0.130.0 do not know.
    pub(super) has_late_part: bool,
    content: Option<&'a str>,
}

impl<'a> ItemFacts<'a> {
    /// The facts of the item whose text this is; the text has been checked to be JSON.
    pub(super) fn of(text: &'a str) -> ItemFacts<'a> {
        let keys = Skim::new(text.as_bytes()).inner().unwrap_or_default();
        ItemFacts::from_keys(text, &keys)
    }

    /// The facts of an item whose keys stand in `text`.
    pub(super) fn from_keys(text: &'a str, keys: &Inner) -> ItemFacts<'a> {
        let at = |span: &Option<Span>| span.clone().and_then(|span| text.get(span));
        let said = |span: &Option<Span>| at(span).and_then(text_of);
        let kind = said(&keys.kind);
        let is_message = kind.as_deref() == Some("message");
        let role = said(&keys.role).filter(|_| is_message);
        let content = at(&keys.content);
        let is_contextual = role.as_deref() == Some("user") && content.is_some_and(begins_contextually);
        let sort =
            |key: for<'k> fn(&'k Inner) -> &'k Option<Span>| at(key(keys)).map(|value| sort_of(value.as_bytes()));
        let parts = (keys.content_parts, keys.output_parts);
        ItemFacts {
            use_: use_of_keys(kind.as_deref(), role.as_deref(), parts, sort),
            kind,
            role,
            call_id: said(&keys.call_id),
            execution: said(&keys.execution),
            is_contextual,
            has_late_part: keys.content_parts.late || keys.output_parts.late,
            content,
        }
    }

    /// Whether the item begins a turn: a user message that a user wrote.
    pub(super) fn begins_turn(&self) -> bool {
        self.role.as_deref() == Some("user") && !self.is_contextual
    }

    /// The texts of a message, in order.
    pub(super) fn texts(&self) -> Vec<Cow<'a, str>> {
        self.content.map(texts_in).unwrap_or_default()
    }

    /// The `<cwd>` that an environment context tells the model.
    pub(super) fn told_cwd(&self) -> Option<PathBuf> {
        self.texts().iter().find(|text| is_environment(text)).and_then(|text| cwd_in(text))
    }
}

fn use_of_keys(
    kind: Option<&str>,
    role: Option<&str>,
    (content, output): (Contents, Contents),
    sort: impl Fn(for<'k> fn(&'k Inner) -> &'k Option<Span>) -> Option<Sort>,
) -> Use {
    let text = Some(Sort::Text);
    let call_id = || sort(|keys| &keys.call_id);
    let name = || sort(|keys| &keys.name);
    let fits = match kind {
        None => return Use::Bad,
        Some("ghost_snapshot") => return Use::Drop,
        Some("message") if role == Some("system") => return Use::Drop,
        Some("message") => role.is_some() && sort(|keys| &keys.content) == Some(Sort::Array) && content.fit_message,
        Some("function_call") => call_id() == text && name() == text && sort(|keys| &keys.arguments) == text,
        Some("custom_tool_call") => call_id() == text && name() == text && sort(|keys| &keys.input) == text,
        // An object as output makes Codex skip the line (all versions seen); the call then counts as without output.
        Some("function_call_output" | "custom_tool_call_output") => {
            call_id() == text
                && matches!(sort(|keys| &keys.output), Some(Sort::Text | Sort::Array))
                && output.fit_output
        }
        Some(kind) if SENT.contains(&kind) => true,
        Some(_) => return Use::Unknown,
    };
    if fits { Use::Send } else { Use::Bad }
}

/// The texts of a message's content.
fn texts_in(content: &str) -> Vec<Cow<'_, str>> {
    let mut texts = Vec::new();
    each_text(content, |text| texts.extend(text_of(text)));
    texts
}

/// Gives what each part of a message's content has as its text, as JSON.
fn each_text<'a>(content: &'a str, mut take: impl FnMut(&'a str)) {
    if sort_of(content.as_bytes()) != Sort::Array {
        return;
    }
    // The content has been checked, so no flaw comes of it.
    let _ = Skim::new(content.as_bytes()).array(|part| {
        if part.next_sort() != Sort::Object {
            return part.value().map(drop);
        }
        let mut text = None;
        part.object(|part, key| {
            let value = part.value()?;
            if key == b"text" {
                text = content.get(value);
            }
            Ok(())
        })?;
        text.into_iter().for_each(&mut take);
        Ok(())
    });
}

fn begins_contextually(content: &str) -> bool {
    let mut head = None;
    each_text(content, |text| {
        head = head.take().or_else(|| head_of(text));
    });
    head.is_some_and(|head| begins_contextual(&head))
}

/// The first [`HEAD_CHARS`] characters of what a JSON string stands for, or all of it; `None` where `value` is no string.
fn head_of(value: &str) -> Option<Cow<'_, str>> {
    let inside = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut end = 0;
    for _ in 0..HEAD_CHARS {
        let rest = inside.get(end..).unwrap_or_default();
        end += match rest.as_bytes() {
            [] => break,
            [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    let head = inside.get(..end)?;
    if head.contains('\\') {
        serde_json::from_str(&format!("\"{head}\"")).ok().map(Cow::Owned)
    } else {
        Some(head.into())
    }
}

/// The kind of a record that tells what one agent said to another (0.147 and later).
pub(super) const BETWEEN_AGENTS: &str = "inter_agent_communication";

/// The item that Codex makes of such a record (0.153.4 and 0.169.0), by its payload; `None` where that lacks something. A
/// message whose words are encrypted is introduced by what kind it is, for whom and from whom.
pub(super) fn between_agents(payload: &str) -> Option<String> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    let text = |key: &str| payload.get(key).and_then(Value::as_str);
    let (author, recipient, words) = (text("author")?, text("recipient")?, text("content")?);
    if payload.get("other_recipients").is_some_and(|others| !others.is_array()) {
        return None;
    }
    let begins = payload.get("trigger_turn").and_then(Value::as_bool)?;
    let content = match text("encrypted_content") {
        None => json!([{"type": "input_text", "text": words}]),
        Some(encrypted) => {
            let kind = if begins { "NEW_TASK" } else { "MESSAGE" };
            let head = format!("Message Type: {kind}\nTask name: {recipient}\nSender: {author}\nPayload:\n");
            json!([
                {"type": "input_text", "text": head},
                {"type": "encrypted_content", "encrypted_content": encrypted},
            ])
        }
    };
    let item = json!({"type": "agent_message", "author": author, "recipient": recipient, "content": content});
    Some(item.to_string())
}

/// Whether the item is sent to the model.
pub(super) fn is_sent(item: &Value) -> bool {
    ItemFacts::of(&item.to_string()).use_ == Use::Send
}

/// Beginnings of user messages that Codex writes itself; such a message begins no turn. Compared without regard to
/// case, and without skipping white space.
const CONTEXTUAL: [&str; 6] = [
    "<environment_context>",
    "# agents.md instructions for ",
    "<turn_aborted>",
    "<user_shell_command>",
    "<subagent_notification>",
    "<skill>",
];

/// More than the longest of [`CONTEXTUAL`] has.
const HEAD_CHARS: usize = 32;

/// Whether a user message whose first text begins so is one that Codex wrote itself.
pub(super) fn begins_contextual(text: &str) -> bool {
    CONTEXTUAL.iter().any(|start| begins_with(text, start))
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn is_environment(text: &str) -> bool {
    begins_with(text, "<environment_context>")
}

fn cwd_in(context: &str) -> Option<PathBuf> {
    let (_, rest) = context.split_once("<cwd>")?;
    let (cwd, _) = rest.split_once("</cwd>")?;
    let cwd = cwd.trim();
    (!cwd.is_empty()).then(|| PathBuf::from(cwd))
}

#[cfg(test)]
mod tests {
    use super::super::scan::value::value_of;
    use super::*;

    fn use_of(item: &Value) -> Use {
        ItemFacts::of(&item.to_string()).use_
    }

    fn user(text: &str) -> Value {
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    }

    #[test]
    fn messages_that_codex_wrote_begin_no_turn() {
        let begins = |text: &str| {
            let item = user(text).to_string();
            let facts = ItemFacts::of(&item);
            (facts.begins_turn(), facts.is_contextual)
        };
        for text in [
            "<environment_context>\n</environment_context>",
            "<ENVIRONMENT_CONTEXT>",
            "# AGENTS.md instructions for /p\n",
            "<turn_aborted>x</turn_aborted>",
            "<user_shell_command>",
            "<subagent_notification>",
            "<skill>",
        ] {
            assert_eq!(begins(text), (false, true), "{text}");
        }
        for text in ["hello", " <environment_context>", "<user_instructions>", "<hook_prompt>", "# AGENTS.md", "<ÄÄÄ"]
        {
            assert_eq!(begins(text), (true, false), "{text}");
        }
    }

    #[test]
    fn a_beginning_is_known_however_it_is_spelled_and_whatever_follows() {
        for (spelled, is_contextual) in [
            (r"\u003cenvironment_context>\n", true),
            (r"\u003c\u0065\u006e\u0076\u0069\u0072\u006f\u006e\u006d\u0065\u006e\u0074\u005f\u0063ontext>", true),
            (r"<skill>\ud83d\ude00\ud83d\ude00", true),
            (r"\ud83d\ude00<skill>", false),
            (r"\\<skill>", false),
            ("", false),
        ] {
            let part = |text: &str| format!(r#"{{"type":"input_text","text":"{text}"}}"#);
            let long = part(&(spelled.to_owned() + &r"\n\u00e4\ud83d\ude00".repeat(40)));
            for content in [part(spelled), format!(r#"{{"text":7}},{long},{}"#, part("<skill>"))] {
                let item = format!(r#"{{"type":"message","role":"user","content":[{content}]}}"#);
                assert_eq!(ItemFacts::of(&item).is_contextual, is_contextual, "{item}");
            }
        }
    }

    #[test]
    fn the_told_cwd_is_found_in_an_environment_context_alone() {
        let told = user("<environment_context>\n  <cwd>/a b</cwd>\n  <shell>bash</shell>\n</environment_context>");
        let told_cwd = |item: &Value| ItemFacts::of(&item.to_string()).told_cwd();
        assert_eq!(told_cwd(&told), Some(PathBuf::from("/a b")));
        assert_eq!(told_cwd(&user("my <cwd>/evil</cwd>")), None);
        assert_eq!(told_cwd(&user("<environment_context><cwd></cwd>")), None);
    }

    #[test]
    fn what_agents_say_to_each_other_becomes_an_item() {
        let of = |payload: Value| between_agents(&payload.to_string()).map(|text| value_of(&text));
        let said =
            json!({"author": "/a", "recipient": "/b", "other_recipients": [], "content": "x", "trigger_turn": true});
        let item = of(said.clone()).unwrap();
        let parts = json!([{"type": "input_text", "text": "x"}]);
        assert_eq!(item, json!({"type": "agent_message", "author": "/a", "recipient": "/b", "content": parts}));
        let mut encrypted = said.clone();
        encrypted["encrypted_content"] = "abc".into();
        let head = "Message Type: NEW_TASK\nTask name: /b\nSender: /a\nPayload:\n";
        assert_eq!(of(encrypted).unwrap()["content"][0]["text"], head);
        for key in ["author", "recipient", "content", "trigger_turn"] {
            let mut less = said.clone();
            less.as_object_mut().unwrap().shift_remove(key);
            assert_eq!(of(less), None, "{key}");
        }
    }

    #[test]
    fn items_are_sent_dropped_or_told() {
        assert_eq!(use_of(&user("x")), Use::Send);
        assert_eq!(use_of(&json!({"type": "ghost_snapshot"})), Use::Drop);
        assert_eq!(use_of(&json!({"type": "message", "role": "system", "content": []})), Use::Drop);
        assert_eq!(use_of(&json!({"type": "hologram"})), Use::Unknown);
        assert_eq!(use_of(&json!({"type": "message", "role": "user"})), Use::Bad);
        let odd = json!({"type": "message", "role": "user", "content": [{"type": "smell", "text": "x"}]});
        assert_eq!(use_of(&odd), Use::Bad);
        let output = |part: &str| json!({"type": "function_call_output", "call_id": "c", "output": [{"type": part, "text": "x"}]});
        assert_eq!((use_of(&output("input_text")), use_of(&output("smell"))), (Use::Send, Use::Bad));
        let object = json!({"type": "function_call_output", "call_id": "c", "output": {"content": "x"}});
        assert_eq!(use_of(&object), Use::Bad);
        assert_eq!(use_of(&json!([])), Use::Bad);
    }
}
