//! The fuzzer's corpus, run through its own oracles without the fuzzer: every file as it is, and changed a little.
//!
//! `fuzz/` holds the targets (`cargo fuzz run reader`); what they found interesting and is small stands in `fuzz/corpus`.
//! Where the fuzzer's toolchain is missing, this is what keeps a mended fault mended.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

#[path = "../fuzz/oracle/history.rs"]
mod history;
#[path = "../fuzz/oracle/memory.rs"]
mod memory;
#[path = "../fuzz/oracle/names.rs"]
mod names;
#[path = "../fuzz/oracle/reader.rs"]
mod reader;
#[path = "../fuzz/oracle/scenario.rs"]
mod scenario;

/// Each file is changed so many times.
const CHANGES: u32 = 8;
/// The whole corpus has at most that many bytes.
const CORPUS_BYTES: usize = 300_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn files(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = corpus().join(target);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.map(|path| (path.display().to_string(), fs::read(&path).expect("a file"))).collect();
    files.sort();
    assert!(files.len() >= 5, "{} holds no corpus", dir.display());
    files
}

/// Takes bytes out, doubles them or overwrites them at up to three places.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, any::<u8>(), 0u8..3), 1..4)
}

fn changed(bytes: &[u8], changes: &[(prop::sample::Index, usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, len, byte, how) in changes {
        let at = at.index(bytes.len() + 1);
        let end = (at + len).min(bytes.len());
        match how {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let twice = bytes[at..end].to_vec();
                bytes.splice(at..at, twice);
            }
            _ => bytes[at..end].iter_mut().take(1).for_each(|there| *there = *byte),
        }
    }
    bytes
}

fn run(target: &str, holds: impl Fn(&[u8]) + RefUnwindSafe) {
    for (name, bytes) in files(target) {
        catch_unwind(|| holds(&bytes)).unwrap_or_else(|_| panic!("{name} as it is"));
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CHANGES) };
        proptest!(config, |(changes in changes())| holds(&changed(&bytes, &changes)));
    }
}

#[test]
fn the_reader_accounts_for_every_byte_of_its_corpus() {
    run("reader", reader::holds);
}

#[test]
fn histories_of_the_corpus_are_paired_and_in_the_transcript() {
    run("history", history::holds);
}

#[test]
fn names_of_the_corpus_are_what_they_are_taken_for() {
    run("names", names::holds);
}

#[test]
fn scenarios_of_the_corpus_are_written_as_they_were_read() {
    run("scenario", scenario::holds);
}

#[test]
fn the_corpus_is_small() {
    let sizes = ["reader", "history", "names", "scenario"]
        .map(|target| files(target).iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
    assert!(sizes.iter().sum::<usize>() <= CORPUS_BYTES, "{sizes:?}: `cargo fuzz cmin`");
}
