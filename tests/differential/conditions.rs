//! One edit of a healthy rollout for each condition that decides what some Codex does with it.
//!
//! The mutators of the crate are classes of damage as they happen; these are the rows of the table that tells what each
//! release makes of a file, so some of them happen to nobody and are here to hold a row.

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

/// A named edit; `None` where it says nothing about that file.
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    pub(crate) edit: fn(Placed) -> Option<Placed>,
}

pub(crate) const ALL: &[Condition] = &[
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
    Condition {
        name: "an item before the meta",
        edit: |p| {
            p.lines(|l| {
                let meta = l.remove(0);
                l.insert(2, meta);
            })
        },
    },
    Condition { name: "a turn context before the meta", edit: |p| p.before_meta("turn_context") },
    Condition { name: "a world state before the meta", edit: |p| p.before_meta("world_state") },
    Condition { name: "a prompt's event before the meta", edit: |p| p.before_meta("user_message") },
    Condition {
        name: "nine records before the meta",
        edit: |p| {
            p.lines(|l| {
                let meta = l.remove(0);
                l.insert(9, meta);
            })
        },
    },
    Condition {
        name: "ten records before the meta",
        edit: |p| {
            p.lines(|l| {
                let meta = l.remove(0);
                l.insert(10, meta);
            })
        },
    },
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
        name: "a system message",
        edit: |p| p.item(json!({"type": "message", "role": "system", "content": []})),
    },
    Condition {
        name: "a ghost",
        edit: |p| {
            p.item(json!({"type": "ghost_snapshot", "ghost_commit": {"id": "x", "parent": null, "preexisting_untracked_files": [], "preexisting_untracked_dirs": []}}))
        },
    },
    Condition { name: "a message without content", edit: |p| p.item(json!({"type": "message", "role": "user"})) },
    Condition {
        name: "a message with an odd part",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": [{"type": "smell", "text": "x"}]})),
    },
    Condition {
        name: "a message of an odd role",
        edit: |p| p.item(json!({"type": "message", "role": "ghost", "content": [{"type": "input_text", "text": "x"}]})),
    },
    Condition {
        name: "a message without content parts",
        edit: |p| p.item(json!({"type": "message", "role": "assistant", "content": []})),
    },
    Condition {
        name: "an orphaned output",
        edit: |p| p.item(json!({"type": "function_call_output", "call_id": "none", "output": "x"})),
    },
    Condition {
        name: "a dangling call",
        edit: |p| p.item(json!({"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "alone"})),
    },
    Condition {
        name: "a dangling custom call",
        edit: |p| p.item(json!({"type": "custom_tool_call", "name": "apply_patch", "input": "x", "call_id": "alone"})),
    },
    Condition {
        name: "a dangling shell call",
        edit: |p| {
            p.item(json!({"type": "local_shell_call", "call_id": "alone", "status": "completed", "action": {"type": "exec", "command": ["ls"]}}))
        },
    },
    Condition {
        name: "a dangling search call",
        edit: |p| {
            p.item(json!({"type": "tool_search_call", "call_id": "alone", "execution": "client", "arguments": {}}))
        },
    },
    Condition {
        name: "an output that is an object",
        edit: |p| {
            p.items(&[
                call("c9"),
                json!({"type": "function_call_output", "call_id": "c9", "output": {"content": "x", "success": true}}),
            ])
        },
    },
    Condition {
        name: "an output of parts",
        edit: |p| {
            p.items(&[call("c9"), json!({"type": "function_call_output", "call_id": "c9", "output": [{"type": "input_text", "text": "x"}]})])
        },
    },
    Condition {
        name: "an output before its call",
        edit: |p| p.items(&[json!({"type": "function_call_output", "call_id": "c9", "output": "x"}), call("c9")]),
    },
    Condition {
        name: "two outputs of a call",
        edit: |p| {
            p.items(&[
                call("c9"),
                json!({"type": "function_call_output", "call_id": "c9", "output": "x"}),
                json!({"type": "function_call_output", "call_id": "c9", "output": "y"}),
            ])
        },
    },
    Condition {
        name: "an id used by two calls",
        edit: |p| {
            p.items(&[call("c9"), call("c9"), json!({"type": "function_call_output", "call_id": "c9", "output": "x"})])
        },
    },
    Condition {
        name: "reasoning",
        edit: |p| {
            p.item(json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "x"}], "content": null, "encrypted_content": "abc"}))
        },
    },
    Condition {
        name: "reasoning with content",
        edit: |p| {
            p.item(json!({"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}], "encrypted_content": null}))
        },
    },
    Condition {
        name: "a web search",
        edit: |p| {
            p.item(json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}))
        },
    },
    Condition {
        name: "an image of a user",
        edit: |p| {
            p.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PIXEL}]}))
        },
    },
    Condition {
        name: "an image that is none",
        edit: |p| {
            p.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]}))
        },
    },
    Condition {
        name: "an image generated",
        edit: |p| {
            p.item(json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}))
        },
    },
    Condition {
        name: "a long output",
        edit: |p| {
            p.items(&[
                call("c9"),
                json!({"type": "function_call_output", "call_id": "c9", "output": "x y z\n".repeat(10_000)}),
            ])
        },
    },
    Condition {
        name: "a compaction of the server",
        edit: |p| p.item(json!({"type": "compaction", "encrypted_content": "abc"})),
    },
    Condition {
        name: "a compaction summary",
        edit: |p| p.item(json!({"type": "compaction_summary", "encrypted_content": "abc"})),
    },
    Condition {
        name: "a context compaction",
        edit: |p| p.item(json!({"type": "context_compaction", "encrypted_content": "abc"})),
    },
    Condition {
        name: "an agent message",
        edit: |p| {
            p.item(json!({"type": "agent_message", "author": "a", "recipient": "b", "content": [{"type": "input_text", "text": "x"}]}))
        },
    },
    Condition {
        name: "between agents",
        edit: |p| {
            p.lines(|l| l.insert(3, record(3, "inter_agent_communication", json!({"author": "/root", "recipient": "/root/a", "other_recipients": [], "content": "x", "trigger_turn": false}))))
        },
    },
    Condition {
        name: "compacted with a history",
        edit: |p| p.append(&[("compacted", json!({"message": "s", "replacement_history": [user("sum")]}))]),
    },
    Condition {
        name: "compacted with an empty history",
        edit: |p| p.append(&[("compacted", json!({"message": "s", "replacement_history": []}))]),
    },
    Condition { name: "compacted without a history", edit: |p| p.append(&[("compacted", json!({"message": "s"}))]) },
    Condition { name: "compacted without a word", edit: |p| p.append(&[("compacted", json!({"message": ""}))]) },
    Condition {
        name: "compacted with a bad item",
        edit: |p| {
            p.append(&[(
                "compacted",
                json!({"message": "s", "replacement_history": [user("sum"), {"type": "message"}]}),
            )])
        },
    },
    Condition {
        name: "compacted with an unknown item",
        edit: |p| {
            p.append(&[(
                "compacted",
                json!({"message": "s", "replacement_history": [user("sum"), {"type": "hologram"}]}),
            )])
        },
    },
    Condition {
        name: "compacted with a ghost",
        edit: |p| {
            p.append(&[("compacted", json!({"message": "s", "replacement_history": [user("sum"), {"type": "ghost_snapshot", "ghost_commit": {"id": "x", "parent": null, "preexisting_untracked_files": [], "preexisting_untracked_dirs": []}}]}))])
        },
    },
    Condition {
        name: "compacted without a message",
        edit: |p| p.append(&[("compacted", json!({"replacement_history": [user("sum")]}))]),
    },
    Condition {
        name: "one turn rolled back",
        edit: |p| p.append(&[("event_msg", json!({"type": "thread_rolled_back", "num_turns": 1}))]),
    },
    Condition {
        name: "all turns rolled back",
        edit: |p| p.append(&[("event_msg", json!({"type": "thread_rolled_back", "num_turns": 9}))]),
    },
    Condition {
        name: "no turn rolled back",
        edit: |p| p.append(&[("event_msg", json!({"type": "thread_rolled_back", "num_turns": 0}))]),
    },
    Condition {
        name: "rolled back to a compaction",
        edit: |p| {
            p.append(&[
                ("compacted", json!({"message": "s", "replacement_history": [user("sum")]})),
                ("response_item", user("after")),
                ("event_msg", json!({"type": "thread_rolled_back", "num_turns": 1})),
            ])
        },
    },
    Condition {
        name: "rolled back over a compaction",
        edit: |p| {
            p.append(&[
                ("compacted", json!({"message": "s", "replacement_history": [user("sum")]})),
                ("response_item", user("after")),
                ("event_msg", json!({"type": "thread_rolled_back", "num_turns": 2})),
            ])
        },
    },
    Condition {
        name: "rolled back over an old compaction",
        edit: |p| {
            p.append(&[
                ("compacted", json!({"message": "s"})),
                ("response_item", user("after")),
                ("event_msg", json!({"type": "thread_rolled_back", "num_turns": 2})),
            ])
        },
    },
    Condition {
        name: "a turn after a compaction rolled back",
        edit: |p| {
            p.append(&with_turn(vec![("compacted", json!({"message": "s", "replacement_history": [user("sum")]}))], 1))
        },
    },
    Condition {
        name: "two turns over a compaction rolled back",
        edit: |p| {
            p.append(&with_turn(vec![("compacted", json!({"message": "s", "replacement_history": [user("sum")]}))], 2))
        },
    },
    Condition {
        name: "a compaction of its own turn rolled back",
        edit: |p| {
            p.append(&with_turn(
                vec![
                    ("event_msg", json!({"type": "task_started", "turn_id": "c"})),
                    ("compacted", json!({"message": "s", "replacement_history": [user("sum")]})),
                    ("event_msg", json!({"type": "task_complete", "turn_id": "c"})),
                ],
                1,
            ))
        },
    },
    Condition {
        name: "two turns over a compaction of its own turn rolled back",
        edit: |p| {
            p.append(&with_turn(
                vec![
                    ("event_msg", json!({"type": "task_started", "turn_id": "c"})),
                    ("compacted", json!({"message": "s", "replacement_history": [user("sum")]})),
                    ("event_msg", json!({"type": "task_complete", "turn_id": "c"})),
                ],
                2,
            ))
        },
    },
    Condition {
        name: "a turn after an old compaction rolled back",
        edit: |p| p.append(&with_turn(vec![("compacted", json!({"message": "s"}))], 1)),
    },
    Condition {
        name: "two turns over an old compaction rolled back",
        edit: |p| p.append(&with_turn(vec![("compacted", json!({"message": "s"}))], 2)),
    },
    Condition {
        name: "a compaction in a turn",
        edit: |p| {
            p.append(&[
                ("event_msg", json!({"type": "task_started", "turn_id": "x"})),
                ("response_item", user("before")),
                ("compacted", json!({"message": "s", "replacement_history": [user("sum")]})),
                ("response_item", user("after")),
            ])
        },
    },
    Condition {
        name: "nested too deep",
        edit: |p| {
            p.item(
                json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": "deep", "deep": nest(140)}),
            )
        },
    },
    Condition {
        name: "nested deep",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": [], "deep": nest(100)})),
    },
    Condition {
        name: "a key twice",
        edit: |p| {
            p.lines(|l| l.insert(3, r#"{"timestamp":"2026-11-20T10:00:00.000Z","ordinal":3,"type":"response_item","payload":{"type":"message","role":"user","role":"user","content":[{"type":"input_text","text":"twice"}]}}"#.into()))
        },
    },
    Condition {
        name: "an envelope's key twice",
        edit: |p| {
            p.lines(|l| l.insert(3, r#"{"timestamp":"2026-11-20T10:00:00.000Z","ordinal":3,"type":"event_msg","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"twice"}]}}"#.into()))
        },
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

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

enum Base {
    There,
    Missing,
    Short,
    Archived,
    Itself,
}

impl Placed {
    fn with(self, bytes: Vec<u8>) -> Option<Placed> {
        Some(Placed { bytes, ..self })
    }

    fn bytes_of(mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Option<Placed> {
        edit(&mut self.bytes);
        Some(self)
    }

    fn lines(self, edit: impl FnOnce(&mut Vec<String>)) -> Option<Placed> {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let before = lines.clone();
        edit(&mut lines);
        let changed = before != lines;
        let bytes = lines.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect();
        changed.then_some(Placed { bytes, ..self })
    }

    /// Edits the line of the last prompt.
    fn middle(self, edit: impl FnOnce(&str) -> String) -> Option<Placed> {
        self.lines(|lines| {
            let at = lines.iter().rposition(|l| l.contains("response_item") && l.contains("Remember the")).unwrap_or(0);
            lines[at] = edit(&lines[at]);
        })
    }

    fn record(self, at: usize, edit: impl FnOnce(&mut Value)) -> Option<Placed> {
        self.lines(|lines| {
            let mut value: Value = serde_json::from_str(&lines[at]).unwrap_or_default();
            edit(&mut value);
            lines[at] = value.to_string();
        })
    }

    fn last_record(self, edit: impl FnOnce(&mut Value)) -> Option<Placed> {
        let at = self.bytes.iter().filter(|byte| **byte == b'\n').count() - 1;
        self.has_ordinals().then_some(())?;
        self.record(at, edit)
    }

    fn middle_key(self, key: &str, to: Option<Value>) -> Option<Placed> {
        self.middle(|line| {
            let mut value: Value = serde_json::from_str(line).unwrap_or_default();
            change(&mut value, key, to);
            value.to_string()
        })
    }

    fn meta(self, key: &str, to: Option<Value>) -> Option<Placed> {
        self.record(0, |record| {
            if let Some(payload) = record.get_mut("payload") {
                change(payload, key, to);
            }
        })
    }

    fn item(self, value: Value) -> Option<Placed> {
        self.items(&[value])
    }

    /// Items between the turns.
    fn items(self, values: &[Value]) -> Option<Placed> {
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

    fn append(self, records: &[(&str, Value)]) -> Option<Placed> {
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

    /// Puts the first line that holds the word before the first one.
    fn before_meta(self, word: &str) -> Option<Placed> {
        self.lines(|lines| {
            if let Some(at) = lines.iter().skip(1).position(|line| line.contains(word)) {
                let line = lines.remove(at + 1);
                lines.insert(0, line);
            }
        })
    }

    fn has_ordinals(&self) -> bool {
        self.bytes.windows(11).any(|part| part == b"\"ordinal\":0")
    }

    fn moved(mut self, to: &str) -> Option<Placed> {
        self.path = Path::new(to).join(self.path.file_name()?);
        Some(self)
    }
}

fn cut(lines: &mut [String], at: usize) {
    let half = lines[at].len() / 2;
    lines[at].truncate(half);
}

fn not_utf8(bytes: &mut [u8], _: usize) {
    let at = bytes.windows(6).position(|part| part == b"colour").unwrap_or(0);
    bytes[at] = 0xff;
}

fn novelty(ordinal: usize) -> String {
    record(ordinal, "novelty", json!({"x": 1.5}))
}

fn item(ordinal: usize, payload: Value) -> String {
    record(ordinal, "response_item", payload)
}

fn record(ordinal: usize, kind: &str, payload: Value) -> String {
    json!({"timestamp": "2026-11-20T10:00:00.000Z", "ordinal": ordinal, "type": kind, "payload": payload}).to_string()
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "name": "shell", "arguments": "{}", "call_id": id})
}

/// Records, then a turn as Codex writes one, then a rollback.
fn with_turn<'a>(mut before: Vec<(&'a str, Value)>, num_turns: u64) -> Vec<(&'a str, Value)> {
    before.extend([
        ("event_msg", json!({"type": "task_started", "turn_id": "x", "model_context_window": 258_400})),
        ("turn_context", json!({"turn_id": "x", "cwd": "/tmp", "approval_policy": "never", "sandbox_policy": {"type": "read-only"}, "model": "rehydra-stub", "summary": "auto"})),
        ("response_item", user("after")),
        ("event_msg", json!({"type": "user_message", "message": "after", "images": []})),
        ("response_item", json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "re after"}]})),
        ("event_msg", json!({"type": "agent_message", "message": "re after"})),
        ("event_msg", json!({"type": "task_complete", "turn_id": "x", "last_agent_message": "re after"})),
        ("event_msg", json!({"type": "thread_rolled_back", "num_turns": num_turns})),
    ]);
    before
}

/// An id that differs in one digit.
fn another(id: &ThreadId) -> String {
    let id = id.to_string();
    format!("{}f{}", &id[..24], &id[25..])
}

fn nest(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn change(value: &mut Value, key: &str, to: Option<Value>) {
    match to {
        Some(to) => set(value, key, to),
        None => remove(value, key),
    }
}

fn set(value: &mut Value, key: &str, to: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), to);
    }
}

fn remove(value: &mut Value, key: &str) {
    if let Some(map) = value.as_object_mut() {
        map.shift_remove(key);
    }
}

fn second_meta(placed: Placed) -> Option<Placed> {
    placed.lines(|lines| {
        let mut meta: Value = serde_json::from_str(&lines[0]).unwrap_or_default();
        set(&mut meta["payload"], "id", json!("01a9ffff-0000-7000-8000-0000000000fe"));
        set(&mut meta["payload"], "cwd", json!("/elsewhere"));
        lines.insert(1, meta.to_string());
    })
}

fn archived(placed: Placed) -> Option<Placed> {
    placed.moved("archived_sessions")
}

fn copy_name(path: &Path) -> Option<PathBuf> {
    Some(path.with_file_name(format!("{} (1).jsonl", path.file_stem()?.to_str()?)))
}

fn copy_beside(mut placed: Placed) -> Option<Placed> {
    let copy = placed.bytes.split_inclusive(|byte| *byte == b'\n').take(8).flatten().copied().collect();
    placed.others.push((copy_name(&placed.path)?, copy));
    Some(placed)
}

fn only_copy(mut placed: Placed) -> Option<Placed> {
    placed.path = copy_name(&placed.path)?;
    Some(placed)
}

/// The rollout as the base of another one, which is the one that is asked for.
fn based(placed: Placed, base: Base) -> Option<Placed> {
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
