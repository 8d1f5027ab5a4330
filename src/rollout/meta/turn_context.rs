//! The settings of a turn, as records tell them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::settings::{Approval, Sandbox, text_at};
use super::path_of;

/// The last `turn_context` of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnContext {
    /// The turn's cwd.
    pub cwd: Option<PathBuf>,
    /// The turn's model.
    pub model: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// Sandbox policy.
    pub sandbox: Option<Sandbox>,
    /// Approval policy.
    pub approval: Option<Approval>,
}

impl TurnContext {
    /// Reads the payload of a `turn_context`; what it lacks or says in another way stays out.
    pub fn from_payload(payload: &Value) -> TurnContext {
        let Some(map) = payload.as_object() else { return TurnContext::default() };
        TurnContext {
            cwd: path_of(map, "cwd"),
            model: text_at(map, "model"),
            effort: text_at(map, "effort").or_else(|| {
                let effort = map.get("collaboration_mode")?.pointer("/settings/reasoning_effort")?;
                effort.as_str().map(str::to_owned)
            }),
            sandbox: Sandbox::from_turn_context(payload),
            approval: Approval::from_turn_context(payload),
        }
    }
}

/// Which kind of record tells settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum SettingsKind {
    TurnContext,
    Applied,
}

/// Settings that one record tells.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct SettingsTold {
    pub(in super::super) kind: SettingsKind,
    pub(in super::super) context: TurnContext,
    /// Told by a `thread_settings_applied` alone.
    pub(in super::super) provider: Option<String>,
}

/// The keys of a `turn_context` or of `thread_settings` that are read. Up to 0.142 the former holds the users'
/// instructions too, many kilobytes for each request to the model, so a value is built from these alone.
const READ: [&str; 7] =
    ["cwd", "model", "effort", "sandbox_policy", "permission_profile", "approval_policy", "collaboration_mode"];

impl SettingsTold {
    /// Reads the text of a `turn_context` payload.
    pub(in super::super) fn by_turn_context(payload: &str) -> SettingsTold {
        let (context, _) = settings_in(payload);
        SettingsTold { kind: SettingsKind::TurnContext, context, provider: None }
    }

    /// Reads the text of a `thread_settings_applied` payload; `None` where it holds no settings.
    pub(in super::super) fn by_applied(payload: &str) -> Option<SettingsTold> {
        let (context, provider) = settings_in(fields(payload).get("thread_settings")?.get());
        Some(SettingsTold { kind: SettingsKind::Applied, context, provider })
    }
}

fn fields(object: &str) -> BTreeMap<Cow<'_, str>, &RawValue> {
    serde_json::from_str(object).unwrap_or_default()
}

fn settings_in(object: &str) -> (TurnContext, Option<String>) {
    let fields = fields(object);
    let value = |key: &str| fields.get(key).and_then(|value| serde_json::from_str::<Value>(value.get()).ok());
    let read: Map<String, Value> = READ.iter().filter_map(|key| Some(((*key).to_owned(), value(key)?))).collect();
    let provider = value("model_provider_id").and_then(|id| id.as_str().map(str::to_owned));
    (TurnContext::from_payload(&Value::Object(read)), provider)
}
