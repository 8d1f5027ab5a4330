//! Lines of the protocol, and the few fields of its results that matter.

use serde_json::{Map, Value, json};

/// Settings named at the start of a thread; what is not named is left to the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where it works.
    pub cwd: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    pub sandbox: Option<String>,
    /// `untrusted`, `on-request`, `on-failure` or `never`, as far as the release knows them.
    pub approval: Option<String>,
}

impl Settings {
    /// The parameters of `thread/start`.
    pub(super) fn params(&self) -> Value {
        let named = [("cwd", &self.cwd), ("sandbox", &self.sandbox), ("approvalPolicy", &self.approval)];
        let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
        Value::Object(named.collect::<Map<_, _>>())
    }
}

/// What the result of `thread/start`, `thread/resume` or `thread/fork` shows of the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id: a new one after a fork.
    pub id: String,
    /// The settings under which its next turn runs. The sandbox has the name that it has at a start; one that is none
    /// of the three, or wider than its name says, stands as its JSON text, so that nobody takes it for a narrower one.
    pub settings: Settings,
}

impl Thread {
    /// Reads a result; `None` if it names no thread.
    pub fn read(result: &Value) -> Option<Thread> {
        let id = result.pointer("/thread/id")?.as_str()?.to_owned();
        let text = |key: &str| {
            let value = result.get(key).filter(|value| !value.is_null())?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let sandbox = result.get("sandbox").filter(|sandbox| !sandbox.is_null()).map(sandbox);
        Some(Thread { id, settings: Settings { cwd: text("cwd"), sandbox, approval: text("approvalPolicy") } })
    }
}

fn sandbox(policy: &Value) -> String {
    let online = policy.get("networkAccess").and_then(Value::as_bool).unwrap_or(false);
    let name = match policy.get("type").and_then(Value::as_str) {
        Some("readOnly") if !online => Some("read-only"),
        Some("workspaceWrite") => Some("workspace-write"),
        Some("dangerFullAccess") => Some("danger-full-access"),
        _ => None,
    };
    name.map_or_else(|| policy.to_string(), str::to_owned)
}

/// The method and the parameters that open a conversation. `name` becomes the `originator` of new threads.
pub fn initialize(name: &str, version: &str) -> (&'static str, Value) {
    ("initialize", json!({"clientInfo": {"name": name, "title": name, "version": version}}))
}

/// The line that follows the answer to [`initialize`].
pub fn initialized() -> Vec<u8> {
    line(json!({"method": "initialized"}))
}

pub(super) fn request(id: i64, method: &str, params: Value) -> Vec<u8> {
    line(json!({"id": id, "method": method, "params": params}))
}

pub(super) fn turn_start(id: i64, thread: &str, prompt: &str) -> Vec<u8> {
    request(id, "turn/start", json!({"threadId": thread, "input": [{"type": "text", "text": prompt}]}))
}

/// The answer that gives an approval; `None` for a request that asks for none.
pub fn accept(id: &Value, method: &str) -> Option<Vec<u8>> {
    let decision = match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => "accept",
        "applyPatchApproval" | "execCommandApproval" => "approved",
        _ => return None,
    };
    Some(line(json!({"id": id, "result": {"decision": decision}})))
}

/// The answer to a request of the server, such that nothing is granted and nothing hangs: every kind of approval and
/// question that 0.169.0 knows is declined in its own form, and the rest is refused, after which a turn goes on too.
pub fn decline(id: &Value, method: &str) -> Vec<u8> {
    let result = match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => json!({"decision": "decline"}),
        "applyPatchApproval" | "execCommandApproval" => json!({"decision": "denied"}),
        "item/permissions/requestApproval" => json!({"permissions": {}}),
        "item/tool/requestUserInput" => json!({"answers": {}}),
        "item/tool/call" => json!({"contentItems": [], "success": false}),
        "mcpServer/elicitation/request" => json!({"action": "decline"}),
        _ => {
            let error = json!({"code": -32601, "message": format!("method not found: {method}")});
            return line(json!({"id": id, "error": error}));
        }
    };
    line(json!({"id": id, "result": result}))
}

fn line(message: Value) -> Vec<u8> {
    message.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_approval_is_accepted() {
        let line = accept(&json!(0), "item/commandExecution/requestApproval").unwrap();
        assert_eq!(String::from_utf8(line).unwrap(), r#"{"id":0,"result":{"decision":"accept"}}"#);
        assert_eq!(accept(&json!(0), "item/tool/requestUserInput"), None);
    }

    #[test]
    fn a_start_names_what_is_set_and_nothing_else() {
        assert_eq!(Settings::default().params(), json!({}));
        let settings =
            Settings { cwd: Some("/w".into()), sandbox: Some("read-only".into()), approval: Some("never".into()) };
        assert_eq!(settings.params(), json!({"cwd": "/w", "sandbox": "read-only", "approvalPolicy": "never"}));
    }

    #[test]
    fn a_sandbox_is_never_taken_for_a_narrower_one() {
        let shown = |sandbox: Value| {
            let result = json!({"thread": {"id": "a"}, "sandbox": sandbox, "approvalPolicy": {"granular": {}}});
            Thread::read(&result).and_then(|thread| thread.settings.sandbox)
        };
        assert_eq!(shown(json!({"type": "readOnly", "networkAccess": false})).as_deref(), Some("read-only"));
        assert_eq!(shown(json!({"type": "readOnly"})).as_deref(), Some("read-only"));
        assert_eq!(shown(json!({"type": "workspaceWrite"})).as_deref(), Some("workspace-write"));
        assert_eq!(shown(json!({"type": "dangerFullAccess"})).as_deref(), Some("danger-full-access"));
        for odd in [json!({"type": "readOnly", "networkAccess": true}), json!({"type": "elsewhere"}), json!("x")] {
            assert_eq!(shown(odd.clone()), Some(odd.to_string()));
        }
        assert_eq!(shown(Value::Null), None);
    }

    #[test]
    fn a_result_without_a_thread_is_none() {
        for odd in [json!(null), json!({}), json!({"thread": {}}), json!({"thread": {"id": 5}})] {
            assert_eq!(Thread::read(&odd), None);
        }
    }

    #[test]
    fn nothing_on_the_wire_has_a_jsonrpc_member() {
        let lines = [initialized(), request(1, "a/b", json!({})), decline(&json!(1), "x"), turn_start(2, "t", "p")];
        for line in lines {
            assert!(!String::from_utf8_lossy(&line).contains("jsonrpc"));
        }
    }
}
