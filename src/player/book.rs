//! The book of threads: which names of the scenario are known to the target by which ids.

use std::collections::BTreeMap;

use crate::journal::IdChoice;
use crate::rollout::ThreadId;
use crate::scenario::Id;

/// Every thread of the story, by its name in the scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    ids: BTreeMap<String, Vec<String>>,
    failures: BTreeMap<String, String>,
}

impl Book {
    /// The target (or the player, by placing a file) said that `thread` is known by `id`. Saying it again changes
    /// nothing.
    pub(super) fn learn(&mut self, thread: &str, id: &str) {
        let ids = self.ids.entry(thread.to_owned()).or_default();
        if ids.last().is_none_or(|last| last != id) {
            ids.push(id.to_owned());
        }
    }

    /// The newest call to `thread` ended without an id.
    pub(super) fn fail(&mut self, thread: &str, how: String) {
        self.failures.insert(thread.to_owned(), how);
    }

    /// How the call that was to begin `thread` ended instead.
    pub(super) fn failed_start(&self, thread: &str) -> Option<&str> {
        self.failures.get(thread).map(String::as_str)
    }

    /// The newest id of a thread.
    pub(super) fn current(&self, thread: &str) -> Option<&str> {
        self.ids.get(thread)?.last().map(String::as_str)
    }

    /// The first id of the first thread, by name.
    pub(super) fn any(&self) -> Option<&str> {
        self.ids.values().flatten().next().map(String::as_str)
    }

    /// The id that a reply to `thread` is sent with, or `None` if the thread has none yet.
    pub(super) fn choose(&self, thread: &str, id: &Id) -> Option<(String, IdChoice)> {
        let ids = self.ids.get(thread).map(Vec::as_slice).unwrap_or_default();
        match id {
            Id::Current => ids.last().map(|id| (id.clone(), IdChoice::Current)),
            Id::First => ids.first().map(|id| (id.clone(), IdChoice::First)),
            Id::Previous => ids.iter().rev().nth(1).or(ids.last()).map(|id| (id.clone(), IdChoice::Previous)),
            Id::Literal(text) => Some((spell(text, ids.last().map_or("", String::as_str)), IdChoice::Literal)),
        }
    }

    /// The thread that a literal id belongs to in whatever spelling.
    pub(super) fn owner(&self, id: &str) -> Option<&str> {
        let asked = ThreadId::parse(id).ok()?;
        let knows = |ids: &Vec<String>| ids.iter().any(|known| ThreadId::parse(known).is_ok_and(|k| k == asked));
        self.ids.iter().find(|(_, ids)| knows(ids)).map(|(thread, _)| thread.as_str())
    }
}

fn spell(text: &str, current: &str) -> String {
    text.replace("{current}", current)
        .replace("{CURRENT}", &current.to_uppercase())
        .replace("{simple}", &current.replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_chosen_by_age_and_spelt_as_asked() {
        let mut book = Book::default();
        book.learn("main", "0a-1b");
        book.learn("main", "0a-1b");
        book.learn("main", "0c-2d");
        let choose = |id| book.choose("main", &id).map(|(text, _)| text);
        assert_eq!(choose(Id::Current).as_deref(), Some("0c-2d"));
        assert_eq!(choose(Id::First).as_deref(), Some("0a-1b"));
        assert_eq!(choose(Id::Previous).as_deref(), Some("0a-1b"));
        assert_eq!(choose(Id::Literal("{CURRENT}!{simple}".into())).as_deref(), Some("0C-2D!0c2d"));
        assert_eq!(book.choose("nobody", &Id::Current), None);
    }
}
