//! Faults: triggers and actions.

use super::parse_step::ending;
use super::view::View;
use super::{keys, keys_fault};
use crate::fault::client::Rung;
use crate::fault::plan::{Action, Cut, Fault, Signal, Trigger, Whom};

/// What goes wrong during a call.
pub(super) fn fault(view: View<'_, '_>) -> Option<Fault> {
    let until = view.has("hold").then(|| trigger(view.view("hold").view("until"))).flatten();
    Some(Fault { at: trigger(view.view("at"))?, what: action(view)?, then: then(view), until })
}

/// The further rungs of a ladder.
pub(super) fn then(view: View<'_, '_>) -> Vec<Rung> {
    let rung = |view: View<'_, '_>| Rung { after_ms: view.number("after_ms").unwrap_or(1), end: ending(view).into() };
    view.views("then").into_iter().map(rung).collect()
}

fn trigger(view: View<'_, '_>) -> Option<Trigger> {
    if let Some(name) = view.text("frame") {
        return Some(Trigger::Frame { name, n: view.count("n").unwrap_or(1) });
    }
    if let Some(n) = view.count("model-request") {
        return Some(Trigger::ModelRequest { n });
    }
    if let Some(n) = view.count("model-chunk") {
        return Some(Trigger::ModelChunk { n, edge: view.word("edge", &keys_fault::EDGES)? });
    }
    if let Some(point) = view.word("rehydration", &keys_fault::REHYDRATIONS) {
        return Some(Trigger::Rehydration(point));
    }
    if view.has("sent") {
        return Some(Trigger::Sent);
    }
    if let Some(at_file) = at_file(view) {
        return Some(at_file);
    }
    view.has("model-end").then_some(Trigger::ModelEnd)
}

/// Triggers that the injector sees.
fn at_file(view: View<'_, '_>) -> Option<Trigger> {
    let n = |table: View<'_, '_>| table.count("n").unwrap_or(1);
    if view.has("write") {
        let table = view.view("write");
        let op = table.word("op", &keys_fault::TOUCHES).unwrap_or_default();
        return Some(Trigger::Write { path: table.text("path")?, op, n: n(table), byte: cut(table) });
    }
    if view.has("record") {
        let table = view.view("record");
        return Some(Trigger::Record { kind: table.text("kind")?, n: n(table), byte: cut(table) });
    }
    if view.has("read") {
        let table = view.view("read");
        return Some(Trigger::Read { path: table.text("path")?, n: n(table) });
    }
    let table = view.has("sync").then(|| view.view("sync"))?;
    Some(Trigger::Sync { path: table.text("path")?, n: n(table) })
}

fn cut(table: View<'_, '_>) -> Cut {
    match (table.number("byte"), table.word("byte", &keys_fault::CUTS)) {
        (Some(bytes), _) => Cut::Bytes(bytes),
        (None, word) => word.unwrap_or_default(),
    }
}

fn action(view: View<'_, '_>) -> Option<Action> {
    if view.has("kill") {
        let (signal, whom) = kill(view.view("kill"));
        return Some(Action::Kill { signal, whom });
    }
    if view.has("eof") {
        return Some(Action::Eof);
    }
    if view.has("stop") {
        return Some(Action::Stop);
    }
    if view.has("continue") {
        return Some(Action::Continue);
    }
    if view.has("cancel") {
        return Some(Action::Cancel);
    }
    if view.has("repeat") {
        return Some(Action::Repeat);
    }
    if view.has("errno") {
        let table = view.view("errno");
        let error = table.word("name", &keys_fault::ERRORS)?;
        return Some(Action::Errno { error, lasting: table.flag("lasting").unwrap_or(false) });
    }
    if view.has("short") {
        return Some(Action::Short);
    }
    if view.has("delay") {
        return Some(Action::Delay { ms: view.view("delay").number("ms")? });
    }
    view.has("hold").then_some(Action::Hold)
}

/// A signal and whom it is for.
pub(super) fn kill(view: View<'_, '_>) -> (Signal, Whom) {
    let signal = view.word("signal", &keys::SIGNALS).unwrap_or(Signal::Kill);
    (signal, view.word("whom", &keys::WHOM).unwrap_or(Whom::Server))
}
