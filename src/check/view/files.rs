//! What the story itself did to files, as far as a server is excused by it, or knows its threads no more.

use std::collections::HashMap;

use super::super::turn::{Seen, Turn};
use super::{View, place};
use crate::journal::{DamageDone, FaultFired};

/// Whether that is the trigger of a fault at a file, in a journal's words: `write #1 of sessions/*`, `record message #2`.
fn is_at_a_file(at: &str) -> bool {
    at.contains(" #") && !at.starts_with("frame ")
}

/// The home of what no home has any more; no story can call one so.
const NOWHERE: Option<&str> = Some("");

impl<'r> View<'r> {
    /// A rollout, or a directory with rollouts, that the story has put into another home, taken out of one or removed:
    /// whoever lives there knows the threads, or does not.
    pub(super) fn put_elsewhere(&mut self, damage: &'r DamageDone) {
        if !matches!(damage.mutator.as_str(), "move" | "move to" | "copy to" | "remove") {
            return;
        }
        let (home, below) = place(&damage.path);
        // What lies outside of the homes is told by an absolute path.
        let top = below.split('/').next().unwrap_or_default();
        let holds_threads = below.is_empty() || ["sessions", "archived_sessions"].contains(&top);
        let file = below.rsplit('/').next().filter(|name| name.contains(".jsonl"));
        let holds = |id: &str| holds_threads && file.is_none_or(|name| name.contains(id));
        let leaves = |known: &&(String, Option<&str>)| known.1 == home && holds(&known.0);
        match damage.mutator.as_str() {
            "move" => self.moving = self.homes.iter().filter(leaves).cloned().collect(),
            "remove" => {
                let gone = self.homes.iter().filter(leaves).cloned().collect();
                self.bring(gone, NOWHERE);
            }
            "move to" if holds_threads => {
                let moving = std::mem::take(&mut self.moving);
                self.bring(moving, home);
            }
            _ => {
                let copied: Vec<String> =
                    self.homes.iter().map(|known| &known.0).filter(|id| holds(id.as_str())).cloned().collect();
                self.homes.extend(copied.into_iter().map(|id| (id, home)));
            }
        }
    }

    fn bring(&mut self, moving: Vec<(String, Option<&'r str>)>, home: Option<&'r str>) {
        for known in moving {
            self.homes.remove(&known);
            self.homes.insert((known.0, home));
        }
    }

    /// Whether the story has taken permissions away and not given them back, holds a lock, or has let the file system of the
    /// turn's life fail.
    pub(in crate::check) fn is_kept_from_files(&self, turn: &Turn<'r>) -> bool {
        let before = |at: usize| at < turn.answer.map_or(turn.call.at, |answer| answer.at);
        let failed = |f: &Seen<'r, FaultFired>| {
            f.what.fired && before(f.at) && is_at_a_file(&f.what.at) && self.life_of(f) == turn.call.incarnation
        };
        let mut barred: HashMap<&str, bool> = HashMap::new();
        for done in self.damage.iter().filter(|d| before(d.at)) {
            let bars = match done.what.mutator.as_str() {
                "lock" => true,
                "unlock" => false,
                other => match other.strip_prefix("chmod ").map(|mode| u32::from_str_radix(mode, 8)) {
                    Some(Ok(mode)) => mode & 0o600 != 0o600,
                    _ => continue,
                },
            };
            barred.insert(&done.what.path, bars);
        }
        barred.into_values().any(|barred| barred) || self.faults.iter().any(failed)
    }

    /// Whether the story has made of the thread's file one that a correct reader refuses.
    pub(in crate::check) fn is_refused(&self, turn: &Turn<'r>) -> bool {
        let of_thread = |d: &&Seen<'r, DamageDone>| d.what.thread.as_deref() == turn.thread && d.at < turn.call.at;
        self.damage.iter().rev().find(of_thread).is_some_and(|done| done.what.refused)
    }
}
