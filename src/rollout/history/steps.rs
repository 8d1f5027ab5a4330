//! The steps of a thread that still count, while its records are read in order.
//!
//! A step is an item, a compaction, a change of settings or the end of a turn. The list is a stack: a rollback cuts it
//! at the beginning of a turn, wherever compactions lie. Turns begin at a message that a user wrote. They end with
//! `task_complete` where Codex wrote `task_started` before (0.105 and later), else with the assistant's message.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::items::ItemFacts;
use super::super::meta::{SettingsKind, SettingsTold};
use super::super::place::Place;
use super::pairing::Side;

/// A text, or the knowledge that it can be read again from its place.
#[derive(Debug)]
pub(super) enum Held {
    Here(Box<str>),
    LetGo,
    /// It is not wanted; of a user's message, how long its texts are.
    Measured(usize),
}

#[derive(Debug)]
pub(super) enum Step {
    Item {
        text: Held,
        written_by: WrittenBy,
        side: Option<Side>,
    },
    Compaction {
        /// Of its payload.
        text: Held,
        /// Its summary was taken back; what it replaced does not come back.
        without_summary: bool,
    },
    Settings(Arc<SettingsTold>),
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

/// What a rollback took out: everything from one place to another.
#[derive(Clone, Debug)]
pub(super) struct TakenBack {
    pub(super) from: Place,
    /// The last place that is taken out.
    pub(super) to: Place,
    /// The rollback.
    pub(super) by: Place,
}

/// How many steps are let go of at once when a history is made of them.
const BLOCK_STEPS: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Steps {
    live: Vec<(Place, Step)>,
    /// Where in `live` turns begin.
    beginnings: Vec<usize>,
    /// Where in `live` compactions stand that bring a history.
    bases: Vec<Base>,
    /// Texts before this index of `live` have been let go of.
    held_from: usize,
    turn: Turn,
    /// A rollback took back all there was, so that more records before it could have made a difference.
    emptied: bool,
    /// What was taken back, where somebody wants to know.
    taken_back: Option<Vec<TakenBack>>,
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
    /// Steps that remember what rollbacks took out.
    pub(super) fn remembering() -> Steps {
        Steps { taken_back: Some(Vec::new()), ..Steps::default() }
    }

    pub(super) fn item(&mut self, place: Place, text: Held, facts: &ItemFacts<'_>) {
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
        let ended = (is_answer && !self.turn.task).then(|| place.clone());
        self.live.push((place, Step::Item { text, written_by, side: Side::of(facts) }));
        if let Some(place) = ended {
            self.end_turn(place);
            self.turn.answered = true;
        }
    }

    /// A compaction; `brings` says of one that brings a history whether that holds a message that a user wrote.
    pub(super) fn compaction(&mut self, place: Place, payload: Box<str>, brings: Option<bool>) {
        if let Some(has_turn) = brings {
            for (_, step) in self.live.iter_mut().skip(self.held_from) {
                if let Step::Item { text: text @ Held::Here(_), .. } | Step::Compaction { text, .. } = step {
                    *text = Held::LetGo;
                }
            }
            self.held_from = self.live.len();
            self.bases.push(Base { at: self.live.len(), has_turn });
        } else {
            // Its summary is to Codex what a user wrote.
            self.beginnings.push(self.live.len());
        }
        self.live.push((place, Step::Compaction { text: Held::Here(payload), without_summary: false }));
    }

    pub(super) fn settings(&mut self, place: Place, told: Arc<SettingsTold>) {
        self.live.push((place, Step::Settings(told)));
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
    /// settings directly before go too; what stands before the first turn stays. A compaction that brings no history is a
    /// turn of its own, and one that is taken back leaves its summary out and nothing else. `by` is the record that says so.
    pub(super) fn roll_back(&mut self, turns: u64, by: &Place) {
        self.turn = Turn::default();
        let asked = usize::try_from(turns).unwrap_or(usize::MAX);
        let kept = self.beginnings.len().saturating_sub(asked);
        self.emptied |= asked > self.beginnings.len();
        let Some(cut) = self.beginnings.get(kept).copied() else { return };
        if let Some((from, _)) = self.live.get(cut) {
            let from = from.clone();
            self.remember(from, by.clone(), by);
        }
        self.beginnings.truncate(kept);
        let summarised = self.summarised_from(cut);
        self.live.truncate(cut);
        self.live.extend(summarised);
        while self.bases.last().is_some_and(|base| base.at >= cut) {
            self.bases.pop();
        }
        self.emptied |= kept == 0 && self.bases.is_empty();
        if self.has_turn() {
            self.drop_context(by);
        }
        self.held_from = self.held_from.min(self.live.len());
    }

    /// The first compaction from `cut` on, if it brings no history: it stays, without its summary.
    fn summarised_from(&mut self, cut: usize) -> Option<(Place, Step)> {
        let is_base = |at| self.bases.iter().any(|base| base.at == at);
        let mut steps = self.live.iter().enumerate().skip(cut);
        let (at, _) = steps.find(|(_, (_, step))| matches!(step, Step::Compaction { .. }))?;
        if is_base(at) {
            return None;
        }
        let (place, step) = self.live.drain(at..).next()?;
        match step {
            Step::Compaction { text, .. } => Some((place, Step::Compaction { text, without_summary: true })),
            _ => None,
        }
    }

    fn remember(&mut self, from: Place, to: Place, by: &Place) {
        if let Some(taken_back) = &mut self.taken_back {
            taken_back.push(TakenBack { from, to, by: by.clone() });
        }
    }

    /// Whether the history as it is now holds the beginning of a turn.
    fn has_turn(&self) -> bool {
        let last_turn = self.beginnings.last().copied();
        self.bases.last().map_or(last_turn.is_some(), |base| base.has_turn || last_turn.is_some_and(|at| at > base.at))
    }

    /// Drops contextual messages and settings from the end. Of the ends of turns among them the first is kept: the
    /// others only said that what is dropped here belonged to complete turns.
    fn drop_context(&mut self, by: &Place) {
        let mut end = None;
        while let Some((place, step)) = self.live.pop() {
            match step {
                Step::TurnEnd { .. } => end = Some((place, step)),
                Step::Item { written_by: WrittenBy::Context(_), .. } => self.remember(place.clone(), place, by),
                Step::Settings(_) => {}
                _ => {
                    self.live.push((place, step));
                    break;
                }
            }
        }
        self.live.extend(end);
    }

    /// The settings that still count, the newest first.
    pub(super) fn settings_told(&self) -> impl Iterator<Item = (&Place, &SettingsTold)> {
        self.live.iter().rev().filter_map(|(place, step)| match step {
            Step::Settings(told) => Some((place, &**told)),
            _ => None,
        })
    }

    /// The newest cwd that an environment context tells.
    pub(super) fn last_told_cwd(&self) -> Option<(&Place, &PathBuf)> {
        self.live.iter().rev().find_map(|(place, step)| match step {
            Step::Item { written_by: WrittenBy::Context(Some(cwd)), .. } => Some((place, cwd)),
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

    /// The first record that the history is made of, where a compaction replaced what was before.
    pub(super) fn live_from(&self) -> Option<&Place> {
        self.live.get(self.base()?).map(|(place, _)| place)
    }

    /// The compactions that still count, in order.
    pub(super) fn compactions(&self) -> impl Iterator<Item = &Place> {
        self.live.iter().filter(|(_, step)| matches!(step, Step::Compaction { .. })).map(|(place, _)| place)
    }

    /// Whether records before these would change nothing of the history, of its complete part, or of the last turn's
    /// settings.
    pub(super) fn stand_alone(&self) -> bool {
        let Some(base) = self.base() else { return false };
        let ended = |(_, step): &(Place, Step)| matches!(step, Step::TurnEnd { counts: true });
        let mut told = self.settings_told().map(|(_, told)| told);
        !self.emptied
            && self.live.iter().take(base).any(ended)
            && told.find(|told| told.kind == SettingsKind::TurnContext).is_some_and(|told| told.context.cwd.is_some())
    }

    /// What rollbacks took out, as far as it was remembered, in the order in which they did.
    pub(super) fn forget_taken_back(&mut self) -> Vec<TakenBack> {
        self.taken_back.take().unwrap_or_default()
    }

    /// The records to be read again, in order.
    pub(super) fn missing(&mut self) -> impl Iterator<Item = (&Place, &mut Held)> {
        let base = self.base().unwrap_or(0);
        self.live.iter_mut().skip(base).filter_map(|(place, step)| match step {
            Step::Item { text, .. } | Step::Compaction { text, .. } if matches!(text, Held::LetGo) => {
                Some((&*place, text))
            }
            _ => None,
        })
    }

    /// How many turns were complete before the last compaction that brings a history, and the steps from it on.
    pub(super) fn into_live(mut self) -> (usize, impl Iterator<Item = (Place, Step)>) {
        let base = self.base().unwrap_or(0);
        let counted = |(_, step): &&(Place, Step)| matches!(step, Step::TurnEnd { counts: true });
        let before = self.live.iter().take(base).filter(counted).count();
        // In blocks, so that the list goes as what is made of it comes.
        let mut blocks = Vec::new();
        while self.live.len() > base {
            let from = self.live.len().saturating_sub(BLOCK_STEPS).max(base);
            blocks.push(self.live.split_off(from));
            self.live.shrink_to_fit();
        }
        (before, blocks.into_iter().rev().flatten())
    }
}
