//! The four eras of the format: what tells them apart is how a line looks, and not the version that a file names.
//!
//! A version can write two of them (0.153.4: its `mcp-server` world-state files, everything else paginated ones), and a
//! migrated file keeps the version that wrote the thread. The table at the head of [`rollout`](super) has the releases.

/// The era of a rollout's format: what its lines look like. A later one is greater.
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Era {
    /// 0.20 … 0.29: no envelope.
    Bare,
    /// 0.36 … 0.142: an envelope around every record.
    Envelope,
    /// 0.145, 0.147; `mcp-server` of 0.153.4: the same with `world_state` records, and a `history_mode` that is `legacy`.
    WorldState,
    /// 0.148 … 0.169: an `ordinal` on every record, and a `history_mode` that is `paginated`.
    Paginated,
}

impl Era {
    /// All of them, the oldest first.
    pub const ALL: [Era; 4] = [Era::Bare, Era::Envelope, Era::WorldState, Era::Paginated];
}
