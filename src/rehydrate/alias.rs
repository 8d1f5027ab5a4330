//! Aliases: the durable note that an old thread id goes on under a new one.
//!
//! Every rehydration makes a new thread, so a client that keeps the id it first learned would fall back to the old
//! state at each restart. `$CODEX_HOME/rehydra/aliases.jsonl` prevents that: one line a continuation, appended after
//! the continuation is durable and before the model is called, so that no acknowledged turn lies behind an id that
//! nothing leads to. It cannot be derived from `forked_from_id`: a fork that a user made is no continuation.
//!
//! The file is only ever appended to. Its newest line for an id wins, and chains are followed to their end, with a
//! guard against cycles and a limit on hops. It is as untrusted as a rollout: lines that are torn, foreign or of a
//! newer version are passed over and told, and a writer that finds a torn end begins a line of its own. Resolving says
//! where a chain leads; whether a rollout lies there is for the caller to find out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::note::{Note, NoteKind};
use crate::limits::{ALIAS_CHAIN, ALIAS_FILE_BYTES};
use crate::rollout::ThreadId;
use crate::world::{Disk, World};

/// Where the aliases of a home stand.
pub fn aliases_path(home: &Path) -> PathBuf {
    home.join("rehydra").join("aliases.jsonl")
}

/// All that the file says, once it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    newest: BTreeMap<ThreadId, ThreadId>,
    /// What was wrong with the file.
    pub notes: Vec<Note>,
}

/// Where an id leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The ids in order: first the one that was asked for, last the newest continuation.
    pub ids: Vec<ThreadId>,
    /// The chain came back to itself or was too long, so its last id is not surely the newest.
    pub broken: Option<Note>,
}

impl Chain {
    /// The last id; the one asked for where there is no alias.
    pub fn end(&self) -> Option<ThreadId> {
        self.ids.last().copied()
    }
}

/// One line of the file. Keys that are not here are passed over.
#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    from: String,
    to: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    reason: String,
}

const VERSION: u32 = 1;

/// Follows `id` to the newest continuation that the file names, whether or not its rollout is there.
///
/// A server asks this before it goes to the disk: the newest continuation may be in its memory.
pub fn resolve(disk: &dyn Disk, home: &Path, id: ThreadId) -> io::Result<ThreadId> {
    Ok(read_aliases(disk, home)?.chain(id).end().unwrap_or(id))
}

/// Reads the file; a missing one is empty.
pub fn read_aliases(disk: &dyn Disk, home: &Path) -> io::Result<Aliases> {
    let path = aliases_path(home);
    let mut file = match disk.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Aliases::default()),
        Err(error) => return Err(error),
    };
    let len = file.seek(SeekFrom::End(0))?;
    let start = file.seek(SeekFrom::Start(len.saturating_sub(ALIAS_FILE_BYTES)))?;
    let mut lines = BufReader::new(file.take(ALIAS_FILE_BYTES));
    let mut aliases = Aliases::default();
    let mut skipped = Skipped::default();
    let mut at = start;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let cut_off = start > 0 && at == start;
        match parse_line(&line) {
            Some((from, to)) if !cut_off => {
                aliases.newest.insert(from, to);
            }
            _ if line.iter().all(u8::is_ascii_whitespace) => {}
            _ => skipped.add(at),
        }
        at += line.len() as u64;
        line.clear();
    }
    aliases.notes.extend(skipped.note(&path));
    Ok(aliases)
}

/// Appends one alias and returns once it survives a power loss.
pub fn append_alias(world: &World, home: &Path, from: ThreadId, to: ThreadId, reason: &str) -> io::Result<()> {
    let disk = &*world.disk;
    let path = aliases_path(home);
    let dir = home.join("rehydra");
    let line = Line {
        v: VERSION,
        from: from.to_string(),
        to: to.to_string(),
        at: world.clock.now().to_string(),
        reason: reason.to_owned(),
    };
    let torn = ends_in_a_torn_line(disk, &path)?;
    let mut bytes = if torn == Some(true) { vec![b'\n'] } else { Vec::new() };
    serde_json::to_writer(&mut bytes, &line)?;
    bytes.push(b'\n');

    if torn.is_none() {
        disk.create_dir_all(&dir)?;
    }
    let mut file = disk.append(&path)?;
    file.write_all(&bytes)?;
    file.flush()?;
    file.sync()?;
    if torn.is_none() {
        disk.sync_dir(&dir)?;
        disk.sync_dir(home)?;
    }
    Ok(())
}

impl Aliases {
    /// Follows `id` to its end.
    pub fn chain(&self, id: ThreadId) -> Chain {
        let mut ids = vec![id];
        let mut seen = BTreeSet::from([id]);
        let mut last = id;
        while let Some(next) = self.newest.get(&last).copied() {
            if !seen.insert(next) {
                let text =
                    format!("the aliases of {id} lead back to {next}; {last} is taken for the newest continuation");
                return Chain { ids, broken: Some(Note::new(NoteKind::AliasDamaged, text)) };
            }
            if ids.len() > ALIAS_CHAIN {
                let text = format!("the aliases of {id} go on for more than {ALIAS_CHAIN} hops; followed to {last}");
                return Chain { ids, broken: Some(Note::new(NoteKind::AliasDangling, text)) };
            }
            ids.push(next);
            last = next;
        }
        Chain { ids, broken: None }
    }
}

fn parse_line(line: &[u8]) -> Option<(ThreadId, ThreadId)> {
    let line: Line = serde_json::from_slice(line).ok().filter(|line: &Line| line.v == VERSION)?;
    Some((ThreadId::parse(&line.from).ok()?, ThreadId::parse(&line.to).ok()?))
}

/// `None` if there is no file, else whether its last line lacks its end.
fn ends_in_a_torn_line(disk: &dyn Disk, path: &Path) -> io::Result<Option<bool>> {
    let mut file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(Some(false));
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(Some(last != *b"\n"))
}

/// Lines that were passed over: how many, and where the first stands.
#[derive(Default)]
struct Skipped {
    count: u64,
    first: u64,
}

impl Skipped {
    fn add(&mut self, at: u64) {
        if self.count == 0 {
            self.first = at;
        }
        self.count += 1;
    }

    fn note(&self, path: &Path) -> Option<Note> {
        let lines = match self.count {
            0 => return None,
            1 => "1 line".to_owned(),
            n => format!("{n} lines"),
        };
        let text =
            format!("{lines} of the aliases cannot be read and are passed over, the first at byte {}", self.first);
        Some(Note::new(NoteKind::AliasDamaged, text).at(path, Some(self.first)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn id(n: u128) -> ThreadId {
        ThreadId::from(uuid::Uuid::from_u128(n))
    }

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn append(home: &Path, from: u128, to: u128) {
        append_alias(&World::real(), home, id(from), id(to), "restart").unwrap();
    }

    fn read(home: &Path) -> Aliases {
        read_aliases(&*World::real().disk, home).unwrap()
    }

    #[test]
    fn a_chain_is_followed_to_its_end_and_the_newest_line_of_an_id_wins() {
        let home = home();
        append(home.path(), 1, 2);
        append(home.path(), 2, 3);
        assert_eq!(read(home.path()).chain(id(1)).ids, [id(1), id(2), id(3)]);
        append(home.path(), 1, 4);
        let aliases = read(home.path());
        assert_eq!(aliases.chain(id(1)), Chain { ids: vec![id(1), id(4)], broken: None });
        assert_eq!(aliases.notes, []);
        assert_eq!(resolve(&*World::real().disk, home.path(), id(2)).unwrap(), id(3));
    }

    #[test]
    fn an_id_without_an_alias_leads_to_itself_and_reading_makes_nothing() {
        let home = home();
        assert_eq!(read(home.path()).chain(id(9)).ids, [id(9)]);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_line_is_one_object_with_version_time_and_reason() {
        let home = home();
        append(home.path(), 1, 2);
        let text = fs::read_to_string(aliases_path(home.path())).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(line["v"], 1);
        assert_eq!(line["from"], id(1).to_string());
        assert_eq!(line["to"], id(2).to_string());
        assert_eq!(line["reason"], "restart");
        assert!(line["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn bad_lines_are_passed_over_and_told_with_their_place() {
        let home = home();
        append(home.path(), 1, 2);
        let good = fs::read_to_string(aliases_path(home.path())).unwrap();
        let newer = good.replace("\"v\":1", "\"v\":2").replace(&id(2).to_string(), &id(5).to_string());
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bad = format!("{good}\n{newer}not json\n{nested}\n{{\"v\":1,\"from\":\"../x\",\"to\":\"y\"}}\n");
        fs::write(aliases_path(home.path()), &bad).unwrap();
        let aliases = read(home.path());
        assert_eq!(aliases.chain(id(1)).ids, [id(1), id(2)]);
        assert_eq!(aliases.notes.len(), 1);
        assert_eq!(aliases.notes[0].kind, NoteKind::AliasDamaged);
        assert_eq!(aliases.notes[0].byte, Some(good.len() as u64 + 1));
        assert!(aliases.notes[0].text.starts_with("4 lines"), "{}", aliases.notes[0].text);
    }

    #[test]
    fn a_writer_does_not_glue_its_line_to_a_torn_end() {
        let home = home();
        append(home.path(), 1, 2);
        let whole = fs::read(aliases_path(home.path())).unwrap();
        for kept in 1..whole.len() {
            fs::write(aliases_path(home.path()), &whole[..kept]).unwrap();
            append(home.path(), 3, 4);
            assert_eq!(read(home.path()).chain(id(3)).ids, [id(3), id(4)], "{kept} bytes kept");
        }
    }

    #[test]
    fn a_cycle_ends_where_it_would_begin_again_and_is_told() {
        let home = home();
        append(home.path(), 1, 2);
        append(home.path(), 2, 3);
        append(home.path(), 3, 1);
        let chain = read(home.path()).chain(id(1));
        assert_eq!(chain.ids, [id(1), id(2), id(3)]);
        assert_eq!(chain.broken.unwrap().kind, NoteKind::AliasDamaged);
    }

    #[test]
    fn a_chain_beyond_the_limit_is_cut_and_told() {
        let aliases =
            Aliases { newest: (0..ALIAS_CHAIN as u128 + 5).map(|n| (id(n), id(n + 1))).collect(), notes: Vec::new() };
        let chain = aliases.chain(id(0));
        assert_eq!(chain.ids.len(), ALIAS_CHAIN + 1);
        assert!(chain.broken.is_some());
    }
}
