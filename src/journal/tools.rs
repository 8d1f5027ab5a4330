//! How a conversation is had with a server's tools: which tool begins one, which goes on with it, and where in their
//! arguments and results the words of a story stand.
//!
//! Places are JSON pointers (RFC 6901): into the arguments of a call where something is put in, into its result where
//! something is read. Plain data, a part of a journal's header, so that a run says how its target was spoken to.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The tools of a server that hold conversations. The default are those of Codex's own server (0.105.0 to 0.153.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// Begins a conversation.
    pub start: Tool,
    /// Goes on with one.
    pub reply: Tool,
    /// Where a result tells the conversation's id.
    pub id_in: IdIn,
}

/// One tool, and where in its arguments a call's parts go. What has no place is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name in `tools/list`.
    pub name: String,
    /// Pointer to the prompt.
    pub prompt: String,
    /// Pointer to the id of the conversation; a replying tool has one.
    pub id: Option<String>,
    /// Pointer to the directory in which the thread works.
    pub cwd: Option<String>,
    /// Pointer to the sandbox, which is given in Codex's words.
    pub sandbox: Option<String>,
    /// Pointer to the approval policy, which is given in Codex's words.
    pub approval: Option<String>,
    /// Arguments that every call has.
    pub args: Map<String, Value>,
}

/// Where a result tells the id of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdIn {
    /// At this pointer into the result; a text or a number.
    Pointer(String),
    /// In the text of one of its blocks: the one group of this regular expression.
    Text(String),
}

impl Default for Tools {
    fn default() -> Tools {
        let at = |place: &str| Some(place.to_owned());
        let start = Tool {
            name: "codex".to_owned(),
            prompt: "/prompt".to_owned(),
            cwd: at("/cwd"),
            sandbox: at("/sandbox"),
            approval: at("/approval-policy"),
            ..Tool::default()
        };
        let reply = Tool {
            name: "codex-reply".to_owned(),
            prompt: "/prompt".to_owned(),
            id: at("/threadId"),
            ..Tool::default()
        };
        Tools { start, reply, id_in: IdIn::default() }
    }
}

impl Default for IdIn {
    /// Where Codex's own server and ours tell it.
    fn default() -> IdIn {
        IdIn::Pointer("/structuredContent/threadId".to_owned())
    }
}

impl Tool {
    /// The arguments of a call: the fixed ones, and each part at its place.
    pub fn arguments(&self, parts: &Parts<'_>) -> Value {
        let mut arguments = Value::Object(self.args.clone());
        let places = [
            (self.id.as_deref(), parts.id),
            (Some(self.prompt.as_str()), Some(parts.prompt)),
            (self.cwd.as_deref(), parts.cwd),
            (self.sandbox.as_deref(), parts.sandbox),
            (self.approval.as_deref(), parts.approval),
        ];
        for (place, part) in places {
            if let (Some(place), Some(part)) = (place, part) {
                put(&mut arguments, place, Value::String(part.to_owned()));
            }
        }
        arguments
    }
}

/// The parts of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The conversation's id.
    pub id: Option<&'a str>,
    /// The prompt.
    pub prompt: &'a str,
    /// The thread's directory.
    pub cwd: Option<&'a str>,
    /// The sandbox.
    pub sandbox: Option<&'a str>,
    /// The approval policy.
    pub approval: Option<&'a str>,
}

/// Puts a value where a JSON pointer points, in place of what is there. What is missing on the way is made, as tables;
/// a list is entered at an entry that it has, or added to at its end. `false` if the way leads through anything else,
/// and then `into` may have become larger but has lost nothing.
pub fn put(into: &mut Value, pointer: &str, value: Value) -> bool {
    let mut at = into;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Object(table) => table.entry(part).or_insert(Value::Null),
            Value::Array(list) => {
                let end = list.len();
                let index = if part == "-" { Some(end) } else { part.parse().ok() };
                if index == Some(end) {
                    list.push(Value::Null);
                }
                match index.and_then(|index| list.get_mut(index)) {
                    Some(entry) => entry,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    *at = value;
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codex_s_own_tools_are_called_as_codex_is() {
        let Tools { start, reply, .. } = Tools::default();
        let parts = Parts { prompt: "hi", cwd: Some("/w"), approval: Some("never"), ..Parts::default() };
        assert_eq!(start.arguments(&parts), json!({"prompt": "hi", "cwd": "/w", "approval-policy": "never"}));
        let parts = Parts { id: Some("7"), prompt: "hi", cwd: Some("/w"), ..Parts::default() };
        assert_eq!(reply.arguments(&parts), json!({"threadId": "7", "prompt": "hi"}));
    }

    #[test]
    fn a_value_is_put_where_the_pointer_points() {
        let mut args = json!({"messages": [{"role": "user"}], "n": 1});
        assert!(put(&mut args, "/messages/0/text", json!("hi")));
        assert!(put(&mut args, "/messages/-", json!("more")));
        assert!(put(&mut args, "/a~1b/c~0d", json!(true)));
        let expected = json!({"messages": [{"role": "user", "text": "hi"}, "more"], "n": 1, "a/b": {"c~d": true}});
        assert_eq!(args, expected);
        for nowhere in ["/n/x", "/messages/7", "/messages/x"] {
            assert!(!put(&mut args, nowhere, json!(0)), "{nowhere}");
        }
        assert_eq!(args, expected);
    }
}
