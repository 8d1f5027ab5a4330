//! Thread ids: a UUID or refused.

use std::fmt;

use uuid::Uuid;

/// A thread's id. Its text is lower case with hyphens, whatever form it was given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(Uuid);

/// Why a text is no thread id. Its display is the text that Codex's server gives after `Failed to parse thread_id: `
/// (0.105.0, 0.130.0, 0.153.4), because Codex uses the same parser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdError(String);

impl ThreadId {
    /// Takes every form that Codex takes: hyphenated, simple, `urn:uuid:`, braced, upper or lower case.
    pub fn parse(text: &str) -> Result<ThreadId, IdError> {
        Uuid::parse_str(text).map(ThreadId).map_err(|error| IdError(error.to_string()))
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for ThreadId {
    fn from(uuid: Uuid) -> ThreadId {
        ThreadId(uuid)
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
