//! All checks over one run, in the order of every table.

use super::outcome::{Finding, Outcome};
use super::view::View;
use super::{
    Invariant, additive, applies, auth, effects, files, hermetic, history, honest, identity, invented, lean, liveness,
    paired, protocol, reached, rehydrates, settings, shown, unknown_id,
};
use crate::journal::Run;

/// Most findings of one invariant that are kept; a server that logs to stdout would make one a line.
const MOST_FINDINGS: usize = 50;

/// Judges every invariant. `control` is the same story on the target's control, for `additive`.
///
/// A function of the two journals and nothing else: the same journals give the same outcomes, whatever they hold.
pub fn judge(run: &Run, control: Option<&Run>) -> Vec<(Invariant, Outcome)> {
    let view = View::new(run);
    let mut outcomes: Vec<(Invariant, Outcome)> = Vec::new();
    for invariant in Invariant::ALL.iter().copied().filter(|i| *i != Invariant::Reached) {
        let outcome = match applies::not_applicable(&run.header.target, invariant) {
            Some(reason) => Outcome::NotApplicable(reason),
            None => check(&view, invariant, control),
        };
        outcomes.push((invariant, at_most(outcome)));
    }
    // Only what the others found can tell why a fault did not fire.
    let findings: Vec<&Finding> = outcomes.iter().flat_map(|(_, o)| o.findings()).collect();
    let reached = at_most(reached::reached(&view, &findings));
    outcomes.push((Invariant::Reached, reached));
    outcomes.sort_by_key(|(invariant, _)| *invariant);
    outcomes
}

fn check(view: &View<'_>, invariant: Invariant, control: Option<&Run>) -> Outcome {
    match invariant {
        Invariant::Rehydrates => rehydrates::rehydrates(view),
        Invariant::Durable => history::durable(view),
        Invariant::Ordered => history::ordered(view),
        Invariant::Once => history::once(view),
        Invariant::NothingInvented => invented::nothing_invented(view),
        Invariant::Isolated => history::isolated(view),
        Invariant::Paired => paired::paired(view),
        Invariant::Cwd => settings::cwd(view),
        Invariant::Honest => honest::honest(view),
        Invariant::NoWider => settings::no_wider(view),
        Invariant::SameAuth => auth::same_auth(view),
        Invariant::Responsive => liveness::responsive(view),
        Invariant::NoOrphans => liveness::no_orphans(view),
        Invariant::Effects => effects::effects(view),
        Invariant::SourceKept => files::source_kept(view),
        Invariant::Lean => lean::lean(view),
        Invariant::NewThreadId => identity::new_thread_id(view),
        Invariant::StaleId => identity::stale_id(view),
        Invariant::UnknownId => unknown_id::unknown_id(view),
        Invariant::Additive => additive::additive(view, control),
        Invariant::Protocol => protocol::protocol(view),
        Invariant::Reached => reached::reached(view, &[]),
        Invariant::ShownIsSent => shown::shown_is_sent(view),
        Invariant::Hermetic => hermetic::hermetic(view),
    }
}

fn at_most(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Findings(mut findings) if findings.len() > MOST_FINDINGS => {
            let more = findings.len() - MOST_FINDINGS;
            findings.truncate(MOST_FINDINGS);
            if let Some(last) = findings.last_mut() {
                last.text.push_str(&format!(" (and {more} more findings)"));
            }
            Outcome::Findings(findings)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Event, Kind, Lane, TargetKind};
    use proptest::prelude::*;

    #[test]
    fn every_invariant_is_judged_once_and_in_order() {
        let outcomes = judge(&Story::restarted().run(), None);
        let judged: Vec<Invariant> = outcomes.iter().map(|(i, _)| *i).collect();
        assert_eq!(judged, Invariant::ALL);
    }

    #[test]
    fn an_empty_journal_shows_nothing() {
        let outcomes = judge(&Story::new(TargetKind::Builtin).run(), None);
        assert!(outcomes.iter().all(|(_, o)| matches!(o, Outcome::Unjudged(_) | Outcome::NotApplicable(_))));
    }

    #[test]
    fn what_an_app_server_shows_is_not_taken_for_held() {
        assert!(is_unjudged(&Story::restarted_on(TargetKind::CodexResume).says(Invariant::ShownIsSent)));
        let elsewhere = Story::restarted_on(TargetKind::CodexMcp).says(Invariant::ShownIsSent);
        assert!(matches!(elsewhere, Outcome::NotApplicable(_)));
    }

    /// Pieces of a rich journal, to be torn apart and shuffled.
    fn pieces() -> Vec<Kind> {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("decoy", C, vec![p(90)]);
        story.life();
        story.say(Say::start("main", A));
        story.damage("main", A, vec![r(1)]);
        story.restart();
        story.say(Say {
            history: Some(vec![tool_call("a"), context("turn_aborted")]),
            ..Say::reply("main", A, B, Vec::new())
        });
        story.fault(2, false);
        story.say(Say { id_is: crate::journal::IdChoice::Literal, ..Say::refused("main", "*") });
        for text in
            ["[", "{}", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#]
        {
            story.frame(crate::journal::Direction::In, text);
            story.frame(crate::journal::Direction::Out, text);
        }
        story.death(None);
        story.events.into_iter().map(|e| e.kind).collect()
    }

    proptest! {
        #[test]
        fn no_journal_makes_a_check_panic(order in prop::collection::vec((0usize..1000, 0u32..4, 0u64..60), 0..60)) {
            let pieces = pieces();
            let mut story = Story::new(TargetKind::Builtin);
            for (n, incarnation, seq) in order {
                let kind = pieces[n % pieces.len()].clone();
                story.events.push(Event { seq, at: 0, incarnation, lane: Lane::Player, kind });
            }
            let run = story.run();
            prop_assert_eq!(judge(&run, Some(&run)).len(), Invariant::ALL.len());
        }
    }
}
