//! Where a foreign server keeps its conversations: one file each, one line for its beginning and one for each turn.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

/// A directory of conversations.
pub(crate) struct Store(PathBuf);

impl Store {
    /// `~/.foreign`, made if it is missing.
    pub(crate) fn open() -> Store {
        let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let dir = home.join(".foreign");
        fs::create_dir_all(&dir).expect("the store can be made");
        Store(dir)
    }

    pub(crate) fn begin(&self, id: &str, dir: Option<&str>, items: &[Value]) {
        let mut text = format!("{}\n", json!({"dir": dir}));
        if !items.is_empty() {
            text.push_str(&format!("{}\n", json!(items)));
        }
        fs::write(self.path(id).expect("our own id"), text).expect("the store can be written");
    }

    pub(crate) fn append(&self, id: &str, turn: &[Value]) {
        let mut file = File::options().append(true).open(self.path(id).expect("our own id")).expect("it was begun");
        file.write_all(format!("{}\n", json!(turn)).as_bytes()).expect("the store can be written");
    }

    /// The directory and the items of a conversation; `None` if there is none of that id. A line that is cut short was
    /// never acknowledged.
    pub(crate) fn read(&self, id: &str) -> Option<(Option<String>, Vec<Value>)> {
        let text = fs::read_to_string(self.path(id)?).ok()?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let dir = lines.next()?["dir"].as_str().map(str::to_owned);
        Some((dir, lines.filter_map(|turn| turn.as_array().cloned()).flatten().collect()))
    }

    /// Waits until no other process has a turn of that conversation under way, and keeps it so.
    pub(crate) fn hold(&self, id: &str) -> File {
        let path = self.path(id).expect("our own id").with_extension("lock");
        let file = File::options().append(true).create(true).open(path).expect("the store can be written");
        file.lock().expect("the store can be locked");
        file
    }

    /// An id is a file's name, and nothing else may be one.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plain.then(|| self.0.join(format!("{id}.jsonl")))
    }
}
