//! Sandbox and approval policies as they stand in rollouts.
//!
//! A `turn_context` says under which policies its turn ran. Three spellings of the sandbox are on disk: an object with
//! `type` (0.55 and later), the same with `mode` (0.36, 0.42), and from 0.124 on a `permission_profile` beside it. The
//! `sandbox_policy` decides where both stand; a profile alone is read only where it says something simple.
//!
//! What is read is never wider than what is written: details this build does not carry (read restrictions, network
//! access of a read-only sandbox) are read as the narrower form. What it does not know at all is [`Sandbox::Unknown`].
//! Nothing here compares policies.

use serde_json::{Map, Value, json};

/// A sandbox policy, with what decides how wide it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// No writes.
    ReadOnly,
    /// Writes below the cwd and `roots`.
    WorkspaceWrite {
        /// Further writable roots, as written.
        roots: Vec<String>,
        /// Network access is on.
        network: bool,
    },
    /// No sandbox.
    DangerFullAccess,
    /// Something this build does not know; counts as the widest. Kept as it stands.
    Unknown(Value),
}

impl Sandbox {
    /// The policy that Codex's tools and `config.toml` call by this name (`read-only`, `workspace-write`,
    /// `danger-full-access`); `None` for any other text.
    pub fn from_name(name: &str) -> Option<Sandbox> {
        match name {
            "read-only" => Some(Sandbox::ReadOnly),
            "workspace-write" => Some(Sandbox::WorkspaceWrite { roots: Vec::new(), network: false }),
            "danger-full-access" => Some(Sandbox::DangerFullAccess),
            _ => None,
        }
    }

    /// Reads a `sandbox_policy`: an object with `type` or `mode`, or a name alone.
    pub fn from_value(value: &Value) -> Sandbox {
        let name = match value {
            Value::Object(map) => map.get("type").or_else(|| map.get("mode")).and_then(Value::as_str),
            Value::String(name) => Some(name.as_str()),
            _ => None,
        };
        match name.and_then(Sandbox::from_name) {
            Some(Sandbox::WorkspaceWrite { .. }) => workspace_write(value),
            Some(sandbox) => sandbox,
            None => Sandbox::Unknown(value.clone()),
        }
    }

    /// Reads the policy out of a `turn_context`'s payload; `None` where it holds none.
    pub(super) fn from_turn_context(payload: &Value) -> Option<Sandbox> {
        let present = |key| payload.get(key).filter(|value| !value.is_null());
        if let Some(policy) = present("sandbox_policy") {
            return Some(Sandbox::from_value(policy));
        }
        present("permission_profile").map(from_profile)
    }

    /// Its name; `unknown` for what this build does not know.
    pub fn name(&self) -> &'static str {
        match self {
            Sandbox::ReadOnly => "read-only",
            Sandbox::WorkspaceWrite { .. } => "workspace-write",
            Sandbox::DangerFullAccess => "danger-full-access",
            Sandbox::Unknown(_) => "unknown",
        }
    }

    /// As a `turn_context` holds it from 0.55 on. The temporary directories of a `workspace-write` are written as
    /// excluded, because this type does not say whether they were allowed.
    pub fn to_value(&self) -> Value {
        match self {
            Sandbox::WorkspaceWrite { roots, network } => json!({
                "type": "workspace-write",
                "writable_roots": roots,
                "network_access": network,
                "exclude_tmpdir_env_var": true,
                "exclude_slash_tmp": true,
            }),
            Sandbox::Unknown(value) => value.clone(),
            named => json!({ "type": named.name() }),
        }
    }
}

fn workspace_write(value: &Value) -> Sandbox {
    let roots = value.get("writable_roots").and_then(Value::as_array);
    let roots = roots.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let network = value.get("network_access").and_then(Value::as_bool).unwrap_or(false);
    Sandbox::WorkspaceWrite { roots, network }
}

/// A profile without a `sandbox_policy` beside it: `disabled` is no sandbox, a managed one in which every entry only
/// reads is read-only, and anything else is not known.
fn from_profile(profile: &Value) -> Sandbox {
    let only_reads = |entry: &Value| entry.get("access").and_then(Value::as_str) == Some("read");
    let entries = profile.pointer("/file_system/entries").and_then(Value::as_array);
    match profile.get("type").and_then(Value::as_str) {
        Some("disabled") => Sandbox::DangerFullAccess,
        Some("managed") if entries.is_some_and(|entries| entries.iter().all(only_reads)) => Sandbox::ReadOnly,
        _ => Sandbox::Unknown(profile.clone()),
    }
}

/// When commands need an approval, narrow to wide in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// All but trusted commands ask.
    Untrusted,
    /// The model asks when it wants.
    OnRequest,
    /// After a failure in the sandbox.
    OnFailure,
    /// Never.
    Never,
    /// Something this build does not know; counts as the widest. Kept as it stands.
    Unknown(Value),
}

impl Approval {
    /// The policy that Codex's tools and `config.toml` call by this name; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Approval> {
        match name {
            "untrusted" => Some(Approval::Untrusted),
            "on-request" => Some(Approval::OnRequest),
            "on-failure" => Some(Approval::OnFailure),
            "never" => Some(Approval::Never),
            _ => None,
        }
    }

    /// Reads an `approval_policy`.
    pub fn from_value(value: &Value) -> Approval {
        value.as_str().and_then(Approval::from_name).unwrap_or_else(|| Approval::Unknown(value.clone()))
    }

    /// Reads the policy out of a `turn_context`'s payload; `None` where it holds none.
    pub(super) fn from_turn_context(payload: &Value) -> Option<Approval> {
        payload.get("approval_policy").filter(|value| !value.is_null()).map(Approval::from_value)
    }

    /// Its name; `unknown` for what this build does not know.
    pub fn name(&self) -> &'static str {
        match self {
            Approval::Untrusted => "untrusted",
            Approval::OnRequest => "on-request",
            Approval::OnFailure => "on-failure",
            Approval::Never => "never",
            Approval::Unknown(_) => "unknown",
        }
    }

    /// As a `turn_context` holds it.
    pub fn to_value(&self) -> Value {
        match self {
            Approval::Unknown(value) => value.clone(),
            named => Value::from(named.name()),
        }
    }
}

/// The text at `key`, if it is one.
pub(super) fn text_at(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_sandbox_is_read() {
        for value in [json!({"type": "read-only"}), json!({"mode": "read-only"}), json!("read-only")] {
            assert_eq!(Sandbox::from_value(&value), Sandbox::ReadOnly, "{value}");
        }
        let value = json!({"type": "workspace-write", "writable_roots": ["/a"], "network_access": true});
        let sandbox = Sandbox::WorkspaceWrite { roots: vec!["/a".into()], network: true };
        assert_eq!(Sandbox::from_value(&value), sandbox);
        assert_eq!(Sandbox::from_value(&json!({"mode": "danger-full-access"})), Sandbox::DangerFullAccess);
    }

    #[test]
    fn what_is_not_known_is_kept_and_said_to_be_unknown() {
        for value in [json!({"type": "moon-base"}), json!(7), json!({}), json!({"type": 3})] {
            let sandbox = Sandbox::from_value(&value);
            assert_eq!((&sandbox, sandbox.name()), (&Sandbox::Unknown(value.clone()), "unknown"));
            assert_eq!(sandbox.to_value(), value);
        }
        assert_eq!(Approval::from_value(&json!({"granular": {}})), Approval::Unknown(json!({"granular": {}})));
    }

    #[test]
    fn a_policy_wins_over_a_profile_and_a_profile_alone_is_read_where_it_is_simple() {
        let reads = json!({"type": "managed", "file_system": {"entries": [{"access": "read"}]}});
        let both = json!({"sandbox_policy": {"type": "danger-full-access"}, "permission_profile": reads});
        assert_eq!(Sandbox::from_turn_context(&both), Some(Sandbox::DangerFullAccess));
        let alone = json!({"permission_profile": reads});
        assert_eq!(Sandbox::from_turn_context(&alone), Some(Sandbox::ReadOnly));
        let writes = json!({"type": "managed", "file_system": {"entries": [{"access": "write"}]}});
        let unknown = Sandbox::from_turn_context(&json!({"permission_profile": writes}));
        assert_eq!(unknown, Some(Sandbox::Unknown(writes)));
        assert_eq!(Sandbox::from_turn_context(&json!({})), None);
    }

    #[test]
    fn names_and_values_come_back_as_they_went() {
        for name in ["read-only", "workspace-write", "danger-full-access"] {
            let sandbox = Sandbox::from_name(name).unwrap();
            assert_eq!((sandbox.name(), &Sandbox::from_value(&sandbox.to_value())), (name, &sandbox));
        }
        for name in ["untrusted", "on-request", "on-failure", "never"] {
            let approval = Approval::from_name(name).unwrap();
            assert_eq!((approval.name(), &Approval::from_value(&approval.to_value())), (name, &approval));
        }
        assert_eq!((Sandbox::from_name("Read-Only"), Approval::from_name("")), (None, None));
    }
}
