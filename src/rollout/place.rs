//! Where something stands in a thread.

use std::ops::Range;

use super::damage::{Consequence, Damage, DamageKind};

/// Where a record stands among a thread's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which file: 0 the one that was asked for, then its bases, as in [`Damage`].
    pub file: u32,
    /// Where in that file, without its newline.
    pub bytes: Range<u64>,
    /// Line, from 1; `None` where the lines before it were not counted.
    pub line: Option<u64>,
}

/// What orders the places of a thread as they are read: bases first, the deepest before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Position {
    file: std::cmp::Reverse<u32>,
    start: u64,
}

impl Place {
    pub(super) fn position(&self) -> Position {
        Position { file: std::cmp::Reverse(self.file), start: self.bytes.start }
    }

    /// Where damage begins.
    pub(super) fn start_of(damage: &Damage) -> Position {
        Position { file: std::cmp::Reverse(damage.file), start: damage.bytes.start }
    }

    /// Where damage ends.
    pub(super) fn end_of(damage: &Damage) -> Position {
        Position { file: std::cmp::Reverse(damage.file), start: damage.bytes.end }
    }

    /// Damage of this very place.
    pub(super) fn damage(&self, kind: DamageKind, consequence: Consequence) -> Damage {
        Damage { file: self.file, bytes: self.bytes.clone(), line: self.line, kind, consequence }
    }
}
