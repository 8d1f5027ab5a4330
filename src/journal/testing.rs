//! A header for the tests of whatever reads or writes a journal.

use super::*;
use crate::limits::Limits;

/// The header of a run of which nothing matters but that it is one: `text` and `number` stand wherever one may.
pub(crate) fn header(text: &str, number: u64) -> Header {
    let text = || text.to_owned();
    let target = TargetProfile {
        name: text(),
        kind: TargetKind::Foreign,
        dialect: Dialect::AppServer,
        level: Level::Core,
        identity: Identity::Same,
        command: vec![text(), text()],
        version: Some(text()),
        note: Some(text()),
        unknown_id_error: None,
        daemon: true,
        tools: Tools::default(),
        rollouts: true,
    };
    let scenario = ScenarioHeader { name: text(), title: text(), source: text(), proves: vec![text()] };
    let (rehydra, started, limits) = (text(), text(), Limits::default());
    Header { format: FORMAT, rehydra, started, seed: number, scenario, target, limits }
}
