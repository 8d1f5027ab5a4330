//! What the caller is owed about a source rollout: losses, cuts, and a cwd that is gone.
//!
//! The rule is that no success hides a blank. Every loss is told with file and byte, the first of them one by one and
//! the rest as a number, because a file may consist of nothing else. Oddities that cost nothing are told as one note.

use std::path::{Path, PathBuf};

use super::chain::Extent;
use super::note::{Note, NoteKind, shown};
use crate::limits::NOTES_OF_A_KIND;
use crate::rollout::{Damage, DamageKind, History};
use crate::world::{Disk, EntryKind};

/// The notes owed about `source`, of which `extent` is continued.
pub(super) fn about_the_source(disk: &dyn Disk, source: &Path, history: &History, extent: Extent) -> Vec<Note> {
    let mut notes = losses(history, extent);
    notes.extend(oddities(history));
    notes.extend(end_of(source, history, extent));
    notes.extend(cwd_of(disk, source, history));
    notes
}

fn losses(history: &History, extent: Extent) -> Vec<Note> {
    // The last line of a file that a live process writes to is not torn but unfinished.
    let unfinished =
        |damage: &&Damage| extent == Extent::CompleteTurns && damage.kind == DamageKind::TornTail && damage.file == 0;
    let lost: Vec<&Damage> = history.damage.iter().filter(|damage| damage.is_lossy() && !unfinished(damage)).collect();
    let told = lost.iter().take(NOTES_OF_A_KIND).map(|damage| {
        let text = format!("something of the conversation is lost, {damage}");
        Note::new(NoteKind::Lost, text).at(file_of(history, damage), Some(damage.bytes.start))
    });
    let mut notes: Vec<Note> = told.collect();
    if let Some(next) = lost.get(NOTES_OF_A_KIND) {
        let further = count(lost.iter().skip(NOTES_OF_A_KIND).copied());
        let text = format!("{further} more losses, the next on {next}");
        notes.push(Note::new(NoteKind::Lost, text).at(file_of(history, next), Some(next.bytes.start)));
    }
    notes
}

fn oddities(history: &History) -> Option<Note> {
    let odd: Vec<&Damage> = history.damage.iter().filter(|damage| !damage.is_lossy()).collect();
    let first = odd.first()?;
    let text = match count(odd.iter().copied()) {
        1 => format!("an oddity of the rollout that costs the conversation nothing, {first}"),
        n => format!("{n} oddities of the rollout that cost the conversation nothing, the first: {first}"),
    };
    Some(Note::new(NoteKind::Damaged, text).at(file_of(history, first), Some(first.bytes.start)))
}

/// The file that an oddity stands in: the source, or one that it continues.
fn file_of<'a>(history: &'a History, damage: &Damage) -> &'a Path {
    history.files.get(damage.file as usize).map_or(Path::new(""), PathBuf::as_path)
}

/// How many oddities a list stands for; its last entry may be a number of further ones.
fn count<'a>(damage: impl Iterator<Item = &'a Damage>) -> u64 {
    damage.map(|damage| if let DamageKind::Further(n) = damage.kind { n } else { 1 }).fold(0, u64::saturating_add)
}

fn end_of(source: &Path, history: &History, extent: Extent) -> Option<Note> {
    let open = history.items.len().saturating_sub(history.complete_items);
    let items = if open == 1 { "1 item".to_owned() } else { format!("{open} items") };
    let note = match extent {
        Extent::CompleteTurns => {
            let text = format!(
                "the thread is loaded in another live process: this is a branch from its last complete turn, {items} \
                 of a turn under way left out; what is said there from now on is not known here"
            );
            Note::new(NoteKind::BranchedFromLive, text)
        }
        Extent::Whole if open > 0 => {
            let text = format!("the last turn was cut off before it ended; what there is of it, {items}, is kept");
            Note::new(NoteKind::Cut, text)
        }
        Extent::Whole => return None,
    };
    Some(note.at(source, None))
}

fn cwd_of(disk: &dyn Disk, source: &Path, history: &History) -> Option<Note> {
    let Some(cwd) = &history.cwd else {
        let text = "the rollout names no working directory; the conversation goes on in the server's own";
        return Some(Note::new(NoteKind::CwdUnknown, text).at(source, None));
    };
    if disk.status(cwd).is_ok_and(|status| status.kind == EntryKind::Dir) {
        return None;
    }
    let text =
        format!("the thread's working directory {} is no directory any more; it is kept all the same", shown(cwd));
    Some(Note::new(NoteKind::CwdMissing, text).at(source, None))
}
