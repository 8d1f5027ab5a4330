//! The conditions that are about items, compactions and rollbacks.

use serde_json::{Value, json};

use super::conditions::Condition;
use super::placed::*;

pub(crate) const ITEMS: &[Condition] = &[
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
        name: "a message with a part of another type",
        edit: |p| {
            p.items(&["input_file", "input_audio", "refusal", "text", "summary_text"].map(|kind| {
                json!({"type": "message", "role": "assistant", "content": [{"type": kind, "text": kind, "file_id": "x", "refusal": "x", "audio_url": "x"}]})
            }))
        },
    },
    Condition {
        name: "a message with a part of no type",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": [{"text": "x"}]})),
    },
    Condition {
        name: "a message with a part that lacks its text",
        edit: |p| {
            p.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text"}, {"type": "input_text", "text": "x"}]}))
        },
    },
    Condition {
        name: "a message with a text that is a number",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": 7}]})),
    },
    Condition {
        name: "a message with an image that lacks its url",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": [{"type": "input_image"}]})),
    },
    Condition {
        name: "a message with a part that is a text",
        edit: |p| p.item(json!({"type": "message", "role": "user", "content": ["x"]})),
    },
    Condition {
        name: "an output with an odd part",
        edit: |p| {
            p.items(&[
                call("c9"),
                json!({"type": "function_call_output", "call_id": "c9", "output": [{"type": "smell", "text": "x"}]}),
            ])
        },
    },
    Condition {
        name: "an output with a text of the model",
        edit: |p| p.items(&output_of(json!({"type": "output_text", "text": "x"}))),
    },
    Condition {
        name: "an output with a sound",
        edit: |p| p.items(&output_of(json!({"type": "input_audio", "audio_url": "x"}))),
    },
    Condition {
        name: "an output with an encrypted part",
        edit: |p| p.items(&output_of(json!({"type": "encrypted_content", "encrypted_content": "x"}))),
    },
    Condition {
        name: "an output with a file",
        edit: |p| p.items(&output_of(json!({"type": "input_file", "file_id": "x", "text": "x"}))),
    },
    Condition {
        name: "a custom call's output with an odd part",
        edit: |p| {
            p.items(&[
                json!({"type": "custom_tool_call", "name": "apply_patch", "input": "x", "call_id": "c9"}),
                json!({"type": "custom_tool_call_output", "call_id": "c9", "output": [{"type": "smell", "text": "x"}]}),
            ])
        },
    },
    Condition {
        name: "a message with an encrypted part",
        edit: |p| {
            p.item(json!({"type": "message", "role": "user", "content": [{"type": "encrypted_content", "encrypted_content": "x"}]}))
        },
    },
    Condition {
        name: "an output with a part that lacks its text",
        edit: |p| {
            p.items(&[
                call("c9"),
                json!({"type": "function_call_output", "call_id": "c9", "output": [{"type": "input_text"}]}),
            ])
        },
    },
    Condition {
        name: "compacted with an odd part",
        edit: |p| {
            p.append(&[(
                "compacted",
                json!({"message": "s", "replacement_history": [user("sum"), {"type": "message", "role": "user", "content": [{"type": "smell", "text": "x"}]}]}),
            )])
        },
    },
    Condition {
        name: "between agents, with more to it",
        edit: |p| {
            p.lines(|l| l.insert(3, record(3, "inter_agent_communication", json!({"author": "/root", "recipient": "/root/a", "other_recipients": ["/root/b"], "content": "one\ntwo", "encrypted_content": "abc", "trigger_turn": true, "metadata": {"x": 1}}))))
        },
    },
    Condition {
        name: "between agents, with no text",
        edit: |p| {
            p.lines(|l| l.insert(3, record(3, "inter_agent_communication", json!({"author": "/root", "recipient": "/root/a", "other_recipients": [], "content": "", "encrypted_content": "abc", "trigger_turn": false}))))
        },
    },
    Condition {
        name: "between agents, with no other recipients",
        edit: |p| {
            p.lines(|l| {
                l.insert(
                    3,
                    record(
                        3,
                        "inter_agent_communication",
                        json!({"author": "/root", "recipient": "/root/a", "content": "x", "trigger_turn": true}),
                    ),
                )
            })
        },
    },
    Condition {
        name: "between agents, without a trigger",
        edit: |p| {
            p.lines(|l| {
                l.insert(
                    3,
                    record(
                        3,
                        "inter_agent_communication",
                        json!({"author": "/root", "recipient": "/root/a", "other_recipients": [], "content": "x"}),
                    ),
                )
            })
        },
    },
    Condition {
        name: "between agents, without content",
        edit: |p| {
            p.lines(|l| l.insert(3, record(3, "inter_agent_communication", json!({"author": "/root", "recipient": "/root/a", "other_recipients": [], "encrypted_content": "x", "trigger_turn": false}))))
        },
    },
    Condition {
        name: "between agents, before a rollback",
        edit: |p| {
            p.append(&[("inter_agent_communication", json!({"author": "/root", "recipient": "/root/a", "other_recipients": [], "content": "x", "trigger_turn": true})), ("response_item", user("after")), rolled_back(1)])
        },
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
    Condition { name: "compacted with a history", edit: |p| p.append(&[compaction()]) },
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
    Condition { name: "one turn rolled back", edit: |p| p.append(&[rolled_back(1)]) },
    Condition { name: "all turns rolled back", edit: |p| p.append(&[rolled_back(9)]) },
    Condition { name: "no turn rolled back", edit: |p| p.append(&[rolled_back(0)]) },
    Condition {
        name: "rolled back to a compaction",
        edit: |p| p.append(&[compaction(), ("response_item", user("after")), rolled_back(1)]),
    },
    Condition {
        name: "rolled back over a compaction",
        edit: |p| p.append(&[compaction(), ("response_item", user("after")), rolled_back(2)]),
    },
    Condition {
        name: "rolled back over an old compaction",
        edit: |p| p.append(&[("compacted", json!({"message": "s"})), ("response_item", user("after")), rolled_back(2)]),
    },
    Condition { name: "a turn after a compaction rolled back", edit: |p| p.append(&with_turn(vec![compaction()], 1)) },
    Condition {
        name: "two turns over a compaction rolled back",
        edit: |p| p.append(&with_turn(vec![compaction()], 2)),
    },
    Condition {
        name: "a compaction of its own turn rolled back",
        edit: |p| p.append(&with_turn(compaction_in_its_turn(), 1)),
    },
    Condition {
        name: "two turns over a compaction of its own turn rolled back",
        edit: |p| p.append(&with_turn(compaction_in_its_turn(), 2)),
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
                compaction(),
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
];

/// A call, and an output of one part.
fn output_of(part: Value) -> [Value; 2] {
    [call("c9"), json!({"type": "function_call_output", "call_id": "c9", "output": [part]})]
}

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
