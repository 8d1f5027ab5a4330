//! Thread id → file.

use std::io;
use std::path::{Path, PathBuf};

use crate::world::Disk;

/// The rollout of the thread `id` below `home` (`sessions/**`, `archived_sessions/**`), or `None`.
///
/// `id` is untrusted: a text that is no UUID is `None`.
pub fn find_thread_path_by_id_str(disk: &dyn Disk, home: &Path, id: &str) -> io::Result<Option<PathBuf>> {
    let _ = (disk, home, id);
    todo!()
}
