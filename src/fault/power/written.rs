//! The session files of a run as the injector saw them written: as they are, and as far as they were synced.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{
    BlobStore, Event, FileOp, Incarnation, Kind, Snapshot, SnapshotWhen, WriteSeen, is_home_path, is_session_path,
    sha256_hex,
};

/// Contents of files by their paths, as journals tell them.
pub type Files = BTreeMap<String, Vec<u8>>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub(super) inodes: Vec<Inode>,
    /// What each path is now.
    pub(super) names: BTreeMap<String, Node>,
    /// What each path is as far as its directory was synced.
    pub(super) lasting: BTreeMap<String, Node>,
    /// What could not be followed.
    gaps: Vec<String>,
    /// The lives that are not over.
    alive: BTreeSet<Incarnation>,
    /// The machine has stopped since the last life began.
    lost: bool,
}

/// The step after which whatever is there has survived a power loss.
const POWER_LOSS: &str = "power-loss";

/// A file's content.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub(super) now: Vec<u8>,
    pub(super) synced: Vec<u8>,
    /// What has changed since it was synced, in order.
    pub(super) since: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: u64, data: Vec<u8> },
    Truncate { len: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File(usize),
    Dir,
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, data } => {
                let Ok(from) = usize::try_from(*offset) else { return };
                let to = from.saturating_add(data.len());
                if content.len() < to {
                    content.resize(to, 0);
                }
                if let Some(there) = content.get_mut(from..to) {
                    there.copy_from_slice(data);
                }
            }
            Change::Truncate { len } => content.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }
}

impl Written {
    /// Replays the events of a run, or the first of them.
    pub fn replay<'e>(events: impl IntoIterator<Item = &'e Event>, blobs: &BlobStore) -> Written {
        let mut written = Written::default();
        for event in events {
            written.follow(event, blobs);
        }
        written
    }

    /// Goes on with one event more.
    pub fn follow(&mut self, event: &Event, blobs: &BlobStore) {
        match &event.kind {
            Kind::Write(seen) if is_session_path(&seen.path) || is_home_path(&seen.path) => self.take(seen, blobs),
            Kind::Spawn(_) => drop(self.alive.insert(event.incarnation)),
            Kind::Death(_) => drop(self.alive.remove(&event.incarnation)),
            Kind::Step(step) if step.what == POWER_LOSS => self.lost = true,
            Kind::Snapshot(snapshot) if snapshot.when == SnapshotWhen::Birth => self.settle(snapshot, blobs),
            _ => {}
        }
    }

    /// The files as every process sees them.
    pub fn now(&self) -> Files {
        self.contents(&self.names, |inode| inode.now.clone())
    }

    /// What could not be followed: writes whose bytes are not in the journal, files that are not known.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// In which files a snapshot shows something else than what was seen written, which says that something was written
    /// past the injector.
    pub fn differs(&self, snapshot: &Snapshot) -> Vec<String> {
        let now = self.now();
        let shown: BTreeMap<&str, &str> =
            snapshot.files.iter().map(|file| (file.path.as_str(), file.sha256.as_str())).collect();
        let other = |(path, content): (&String, &Vec<u8>)| match shown.get(path.as_str()) {
            Some(sha256) if *sha256 == sha256_hex(content) => None,
            Some(_) => Some(format!("{path} holds something else")),
            None => Some(format!("{path} is not there")),
        };
        let unseen =
            shown.keys().filter(|path| !now.contains_key(**path)).map(|path| format!("{path} was not seen made"));
        now.iter().filter_map(other).chain(unseen).collect()
    }

    pub(super) fn contents(&self, names: &BTreeMap<String, Node>, content: impl Fn(&Inode) -> Vec<u8>) -> Files {
        let file = |(path, node): (&String, &Node)| match node {
            Node::File(at) => Some((path.clone(), content(self.inodes.get(*at)?))),
            Node::Dir => None,
        };
        names.iter().filter_map(file).collect()
    }

    fn take(&mut self, seen: &WriteSeen, blobs: &BlobStore) {
        if seen.errno.is_some() && seen.landed == 0 {
            return;
        }
        let path = seen.path.as_str();
        match seen.op {
            FileOp::Create => {
                let node = match seen.to.as_deref() {
                    None => self.fresh(),
                    Some(of) => self.names.get(of).copied().unwrap_or_else(|| {
                        self.gaps.push(format!("{path} is a further name of {of}, which is not known"));
                        self.fresh()
                    }),
                };
                self.names.insert(path.to_owned(), node);
            }
            FileOp::Mkdir => drop(self.names.insert(path.to_owned(), Node::Dir)),
            FileOp::Unlink => drop(self.names.remove(path)),
            FileOp::Rename => self.rename(path, seen.to.as_deref()),
            FileOp::Sync => self.sync(path),
            FileOp::Write => {
                let landed = usize::try_from(seen.landed).unwrap_or(usize::MAX);
                let data = seen.body.as_ref().and_then(|body| blobs.bytes(body).ok());
                match data.as_deref().and_then(|data| data.get(..landed)) {
                    Some(data) => self.change(path, Change::Write { offset: seen.offset, data: data.to_vec() }),
                    None => self.gaps.push(format!("{path}: the bytes of write {} are not in the journal", seen.order)),
                }
            }
            FileOp::Truncate => self.change(path, Change::Truncate { len: seen.len }),
            FileOp::Read => {}
        }
    }

    /// Whatever is there between two lives and was not seen written was put there by the player, and lasts. While another
    /// life is running only what is new can be told from what that one does.
    fn settle(&mut self, snapshot: &Snapshot, blobs: &BlobStore) {
        if std::mem::take(&mut self.lost) {
            // What a power loss has left, nothing can take any more.
            *self = Written { gaps: std::mem::take(&mut self.gaps), ..Written::default() };
        }
        let alone = self.alive.is_empty();
        let shown: Vec<&str> = snapshot.files.iter().map(|file| file.path.as_str()).collect();
        let gone = |(path, node): (&String, &Node)| {
            (alone && matches!(node, Node::File(_)) && !shown.contains(&path.as_str())).then(|| path.clone())
        };
        // What the target removed itself is no name any more, and stays one that lasts until its directory is synced.
        for path in self.names.iter().filter_map(gone).collect::<Vec<_>>() {
            self.names.remove(&path);
            self.lasting.remove(&path);
        }
        for file in &snapshot.files {
            let known = match self.names.get(&file.path) {
                Some(Node::File(at)) => self.inodes.get(*at),
                _ => None,
            };
            if known.is_some_and(|inode| !alone || sha256_hex(&inode.now) == file.sha256) {
                continue;
            }
            let Some(content) = file.blob.as_deref().and_then(|blob| blobs.get(blob).ok()) else {
                self.gaps.push(format!("{}: its content is not in the journal", file.path));
                continue;
            };
            let node = Node::File(self.inodes.len());
            self.inodes.push(Inode { now: content.clone(), synced: content, since: Vec::new() });
            self.names.insert(file.path.clone(), node);
            self.lasting.insert(file.path.clone(), node);
            self.keep_above(&file.path);
        }
    }

    /// The directories of a file that lasts do.
    fn keep_above(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            if let Some(above) = path.get(..at).filter(|above| self.names.contains_key(*above)) {
                self.lasting.insert(above.to_owned(), Node::Dir);
            }
        }
    }

    fn fresh(&mut self) -> Node {
        self.inodes.push(Inode::default());
        Node::File(self.inodes.len() - 1)
    }

    fn change(&mut self, path: &str, change: Change) {
        let at = match self.names.get(path) {
            Some(Node::File(at)) => *at,
            _ => {
                self.gaps.push(format!("{path} was written and never seen made"));
                let Node::File(at) = self.fresh() else { return };
                self.names.insert(path.to_owned(), Node::File(at));
                at
            }
        };
        if let Some(inode) = self.inodes.get_mut(at) {
            change.apply(&mut inode.now);
            inode.since.push(change);
        }
    }

    fn sync(&mut self, path: &str) {
        if let Some(Node::File(at)) = self.names.get(path) {
            if let Some(inode) = self.inodes.get_mut(*at) {
                inode.synced.clone_from(&inode.now);
                inode.since.clear();
            }
            return;
        }
        self.lasting.retain(|name, _| !is_child(name, path) || self.names.contains_key(name));
        let children: Vec<_> = self
            .names
            .iter()
            .filter(|(name, _)| is_child(name, path))
            .map(|(name, node)| (name.clone(), *node))
            .collect();
        self.lasting.extend(children);
    }

    /// A rename out of the session files is a removal.
    fn rename(&mut self, from: &str, to: Option<&str>) {
        let below = |name: &str| {
            name.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/')).map(str::to_owned)
        };
        let moved: Vec<(String, Node)> = self
            .names
            .iter()
            .filter(|(name, _)| below(name).is_some())
            .map(|(name, node)| (name.clone(), *node))
            .collect();
        for (name, node) in moved {
            self.names.remove(&name);
            if let (Some(to), Some(rest)) = (to, below(&name)) {
                self.names.insert(format!("{to}{rest}"), node);
            }
        }
    }
}

/// Whether a name stands directly in a directory.
fn is_child(name: &str, dir: &str) -> bool {
    let below =
        if dir.is_empty() { Some(name) } else { name.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) };
    below.is_some_and(|rest| !rest.contains('/'))
}
