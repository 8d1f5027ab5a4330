//! Every file below a home that may be a rollout.
//!
//! `sessions/` holds one directory a day, but Codex and its users put files elsewhere below it too; `archived_sessions/`
//! is flat. All directories are looked at, hidden ones and those that git ignores as well (Codex from 0.105 on does the
//! same). Links are followed, each directory once however many names lead to it; one that can not be read hides its
//! files and nothing else. A file is regular, has a visible name, and that name ends with `.jsonl` or `.jsonl.zst`: what
//! only looks like a rollout (a FIFO, a device, a directory, a dangling link) is none and is never opened.
//!
//! Names are looked at where the directory's reading left them. No name costs an allocation or a system call unless it
//! is wanted, which is what makes the walk of 100,000 files cheap.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::name::RolloutName;
use crate::world::{Disk, EntryKind};

/// Deepest directory below `sessions`; Codex's own tree has three levels.
const DEPTH: usize = 12;
/// Most names looked at in one walk.
const NAMES: usize = 4_000_000;

/// A file that may be a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The last part of the path.
    pub file_name: String,
    /// What its name says; `None` if that is no rollout's (what is inside may be one all the same).
    pub name: Option<RolloutName>,
    /// It lies below `sessions`, and not below `archived_sessions`.
    pub is_active: bool,
}

impl RolloutFile {
    pub(super) fn new(dir: &Path, file_name: &str, is_active: bool) -> RolloutFile {
        let name = RolloutName::parse(file_name);
        RolloutFile { path: dir.join(file_name), file_name: file_name.to_owned(), name, is_active }
    }

    /// Whether its name ends with `.zst`.
    pub fn is_compressed(&self) -> bool {
        self.file_name.ends_with(".zst")
    }
}

/// Shows `found` every file below the home that may be a rollout and whose name is `wanted`, in no particular order.
pub fn walk(disk: &dyn Disk, home: &Path, wanted: impl Fn(&str) -> bool, mut found: impl FnMut(RolloutFile)) {
    let mut walk = Walk { disk, wanted: &wanted, found: &mut found, seen: HashSet::new(), names_left: NAMES };
    walk.tree(&home.join("sessions"), true);
    walk.tree(&home.join("archived_sessions"), false);
}

/// The same for one directory below `sessions`, without those below it.
pub(super) fn look_in(disk: &dyn Disk, dir: &Path, wanted: impl Fn(&str) -> bool, mut found: impl FnMut(RolloutFile)) {
    let mut walk = Walk { disk, wanted: &wanted, found: &mut found, seen: HashSet::new(), names_left: NAMES };
    walk.directory(dir, true, &mut |_| {});
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    wanted: &'a dyn Fn(&str) -> bool,
    found: &'a mut dyn FnMut(RolloutFile),
    /// Directories visited, where the disk can tell them apart.
    seen: HashSet<(u64, u64)>,
    names_left: usize,
}

impl Walk<'_> {
    fn tree(&mut self, root: &Path, is_active: bool) {
        let mut waiting = vec![(root.to_owned(), 0)];
        while let Some((dir, depth)) = waiting.pop() {
            let Ok(status) = self.disk.status(&dir) else { continue };
            if status.identity.is_some_and(|identity| !self.seen.insert(identity)) {
                continue;
            }
            self.directory(&dir, is_active, &mut |below| {
                if depth < DEPTH {
                    waiting.push((below, depth + 1));
                }
            });
        }
    }

    /// Looks at the names of one directory.
    fn directory(&mut self, dir: &Path, is_active: bool, below: &mut dyn FnMut(PathBuf)) {
        // A directory that can not be read, or only in part, hides its files and nothing else.
        let _ = self.disk.visit(dir, &mut |name, kind| {
            let Some(left) = self.names_left.checked_sub(1) else { return ControlFlow::Break(()) };
            self.names_left = left;
            let file_name = name.to_str().filter(|name| may_be_rollout(name));
            if file_name.is_some_and(|name| !(self.wanted)(name)) && kind != Some(EntryKind::Dir) {
                return ControlFlow::Continue(());
            }
            match kind.unwrap_or_else(|| self.kind_of(dir, name)) {
                EntryKind::Dir => below(dir.join(name)),
                EntryKind::File => {
                    if let Some(file_name) = file_name {
                        (self.found)(RolloutFile::new(dir, file_name, is_active));
                    }
                }
                EntryKind::Other => {}
            }
            ControlFlow::Continue(())
        });
    }

    /// What a link leads to.
    fn kind_of(&self, dir: &Path, name: &OsStr) -> EntryKind {
        self.disk.status(&dir.join(name)).map_or(EntryKind::Other, |status| status.kind)
    }
}

fn may_be_rollout(name: &str) -> bool {
    !name.starts_with('.') && name.strip_suffix(".zst").unwrap_or(name).ends_with(".jsonl")
}
