//! The dialect `mcp`: tools that hold conversations, those of Codex's own server unless a profile names others.
//!
//! Pure translation between the words of the journal and JSON. Codex's shapes were read from the binaries 0.105.0, 0.130.0
//! and 0.153.4; what is missing or of another type is left out, never guessed.

mod events;
mod results;

use serde_json::{Value, json};

use super::Ask;
use crate::journal::{CallKind, Parts, Tools};
use crate::wire;

pub(super) use events::Event;
pub(super) use results::Results;

/// The protocol version that a client without a probe offers.
pub(in crate::target) const PROTOCOL: &str = "2025-06-18";
/// The one that a client offers whose probe was not answered by a newer server.
const PROTOCOL_AFTER_PROBE: &str = "2025-11-25";
/// The one that a probe asks for; this client goes on with `initialize` whatever is answered.
const PROTOCOL_OF_PROBE: &str = "2026-07-28";
/// The id of a probe, as Claude Code 2.1.330 writes it.
pub(in crate::target) const PROBE_ID: &str = "server-discover-probe-1";
/// The slot of a probe's answer, whose id is no number. No call has it.
pub(in crate::target) const PROBE_SLOT: i64 = -1;

/// Parameters of `initialize`.
pub(in crate::target) fn initialize_params(probed: bool) -> Value {
    json!({
        "protocolVersion": if probed { PROTOCOL_AFTER_PROBE } else { PROTOCOL },
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "rehydra", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// The line of a probe: `server/discover` of a protocol that has no `initialize`.
pub(in crate::target) fn probe_line() -> Vec<u8> {
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
pub(in crate::target) fn cancelled(slot: i64) -> Vec<u8> {
    let params = json!({"requestId": slot, "reason": "the client takes the call back"});
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string().into_bytes()
}

/// The line of a call. Of a call's parts only those go out that its tool has a place for.
pub(in crate::target) fn call_line(id: i64, ask: &Ask, tools: &Tools) -> Vec<u8> {
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

/// The call that a request of the server is about, where it says so: an elicitation of Codex names the tool call.
pub(in crate::target) fn request_about(params: &Value) -> &Value {
    params.get("codex_mcp_tool_call_id").unwrap_or(&Value::Null)
}

/// Whether a request of the server asks for an approval.
pub(in crate::target) fn asks_approval(method: &str) -> bool {
    method == "elicitation/create"
}

/// What the client answers to a request of the server, so that nothing hangs: approvals are given or denied, in Codex's
/// words and in those of MCP; `ping` is answered; everything else is not there.
pub(in crate::target) fn reply_line(id: &Value, method: &str, approve: bool) -> Vec<u8> {
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
pub(in crate::target) fn tools_offered(result: &Value) -> (Vec<String>, bool) {
    let tools = result.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = tools.iter().filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect();
    (names, result.get("nextCursor").is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn more_pages_of_tools_are_noticed() {
        let page = json!({"tools": [{"name": "codex"}, {"title": "nameless"}], "nextCursor": "2"});
        assert_eq!(tools_offered(&page), (vec!["codex".to_owned()], true));
        assert_eq!(tools_offered(&json!({"tools": 5})), (vec![], false));
    }
}
