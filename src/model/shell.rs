//! Which tool runs a shell command, as a request says it.
//!
//! Codex has called the tool by several names, and a server of somebody else may offer one of its own. A request lists
//! the tools that the model may call, so a script that says *run this* is turned into a call of the first tool there
//! that is known to run commands: no story needs to know a release. Seen: `exec_command` in 0.105.0 to 0.169.0;
//! `shell_command` and `shell` are the names of older releases and of other model descriptions. A request that offers
//! none of them gets a call of the first name all the same, which an engine that runs no tools answers as any call.

use serde_json::{Value, json};

/// The tools that are known to run a command line, the one of today first.
const TOOLS: [Shell; 3] = [Shell::ExecCommand, Shell::CommandLine, Shell::Words];

/// A tool that runs a command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shell {
    /// `cmd` is a command line.
    #[default]
    ExecCommand,
    /// `command` is a command line.
    CommandLine,
    /// `command` is a program and its arguments.
    Words,
}

impl Shell {
    /// The one that a request's `tools` offer.
    pub(super) fn offered(tools: &Value) -> Shell {
        let names: Vec<&str> = tools.as_array().into_iter().flatten().filter_map(|t| t.get("name")?.as_str()).collect();
        TOOLS.into_iter().find(|tool| names.contains(&tool.name())).unwrap_or_default()
    }

    /// The tool's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Shell::ExecCommand => "exec_command",
            Shell::CommandLine => "shell_command",
            Shell::Words => "shell",
        }
    }

    /// The arguments of a call.
    pub(super) fn arguments(self, command: &str, escalate: bool) -> Value {
        let mut arguments = match self {
            Shell::ExecCommand => json!({"cmd": command, "login": false}),
            Shell::CommandLine => json!({"command": command, "login": false}),
            Shell::Words => json!({"command": ["bash", "-c", command]}),
        };
        if let (true, Some(fields)) = (escalate, arguments.as_object_mut()) {
            fields.insert("sandbox_permissions".to_owned(), "require_escalated".into());
            fields.insert("justification".to_owned(), "The story asks for it.".into());
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_becomes_a_call_of_the_tool_that_is_offered() {
        let offer = |names: &[&str]| names.iter().map(|n| json!({"type": "function", "name": n})).collect::<Value>();
        for (names, shell) in [
            (&["view_image", "exec_command"][..], Shell::ExecCommand),
            (&["shell"], Shell::Words),
            (&["shell", "shell_command"], Shell::CommandLine),
            (&["browse"], Shell::ExecCommand),
        ] {
            assert_eq!(Shell::offered(&offer(names)), shell, "{names:?}");
        }
        assert_eq!(Shell::offered(&Value::Null), Shell::ExecCommand);
    }

    #[test]
    fn only_an_escalated_command_asks_for_more() {
        assert_eq!(Shell::Words.arguments("pwd", false), json!({"command": ["bash", "-c", "pwd"]}));
        let more = Shell::ExecCommand.arguments("pwd", true);
        assert_eq!(more["sandbox_permissions"], "require_escalated");
    }
}
