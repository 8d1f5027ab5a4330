//! The `config.toml` of a run: a Codex that meets nobody but the stub model and says nothing but what it was told.
//!
//! With a plain configuration Codex contacts GitHub, chatgpt.com and a metrics host as it starts, and sends 40 KB of its
//! own instructions and tools with each request. With this one the only connection is the stub's, the base instructions
//! are one line of ours, and standard error stays empty but for what a subcommand says of itself (seen: 0.105.0, 0.130.0
//! and 0.153.4 as `mcp-server`, 0.153.4 and 0.169.0 as `exec`, 0.169.0 as `app-server`): the two `exec` print their
//! banner there, and that they use their own sandbox helper where the system has no `bwrap`. The environment context
//! stays on, for it is how a model is told the cwd.
//!
//! Releases differ where a switch was renamed and the old or the new name is refused or warned about. 0.105.0 cannot be
//! kept from one message of its own, the permissions, because it has no `include_…` switch; it ignores keys that it
//! does not know, as every release up to 0.153.4 does.
//!
//! `rehydra serve` reads the same file, so our own server runs in the same home.

use std::path::Path;

use toml::Value;

use super::user_config::{ApprovalSetting, SandboxSetting};
use super::version::Version;

/// File in the home that holds the base instructions.
pub const INSTRUCTIONS_FILE: &str = "instructions.md";
/// Its text.
pub const INSTRUCTIONS: &str = "You are the model of a test. Answer as you are told.\n";
/// File in the home that describes the model, without which Codex warns that it knows nothing of it.
pub const MODELS_FILE: &str = "models.json";
/// Its text (accepted by 0.130.0, 0.153.4 and 0.169.0, ignored by 0.105.0).
pub const MODELS: &str = include_str!("models.json");
/// The model's name.
pub const MODEL: &str = "rehydra-stub";

/// What differs from run to run.
#[derive(Clone, Debug)]
pub struct HermeticConfig<'a> {
    /// The `CODEX_HOME` it is for, absolute; instructions and models are files in it.
    pub home: &'a Path,
    /// The stub's port on 127.0.0.1.
    pub stub_port: u16,
    /// The variable that holds the stub's bearer token.
    pub env_key: &'a str,
    /// Sandbox of a thread whose start names none.
    pub sandbox: &'a SandboxSetting,
    /// Approval policy of a thread whose start names none.
    pub approval: ApprovalSetting,
    /// How often a model request, and a stream that broke off, is tried again.
    pub retries: u32,
}

/// The text of `config.toml`. Without a version, as for our own server, it is that of the newest release.
pub fn generate(version: Option<Version>, config: &HermeticConfig<'_>) -> String {
    let path = |file: &str| quoted(&config.home.join(file).display().to_string());
    let mut text = format!(
        r#"model = "{MODEL}"
model_provider = "stub"
approval_policy = "{approval}"
sandbox_mode = "{sandbox}"
check_for_update_on_startup = false
web_search = "disabled"
include_permissions_instructions = false
include_environment_context = true
include_collaboration_mode_instructions = false
project_doc_max_bytes = 0
model_instructions_file = {instructions}
model_catalog_json = {models}

[model_providers.stub]
name = "stub"
base_url = "http://127.0.0.1:{port}/v1"
env_key = {env_key}
wire_api = "responses"
request_max_retries = {retries}
stream_max_retries = {retries}

[analytics]
enabled = false

[otel]
exporter = "none"
trace_exporter = "none"
metrics_exporter = "none"

[history]
persistence = "none"

[skills]
include_instructions = false

[skills.bundled]
enabled = false

[features]
apps = false
plugins = false
remote_plugin = false
shell_snapshot = false
goals = false
"#,
        approval = config.approval.name(),
        retries = config.retries,
        sandbox = config.sandbox.name(),
        instructions = path(INSTRUCTIONS_FILE),
        models = path(MODELS_FILE),
        port = config.stub_port,
        env_key = quoted(config.env_key),
    );
    if version.is_none_or(Version::has_agents_table) {
        text.push_str("\n[agents]\nenabled = false\n");
    } else {
        text.push_str("multi_agent = false\n");
    }
    if !version.is_none_or(Version::has_bundled_skills_switch) {
        // The two that 0.105.0 unpacks into its home as it starts.
        for skill in ["skill-creator", "skill-installer"] {
            let file = path(&format!("skills/.system/{skill}/SKILL.md"));
            text.push_str(&format!("\n[[skills.config]]\npath = {file}\nenabled = false\n"));
        }
    }
    if let SandboxSetting::WorkspaceWrite { writable_roots, network_access } = config.sandbox {
        let roots: Vec<_> = writable_roots.iter().map(|root| quoted(root)).collect();
        let roots = roots.join(", ");
        text.push_str(&format!(
            "\n[sandbox_workspace_write]\nwritable_roots = [{roots}]\nnetwork_access = {network_access}\n"
        ));
    }
    text
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codex::user_config::UserConfig;

    fn of(version: Option<&str>, sandbox: &SandboxSetting) -> String {
        let config = HermeticConfig {
            home: Path::new("/run/home"),
            stub_port: 4096,
            env_key: "STUB_TOKEN",
            sandbox,
            approval: ApprovalSetting::Never,
            retries: 0,
        };
        generate(version.map(|text| text.parse().unwrap()), &config)
    }

    #[test]
    fn each_release_gets_the_switches_that_it_knows() {
        let full = &SandboxSetting::DangerFullAccess;
        insta::assert_snapshot!("config_of_our_own_server", of(None, full));
        insta::assert_snapshot!("config_of_0.105.0", of(Some("0.105.0"), full));
        insta::assert_snapshot!("config_of_0.153.4", of(Some("0.153.4"), full));
        assert_eq!(of(Some("0.130.0"), full), of(Some("0.153.4"), full));
        assert_eq!(of(Some("0.169.0"), full), of(None, full));
    }

    #[test]
    fn our_own_server_reads_what_is_generated() {
        let sandbox =
            SandboxSetting::WorkspaceWrite { writable_roots: vec!["/a \"b\"\\".into()], network_access: true };
        for version in [None, Some("0.105.0"), Some("0.153.4")] {
            let read = UserConfig::parse(&of(version, &sandbox), Path::new("config.toml")).unwrap();
            assert_eq!(read.sandbox.as_ref(), Some(&sandbox));
            assert_eq!(read.approval, Some(ApprovalSetting::Never));
            assert_eq!(read.provider.base_url, "http://127.0.0.1:4096/v1");
            assert_eq!(read.provider.env_key.as_deref(), Some("STUB_TOKEN"));
            assert_eq!(read.provider.request_max_retries, 0);
            assert_eq!(read.model.as_deref(), Some(MODEL));
        }
    }

    #[test]
    fn the_model_that_is_described_is_the_one_that_is_used() {
        let models: serde_json::Value = serde_json::from_str(MODELS).unwrap();
        assert_eq!(models.pointer("/models/0/slug").and_then(|slug| slug.as_str()), Some(MODEL));
    }
}
