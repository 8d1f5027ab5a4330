//! What is found, told as stories; `full_scan` holds all of it to a plain scan of everything.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use uuid::Uuid;

use super::full_scan::Counting;
use super::*;
use crate::world::RealDisk;

/// Made on 2025-11-22, at 15:02 UTC.
const ID: &str = "019aac16-5a98-7bc2-9ce0-fdcc76d9015a";
const OTHER: &str = "019aac16-5f82-7021-8336-6f3d36f211b5";
const THIRD: &str = "019aac16-6f82-7021-8336-6f3d36f211b6";
const VERSION_4: &str = "6b2ec6f1-53c1-4c2c-a9d5-2b0e0f0b0a3e";
const DAY: &str = "2025/11/22";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }
    fn file(self, path: &str, text: &str) -> Home {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }
    /// Files of legacy threads, each of the thread that its name says.
    fn legacy(self, files: &[&str]) -> Home {
        files.iter().fold(self, |home, file| {
            let name = RolloutName::parse(file.rsplit('/').next().unwrap()).unwrap();
            home.file(file, &meta(&name.thread.to_string(), ""))
        })
    }
    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
    fn found(&self, id: &str) -> Option<String> {
        self.shown(find_thread_path_by_id_str(&RealDisk, self.0.path(), id).unwrap())
    }
    fn found_segment(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).unwrap();
        let found = self.shown(find_segment(&RealDisk, self.0.path(), id).unwrap());
        let mut segments = Segments::new(&RealDisk, self.0.path());
        for _ in 0..2 {
            assert_eq!(self.shown(segments.find(id).unwrap()), found);
        }
        found
    }
    fn shown(&self, path: Option<PathBuf>) -> Option<String> {
        path.map(|path| path.strip_prefix(self.0.path()).unwrap().display().to_string())
    }
    /// What is found, and with how many directories read and files opened.
    fn counted(&self, id: &str) -> (Option<String>, usize, usize) {
        let disk = Counting::default();
        let found = find_thread_path_by_id_str(&disk, self.0.path(), id).unwrap();
        (self.shown(found), disk.directories(), disk.opens())
    }
}

fn name(time: &str, rest: &str) -> String {
    format!("rollout-2025-11-22T{time}-{rest}")
}

/// A first line; `more` are further fields.
fn meta(id: &str, more: &str) -> String {
    format!("{{\"timestamp\":\"t\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"{more}}}}}\n")
}

fn paginated(id: &str, base: Option<&str>) -> String {
    let base = base.map_or(String::new(), |base| {
        format!(",\"history_base\":{{\"thread_id\":\"{base}\",\"end_ordinal_exclusive\":1,\"end_byte_offset\":1}}")
    });
    meta(id, &format!(",\"history_mode\":\"paginated\"{base}"))
}

#[test]
fn an_id_that_tells_its_day_costs_three_directories_and_one_file() {
    let file = format!("sessions/{DAY}/{}", name("23-59-59", &format!("{ID}.jsonl")));
    let home = Home::new().legacy(&[&file]);
    for n in 0..40 {
        let id = format!("019aac16-5a98-7bc2-9ce0-0000000000{n:02}");
        home.path(&format!("sessions/2024/01/{n}")).to_str().map(fs::create_dir_all).unwrap().unwrap();
        fs::write(home.path(&format!("sessions/{DAY}/{}", name("10-00-00", &format!("{id}.jsonl")))), "").unwrap();
    }
    assert_eq!(home.counted(ID), (Some(file), 3, 1));
}

#[test]
fn the_days_before_and_after_in_utc_are_looked_at_too() {
    for day in ["2025/11/21", "2025/11/23"] {
        let file = format!("sessions/{day}/{}", name("00-00-00", &format!("{ID}.jsonl")));
        assert_eq!(Home::new().legacy(&[&file]).counted(ID), (Some(file), 3, 1));
    }
}

#[test]
fn a_paginated_thread_and_every_oddity_are_left_to_the_walk() {
    let root = format!("sessions/{DAY}/{}", name("16-02-07", &format!("{ID}.jsonl")));
    let late = format!("sessions/2025/12/24/{}", name("16-02-08", &format!("{ID}_{OTHER}.jsonl")));
    let home = Home::new().file(&root, &paginated(ID, None)).file(&late, &paginated(ID, Some(ID)));
    assert_eq!(home.found(ID), Some(late));
    let elsewhere = format!("sessions/else/{}", name("10-00-00", &format!("{ID}.jsonl")));
    for text in ["", "\0\0\0", "garbage\n", &meta(OTHER, ""), &meta(ID, r#","history_mode":"cloud""#)] {
        let home = Home::new().file(&root, text).file(&elsewhere, &meta(ID, ""));
        let expected = if text.contains("cloud") { &root } else { &elsewhere };
        assert_eq!(home.found(ID).as_ref(), Some(expected), "{text}");
    }
    let old = format!("sessions/{DAY}/{}", name("16-02-07", &format!("{VERSION_4}.jsonl")));
    assert_eq!(Home::new().legacy(&[&old]).found(VERSION_4), Some(old));
}

#[test]
fn a_second_file_made_by_hand_counts_only_where_the_day_does_not_tell() {
    let original = format!("sessions/{DAY}/{}", name("16-02-07", &format!("{ID}.jsonl")));
    let copy = format!("sessions/elsewhere/{}", name("16-02-08", &format!("{ID}.jsonl")));
    assert_eq!(Home::new().legacy(&[&original, &copy]).found(ID), Some(original));
    let moved = format!("sessions/2024/01/01/{}", name("16-02-07", &format!("{ID}.jsonl")));
    assert_eq!(Home::new().legacy(&[&moved, &copy]).found(ID), Some(copy));
}

#[test]
fn active_comes_before_archived_and_plain_before_compressed() {
    let plain = format!("sessions/{}", name("01-00-00", &format!("{ID}.jsonl")));
    let zst = format!("sessions/{}", name("02-00-00", &format!("{ID}.jsonl.zst")));
    let archived = format!("archived_sessions/{}", name("03-00-00", &format!("{ID}.jsonl")));
    assert_eq!(Home::new().legacy(&[&plain, &archived]).found(ID), Some(plain.clone()));
    assert_eq!(Home::new().legacy(&[&plain, &zst]).found(ID), Some(plain));
    assert_eq!(Home::new().legacy(&[&archived]).found(ID), Some(archived));
    assert_eq!(Home::new().legacy(&[&zst]).found(ID), Some(zst));
}

#[test]
fn an_empty_twin_never_comes_before_a_file_with_records() {
    let full = format!("archived_sessions/{}", name("01-00-00", &format!("{ID}.jsonl")));
    let empty = format!("sessions/{DAY}/{}", name("02-00-00", &format!("{ID}.jsonl")));
    let segment = format!("sessions/{DAY}/{}", name("03-00-00", &format!("{ID}_{OTHER}.jsonl")));
    let home = Home::new().legacy(&[&full]).file(&empty, "").file(&segment, "\0\0");
    assert_eq!((home.found(ID), home.found_segment(ID)), (Some(full.clone()), Some(full)));
    let only = Home::new().file(&empty, "");
    assert_eq!(only.found(ID), Some(empty));
}

#[test]
fn the_head_is_the_segment_that_no_other_continues() {
    let at =
        |day: u32, rest: &str| format!("sessions/2025/12/{day:02}/rollout-2025-12-{day:02}T10-00-00-{ID}{rest}.jsonl");
    let (root, first, second) = (at(9, ""), at(8, &format!("_{OTHER}")), at(7, &format!("_{THIRD}")));
    // Names tell the opposite of what the files say.
    let home = Home::new().file(&root, &paginated(ID, None)).file(&first, &paginated(ID, Some(ID)));
    assert_eq!(home.found(ID), Some(first.clone()));
    let home = home.file(&second, &paginated(ID, Some(OTHER)));
    assert_eq!(home.found(ID), Some(second.clone()));
    // Two branches of the root: the newest name.
    let home = home.file(&second, &paginated(ID, Some(ID)));
    assert_eq!(home.found(ID), Some(first.clone()));
    // A circle has no head: the newest name.
    let circle = home.file(&root, &paginated(ID, Some(OTHER)));
    assert_eq!(circle.found(ID), Some(second));
    let same_second = at(9, &format!("_{OTHER}"));
    let home = Home::new().file(&root, &paginated(ID, None)).file(&same_second, &paginated(ID, None));
    assert_eq!(home.found(ID), Some(same_second));
}

#[test]
fn a_compressed_segment_says_as_much_as_a_plain_one() {
    let day = format!("sessions/{DAY}");
    let root = format!("{day}/{}", name("16-02-09", &format!("{ID}.jsonl")));
    let [late, empty] = [OTHER, THIRD].map(|id| format!("{day}/{}", name("16-02-08", &format!("{ID}_{id}.jsonl.zst"))));
    let home = Home::new().file(&root, &paginated(ID, None));
    let put = |path: &str, text: &str| {
        fs::write(home.path(path), zstd::encode_all(text.as_bytes(), 3).unwrap()).unwrap();
    };
    put(&late, &paginated(ID, Some(ID)));
    put(&empty, "");
    assert_eq!((home.found(ID), home.found_segment(OTHER)), (Some(late.clone()), Some(late)));
    assert_eq!(home.found_segment(THIRD), Some(empty));
}

#[test]
fn a_segment_is_found_by_the_last_id_of_its_name_wherever_it_lies() {
    let root = format!("sessions/{DAY}/{}", name("16-02-07", &format!("{ID}.jsonl")));
    let archived = format!("archived_sessions/{}", name("16-02-08", &format!("{ID}_{OTHER}.jsonl")));
    let home = Home::new().file(&root, &paginated(ID, None)).file(&archived, &paginated(ID, Some(ID)));
    assert_eq!((home.found_segment(ID), home.found_segment(OTHER)), (Some(root), Some(archived)));
    assert_eq!((home.found_segment(THIRD), home.found(OTHER)), (None, None));
}

#[test]
fn a_long_archived_chain_costs_one_walk() {
    let ids: Vec<String> = (10..60).map(|n| format!("019aac16-5a98-7bc2-9ce0-0000000000{n}")).collect();
    let path = |id: &String| format!("archived_sessions/{}", name("16-02-07", &format!("{ID}_{id}.jsonl")));
    let home = ids.iter().fold(Home::new(), |home, id| home.file(&path(id), &paginated(ID, None)));
    let disk = Counting::default();
    let mut segments = Segments::new(&disk, home.0.path());
    for id in &ids {
        assert_eq!(home.shown(segments.find(Uuid::try_parse(id).unwrap()).unwrap()), Some(path(id)));
    }
    // Three days for each, and once the two trees, of which `sessions` is missing.
    assert_eq!(disk.directories(), 3 * ids.len() + 1);
}

#[test]
fn any_spelling_of_an_id_is_taken_and_any_other_text_finds_nothing() {
    let file = format!("sessions/{}", name("01-00-00", &format!("{}.jsonl", ID.to_uppercase())));
    let home = Home::new().legacy(&[&file]);
    for id in [ID.to_owned(), ID.to_uppercase(), ID.replace('-', ""), format!("urn:uuid:{ID}")] {
        assert_eq!(home.found(&id), Some(file.clone()), "{id}");
    }
    let long = ID.repeat(300);
    for id in ["", "../../etc/passwd", "*", &ID[..8], &long, OTHER] {
        assert_eq!(home.found(id), None, "{id}");
    }
}

#[test]
fn a_name_that_lies_is_seen_through_only_if_no_name_fits() {
    let lying = format!("sessions/{}", name("01-00-00", &format!("{OTHER}.jsonl")));
    let home = Home::new().file(&lying, &meta(ID, ""));
    assert_eq!(home.found(ID), Some(lying.clone()));
    let honest = format!("sessions/{}", name("00-00-00", &format!("{ID}.jsonl")));
    assert_eq!(home.file(&honest, "").found(ID), Some(honest));
}

#[test]
fn a_copy_with_a_name_of_its_own_is_found_if_there_is_nothing_else() {
    let copy = format!("sessions/{DAY}/{}", name("01-00-00", &format!("{ID} (1).jsonl")));
    let newer = format!("sessions/{DAY}/{}", name("02-00-00", &format!("{OTHER}.jsonl")));
    let home = Home::new().file(&copy, &meta(ID, "")).legacy(&[&newer]);
    assert_eq!(home.counted(ID).2, 1);
    assert_eq!(home.found(ID), Some(copy));
}

#[test]
fn links_are_followed_and_loops_and_strange_files_do_no_harm() {
    let home = Home::new();
    let real = tempfile::tempdir().unwrap();
    let file = name("01-00-00", &format!("{ID}.jsonl"));
    fs::write(real.path().join(&file), meta(ID, "")).unwrap();
    let day = home.path(&format!("sessions/{DAY}"));
    fs::create_dir_all(&day).unwrap();
    symlink(home.path("sessions"), day.join("loop")).unwrap();
    symlink("/nowhere", day.join(name("09-00-00", &format!("{ID}.jsonl")))).unwrap();
    fs::create_dir(day.join(name("08-00-00", &format!("{ID}.jsonl")))).unwrap();
    symlink("/dev/zero", day.join(name("07-00-00", &format!("{ID}.jsonl")))).unwrap();
    fifo(&day.join(name("06-00-00", &format!("{ID}.jsonl"))));
    assert_eq!(home.found(ID), None);
    fs::write(home.path("sessions/.gitignore"), "*").unwrap();
    symlink(real.path(), home.path("sessions/linked")).unwrap();
    assert_eq!(home.found(ID), Some(format!("sessions/linked/{file}")));
    symlink(real.path().join(&file), day.join(name("05-00-00", &format!("{ID}.jsonl")))).unwrap();
    assert_eq!(home.found(ID), Some(format!("sessions/{DAY}/{}", name("05-00-00", &format!("{ID}.jsonl")))));
}

pub(super) fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
