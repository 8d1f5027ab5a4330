//! How a parser of one's own is held to every rollout and every class of damage: `cargo test --example parser_property`.
//!
//! The parser here answers one question, in which directory a thread lives. It is small, and yet there are ways to get it
//! wrong that no hand-written test thinks of: a second `session_meta` in the file, a bare file that tells its cwd in a
//! text alone, a line that is no UTF-8. The tests below need to know none of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it found")]

use serde_json::Value;

/// The parser under test: the cwd of the last turn, else that of the first `session_meta`, else what a bare file tells.
fn cwd(file: &[u8]) -> Option<String> {
    let lines = file.split(|byte| *byte == b'\n');
    let records: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let of_kind = |kind: &'static str| records.iter().filter(move |record| record["type"] == kind);
    let turns = of_kind("turn_context").next_back();
    let told = turns.or_else(|| of_kind("session_meta").next()).and_then(|record| record["payload"]["cwd"].as_str());
    told.map(str::to_owned).or_else(|| records.iter().find_map(in_a_text))
}

/// What an environment context says.
fn in_a_text(record: &Value) -> Option<String> {
    let item = if record["payload"].is_null() { record } else { &record["payload"] };
    let (_, rest) = item["content"][0]["text"].as_str()?.split_once("<cwd>")?;
    Some(rest.split_once("</cwd>")?.0.to_owned())
}

fn main() {
    for path in std::env::args().skip(1) {
        match std::fs::read(&path) {
            Ok(file) => println!("{path}: {}", cwd(&file).as_deref().unwrap_or("no cwd")),
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rehydra::rollout::strategies::{damaged_rollouts, rollouts};

    use super::cwd;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn every_thread_lives_where_it_says(case in rollouts()) {
            prop_assert_eq!(cwd(&case.made.bytes), case.made.expected.cwd);
        }

        #[test]
        fn damage_costs_the_cwd_at_most_and_never_gives_another(case in damaged_rollouts()) {
            let found = cwd(&case.mutated.bytes);
            let is_true = found.is_none() || found == case.rollout.made.expected.cwd;
            // A torn turn context leaves the session_meta, which may be the one that somebody put there.
            let damaged_meta = case.damage().any(|name| name.contains("meta"));
            prop_assert!(is_true || damaged_meta, "found {found:?}");
        }
    }
}
