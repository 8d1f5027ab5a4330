//! One edit of a healthy rollout for each condition that decides what some Codex does with it.
//!
//! The mutators of the crate are classes of damage as they happen; these are the rows of the table that tells what each
//! release makes of a file, so some of them happen to nobody and are here to hold a row. Here stand those of lines, places
//! and the `session_meta`; those of items, compactions and rollbacks are in `item_conditions.rs`.

use serde_json::{Value, json};

use super::item_conditions;
use super::placed::*;

/// A named edit; `None` where it says nothing about that file.
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    pub(crate) edit: fn(Placed) -> Option<Placed>,
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Condition> {
    LINES.iter().chain(item_conditions::ITEMS)
}

const LINES: &[Condition] = &[
    Condition { name: "healthy", edit: Some },
    Condition { name: "empty file", edit: |p| p.with(Vec::new()) },
    Condition { name: "nothing but line ends", edit: |p| p.with(b"\n\n\n".to_vec()) },
    Condition { name: "meta alone", edit: |p| p.lines(|l| l.truncate(1)) },
    Condition { name: "no meta", edit: |p| p.lines(|l| drop(l.remove(0))) },
    Condition { name: "meta torn", edit: |p| p.lines(|l| cut(l, 0)) },
    Condition { name: "meta second", edit: |p| p.lines(|l| l.swap(0, 1)) },
    Condition { name: "garbage first", edit: |p| p.lines(|l| l.insert(0, "garbage".into())) },
    Condition { name: "number first", edit: |p| p.lines(|l| l.insert(0, "42".into())) },
    Condition { name: "unknown kind first", edit: |p| p.lines(|l| l.insert(0, novelty(0))) },
    Condition { name: "blank line first", edit: |p| p.lines(|l| l.insert(0, String::new())) },
    Condition { name: "spaces first", edit: |p| p.lines(|l| l.insert(0, "  \t ".into())) },
    Condition { name: "zero bytes first", edit: |p| p.lines(|l| l.insert(0, "\0\0\0".into())) },
    Condition { name: "byte order mark", edit: |p| p.lines(|l| l[0].insert(0, '\u{feff}')) },
    Condition { name: "carriage returns", edit: |p| p.lines(|l| l.iter_mut().for_each(|line| line.push('\r'))) },
    Condition { name: "a byte that is not UTF-8", edit: |p| p.bytes_of(|b| not_utf8(b, 0)) },
    Condition { name: "the last byte is not UTF-8", edit: |p| p.bytes_of(|b| b.extend(b"{\"\xff")) },
    Condition { name: "a line that is not UTF-8", edit: |p| p.bytes_of(|b| b.extend(b"\xff\xfe\n")) },
    Condition { name: "lone surrogate", edit: |p| p.middle(|l| l.replacen("colour", "\\ud83d", 1)) },
    Condition { name: "line separator U+2028", edit: |p| p.middle(|l| l.replacen("colour", "\u{2028}", 1)) },
    Condition { name: "zero bytes in the middle", edit: |p| p.middle(|l| "\0".repeat(l.len())) },
    Condition { name: "zero bytes at the end", edit: |p| p.bytes_of(|b| b.extend([0; 4096])) },
    Condition { name: "garbage in the middle", edit: |p| p.middle(|_| "garbage".into()) },
    Condition { name: "torn tail", edit: |p| p.bytes_of(|b| b.truncate(b.len() - 20)) },
    Condition { name: "no last newline", edit: |p| p.bytes_of(|b| b.truncate(b.len() - 1)) },
    Condition { name: "a record without a timestamp", edit: |p| p.middle_key("timestamp", None) },
    Condition { name: "a record with a number as timestamp", edit: |p| p.middle_key("timestamp", Some(json!(5))) },
    Condition { name: "a record with any text as timestamp", edit: |p| p.middle_key("timestamp", Some(json!("x"))) },
    Condition { name: "meta without its envelope's timestamp", edit: |p| p.record(0, |r| remove(r, "timestamp")) },
    Condition { name: "meta without id", edit: |p| p.meta("id", None) },
    Condition { name: "meta without cwd", edit: |p| p.meta("cwd", None) },
    Condition { name: "meta without timestamp", edit: |p| p.meta("timestamp", None) },
    Condition { name: "meta without originator", edit: |p| p.meta("originator", None) },
    Condition { name: "meta without cli_version", edit: |p| p.meta("cli_version", None) },
    Condition { name: "meta without source", edit: |p| p.meta("source", None) },
    Condition { name: "meta with an unknown source", edit: |p| p.meta("source", Some(json!("moon"))) },
    Condition { name: "meta with an odd source", edit: |p| p.meta("source", Some(json!({"moon": 1}))) },
    Condition { name: "meta without model_provider", edit: |p| p.meta("model_provider", None) },
    Condition { name: "an unknown model_provider", edit: |p| p.meta("model_provider", Some(json!("gone"))) },
    Condition { name: "meta with a number as id", edit: |p| p.meta("id", Some(json!(5))) },
    Condition { name: "meta with a number as cwd", edit: |p| p.meta("cwd", Some(json!(5))) },
    Condition { name: "meta with an empty cwd", edit: |p| p.meta("cwd", Some(json!(""))) },
    Condition { name: "meta with a relative cwd", edit: |p| p.meta("cwd", Some(json!("a/b"))) },
    Condition { name: "meta with a cwd that is gone", edit: |p| p.meta("cwd", Some(json!("/nowhere/at/all"))) },
    Condition { name: "meta with a bad git", edit: |p| p.meta("git", Some(json!(5))) },
    Condition { name: "meta with a bad base_instructions", edit: |p| p.meta("base_instructions", Some(json!(5))) },
    Condition { name: "meta with an odd key", edit: |p| p.meta("novelty", Some(json!(1.5))) },
    Condition {
        name: "another id in the meta",
        edit: |p| {
            let id = another(&p.id);
            p.meta("id", Some(json!(id)))
        },
    },
    Condition { name: "unknown history_mode", edit: |p| p.meta("history_mode", Some(json!("cloud"))) },
    Condition { name: "history_mode is a number", edit: |p| p.meta("history_mode", Some(json!(5))) },
    Condition { name: "history_mode null", edit: |p| p.meta("history_mode", Some(Value::Null)) },
    Condition { name: "history_mode gone", edit: |p| p.meta("history_mode", None) },
    Condition { name: "history_mode legacy", edit: |p| p.meta("history_mode", Some(json!("legacy"))) },
    Condition { name: "history_mode paginated", edit: |p| p.meta("history_mode", Some(json!("paginated"))) },
    Condition { name: "a second meta", edit: second_meta },
    Condition { name: "no ordinal on the last record", edit: |p| p.last_record(|r| remove(r, "ordinal")) },
    Condition { name: "no ordinal in the middle", edit: |p| p.middle_key("ordinal", None) },
    Condition { name: "no ordinal on the meta", edit: |p| p.record(0, |r| remove(r, "ordinal")) },
    Condition { name: "an ordinal twice", edit: |p| p.record(4, |r| set(r, "ordinal", json!(3))) },
    Condition { name: "an ordinal that goes back", edit: |p| p.last_record(|r| set(r, "ordinal", json!(1))) },
    Condition { name: "a text as last ordinal", edit: |p| p.last_record(|r| set(r, "ordinal", json!("7"))) },
    Condition { name: "a text as ordinal", edit: |p| p.middle_key("ordinal", Some(json!("7"))) },
    Condition { name: "a fraction as ordinal", edit: |p| p.middle_key("ordinal", Some(json!(1.5))) },
    Condition { name: "null as ordinal", edit: |p| p.middle_key("ordinal", Some(Value::Null)) },
    Condition { name: "null as last ordinal", edit: |p| p.last_record(|r| set(r, "ordinal", Value::Null)) },
    Condition { name: "an item before the meta", edit: |p| p.meta_behind(2) },
    Condition { name: "a turn context before the meta", edit: |p| p.before_meta("turn_context") },
    Condition { name: "a world state before the meta", edit: |p| p.before_meta("world_state") },
    Condition { name: "a prompt's event before the meta", edit: |p| p.before_meta("user_message") },
    Condition { name: "nine records before the meta", edit: |p| p.meta_behind(9) },
    Condition { name: "ten records before the meta", edit: |p| p.meta_behind(10) },
    Condition {
        name: "much noise before the meta",
        edit: |p| p.lines(|l| (0..250).for_each(|_| l.insert(0, "garbage".into()))),
    },
    Condition {
        name: "meta at the end",
        edit: |p| {
            p.lines(|l| {
                let meta = l.remove(0);
                l.push(meta);
            })
        },
    },
    Condition { name: "an unknown kind", edit: |p| p.lines(|l| l.insert(3, novelty(3))) },
    Condition { name: "an unknown item", edit: |p| p.lines(|l| l.insert(3, item(3, json!({"type": "hologram"})))) },
    Condition {
        name: "an unknown event",
        edit: |p| p.lines(|l| l.insert(3, record(3, "event_msg", json!({"type": "moon"})))),
    },
    Condition {
        name: "a bad event",
        edit: |p| p.lines(|l| l.insert(3, record(3, "event_msg", json!({"type": "user_message"})))),
    },
    Condition {
        name: "a bad turn context",
        edit: |p| p.lines(|l| l.insert(3, record(3, "turn_context", json!({"cwd": 5})))),
    },
    Condition {
        name: "glued to a torn record",
        edit: |p| {
            p.lines(|l| {
                let whole = l[4].clone();
                let (half, _) = whole.split_at(whole.len() / 2);
                l.insert(3, format!("{half}{}", l[5]));
            })
        },
    },
    Condition {
        name: "a partial record and its whole",
        edit: |p| {
            p.lines(|l| {
                let half = l[5][..l[5].len() / 2].to_owned();
                l.insert(5, half);
            })
        },
    },
    Condition {
        name: "two records on a line",
        edit: |p| {
            p.lines(|l| {
                let next = l.remove(6);
                l[5].push_str(&next);
            })
        },
    },
    Condition {
        name: "a line twice",
        edit: |p| {
            p.lines(|l| {
                let again = l[5].clone();
                l.insert(5, again);
            })
        },
    },
    Condition { name: "a newline in a value", edit: |p| p.middle(|l| l.replacen("Remember the", "Remember\nthe", 1)) },
    Condition { name: "an archived file", edit: archived },
    Condition { name: "in another day's directory", edit: |p| p.moved("sessions/2024/01/02") },
    Condition { name: "directly in sessions", edit: |p| p.moved("sessions") },
    Condition { name: "a copy (1) beside it", edit: copy_beside },
    Condition { name: "only a copy (1)", edit: only_copy },
    Condition { name: "base there", edit: |p| based(p, Base::There) },
    Condition { name: "base missing", edit: |p| based(p, Base::Missing) },
    Condition { name: "base short", edit: |p| based(p, Base::Short) },
    Condition { name: "base archived", edit: |p| based(p, Base::Archived) },
    Condition {
        name: "base of a file that is not paginated",
        edit: |p| based(p, Base::There)?.meta("history_mode", Some(json!("legacy"))),
    },
    Condition {
        name: "base without a meta",
        edit: |p| {
            let mut p = based(p, Base::There)?;
            let at = p.others[0].1.iter().position(|b| *b == b'c')?;
            p.others[0].1[at] = b'x';
            Some(p)
        },
    },
    Condition { name: "base that names itself", edit: |p| based(p, Base::Itself) },
];
