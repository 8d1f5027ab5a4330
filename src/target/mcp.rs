//! The dialect `mcp`: the tools `codex` and `codex-reply`, as Codex's own server has them.
//!
//! Pure translation between the words of the journal and JSON. Shapes were read from the binaries 0.105.0, 0.130.0 and
//! 0.153.4; what is missing or of another type is left out, never guessed.

use regex_lite::Regex;
use serde_json::{Map, Value, json};

use super::Ask;
use crate::journal::{Answer, AnswerOutcome, CallId, CallKind, Note, Seq, Settings, SettingsSource};
use crate::wire;

/// The protocol version that the client offers.
pub(super) const PROTOCOL: &str = "2025-06-18";
/// The tools that a target must offer.
pub(super) const TOOLS: [&str; 2] = ["codex", "codex-reply"];
/// The key of our own server's notes in a result's `_meta`.
const NOTES_KEY: &str = "rehydra/rehydration";
/// How a text block that is a note begins.
const NOTE_PREFIX: &str = "[rehydra]";

/// Parameters of `initialize`.
pub(super) fn initialize_params() -> Value {
    json!({
        "protocolVersion": PROTOCOL,
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "rehydra", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// The line of a call.
pub(super) fn call_line(id: i64, ask: &Ask) -> Vec<u8> {
    let mut arguments = Map::new();
    let mut put = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            arguments.insert(key.to_owned(), Value::String(value.clone()));
        }
    };
    let tool = match ask.kind {
        CallKind::Start => TOOLS[0],
        CallKind::Reply => TOOLS[1],
    };
    put("threadId", &ask.id.as_ref().map(|(id, _)| id.clone()));
    put("prompt", &Some(ask.prompt.clone()));
    put("cwd", &ask.cwd);
    put("sandbox", &ask.sandbox);
    put("approval-policy", &ask.approval);
    wire::request(id, "tools/call", json!({"name": tool, "arguments": arguments}))
}

/// The answer that a response to a call is.
pub(super) fn answer(call: CallId, frame: Seq, outcome: Result<Value, Value>, note: Option<&Regex>) -> Answer {
    let from = vec![frame];
    match outcome {
        Err(error) => {
            let text = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
            let error_kind = error.get("code").map(Value::to_string);
            let (id_returned, notes) = (None, Vec::new());
            Answer {
                from,
                call,
                outcome: AnswerOutcome::RpcError,
                id_returned,
                text,
                notes,
                error_kind,
                raw: Some(error),
            }
        }
        Ok(result) => {
            let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
            let outcome = if failed { AnswerOutcome::ToolError } else { AnswerOutcome::Reply };
            let id = result.pointer("/structuredContent/threadId").and_then(Value::as_str).map(str::to_owned);
            let text = texts(&result).next().unwrap_or_default().to_owned();
            let notes = notes(&result, note);
            Answer { from, call, outcome, id_returned: id, text, notes, error_kind: None, raw: Some(result) }
        }
    }
}

fn texts(result: &Value) -> impl Iterator<Item = &str> {
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    blocks.iter().filter_map(|block| block.get("text")?.as_str())
}

/// Our own server's notes, then the text blocks that are notes by their form (kind `text`).
fn notes(result: &Value, pattern: Option<&Regex>) -> Vec<Note> {
    let own = result.get("_meta").and_then(|meta| meta.get(NOTES_KEY)?.get("notes")?.as_array());
    let text_of = |note: &Value, key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut notes: Vec<Note> =
        own.into_iter().flatten().map(|n| Note { kind: text_of(n, "kind"), text: text_of(n, "text") }).collect();
    let is_note = |text: &&str| text.starts_with(NOTE_PREFIX) || pattern.is_some_and(|p| p.is_match(text));
    notes.extend(texts(result).filter(is_note).map(|text| Note { kind: "text".into(), text: text.to_owned() }));
    notes
}

/// A `codex/event` notification.
pub(super) struct Event<'a> {
    /// The type of its `msg`, which is the frame's name.
    pub(super) name: &'a str,
    /// The id of the request it belongs to.
    pub(super) request: &'a Value,
    msg: &'a Value,
}

impl<'a> Event<'a> {
    /// Reads the parameters of a `codex/event`.
    pub(super) fn read(params: &'a Value) -> Option<Event<'a>> {
        let msg = params.get("msg")?;
        let request = params.pointer("/_meta/requestId").unwrap_or(&Value::Null);
        Some(Event { name: msg.get("type")?.as_str()?, request, msg })
    }

    /// The settings that a `session_configured` shows.
    pub(super) fn settings(&self, call: CallId, frame: Seq) -> Option<Settings> {
        if self.name != "session_configured" {
            return None;
        }
        let text = |key: &str| self.msg.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Settings {
            from: vec![frame],
            call,
            cwd: text("cwd"),
            sandbox: sandbox(self.msg),
            approval: text("approval_policy"),
            source: SettingsSource::SessionConfigured,
        })
    }
}

/// The sandbox's name: `sandbox_policy.type` up to 0.105.0, a `permission_profile` in 0.130.0 and 0.153.4. A profile that
/// is none of the three well-known ones stands as its JSON text, so that nobody takes it for a narrower one.
fn sandbox(msg: &Value) -> Option<String> {
    if let Some(policy) = msg.get("sandbox_policy") {
        let name = policy.as_str().or_else(|| policy.get("type")?.as_str()).or_else(|| policy.get("mode")?.as_str());
        return Some(name.map_or_else(|| policy.to_string(), str::to_owned));
    }
    let profile = msg.get("permission_profile").filter(|profile| !profile.is_null())?;
    let name = match profile.get("type").and_then(Value::as_str) {
        Some("disabled") => Some("danger-full-access"),
        Some("managed") => managed(profile),
        _ => None,
    };
    Some(name.map_or_else(|| profile.to_string(), str::to_owned))
}

/// A `managed` profile is a list of places with an access each: `read-only` writes nowhere, `workspace-write` in some
/// places, the project's roots among them, but not everywhere.
fn managed(profile: &Value) -> Option<&'static str> {
    let files = profile.get("file_system")?;
    if files.get("type")?.as_str()? != "restricted" {
        return None;
    }
    let place = |entry: &Value| entry.pointer("/path/value/kind").and_then(Value::as_str).map(str::to_owned);
    let mut written = Vec::new();
    for entry in files.get("entries")?.as_array()? {
        match entry.get("access")?.as_str()? {
            "write" => written.push(place(entry)),
            "read" | "none" | "deny" => {}
            _ => return None,
        }
    }
    let restricted = profile.get("network").and_then(Value::as_str) == Some("restricted");
    let writes = |kind: &str| written.iter().flatten().any(|w| w == kind);
    match () {
        () if written.is_empty() && restricted => Some("read-only"),
        () if writes("root") || !writes("project_roots") => None,
        () => Some("workspace-write"),
    }
}

/// The call that a request of the server is about, where it says so: an elicitation of Codex names the tool call.
pub(super) fn request_about(params: &Value) -> &Value {
    params.get("codex_mcp_tool_call_id").unwrap_or(&Value::Null)
}

/// Whether a request of the server asks for an approval.
pub(super) fn asks_approval(method: &str) -> bool {
    method == "elicitation/create"
}

/// What the client answers to a request of the server, so that nothing hangs: approvals are given or denied, in Codex's
/// words and in those of MCP; `ping` is answered; everything else is not there.
pub(super) fn reply_line(id: &Value, method: &str, approve: bool) -> Vec<u8> {
    match method {
        "elicitation/create" if approve => {
            wire::response(id, json!({"decision": "approved", "action": "accept", "content": {}}))
        }
        "elicitation/create" => wire::response(id, json!({"decision": "denied", "action": "decline"})),
        "ping" => wire::response(id, json!({})),
        _ => wire::response_error(id, -32601, &format!("method not found: {method}")),
    }
}

/// The names that the result of `tools/list` offers, and whether there are more pages.
pub(super) fn tools_offered(result: &Value) -> (Vec<String>, bool) {
    let tools = result.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = tools.iter().filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect();
    (names, result.get("nextCursor").is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(msg: Value) -> Option<String> {
        sandbox(&msg)
    }

    /// As 0.130.0 and 0.153.4 write it; `writes` are the places with write access.
    fn profile(writes: &[&str], network: &str) -> Value {
        let place =
            |kind: &str, access: &str| json!({"path": {"type": "special", "value": {"kind": kind}}, "access": access});
        let mut entries = vec![place("root", "read")];
        entries.extend(writes.iter().map(|kind| place(kind, "write")));
        let files = json!({"type": "restricted", "entries": entries});
        json!({"permission_profile": {"type": "managed", "file_system": files, "network": network}})
    }

    #[test]
    fn a_sandbox_is_read_in_the_form_of_each_release() {
        assert_eq!(shown(json!({"sandbox_policy": {"type": "read-only"}})).as_deref(), Some("read-only"));
        assert_eq!(shown(json!({"sandbox_policy": "workspace-write"})).as_deref(), Some("workspace-write"));
        let disabled = json!({"permission_profile": {"type": "disabled"}});
        assert_eq!(shown(disabled).as_deref(), Some("danger-full-access"));
        assert_eq!(shown(profile(&[], "restricted")).as_deref(), Some("read-only"));
        let workspace = profile(&["project_roots", "slash_tmp", "tmpdir"], "restricted");
        assert_eq!(shown(workspace).as_deref(), Some("workspace-write"));
    }

    #[test]
    fn an_unknown_profile_is_never_taken_for_a_narrower_one() {
        for wide in [
            profile(&["root", "project_roots"], "restricted"),
            profile(&["tmpdir"], "restricted"),
            profile(&[], "enabled"),
        ] {
            assert!(shown(wide).is_some_and(|text| text.starts_with('{')));
        }
        let external = shown(json!({"permission_profile": {"type": "external", "network": "restricted"}}));
        assert_eq!(external.as_deref(), Some(r#"{"type":"external","network":"restricted"}"#));
        assert_eq!(shown(json!({"cwd": "/w"})), None);
        assert_eq!(shown(json!({"permission_profile": null})), None);
    }

    #[test]
    fn an_answer_of_another_shape_is_read_as_far_as_it_goes() {
        for odd in [json!(null), json!([]), json!({"content": "x"}), json!({"content": [{"type": "image"}]})] {
            let answer = answer(1, 7, Ok(odd.clone()), None);
            assert_eq!((answer.outcome, answer.text.as_str()), (AnswerOutcome::Reply, ""));
            assert_eq!((answer.id_returned, answer.raw), (None, Some(odd)));
        }
        let odd = answer(1, 7, Err(json!("no object")), None);
        assert_eq!((odd.outcome, odd.error_kind), (AnswerOutcome::RpcError, None));
    }

    #[test]
    fn a_foreign_note_is_found_by_the_profiles_pattern() {
        let result = json!({"content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "NOTICE: lost"}]});
        let pattern = Regex::new("^NOTICE").expect("a pattern");
        assert_eq!(answer(1, 7, Ok(result.clone()), Some(&pattern)).notes.len(), 1);
        assert!(answer(1, 7, Ok(result), None).notes.is_empty());
    }

    #[test]
    fn an_event_without_a_type_or_a_message_is_none() {
        for bad in [json!(null), json!({}), json!({"msg": {}}), json!({"msg": {"type": 5}})] {
            assert!(Event::read(&bad).is_none(), "{bad}");
        }
        let params = json!({"msg": {"type": "task_started"}});
        assert!(Event::read(&params).is_some_and(|event| event.name == "task_started" && event.request.is_null()));
    }

    #[test]
    fn more_pages_of_tools_are_noticed() {
        let page = json!({"tools": [{"name": "codex"}, {"title": "nameless"}], "nextCursor": "2"});
        assert_eq!(tools_offered(&page), (vec!["codex".to_owned()], true));
        assert_eq!(tools_offered(&json!({"tools": 5})), (vec![], false));
    }
}
