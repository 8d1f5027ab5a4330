//! Every recording in `fixtures/`: what its manifest says of it, and what a reader must get of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::recorded::{all, dir};
use super::*;
use crate::marker;
use crate::rollout::{Era, History, ThreadId, find_thread_path, read_history_in};
use crate::world::RealDisk;

/// Our texts have fewer words, and so has what Codex says of an environment.
const MOST_WORDS: usize = 30;

fn text_of(file: &str) -> String {
    let bytes = fs::read(dir().join(file)).unwrap();
    let bytes = if file.ends_with(".zst") { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes };
    String::from_utf8(bytes).unwrap()
}

/// Puts a recording into a home and reads its thread there.
fn read_in_a_home(fixture: &Fixture, cwd: &str) -> (PathBuf, History) {
    let home = tempfile::tempdir().unwrap();
    // What is compressed is unpacked, so that the directory can be put into it.
    let plain = |f: OtherFile| (f.file_name.trim_end_matches(".zst").into(), text_of(&f.file).into_bytes());
    let before: BTreeMap<PathBuf, Vec<u8>> = fixture.files().map(plain).collect();
    let filled = |(path, bytes): (&PathBuf, &Vec<u8>)| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        (path.clone(), text.replace(CWD_PLACEHOLDER, cwd).into_bytes())
    };
    let after = before.iter().map(filled).collect();
    for (path, bytes) in tell_base_lengths(&before, &after) {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let id = ThreadId::parse(&fixture.id).unwrap();
    let found = find_thread_path(&RealDisk, home.path(), id).unwrap().expect("the thread's file");
    let history = read_history_in(&RealDisk, home.path(), &found).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
    (found.strip_prefix(home.path()).unwrap().to_owned(), history)
}

#[test]
fn every_recording_is_what_its_manifest_says() {
    for fixture in all() {
        let name = &fixture.name;
        for OtherFile { file, sha256, file_name } in fixture.files() {
            let digest = Sha256::digest(fs::read(dir().join(&file)).unwrap());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, sha256, "{file}");
            assert!(file_name.starts_with("sessions/") || file_name.starts_with("archived_sessions/"), "{file_name}");
        }
        let text = text_of(&fixture.file);
        assert!(fixture.file_name.contains(&fixture.id), "{name}");
        assert!(text.lines().next().unwrap().contains(&fixture.id), "{name}");
        assert_eq!(text.contains(CWD_PLACEHOLDER), !fixture.cwd.is_empty(), "{name}");
        let (file_name, made_by, id) = (&fixture.file_name, &fixture.made_by, &fixture.id);
        let shown = Shown { text: &text, file_name, made_by, id };
        let holds: Vec<_> = Feature::ALL.into_iter().filter(|feature| feature.is_in(shown)).collect();
        assert_eq!(fixture.holds, holds, "{name}");
        assert_eq!(fixture.truth, Truth::Resumed, "{name}");
    }
}

#[test]
fn every_recording_reads_as_the_history_that_codex_sent() {
    let wrong: Vec<_> = all().iter().flat_map(misread).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a recording reads as that its manifest says otherwise.
fn misread(fixture: &Fixture) -> Vec<String> {
    let cwd = "/a/project/somewhere";
    let (found, history) = read_in_a_home(fixture, cwd);
    let markers: Vec<_> = history.items.iter().flat_map(|item| marker::find(item.raw())).collect();
    let cwd = match fixture.cwd.as_str() {
        "" => None,
        _ => Some(cwd),
    };
    let mut wrong = Vec::new();
    let mut hold = |right: bool, what: String| {
        if !right {
            wrong.push(format!("{}: {what}", fixture.name));
        }
    };
    hold(found == Path::new(fixture.file_name.trim_end_matches(".zst")), format!("found as {}", found.display()));
    hold(markers == fixture.markers, format!("{markers:?} instead of {:?}", fixture.markers));
    hold(history.complete_turns == fixture.turns, format!("{} turns, not {}", history.complete_turns, fixture.turns));
    hold(history.cwd.as_deref() == cwd.map(Path::new), format!("in {:?}", history.cwd));
    hold(!history.is_lossy(), format!("{:?}", history.damage));
    let context = history.turn_context.clone().unwrap_or_default();
    let sandbox = context.sandbox.map(|sandbox| sandbox.name().to_owned());
    let approval = context.approval.map(|approval| approval.name().to_owned());
    hold(sandbox == fixture.sandbox && approval == fixture.approval, format!("{sandbox:?}, {approval:?}"));
    wrong
}

#[test]
fn every_era_has_every_feature_that_it_knows() {
    use Feature::*;
    let shown: BTreeSet<_> = all().into_iter().flat_map(|f| f.holds.into_iter().map(move |h| (f.era, h))).collect();
    let wanted: [(Era, &[Feature]); 4] = [
        (Era::Bare, &[FunctionCall, EncryptedReasoning]),
        (
            Era::Envelope,
            &[
                FunctionCall,
                CustomToolCall,
                EncryptedReasoning,
                Image,
                DanglingCall,
                TurnAborted,
                CompactionWithoutHistory,
                CompactionWithHistory,
                RolledBack,
                ForkByCopy,
                Archived,
            ],
        ),
        (Era::WorldState, &[FunctionCall, EncryptedReasoning, CompactionWithHistory, LegacyAmongPaginated]),
        (
            Era::Paginated,
            &[
                FunctionCall,
                CustomToolCall,
                EncryptedReasoning,
                Image,
                DanglingCall,
                TurnAborted,
                CompactionWithHistory,
                ForkByReference,
                RevertedSegment,
                Archived,
                Compressed,
                Migrated,
            ],
        ),
    ];
    let wanted = wanted.iter().flat_map(|(era, features)| features.iter().map(|feature| (Some(*era), *feature)));
    let absent: Vec<_> = wanted.filter(|cell| !shown.contains(cell)).collect();
    assert!(absent.is_empty(), "no recording shows {absent:?}");
    let versions: BTreeSet<_> = all().into_iter().map(|fixture| fixture.codex).collect();
    assert!(versions.len() >= 12, "{versions:?}");
}

#[test]
fn there_is_one_recording_for_each_file() {
    let mut named: Vec<_> = all().iter().flat_map(Fixture::files).map(|f| f.file).collect();
    let on_disk = fs::read_dir(dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut on_disk: Vec<_> = on_disk.filter(|name| name.contains(".jsonl")).collect();
    named.sort();
    on_disk.sort();
    assert_eq!(named, on_disk);
}

#[test]
fn no_recording_names_a_machine_or_holds_a_text_that_is_not_ours() {
    for file in all().iter().flat_map(Fixture::files).map(|f| f.file) {
        let text = text_of(&file);
        for name in ["/root/", "/home/", "/tmp/", "rehydra-token"] {
            assert!(!text.contains(name), "{file} holds {name}");
        }
        for line in text.lines() {
            let longest = words(&serde_json::from_str(line).unwrap());
            assert!(longest <= MOST_WORDS, "{file} holds a text of {longest} words: {line}");
        }
    }
}

/// The number of words of the longest text.
fn words(value: &Value) -> usize {
    match value {
        Value::String(text) => text.split_whitespace().count(),
        Value::Array(all) => all.iter().map(words).max().unwrap_or(0),
        Value::Object(all) => all.values().map(words).max().unwrap_or(0),
        _ => 0,
    }
}
