//! Many segments of one home.
//!
//! The bases of a chain are asked for one after the other. Each lies in the days that its own id tells, unless the
//! thread was archived or its files were moved; the first that does not has the names of the whole home gathered, so
//! that a chain of a thousand costs one walk.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use std::collections::HashMap;

use uuid::Uuid;

use super::choose;
use super::find::segment_by_its_day;
use super::walk::{RolloutFile, walk};
use crate::world::Disk;

/// Finds segments as [`find_segment`](super::find_segment) does, for as long as it lives walking the home at most once.
pub struct Segments<'a> {
    disk: &'a dyn Disk,
    home: &'a Path,
    all: Option<HashMap<Uuid, Vec<Seen>>>,
}

/// A file, in about a hundred bytes: a home may hold a hundred thousand.
struct Seen {
    dir: Rc<Path>,
    file_name: Box<str>,
    is_active: bool,
}

impl<'a> Segments<'a> {
    /// Over `home`; nothing is read yet.
    pub fn new(disk: &'a dyn Disk, home: &'a Path) -> Segments<'a> {
        Segments { disk, home, all: None }
    }

    /// The file of the rollout `rollout_id`, or `None`.
    pub fn find(&mut self, rollout_id: Uuid) -> io::Result<Option<PathBuf>> {
        if let Some(path) = segment_by_its_day(self.disk, self.home, rollout_id) {
            return Ok(Some(path));
        }
        let (disk, home) = (self.disk, self.home);
        let all = self.all.get_or_insert_with(|| gather(disk, home));
        let files = all.get(&rollout_id).into_iter().flatten().map(Seen::file).collect();
        Ok(choose::copy_of(disk, files).map(|file| file.path))
    }
}

fn gather(disk: &dyn Disk, home: &Path) -> HashMap<Uuid, Vec<Seen>> {
    let mut all: HashMap<Uuid, Vec<Seen>> = HashMap::new();
    let mut dir: Rc<Path> = Rc::from(Path::new(""));
    walk(
        disk,
        home,
        |_| true,
        |file| {
            let (Some(name), Some(parent)) = (&file.name, file.path.parent()) else { return };
            if *dir != *parent {
                dir = Rc::from(parent);
            }
            let seen = Seen { dir: dir.clone(), file_name: file.file_name.into(), is_active: file.is_active };
            all.entry(name.rollout_id()).or_default().push(seen);
        },
    );
    all
}

impl Seen {
    fn file(&self) -> RolloutFile {
        RolloutFile::new(&self.dir, &self.file_name, self.is_active)
    }
}
