//! A rollout as it is placed, and the edits that the conditions are made of.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use rehydra::rollout::ThreadId;

/// A rollout as it is placed below `CODEX_HOME`.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The id that is asked for.
    pub(crate) id: ThreadId,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
    /// What lies beside it.
    pub(crate) others: Vec<(PathBuf, Vec<u8>)>,
}

pub(crate) enum Base {
    There,
    Missing,
    Short,
    Archived,
    Itself,
}

impl Placed {
    pub(crate) fn with(self, bytes: Vec<u8>) -> Option<Placed> {
        Some(Placed { bytes, ..self })
    }

    pub(crate) fn bytes_of(mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Option<Placed> {
        edit(&mut self.bytes);
        Some(self)
    }

    pub(crate) fn lines(self, edit: impl FnOnce(&mut Vec<String>)) -> Option<Placed> {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let before = lines.clone();
        edit(&mut lines);
        let changed = before != lines;
        let bytes = lines.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect();
        changed.then_some(Placed { bytes, ..self })
    }

    /// Edits the line of the last prompt.
    pub(crate) fn middle(self, edit: impl FnOnce(&str) -> String) -> Option<Placed> {
        self.lines(|lines| {
            let at = lines.iter().rposition(|l| l.contains("response_item") && l.contains("Remember the")).unwrap_or(0);
            lines[at] = edit(&lines[at]);
        })
    }

    pub(crate) fn record(self, at: usize, edit: impl FnOnce(&mut Value)) -> Option<Placed> {
        self.lines(|lines| {
            let mut value: Value = serde_json::from_str(&lines[at]).unwrap_or_default();
            edit(&mut value);
            lines[at] = value.to_string();
        })
    }

    pub(crate) fn last_record(self, edit: impl FnOnce(&mut Value)) -> Option<Placed> {
        let at = self.bytes.iter().filter(|byte| **byte == b'\n').count() - 1;
        self.has_ordinals().then_some(())?;
        self.record(at, edit)
    }

    pub(crate) fn middle_key(self, key: &str, to: Option<Value>) -> Option<Placed> {
        self.middle(|line| {
            let mut value: Value = serde_json::from_str(line).unwrap_or_default();
            change(&mut value, key, to);
            value.to_string()
        })
    }

    pub(crate) fn meta(self, key: &str, to: Option<Value>) -> Option<Placed> {
        self.record(0, |record| {
            if let Some(payload) = record.get_mut("payload") {
                change(payload, key, to);
            }
        })
    }

    pub(crate) fn item(self, value: Value) -> Option<Placed> {
        self.items(&[value])
    }

    /// Items between the turns.
    pub(crate) fn items(self, values: &[Value]) -> Option<Placed> {
        let ordinals = self.has_ordinals();
        self.lines(|lines| {
            let at = lines.iter().position(|l| l.contains("task_complete")).map_or(3, |at| at + 1);
            for (n, value) in values.iter().enumerate() {
                let mut record: Value = serde_json::from_str(&item(at + n, value.clone())).unwrap_or_default();
                if !ordinals {
                    remove(&mut record, "ordinal");
                }
                lines.insert(at + n, record.to_string());
            }
        })
    }

    pub(crate) fn append(self, records: &[(&str, Value)]) -> Option<Placed> {
        let ordinals = self.has_ordinals();
        self.lines(|lines| {
            for (kind, payload) in records {
                let mut record: Value =
                    serde_json::from_str(&record(lines.len(), kind, payload.clone())).unwrap_or_default();
                if !ordinals {
                    remove(&mut record, "ordinal");
                }
                lines.push(record.to_string());
            }
        })
    }

    /// Moves the first line behind the next `lines` ones.
    pub(crate) fn meta_behind(self, lines: usize) -> Option<Placed> {
        self.lines(|l| {
            let meta = l.remove(0);
            l.insert(lines, meta);
        })
    }

    /// Puts the first line that holds the word before the first one.
    pub(crate) fn before_meta(self, word: &str) -> Option<Placed> {
        self.lines(|lines| {
            if let Some(at) = lines.iter().skip(1).position(|line| line.contains(word)) {
                let line = lines.remove(at + 1);
                lines.insert(0, line);
            }
        })
    }

    pub(crate) fn has_ordinals(&self) -> bool {
        self.bytes.windows(11).any(|part| part == b"\"ordinal\":0")
    }

    pub(crate) fn moved(mut self, to: &str) -> Option<Placed> {
        self.path = Path::new(to).join(self.path.file_name()?);
        Some(self)
    }
}

pub(crate) fn cut(lines: &mut [String], at: usize) {
    let half = lines[at].len() / 2;
    lines[at].truncate(half);
}

pub(crate) fn not_utf8(bytes: &mut [u8], _: usize) {
    let at = bytes.windows(6).position(|part| part == b"colour").unwrap_or(0);
    bytes[at] = 0xff;
}

pub(crate) fn novelty(ordinal: usize) -> String {
    record(ordinal, "novelty", json!({"x": 1.5}))
}

pub(crate) fn item(ordinal: usize, payload: Value) -> String {
    record(ordinal, "response_item", payload)
}

pub(crate) fn record(ordinal: usize, kind: &str, payload: Value) -> String {
    json!({"timestamp": "2026-11-20T10:00:00.000Z", "ordinal": ordinal, "type": kind, "payload": payload}).to_string()
}

pub(crate) fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

pub(crate) fn call(id: &str) -> Value {
    json!({"type": "function_call", "name": "shell", "arguments": "{}", "call_id": id})
}

/// A compaction that leaves one message.
pub(crate) fn compaction() -> (&'static str, Value) {
    ("compacted", json!({"message": "s", "replacement_history": [user("sum")]}))
}

/// The same between the events of a turn of its own.
pub(crate) fn compaction_in_its_turn() -> Vec<(&'static str, Value)> {
    vec![
        ("event_msg", json!({"type": "task_started", "turn_id": "c"})),
        compaction(),
        ("event_msg", json!({"type": "task_complete", "turn_id": "c"})),
    ]
}

/// So many turns are taken back.
pub(crate) fn rolled_back(num_turns: u64) -> (&'static str, Value) {
    ("event_msg", json!({"type": "thread_rolled_back", "num_turns": num_turns}))
}

/// Records, then a turn as Codex writes one, then a rollback.
pub(crate) fn with_turn(mut before: Vec<(&str, Value)>, num_turns: u64) -> Vec<(&str, Value)> {
    before.extend([
        ("event_msg", json!({"type": "task_started", "turn_id": "x", "model_context_window": 258_400})),
        ("turn_context", json!({"turn_id": "x", "cwd": "/tmp", "approval_policy": "never", "sandbox_policy": {"type": "read-only"}, "model": "rehydra-stub", "summary": "auto"})),
        ("response_item", user("after")),
        ("event_msg", json!({"type": "user_message", "message": "after", "images": []})),
        ("response_item", json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "re after"}]})),
        ("event_msg", json!({"type": "agent_message", "message": "re after"})),
        ("event_msg", json!({"type": "task_complete", "turn_id": "x", "last_agent_message": "re after"})),
        rolled_back(num_turns),
    ]);
    before
}

/// An id that differs in one digit.
pub(crate) fn another(id: &ThreadId) -> String {
    let id = id.to_string();
    format!("{}f{}", &id[..24], &id[25..])
}

pub(crate) fn nest(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

pub(crate) fn change(value: &mut Value, key: &str, to: Option<Value>) {
    match to {
        Some(to) => set(value, key, to),
        None => remove(value, key),
    }
}

pub(crate) fn set(value: &mut Value, key: &str, to: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), to);
    }
}

pub(crate) fn remove(value: &mut Value, key: &str) {
    if let Some(map) = value.as_object_mut() {
        map.shift_remove(key);
    }
}

pub(crate) fn second_meta(placed: Placed) -> Option<Placed> {
    placed.lines(|lines| {
        let mut meta: Value = serde_json::from_str(&lines[0]).unwrap_or_default();
        set(&mut meta["payload"], "id", json!("01a9ffff-0000-7000-8000-0000000000fe"));
        set(&mut meta["payload"], "cwd", json!("/elsewhere"));
        lines.insert(1, meta.to_string());
    })
}

pub(crate) fn archived(placed: Placed) -> Option<Placed> {
    placed.moved("archived_sessions")
}

pub(crate) fn copy_name(path: &Path) -> Option<PathBuf> {
    Some(path.with_file_name(format!("{} (1).jsonl", path.file_stem()?.to_str()?)))
}

pub(crate) fn copy_beside(mut placed: Placed) -> Option<Placed> {
    let copy = placed.bytes.split_inclusive(|byte| *byte == b'\n').take(8).flatten().copied().collect();
    placed.others.push((copy_name(&placed.path)?, copy));
    Some(placed)
}

pub(crate) fn only_copy(mut placed: Placed) -> Option<Placed> {
    placed.path = copy_name(&placed.path)?;
    Some(placed)
}

/// The rollout as the base of another one, which is the one that is asked for.
pub(crate) fn based(placed: Placed, base: Base) -> Option<Placed> {
    if !placed.has_ordinals() {
        return None;
    }
    let id = placed.id.to_string();
    let fork = another(&placed.id);
    let records = placed.bytes.iter().filter(|byte| **byte == b'\n').count();
    let of = if matches!(base, Base::Itself) { &fork } else { &id };
    let past = if matches!(base, Base::Short) { 100 } else { 0 };
    let mut meta: Value = serde_json::from_slice(placed.bytes.split(|byte| *byte == b'\n').next()?).ok()?;
    set(&mut meta, "ordinal", json!(records));
    let payload = meta.get_mut("payload")?;
    set(payload, "id", json!(fork));
    set(payload, "session_id", json!(fork));
    set(payload, "forked_from_id", json!(id));
    let end = placed.bytes.len() + past;
    set(payload, "history_base", json!({"thread_id": of, "end_ordinal_exclusive": records, "end_byte_offset": end}));
    let bytes = format!("{meta}\n{}\n", record(records + 1, "response_item", user("in the fork"))).into_bytes();
    let path = placed.path.with_file_name(placed.path.file_name()?.to_str()?.replace(&id, &fork));
    let others = match base {
        Base::Missing => Vec::new(),
        Base::Archived => vec![(Path::new("archived_sessions").join(placed.path.file_name()?), placed.bytes)],
        _ => vec![(placed.path, placed.bytes)],
    };
    Some(Placed { id: ThreadId::parse(&fork).ok()?, path, bytes, others })
}
