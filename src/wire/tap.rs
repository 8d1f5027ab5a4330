//! The tap on a wire.

use super::Line;

/// What a tap answers to a line: a number of its own by which the line is known later, a journal's sequence number for
/// instance.
pub type Mark = u64;

/// Sees every line in both directions, before any parse.
pub trait Tap: Send + Sync {
    /// A line was read.
    fn incoming(&self, line: &Line) -> Mark;
    /// A line is about to be written, without its newline.
    fn outgoing(&self, line: &[u8]) -> Mark;
    /// The beginning of a line is about to be written, and never its end.
    fn outgoing_half(&self, bytes: &[u8]) -> Mark;
}
