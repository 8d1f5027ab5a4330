//! Homes and files, and what is told of them.

use std::fs;

use super::*;
use crate::world::RealDisk;

const ID: &str = "019aac16-5a98-7bc2-9ce0-fdcc76d9015a";
const OTHER: &str = "019aac16-5f82-7021-8336-6f3d36f211b5";
const THIRD: &str = "019aac16-6f82-7021-8336-6f3d36f211b6";

pub(super) fn meta(id: &str, more: &str) -> String {
    format!(
        "{{\"timestamp\":\"2025-11-22T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\",\
         \"timestamp\":\"2025-11-22T10:00:00.000Z\",\"cwd\":\"/project\",\"originator\":\"me\",\
         \"cli_version\":\"0.153.4\"{more}}}}}\n"
    )
}

pub(super) fn said(role: &str, text: &str) -> String {
    format!(
        "{{\"timestamp\":\"2025-11-22T10:00:01.000Z\",\"type\":\"response_item\",\"payload\":{{\"type\":\"message\",\
         \"role\":\"{role}\",\"content\":[{{\"type\":\"input_text\",\"text\":\"{text}\"}}]}}}}\n"
    )
}

fn path(id: &str) -> String {
    format!("sessions/2025/11/22/rollout-2025-11-22T10-00-00-{id}.jsonl")
}

pub(super) fn home(files: &[(&str, String)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

/// The survey, and the file names and verdicts in the order in which they were shown.
fn surveyed(home: &tempfile::TempDir, threads: usize) -> (HomeReport, Vec<String>) {
    let mut shown = Vec::new();
    let report = survey(&RealDisk, home.path(), threads, &mut |step| {
        shown.extend(
            step.file.map(|file| format!("{} {}", file.path.rsplit(['-', '/']).next().unwrap(), file.verdict.name())),
        );
        assert!(step.done <= step.of);
        true
    });
    (report, shown)
}

#[test]
fn a_home_is_summed_up_and_what_is_not_healthy_is_shown() {
    let torn = format!("{}{}{{\"timestamp\":\"t\",\"type\":\"response_it", meta(OTHER, ""), said("user", "x"));
    let base =
        format!(",\"history_mode\":\"paginated\",\"history_base\":{{\"thread_id\":\"{THIRD}\",\"end_byte_offset\":5}}");
    let home = home(&[
        (&path(ID), meta(ID, "") + &said("user", "x")),
        (&path(OTHER), torn),
        (&path(&format!("{ID}_{THIRD}")), meta(ID, &base.replace(THIRD, ID))),
        ("archived_sessions/rollout-2025-11-22T10-00-00-6b2ec6f1-53c1-4c2c-a9d5-2b0e0f0b0a3e.jsonl", String::new()),
        ("sessions/copy.jsonl", meta(ID, &base.replace(THIRD, "019aac16-0000-7000-8000-000000000000"))),
    ]);
    for threads in [1, 4] {
        let (report, shown) = surveyed(&home, threads);
        assert_eq!(shown, ["2b0e0f0b0a3e.jsonl unreadable", "6f3d36f211b5.jsonl lossy", "copy.jsonl lossy",]);
        assert_eq!((report.files, report.threads, report.segments, report.archived), (5, 3, 1, 1));
        assert_eq!((report.records, report.verdict()), (6, Verdict::Unreadable));
        assert_eq!(report.verdicts.get("healthy"), Some(&2));
        assert_eq!(report.eras.get("paginated"), Some(&2));
        assert_eq!((report.versions.get("0.153.4"), report.versions.get("unknown")), (Some(&4), Some(&1)));
        let classes: Vec<_> = report.classes.iter().map(|class| (class.class.as_str(), class.files)).collect();
        assert_eq!(classes, [("missing-base", 1), ("torn-tail", 1)]);
    }
}

#[test]
fn a_file_without_a_session_meta_is_never_healthy() {
    let home = home(&[(&path(ID), said("user", "x")), ("sessions/notes.jsonl", said("user", "x"))]);
    let (report, shown) = surveyed(&home, 2);
    assert_eq!(shown.len(), 2);
    assert_eq!((report.verdicts.get("lossy"), report.verdicts.get("unreadable")), (Some(&1), Some(&1)));
}

#[test]
fn a_compressed_file_is_read_as_what_it_unpacks_to() {
    let home = home(&[(&path(ID), meta(ID, "") + &said("user", "x") + &said("assistant", "y")[..90])]);
    let plain = home.path().join(path(ID));
    let packed = plain.with_extension("jsonl.zst");
    let told = |path: &std::path::Path| {
        let report = file(&RealDisk, path, &Wanted { home: None, releases: &[], chars: 10 });
        (report.verdict, report.meta, report.damage, report.transcript)
    };
    let expected = told(&plain);
    fs::write(&packed, zstd::encode_all(fs::File::open(&plain).unwrap(), 3).unwrap()).unwrap();
    fs::remove_file(&plain).unwrap();
    assert_eq!(told(&packed), expected);
    let (report, shown) = surveyed(&home, 1);
    assert_eq!((report.compressed, report.records, shown.len()), (1, 2, 1));
    assert_eq!(expected.0, Verdict::Lossy);
}

#[test]
fn a_survey_ends_where_it_is_told_to() {
    let files: Vec<_> =
        (10..90).map(|n| (path(&format!("019aac16-5a98-7bc2-9ce0-0000000000{n}")), String::new())).collect();
    let home = home(&files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect::<Vec<_>>());
    let report = survey(&RealDisk, home.path(), 2, &mut |step| step.done < 3);
    assert_eq!(report.files, 3);
}
