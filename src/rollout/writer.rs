//! Writing a new thread's rollout: the envelope shape that Codex 0.42 to 0.169 resume.
//!
//! A file comes into being under a temporary name that neither [`super::locate`] nor any Codex version takes for a
//! rollout, and gets its real name by [`Writer::publish`], after its bytes are synced and before the directory is. So
//! a rollout that can be found is whole up to that moment, and a death before leaves nothing that can be found.
//! Codex's own writer never syncs; this one does whenever it is asked.
//!
//! One record is one write to a file opened for appending. Should a write fail half way, the next record begins on a
//! new line, so that the torn one costs nothing but itself. Files of others are never opened here.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ThreadId;
use super::draft::{Draft, NewThread};
use super::meta::TurnContext;
use crate::world::{Disk, World, WriteFile};

/// A rollout being written.
pub struct Writer {
    world: World,
    file: Box<dyn WriteFile>,
    /// Where it lies until it is published.
    part: PathBuf,
    path: PathBuf,
    published: bool,
    /// The last write failed, so the file may end in the middle of a line.
    torn: bool,
    /// Appended so far.
    records: u64,
}

/// The path of a rollout below its home, `sessions/YYYY/MM/DD/rollout-…-<id>.jsonl`; date and time are local time in
/// `zone`, as Codex names its files.
pub fn relative_path(id: ThreadId, at: Timestamp, zone: &TimeZone) -> PathBuf {
    let local = zone.to_datetime(at);
    let (date, time) = (local.date(), local.time());
    let day = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    let name = format!("rollout-{day}T{:02}-{:02}-{:02}-{id}.jsonl", time.hour(), time.minute(), time.second());
    day.split('-').fold(PathBuf::from("sessions"), |dir, part| dir.join(part)).join(name)
}

impl Writer {
    /// Begins the rollout of `thread` below `home`, with its `session_meta` as line 1, under its temporary name.
    pub fn create(world: &World, home: &Path, thread: &NewThread) -> io::Result<Writer> {
        let path = home.join(relative_path(thread.id, world.clock.now(), &world.clock.zone()));
        Writer::create_at(world, path, thread)
    }

    /// The same at a path of the caller's choice. Publishing is refused if somebody has that name by then.
    pub fn create_at(world: &World, path: PathBuf, thread: &NewThread) -> io::Result<Writer> {
        // A bare name has no directory to make or to sync.
        let path =
            if path.parent().is_none_or(|dir| dir.as_os_str().is_empty()) { Path::new(".").join(path) } else { path };
        let dir = path.parent().unwrap_or(Path::new("."));
        create_dir_durably(world.disk.as_ref(), dir)?;
        let part = dir.join(part_name(thread.id));
        let file = match world.disk.create_new(&part) {
            // What an earlier death of this thread left: nobody has ever been told of it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                world.disk.remove_file(&part)?;
                world.disk.create_new(&part)?
            }
            opened => opened?,
        };
        let mut writer = Writer { world: world.clone(), file, part, path, published: false, torn: false, records: 0 };
        writer.append(&Draft::session_meta(thread, world.clock.now()))?;
        Ok(writer)
    }

    /// Appends one record, in one write. It is durable after the next [`Writer::sync`].
    pub fn append(&mut self, draft: &Draft) -> io::Result<()> {
        self.append_at(draft, self.world.clock.now())
    }

    /// The same of a record that was first written at another time.
    pub fn append_at(&mut self, draft: &Draft, at: Timestamp) -> io::Result<()> {
        let mut line = draft.line(at, None);
        if self.torn {
            line.insert(0, b'\n');
        }
        self.torn = true;
        self.file.write_all(&line)?;
        self.file.flush()?;
        self.torn = false;
        self.records += 1;
        Ok(())
    }

    /// Appends what another thread had come to: the settings it goes on under, then its items as they are to be sent,
    /// each message with the event that listings show. Lines of the other file are not copied.
    pub fn append_history(
        &mut self,
        context: Option<&TurnContext>,
        items: impl IntoIterator<Item = Value>,
    ) -> io::Result<()> {
        if let Some(context) = context {
            self.append(&Draft::turn_context(&self.world.ids.uuid().to_string(), context))?;
        }
        for item in items {
            let event = Draft::event_beside(&item);
            self.append(&Draft::response_item(item))?;
            if let Some(event) = event {
                self.append(&event)?;
            }
        }
        Ok(())
    }

    /// Records appended so far, the `session_meta` included.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns once every appended record survives a power loss.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    /// Gives the file its real name, bytes first; afterwards it can be found, and survives a power loss. Records may
    /// go on being appended. Publishing twice is a sync. A name that somebody else has is `AlreadyExists`.
    pub fn publish(&mut self) -> io::Result<&Path> {
        self.sync()?;
        if !self.published {
            self.world.disk.rename_new(&self.part, &self.path)?;
            self.published = true;
        }
        if let Some(dir) = self.path.parent() {
            self.world.disk.sync_dir(dir)?;
        }
        Ok(&self.path)
    }

    /// Takes the file away again, under whichever name it lies.
    pub fn withdraw(mut self) {
        if std::mem::take(&mut self.published) {
            self.part.clone_from(&self.path);
        }
    }

    /// Where the file lies once it is published.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Writer {
    /// A thread that was never published leaves nothing behind.
    fn drop(&mut self) {
        if !self.published {
            // The file can not be found by anyone; one that stays does no harm.
            let _ = self.world.disk.remove_file(&self.part);
        }
    }
}

/// A name that no scan takes for a rollout. The id is hashed, because Codex up to 0.130 finds any file whose name
/// contains the id.
fn part_name(id: ThreadId) -> String {
    let digest = Sha256::digest(id.to_string().as_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!(".rehydra-{short}.part")
}

/// Makes `dir` and what is missing above it, and makes the new names survive a power loss.
fn create_dir_durably(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| disk.status(dir).is_err()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    disk.create_dir_all(dir)?;
    for made in missing.iter().rev() {
        if let Some(parent) = made.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            disk.sync_dir(parent)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::rollout::meta::TurnContext;
    use crate::rollout::settings::{Approval, Sandbox};
    use crate::rollout::{find_thread_path, read_history};
    use crate::world::{Clock, RealDisk, RealIds};

    /// Stands still, in Tokyo.
    struct StillClock;
    impl Clock for StillClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(1_795_363_327).unwrap()
        }
        fn zone(&self) -> TimeZone {
            TimeZone::fixed(jiff::tz::offset(9))
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn world() -> World {
        World { disk: Arc::new(RealDisk), clock: Arc::new(StillClock), ids: Arc::new(RealIds) }
    }

    fn thread() -> NewThread {
        NewThread {
            id: ThreadId::parse("01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a").unwrap(),
            cwd: "/project".into(),
            originator: "rehydra".into(),
            cli_version: "0.153.4".into(),
            source: "mcp".to_owned(),
            model_provider: "mock".into(),
            forked_from_id: None,
            base_instructions: None,
        }
    }

    #[test]
    fn a_thread_can_be_found_once_it_is_published_and_reads_back() {
        let home = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&world(), home.path(), &thread()).unwrap();
        let context = TurnContext {
            cwd: Some("/project".into()),
            model: Some("mock-model".into()),
            effort: None,
            sandbox: Some(Sandbox::ReadOnly),
            approval: Some(Approval::Never),
        };
        let turn = [
            Draft::task_started("1"),
            Draft::turn_context("1", &context),
            Draft::user_item("hello"),
            Draft::user_message("hello"),
            Draft::response_item(crate::rollout::draft::message("assistant", "hi")),
            Draft::task_complete("1", Some("hi")),
        ];
        turn.iter().for_each(|draft| writer.append(draft).unwrap());
        assert_eq!(find_thread_path(&RealDisk, home.path(), thread().id).unwrap(), None);
        let path = writer.publish().unwrap().to_owned();
        // 16:02:07 UTC is after midnight in Tokyo.
        let name = "sessions/2026/11/23/rollout-2026-11-23T01-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";
        assert_eq!(path, home.path().join(name));
        assert_eq!(find_thread_path(&RealDisk, home.path(), thread().id).unwrap(), Some(path.clone()));
        let history = read_history(&RealDisk, &path).unwrap();
        assert_eq!((history.items.len(), history.complete_turns, history.damage), (2, 1, vec![]));
        assert_eq!(history.turn_context, Some(context));
    }

    #[test]
    fn a_name_that_somebody_has_is_left_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.jsonl");
        let mut writer = Writer::create_at(&world(), path.clone(), &thread()).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        assert_eq!(writer.publish().unwrap_err().kind(), ErrorKind::AlreadyExists);
        writer.withdraw();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let mut second = Writer::create_at(&world(), dir.path().join("second.jsonl"), &thread()).unwrap();
        second.publish().unwrap();
        second.withdraw();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unpublished_thread_leaves_nothing_and_a_leftover_of_a_death_is_no_hindrance() {
        let home = tempfile::tempdir().unwrap();
        let first = Writer::create(&world(), home.path(), &thread()).unwrap();
        let part = first.part.clone();
        assert!(part.exists());
        drop(first);
        assert!(!part.exists());
        std::fs::write(&part, "left by a death").unwrap();
        let mut writer = Writer::create(&world(), home.path(), &thread()).unwrap();
        let text = std::fs::read_to_string(writer.publish().unwrap()).unwrap();
        assert!(text.starts_with("{\"timestamp\"") && text.ends_with("\n"), "{text}");
    }

    /// A file whose disk is full once, after the first bytes of a record.
    struct FullOnce(Arc<std::sync::Mutex<(Vec<u8>, u32)>>);
    impl Write for FullOnce {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap();
            state.1 += 1;
            let taken = match state.1 {
                2 => 20,
                3 => return Err(io::Error::from(ErrorKind::StorageFull)),
                _ => bytes.len(),
            };
            state.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl WriteFile for FullOnce {
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_record_that_failed_half_way_costs_nothing_but_itself() {
        let home = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&world(), home.path(), &thread()).unwrap();
        let state = Arc::new(std::sync::Mutex::new((Vec::new(), 0)));
        writer.file = Box::new(FullOnce(state.clone()));
        writer.append(&Draft::user_item("one")).unwrap();
        assert!(writer.append(&Draft::user_item("two")).is_err());
        writer.append(&Draft::user_item("three")).unwrap();
        let (bytes, writes) = state.lock().unwrap().clone();
        let history = crate::rollout::read_history_bytes(bytes, writer.path()).unwrap();
        assert_eq!((history.items.len(), writes), (2, 4));
        assert!(history.is_lossy());
    }
}
