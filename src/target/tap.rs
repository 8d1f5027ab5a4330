//! The taps of a live target: every line becomes a raw event before anything reads it.

use crate::journal::{Body, Direction, Frame, Journal, Kind, Lane, Stderr};
use crate::wire::{Line, Mark, Tap};

/// On the target's stdin and stdout. The marks are the frames' sequence numbers.
pub(super) struct Frames(pub(super) Journal);

/// On the target's stderr.
pub(super) struct Complaints(pub(super) Journal);

impl Tap for Frames {
    fn incoming(&self, line: &Line) -> Mark {
        let (bytes, partial) = body(&self.0, line);
        self.0.append(Lane::Client, Kind::Frame(Frame { direction: Direction::Out, bytes, partial }))
    }

    fn outgoing(&self, line: &[u8]) -> Mark {
        written(&self.0, line, false)
    }

    fn outgoing_half(&self, bytes: &[u8]) -> Mark {
        written(&self.0, bytes, true)
    }
}

impl Tap for Complaints {
    fn incoming(&self, line: &Line) -> Mark {
        let (bytes, _) = body(&self.0, line);
        self.0.append(Lane::Target, Kind::Stderr(Stderr { bytes }))
    }

    /// Nobody writes to a stderr.
    fn outgoing(&self, _: &[u8]) -> Mark {
        0
    }

    fn outgoing_half(&self, _: &[u8]) -> Mark {
        0
    }
}

fn written(journal: &Journal, bytes: &[u8], partial: bool) -> Mark {
    let bytes = journal.body(bytes);
    journal.append(Lane::Client, Kind::Frame(Frame { direction: Direction::In, bytes, partial }))
}

/// The line's bytes, and whether its end is missing.
fn body(journal: &Journal, line: &Line) -> (Body, bool) {
    match line {
        Line::Whole(bytes) => (journal.body(bytes), false),
        Line::Partial(bytes) => (journal.body(bytes), true),
        Line::Long(long) => (journal.ends(long.len, &long.sha256, &long.head, &long.tail), !long.whole),
    }
}
