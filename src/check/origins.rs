//! What each marker is of: the thread, and the step of the call that planted it. Findings name markers by it.

use std::collections::HashMap;

use super::turn::{Seen, Turn};
use crate::journal::Placed;
use crate::marker::{self, Carrier, Marker};

/// What each marker of a journal is of.
#[derive(Debug, Default)]
pub(super) struct Origins<'r>(HashMap<Marker, Origin<'r>>);

/// What a marker is of.
#[derive(Debug)]
struct Origin<'r> {
    thread: Option<&'r str>,
    /// The step of the call that planted it; none for a placed rollout.
    step: Option<u32>,
}

impl<'r> Origins<'r> {
    /// The first that planted a marker is what it is of.
    pub(super) fn of(placed: &[Seen<'r, Placed>], turns: &[Turn<'r>]) -> Origins<'r> {
        let mut origins = HashMap::new();
        let mut own = |marker: Marker, thread, step| {
            origins.entry(marker).or_insert(Origin { thread, step });
        };
        for placed in placed {
            for marker in placed.what.markers.iter().chain(&placed.what.unacknowledged) {
                own(marker.clone(), Some(placed.what.thread.as_str()), None);
            }
        }
        for turn in turns {
            own(turn.call.what.marker.clone(), turn.thread, Some(turn.call.what.step));
        }
        for turn in turns {
            let told = turn.answer.map(|a| marker::find(&a.what.text)).unwrap_or_default();
            for marker in turn.planted.unwrap_or_default().iter().cloned().chain(told) {
                own(marker, turn.thread, Some(turn.call.what.step));
            }
        }
        Origins(origins)
    }

    /// Whether a marker is of another thread than `thread`.
    pub(super) fn is_foreign(&self, marker: &Marker, thread: &str) -> bool {
        self.0.get(marker).is_some_and(|o| o.thread != Some(thread))
    }

    /// Whether the journal tells what planted a marker.
    pub(super) fn is_known(&self, marker: &Marker) -> bool {
        self.0.contains_key(marker)
    }

    /// A marker in words: `the reply of step 2 (rhr-3k9x02ma)`.
    pub(super) fn name(&self, marker: &Marker) -> String {
        let what = match marker.carrier() {
            Some(Carrier::Prompt) => "the prompt",
            Some(Carrier::Reply) => "the reply",
            Some(Carrier::Call) => "a tool call",
            Some(Carrier::Output) => "a tool output",
            Some(Carrier::Reasoning) => "the reasoning",
            Some(Carrier::Summary) => "the summary",
            None => "something",
        };
        match self.0.get(marker) {
            Some(Origin { step: Some(step), .. }) => format!("{what} of step {step} ({marker})"),
            Some(Origin { thread: Some(thread), .. }) => {
                format!("{what} in the placed rollout of `{thread}` ({marker})")
            }
            _ => format!("{what} ({marker})"),
        }
    }

    /// Several markers in words, the first three of them named.
    pub(super) fn names<'m>(&self, markers: impl IntoIterator<Item = &'m Marker>) -> String {
        let markers: Vec<&Marker> = markers.into_iter().collect();
        let mut text = markers.iter().take(3).map(|m| self.name(m)).collect::<Vec<_>>().join(", ");
        if markers.len() > 3 {
            text.push_str(&format!(" and {} more", markers.len() - 3));
        }
        text
    }
}
