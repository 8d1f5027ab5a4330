//! Why a survey ends without a profile: what was tried, what the server said, and what to do.

use serde_json::Value;

use super::schema::Tool;
use super::stage::{Came, Stage};
use crate::journal::{self, Parts};
use crate::target::live::Asked;

/// See the module. Shown as one text: what happened, the server's own words indented below it, and the remedy last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The harness itself has failed, and not the server.
    pub is_ours: bool,
    text: String,
    said: Vec<(String, String)>,
    stderr: Vec<String>,
    help: Option<String>,
}

/// Most answers of a server that are shown.
const SHOWN: usize = 6;

impl Trouble {
    pub(super) fn new(text: impl Into<String>, help: impl Into<String>) -> Trouble {
        let (said, stderr) = (Vec::new(), Vec::new());
        Trouble { is_ours: false, text: text.into(), said, stderr, help: Some(help.into()) }
    }

    /// The harness has failed.
    pub(super) fn harness(text: String) -> Trouble {
        Trouble { is_ours: true, help: None, ..Trouble::new(text, "") }
    }

    /// The server could not be opened; the text has a remedy already.
    pub(super) fn unusable(text: String) -> Trouble {
        Trouble { help: None, ..Trouble::new(text, "") }
    }

    /// The server does not list its tools.
    pub(super) fn unlisted(asked: &Asked, stderr: Vec<String>) -> Trouble {
        let (how, help) = match asked {
            Asked::Result(_) => ("in a form of its own".to_owned(), "it must have MCP's tools"),
            Asked::Error(error) => (format!("with an error: {error}"), "it must have MCP's tools"),
            Asked::Closed => ("by ending".to_owned(), "run the command by hand and see what it says"),
            Asked::Timeout => ("with nothing in time".to_owned(), "raise the limit: --limit open_ms=60000"),
        };
        Trouble::new(format!("the server answers `tools/list` {how}"), help).with_stderr(stderr)
    }

    /// With what the server answered to each of these calls.
    pub(super) fn with_said(mut self, said: Vec<(String, String)>) -> Trouble {
        self.said = said;
        self
    }

    pub(super) fn with_stderr(mut self, stderr: Vec<String>) -> Trouble {
        self.stderr = stderr;
        self
    }

    /// The whole text. `neutral` makes one line of the server's words harmless.
    pub fn shown(&self, neutral: impl Fn(&str) -> String) -> String {
        // What a target printed is harmless already where the target's own error quotes it.
        let mut lines = vec![self.text.lines().map(&neutral).collect::<Vec<_>>().join("\n")];
        for (call, answer) in self.said.iter().take(SHOWN) {
            lines.push(format!("  {}: {}", neutral(call), neutral(answer)));
        }
        if self.said.len() > SHOWN {
            lines.push(format!("  … and {} more", self.said.len() - SHOWN));
        }
        for (n, line) in self.stderr.iter().enumerate() {
            let head = if n == 0 { "  on stderr: " } else { "             " };
            lines.push(format!("{head}{}", neutral(line)));
        }
        lines.extend(self.help.as_ref().map(|help| format!("  help: {help}")));
        lines.join("\n")
    }
}

/// What a call was, for [`Trouble::with_said`].
pub(super) fn call(tool: &journal::Tool, id: Option<&str>, prompt: &str) -> String {
    let parts = Parts { id, prompt, ..Parts::default() };
    format!("{} {}", tool.name, tool.arguments(&parts))
}

/// Where a profile is described, for what has to be written by hand.
const BY_HAND: &str = "describe the server in a rehydra.toml by hand; docs/targets.md says how";

/// No tool takes a text.
pub(super) fn silent(listed: &[Tool]) -> Trouble {
    let names: Vec<&str> = listed.iter().map(|tool| tool.name.as_str()).collect();
    let names = if names.is_empty() { "it has none".to_owned() } else { names.join(", ") };
    Trouble::new(
        format!("no tool of the server takes a text that could be a prompt; its tools: {names}"),
        "a conversation needs a tool with an argument of type `string`; if it has one, describe it by hand",
    )
}

/// A prompt reached the model: nothing, if the call was answered too.
pub(super) fn answered(came: &Came, tool: &journal::Tool) -> Result<(), Trouble> {
    if came.result().is_some() {
        return Ok(());
    }
    let text = format!("a prompt given to `{}` reached the model, and the call failed all the same", tool.name);
    let help =
        "the model's answer was a plain text, streamed as the Responses API does; see what the server makes of it";
    Err(Trouble::new(text, help).with_said(vec![(call(tool, None, &came.prompt), came.told())]))
}

/// No prompt reached the model.
pub(super) fn unreached(stage: &Stage) -> Trouble {
    if let Some(why) = stage.refusal() {
        let text = format!("the server's requests reach the stub model and cannot be answered: {why}");
        return Trouble::new(text, "name the variable that your server takes its key from: --env NAME={token}");
    }
    let hosts = stage.hosts();
    let instead = match hosts.is_empty() {
        true => String::new(),
        false => format!("; the server asked for {} instead, and was refused", hosts.join(", ")),
    };
    Trouble::new(
        format!("no prompt reached the stub model{instead}"),
        "say where your server takes the model's address from, with `{stub}` in its place: an argument, as in \
         `rehydra init -- node server.js --api {stub}/v1`, or a variable, as in --env MY_BASE_URL={stub}/v1; the key is \
         `{token}`. The model must be asked by the Responses API",
    )
}

/// There is nothing to go on with.
pub(super) fn no_way_on(tool: &str, result: &Value, no_value: bool) -> Trouble {
    let what = match no_value {
        true => format!("the answer of `{tool}` names nothing that could be the conversation's id"),
        false => "no tool of the server takes a prompt and an id".to_owned(),
    };
    Trouble::new(what, BY_HAND).with_said(vec![(tool.to_owned(), result.to_string())])
}

/// Nothing brought the first prompt back.
pub(super) fn forgets(tool: &str) -> Trouble {
    let text = "given back as an argument, made the model receive the first prompt again";
    Trouble::new(format!("no value in the answer of `{tool}`, {text}"), BY_HAND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_said_stands_between_the_trouble_and_the_remedy() {
        let trouble = Trouble::new("nothing came of it", "try another")
            .with_said(vec![("ask {}".into(), "no key".into())])
            .with_stderr(vec!["line 1".into(), "line 2".into()]);
        let text = trouble.shown(|line| line.replace("no key", "[no key]"));
        let lines = [
            "nothing came of it",
            "  ask {}: [no key]",
            "  on stderr: line 1",
            "             line 2",
            "  help: try another",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_talkative_server_is_cut_short() {
        let said = (0..20).map(|n| (format!("t {n}"), "no".to_owned())).collect();
        let text = Trouble::new("x", "y").with_said(said).shown(str::to_owned);
        assert_eq!(text.lines().count(), SHOWN + 3);
        assert!(text.contains("… and 14 more"));
    }
}
