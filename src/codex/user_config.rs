//! What `rehydra serve` needs of a user's `config.toml`: model, provider, sandbox and approval policy.
//!
//! The file belongs to Codex and holds far more than is read here, so every other key is passed over, whatever its
//! type. A key that *is* read must be understood: a policy that is misread could be wider than the user asked for, and
//! a provider that is misread could send a prompt to the wrong place, so such a value is refused with its line and a
//! remedy instead of replaced by a default. A legacy `profile = "name"` is honoured for the same reason: its
//! `[profiles.name]` may hold the narrower policy.
//!
//! A missing file is an empty one. No credential is read from the file; `env_key` names the variable that holds it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use super::policy_setting::{ApprovalSetting, SandboxSetting};
use super::toml_source::{Source, Value};
use crate::limits::CONFIG_BYTES;

/// A user's settings. Keys that the file does not set are `None` or Codex's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserConfig {
    /// `model`. Needed only once a turn runs.
    pub model: Option<String>,
    /// The provider that `model_provider` names.
    pub provider: Provider,
    /// `sandbox_mode`, with `[sandbox_workspace_write]` where that mode is set.
    pub sandbox: Option<SandboxSetting>,
    /// `approval_policy`.
    pub approval: Option<ApprovalSetting>,
}

/// Where a model is reached, and with whose credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The key below `model_providers`; `openai` is built in.
    pub id: String,
    /// `name`, for people.
    pub name: String,
    /// `base_url` without a slash at its end; the Responses API is `{base_url}/responses`.
    pub base_url: String,
    /// The environment variable that holds the bearer token; without one, none is sent.
    pub env_key: Option<String>,
    /// How often a request that failed before its stream began is sent again; Codex's default is 4 and its most 100.
    pub request_max_retries: u64,
}

/// A `config.toml` that cannot be used, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {text}", file.display(), line.map(|n| format!(":{n}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong and the remedy.
    pub text: String,
}

const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
const DEFAULT_RETRIES: u64 = 4;
const MOST_RETRIES: u64 = 100;

impl UserConfig {
    /// Reads `config.toml` of a `CODEX_HOME`. A missing file gives the defaults; one that is not regular, is longer
    /// than [`CONFIG_BYTES`] or is not TOML is an error.
    pub fn read(codex_home: &Path) -> Result<UserConfig, ConfigError> {
        let file = codex_home.join("config.toml");
        match read_text(&file) {
            Ok(text) => UserConfig::parse(&text, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => UserConfig::parse("", &file),
            Err(error) => Err(ConfigError {
                text: format!("cannot be read ({error}); correct the file or point CODEX_HOME elsewhere"),
                line: None,
                file,
            }),
        }
    }

    /// Reads the text of a `config.toml`; `file` is what errors name.
    pub fn parse(text: &str, file: &Path) -> Result<UserConfig, ConfigError> {
        let source = Source { text, file };
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| source.line(&span));
            ConfigError { file: file.to_owned(), line, text: format!("not valid TOML: {}", error.message()) }
        })?;
        let root = document.get_ref();
        let scopes = match source.string(root, "profile")? {
            Some(name) => vec![source.profile(root, &name)?, root],
            None => vec![root],
        };
        Ok(UserConfig {
            model: source.first_string(&scopes, "model")?,
            provider: source.provider(root, &scopes)?,
            sandbox: source.sandbox(root, &scopes)?,
            approval: source.approval(&scopes)?,
        })
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(file)?.take(CONFIG_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > CONFIG_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {CONFIG_BYTES} bytes")));
    }
    Ok(text)
}

impl Source<'_> {
    fn provider(&self, root: &DeTable<'_>, scopes: &[&DeTable<'_>]) -> Result<Provider, ConfigError> {
        let id = self.first_string(scopes, "model_provider")?.unwrap_or_else(|| "openai".to_owned());
        let defined = match self.table(root, "model_providers")? {
            Some(providers) => self.table(providers, &id)?,
            None => None,
        };
        match defined {
            Some(table) => self.defined_provider(id, table),
            None if id == "openai" => Ok(Provider {
                id,
                name: "OpenAI".to_owned(),
                base_url: self.base_url(root, "openai_base_url")?,
                env_key: Some("OPENAI_API_KEY".to_owned()),
                request_max_retries: DEFAULT_RETRIES,
            }),
            None => {
                let text = format!(
                    "`model_provider` names `{id}`, which is not defined; add [model_providers.{id}] with a `base_url`"
                );
                let named = scopes.iter().find(|table| table.contains_key("model_provider")).unwrap_or(&root);
                Err(self.error_at(named, "model_provider", text))
            }
        }
    }

    fn defined_provider(&self, id: String, table: &DeTable<'_>) -> Result<Provider, ConfigError> {
        if let Some(api) = self.string(table, "wire_api")?.filter(|api| api != "responses") {
            let text = format!("`wire_api` of provider `{id}` is \"{api}\"; only \"responses\" is spoken here");
            return Err(self.error_at(table, "wire_api", text));
        }
        let request_max_retries = match table.get("request_max_retries") {
            None => DEFAULT_RETRIES,
            Some(value) => self.retries(value)?,
        };
        Ok(Provider {
            name: self.string(table, "name")?.unwrap_or_else(|| id.clone()),
            base_url: self.base_url(table, "base_url")?,
            env_key: self.string(table, "env_key")?.filter(|name| !name.is_empty()),
            request_max_retries,
            id,
        })
    }

    fn retries(&self, value: &Value<'_>) -> Result<u64, ConfigError> {
        let number = value.get_ref().as_integer().and_then(|n| {
            u64::from_str_radix(n.as_str(), n.radix()).ok() // the text holds digits alone; a sign makes it an error
        });
        match number {
            Some(retries) => Ok(retries.min(MOST_RETRIES)),
            None => Err(self.error(value, "`request_max_retries` is no count; make it an integer from 0".to_owned())),
        }
    }

    fn base_url(&self, table: &DeTable<'_>, key: &str) -> Result<String, ConfigError> {
        let Some(url) = self.string(table, key)? else { return Ok(OPENAI_BASE_URL.to_owned()) };
        if url.starts_with("http://") || url.starts_with("https://") {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        Err(self.error_at(table, key, format!("`{key}` is no HTTP address; begin it with http:// or https://")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UserConfig, ConfigError> {
        UserConfig::parse(text, Path::new("config.toml"))
    }

    fn refusal(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_missing_file_gives_the_openai_provider_and_sets_no_policy() {
        let home = tempfile::tempdir().unwrap();
        let config = UserConfig::read(home.path()).unwrap();
        assert_eq!(config.model, None);
        assert_eq!(config.provider.base_url, "https://api.openai.com/v1");
        assert_eq!(config.provider.env_key.as_deref(), Some("OPENAI_API_KEY"));
        assert_eq!((config.sandbox, config.approval), (None, None));
    }

    #[test]
    fn reads_its_keys_and_passes_over_all_others() {
        let config = parse(
            r#"
            model = "m"
            model_provider = "mine"
            approval_policy = "on-request"
            sandbox_mode = "workspace-write"
            notify = ["a", 1, { b = 2 }]
            [sandbox_workspace_write]
            writable_roots = ["/a", "/b"]
            network_access = true
            exclude_slash_tmp = "what"
            [model_providers.mine]
            name = "Mine"
            base_url = "http://127.0.0.1:1/v1/"
            env_key = "MINE_KEY"
            wire_api = "responses"
            request_max_retries = 1_000
            http_headers = { X-A = "b" }
            [model_providers.other]
            wire_api = "chat"
            [mcp_servers.x]
            command = 7
            "#,
        )
        .unwrap();
        assert_eq!(
            config,
            UserConfig {
                model: Some("m".into()),
                provider: Provider {
                    id: "mine".into(),
                    name: "Mine".into(),
                    base_url: "http://127.0.0.1:1/v1".into(),
                    env_key: Some("MINE_KEY".into()),
                    request_max_retries: 100,
                },
                sandbox: Some(SandboxSetting::WorkspaceWrite {
                    writable_roots: vec!["/a".into(), "/b".into()],
                    network_access: true
                }),
                approval: Some(ApprovalSetting::OnRequest),
            }
        );
    }

    #[test]
    fn the_chosen_profile_comes_before_the_root() {
        let config = parse(
            "profile = \"careful\"\nmodel = \"m\"\nsandbox_mode = \"danger-full-access\"\n\
             [profiles.careful]\nsandbox_mode = \"read-only\"\n",
        )
        .unwrap();
        assert_eq!(config.sandbox, Some(SandboxSetting::ReadOnly));
        assert_eq!(config.model.as_deref(), Some("m"));
    }

    #[test]
    fn the_builtin_provider_can_be_pointed_elsewhere() {
        assert_eq!(parse("openai_base_url = \"http://[::1]:9/v1\"").unwrap().provider.base_url, "http://[::1]:9/v1");
    }

    #[test]
    fn refusals_name_file_line_and_remedy() {
        let bad = [
            "model = 3",
            "\n\nsandbox_mode = \"open\"",
            "approval_policy = { granular = { rules = true } }",
            "model = \"m\"\nmodel_provider = \"mine\"",
            "model_provider = \"a\"\n[model_providers.a]\nwire_api = \"chat\"",
            "model_provider = \"a\"\n[model_providers.a]\nbase_url = \"localhost:1\"",
            "model_provider = \"a\"\n[model_providers.a]\nrequest_max_retries = -1",
            "model_providers = 1",
            "profile = \"gone\"",
            "sandbox_mode = \"workspace-write\"\n[sandbox_workspace_write]\nwritable_roots = [1]",
            "sandbox_mode = \"workspace-write\"\n[sandbox_workspace_write]\nnetwork_access = \"yes\"",
            "a = 1\nb = = 2",
        ];
        insta::assert_snapshot!(bad.map(refusal).join("\n"), @r#"
        config.toml:1: `model` is of type integer; make it a string
        config.toml:3: `sandbox_mode` is not understood; set read-only, workspace-write or danger-full-access
        config.toml:1: `approval_policy` is not understood; set untrusted, on-request, on-failure or never
        config.toml:2: `model_provider` names `mine`, which is not defined; add [model_providers.mine] with a `base_url`
        config.toml:3: `wire_api` of provider `a` is "chat"; only "responses" is spoken here
        config.toml:3: `base_url` is no HTTP address; begin it with http:// or https://
        config.toml:3: `request_max_retries` is no count; make it an integer from 0
        config.toml:1: `model_providers` is of type integer; make it a table
        config.toml:1: `profile` names `gone`; add [profiles.gone] or remove `profile`
        config.toml:3: `a path in writable_roots` is of type integer; make it a string
        config.toml:3: `network_access` is of type string; make it true or false
        config.toml:2: not valid TOML: extra `=`, expected nothing
        "#);
    }

    #[test]
    fn what_is_no_regular_file_or_too_long_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("config.toml")).unwrap();
        assert!(UserConfig::read(home.path()).unwrap_err().to_string().contains("not a regular file"));
        fs::remove_dir(home.path().join("config.toml")).unwrap();
        fs::write(home.path().join("config.toml"), vec![b'#'; CONFIG_BYTES as usize + 1]).unwrap();
        assert!(UserConfig::read(home.path()).unwrap_err().to_string().contains("longer than"));
    }
}
