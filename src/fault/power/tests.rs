//! What is left after a power loss: of writes, names and renames, synced and not.

use super::*;
use crate::journal::{
    BlobStore, Body, Event, FileOp, Kind, Lane, Snapshot, SnapshotFile, SnapshotWhen, Spawn, Step, Watched, WriteSeen,
    sha256_hex,
};

const DIR: &str = "sessions/2026";
const FILE: &str = "sessions/2026/a.jsonl";

/// A run that is told one touch after the other.
struct Told {
    dir: tempfile::TempDir,
    events: Vec<Event>,
}

impl Told {
    fn new() -> Told {
        Told { dir: tempfile::tempdir().unwrap(), events: Vec::new() }
    }

    fn blobs(&self) -> BlobStore {
        BlobStore::new(self.dir.path())
    }

    fn push(&mut self, kind: Kind) {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event { seq, at: seq, incarnation: 1, lane: Lane::Fault, kind });
    }

    fn touch(mut self, op: FileOp, path: &str) -> Told {
        self.push(Kind::Write(seen(op, path, 0, b"", None)));
        self
    }

    fn write(mut self, path: &str, offset: u64, data: &[u8]) -> Told {
        self.push(Kind::Write(seen(FileOp::Write, path, offset, data, None)));
        self
    }

    fn rename(mut self, from: &str, to: &str) -> Told {
        self.push(Kind::Write(seen(FileOp::Rename, from, 0, b"", Some(to))));
        self
    }

    /// What lies there between two lives.
    fn birth(mut self, files: &[(&str, &str)]) -> Told {
        let snapshot = Snapshot { when: SnapshotWhen::Birth, files: shown(&self.blobs(), files) };
        self.push(Kind::Snapshot(snapshot));
        self
    }

    fn written(&self) -> Written {
        let written = Written::replay(&self.events, &self.blobs());
        assert_eq!(written.gaps(), [""; 0]);
        written
    }

    /// A file that was made and synced with all its names, and then grew.
    fn grown() -> Told {
        Told::new()
            .touch(FileOp::Mkdir, DIR)
            .touch(FileOp::Sync, "sessions")
            .touch(FileOp::Create, FILE)
            .write(FILE, 0, b"one\n")
            .touch(FileOp::Sync, FILE)
            .touch(FileOp::Sync, DIR)
            .write(FILE, 4, b"two\n")
    }
}

fn seen(op: FileOp, path: &str, offset: u64, data: &[u8], to: Option<&str>) -> WriteSeen {
    WriteSeen {
        order: 1,
        op,
        path: path.into(),
        to: to.map(str::to_owned),
        offset,
        len: data.len() as u64,
        landed: data.len() as u64,
        errno: None,
        record_kind: None,
        body: (op == FileOp::Write).then(|| Body::Text(String::from_utf8(data.to_vec()).unwrap())),
    }
}

fn shown(blobs: &BlobStore, files: &[(&str, &str)]) -> Vec<SnapshotFile> {
    let file = |(path, text): &(&str, &str)| SnapshotFile {
        path: (*path).into(),
        len: text.len() as u64,
        sha256: sha256_hex(text.as_bytes()),
        mode: 0o600,
        blob: blobs.put(text.as_bytes()).ok(),
    };
    files.iter().map(file).collect()
}

fn files(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn loss(data: DataLoss, names: bool) -> Loss {
    Loss { data, names }
}

#[test]
fn what_was_synced_is_left_and_of_the_rest_what_the_loss_leaves() {
    let written = Told::grown().written();
    assert_eq!(written.now(), files(&[(FILE, "one\ntwo\n")]));
    for (data, left) in [
        (DataLoss::Kept, "one\ntwo\n"),
        (DataLoss::Lost, "one\n"),
        (DataLoss::Half, "one\ntw"),
        (DataLoss::After(3), "one\ntwo"),
        (DataLoss::After(99), "one\ntwo\n"),
        (DataLoss::Sector, "one\n"),
        (DataLoss::Zeros, "one\n\0\0\0\0"),
    ] {
        for names in [false, true] {
            assert_eq!(written.after(loss(data, names)), files(&[(FILE, left)]), "{data:?} {names}");
        }
    }
}

#[test]
fn a_name_is_lost_with_its_directory_or_with_one_above() {
    let made = Told::new().touch(FileOp::Mkdir, DIR).touch(FileOp::Create, FILE).write(FILE, 0, b"one\n");
    let synced = made.touch(FileOp::Sync, FILE);
    assert_eq!(synced.written().after(loss(DataLoss::Lost, true)), files(&[]));
    assert_eq!(synced.written().after(loss(DataLoss::Lost, false)), files(&[(FILE, "one\n")]));
    let named = synced.touch(FileOp::Sync, DIR);
    assert_eq!(named.written().after(loss(DataLoss::Lost, true)), files(&[]), "its directory has no name");
    let whole = named.touch(FileOp::Sync, "sessions");
    assert_eq!(whole.written().after(loss(DataLoss::Lost, true)), files(&[(FILE, "one\n")]));
}

#[test]
fn a_file_that_was_never_synced_is_empty_or_not_there() {
    let told = Told::new().touch(FileOp::Create, "rehydra/a").write("rehydra/a", 0, b"x\n");
    assert_eq!(told.written().after(loss(DataLoss::Lost, false)), files(&[("rehydra/a", "")]));
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[]));
}

#[test]
fn a_rename_is_undone_until_its_directory_is_synced() {
    let told = Told::grown().rename(FILE, "sessions/2026/b.jsonl");
    assert_eq!(told.written().after(loss(DataLoss::Kept, true)), files(&[(FILE, "one\ntwo\n")]));
    let told = told.touch(FileOp::Sync, DIR);
    let renamed = files(&[("sessions/2026/b.jsonl", "one\ntwo\n")]);
    assert_eq!(told.written().after(loss(DataLoss::Kept, true)), renamed);
}

#[test]
fn what_the_player_puts_between_two_lives_lasts() {
    let told = Told::grown().birth(&[(FILE, "other\n"), ("sessions/2026/placed.jsonl", "placed\n")]);
    let left = files(&[(FILE, "other\n"), ("sessions/2026/placed.jsonl", "placed\n")]);
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), left);
}

#[test]
fn what_only_the_process_death_was_between_stays_unsynced() {
    let told = Told::grown().birth(&[(FILE, "one\ntwo\n")]);
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[(FILE, "one\n")]));
}

#[test]
fn a_removal_is_undone_until_its_directory_is_synced() {
    let told = Told::grown().touch(FileOp::Sync, FILE).touch(FileOp::Unlink, FILE).birth(&[]);
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[(FILE, "one\ntwo\n")]));
    assert_eq!(told.written().after(loss(DataLoss::Lost, false)), files(&[]));
}

#[test]
fn losses_are_listed_once_for_what_they_leave() {
    let listed = Told::grown().written().losses();
    assert_eq!(
        listed.iter().map(|loss| loss.data).collect::<Vec<_>>(),
        [DataLoss::Lost, DataLoss::Half, DataLoss::Zeros]
    );
    let synced = Told::grown().touch(FileOp::Sync, FILE);
    assert_eq!(synced.written().losses(), [], "nothing can be lost of it");
}

#[test]
fn a_write_past_the_injector_is_seen_by_its_snapshot() {
    let told = Told::grown();
    let snapshot = |files: &[(&str, &str)]| Snapshot { when: SnapshotWhen::Death, files: shown(&told.blobs(), files) };
    let written = told.written();
    assert_eq!(written.differs(&snapshot(&[(FILE, "one\ntwo\n")])), [""; 0]);
    assert_eq!(written.differs(&snapshot(&[(FILE, "one\n")])), [format!("{FILE} holds something else")]);
    assert_eq!(written.differs(&snapshot(&[])), [format!("{FILE} is not there")]);
    let more = [(FILE, "one\ntwo\n"), ("sessions/x", "")];
    assert_eq!(written.differs(&snapshot(&more)), ["sessions/x was not seen made"]);
}

#[test]
fn a_write_of_which_a_part_landed_counts_for_that_part() {
    let mut told = Told::grown();
    let mut cut = seen(FileOp::Write, FILE, 8, b"three\n", None);
    (cut.landed, cut.errno) = (2, Some(28));
    told.push(Kind::Write(cut));
    told.push(Kind::Write(WriteSeen { landed: 0, errno: Some(5), ..seen(FileOp::Rename, FILE, 0, b"", Some("x")) }));
    assert_eq!(told.written().now(), files(&[(FILE, "one\ntwo\nth")]));
}

#[test]
fn a_further_name_is_one_of_the_same_file() {
    let part = "sessions/2026/.part";
    let mut told = Told::new().touch(FileOp::Create, part).write(part, 0, b"one\n").touch(FileOp::Sync, part);
    told.push(Kind::Write(seen(FileOp::Create, FILE, 0, b"", Some(part))));
    let told = told.touch(FileOp::Unlink, part).touch(FileOp::Sync, DIR).write(FILE, 4, b"two\n");
    assert_eq!(told.written().now(), files(&[(FILE, "one\ntwo\n")]));
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[(FILE, "one\n")]));
}

#[test]
fn the_names_in_a_home_are_synced_with_it() {
    let told =
        Told::new().touch(FileOp::Mkdir, "rehydra").touch(FileOp::Create, "rehydra/a").write("rehydra/a", 0, b"x");
    let told = told.touch(FileOp::Sync, "rehydra/a").touch(FileOp::Sync, "rehydra");
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[]));
    let told = told.touch(FileOp::Sync, "");
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[("rehydra/a", "x")]));
}

#[test]
fn what_one_power_loss_has_left_the_next_one_leaves() {
    let mut told = Told::grown();
    told.push(Kind::Step(Step { n: 2, what: "power-loss".into(), line: 5 }));
    let told = told.birth(&[(FILE, "one\ntwo\n")]);
    assert_eq!(told.written().after(loss(DataLoss::Lost, true)), files(&[(FILE, "one\ntwo\n")]));
    let told = told.write(FILE, 8, b"three\n");
    assert_eq!(told.written().after(loss(DataLoss::Half, true)), files(&[(FILE, "one\ntwo\nthr")]));
}

#[test]
fn a_second_life_begins_beside_one_that_writes() {
    let mut told = Told::new();
    let spawn =
        Spawn { pid: 7, argv: Vec::new(), cwd: String::new(), env: Vec::new(), target: None, watched: Watched::Writes };
    told.push(Kind::Spawn(spawn));
    let told = told.touch(FileOp::Create, FILE).write(FILE, 0, b"one\n");
    // The snapshot may have been taken before the write, and is told after it.
    let told = told.birth(&[(FILE, ""), ("sessions/2026/decoy.jsonl", "decoy\n")]);
    assert_eq!(told.written().now(), files(&[(FILE, "one\n"), ("sessions/2026/decoy.jsonl", "decoy\n")]));
}
