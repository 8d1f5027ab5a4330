//! Copies of healthy and damaged threads, read again.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::*;
use crate::rollout::draft::{Draft, message};
use crate::rollout::generate::{Generated, Spec, generate};
use crate::rollout::history::{Entry, Fate, NotSent, read_transcript};
use crate::rollout::mutate::{Mutator, Where, apply_all};
use crate::rollout::{Era, History, Item, ThreadId, find_thread_path, read_whole_history};
use crate::world::{RealDisk, World};

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

fn id() -> ThreadId {
    ThreadId::parse(ID).unwrap()
}

fn generated(era: Era) -> Generated {
    let spec = Spec {
        turns: 4,
        era,
        seed: 7,
        tools: 1,
        interrupted: true,
        compaction: Some(2),
        sandbox: "workspace-write".to_owned(),
        approval: "on-request".to_owned(),
        ..Spec::default()
    };
    generate(&spec, id(), "/a/project", Timestamp::from_second(1_795_363_327).unwrap())
}

/// A home with one rollout.
struct Home {
    dir: tempfile::TempDir,
    source: PathBuf,
}

impl Home {
    fn with(bytes: &[u8], compressed: bool) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let mut source = dir.path().join("from").join(generated(Era::Envelope).path);
        if compressed {
            source.set_extension("jsonl.zst");
        }
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(&source, bytes).unwrap();
        Home { dir, source }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn request(&self, destination: Destination) -> Request {
        let fallback = Fallback { cwd: "/fallback".into(), model_provider: "some".to_owned() };
        Request { source: self.source.clone(), destination, keep_id: false, form: Form::Live, fallback }
    }

    fn repair(&self, destination: Destination) -> Result<Repaired, RepairError> {
        repair(&World::real(), &self.request(destination))
    }
}

/// The items, each as its value: the copy may write one in another spelling.
fn texts(history: &History) -> Vec<serde_json::Value> {
    history.items.iter().map(Item::value).collect()
}

fn read(path: &Path) -> History {
    read_whole_history(&RealDisk, path).unwrap()
}

#[test]
fn every_class_of_damage_in_every_era_becomes_a_file_without_any() {
    let mut repaired_files = 0;
    for era in Era::ALL {
        let whole = generated(era).bytes;
        for mutator in Mutator::all().filter(|mutator| mutator.applies_to(era)) {
            let case = format!("{} in {era:?}", mutator.name());
            let mutated = mutator.apply(&whole, Where::Seed(3));
            let home = Home::with(&mutated.bytes, mutated.compressed);
            let Ok(source) = read_whole_history(&RealDisk, &home.source) else {
                let error = home.repair(Destination::Home(home.at("to"))).unwrap_err();
                assert!(matches!(error.kind, RepairErrorKind::Unreadable(_)), "{case}: {error}");
                assert!(!home.at("to").exists(), "{case}");
                continue;
            };
            let repaired = home.repair(Destination::Home(home.at("to"))).unwrap();
            let copy = read(&repaired.path);
            assert_eq!(copy.damage, vec![], "{case}");
            assert_eq!(texts(&copy), texts(&source), "{case}");
            assert_eq!(copy.meta.id, repaired.id, "{case}");
            assert_eq!(repaired.damage, source.damage, "{case}");
            assert!(repaired.is_lossy() >= source.is_lossy(), "{case}");
            assert_eq!(std::fs::read(&home.source).unwrap(), mutated.bytes, "{case}");
            repaired_files += 1;
        }
    }
    assert!(repaired_files > 3 * Era::ALL.len(), "{repaired_files}");
}

/// What a thread ever said, in order: its text, and what became of it.
fn said(path: &Path) -> Vec<(serde_json::Value, &'static str)> {
    let transcript = read_transcript(&RealDisk, None, path).unwrap().map(Result::unwrap);
    let usable = |entry: &Entry| !matches!(entry.fate, Fate::NotSent(NotSent::Unusable | NotSent::Orphan));
    // The answer to a call that has none is made up, and stands in the copy.
    let made_up = |value: &serde_json::Value| value.get("output").is_some_and(|output| output == "aborted");
    let fate = |fate: &Fate| match fate {
        Fate::Live => "live",
        Fate::CompactedAway(_) => "compacted away",
        Fate::RolledBack(_) => "rolled back",
        Fate::NotSent(_) => "not sent",
    };
    let said = transcript.filter(usable).map(|entry| (entry.value(), fate(&entry.fate)));
    said.filter(|(value, _)| !made_up(value)).collect()
}

#[test]
fn a_complete_copy_says_all_that_was_ever_said_and_sends_the_same() {
    let mut kinds = std::collections::HashSet::new();
    for era in Era::ALL {
        for (compaction, summary_only) in [(Some(2), false), (Some(2), true), (None, false)] {
            let spec = Spec {
                turns: 5,
                era,
                seed: 9,
                tools: 1,
                reasoning: true,
                aborted: true,
                rolled_back: if era == Era::Paginated { 0 } else { 2 },
                interrupted: true,
                compaction,
                summary_only,
                ..Spec::default()
            };
            let whole = generate(&spec, id(), "/a/project", Timestamp::from_second(1_795_363_327).unwrap()).bytes;
            let damages = ["invalid-utf8", "record-duplicated", "torn-tail"].map(Mutator::named).into_iter().flatten();
            let chosen: Vec<_> = damages.map(|mutator| (mutator, Where::Seed(5))).collect();
            for bytes in [whole.clone(), apply_all(&chosen, &whole).bytes] {
                let case = format!("{era:?}, {compaction:?}, {summary_only}, {} bytes", bytes.len());
                let home = Home::with(&bytes, false);
                let request = Request { form: Form::Complete, ..home.request(Destination::Home(home.at("to"))) };
                let repaired = repair(&World::real(), &request).unwrap();
                let (copy, source) = (read(&repaired.path), read(&home.source));
                assert_eq!(copy.damage, vec![], "{case}");
                assert_eq!(texts(&copy), texts(&source), "{case}");
                assert_eq!((copy.complete_turns, &copy.cwd), (source.complete_turns, &source.cwd), "{case}");
                let (ours, theirs) = (said(&repaired.path), said(&home.source));
                assert_eq!(ours, theirs, "{case}");
                let past = theirs.iter().filter(|(_, fate)| ["compacted away", "rolled back"].contains(fate)).count();
                assert_eq!(repaired.past, Some(past as u64), "{case}");
                kinds.extend(theirs.into_iter().map(|(_, fate)| fate));
            }
        }
    }
    assert!(["live", "compacted away", "rolled back"].iter().all(|fate| kinds.contains(fate)), "{kinds:?}");
}

#[test]
fn a_complete_copy_keeps_the_times_and_the_turns_of_a_thread() {
    let home = Home::with(&generated(Era::Envelope).bytes, false);
    let request = Request { form: Form::Complete, ..home.request(Destination::File(home.at("copy.jsonl"))) };
    repair(&World::real(), &request).unwrap();
    let lines = |path: &Path| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let turns = |path: &Path| -> Vec<(serde_json::Value, serde_json::Value)> {
        let is = |line: &serde_json::Value| {
            line["payload"]["type"]
                .as_str()
                .is_some_and(|kind| ["task_started", "task_complete", "message"].contains(&kind))
        };
        lines(path).into_iter().filter(is).map(|line| (line["timestamp"].clone(), line["payload"].clone())).collect()
    };
    assert_eq!(turns(&home.at("copy.jsonl")), turns(&home.source));
}

#[test]
fn a_thread_of_several_files_becomes_one() {
    let base = generated(Era::Paginated).bytes;
    let ordinal = base.iter().filter(|byte| **byte == b'\n').count() as u64;
    let home = Home::with(&base, false);
    let segment = "01a203fe-4f82-7021-8336-6f3d36f211b5";
    let meta = serde_json::json!({
        "id": ID, "timestamp": "2026-11-22T16:03:07.000Z", "cwd": "/a/project", "originator": "codex_exec",
        "cli_version": "0.153.4", "source": "exec", "model_provider": "stub", "history_mode": "paginated",
        "history_base": {"thread_id": ID, "end_ordinal_exclusive": ordinal, "end_byte_offset": base.len()},
    });
    let more = [
        Draft::other("session_meta", meta),
        Draft::user_item("And the colours?"),
        Draft::response_item(message("assistant", "Those that you named.")),
    ];
    let bytes: Vec<u8> =
        (ordinal..).zip(&more).flat_map(|(ordinal, draft)| draft.line(Timestamp::UNIX_EPOCH, Some(ordinal))).collect();
    let head = home.source.with_file_name(format!("rollout-2026-11-22T16-03-07-{ID}_{segment}.jsonl"));
    std::fs::write(&head, bytes).unwrap();
    let source = read(&head);
    assert!(source.files.len() == 2 && source.damage.is_empty(), "{source:?}");
    for form in [Form::Live, Form::Complete] {
        let to = home.at(&format!("{form:?}"));
        let request = Request { source: head.clone(), form, ..home.request(Destination::Home(to)) };
        let repaired = repair(&World::real(), &request).unwrap();
        let copy = read(&repaired.path);
        assert_eq!((copy.files.len(), copy.damage.len(), repaired.is_lossy()), (1, 0, false), "{form:?}");
        assert_eq!(texts(&copy), texts(&source), "{form:?}");
        assert_eq!(repaired.past.is_some(), form == Form::Complete);
        if form == Form::Complete {
            assert_eq!(said(&repaired.path), said(&head));
        }
    }
}

#[test]
fn a_base_that_is_gone_is_told_and_the_rest_is_kept() {
    // Without a compaction, which would make what was before it irrelevant.
    let spec = Spec { turns: 2, era: Era::Paginated, ..Spec::default() };
    let base = generate(&spec, id(), "/a/project", Timestamp::from_second(1_795_363_327).unwrap()).bytes;
    let home = Home::with(&base, false);
    let text = String::from_utf8(base).unwrap();
    let named = format!(
        "\"history_mode\":\"paginated\",\"history_base\":{{\"thread_id\":\"{}\",\"end_ordinal_exclusive\":9,\"end_byte_offset\":999}}",
        "01a203fe-4f82-7021-8336-6f3d36f211b5"
    );
    std::fs::write(&home.source, text.replacen("\"history_mode\":\"paginated\"", &named, 1)).unwrap();
    let source = read(&home.source);
    assert!(source.is_lossy(), "{:?}", source.damage);
    let repaired = home.repair(Destination::Home(home.at("to"))).unwrap();
    let copy = read(&repaired.path);
    assert!(repaired.is_lossy() && copy.damage.is_empty());
    assert_eq!(texts(&copy), texts(&source));
}

#[test]
fn a_copy_has_an_id_of_its_own_the_settings_of_the_thread_and_can_be_found() {
    let home = Home::with(&generated(Era::Paginated).bytes, false);
    let repaired = home.repair(Destination::Home(home.at("to"))).unwrap();
    assert_ne!(repaired.id, id());
    assert_eq!(find_thread_path(&RealDisk, &home.at("to"), repaired.id).unwrap(), Some(repaired.path.clone()));
    let (copy, source) = (read(&repaired.path), read(&home.source));
    assert_eq!((copy.turn_context, copy.cwd), (source.turn_context, source.cwd));
    assert_eq!((copy.meta.originator, copy.meta.cli_version), (source.meta.originator, source.meta.cli_version));
    assert_eq!((copy.meta.model_provider, copy.meta.forked_from_id), (source.meta.model_provider, Some(id())));
    assert_eq!((copy.meta.raw["source"].as_str(), copy.meta.history_mode), (Some("exec"), None));
    assert_eq!((repaired.turns, repaired.filled.len(), repaired.is_lossy()), (4, 0, false));
}

#[test]
fn what_nothing_says_is_filled_and_told() {
    let bare = format!("{{\"id\":\"{ID}\",\"timestamp\":\"t\"}}\n");
    let home = Home::with(bare.as_bytes(), false);
    let repaired = home.repair(Destination::Home(home.at("to"))).unwrap();
    let copy = read(&repaired.path);
    assert_eq!((copy.meta.cwd, copy.meta.model_provider), (Some("/fallback".into()), Some("some".to_owned())));
    let fields: Vec<_> = repaired.filled.iter().map(|filled| filled.field).collect();
    assert_eq!((fields, repaired.is_lossy()), (vec!["cwd", "model_provider"], true));
}

#[test]
fn the_id_is_kept_only_where_the_thread_is_not() {
    let home = Home::with(&generated(Era::Envelope).bytes, false);
    let keeping = |destination| Request { keep_id: true, ..home.request(destination) };
    let same_home = keeping(Destination::Home(home.at("from")));
    let error = repair(&World::real(), &same_home).unwrap_err();
    assert!(matches!(error.kind, RepairErrorKind::Exists | RepairErrorKind::IdTaken(_)), "{error}");
    let beside = keeping(Destination::File(home.source.with_file_name("copy.jsonl")));
    assert!(matches!(repair(&World::real(), &beside).unwrap_err().kind, RepairErrorKind::IdTaken(_)));
    let other_home = keeping(Destination::Home(home.at("to")));
    let repaired = repair(&World::real(), &other_home).unwrap();
    let below = home.source.strip_prefix(home.at("from")).unwrap();
    assert_eq!((repaired.id, repaired.path), (id(), home.at("to").join(below)));
    let again = repair(&World::real(), &other_home).unwrap_err();
    assert!(matches!(again.kind, RepairErrorKind::Exists), "{again}");
}

#[test]
fn a_file_is_never_overwritten_and_its_name_decides_the_id() {
    let home = Home::with(&generated(Era::Envelope).bytes, false);
    let taken = home.at("taken.jsonl");
    std::fs::write(&taken, "theirs").unwrap();
    let error = home.repair(Destination::File(taken.clone())).unwrap_err();
    assert!(matches!(error.kind, RepairErrorKind::Exists), "{error}");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "theirs");
    let error = home.repair(Destination::File(home.source.clone())).unwrap_err();
    assert!(matches!(error.kind, RepairErrorKind::Exists | RepairErrorKind::Name(_)), "{error}");
    let named = "01a203fe-4f82-7021-8336-6f3d36f211b5";
    let repaired =
        home.repair(Destination::File(home.at(&format!("rollout-2026-11-22T16-02-07-{named}.jsonl")))).unwrap();
    assert_eq!(repaired.id.to_string(), named);
    for refused in [
        format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"),
        format!("rollout-2026-11-22T16-02-08-{ID}_{named}.jsonl"),
        format!("rollout-2026-11-22T16-02-08-{named}.jsonl.zst"),
    ] {
        let error = home.repair(Destination::File(home.at(&refused))).unwrap_err();
        assert!(matches!(error.kind, RepairErrorKind::Name(_)), "{refused}: {error}");
    }
}

#[test]
fn a_destination_that_is_a_home_is_told_from_one_that_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let dotted = dir.path().join("my.home");
    assert_eq!(Destination::of(&dotted), Destination::File(dotted.clone()));
    std::fs::create_dir(&dotted).unwrap();
    assert_eq!(Destination::of(&dotted), Destination::Home(dotted));
    assert_eq!(Destination::of(Path::new("/x/.codex")), Destination::Home("/x/.codex".into()));
}
