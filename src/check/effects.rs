//! `effects`: what a tool did happened as often as the scenario says.
//!
//! A scripted command that has an effect is to leave it once, or as often as the story says. It counts as asked for as
//! soon as a model request was answered with it: a turn that never reached the model asks for nothing, and why it did not
//! is for other checks. An effect that happened more often was done again after a death or a retry, one that happened
//! less often was asked for and not done. Only tools that really run leave effects.

use std::collections::BTreeMap;

use super::Invariant;
use super::outcome::{Finding, Outcome};
use super::turn::Turn;
use super::view::View;
use crate::journal::{Event, Kind, PlannedEffect, TargetKind};

/// How often an effect may happen, and how often it did.
#[derive(Default)]
struct Count<'r> {
    /// Whether the story says how often.
    planned: bool,
    least: u32,
    most: u32,
    events: Vec<&'r Event>,
    /// The last turn that asked for it.
    turn: Option<&'r Turn<'r>>,
}

/// What a tool did happened as often as the scenario says.
pub(super) fn effects(view: &View<'_>) -> Outcome {
    let mut by_name: BTreeMap<&str, Count<'_>> = BTreeMap::new();
    for turn in &view.turns {
        for effect in turn.effects {
            let count = by_name.entry(&effect.name).or_default();
            count.planned = true;
            if is_asked(turn, effect) {
                count.least = count.least.saturating_add(effect.least);
                count.most = count.most.saturating_add(effect.most);
                count.turn = Some(turn);
            }
        }
    }
    for event in &view.run.events {
        if let Kind::Effect(effect) = &event.kind {
            by_name.entry(&effect.name).or_default().events.push(event);
        }
    }
    let left = by_name.values().any(|count| !count.events.is_empty());
    let foreign = view.targets().iter().all(|target| target.kind == TargetKind::Foreign);
    if foreign && !left && !by_name.is_empty() {
        return Outcome::NotApplicable("the target runs no tool that leaves an effect");
    }
    let looked = by_name.values().any(|count| count.turn.is_some() || !count.events.is_empty());
    let findings = by_name.into_iter().filter_map(|(name, count)| finding(name, &count)).collect();
    Outcome::conclude(findings, looked, "no tool ran that leaves an effect")
}

/// Whether the model answered a request of the turn with the command.
fn is_asked(turn: &Turn<'_>, effect: &PlannedEffect) -> bool {
    turn.requests.iter().any(|request| request.what.of_turn == effect.of_turn && request.what.refused.is_none())
}

fn finding(name: &str, count: &Count<'_>) -> Option<Finding> {
    let times = u32::try_from(count.events.len()).unwrap_or(u32::MAX);
    // Of one that nobody planned it is known that it is to happen once.
    let (least, most) = if count.planned { (count.least, count.most) } else { (1, 1) };
    if (least..=most).contains(&times) {
        return None;
    }
    let expected = if least == most { often(least) } else { format!("{least} to {most} times") };
    let last = count.events.last().map(|event| event.incarnation);
    let call = count.turn.map(|turn| &turn.call);
    Some(Finding {
        invariant: Invariant::Effects,
        call: call.map(|call| call.what.call),
        incarnation: last.or(call.map(|call| call.incarnation)).unwrap_or_default(),
        step: call.map(|call| call.what.step),
        expected: format!("`{name}` {expected}"),
        got: often(times),
        text: format!("the effect `{name}` happened {}, and it was to happen {expected}", often(times)),
        evidence: count.events.iter().map(|e| e.seq).chain(call.map(|call| call.seq)).collect(),
    })
}

fn often(times: u32) -> String {
    match times {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{times} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Effect, Lane};

    fn happens(story: &mut Story) {
        story.push(Lane::Target, Kind::Effect(Effect { name: "wrote".into() }));
    }

    /// A story whose first call is answered with a command that leaves `wrote` from `least` to `most` times.
    fn planned(of_turn: u32, least: u32, most: u32) -> Story {
        let mut story = Story::new(TargetKind::CodexMcp);
        story.life();
        story.say(Say::start("main", A));
        for event in &mut story.events {
            if let Kind::Planted(planted) = &mut event.kind {
                planted.effects = vec![PlannedEffect { name: "wrote".into(), of_turn, least, most }];
            }
        }
        story
    }

    #[test]
    fn an_effect_that_happens_again_is_found() {
        let mut story = Story::new(TargetKind::CodexMcp);
        assert!(is_unjudged(&story.says(Invariant::Effects)));
        happens(&mut story);
        assert_eq!(story.says(Invariant::Effects), Outcome::Held);
        happens(&mut story);
        let said = story.says(Invariant::Effects);
        assert_eq!(text(&said), "the effect `wrote` happened 2 times, and it was to happen once");
    }

    #[test]
    fn an_effect_that_was_asked_for_and_did_not_happen_is_found() {
        let mut story = planned(1, 1, 1);
        let said = story.says(Invariant::Effects);
        assert_eq!(text(&said), "the effect `wrote` happened never, and it was to happen once");
        happens(&mut story);
        assert_eq!(story.says(Invariant::Effects), Outcome::Held);
    }

    #[test]
    fn an_effect_happens_as_often_as_the_story_says() {
        let mut story = planned(1, 0, 2);
        for _ in 0..2 {
            assert_eq!(story.says(Invariant::Effects), Outcome::Held);
            happens(&mut story);
        }
        assert_eq!(story.says(Invariant::Effects), Outcome::Held);
        happens(&mut story);
        let said = story.says(Invariant::Effects);
        assert_eq!(text(&said), "the effect `wrote` happened 3 times, and it was to happen 0 to 2 times");
    }

    #[test]
    fn what_the_model_never_answered_is_not_asked_for() {
        let mut story = planned(2, 1, 1);
        assert!(is_unjudged(&story.says(Invariant::Effects)));
        happens(&mut story);
        assert!(text(&story.says(Invariant::Effects)).contains("to happen never"));
    }

    #[test]
    fn a_foreign_server_that_runs_nothing_is_not_asked_for_effects() {
        let mut story = planned(1, 1, 1);
        story.header.target = profile(TargetKind::Foreign);
        assert!(matches!(story.says(Invariant::Effects), Outcome::NotApplicable(_)));
    }
}
