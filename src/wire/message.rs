//! JSON-RPC 2.0 messages, read from a line and made into one.
//!
//! Reading is as lenient as it can be without guessing: a missing `jsonrpc` member is accepted (Codex's app-server sends
//! none), unknown members are ignored, an id is whatever JSON the sender chose. Whether the sender *should* have written
//! that is for a check to say, from the bytes. `serde_json` refuses nesting beyond 128.

use serde_json::{Map, Value, json};

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Wants an answer.
    Request {
        /// To be repeated in the answer.
        id: Value,
        /// What is wanted.
        method: String,
        /// `null` if there are none.
        params: Value,
    },
    /// Wants none.
    Notification {
        /// What has happened.
        method: String,
        /// `null` if there are none.
        params: Value,
    },
    /// Answers a request.
    Response {
        /// The request's.
        id: Value,
        /// The `result` or the `error` member.
        outcome: Result<Value, Value>,
    },
}

/// A line is no JSON-RPC message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJsonRpc {
    /// Not even JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON of another form; batches are of that kind, because MCP over stdio has none.
    #[error("JSON, but neither a request, nor a notification, nor a response")]
    Form,
}

impl Message {
    /// Reads one line.
    pub fn parse(line: &[u8]) -> Result<Message, NotJsonRpc> {
        let value: Value = serde_json::from_slice(line).map_err(|error| NotJsonRpc::Json(error.to_string()))?;
        let Value::Object(mut members) = value else { return Err(NotJsonRpc::Form) };
        let id = members.remove("id");
        match members.remove("method") {
            Some(Value::String(method)) => {
                let params = members.remove("params").unwrap_or(Value::Null);
                Ok(match id {
                    Some(id) => Message::Request { id, method, params },
                    None => Message::Notification { method, params },
                })
            }
            Some(_) => Err(NotJsonRpc::Form),
            None => response_of(id, members),
        }
    }
}

fn response_of(id: Option<Value>, mut members: Map<String, Value>) -> Result<Message, NotJsonRpc> {
    let id = id.ok_or(NotJsonRpc::Form)?;
    match (members.remove("result"), members.remove("error")) {
        (Some(result), None) => Ok(Message::Response { id, outcome: Ok(result) }),
        (None, Some(error)) => Ok(Message::Response { id, outcome: Err(error) }),
        _ => Err(NotJsonRpc::Form),
    }
}

/// The line of a request.
pub fn request(id: i64, method: &str, params: Value) -> Vec<u8> {
    line(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

/// The line of a notification without parameters.
pub fn notification(method: &str) -> Vec<u8> {
    line(json!({"jsonrpc": "2.0", "method": method}))
}

/// The line of a result.
pub fn response(id: &Value, result: Value) -> Vec<u8> {
    line(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// The line of an error.
pub fn response_error(id: &Value, code: i64, message: &str) -> Vec<u8> {
    line(json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}))
}

fn line(message: Value) -> Vec<u8> {
    message.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        let request = Message::Request { id: json!("a"), method: "ping".into(), params: Value::Null };
        assert_eq!(Message::parse(br#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#), Ok(request));
        let notification = Message::Notification { method: "x/y".into(), params: json!({"n": 1}) };
        assert_eq!(Message::parse(br#"{"method":"x/y","params":{"n":1}}"#), Ok(notification));
        let ok = Message::Response { id: json!(3), outcome: Ok(json!({})) };
        assert_eq!(Message::parse(b"{\"id\":3,\"result\":{}}\r"), Ok(ok));
        let error = Message::Response { id: Value::Null, outcome: Err(json!({"code": -32700})) };
        assert_eq!(Message::parse(br#"{"id":null,"error":{"code":-32700}}"#), Ok(error));
    }

    #[test]
    fn a_result_of_null_is_a_result() {
        let message = Message::parse(br#"{"id":1,"result":null}"#);
        assert_eq!(message, Ok(Message::Response { id: json!(1), outcome: Ok(Value::Null) }));
    }

    #[test]
    fn what_is_no_message_is_refused_and_never_a_panic() {
        for bad in ["", "hello", "{", "\u{fffd}", r#"{"id":1"#] {
            assert!(matches!(Message::parse(bad.as_bytes()), Err(NotJsonRpc::Json(_))), "{bad}");
        }
        for bad in ["1", "[]", "{}", r#"{"id":1}"#, r#"{"result":1}"#, r#"{"id":1,"result":1,"error":2}"#] {
            assert_eq!(Message::parse(bad.as_bytes()), Err(NotJsonRpc::Form), "{bad}");
        }
        assert_eq!(Message::parse(br#"{"id":1,"method":5}"#), Err(NotJsonRpc::Form));
        let nested = "[".repeat(100_000);
        assert!(matches!(Message::parse(nested.as_bytes()), Err(NotJsonRpc::Json(_))));
    }

    #[test]
    fn what_is_made_can_be_read() {
        let made = request(0, "tools/list", json!({}));
        let read = Message::Request { id: json!(0), method: "tools/list".into(), params: json!({}) };
        assert_eq!(Message::parse(&made), Ok(read));
        let made = response_error(&json!("x"), -32601, "method not found: a");
        let error = json!({"code": -32601, "message": "method not found: a"});
        assert_eq!(Message::parse(&made), Ok(Message::Response { id: json!("x"), outcome: Err(error) }));
    }
}
