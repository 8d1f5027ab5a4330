//! What a thread runs with: model, cwd, sandbox, approval policy, instructions.
//!
//! A new thread takes each from the call, else from the call's `config` overrides, else from `config.toml`, else from
//! Codex's defaults (read-only, on-request; seen with 0.153.4 and an empty configuration). The operator's ceiling, if
//! flags set one, bounds that as it bounds a rehydration. A relative cwd is joined to the process's; it need not exist.
//!
//! No tool is run by this engine, so the policies bind nobody here. They are recorded all the same, because the thread
//! may be continued by a server that does run tools.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::codex::user_config::{ApprovalSetting, SandboxSetting, UserConfig};
use crate::rehydrate::policy::{Ceiling, narrow};
use crate::rollout::meta::TurnContext;
use crate::rollout::settings::{Approval, Sandbox};
use crate::serve::arguments::{Refusal, one_of};
use crate::serve::engine::{ApprovalPolicy, SandboxMode, StartRequest};

/// Used where neither call nor configuration name a model.
const DEFAULT_MODEL: &str = "gpt-5.2-codex";
/// Used where no call brings its own.
const DEFAULT_INSTRUCTIONS: &str =
    "You are a coding agent in a conversation. No tools are available; answer from what the conversation holds.";

/// What a thread runs with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// The model's name.
    pub(super) model: String,
    /// Reasoning effort.
    pub(super) effort: Option<String>,
    /// The thread's cwd.
    pub(super) cwd: PathBuf,
    /// Its sandbox.
    pub(super) sandbox: Sandbox,
    /// Its approval policy.
    pub(super) approval: Approval,
    /// Base instructions.
    pub(super) instructions: String,
}

impl Settings {
    /// Those of a new thread.
    pub(super) fn of_start(
        request: &StartRequest,
        config: &UserConfig,
        process_cwd: &Path,
        ceiling: &Ceiling,
    ) -> Result<Settings, Refusal> {
        let overrides = Overrides::read(&request.config, config)?;
        let sandbox = request.sandbox.map(sandbox_of_call).or(overrides.sandbox).or_else(|| sandbox_of(config));
        let approval = request.approval.map(approval_of_call).or(overrides.approval).or_else(|| approval_of(config));
        let asked = TurnContext {
            sandbox: Some(sandbox.unwrap_or(Sandbox::ReadOnly)),
            approval: Some(approval.unwrap_or(Approval::OnRequest)),
            ..TurnContext::default()
        };
        let allowed = narrow(Some(&asked), ceiling);
        let cwd = match &request.cwd {
            Some(cwd) => process_cwd.join(cwd),
            None => process_cwd.to_owned(),
        };
        Ok(Settings {
            model: request.model.clone().or(overrides.model).unwrap_or_else(|| model_of(config)),
            effort: overrides.effort,
            cwd,
            sandbox: allowed.sandbox,
            approval: allowed.approval,
            instructions: request.base_instructions.clone().unwrap_or_else(|| DEFAULT_INSTRUCTIONS.to_owned()),
        })
    }

    /// Those of a continuation that its source does not tell.
    pub(super) fn default_instructions() -> String {
        DEFAULT_INSTRUCTIONS.to_owned()
    }
}

/// The configured model.
pub(super) fn model_of(config: &UserConfig) -> String {
    config.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned())
}

/// What limits a rehydration: the flags, else what `config.toml` sets.
pub(super) fn rehydration_ceiling(flags: &Ceiling, config: &UserConfig) -> Ceiling {
    Ceiling {
        sandbox: flags.sandbox.clone().or_else(|| sandbox_of(config)),
        approval: flags.approval.clone().or_else(|| approval_of(config)),
    }
}

fn sandbox_of(config: &UserConfig) -> Option<Sandbox> {
    Some(match config.sandbox.as_ref()? {
        SandboxSetting::ReadOnly => Sandbox::ReadOnly,
        SandboxSetting::WorkspaceWrite { writable_roots, network_access } => {
            Sandbox::WorkspaceWrite { roots: writable_roots.clone(), network: *network_access }
        }
        SandboxSetting::DangerFullAccess => Sandbox::DangerFullAccess,
    })
}

fn approval_of(config: &UserConfig) -> Option<Approval> {
    Some(match config.approval? {
        ApprovalSetting::Untrusted => Approval::Untrusted,
        ApprovalSetting::OnRequest => Approval::OnRequest,
        ApprovalSetting::OnFailure => Approval::OnFailure,
        ApprovalSetting::Never => Approval::Never,
    })
}

fn sandbox_of_call(mode: SandboxMode) -> Sandbox {
    match mode {
        SandboxMode::ReadOnly => Sandbox::ReadOnly,
        SandboxMode::WorkspaceWrite => Sandbox::WorkspaceWrite { roots: Vec::new(), network: false },
        SandboxMode::DangerFullAccess => Sandbox::DangerFullAccess,
    }
}

fn approval_of_call(policy: ApprovalPolicy) -> Approval {
    match policy {
        ApprovalPolicy::OnRequest => Approval::OnRequest,
        ApprovalPolicy::Never => Approval::Never,
    }
}

/// The keys of a call's `config` that mean something here; others are accepted and passed over, as Codex does with
/// keys it does not know.
#[derive(Default)]
struct Overrides {
    model: Option<String>,
    effort: Option<String>,
    sandbox: Option<Sandbox>,
    approval: Option<Approval>,
}

impl Overrides {
    fn read(keys: &Map<String, Value>, config: &UserConfig) -> Result<Overrides, Refusal> {
        let mut overrides = Overrides::default();
        for (key, value) in keys {
            match key.as_str() {
                "model" => overrides.model = Some(text(key, value)?),
                "model_reasoning_effort" => overrides.effort = Some(text(key, value)?),
                "model_provider" => {
                    let name = text(key, value)?;
                    if name != config.provider.id {
                        return Err(Refusal::Configuration(format!("Model provider `{name}` not found")));
                    }
                }
                "sandbox_mode" => {
                    let words = ["read-only", "workspace-write", "danger-full-access"];
                    overrides.sandbox = Some(known(key, value, Sandbox::from_name, &words)?);
                }
                "approval_policy" => {
                    let words = ["untrusted", "on-failure", "on-request", "granular", "never"];
                    overrides.approval = Some(known(key, value, Approval::from_name, &words)?);
                }
                _ => {}
            }
        }
        Ok(overrides)
    }
}

fn text(key: &str, value: &Value) -> Result<String, Refusal> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Refusal::Configuration(format!("invalid type: expected a string\nin `{key}`\n"))),
    }
}

fn known<T>(key: &str, value: &Value, read: impl Fn(&str) -> Option<T>, words: &[&str]) -> Result<T, Refusal> {
    let name = text(key, value)?;
    let unknown = || Refusal::Configuration(format!("unknown variant `{name}`, {}\nin `{key}`\n", one_of(words)));
    read(&name).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(text: &str) -> UserConfig {
        UserConfig::parse(text, Path::new("config.toml")).unwrap()
    }

    fn start(request: StartRequest, text: &str) -> Result<Settings, Refusal> {
        Settings::of_start(&request, &config(text), Path::new("/process"), &Ceiling::default())
    }

    fn overridden(keys: Value) -> Result<Settings, Refusal> {
        let Value::Object(config) = keys else { panic!("no object") };
        start(StartRequest { config, ..StartRequest::default() }, "sandbox_mode = \"read-only\"\nmodel = \"m\"")
    }

    #[test]
    fn nothing_set_gives_codexs_defaults_and_the_process_cwd() {
        let settings = start(StartRequest::default(), "").unwrap();
        assert_eq!((settings.sandbox, settings.approval), (Sandbox::ReadOnly, Approval::OnRequest));
        assert_eq!(settings.cwd, PathBuf::from("/process"));
    }

    #[test]
    fn a_call_goes_before_its_overrides_and_those_before_the_file() {
        let file = "sandbox_mode = \"danger-full-access\"\nmodel = \"file\"";
        assert_eq!(start(StartRequest::default(), file).unwrap().sandbox, Sandbox::DangerFullAccess);
        let settings = overridden(json!({"sandbox_mode": "danger-full-access", "model": "o", "nosuch": 1})).unwrap();
        assert_eq!((settings.sandbox, settings.model.as_str()), (Sandbox::DangerFullAccess, "o"));
        let request =
            StartRequest { sandbox: Some(SandboxMode::ReadOnly), cwd: Some("sub".into()), ..StartRequest::default() };
        let settings = start(request, file).unwrap();
        assert_eq!((settings.sandbox, settings.cwd), (Sandbox::ReadOnly, "/process/sub".into()));
    }

    #[test]
    fn overrides_are_refused_in_the_words_of_0_153_4() {
        let text = |keys| overridden(keys).unwrap_err().to_string();
        let prefix = "Failed to load Codex configuration from overrides: ";
        assert_eq!(text(json!({"model_provider": "missing"})), format!("{prefix}Model provider `missing` not found"));
        assert_eq!(
            text(json!({"approval_policy": "bogus"})),
            format!(
                "{prefix}unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, \
                 `never`\nin `approval_policy`\n"
            )
        );
        assert_eq!(
            text(json!({"sandbox_mode": "bogus"})),
            format!(
                "{prefix}unknown variant `bogus`, expected one of `read-only`, `workspace-write`, \
                 `danger-full-access`\nin `sandbox_mode`\n"
            )
        );
    }

    #[test]
    fn the_operators_ceiling_bounds_a_new_thread_too() {
        let ceiling = Ceiling { sandbox: Some(Sandbox::ReadOnly), approval: None };
        let request = StartRequest { sandbox: Some(SandboxMode::DangerFullAccess), ..StartRequest::default() };
        let settings = Settings::of_start(&request, &config(""), Path::new("/"), &ceiling).unwrap();
        assert_eq!(settings.sandbox, Sandbox::ReadOnly);
    }
}
