//! What comes out, and what is told about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::home::{Home, source_id, texts, texts_of, turn};
use crate::rehydrate::alias::aliases_path;
use crate::rehydrate::note::{NoteKind, owed_text};
use crate::rehydrate::{Ceiling, Continuation, ErrorKind, Extent, Options, resolve};
use crate::rehydrate::{resume_thread_from_rollout, try_rehydrate_from_disk};
use crate::rollout::draft::Draft;
use crate::rollout::meta::TurnContext;
use crate::rollout::settings::{Approval, Sandbox};
use crate::rollout::{Item, ThreadId, find_thread_path, read_history, read_session_meta_line};
use crate::world::{RealDisk, World};

const SAID: [&str; 4] = ["remember blue", "blue noted", "and seven", "seven noted"];

fn kinds(continuation: &Continuation) -> Vec<NoteKind> {
    continuation.notes.iter().map(|note| note.kind).collect()
}

#[test]
fn a_thread_goes_on_under_a_new_id_with_its_history_cwd_and_settings() {
    let home = Home::with_a_thread();
    let before = fs::read(home.rollout(source_id())).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_ne!(got.id, source_id());
    assert_eq!((got.from, got.source_id), (source_id(), source_id()));
    assert_eq!(got.source, home.rollout(source_id()));
    assert_eq!(texts(&got.history), SAID);
    assert_eq!(got.cwd, Some(home.cwd()));
    assert_eq!((got.model.as_deref(), got.effort.as_deref()), (Some("model-x"), Some("high")));
    assert_eq!((&got.sandbox, &got.approval), (&Sandbox::ReadOnly, &Approval::Never));
    assert_eq!(got.base_instructions.as_deref(), Some("be brief"));
    assert_eq!(got.notes, []);
    assert!(got.loaded.is_held());
    assert_eq!(fs::read(home.rollout(source_id())).unwrap(), before);
}

#[test]
fn the_continuation_on_disk_says_the_same_and_can_be_found() {
    let home = Home::with_a_thread();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(find_thread_path(&RealDisk, &home.path(), got.id).unwrap(), Some(got.path.clone()));
    assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), got.id);
    let meta = read_session_meta_line(&RealDisk, &got.path).unwrap();
    assert_eq!((meta.id, meta.forked_from_id, meta.history_mode), (got.id, Some(source_id()), None));
    assert_eq!(meta.base_instructions.as_deref(), Some("be brief"));
    let history = read_history(&RealDisk, &got.path).unwrap();
    assert_eq!(history.items.iter().map(Item::value).collect::<Vec<_>>(), got.history);
    assert_eq!((history.complete_turns, history.complete_items), (2, 4));
    assert_eq!(history.damage, []);
    assert_eq!(history.turn_context.unwrap().sandbox, Some(Sandbox::ReadOnly));
    assert_eq!(fs::metadata(&got.path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_continuation_can_be_made_on_one_thread_and_used_on_another() {
    fn is_send<T: Send>() {}
    is_send::<Continuation>();
}

#[test]
fn an_unknown_id_makes_nothing_at_all() {
    let home = Home::empty();
    assert!(home.rehydrate(source_id()).unwrap().is_none());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn an_old_id_leads_to_the_turns_made_since() {
    let home = Home::with_a_thread();
    let mut first = home.rehydrate(source_id()).unwrap().unwrap();
    turn("and green", "green noted").iter().for_each(|draft| first.writer.append(draft).unwrap());
    first.writer.sync().unwrap();
    let second_id = first.id;
    drop(first);
    let third = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!((third.from, third.source_id), (source_id(), second_id));
    assert_eq!(texts(&third.history), [&SAID[..], &["and green", "green noted"]].concat());
    assert_eq!(third.notes, []);
    assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), third.id);
}

#[test]
fn a_death_before_the_first_turn_costs_no_settings() {
    let home = Home::with_a_thread();
    drop(home.rehydrate(source_id()).unwrap());
    let again = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!((&again.sandbox, &again.approval), (&Sandbox::ReadOnly, &Approval::Never));
    assert_eq!((again.model.as_deref(), again.effort.as_deref()), (Some("model-x"), Some("high")));
    assert_eq!(again.notes, []);
}

#[test]
fn continuations_of_continuations_do_not_grow() {
    let home = Home::with_a_thread();
    let sizes: Vec<u64> =
        (0..6).map(|_| fs::metadata(home.rehydrate(source_id()).unwrap().unwrap().path).unwrap().len()).collect();
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
}

#[test]
fn when_the_newest_continuation_is_gone_the_one_before_goes_on_and_that_is_told() {
    let home = Home::with_a_thread();
    let lost = home.rehydrate(source_id()).unwrap().unwrap();
    fs::remove_file(&lost.path).unwrap();
    drop(lost);
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(got.source_id, source_id());
    assert_eq!(kinds(&got), [NoteKind::AliasDangling]);
    assert!(owed_text(&got.notes).unwrap().contains("without what was said since"));
    assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), got.id, "the newest alias wins");
}

#[test]
fn a_turn_without_an_end_is_kept_with_its_call_answered_and_told() {
    let home = Home::empty();
    let mut records = vec![home.meta(), home.context()];
    records.extend(turn("remember blue", "blue noted"));
    records.extend([Draft::task_started("2"), Draft::user_item("list the files")]);
    let call = json!({"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1"});
    records.push(Draft::response_item(call));
    home.write(source_id(), &records);
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(texts(&got.history), ["remember blue", "blue noted", "list the files"]);
    let last = got.history.last().unwrap();
    assert_eq!((last["call_id"].as_str(), last["output"].as_str()), (Some("c1"), Some("aborted")));
    assert_eq!(kinds(&got), [NoteKind::Cut]);
}

#[test]
fn what_is_lost_is_told_with_file_and_byte() {
    let home = Home::with_a_thread();
    let path = home.rollout(source_id());
    let mut bytes = fs::read(&path).unwrap();
    let torn_at = bytes.len() as u64;
    let torn = Draft::user_item("and green").line(Timestamp::UNIX_EPOCH, None);
    bytes.extend(&torn[..torn.len() / 2]);
    fs::write(&path, &bytes).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(texts(&got.history), SAID);
    let note = got.notes.iter().find(|note| note.kind == NoteKind::Lost).unwrap();
    assert_eq!((note.file.as_ref(), note.byte), (Some(&path), Some(torn_at)));
    assert!(owed_text(&got.notes).unwrap().starts_with("[rehydra] something of the conversation is lost"));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_full_of_losses_is_told_in_a_few_notes() {
    let home = Home::with_a_thread();
    let path = home.rollout(source_id());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend("not a record\n".repeat(5_000).bytes());
    fs::write(&path, bytes).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    let lost: Vec<_> = got.notes.iter().filter(|note| note.kind == NoteKind::Lost).collect();
    assert_eq!(lost.len(), crate::limits::NOTES_OF_A_KIND + 1);
    assert!(lost.last().unwrap().text.starts_with("4984 more losses"), "{}", lost.last().unwrap().text);
}

#[test]
fn a_ceiling_narrows_the_continuation_and_that_is_told() {
    let home = Home::empty();
    let wide = TurnContext {
        cwd: Some(home.cwd()),
        sandbox: Some(Sandbox::DangerFullAccess),
        approval: Some(Approval::Never),
        ..TurnContext::default()
    };
    let mut records = vec![home.meta(), Draft::turn_context("1", &wide)];
    records.extend(turn("remember blue", "blue noted"));
    home.write(source_id(), &records);
    let ceiling = Ceiling { sandbox: Some(Sandbox::ReadOnly), approval: Some(Approval::OnRequest) };
    let options = Options { ceiling, ..home.options() };
    let got = try_rehydrate_from_disk(&World::real(), &home.path(), source_id(), &options).unwrap().unwrap();
    assert_eq!((&got.sandbox, &got.approval), (&Sandbox::ReadOnly, &Approval::OnRequest));
    assert_eq!(kinds(&got), [NoteKind::Narrowed, NoteKind::Narrowed]);
    let written = read_history(&RealDisk, &got.path).unwrap().turn_context.unwrap();
    assert_eq!((written.sandbox, written.approval), (Some(Sandbox::ReadOnly), Some(Approval::OnRequest)));
}

#[test]
fn without_a_turn_context_the_thread_goes_on_read_only_and_says_so() {
    let home = Home::empty();
    home.write(source_id(), &[vec![home.meta()], turn("remember blue", "blue noted")].concat());
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!((&got.sandbox, &got.approval), (&Sandbox::ReadOnly, &Approval::OnRequest));
    assert_eq!(kinds(&got), [NoteKind::NoTurnContext]);
    assert_eq!(got.model, None);
}

#[test]
fn a_cwd_that_is_gone_is_kept_and_told() {
    let home = Home::with_a_thread();
    fs::remove_dir(home.cwd()).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(got.cwd, Some(home.cwd()));
    assert_eq!(kinds(&got), [NoteKind::CwdMissing]);
    assert_eq!(read_session_meta_line(&RealDisk, &got.path).unwrap().cwd, Some(home.cwd()));
}

#[test]
fn a_bare_file_without_a_cwd_goes_on_in_the_servers_and_says_so() {
    let home = Home::empty();
    let path = home.write(source_id(), &[]);
    let item = crate::rollout::draft::message("user", "hello");
    fs::write(path, format!("{}\n{item}\n", json!({"id": source_id().to_string(), "timestamp": "t"}))).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(got.cwd, None);
    assert!(kinds(&got).contains(&NoteKind::CwdUnknown), "{:?}", got.notes);
    assert_eq!(read_session_meta_line(&RealDisk, &got.path).unwrap().cwd, Some("/server".into()));
}

#[test]
fn an_alias_that_cannot_be_written_costs_a_note_and_not_the_reply() {
    let home = Home::with_a_thread();
    fs::create_dir_all(aliases_path(&home.path())).unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(texts(&got.history), SAID);
    assert_eq!(kinds(&got), [NoteKind::AliasUnreadable, NoteKind::AliasUnwritable]);
}

#[test]
fn a_home_without_room_for_locks_still_rehydrates_and_says_so() {
    let home = Home::with_a_thread();
    fs::write(home.path().join("rehydra"), "a file where a directory should be").unwrap();
    let got = home.rehydrate(source_id()).unwrap().unwrap();
    assert_eq!(texts(&got.history), SAID);
    assert!(!got.loaded.is_held());
    assert!(kinds(&got).contains(&NoteKind::LockUnavailable), "{:?}", got.notes);
    assert!(kinds(&got).contains(&NoteKind::AliasUnwritable), "{:?}", got.notes);
}

#[test]
fn what_cannot_be_continued_is_an_error_with_a_kind_and_leaves_nothing() {
    let line = |extra: Value| {
        let mut payload = json!({"id": source_id().to_string(), "cwd": "/p"});
        payload.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        format!("{}\n", json!({"timestamp": "2026-01-02T03:04:05.000Z", "type": "session_meta", "payload": payload}))
    };
    for (kind, text) in
        [(ErrorKind::NoMeta, String::new()), (ErrorKind::UnknownHistoryMode, line(json!({"history_mode": "remote"})))]
    {
        let home = Home::empty();
        fs::write(home.write(source_id(), &[]), text).unwrap();
        let error = home.rehydrate(source_id()).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(error.file, Some(home.rollout(source_id())));
        assert_eq!(home.continuations(), Vec::<std::path::PathBuf>::new());
        assert!(!aliases_path(&home.path()).exists());
    }
}

#[test]
fn a_file_that_names_another_thread_is_continued_as_codex_does_and_told() {
    let home = Home::with_a_thread();
    let other = ThreadId::parse("01a203fe-0000-7000-8000-000000000001").unwrap();
    fs::copy(home.rollout(source_id()), home.rollout(other)).unwrap();
    let got = home.rehydrate(other).unwrap().unwrap();
    assert_eq!((got.from, got.source_id), (other, source_id()));
    assert_eq!(kinds(&got), [NoteKind::IdMismatch]);
    assert_eq!(resolve(&RealDisk, &home.path(), other).unwrap(), got.id);
    assert_eq!(resolve(&RealDisk, &home.path(), source_id()).unwrap(), source_id());
}

#[test]
fn a_rollout_from_elsewhere_can_be_resumed_by_its_path_without_an_alias() {
    let (home, other) = (Home::empty(), Home::with_a_thread());
    let source = other.rollout(source_id());
    let got =
        resume_thread_from_rollout(&World::real(), &home.path(), &source, Extent::Whole, &home.options()).unwrap();
    assert_eq!(got.from, source_id());
    assert_eq!(texts_of(&got.path), SAID);
    assert!(got.path.starts_with(home.path()));
    assert!(!aliases_path(&home.path()).exists());
}
