//! What holds of scenario files, baselines and profiles, whatever the text.
//!
//! What is taken can be written, and reads again as the same story; what is refused is refused with a diagnostic that
//! can be shown and commands nobody.

use std::path::Path;

use rehydra::limits::SCENARIO_BYTES;
use rehydra::scenario::{Baseline, Diagnostics, Profiles, Scenario, baseline_text, to_toml};

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Scenario::parse("fuzz", None, text) {
        Ok(scenario) => is_written_as_it_is(scenario),
        Err(wrong) => can_be_shown(text, &wrong),
    }
    match Baseline::parse("fuzz", text) {
        Ok(baseline) => baseline_is_written_as_it_is(baseline),
        Err(wrong) => can_be_shown(text, &wrong),
    }
    if let Err(wrong) = Profiles::parse("fuzz", Path::new("/"), text) {
        can_be_shown(text, &wrong);
    }
}

fn is_written_as_it_is(scenario: Scenario) {
    let written = to_toml(&scenario);
    if written.len() > SCENARIO_BYTES {
        // Each round of a `repeat` is written out, and so many may be more than a file can hold.
        return;
    }
    let again = Scenario::parse("fuzz", None, &written);
    let again = again.unwrap_or_else(|wrong| panic!("{}\nwritten as\n{written}", wrong.render(false)));
    assert_eq!(to_toml(&again), written);
    assert_eq!(story(again), story(scenario), "{written}");
}

/// The story alone: neither its source nor its lines.
fn story(mut scenario: Scenario) -> Scenario {
    scenario.source = String::new();
    scenario.steps.iter_mut().for_each(|step| step.line = 0);
    scenario
}

fn baseline_is_written_as_it_is(mut baseline: Baseline) {
    let written = baseline_text(&baseline.gaps);
    let again = Baseline::parse("fuzz", &written);
    let mut again = again.unwrap_or_else(|wrong| panic!("{}\nwritten as\n{written}", wrong.render(false)));
    for gap in baseline.gaps.iter_mut().chain(&mut again.gaps) {
        gap.line = 0;
    }
    assert_eq!(again.gaps, baseline.gaps, "{written}");
    for gap in &baseline.gaps {
        // What it covers may be anything; that it can be told is what counts.
        let _ = (gap.covers("idle/kill-9", "codex@0.169.0"), gap.is_about(&["idle/kill-9"]), gap.targets());
    }
}

fn can_be_shown(text: &str, wrong: &Diagnostics) {
    for entry in wrong.entries() {
        let place = entry
            .span
            .iter()
            .chain(entry.related.iter().map(|(place, _)| place))
            .find(|place| text.get((*place).clone()).is_none());
        assert_eq!(place, None, "of `{}`", entry.message);
    }
    let shown = wrong.render(false);
    assert!(!shown.trim().is_empty());
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(acts) && !shown.contains("##["), "{shown:?}");
    assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown}");
    assert!(!wrong.render(true).is_empty());
}
