//! One thing that was looked at: how it stands, in a sentence, and what to do about it.

use anstyle::{AnsiColor, Style};
use serde_json::json;

use crate::neutral;
use crate::report::wrapped;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Something is missing that not every run needs.
    Warn,
    /// No run works without it.
    Fail,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }

    fn style(self) -> Style {
        match self {
            State::Ok => AnsiColor::Green.on_default(),
            State::Warn => AnsiColor::Yellow.on_default(),
            State::Fail => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    name: &'static str,
    pub(super) state: State,
    text: String,
    help: Option<String>,
}

/// Longest text of a finding, in characters: paths and what programs say of themselves are in it.
const TEXT_CHARS: usize = 1_000;
/// Columns of a name.
const NAME: usize = 9;

impl Finding {
    pub(super) fn ok(name: &'static str, text: impl Into<String>) -> Finding {
        Finding { name, state: State::Ok, text: text.into(), help: None }
    }

    pub(super) fn warn(name: &'static str, text: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding { name, state: State::Warn, text: text.into(), help: Some(help.into()) }
    }

    pub(super) fn fail(name: &'static str, text: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding { name, state: State::Fail, text: text.into(), help: Some(help.into()) }
    }

    /// The finding as lines of at most `columns`.
    pub(super) fn shown(&self, columns: usize) -> String {
        let head = format!("{:<4}  {:<NAME$}  ", self.state.word(), self.name);
        let indent = " ".repeat(head.len());
        let lines = wrapped(&head, &neutral::line(&self.text, TEXT_CHARS), columns);
        let style = self.state.style();
        let mut text = match lines.strip_prefix(self.state.word()) {
            Some(rest) => format!("{style}{}{style:#}{rest}", self.state.word()),
            None => lines,
        };
        if let Some(help) = &self.help {
            text.push_str(&wrapped(&format!("{indent}help: "), &neutral::line(help, TEXT_CHARS), columns));
        }
        text
    }
}

/// All of them as JSON: `{rehydra, works, findings: [{name, state, text, help}]}`.
pub(super) fn json(findings: &[Finding], works: bool) -> String {
    let one = |f: &Finding| json!({"name": f.name, "state": f.state.word(), "text": f.text, "help": f.help.as_deref()});
    let all = json!({
        "rehydra": env!("CARGO_PKG_VERSION"),
        "works": works,
        "findings": findings.iter().map(one).collect::<Vec<_>>(),
    });
    format!("{all:#}\n")
}

/// Bytes for people: `12 MB`, `3.4 GB`.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1_000_000 => format!("{} kB", n / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{}.{} GB", n / 1_000_000_000, n % 1_000_000_000 / 100_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_written_for_people() {
        let shown = [0, 12_345, 34_000_000, 3_450_000_000].map(bytes);
        assert_eq!(shown, ["0 kB", "12 kB", "34 MB", "3.4 GB"]);
    }
}
