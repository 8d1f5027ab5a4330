//! When a fault that waits for a file fires.
//!
//! What a life does to its files comes here one touch after the other, in the order in which the injector lets them
//! happen. A trigger counts the touches that fit; the one that it waits for also says how many bytes land first.

use serde::Deserialize;

use super::plan::{Cut, FileOp, Trigger};
use super::write::{Attempt, Op};
use crate::glob;
use crate::journal::LOCK;

/// Something that a life is about to do to a file.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    /// What it is, and the bytes of a write.
    pub attempt: &'a Attempt<'a>,
    /// The file below the home.
    pub path: &'a str,
}

/// Whether this is what the trigger waits for, and how many bytes land then; `count` counts what fitted so far.
pub(super) fn reaches(count: &mut u32, at: &Trigger, touch: &Touch<'_>) -> Option<u64> {
    let Touch { attempt, path } = touch;
    let mut is_it = |pattern: &str, n: u32| {
        let is_meant = fits(pattern, path);
        *count += u32::from(is_meant);
        is_meant && *count == n
    };
    match at {
        Trigger::Write { path, op: wanted, n, byte } if op(attempt.op) == *wanted => {
            is_it(path, *n).then(|| byte.of(attempt.data.len() as u64))
        }
        Trigger::Read { path, n } if attempt.op == Op::Read => is_it(path, *n).then_some(0),
        Trigger::Sync { path, n } if attempt.op == Op::Sync => is_it(path, *n).then_some(0),
        Trigger::Record { kind, n, byte } if attempt.op == Op::Write => record(count, kind, *n, *byte, attempt.data),
        _ => None,
    }
}

/// Whether what the trigger is about includes files of that path.
pub(super) fn names(at: &Trigger, path: &str) -> bool {
    match at {
        Trigger::Write { path: pattern, .. }
        | Trigger::Read { path: pattern, .. }
        | Trigger::Sync { path: pattern, .. } => fits(pattern, path),
        _ => false,
    }
}

/// Whether a pattern means that path. Lock files hold nothing: only a pattern that says `.lock` means them.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    glob::matches(pattern, path) && (!path.ends_with(LOCK) || pattern.contains(LOCK))
}

/// The journal's word for it.
pub(super) fn op(op: Op) -> FileOp {
    match op {
        Op::Write => FileOp::Write,
        Op::Truncate { .. } => FileOp::Truncate,
        Op::Rename => FileOp::Rename,
        Op::Unlink => FileOp::Unlink,
        Op::Create => FileOp::Create,
        Op::Mkdir => FileOp::Mkdir,
        Op::Sync => FileOp::Sync,
        Op::Read => FileOp::Read,
    }
}

/// One write may hold several records; the bytes that land are then those before the record and the cut of its own.
fn record(count: &mut u32, kind: &str, n: u32, byte: Cut, data: &[u8]) -> Option<u64> {
    let mut begin = 0;
    for line in data.split_inclusive(|b| *b == b'\n') {
        let told = Told::of(line);
        if told.kind.as_deref() == Some(kind) || told.payload_kind() == Some(kind) {
            *count += 1;
            if *count == n {
                return Some(begin + byte.of(line.len() as u64));
            }
        }
        begin += line.len() as u64;
    }
    None
}

/// The kind of the first record in what is written: the `type` of its payload if that has one, else its own.
pub fn record_kind(data: &[u8]) -> Option<String> {
    let told = Told::of(data.split_inclusive(|b| *b == b'\n').next()?);
    told.payload_kind().map(str::to_owned).or(told.kind)
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: Option<String>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Told {
    /// What is no record has no kind.
    fn of(line: &[u8]) -> Told {
        serde_json::from_slice(line).unwrap_or_default()
    }

    fn payload_kind(&self) -> Option<&str> {
        self.payload.as_ref()?.kind.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn attempt(op: Op, data: &[u8]) -> Attempt<'_> {
        Attempt { order: 1, tid: 1, op, path: Path::new("/run/home/sessions/a.jsonl"), to: None, offset: 0, data }
    }

    fn seen(count: &mut u32, at: &Trigger, op: Op, path: &str, data: &[u8]) -> Option<u64> {
        reaches(count, at, &Touch { attempt: &attempt(op, data), path })
    }

    const META: &str = "{\"type\":\"session_meta\",\"payload\":{\"id\":\"x\"}}\n";
    const CALL: &str = "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\"}}\n";

    #[test]
    fn only_touches_of_that_kind_on_those_files_are_counted() {
        let at = Trigger::Write { path: "sessions/*".into(), op: FileOp::Write, n: 2, byte: Cut::Half };
        let mut count = 0;
        assert_eq!(seen(&mut count, &at, Op::Write, "sessions/a", b"abcd"), None);
        assert_eq!(seen(&mut count, &at, Op::Write, "state.sqlite", b"abcd"), None);
        assert_eq!(seen(&mut count, &at, Op::Sync, "sessions/a", b""), None);
        assert_eq!(seen(&mut count, &at, Op::Rename, "sessions/a", b""), None);
        assert_eq!(seen(&mut count, &at, Op::Write, "sessions/b", b"abcde"), Some(2));
        assert_eq!(seen(&mut count, &at, Op::Write, "sessions/b", b"abcde"), None, "it fires once");
    }

    #[test]
    fn a_lock_is_meant_by_those_who_say_so() {
        assert!(fits("rehydra/*", "rehydra/aliases.jsonl") && !fits("rehydra/*", "rehydra/locks/a.lock"));
        assert!(fits("rehydra/*.lock", "rehydra/locks/a.lock") && !fits("*.lock", "rehydra/aliases.jsonl"));
    }

    #[test]
    fn a_record_is_found_within_a_write_of_several() {
        let at = |n, byte| Trigger::Record { kind: "function_call".into(), n, byte };
        let data = [META, CALL, CALL].concat();
        let lands = |n, byte| seen(&mut 0, &at(n, byte), Op::Write, "sessions/a", data.as_bytes());
        let (meta, call) = (META.len() as u64, CALL.len() as u64);
        assert_eq!(lands(1, Cut::Nothing), Some(meta));
        assert_eq!(lands(1, Cut::Bytes(7)), Some(meta + 7));
        assert_eq!(lands(2, Cut::ButLast), Some(meta + 2 * call - 1));
        assert_eq!(lands(3, Cut::All), None);
        let envelope = Trigger::Record { kind: "response_item".into(), n: 1, byte: Cut::Nothing };
        assert_eq!(seen(&mut 0, &envelope, Op::Write, "sessions/a", data.as_bytes()), Some(meta));
    }

    #[test]
    fn the_kind_of_a_record_is_that_of_its_payload() {
        assert_eq!(record_kind(META.as_bytes()).as_deref(), Some("session_meta"));
        assert_eq!(record_kind(CALL.as_bytes()).as_deref(), Some("function_call"));
        assert_eq!(record_kind(b"{\"type\":\"mess"), None);
        assert_eq!(record_kind(b""), None);
    }

    #[test]
    fn a_cut_is_within_what_is_written() {
        for (cut, bytes) in [
            (Cut::Nothing, 0),
            (Cut::Bytes(3), 3),
            (Cut::Bytes(9), 8),
            (Cut::Half, 4),
            (Cut::ButLast, 7),
            (Cut::All, 8),
        ] {
            assert_eq!(cut.of(8), bytes, "{cut:?}");
            assert_eq!(cut.of(0), 0, "{cut:?}");
        }
    }
}
