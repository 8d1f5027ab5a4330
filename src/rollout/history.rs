//! The model-visible history.

use std::path::Path;

use serde_json::Value;

use super::meta::{ReadError, SessionMeta, TurnContext};
use crate::world::Disk;

/// What a rollout says once it is read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Its metadata.
    pub meta: SessionMeta,
    /// Its last turn context.
    pub turn_context: Option<TurnContext>,
    /// The thread's cwd: last turn context, else meta, else `<cwd>` of the last environment context, else unknown.
    pub cwd: Option<std::path::PathBuf>,
    /// Response items as they go to the model, normalised: calls paired, ghosts dropped.
    pub items: Vec<Value>,
    /// Number of complete turns.
    pub complete_turns: u32,
    /// How many of `items` belong to complete turns (a prefix): the rest is of a turn without an end.
    pub complete_items: usize,
    /// What was wrong with the file, each with its place.
    pub damage: Vec<super::reader::Damage>,
}

/// Reads and reconstructs.
pub fn read_history(disk: &dyn Disk, path: &Path) -> Result<History, ReadError> {
    let _ = (disk, path);
    todo!()
}
