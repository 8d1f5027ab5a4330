//! Records.

use std::ops::Range;

/// One oddity of a rollout. Nothing is dropped without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes of the file.
    pub bytes: Range<u64>,
    /// Line, from 1.
    pub line: u64,
    /// What.
    pub kind: DamageKind,
    /// Something a turn said is lost (a note is owed to the user), rather than noise passed over.
    pub lossy: bool,
}

/// See [`Damage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The last line has no newline and does not parse.
    TornTail,
    /// A line that is not JSON.
    BadJson,
}
