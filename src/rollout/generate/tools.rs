//! Calls and outputs of every kind, as items hold them.

use super::text::Text;
use super::{Era, ToolKind};

/// The type of a call's item.
pub(super) fn call_type(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Function => "function_call",
        ToolKind::Custom => "custom_tool_call",
        ToolKind::LocalShell => "local_shell_call",
        ToolKind::ToolSearch => "tool_search_call",
        ToolKind::WebSearch => "web_search_call",
    }
}

/// The type of the item that answers it; `None` where the provider ran the tool itself.
pub(super) fn output_type(kind: ToolKind) -> Option<&'static str> {
    match kind {
        ToolKind::Function | ToolKind::LocalShell => Some("function_call_output"),
        ToolKind::Custom => Some("custom_tool_call_output"),
        ToolKind::ToolSearch => Some("tool_search_output"),
        ToolKind::WebSearch => None,
    }
}

/// The fields of a call after its type (and its id, where the version writes one).
pub(super) fn call(text: &mut Text, kind: ToolKind, era: Era, call_id: &str, said: &str) {
    match kind {
        ToolKind::Function => {
            let mut arguments = Text::default();
            let name = match era {
                Era::Bare => {
                    arguments.raw("{\"command\":[\"echo\",").string(said).raw("]}");
                    "shell"
                }
                _ => {
                    arguments.raw("{\"cmd\":").string(&format!("echo {said}")).raw("}");
                    "exec_command"
                }
            };
            let arguments = String::from_utf8_lossy(&arguments.0).into_owned();
            text.field("name", name).field("arguments", &arguments).field("call_id", call_id);
        }
        ToolKind::Custom => {
            let input = format!("*** Begin Patch\n*** Add File: note.txt\n+{said}\n*** End Patch\n");
            text.field("status", "completed")
                .field("call_id", call_id)
                .field("name", "apply_patch")
                .field("input", &input);
        }
        ToolKind::LocalShell => {
            text.field("call_id", call_id).field("status", "completed").key("action");
            text.raw("{\"type\":\"exec\",\"command\":[\"echo\",").string(said).raw("],\"timeout_ms\":1000}");
        }
        ToolKind::ToolSearch => {
            text.field("call_id", call_id).field("status", "completed").field("execution", "client").key("arguments");
            text.raw("{\"query\":").string(said).raw("}");
        }
        ToolKind::WebSearch => {
            text.field("status", "completed").key("action");
            text.raw("{\"type\":\"search\"").field("query", said).raw("}");
        }
    }
}

/// The fields of an output after its type.
pub(super) fn output(text: &mut Text, kind: ToolKind, call_id: &str, said: &str) {
    text.field("call_id", call_id);
    match kind {
        ToolKind::ToolSearch => {
            text.field("status", "completed").field("execution", "client").key("tools");
            text.raw("[{\"type\":\"function\",\"name\":\"found\"").field("description", said);
            text.raw(",\"strict\":false,\"parameters\":{\"type\":\"object\",\"properties\":{}}}]");
        }
        _ => {
            text.field("output", &format!("Process exited with code 0\nOutput:\n{said}\n"));
        }
    }
}
