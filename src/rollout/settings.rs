//! Sandbox and approval policies as they stand in rollouts.

use serde_json::Value;

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
