//! Synthetic rollouts.

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Complete turns.
    pub turns: u32,
    /// Shape of the file.
    pub era: Era,
    /// Decides ids, markers and texts.
    pub seed: u64,
    /// Tool calls per turn.
    pub tools: u32,
    /// After the complete turns, one that was cut off after its prompt.
    pub interrupted: bool,
    /// A compaction after that many turns.
    pub compaction: Option<u32>,
    /// Sandbox of its turn contexts.
    pub sandbox: String,
    /// Approval policy of its turn contexts.
    pub approval: String,
}

/// The era of a rollout's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Era {
    /// 0.20 … 0.29: no envelope.
    Bare,
    /// 0.36 … 0.142.
    Envelope,
    /// 0.145, 0.147; `mcp-server` of 0.153.4.
    WorldState,
    /// 0.148 … 0.169.
    Paginated,
}
