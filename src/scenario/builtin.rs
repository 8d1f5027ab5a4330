//! The suite inside the binary: its stories, its baseline, and the recordings that they place.
//!
//! A release binary needs no files beside it: what `scenarios/` and `fixtures/` held when it was built is in it. The
//! stories are read with the same parser as everybody's, each time; that all of them are sound is a test.

use include_dir::{Dir, include_dir};

use super::load::is_scenario;
use crate::rollout::manifest::Manifest;

static SCENARIOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures");

/// Name and source of every built-in scenario, by name.
pub fn builtin() -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut waiting = vec![&SCENARIOS];
    while let Some(dir) = waiting.pop() {
        waiting.extend(dir.dirs());
        for file in dir.files() {
            if let (Some(path), Some(source)) = (file.path().to_str(), file.contents_utf8())
                && let Some(name) = is_scenario(path)
            {
                found.push((name.to_owned(), source));
            }
        }
    }
    found.sort();
    found
}

/// Source of the built-in suite's baseline; empty if it has none.
pub fn builtin_baseline() -> &'static str {
    SCENARIOS.get_file(super::load::BASELINE_FILE).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// A file of the recordings inside the binary, by its path below `fixtures/`.
pub fn fixture(path: &str) -> Option<&'static [u8]> {
    FIXTURES.get_file(path).map(|file| file.contents())
}

/// How scenarios name the recordings inside the binary.
pub(super) fn fixture_names() -> Vec<String> {
    let manifest = fixture("manifest.json").and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok());
    manifest.unwrap_or_default().fixtures.into_iter().map(|fixture| fixture.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Baseline, Scenario};

    #[test]
    fn every_built_in_scenario_is_sound() {
        let all = builtin();
        assert!(all.iter().any(|(name, _)| name == "idle/kill-9"));
        for (name, source) in all {
            let scenario = Scenario::parse(&name, None, source).unwrap_or_else(|wrong| panic!("{wrong}"));
            assert!(!scenario.steps.is_empty());
        }
    }

    #[test]
    fn the_baseline_is_sound_and_is_no_scenario() {
        Baseline::parse("baseline.toml", builtin_baseline()).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(!builtin().iter().any(|(name, _)| name == "baseline"));
    }

    #[test]
    fn every_gap_of_the_baseline_names_a_scenario_that_is_there() {
        let baseline = Baseline::parse("baseline.toml", builtin_baseline()).unwrap_or_else(|wrong| panic!("{wrong}"));
        let names: Vec<String> = builtin().into_iter().map(|(name, _)| name).collect();
        for gap in baseline.gaps {
            assert!(gap.is_about(&names), "baseline.toml:{}: there is no scenario {}", gap.line, gap.scenario);
        }
    }
}
