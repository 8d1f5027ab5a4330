//! A builder of small journals by hand, for the tests of the checks.
//!
//! A [`Story`] is told turn by turn and is healthy unless a test says otherwise: prompts and replies carry markers, the
//! history grows, files appear, snapshots are taken at births and deaths, settings stay. A test then changes the one
//! thing it is about.

mod items;
mod say;
mod story;

use super::{Invariant, Outcome};
use crate::journal::*;

pub(super) use items::*;
pub(super) use say::{Say, note};
pub(super) use story::Story;

pub(super) const A: &str = "01a2019e-7c9d-7000-8000-00000000000a";
pub(super) const B: &str = "01a2019e-7c9d-7000-8000-00000000000b";
pub(super) const C: &str = "01a2019e-7c9d-7000-8000-00000000000c";
pub(super) const NOBODY: &str = "01a20000-0000-7000-8000-000000000000";
pub(super) const CWD: &str = "/run/project";

/// The profile of a target of that kind.
pub(super) fn profile(kind: TargetKind) -> TargetProfile {
    let dialect = match kind {
        TargetKind::CodexResume | TargetKind::CodexFork => Dialect::AppServer,
        _ => Dialect::Mcp,
    };
    TargetProfile {
        name: "target".into(),
        kind,
        dialect,
        level: Level::CodexCompatible,
        identity: if kind == TargetKind::CodexResume { Identity::Same } else { Identity::New },
        command: vec!["target".into()],
        version: None,
        note: None,
        unknown_id_error: None,
        daemon: false,
        tools: crate::journal::Tools::default(),
        rollouts: true,
    }
}

pub(super) fn outcome_of(outcomes: &[(Invariant, Outcome)], invariant: Invariant) -> Outcome {
    let found = outcomes.iter().find(|(i, _)| *i == invariant);
    found.map(|(_, outcome)| outcome.clone()).expect("every invariant is judged")
}

/// The text of the first finding.
pub(super) fn text(outcome: &Outcome) -> &str {
    outcome.findings().first().map(|f| f.text.as_str()).unwrap_or_else(|| panic!("no finding but {outcome:?}"))
}

pub(super) fn is_unjudged(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unjudged(_))
}
