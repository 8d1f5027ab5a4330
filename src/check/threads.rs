//! The ids by which a thread was known, in the order in which they came up.
//!
//! Where a thread has several strands (`branches.rs`), each id is of one of them.
//!
//! Ids are compared as UUIDs where they are UUIDs, so that another spelling of an id is the same id, and as text where
//! they are not, because a foreign server may name its threads as it likes.

use super::branches::Strand;
use crate::rollout::ThreadId;

/// An id in the form in which ids are compared.
pub(super) fn canonical(id: &str) -> String {
    ThreadId::parse(id).map_or_else(|_| id.to_owned(), |id| id.to_string())
}

/// One id of one thread.
#[derive(Debug)]
struct Known<'r> {
    thread: &'r str,
    strand: Strand,
    id: String,
    /// Index of the event that first told it.
    at: usize,
}

/// All ids of all threads.
#[derive(Debug, Default)]
pub(super) struct Threads<'r>(Vec<Known<'r>>);

impl<'r> Threads<'r> {
    /// `thread` is known by `id` since the event `at`. An id stays with the thread that had it first.
    pub(super) fn learn(&mut self, thread: &'r str, strand: Strand, id: &str, at: usize) {
        let id = canonical(id);
        if !self.0.iter().any(|k| k.id == id) {
            self.0.push(Known { thread, strand, id, at });
        }
    }

    /// Whose id it is.
    pub(super) fn owner(&self, id: &str) -> Option<&'r str> {
        let id = canonical(id);
        self.0.iter().find(|k| k.id == id).map(|k| k.thread)
    }

    /// The strand that an id is of.
    pub(super) fn strand(&self, id: &str) -> Option<Strand> {
        let id = canonical(id);
        self.0.iter().find(|k| k.id == id).map(|k| k.strand)
    }

    /// Whether the event `at` came after the id was first told.
    pub(super) fn known_before(&self, id: &str, at: usize) -> bool {
        let id = canonical(id);
        self.0.iter().any(|k| k.id == id && k.at < at)
    }

    /// The ids of a thread before `at`, oldest first.
    pub(super) fn ids<'t>(&'t self, thread: &'t str, at: usize) -> impl DoubleEndedIterator<Item = &'t str> {
        self.0.iter().filter(move |k| k.thread == thread && k.at < at).map(|k| k.id.as_str())
    }

    /// The ids of one strand before `at`, oldest first.
    pub(super) fn of_strand<'t>(
        &'t self,
        thread: &'t str,
        strand: Strand,
        at: usize,
    ) -> impl DoubleEndedIterator<Item = &'t str> {
        let own = self.0.iter().filter(move |k| k.thread == thread && k.strand == strand && k.at < at);
        own.map(|k| k.id.as_str())
    }

    /// The event that told the id which replaced `id` in its strand, if one did before `at`.
    pub(super) fn superseded(&self, thread: &str, id: &str, at: usize) -> Option<usize> {
        let id = canonical(id);
        let mut own = self.0.iter().filter(|k| k.thread == thread);
        let strand = own.find(|k| k.id == id)?.strand;
        own.find(|k| k.strand == strand).map(|k| k.at).filter(|next| *next < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "01a2019e-7c9d-7000-8000-000000000001";
    const B: &str = "01a2019e-7c9d-7000-8000-000000000002";

    #[test]
    fn another_spelling_is_the_same_id() {
        let mut threads = Threads::default();
        threads.learn("main", 0, A, 1);
        assert_eq!(threads.owner(&A.to_uppercase()), Some("main"));
        assert_eq!(threads.owner(&format!("urn:uuid:{A}")), Some("main"));
        assert_eq!(threads.owner(B), None);
    }

    #[test]
    fn an_id_is_superseded_by_the_next_one_of_its_thread() {
        let mut threads = Threads::default();
        threads.learn("main", 0, A, 1);
        threads.learn("other", 0, "x", 2);
        threads.learn("main", 0, B, 5);
        assert_eq!(threads.superseded("main", A, 9), Some(5));
        assert_eq!(threads.superseded("main", A, 4), None);
        assert_eq!(threads.superseded("main", B, 9), None);
        assert_eq!(threads.ids("main", 9).collect::<Vec<_>>(), [A, B]);
    }
}
