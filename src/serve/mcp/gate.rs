//! What becomes of a line, decided before rmcp sees it.
//!
//! A line is a request that is served, a request that is answered here, a notification, or nothing. As with Codex's
//! server nothing is answered to what is no request: not JSON, a batch, no `"jsonrpc": "2.0"`, an id that is neither a
//! string nor an integer. A request that does not fit its method's shape is answered as if the method did not exist;
//! that is how Codex 0.153.4 answers it.

use rmcp::model::{ClientJsonRpcMessage, ClientNotification, ClientRequest, JsonRpcMessage, RequestId};
use serde_json::{Value, json};

/// What to do with a line.
pub(super) enum Verdict {
    /// A request for the handler.
    Serve(RequestId, Box<ClientJsonRpcMessage>),
    /// The client takes that request back; rmcp is told as well.
    Cancel(RequestId, Box<ClientJsonRpcMessage>),
    /// Another notification.
    Tell(Box<ClientJsonRpcMessage>),
    /// An answer to be written as it stands.
    Answer(Value),
    /// Nothing.
    Drop,
}

/// Decides about one line.
pub(super) fn judge(line: &[u8]) -> Verdict {
    let Ok(Value::Object(mut frame)) = serde_json::from_slice::<Value>(line) else { return Verdict::Drop };
    let Some(method) = frame.get("method").and_then(Value::as_str).map(str::to_owned) else { return Verdict::Drop };
    if frame.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Verdict::Drop;
    }
    // `"params": null` is as good as none.
    if frame.get("params").is_some_and(Value::is_null) {
        frame.remove("params");
    }
    let id = match frame.get("id") {
        None => return notification(Value::Object(frame)),
        Some(id) if id.is_i64() || id.is_string() => id.clone(),
        Some(_) => return Verdict::Drop,
    };
    let served = match serde_json::from_value::<ClientJsonRpcMessage>(Value::Object(frame)) {
        Ok(message) => match &message {
            JsonRpcMessage::Request(request) if is_served(&request.request) => Some((request.id.clone(), message)),
            _ => None,
        },
        Err(_) => None,
    };
    match served {
        Some((id, message)) => Verdict::Serve(id, Box::new(message)),
        None => Verdict::Answer(method_not_found(&id, &method)),
    }
}

fn is_served(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::InitializeRequest(_)
            | ClientRequest::PingRequest(_)
            | ClientRequest::ListToolsRequest(_)
            | ClientRequest::CallToolRequest(_)
    )
}

fn notification(frame: Value) -> Verdict {
    let Ok(message) = serde_json::from_value::<ClientJsonRpcMessage>(frame) else { return Verdict::Drop };
    let JsonRpcMessage::Notification(notification) = &message else { return Verdict::Drop };
    match &notification.notification {
        ClientNotification::CancelledNotification(cancelled) => match cancelled.params.request_id.clone() {
            Some(id) => Verdict::Cancel(id, Box::new(message)),
            None => Verdict::Drop,
        },
        _ => Verdict::Tell(Box::new(message)),
    }
}

fn method_not_found(id: &Value, method: &str) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": {"code": -32601, "message": format!("method not found: {method}"), "data": {"method": method}}
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(line: &str) -> String {
        match judge(line.as_bytes()) {
            Verdict::Serve(id, _) => format!("serve {id}"),
            Verdict::Cancel(id, _) => format!("cancel {id}"),
            Verdict::Tell(_) => "tell".to_owned(),
            Verdict::Answer(answer) => format!("{} {}", answer["error"]["code"], answer["error"]["message"]),
            Verdict::Drop => "drop".to_owned(),
        }
    }

    #[test]
    fn only_requests_are_answered() {
        for line in [
            "",
            "garbage",
            "[]",
            "5",
            "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":9999999999999999999,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":0,"result":{}}"#,
        ] {
            assert_eq!(word(line), "drop", "{line}");
        }
    }

    #[test]
    fn the_four_methods_are_served_before_and_after_initialize() {
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"codex"}}"#,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r",
        ] {
            assert_eq!(word(line), "serve 1", "{line}");
        }
    }

    #[test]
    fn a_probe_and_a_malformed_call_are_methods_that_do_not_exist() {
        assert_eq!(
            word(r#"{"jsonrpc":"2.0","id":"p","method":"server/discover","params":{"_meta":{}}}"#),
            "-32601 \"method not found: server/discover\""
        );
        for params in ["{}", r#"{"name":5}"#, r#"{"name":"codex","arguments":5}"#] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
            assert_eq!(word(&line), "-32601 \"method not found: tools/call\"", "{line}");
        }
    }

    #[test]
    fn a_cancel_names_its_request() {
        let line = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}"#;
        assert_eq!(word(line), "cancel x");
    }
}
