//! Targets that cannot be used: one scenario finds that out, and the others are not played to find it again.
//!
//! A program that answers nothing costs every scenario the whole limit of an opening. So once a target's very first life
//! did not open, at the first step of a scenario and with nothing in its home but what every scenario has, no further
//! scenario is played on it. A target that has opened a life in any scenario is never given up: what goes wrong later may
//! be the scenario's doing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::journal::{Kind, Run};

/// What the scenarios have found out about the targets so far.
#[derive(Debug, Default)]
pub(super) struct Unusable(Mutex<HashMap<String, Door>>);

#[derive(Clone, Debug)]
enum Door {
    /// A life of it was opened.
    Open,
    /// None can be, for this reason.
    Shut(String),
}

impl Unusable {
    /// Why `target` cannot be used, if that is known.
    pub(super) fn why(&self, target: &str) -> Option<String> {
        match self.lock().get(target) {
            Some(Door::Shut(why)) => Some(why.clone()),
            _ => None,
        }
    }

    /// Learns what a run shows of its target.
    pub(super) fn learn(&self, target: &str, run: &Run) {
        let Some(door) = door(run) else { return };
        let mut doors = self.lock();
        if matches!(door, Door::Open) || !doors.contains_key(target) {
            doors.insert(target.to_owned(), door);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Door>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn door(run: &Run) -> Option<Door> {
    let mut steps = 0;
    for event in &run.events {
        match &event.kind {
            Kind::Step(_) => steps += 1,
            Kind::Life(_) => return Some(Door::Open),
            Kind::Unopened(unopened) if steps == 1 => return Some(Door::Shut(unopened.text.clone())),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::header;
    use crate::journal::{BlobStore, Event, Lane, Life, Step, Unopened};

    fn run(kinds: Vec<Kind>) -> Run {
        let event = |(seq, kind)| Event { seq, at: 0, incarnation: 1, lane: Lane::Player, kind };
        let events = (1..).zip(kinds).map(event).collect();
        Run { header: header("a", 1), events, blobs: BlobStore::new(std::path::Path::new("nowhere")), cut_short: false }
    }

    fn step() -> Kind {
        Kind::Step(Step { n: 1, what: "codex".into(), line: 1 })
    }

    fn unopened(text: &str) -> Kind {
        Kind::Unopened(Unopened { text: text.into() })
    }

    #[test]
    fn a_target_that_never_opens_is_given_up_for_its_first_reason() {
        let unusable = Unusable::default();
        unusable.learn("t", &run(vec![step(), step(), unopened("after a file was placed")]));
        assert_eq!(unusable.why("t"), None);
        unusable.learn("t", &run(vec![step(), unopened("exits")]));
        unusable.learn("t", &run(vec![step(), unopened("exits, differently")]));
        assert_eq!(unusable.why("t").as_deref(), Some("exits"));
        assert_eq!(unusable.why("other"), None);
    }

    #[test]
    fn a_target_that_has_opened_once_is_not_given_up() {
        let life = Kind::Life(Life {
            from: Vec::new(),
            process_cwd: "/w".into(),
            home: None,
            credentials: None,
            target: None,
        });
        let unusable = Unusable::default();
        unusable.learn("t", &run(vec![step(), unopened("slow")]));
        unusable.learn("t", &run(vec![step(), life, unopened("the second life")]));
        assert_eq!(unusable.why("t"), None);
        unusable.learn("t", &run(vec![step(), unopened("slow")]));
        assert_eq!(unusable.why("t"), None);
    }
}
