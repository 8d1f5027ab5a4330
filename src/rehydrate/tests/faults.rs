//! Whatever the disk refuses, and whenever the process dies: the source is as it was, and what can be found is whole.

use std::fs;
use std::sync::Arc;

use super::home::{Home, source_id, texts, texts_of};
use crate::rehydrate::alias::aliases_path;
use crate::rehydrate::faulty::{FaultyDisk, Lasts};
use crate::rehydrate::note::NoteKind;
use crate::rehydrate::{Continuation, RehydrateError, resolve};
use crate::world::{RealDisk, World};

const SAID: [&str; 4] = ["remember blue", "blue noted", "and seven", "seven noted"];

type Outcome = Result<Option<Continuation>, RehydrateError>;

/// Rehydrates in a fresh home with operation `at` failing; `None` once there is no such operation.
fn with_fault(at: u64, lasts: Lasts) -> Option<(Home, Outcome)> {
    let home = Home::with_a_thread();
    let before = fs::read(home.rollout(source_id())).unwrap();
    let disk = FaultyDisk::new(at, lasts);
    let world = World { disk: Arc::new(disk.clone()), ..World::real() };
    let outcome = home.rehydrate_in(&world, source_id());
    let fired = disk.fired();
    assert_eq!(fs::read(home.rollout(source_id())).unwrap(), before, "operation {at} {lasts:?} harmed the source");
    for path in home.continuations() {
        assert_eq!(texts_of(&path), SAID, "operation {at} {lasts:?} left half a continuation");
    }
    fired.then_some((home, outcome))
}

fn again(home: &Home, at: u64) -> Continuation {
    let again = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(texts(&again.history), SAID, "after operation {at}");
    again
}

#[test]
fn one_refusal_leaves_a_whole_continuation_or_none() {
    let mut failed = 0;
    let mut at = 0;
    while let Some((home, outcome)) = with_fault(at, Lasts::Once) {
        let parts = home.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "part")).count();
        assert_eq!(parts, 0, "operation {at} left a temporary file");
        if let Ok(Some(continuation)) = &outcome {
            assert_eq!(texts(&continuation.history), SAID, "operation {at}");
            assert_eq!(texts_of(&continuation.path), SAID, "operation {at}");
            let remembered = resolve(&RealDisk, &home.path(), source_id()).unwrap() == continuation.id;
            let told = continuation.notes.iter().any(|note| note.kind == NoteKind::AliasUnwritable);
            assert!(remembered || told, "operation {at}: {:?}", continuation.notes);
        } else {
            failed += 1;
            assert_eq!(home.continuations(), Vec::<std::path::PathBuf>::new(), "operation {at}: {outcome:?}");
            assert!(!aliases_path(&home.path()).exists(), "operation {at}");
        }
        drop(outcome);
        again(&home, at);
        at += 1;
    }
    assert!(at > 40 && failed > 20, "{failed} of {at} operations made it fail");
}

#[test]
fn a_death_at_any_operation_leaves_a_home_that_rehydrates() {
    let (mut invisible, mut unknown_to_all, mut remembered) = (0, 0, 0);
    let mut at = 0;
    while let Some((home, outcome)) = with_fault(at, Lasts::FromThenOn) {
        drop(outcome);
        let orphans = home.continuations();
        let alias = resolve(&RealDisk, &home.path(), source_id()).unwrap();
        let next = again(&home, at);
        match orphans.as_slice() {
            [] => invisible += 1,
            // Dead between the rename and the alias: nobody was told of that thread, and another one is made.
            [orphan] if alias == source_id() => {
                unknown_to_all += 1;
                assert_ne!(next.path, *orphan, "operation {at}");
                assert_eq!(next.source_id, source_id(), "operation {at}");
            }
            [_] => {
                remembered += 1;
                assert_eq!(next.source_id, alias, "operation {at}");
            }
            more => panic!("operation {at} left {more:?}"),
        }
        at += 1;
    }
    assert!(invisible > 0 && unknown_to_all > 0 && remembered > 0, "{invisible} {unknown_to_all} {remembered}");
}
