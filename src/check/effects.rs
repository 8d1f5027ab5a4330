//! `effects`: what a tool did happened as often as the scenario says.
//!
//! An effect is named once for each time that it is meant to happen, so a name that the journal holds twice was done
//! twice: a tool ran again after a death or a retry. Only tools that really run leave effects.

use std::collections::BTreeMap;

use super::Invariant;
use super::outcome::{Finding, Outcome};
use super::view::View;
use crate::journal::{Event, Kind};

/// What a tool did happened once.
pub(super) fn effects(view: &View<'_>) -> Outcome {
    let mut by_name: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &view.run.events {
        if let Kind::Effect(effect) = &event.kind {
            by_name.entry(&effect.name).or_default().push(event);
        }
    }
    let looked = !by_name.is_empty();
    let repeated = by_name.into_iter().filter(|(_, events)| events.len() > 1);
    let findings = repeated.map(|(name, events)| Finding {
        invariant: Invariant::Effects,
        call: None,
        incarnation: events.last().map_or(0, |e| e.incarnation),
        step: None,
        expected: format!("`{name}` once"),
        got: format!("{} times", events.len()),
        text: format!("the effect `{name}` happened {} times", events.len()),
        evidence: events.iter().map(|e| e.seq).collect(),
    });
    Outcome::conclude(findings.collect(), looked, "no tool ran that leaves an effect")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Effect, Lane, TargetKind};

    #[test]
    fn an_effect_that_happens_again_is_found() {
        let mut story = Story::new(TargetKind::CodexMcp);
        assert!(is_unjudged(&story.says(Invariant::Effects)));
        story.push(Lane::Target, Kind::Effect(Effect { name: "touch".into() }));
        assert_eq!(story.says(Invariant::Effects), Outcome::Held);
        story.push(Lane::Target, Kind::Effect(Effect { name: "touch".into() }));
        assert_eq!(text(&story.says(Invariant::Effects)), "the effect `touch` happened 2 times");
    }
}
