//! Every way to cut and to reorder the recorded files, one by one.
//!
//! Sampling finds what is common; a torn write happens at one byte. So each recording up to [`SMALL`] is read at every
//! byte of its length, a larger one at every byte of its last records and around each line's end; each of their lines is
//! deleted, doubled and swapped with the next. What must hold is known without any reader: the records that stand whole
//! in what is left, as they are, and every other byte told as damage.
//!
//! That is a quarter of a million files. It is a package of its own, on the library without its harness, because it
//! takes half an hour without optimisation and seconds with it, and the library alone is optimised quickly:
//!
//! ```sh
//! cargo test --manifest-path tests/exhaustive/Cargo.toml --target-dir target
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rehydra::rollout::history::read_transcript_bytes;
use rehydra::rollout::manifest::{Fixture, Manifest, OtherFile};
use rehydra::rollout::meta::{ReadError, ReadErrorKind};
use rehydra::rollout::read_history_bytes;
use rehydra::rollout::reader::{Found, Reader};

/// Files up to this length are cut at every byte.
const SMALL: usize = 12_000;
/// Of larger ones, that many records at the end are.
const LAST: usize = 5;

/// A recording: where it lay in its home, and its bytes.
struct File {
    name: String,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn recordings() -> Vec<File> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let manifest = fs::read(dir.join("manifest.json")).unwrap();
    let all = serde_json::from_slice::<Manifest>(&manifest).unwrap().fixtures;
    let files = all.iter().flat_map(Fixture::files).filter(|file| file.file.ends_with(".jsonl"));
    let read = |OtherFile { file, file_name, .. }: OtherFile| {
        let bytes = fs::read(dir.join(&file)).unwrap();
        File { name: file, path: file_name.into(), bytes }
    };
    files.map(read).collect()
}

/// Does something with each recording, on all cores.
fn each(check: impl Fn(&File) + Sync) {
    let files = recordings();
    assert!(files.len() > 40, "{} recordings", files.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(file);
                }
            });
        }
    });
}

/// The lines of a text, each with its newline.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The records of a text, as they stand there. Every byte is in one of them, white space, or told as damage.
fn records(bytes: &[u8], about: &str) -> Vec<String> {
    let mut untold = bytes.to_vec();
    let mut records = Vec::new();
    for found in Reader::from_bytes(bytes.to_vec()) {
        let place = match found.unwrap() {
            Found::Record(record) => {
                records.push(record.raw().to_owned());
                record.bytes
            }
            Found::Damage(damage) => damage.bytes,
        };
        untold[place.start as usize..place.end as usize].fill(b' ');
    }
    assert!(untold.iter().all(u8::is_ascii_whitespace), "{about}: {}", String::from_utf8_lossy(&untold));
    records
}

/// What was said, as it stands in the file. A file in which nothing is left says nothing.
fn said(file: &File, bytes: &[u8], about: &str) -> Vec<String> {
    let nothing = |error: &ReadError| matches!(error.kind, ReadErrorKind::NoMeta | ReadErrorKind::Empty);
    match read_history_bytes(bytes.to_vec(), &file.path) {
        Ok(history) => assert!(history.complete_items <= history.items.len(), "{about}"),
        Err(error) => assert!(nothing(&error), "{about}: {error}"),
    }
    match read_transcript_bytes(bytes.to_vec(), &file.path) {
        Ok(transcript) => transcript.map(|entry| entry.unwrap().raw().to_owned()).collect(),
        Err(error) if nothing(&error) => Vec::new(),
        Err(error) => panic!("{about}: {error}"),
    }
}

/// Line 1 of a bare file.
fn is_bare_head(line: &str) -> bool {
    line.starts_with("{\"id\":")
}

/// Where a file is cut.
fn cuts(bytes: &[u8]) -> Vec<usize> {
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    let whole_from = match bytes.len() {
        0..=SMALL => 0,
        _ => ends.len().checked_sub(LAST + 1).map_or(0, |before| ends[before]),
    };
    let around = ends.iter().flat_map(|end| end.saturating_sub(2)..=end + 2);
    let mut cuts: Vec<usize> = around.chain(whole_from..=bytes.len()).filter(|at| *at <= bytes.len()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[test]
fn a_file_cut_anywhere_keeps_its_whole_records_and_says_the_beginning_of_what_it_said() {
    each(|file| {
        let all = records(&file.bytes, &file.name);
        let all_said = said(file, &file.bytes, &file.name);
        let whole: Vec<&str> = lines(&file.bytes).iter().map(|line| str::from_utf8(line).unwrap().trim_end()).collect();
        assert_eq!(all, whole, "{}", file.name);
        for cut in cuts(&file.bytes) {
            let about = format!("{} cut at byte {cut}", file.name);
            let left = &file.bytes[..cut];
            let mut end = 0;
            let standing = whole.iter().take_while(|line| {
                let fits = end + line.len() <= cut;
                end += line.len() + 1;
                fits
            });
            assert_eq!(records(left, &about), all[..standing.count()], "{about}");
            let said = said(file, left, &about);
            assert_eq!(said, all_said[..said.len()], "{about}");
        }
    });
}

#[test]
fn a_line_deleted_doubled_or_swapped_changes_no_other() {
    each(|file| {
        let whole = lines(&file.bytes);
        for at in 0..whole.len() {
            let mut deleted = whole.clone();
            deleted.remove(at);
            let mut doubled = whole.clone();
            doubled.insert(at, whole[at]);
            let mut swapped = whole.clone();
            swapped.swap(at, (at + 1).min(whole.len() - 1));
            for (how, edited) in [("deleted", deleted), ("doubled", doubled), ("swapped", swapped)] {
                let about = format!("{}: line {} {how}", file.name, at + 1);
                let bytes = edited.concat();
                let left = edited.iter().map(|line| str::from_utf8(line).unwrap().trim_end());
                // A bare file has one head; a second is told and counts for nothing.
                let mut heads = 0;
                let left = left.filter(|line| {
                    heads += usize::from(is_bare_head(line));
                    !is_bare_head(line) || heads == 1
                });
                let left: Vec<&str> = left.collect();
                assert_eq!(records(&bytes, &about), left, "{about}");
                said(file, &bytes, &about);
            }
        }
    });
}
