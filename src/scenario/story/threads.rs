//! Threads: which there are, and which of them a life has in memory.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Life, Story, Thread};
use crate::scenario::builtin;
use crate::scenario::diagnostic::quoted;
use crate::scenario::places::PathPart;
use crate::scenario::suggest::nearest;
use crate::scenario::types::{Call, FileStep, Id};
use crate::scenario::view::View;

impl Story<'_> {
    /// Judges the thread and the id of a reply; says whether the thread is certainly in the life's memory.
    pub(super) fn reply(&mut self, call: &Call, view: View<'_, '_>, at: Range<usize>) -> bool {
        if !view.sound("thread") || !needs_thread(&call.id) {
            return false;
        }
        let Some(thread) = self.threads.get(&call.thread) else {
            self.nobody(&call.thread, at);
            return false;
        };
        let client = self.clients.get(&call.client).filter(|client| !matches!(client.life, Life::Unknown));
        let loaded = client.is_some_and(|client| thread.used_in.contains(&client.number));
        if call.id == Id::Previous && !thread.rehydrated && loaded && !self.vague {
            let message = format!("thread {} has only one id so far", quoted(&call.thread));
            let help = "let a restart and a reply come first, or leave `id` out";
            self.into.add(view.value_span("id"), message, "there is no previous one", help);
        }
        self.replied_across |= !loaded;
        loaded
    }

    pub(super) fn used(&mut self, call: &Call) {
        let number = self.clients.get(&call.client).map_or(0, |client| client.number);
        if let (true, Some(thread)) = (needs_thread(&call.id), self.threads.get_mut(&call.thread)) {
            thread.rehydrated |= thread.used_in.insert(number);
        }
    }

    pub(super) fn begin(&mut self, name: &str, at: Range<usize>, used_in: Option<u32>) {
        let earlier = self.threads.get(name).and_then(|thread| thread.begun.clone());
        if let Some(earlier) = earlier {
            let message = format!("thread {} is there already", quoted(name));
            let first = (earlier, "begun or placed here");
            let help = "give this one a `thread` name of its own, or continue the other with `reply`";
            self.into.add_because(at, message, "begun a second time", first, help);
        } else if !name.is_empty() {
            let used_in = used_in.into_iter().collect();
            self.threads.insert(name.to_owned(), Thread { begun: Some(at), used_in, rehydrated: false });
        }
    }

    pub(super) fn nobody(&mut self, name: &str, at: Range<usize>) {
        if self.vague || name.is_empty() {
            return;
        }
        let help = match nearest(name, self.threads.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean {}?", quoted(meant)),
            None => format!("begin it before with `codex`, `rollout` or `place` and `thread = \"{name}\"`"),
        };
        let message = format!("nobody began or placed the thread {}", quoted(name));
        self.into.add(at, message, "not there", help);
        // Told once.
        self.threads.insert(name.to_owned(), Thread { begun: None, used_in: BTreeSet::new(), rehydrated: true });
    }

    /// What stands in braces in a path must be something.
    pub(super) fn file(&mut self, file: &FileStep, view: View<'_, '_>) {
        let at = || view.view("file").value_span(file.name());
        for part in file.paths().into_iter().flat_map(PathPart::all) {
            if let PathPart::Unknown(word) = part {
                let help = "it can be `{rollout}`, `{dir}`, `{name}` or `{id}`, each with `:` and a thread's name if it is not main's";
                self.into.add(at(), format!("`{{{word}}}` stands for nothing in a path"), "unknown", help);
            }
            if let Some(thread) = part.thread().filter(|thread| !self.threads.contains_key(*thread)) {
                self.nobody(thread, at());
            }
        }
    }

    pub(super) fn damage(&mut self, name: &str, view: View<'_, '_>) {
        let damage = view.view("damage");
        if self.clients.values().any(|client| matches!(client.life, Life::Running)) && !self.vague {
            let message = "a rollout is damaged while a life is running".to_owned();
            let help = "add a step `kill = {}` before it, and `restart = {}` after it";
            self.into.add(view.key_span("damage"), message, "the server is still writing", help);
        }
        if damage.sound("thread") && !self.threads.contains_key(name) {
            self.nobody(name, damage.value_span("thread"));
        }
    }

    pub(super) fn fixture(&mut self, name: &str, at: Range<usize>) {
        let known = builtin::fixture_names();
        if !known.iter().any(|fixture| fixture == name) {
            let help = format!("there are {}; a file of your own is named by its path alone", known.join(", "));
            self.into.add(at, format!("there is no recording {} in the binary", quoted(name)), "unknown", help);
        }
    }
}

/// Whether the id of a reply is made from the thread's.
fn needs_thread(id: &Id) -> bool {
    match id {
        Id::Current | Id::First | Id::Previous => true,
        Id::Literal(text) => ["{current}", "{CURRENT}", "{simple}"].iter().any(|form| text.contains(form)),
    }
}
