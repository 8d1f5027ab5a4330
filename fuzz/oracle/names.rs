//! What holds of names and ids, whatever the text.
//!
//! * What is taken for one is spelt as one, and leads nowhere else; what is spelt as one is taken. How they are spelt is
//!   written down here a second time, in another way.
//! * What is said of a text that is no id points at a character of it.
//! * In a home whose files have these names, an id finds a file that is named by it or says so inside, if there is one.
//!
//! The first line of a text is an id, each further one a file: its first character tells a directory and what the file
//! holds, the rest is its name.

use std::path::{Path, PathBuf};

use rehydra::rollout::id::IdError;
use rehydra::rollout::locate::{RolloutName, Segments};
use rehydra::rollout::{ThreadId, find_segment, find_thread_path, find_thread_path_by_id_str};

use super::memory::Memory;

const HOME: &str = "/home";
const DIRECTORIES: [&str; 6] =
    ["sessions/2026/11/22", "sessions/2026/11/23", "sessions/2025/01/02", "sessions", "archived_sessions", "elsewhere"];
/// Most files of a home.
const FILES: usize = 50;

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    id_holds(text);
    name_holds(text);
    let mut lines = text.split('\n');
    let asked = lines.next().unwrap_or_default();
    let home = Home::of(asked, lines);
    id_holds(asked);
    home.holds(asked);
}

fn id_holds(text: &str) {
    match ThreadId::parse(text) {
        Ok(id) => {
            let spelt = id.to_string();
            assert!(spelt.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte) || byte == b'-'));
            assert_eq!(spelt.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{spelt}");
            assert_eq!(ThreadId::parse(&spelt).ok(), Some(id));
            let simple = spelt.replace('-', "");
            let forms = [spelt.clone(), format!("{{{spelt}}}"), format!("urn:uuid:{spelt}"), simple];
            let lower = text.strip_prefix("urn:uuid:").map(|rest| format!("urn:uuid:{}", rest.to_ascii_lowercase()));
            let lower = lower.unwrap_or_else(|| text.to_ascii_lowercase());
            assert!(forms.contains(&lower), "{text} is not {spelt}");
        }
        Err(wrong) => {
            let inner = text.strip_prefix("urn:uuid:").unwrap_or(text);
            assert!(!is_hyphenated(inner), "{text} is refused: {wrong}");
            assert!(
                text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{text} is refused: {wrong}"
            );
            if let IdError::Character { found, at } = wrong {
                assert!(
                    text.get(at - 1..).is_some_and(|rest| rest.starts_with(found)),
                    "{found} is not at {at} of {text}"
                );
            }
        }
    }
}

fn name_holds(text: &str) {
    let Some(name) = RolloutName::parse(text) else {
        assert!(!is_rollout_name(text), "{text} is refused");
        return;
    };
    assert!(is_rollout_name(text), "{text} is taken for {name:?}");
    let segment = name.segment.map_or(String::new(), |segment| format!("_{segment}"));
    let packed = if name.compressed { ".zst" } else { "" };
    let spelt = format!("rollout-{}-{}{segment}.jsonl{packed}", name.time, name.thread);
    assert!(spelt.eq_ignore_ascii_case(text), "{text} is not {spelt}");
    assert_eq!(name.rollout_id(), name.segment.unwrap_or(name.thread.uuid()));
}

/// By its pattern: a letter stands for what it is, `0` for a digit, `h` for a hexadecimal one.
fn fits(text: &[u8], pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.iter().zip(pattern.bytes()).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            pattern => *byte == pattern,
        })
}

const ID: &str = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

fn is_hyphenated(text: &str) -> bool {
    fits(text.as_bytes(), ID)
}

fn is_rollout_name(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("rollout-") else { return false };
    let root = format!("0000-00-00T00-00-00-{ID}");
    let stem = rest.strip_suffix(".zst").unwrap_or(rest).strip_suffix(".jsonl").unwrap_or_default().as_bytes();
    fits(stem, &root) || fits(stem, &format!("{root}_{ID}"))
}

/// One file of a home.
struct File {
    path: PathBuf,
    name: String,
    /// The thread that it says it is of.
    says: Option<ThreadId>,
}

struct Home {
    disk: Memory,
    files: Vec<File>,
}

impl Home {
    fn of<'a>(asked: &str, lines: impl Iterator<Item = &'a str>) -> Home {
        let mut home = Home { disk: Memory::default(), files: Vec::new() };
        for line in lines.take(FILES) {
            let mut chars = line.chars();
            let choice = chars.next().map_or(0, |c| u32::from(c) as usize);
            let name = chars.as_str();
            if name.is_empty() || name.contains(['/', '\0']) || matches!(name, "." | "..") {
                continue;
            }
            let path = Path::new(HOME).join(DIRECTORIES[choice % DIRECTORIES.len()]).join(name);
            // A file cannot stand where a directory does.
            if home.files.iter().any(|file| file.path == path)
                || DIRECTORIES.iter().any(|dir| Path::new(HOME).join(dir).starts_with(&path))
            {
                continue;
            }
            let own = RolloutName::parse(name).map(|name| name.thread);
            let (says, more) = match choice / DIRECTORIES.len() % 4 {
                0 => (own, ""),
                1 => (own, r#","history_mode":"paginated""#),
                2 => (ThreadId::parse(asked).ok(), ""),
                _ => (None, ""),
            };
            let meta = |id| {
                format!("{{\"timestamp\":\"t\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"{more}}}}}\n")
            };
            home.disk.put(&path, says.map_or(String::new(), meta).as_bytes());
            home.files.push(File { path, name: name.to_owned(), says });
        }
        home
    }

    fn holds(&self, asked: &str) {
        let found = find_thread_path_by_id_str(&self.disk, Path::new(HOME), asked).expect("memory can be read");
        let Ok(id) = ThreadId::parse(asked) else {
            assert_eq!(found, None, "{asked} is no id");
            return;
        };
        let by_id = find_thread_path(&self.disk, Path::new(HOME), id).expect("memory can be read");
        assert!(asked.len() > 128 || by_id == found);
        let found = by_id.map(|path| self.file(&path));
        let files = || self.files.iter().filter(|file| file.may_be_found());
        let is_named = |file: &File| RolloutName::parse(&file.name).is_some_and(|name| name.thread == id);
        match found {
            Some(file) => {
                assert!(file.may_be_found(), "{:?} is no rollout", file.path);
                assert!(is_named(file) || file.says == Some(id), "{:?} is not {id}", file.path);
                assert!(is_named(file) || !files().any(is_named), "{:?} comes before one that is named", file.path);
            }
            None => {
                let missed = files().find(|file| is_named(file) || file.says == Some(id));
                assert!(missed.is_none(), "{:?} is missed", missed.map(|file| &file.path));
            }
        }
        self.segment_holds(id);
    }

    fn segment_holds(&self, id: ThreadId) {
        let found = find_segment(&self.disk, Path::new(HOME), id.uuid()).expect("memory can be read");
        let is_named = |file: &File| RolloutName::parse(&file.name).is_some_and(|name| name.rollout_id() == id.uuid());
        match &found {
            Some(path) => assert!(is_named(self.file(path)) && self.file(path).may_be_found(), "{path:?} is not {id}"),
            None => assert!(!self.files.iter().any(|file| file.may_be_found() && is_named(file)), "{id} is missed"),
        }
        let mut segments = Segments::new(&self.disk, Path::new(HOME));
        let again = segments.find(id.uuid()).expect("memory can be read");
        assert_eq!(again.is_some(), found.is_some(), "{again:?}");
    }

    fn file(&self, path: &Path) -> &File {
        self.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{} is not there", path.display()))
    }
}

impl File {
    fn may_be_found(&self) -> bool {
        let stem = self.name.strip_suffix(".zst").unwrap_or(&self.name);
        let is_below = !self.path.starts_with(Path::new(HOME).join("elsewhere"));
        is_below && stem.ends_with(".jsonl") && !self.name.starts_with('.')
    }
}
