//! Two processes at one thread. A lock taken through a file opened a second time conflicts within one process too, so
//! two threads stand for two processes here.

use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use super::home::{Home, source_id, texts, turn};
use crate::rehydrate::alias::read_aliases;
use crate::rehydrate::faulty::FaultyDisk;
use crate::rehydrate::lock::lock_for_rehydration;
use crate::rehydrate::note::NoteKind;
use crate::rehydrate::{Continuation, ErrorKind, LoadedGuard, Options, resolve, try_rehydrate_from_disk};
use crate::rollout::draft::Draft;
use crate::world::{RealDisk, World};

fn branched(continuation: &Continuation) -> bool {
    continuation.notes.iter().any(|note| note.kind == NoteKind::BranchedFromLive)
}

#[test]
fn of_two_racers_one_continues_and_the_other_follows_its_alias() {
    for _ in 0..20 {
        let home = Home::with_a_thread();
        let start = Barrier::new(2);
        let racer = || {
            start.wait();
            let options = Options { lock_wait: Duration::from_secs(10), ..home.options() };
            try_rehydrate_from_disk(&World::real(), &home.path(), source_id(), &options)
        };
        let (one, two) = thread::scope(|scope| {
            let (one, two) = (scope.spawn(racer), scope.spawn(racer));
            (one.join().unwrap().unwrap().unwrap(), two.join().unwrap().unwrap().unwrap())
        });
        let (winner, loser) = if branched(&two) { (one, two) } else { (two, one) };
        assert!(!branched(&winner) && branched(&loser), "{:?} {:?}", winner.notes, loser.notes);
        assert_eq!((winner.source_id, loser.source_id), (source_id(), winner.id));
        assert_eq!(winner.history, loser.history);
        assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), winner.id);
        let chain = read_aliases(&RealDisk, &home.path()).unwrap().chain(source_id());
        assert_eq!(chain.ids, [source_id(), winner.id]);
    }
}

#[test]
fn a_thread_loaded_elsewhere_is_branched_from_its_last_complete_turn_without_an_alias() {
    let home = Home::with_a_thread();
    let mut live = home.rehydrate(source_id()).unwrap().unwrap();
    turn("and green", "green noted").iter().for_each(|draft| live.writer.append(draft).unwrap());
    let under_way = [Draft::task_started("9"), Draft::user_item("a question under way")];
    under_way.iter().for_each(|draft| live.writer.append(draft).unwrap());
    let branch = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(branch.source_id, live.id);
    let said = ["remember blue", "blue noted", "and seven", "seven noted", "and green", "green noted"];
    assert_eq!(texts(&branch.history), said);
    assert_eq!(branch.notes.iter().map(|note| note.kind).collect::<Vec<_>>(), [NoteKind::BranchedFromLive]);
    assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), live.id);
    assert_eq!(resolve(&RealDisk, &home.path(), live.id).unwrap(), live.id);
}

#[test]
fn a_line_that_a_live_process_has_not_finished_is_no_loss() {
    let home = Home::with_a_thread();
    let _live = LoadedGuard::take(&World::real().disk, &home.path(), source_id()).unwrap();
    let path = home.rollout(source_id());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(br#"{"timestamp":"2026-01-02T03:04:05.000Z","type":"response_item","payl"#);
    fs::write(&path, bytes).unwrap();
    let branch = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(branch.notes.iter().map(|note| note.kind).collect::<Vec<_>>(), [NoteKind::BranchedFromLive]);
}

#[test]
fn a_thread_that_codex_has_loaded_is_branched_and_codex_file_is_left_alone() {
    let home = Home::with_a_thread();
    let dir = home.path().join("thread-writer-locks");
    fs::create_dir(&dir).unwrap();
    let codex = fs::File::create(dir.join(format!("{}.lock", source_id()))).unwrap();
    codex.try_lock().unwrap();
    assert!(branched(&home.rehydrate(source_id()).unwrap().unwrap()));
    drop(codex);
    assert!(!branched(&home.rehydrate(source_id()).unwrap().unwrap()));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no lock of Codex's is made");
}

#[test]
fn whoever_waits_too_long_is_told_which_file_is_held_and_leaves_nothing() {
    let home = Home::with_a_thread();
    let held = lock_for_rehydration(&World::real().disk, &home.path(), source_id(), Duration::ZERO).unwrap().unwrap();
    let error = home.rehydrate(source_id()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Locked);
    assert!(error.to_string().contains(".rehydrating.lock"), "{error}");
    assert_eq!(home.continuations(), Vec::<std::path::PathBuf>::new());
    drop(held);
    assert!(home.rehydrate(source_id()).unwrap().is_some());
}

#[test]
fn whoever_is_overtaken_while_waiting_needs_the_lock_of_where_the_alias_now_leads() {
    let home = Home::with_a_thread();
    let path = home.path();
    let options = home.options();
    let (tell, told) = std::sync::mpsc::channel();
    let disk = FaultyDisk::overtaken(move || {
        let newer = try_rehydrate_from_disk(&World::real(), &path, source_id(), &options).unwrap().unwrap().id;
        let held = lock_for_rehydration(&World::real().disk, &path, newer, Duration::ZERO).unwrap();
        tell.send((newer, held)).unwrap();
    });
    let world = World { disk: Arc::new(disk), ..World::real() };
    let error = home.rehydrate_in(&world, source_id()).unwrap_err();
    let (newer, held) = told.recv().unwrap();
    assert_eq!(error.kind, ErrorKind::Locked);
    assert!(error.to_string().contains(&newer.to_string()), "{error}");
    drop(held);
    assert_eq!(home.rehydrate(source_id()).unwrap().unwrap().source_id, newer);
}
