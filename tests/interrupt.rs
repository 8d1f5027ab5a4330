//! A harness that is interrupted leaves no process and a readable journal.
//!
//! The target of these tests holds the write end of a FIFO open and so does every process that it starts. The test reads
//! the other end: the first line says that the target lives, the end of the file that nobody of it lives any more.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rehydra::journal::Run;
use rustix::process::{Pid, Signal, kill_process};

struct Playing {
    harness: Child,
    alive: BufReader<File>,
    dir: tempfile::TempDir,
}

/// Plays one story on a target that says it lives, starts a child, and never answers.
fn play() -> Playing {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fifo = dir.path().join("alive");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    let target = format!("sh -c 'exec 3>{}; sleep 1000 & echo here >&3; sleep 1000'", fifo.display());
    let harness = Command::new(env!("CARGO_BIN_EXE_rehydra"))
        .args(["run", "--filter", "idle/kill-9-twice", "--target-command", &target, "--runs"])
        .arg(dir.path().join("runs"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rehydra starts");
    let mut alive = BufReader::new(File::open(&fifo).expect("the target opens the FIFO"));
    let mut line = String::new();
    alive.read_line(&mut line).expect("the target writes");
    assert_eq!(line, "here\n");
    Playing { harness, alive, dir }
}

impl Playing {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.harness.id() as i32).expect("a pid");
        kill_process(pid, signal).expect("the harness is there");
    }

    /// Blocks until the target and its child are gone.
    fn nobody_left(&mut self) {
        let mut rest = Vec::new();
        self.alive.read_to_end(&mut rest).expect("readable");
        assert_eq!(rest, b"");
    }

    fn journal(&self) -> Run {
        let found = find(&self.dir.path().join("runs")).expect("a journal was begun");
        Run::read(&found).expect("readable")
    }
}

fn find(dir: &Path) -> Option<PathBuf> {
    if dir.join("journal.jsonl").is_file() {
        return Some(dir.to_owned());
    }
    let below = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    below.filter(|path| path.is_dir()).find_map(|path| find(&path))
}

#[test]
fn ctrl_c_ends_every_process_and_says_where_the_journal_is() {
    let mut playing = play();
    playing.signal(Signal::INT);
    playing.nobody_left();
    let mut said = String::new();
    playing.harness.stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
    let status = playing.harness.wait().expect("ends");
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("interrupted") && said.contains("runs"), "{said}");
    assert_eq!(playing.journal().header.scenario.name, "idle/kill-9-twice");
}

#[test]
fn kill_9_of_the_harness_ends_every_process_and_leaves_a_readable_journal() {
    let mut playing = play();
    playing.signal(Signal::KILL);
    assert_eq!(playing.harness.wait().expect("ends").signal(), Some(9));
    playing.nobody_left();
    let run = playing.journal();
    // The step stands in the journal before anything is started for it; whether the spawn does depends on the moment.
    assert!(run.events.iter().any(|event| matches!(event.kind, rehydra::journal::Kind::Step(_))));
}
