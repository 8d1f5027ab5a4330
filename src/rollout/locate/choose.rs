//! Which of several files is the thread's.
//!
//! A thread may have many: segments that continue one another, copies, an archived one beside an active one, a
//! compressed one beside a plain one, empty ones that a crash left. The module's head lists what counts, in its order;
//! here is how it is found out. Only where there is a choice are files opened, each once, and no more of them than a
//! chain may have segments: of more than that the newest names.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::head::Head;
use super::walk::RolloutFile;
use crate::limits::SEGMENT_CHAIN;
use crate::rollout::ThreadId;
use crate::world::Disk;

/// The thread's file among those whose names say its id. A single one is not opened.
pub(super) fn head_of(disk: &dyn Disk, id: ThreadId, files: Vec<RolloutFile>) -> Option<RolloutFile> {
    let mut files = with_heads(disk, files);
    keep_if_any(&mut files, |(_, head)| head.has_records);
    keep_if_any(&mut files, |(_, head)| head.id.is_none_or(|inside| inside == id));
    keep_if_any(&mut files, |(file, _)| file.is_active);
    let mut rollouts: BTreeMap<Option<Uuid>, (RolloutFile, Head)> = BTreeMap::new();
    for (file, head) in files {
        let rollout = file.name.as_ref().map(|name| name.rollout_id());
        match rollouts.get(&rollout) {
            Some((other, _)) if of_one_rollout(other, &file) == Ordering::Greater => {}
            _ => _ = rollouts.insert(rollout, (file, head)),
        }
    }
    let continued =
        |(rollout, (_, head)): (&Option<Uuid>, &(RolloutFile, Head))| head.base.filter(|base| Some(*base) != *rollout);
    let continued: BTreeSet<Uuid> = rollouts.iter().filter_map(continued).collect();
    let mut heads: Vec<_> = rollouts.into_iter().collect();
    keep_if_any(&mut heads, |(rollout, _)| rollout.is_none_or(|rollout| !continued.contains(&rollout)));
    heads.into_iter().map(|(_, (file, _))| file).max_by(of_one_thread)
}

/// The rollout's file among those whose names say its id. A single one is not opened.
pub(super) fn copy_of(disk: &dyn Disk, files: Vec<RolloutFile>) -> Option<RolloutFile> {
    let mut files = with_heads(disk, files);
    keep_if_any(&mut files, |(_, head)| head.has_records);
    files.into_iter().map(|(file, _)| file).max_by(|a, b| a.is_active.cmp(&b.is_active).then(of_one_rollout(a, b)))
}

fn with_heads(disk: &dyn Disk, mut files: Vec<RolloutFile>) -> Vec<(RolloutFile, Head)> {
    if files.len() < 2 {
        return files.into_iter().map(|file| (file, Head::default())).collect();
    }
    files.sort_by(|a, b| of_one_thread(b, a));
    files.truncate(SEGMENT_CHAIN);
    let with_head = |file: RolloutFile| {
        let head = Head::read(disk, &file.path);
        (file, head)
    };
    files.into_iter().map(with_head).collect()
}

fn keep_if_any<T>(items: &mut Vec<T>, is_good: impl Fn(&T) -> bool) {
    if items.iter().any(&is_good) {
        items.retain(is_good);
    }
}

fn of_one_rollout(a: &RolloutFile, b: &RolloutFile) -> Ordering {
    b.is_compressed().cmp(&a.is_compressed()).then_with(|| of_one_thread(a, b))
}

fn of_one_thread(a: &RolloutFile, b: &RolloutFile) -> Ordering {
    fn key(file: &RolloutFile) -> Option<(&str, bool)> {
        file.name.as_ref().map(|name| (name.time.as_str(), name.segment.is_some()))
    }
    key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
}
