//! What can be said once all steps have been walked: promises that nothing tests, and steps that nobody follows.

use super::Story;
use crate::check::Invariant;
use crate::scenario::parse::Told;
use crate::scenario::types::StepKind;
use crate::scenario::view::View;

impl Story<'_> {
    /// Promises that nothing in the file puts to the test.
    pub(super) fn promises(&mut self, file: View<'_, '_>, proves: &[Invariant]) {
        let at = file.key_span("proves");
        if self.calls == 0 {
            let message = "nothing is asked, so there is nothing to prove".to_owned();
            let help = "add a step `codex` or `reply`";
            return self.into.add(at, message, "no call puts it to the test", help);
        }
        if proves.contains(&Invariant::Rehydrates) && !self.replied_across {
            let message = "`rehydrates` is to be proved, and no reply needs a rehydration".to_owned();
            let help = "add a step `restart = {}` before a `reply`, or continue a thread from `place` or `rollout`";
            self.into.add(at.clone(), message, "nothing puts it to the test", help);
        }
        if proves.contains(&Invariant::Reached) && self.faults == 0 {
            let message = "`reached` is to be proved, and no call has a fault".to_owned();
            self.into.add(at, message, "nothing puts it to the test", "give a call a `fault`");
        }
    }

    /// What is prepared after the last call, for nobody.
    pub(super) fn loose_ends(&mut self, steps: &[Told<'_, '_>]) {
        let is_call = |what: &StepKind| matches!(what, StepKind::Codex(_) | StepKind::Reply(_) | StepKind::Together(_));
        let after = steps.iter().rev().take_while(|told| !told.what.as_ref().is_some_and(is_call));
        if self.calls == 0 {
            return;
        }
        for told in after {
            let key = match told.what {
                Some(StepKind::Rollout(_)) => "rollout",
                Some(StepKind::Place(_)) => "place",
                Some(StepKind::Damage(_)) => "damage",
                Some(StepKind::File(_)) => "file",
                Some(StepKind::PowerLoss(_)) => "power-loss",
                _ => continue,
            };
            let message = format!("no call follows this `{key}`, so nothing can come of it");
            self.into.add(told.view.key_span(key), message, "for nobody", "add a call after it, or remove the step");
        }
    }
}
