//! The book of threads: which names of the scenario are known to the target by which ids.
//!
//! A client goes on with the id that it was told, whatever another client was told of the same thread meanwhile. One that
//! was told none yet takes the newest that anybody knows.

use std::collections::BTreeMap;

use crate::journal::{CallId, IdChoice};
use crate::rollout::ThreadId;
use crate::scenario::Id;

/// Every thread of the story, by its name in the scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    ids: BTreeMap<String, Vec<String>>,
    /// What each client knows of a thread since it was first told an id of it.
    own: BTreeMap<(String, String), Vec<String>>,
    unnamed: BTreeMap<String, Unnamed>,
}

/// Why a thread has no id: the call that was to begin it ended without one, and not by the scenario's doing.
#[derive(Clone, Debug)]
pub(super) struct Unnamed {
    /// That call.
    pub call: CallId,
    /// How it ended.
    pub got: String,
    /// The journal tells of it.
    pub said: bool,
}

impl Book {
    /// The target (or the player, by placing a file) said that `thread` is known by `id`. Saying it again changes
    /// nothing.
    pub(super) fn learn(&mut self, thread: &str, id: &str) {
        add(self.ids.entry(thread.to_owned()).or_default(), id);
    }

    /// The target told `client` that `thread` is known by `id`.
    pub(super) fn told(&mut self, client: &str, thread: &str, id: &str) {
        let known = self.ids.get(thread).cloned().unwrap_or_default();
        add(self.own.entry((client.to_owned(), thread.to_owned())).or_insert(known), id);
        self.learn(thread, id);
    }

    /// The target failed to name a thread.
    pub(super) fn unnamed(&mut self, thread: &str, why: Unnamed) {
        self.unnamed.insert(thread.to_owned(), why);
    }

    /// Why the target named no thread by that name, if it should have.
    pub(super) fn why_unnamed(&mut self, thread: &str) -> Option<&mut Unnamed> {
        self.unnamed.get_mut(thread)
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
    pub(super) fn choose(&self, client: &str, thread: &str, id: &Id) -> Option<(String, IdChoice)> {
        let own = self.own.get(&(client.to_owned(), thread.to_owned()));
        let ids = own.or_else(|| self.ids.get(thread)).map(Vec::as_slice).unwrap_or_default();
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

fn add(ids: &mut Vec<String>, id: &str) {
    if ids.last().is_none_or(|last| last != id) {
        ids.push(id.to_owned());
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
        let choose = |id| book.choose("one", "main", &id).map(|(text, _)| text);
        assert_eq!(choose(Id::Current).as_deref(), Some("0c-2d"));
        assert_eq!(choose(Id::First).as_deref(), Some("0a-1b"));
        assert_eq!(choose(Id::Previous).as_deref(), Some("0a-1b"));
        assert_eq!(choose(Id::Literal("{CURRENT}!{simple}".into())).as_deref(), Some("0C-2D!0c2d"));
        assert_eq!(book.choose("one", "nobody", &Id::Current), None);
    }

    #[test]
    fn each_client_goes_on_with_what_it_was_told() {
        let mut book = Book::default();
        book.told("one", "main", "a");
        let choose = |book: &Book, client, id| book.choose(client, "main", &id).map(|(text, _)| text);
        assert_eq!(choose(&book, "two", Id::Current).as_deref(), Some("a"), "the newest that anybody knows");
        book.told("two", "main", "b");
        assert_eq!(choose(&book, "one", Id::Current).as_deref(), Some("a"));
        assert_eq!(choose(&book, "two", Id::Current).as_deref(), Some("b"));
        assert_eq!(choose(&book, "two", Id::First).as_deref(), Some("a"));
        assert_eq!(choose(&book, "three", Id::Current).as_deref(), Some("b"));
    }
}
