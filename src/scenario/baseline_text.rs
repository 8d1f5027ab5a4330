//! A baseline as text again: what a draft is handed over as.

use std::fmt::Write;

use super::baseline::Gap;
use super::write::string;

/// The entries as TOML, one after the other, keys in the order of the grammar. A reason that is empty is written as one,
/// and refused when it is read.
pub fn baseline_text(gaps: &[Gap]) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    let mut out = String::new();
    for (n, gap) in gaps.iter().enumerate() {
        let between = if n == 0 { "" } else { "\n" };
        let invariants = gap.invariants.iter().map(|invariant| string(invariant.name())).collect();
        let _ = writeln!(out, "{between}[[gap]]\nscenario   = {}", string(&gap.scenario));
        let _ = writeln!(out, "target     = {}\ninvariants = {}", string(&gap.target), list(invariants));
        if let Some(text) = &gap.text {
            let _ = writeln!(out, "text       = {}", pattern(text));
        }
        let _ = writeln!(out, "reason     = {}", string(&gap.reason));
        if !gap.refs.is_empty() {
            let _ = writeln!(out, "refs       = {}", list(gap.refs.iter().map(|r| string(r)).collect()));
        }
        if gap.races {
            let _ = writeln!(out, "races      = true");
        }
    }
    out
}

/// A regular expression reads best where its backslashes are not doubled.
fn pattern(text: &str) -> String {
    if text.contains('\'') || text.contains(char::is_control) { string(text) } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::super::Baseline;
    use super::*;
    use crate::check::Invariant;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let gap = |scenario: &str, text: Option<&str>, races| Gap {
            line: 0,
            scenario: scenario.into(),
            target: "{codex@1,\"x\"}".into(),
            invariants: vec![Invariant::Rehydrates, Invariant::Durable],
            text: text.map(str::to_owned),
            reason: "why: \\ \"quoted\"".into(),
            refs: if races { vec!["openai/codex#1".into()] } else { Vec::new() },
            races,
        };
        let gaps = [gap("a", Some(r"\d+ 'it'"), true), gap("b", Some(r"x\s+y"), false), gap("c", None, false)];
        let text = baseline_text(&gaps);
        let mut read = Baseline::parse("b.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}")).gaps;
        read.iter_mut().for_each(|gap| gap.line = 0);
        assert_eq!(read, gaps);
    }
}
