//! Looking at the home: which session files there are, and under which settings a turn was written.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::journal::{
    Answer, AnswerOutcome, Journal, Kind, Lane, SESSION_DIRS, Settings, SettingsSource, SnapshotFile, len_and_sha256,
};
use crate::limits::BLOB_BYTES;
use crate::rollout::{find_thread_path_by_id_str, read_history};
use crate::target::Ask;
use crate::world::World;

/// Deepest directory that is looked at.
const DEPTH: usize = 8;

/// Every regular file below the covered directories of the homes, sorted by path; each home comes with what stands
/// before its paths. Links are not followed; lock files are left out, because they hold nothing.
pub(super) fn session_files(homes: &[(String, PathBuf)], journal: &Journal) -> Vec<SnapshotFile> {
    let mut files = Vec::new();
    for (prefix, home) in homes {
        let before = files.len();
        for top in SESSION_DIRS {
            collect(home, &home.join(top), DEPTH, journal, &mut files);
        }
        files.iter_mut().skip(before).for_each(|file: &mut SnapshotFile| file.path.insert_str(0, prefix));
    }
    files.sort_by(|a: &SnapshotFile, b| a.path.cmp(&b.path));
    files
}

fn collect(home: &Path, dir: &Path, depth: usize, journal: &Journal, files: &mut Vec<SnapshotFile>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            collect(home, &path, depth - 1, journal, files);
        } else if kind.is_file() && path.extension().is_none_or(|e| e != "lock") {
            files.extend(file(home, &path, journal));
        }
    }
}

fn file(home: &Path, path: &Path, journal: &Journal) -> Option<SnapshotFile> {
    use std::os::unix::fs::PermissionsExt;
    let mut file = fs::File::open(path).ok()?;
    let mode = file.metadata().ok()?.permissions().mode() & 0o7777;
    // A target may write files of any length: what would be no blob anyway is counted and digested, never held.
    let mut bytes = Vec::new();
    file.by_ref().take(BLOB_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    let blob = if bytes.len() <= BLOB_BYTES { journal.blob(&bytes) } else { None };
    let (len, sha256) = len_and_sha256(bytes.chain(file)).ok()?;
    let path = path.strip_prefix(home).ok()?.display().to_string();
    Some(SnapshotFile { path, len, sha256, mode, blob })
}

/// Journals the settings of the last `turn_context` in the rollout that an answered call names.
pub(super) fn settings_written(world: &World, home: &Path, ask: &Ask, answer: &Answer, journal: &Journal) {
    if answer.outcome != AnswerOutcome::Reply {
        return;
    }
    let Some(id) = &answer.id_returned else { return };
    let Ok(Some(path)) = find_thread_path_by_id_str(&*world.disk, home, id) else { return };
    let Ok(history) = read_history(&*world.disk, &path) else { return };
    let Some(context) = history.turn_context else { return };
    let settings = Settings {
        from: answer.from.clone(),
        call: ask.call,
        cwd: context.cwd.map(|cwd| cwd.display().to_string()),
        sandbox: context.sandbox.map(|sandbox| sandbox.name().to_owned()),
        approval: context.approval.map(|approval| approval.name().to_owned()),
        source: SettingsSource::TurnContext,
    };
    journal.append(Lane::Player, Kind::Settings(settings));
}
