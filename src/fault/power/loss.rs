//! What a power loss takes.

use std::collections::BTreeMap;
use std::fmt;

use super::written::{Change, Files, Inode, Node, Written};

/// Bytes of a sector: what a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Of what was written and not synced.
    pub data: DataLoss,
    /// Whether names are lost whose directory was not synced since.
    pub names: bool,
}

/// What is lost of the bytes that were written and not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataLoss {
    /// Nothing.
    Kept,
    /// All of it.
    #[default]
    Lost,
    /// All but the first half of it.
    Half,
    /// All but its first bytes.
    After(u64),
    /// What stands behind the last whole sector of the file.
    Sector,
    /// The bytes; the length is there.
    Zeros,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.data {
            DataLoss::Kept => f.write_str("all bytes kept")?,
            DataLoss::Lost => f.write_str("all bytes that were not synced lost")?,
            DataLoss::Half => f.write_str("the second half of what was not synced lost")?,
            DataLoss::After(bytes) => write!(f, "all but {bytes} bytes of what was not synced lost")?,
            DataLoss::Sector => f.write_str("what was not synced lost from the last whole sector on")?,
            DataLoss::Zeros => f.write_str("zeros where bytes were not synced")?,
        }
        f.write_str(if self.names { ", names that were not synced lost" } else { "" })
    }
}

impl Written {
    /// The files that are left.
    pub fn after(&self, loss: Loss) -> Files {
        let left = |inode: &Inode| left(inode, loss.data);
        if !loss.names {
            return self.contents(&self.names, left);
        }
        let reached: BTreeMap<String, Node> = self
            .lasting
            .iter()
            .filter(|(path, _)| self.has_way(path))
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        self.contents(&reached, left)
    }

    /// Losses that leave different files, and none that leaves what the death of the process alone leaves.
    pub fn losses(&self) -> Vec<Loss> {
        let data = [DataLoss::Kept, DataLoss::Lost, DataLoss::Half, DataLoss::Sector, DataLoss::Zeros];
        let all = [false, true].into_iter().flat_map(|names| data.map(|data| Loss { data, names }));
        let mut seen: Vec<Files> = vec![self.now()];
        let differs = |loss: &Loss| {
            let left = self.after(*loss);
            let new = !seen.contains(&left);
            if new {
                seen.push(left);
            }
            new
        };
        all.filter(differs).collect()
    }

    /// Whether every directory above a path lasts; one that the target has not made does.
    fn has_way(&self, path: &str) -> bool {
        path.match_indices('/')
            .filter_map(|(at, _)| path.get(..at))
            .all(|above| self.lasting.contains_key(above) || !self.names.contains_key(above))
    }
}

fn left(inode: &Inode, data: DataLoss) -> Vec<u8> {
    let pending: u64 = inode.since.iter().map(weight).sum();
    match data {
        DataLoss::Kept => inode.now.clone(),
        DataLoss::Lost => inode.synced.clone(),
        DataLoss::Half => first(inode, pending / 2),
        DataLoss::After(bytes) => first(inode, bytes),
        DataLoss::Sector => {
            let len = inode.now.len() as u64;
            let whole = (len - len % SECTOR_BYTES).max(inode.synced.len() as u64);
            let mut content = inode.now.clone();
            content.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
            content
        }
        DataLoss::Zeros => {
            let mut content = inode.synced.clone();
            for change in &inode.since {
                match change {
                    Change::Write { offset, data } => {
                        Change::Write { offset: *offset, data: vec![0; data.len()] }.apply(&mut content);
                    }
                    truncate => truncate.apply(&mut content),
                }
            }
            content
        }
    }
}

fn weight(change: &Change) -> u64 {
    match change {
        Change::Write { data, .. } => data.len() as u64,
        Change::Truncate { .. } => 0,
    }
}

/// The content after the first bytes of what was written since it was synced.
fn first(inode: &Inode, mut bytes: u64) -> Vec<u8> {
    let mut content = inode.synced.clone();
    for change in &inode.since {
        match change {
            Change::Write { offset, data } => {
                let lands = usize::try_from(bytes).unwrap_or(usize::MAX).min(data.len());
                let landed = data.get(..lands).unwrap_or_default().to_vec();
                Change::Write { offset: *offset, data: landed }.apply(&mut content);
                if lands < data.len() {
                    break;
                }
                bytes -= lands as u64;
            }
            truncate => truncate.apply(&mut content),
        }
    }
    content
}
