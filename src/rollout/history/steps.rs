//! The steps of a thread that still count, while its records are read in order.
//!
//! A step is an item, a compaction, a change of settings or the end of a turn. The list is a stack: a rollback cuts it
//! at the beginning of a turn, wherever compactions lie. Turns begin at a message that a user wrote. They end with
//! `task_complete` where Codex wrote `task_started` before (0.105 and later), else with the assistant's message.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::Value;

use super::super::items::{self, ItemFacts};
use super::super::meta::TurnContext;

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bytes: Range<u64>,
    pub(super) line: Option<u64>,
}

/// A value, or the knowledge that it can be read again from its place.
#[derive(Debug)]
pub(super) enum Held {
    Here(Value),
    LetGo,
}

#[derive(Debug)]
pub(super) enum Step {
    Item {
        value: Held,
        written_by: WrittenBy,
    },
    Compaction {
        value: Held,
        replaces: bool,
    },
    Settings(Box<TurnContext>),
    /// `counts`: it ends a turn that no other step has ended.
    TurnEnd {
        counts: bool,
    },
}

/// What an item means for the turns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WrittenBy {
    /// A user: a turn begins.
    User,
    /// Codex, in the user's name; with the cwd that it tells.
    Context(Option<PathBuf>),
    /// Anyone else.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Steps {
    live: Vec<(Place, Step)>,
    /// Where in `live` turns begin.
    beginnings: Vec<usize>,
    /// Where in `live` compactions stand that bring a history.
    bases: Vec<Base>,
    /// Values before this index of `live` have been let go of.
    held_from: usize,
    turn: Turn,
}

#[derive(Clone, Copy, Debug)]
struct Base {
    at: usize,
    /// The history it brings holds a message that a user wrote.
    has_turn: bool,
}

/// The turn being read.
#[derive(Debug, Default)]
struct Turn {
    /// It began and has not ended.
    open: bool,
    /// `task_started` was read, so `task_complete` is to be waited for.
    task: bool,
    /// An assistant's message ended it, and may be followed by more of it.
    answered: bool,
}

impl Steps {
    pub(super) fn item(&mut self, place: Place, facts: &ItemFacts<'_>, item: Value) {
        let is_answer = facts.role.as_deref() == Some("assistant");
        let written_by = if facts.begins_turn() {
            self.beginnings.push(self.live.len());
            self.turn = Turn { open: true, answered: false, ..self.turn };
            WrittenBy::User
        } else if facts.is_contextual {
            WrittenBy::Context(facts.told_cwd())
        } else {
            WrittenBy::Other
        };
        self.live.push((place.clone(), Step::Item { value: Held::Here(item), written_by }));
        if is_answer && !self.turn.task {
            self.end_turn(place);
            self.turn.answered = true;
        }
    }

    pub(super) fn compaction(&mut self, place: Place, payload: Value, replaces: bool) {
        if replaces {
            for (_, step) in self.live.iter_mut().skip(self.held_from) {
                if let Step::Item { value, .. } | Step::Compaction { value, .. } = step {
                    *value = Held::LetGo;
                }
            }
            self.held_from = self.live.len();
        }
        if replaces {
            let history = payload.get("replacement_history").and_then(Value::as_array);
            let has_turn = history.is_some_and(|history| history.iter().any(items::begins_turn));
            self.bases.push(Base { at: self.live.len(), has_turn });
        }
        self.live.push((place, Step::Compaction { value: Held::Here(payload), replaces }));
    }

    pub(super) fn settings(&mut self, place: Place, context: TurnContext) {
        self.live.push((place, Step::Settings(Box::new(context))));
    }

    pub(super) fn task_started(&mut self) {
        self.turn = Turn { task: true, ..Turn::default() };
    }

    pub(super) fn task_complete(&mut self, place: Place) {
        self.end_turn(place);
        self.turn = Turn::default();
    }

    pub(super) fn task_aborted(&mut self) {
        self.turn = Turn::default();
    }

    fn end_turn(&mut self, place: Place) {
        // An end directly after an end says nothing new.
        if self.turn.open || !matches!(self.live.last(), Some((_, Step::TurnEnd { .. }))) {
            self.live.push((place, Step::TurnEnd { counts: self.turn.open }));
        }
        self.turn.open = false;
    }

    /// Takes the last `turns` turns back. Where the history holds a turn before them, the contextual messages and
    /// settings directly before go too; what stands before the first turn stays.
    pub(super) fn roll_back(&mut self, turns: u64) {
        self.turn = Turn::default();
        let kept = self.beginnings.len().saturating_sub(usize::try_from(turns).unwrap_or(usize::MAX));
        let Some(cut) = self.beginnings.get(kept).copied() else { return };
        self.beginnings.truncate(kept);
        self.live.truncate(cut);
        while self.bases.last().is_some_and(|base| base.at >= cut) {
            self.bases.pop();
        }
        if self.has_turn() {
            self.drop_context();
        }
        self.held_from = self.held_from.min(self.live.len());
    }

    /// Whether the history as it is now holds the beginning of a turn.
    fn has_turn(&self) -> bool {
        let last_turn = self.beginnings.last().copied();
        self.bases.last().map_or(last_turn.is_some(), |base| base.has_turn || last_turn.is_some_and(|at| at > base.at))
    }

    /// Drops contextual messages and settings from the end. Of the ends of turns among them the first is kept: the
    /// others only said that what is dropped here belonged to complete turns.
    fn drop_context(&mut self) {
        let mut end = None;
        while let Some(last) = self.live.pop() {
            match last.1 {
                Step::TurnEnd { .. } => end = Some(last),
                Step::Settings(_) | Step::Item { written_by: WrittenBy::Context(_), .. } => {}
                _ => {
                    self.live.push(last);
                    break;
                }
            }
        }
        self.live.extend(end);
    }

    pub(super) fn last_settings(&self) -> Option<&TurnContext> {
        self.live.iter().rev().find_map(|(_, step)| match step {
            Step::Settings(context) => Some(&**context),
            _ => None,
        })
    }

    pub(super) fn last_told_cwd(&self) -> Option<PathBuf> {
        self.live.iter().rev().find_map(|(_, step)| match step {
            Step::Item { written_by: WrittenBy::Context(cwd), .. } => cwd.clone(),
            _ => None,
        })
    }

    pub(super) fn complete_turns(&self) -> u32 {
        let ends = self.live.iter().filter(|(_, step)| matches!(step, Step::TurnEnd { counts: true })).count();
        u32::try_from(ends).unwrap_or(u32::MAX)
    }

    /// Index of the last compaction that brings a history; the history begins there.
    fn base(&self) -> Option<usize> {
        self.bases.last().map(|base| base.at)
    }

    /// Offset of the first record that the history is made of; 0 where no compaction replaced anything.
    pub(super) fn live_from(&self) -> u64 {
        self.base().and_then(|base| self.live.get(base)).map_or(0, |(place, _)| place.bytes.start)
    }

    /// The first record to be read again.
    pub(super) fn first_missing(&mut self) -> Option<Place> {
        self.missing().next().map(|(place, _)| place.clone())
    }

    /// The records to be read again, in order.
    pub(super) fn missing(&mut self) -> impl Iterator<Item = (&Place, &mut Held)> {
        let base = self.base().unwrap_or(0);
        self.live.iter_mut().skip(base).filter_map(|(place, step)| match step {
            Step::Item { value, .. } | Step::Compaction { value, .. } if matches!(value, Held::LetGo) => {
                Some((&*place, value))
            }
            _ => None,
        })
    }

    /// How many turns were complete before the last compaction that brings a history, and the steps from it on.
    pub(super) fn into_live(mut self) -> (usize, Vec<(Place, Step)>) {
        let base = self.base().unwrap_or(0);
        let live = self.live.split_off(base);
        let counted = |(_, step): &&(Place, Step)| matches!(step, Step::TurnEnd { counts: true });
        (self.live.iter().filter(counted).count(), live)
    }
}
