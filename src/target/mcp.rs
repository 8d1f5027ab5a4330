//! The dialect `mcp`: tools that hold conversations, those of Codex's own server unless a profile names others.
//!
//! Pure translation between the words of the journal and JSON. Codex's shapes were read from the binaries 0.105.0, 0.130.0
//! and 0.153.4; what is missing or of another type is left out, never guessed.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::Ask;
use crate::journal::{
    Answer, AnswerOutcome, CallId, CallKind, IdIn, Note, Parts, Seq, Settings, SettingsSource, TargetKind,
    TargetProfile, Tools,
};
use crate::wire;

/// The protocol version that a client without a probe offers.
pub(super) const PROTOCOL: &str = "2025-06-18";
/// The one that a client offers whose probe was not answered by a newer server.
const PROTOCOL_AFTER_PROBE: &str = "2025-11-25";
/// The one that a probe asks for; this client goes on with `initialize` whatever is answered.
const PROTOCOL_OF_PROBE: &str = "2026-07-28";
/// The id of a probe, as Claude Code 2.1.330 writes it.
pub(super) const PROBE_ID: &str = "server-discover-probe-1";
/// The slot of a probe's answer, whose id is no number. No call has it.
pub(super) const PROBE_SLOT: i64 = -1;
/// The key of our own server's notes in a result's `_meta`.
const NOTES_KEY: &str = "rehydra/rehydration";
/// How a text block that is a note begins.
const NOTE_PREFIX: &str = "[rehydra]";

/// Parameters of `initialize`.
pub(super) fn initialize_params(probed: bool) -> Value {
    json!({
        "protocolVersion": if probed { PROTOCOL_AFTER_PROBE } else { PROTOCOL },
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "rehydra", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// The line of a probe: `server/discover` of a protocol that has no `initialize`.
pub(super) fn probe_line() -> Vec<u8> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": PROTOCOL_OF_PROBE,
        "io.modelcontextprotocol/clientInfo": {"name": "rehydra", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    let params = json!({"_meta": meta});
    let line = json!({"jsonrpc": "2.0", "id": PROBE_ID, "method": "server/discover", "params": params});
    line.to_string().into_bytes()
}

/// The line that takes a call back.
pub(super) fn cancelled(slot: i64) -> Vec<u8> {
    let params = json!({"requestId": slot, "reason": "the client takes the call back"});
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string().into_bytes()
}

/// The line of a call. Of a call's parts only those go out that its tool has a place for.
pub(super) fn call_line(id: i64, ask: &Ask, tools: &Tools) -> Vec<u8> {
    let tool = match ask.kind {
        CallKind::Start => &tools.start,
        CallKind::Reply => &tools.reply,
    };
    let arguments = tool.arguments(&Parts {
        id: ask.id.as_ref().map(|(id, _)| id.as_str()),
        prompt: &ask.prompt,
        cwd: ask.cwd.as_deref(),
        sandbox: ask.sandbox.as_deref(),
        approval: ask.approval.as_deref(),
    });
    wire::request(id, "tools/call", json!({"name": tool.name, "arguments": arguments}))
}

/// How the results of a target are read.
#[derive(Clone, Debug)]
pub(super) struct Results {
    id: IdAt,
    note: Option<Regex>,
    /// The reply may stand in any text block, not in the first alone.
    spread: bool,
}

#[derive(Clone, Debug)]
enum IdAt {
    Pointer(String),
    Text(Regex),
}

impl Results {
    /// As the target's profile says; the error names the pattern that is none.
    pub(super) fn of(profile: &TargetProfile) -> Result<Results, String> {
        let pattern = |key: &str, pattern: &str| {
            let told =
                |error| format!("the pattern `{key}` of target `{}` is no regular expression: {error}", profile.name);
            Regex::new(pattern).map_err(told)
        };
        let id = match &profile.tools.id_in {
            IdIn::Pointer(pointer) => IdAt::Pointer(pointer.clone()),
            IdIn::Text(text) => IdAt::Text(pattern("id-in", text)?),
        };
        let note = profile.note.as_deref().map(|note| pattern("note", note)).transpose()?;
        Ok(Results { id, note, spread: profile.kind == TargetKind::Foreign })
    }

    /// The answer that a response to a call is.
    pub(super) fn answer(&self, call: CallId, frame: Seq, outcome: Result<Value, Value>) -> Answer {
        let from = vec![frame];
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                return Answer {
                    from,
                    call,
                    outcome: AnswerOutcome::RpcError,
                    id_returned: None,
                    text: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    notes: Vec::new(),
                    error_kind: error.get("code").map(Value::to_string),
                    raw: Some(error),
                };
            }
        };
        let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
        Answer {
            from,
            call,
            outcome: if failed { AnswerOutcome::ToolError } else { AnswerOutcome::Reply },
            id_returned: self.id(&result),
            text: self.text(&result),
            notes: self.notes(&result),
            error_kind: None,
            raw: Some(result),
        }
    }

    /// The id as a text, which is the form in which a reply is sent with it.
    fn id(&self, result: &Value) -> Option<String> {
        match &self.id {
            IdAt::Pointer(pointer) => match result.pointer(pointer)? {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            },
            IdAt::Text(pattern) => {
                let group = |text| Some(pattern.captures(text)?.get(1)?.as_str().to_owned());
                texts(result).find_map(group)
            }
        }
    }

    /// Codex's reply is the first text block. Other servers may spread theirs over several, notes apart, and one that has
    /// none shows what it has as structured content.
    fn text(&self, result: &Value) -> String {
        let first = texts(result).next();
        if !self.spread {
            return first.unwrap_or_default().to_owned();
        }
        match (first, result.get("structuredContent")) {
            (None, Some(content)) => content.to_string(),
            _ => {
                let further = texts(result).skip(1).filter(|text| !self.is_note(text));
                first.into_iter().chain(further).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn is_note(&self, text: &str) -> bool {
        text.starts_with(NOTE_PREFIX) || self.note.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }

    /// Our own server's notes, then the text blocks that are notes by their form (kind `text`).
    fn notes(&self, result: &Value) -> Vec<Note> {
        let own = result.get("_meta").and_then(|meta| meta.get(NOTES_KEY)?.get("notes")?.as_array());
        let text_of = |note: &Value, key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut notes: Vec<Note> =
            own.into_iter().flatten().map(|n| Note { kind: text_of(n, "kind"), text: text_of(n, "text") }).collect();
        notes.extend(
            texts(result)
                .filter(|text| self.is_note(text))
                .map(|text| Note { kind: "text".into(), text: text.to_owned() }),
        );
        notes
    }
}

fn texts(result: &Value) -> impl Iterator<Item = &str> {
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    blocks.iter().filter_map(|block| block.get("text")?.as_str())
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
    use super::super::profile;
    use super::*;

    fn codex() -> Results {
        Results::of(&profile::codex_mcp("0.153.4", "codex".as_ref())).expect("it has no patterns")
    }

    fn foreign(change: impl FnOnce(&mut TargetProfile)) -> Results {
        let mut profile = profile::from_command("server").expect("a command");
        change(&mut profile);
        Results::of(&profile).expect("sound patterns")
    }

    #[test]
    fn an_approval_is_given_or_denied_in_the_words_of_both() {
        let said = |approve| {
            let line = reply_line(&json!(0), "elicitation/create", approve);
            serde_json::from_slice::<Value>(&line).unwrap()["result"].clone()
        };
        assert_eq!(said(true), json!({"decision": "approved", "action": "accept", "content": {}}));
        assert_eq!(said(false), json!({"decision": "denied", "action": "decline"}));
        assert!(asks_approval("elicitation/create") && !asks_approval("ping"));
    }

    #[test]
    fn a_foreign_id_is_read_where_the_profile_says() {
        let id = |id_in: IdIn, result: Value| {
            foreign(|profile| profile.tools.id_in = id_in).answer(1, 7, Ok(result)).id_returned
        };
        let at = |pointer: &str| IdIn::Pointer(pointer.into());
        let texts = json!({"content": [{"text": "Noted."}, {"text": "session: a-7"}], "n": {"m": 12}});
        assert_eq!(id(IdIn::Text(r"session: (\S+)".into()), texts.clone()).as_deref(), Some("a-7"));
        assert_eq!(id(at("/n/m"), texts.clone()).as_deref(), Some("12"));
        assert_eq!(id(at("/n"), texts.clone()), None);
        assert_eq!(id(at("/nothing/0"), texts), None);
    }

    #[test]
    fn a_foreign_reply_may_be_spread() {
        let text = |result: Value| foreign(|_| {}).answer(1, 7, Ok(result)).text;
        assert_eq!(text(json!({"content": [{"text": "session: 1"}, {"text": "Blue."}]})), "session: 1\nBlue.");
        assert_eq!(text(json!({"content": [], "structuredContent": {"reply": "Blue."}})), r#"{"reply":"Blue."}"#);
        let both = json!({"content": [{"text": "a"}, {"text": "b"}]});
        assert_eq!(codex().answer(1, 7, Ok(both)).text, "a");
    }

    #[test]
    fn a_pattern_that_is_none_is_told_by_its_name() {
        let mut profile = profile::from_command("server").expect("a command");
        profile.tools.id_in = IdIn::Text("(".into());
        assert!(Results::of(&profile).expect_err("no pattern").contains("`id-in` of target `server`"));
    }

    fn shown(msg: Value) -> Option<String> {
        sandbox(&msg)
    }

    /// As 0.130.0 and 0.153.4 write it; `writes` are the places with write access.
    fn managed_profile(writes: &[&str], network: &str) -> Value {
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
        assert_eq!(shown(managed_profile(&[], "restricted")).as_deref(), Some("read-only"));
        let workspace = managed_profile(&["project_roots", "slash_tmp", "tmpdir"], "restricted");
        assert_eq!(shown(workspace).as_deref(), Some("workspace-write"));
    }

    #[test]
    fn an_unknown_profile_is_never_taken_for_a_narrower_one() {
        for wide in [
            managed_profile(&["root", "project_roots"], "restricted"),
            managed_profile(&["tmpdir"], "restricted"),
            managed_profile(&[], "enabled"),
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
            let answer = codex().answer(1, 7, Ok(odd.clone()));
            assert_eq!((answer.outcome, answer.text.as_str()), (AnswerOutcome::Reply, ""));
            assert_eq!((answer.id_returned, answer.raw), (None, Some(odd)));
        }
        let odd = codex().answer(1, 7, Err(json!("no object")));
        assert_eq!((odd.outcome, odd.error_kind), (AnswerOutcome::RpcError, None));
    }

    #[test]
    fn a_foreign_note_is_found_by_the_profiles_pattern() {
        let result = json!({"content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "NOTICE: lost"}]});
        let noting = foreign(|profile| profile.note = Some("^NOTICE".into()));
        assert_eq!(noting.answer(1, 7, Ok(result.clone())).notes.len(), 1);
        assert!(codex().answer(1, 7, Ok(result)).notes.is_empty());
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
