//! Sandbox and approval policy as a `config.toml` names them, and how they are read.
//!
//! A value that is not understood is refused: whatever stood in for it could be wider than what the user asked for.

use toml::de::DeTable;

use super::toml_source::Source;
use super::user_config::ConfigError;

/// `sandbox_mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxSetting {
    /// `read-only`.
    ReadOnly,
    /// `workspace-write`.
    WorkspaceWrite {
        /// `writable_roots`, as written.
        writable_roots: Vec<String>,
        /// `network_access`.
        network_access: bool,
    },
    /// `danger-full-access`.
    DangerFullAccess,
}

/// `approval_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalSetting {
    /// `untrusted`.
    Untrusted,
    /// `on-request`.
    OnRequest,
    /// `on-failure`.
    OnFailure,
    /// `never`.
    Never,
}

impl SandboxSetting {
    /// As `sandbox_mode` names it.
    pub fn name(&self) -> &'static str {
        match self {
            SandboxSetting::ReadOnly => "read-only",
            SandboxSetting::WorkspaceWrite { .. } => "workspace-write",
            SandboxSetting::DangerFullAccess => "danger-full-access",
        }
    }
}

impl ApprovalSetting {
    /// As `approval_policy` names it.
    pub fn name(self) -> &'static str {
        match self {
            ApprovalSetting::Untrusted => "untrusted",
            ApprovalSetting::OnRequest => "on-request",
            ApprovalSetting::OnFailure => "on-failure",
            ApprovalSetting::Never => "never",
        }
    }
}

impl Source<'_> {
    pub(super) fn sandbox(
        &self,
        root: &DeTable<'_>,
        scopes: &[&DeTable<'_>],
    ) -> Result<Option<SandboxSetting>, ConfigError> {
        for table in scopes {
            let Some(value) = table.get("sandbox_mode") else { continue };
            return match value.get_ref().as_str() {
                Some("read-only") => Ok(Some(SandboxSetting::ReadOnly)),
                Some("workspace-write") => self.workspace_write(root).map(Some),
                Some("danger-full-access") => Ok(Some(SandboxSetting::DangerFullAccess)),
                _ => Err(self.error(
                    value,
                    "`sandbox_mode` is not understood; set read-only, workspace-write or danger-full-access".to_owned(),
                )),
            };
        }
        Ok(None)
    }

    fn workspace_write(&self, root: &DeTable<'_>) -> Result<SandboxSetting, ConfigError> {
        let mut writable_roots = Vec::new();
        let mut network_access = false;
        if let Some(table) = self.table(root, "sandbox_workspace_write")? {
            if let Some(value) = table.get("writable_roots") {
                let wrong = || self.wrong_type(value, "writable_roots", "an array of paths");
                for path in value.get_ref().as_array().ok_or_else(wrong)?.iter() {
                    let wrong = || self.wrong_type(path, "a path in writable_roots", "a string");
                    writable_roots.push(path.get_ref().as_str().ok_or_else(wrong)?.to_owned());
                }
            }
            if let Some(value) = table.get("network_access") {
                let wrong = || self.wrong_type(value, "network_access", "true or false");
                network_access = value.get_ref().as_bool().ok_or_else(wrong)?;
            }
        }
        Ok(SandboxSetting::WorkspaceWrite { writable_roots, network_access })
    }

    pub(super) fn approval(&self, scopes: &[&DeTable<'_>]) -> Result<Option<ApprovalSetting>, ConfigError> {
        for table in scopes {
            let Some(value) = table.get("approval_policy") else { continue };
            return match value.get_ref().as_str() {
                Some("untrusted") => Ok(Some(ApprovalSetting::Untrusted)),
                Some("on-request") => Ok(Some(ApprovalSetting::OnRequest)),
                Some("on-failure") => Ok(Some(ApprovalSetting::OnFailure)),
                Some("never") => Ok(Some(ApprovalSetting::Never)),
                _ => Err(self.error(
                    value,
                    "`approval_policy` is not understood; set untrusted, on-request, on-failure or never".to_owned(),
                )),
            };
        }
        Ok(None)
    }
}
