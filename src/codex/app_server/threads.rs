//! Threads: which of them this process has loaded, who waits for one that is on its way, and which id goes on as which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// How a thread of an earlier life is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `thread/resume`: it keeps its id.
    Resume,
    /// `thread/fork`: it goes on under a new one.
    Fork,
}

impl How {
    pub(super) fn method(self) -> &'static str {
        match self {
            How::Resume => "thread/resume",
            How::Fork => "thread/fork",
        }
    }
}

/// Which id goes on as which. Clones share it, so that the client of a later process knows what an earlier one made.
#[derive(Clone, Debug, Default)]
pub struct GoesOn(Arc<Mutex<BTreeMap<String, String>>>);

impl GoesOn {
    fn learn(&self, from: &str, to: &str) {
        if from != to {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(from.to_owned(), to.to_owned());
        }
    }

    /// The newest id of the thread that has this one.
    pub fn newest(&self, id: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = id;
        // No chain is longer than the table, unless it is a ring.
        for _ in 0..known.len() {
            match known.get(id) {
                Some(next) => id = next,
                None => break,
            }
        }
        id.to_owned()
    }
}

/// A call that wants a thread.
pub(super) struct Wants<K> {
    pub(super) key: K,
    pub(super) prompt: String,
    /// It has written nothing yet, because another call asked for the thread.
    pub(super) waits: bool,
}

/// What a call has to do for its thread.
pub(super) enum Way {
    /// Begin its turn: the thread is there.
    There,
    /// Ask for the thread.
    Ask,
    /// Wait for the answer to another call that asked.
    Wait,
}

/// The threads of one process.
pub(super) struct Threads<K> {
    goes_on: GoesOn,
    loaded: BTreeSet<String>,
    loading: BTreeMap<String, Vec<Wants<K>>>,
}

impl<K> Threads<K> {
    /// Of a process that has loaded none.
    pub(super) fn new(goes_on: GoesOn) -> Threads<K> {
        Threads { goes_on, loaded: BTreeSet::new(), loading: BTreeMap::new() }
    }

    /// A call goes on with a thread: the thread's newest id, and what is to be done first.
    pub(super) fn want(&mut self, id: &str, key: K, prompt: &str) -> (String, Way) {
        let id = self.goes_on.newest(id);
        if self.loaded.contains(&id) {
            return (id, Way::There);
        }
        let waiting = self.loading.entry(id.clone()).or_default();
        let waits = !waiting.is_empty();
        waiting.push(Wants { key, prompt: prompt.to_owned(), waits });
        (id, if waits { Way::Wait } else { Way::Ask })
    }

    /// The request for that id was answered: whoever waited for it.
    pub(super) fn answered(&mut self, asked: &str) -> Vec<Wants<K>> {
        self.loading.remove(asked).unwrap_or_default()
    }

    /// A thread is there, under this id; `asked` is the one under which it was brought back.
    pub(super) fn came(&mut self, asked: Option<&str>, id: &str) {
        self.loaded.insert(id.to_owned());
        if let Some(asked) = asked {
            self.goes_on.learn(asked, id);
        }
    }

    /// The server holds it no longer.
    pub(super) fn closed(&mut self, id: &str) {
        self.loaded.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_id_ends_every_chain_and_every_ring() {
        let goes_on = GoesOn::default();
        for (from, to) in [("a", "b"), ("b", "c"), ("x", "y"), ("y", "x"), ("z", "z")] {
            goes_on.learn(from, to);
        }
        assert_eq!(["a", "b", "c", "z", "?"].map(|id| goes_on.newest(id)), ["c", "c", "c", "z", "?"]);
        assert!(["x", "y"].contains(&goes_on.newest("x").as_str()));
    }

    #[test]
    fn one_call_asks_and_the_others_wait() {
        let mut threads = Threads::new(GoesOn::default());
        assert!(matches!(threads.want("a", 1, "one"), (id, Way::Ask) if id == "a"));
        assert!(matches!(threads.want("a", 2, "two"), (_, Way::Wait)));
        let waited = threads.answered("a");
        assert_eq!(waited.iter().map(|w| (w.key, w.waits)).collect::<Vec<_>>(), [(1, false), (2, true)]);
        threads.came(Some("a"), "b");
        assert!(matches!(threads.want("a", 3, "three"), (id, Way::There) if id == "b"));
        threads.closed("b");
        assert!(matches!(threads.want("a", 4, "four"), (id, Way::Ask) if id == "b"));
    }
}
