//! The notifications with which Codex's own server tells what it does, and the settings that they show.

use serde_json::Value;

use crate::journal::{CallId, Seq, Settings, SettingsSource};

/// A `codex/event` notification.
pub(in crate::target) struct Event<'a> {
    /// The type of its `msg`, which is the frame's name.
    pub(in crate::target) name: &'a str,
    /// The id of the request it belongs to.
    pub(in crate::target) request: &'a Value,
    msg: &'a Value,
}

impl<'a> Event<'a> {
    /// Reads the parameters of a `codex/event`.
    pub(in crate::target) fn read(params: &'a Value) -> Option<Event<'a>> {
        let msg = params.get("msg")?;
        let request = params.pointer("/_meta/requestId").unwrap_or(&Value::Null);
        Some(Event { name: msg.get("type")?.as_str()?, request, msg })
    }

    /// The settings that a `session_configured` shows.
    pub(in crate::target) fn settings(&self, call: CallId, frame: Seq) -> Option<Settings> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
    fn an_event_without_a_type_or_a_message_is_none() {
        for bad in [json!(null), json!({}), json!({"msg": {}}), json!({"msg": {"type": 5}})] {
            assert!(Event::read(&bad).is_none(), "{bad}");
        }
        let params = json!({"msg": {"type": "task_started"}});
        assert!(Event::read(&params).is_some_and(|event| event.name == "task_started" && event.request.is_null()));
    }
}
