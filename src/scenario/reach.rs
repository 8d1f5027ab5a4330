//! Whether a call's fault can fire, its responses can be sent as they say, and its end can be what it expects.
//!
//! Counted is only what the file itself says: how many responses the call has, how many chunks each of them sends before
//! it breaks off, whether the last one comes to its end. What the target makes of them is not guessed.

use super::conform::Findings;
use super::types::{Call, Expected};
use super::view::View;
use crate::fault::client::Rung;
use crate::fault::plan::{Action, Cut, Edge, Fault, FileOp, Rehydration, Signal, Trigger};
use crate::model::script::{self, Break, Failure, Output, Response};

/// Where the call stands in the story.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// It begins a thread.
    pub(super) start: bool,
    /// Its thread is certainly in the memory of the running life.
    pub(super) loaded: bool,
    /// No other call is sent with it.
    pub(super) alone: bool,
}

/// Adds what cannot happen.
pub(super) fn judge(call: &Call, view: View<'_, '_>, place: Place, into: &mut Findings) {
    let responses = view.sound("model");
    if responses {
        for (response, view) in call.model.iter().zip(view.views("model")) {
            failure(response, view, into);
        }
    }
    if let (Some(fault), true) = (&call.fault, view.sound("fault")) {
        let at = view.view("fault").view("at");
        match &fault.at {
            Trigger::Sent => {}
            Trigger::Frame { name, n } => {
                if name == "answer" && *n > 1 {
                    let message = format!("a call has one answer, and the fault waits for number {n}");
                    into.add(at.value_span("n"), message, "never comes", "remove `n`");
                }
            }
            Trigger::ModelRequest { n } if responses => requests(*n, call, at, into),
            Trigger::ModelChunk { n, edge } if responses => chunks(*n, *edge, call, at, into),
            Trigger::ModelEnd if responses => end(call, at, into),
            Trigger::ModelRequest { .. } | Trigger::ModelChunk { .. } | Trigger::ModelEnd => {}
            Trigger::Rehydration(point) => rehydration(*point, call, responses, place, at, into),
            // How often a target touches its files is its own affair.
            Trigger::Write { .. } | Trigger::Record { .. } | Trigger::Read { .. } | Trigger::Sync { .. } => {}
        }
        at_file(fault, view.view("fault"), into);
        ladder(fault.what, &fault.then, view.view("fault"), into);
        if fault.what == Action::Cancel && responses {
            cancelled(call, view, into);
        }
    }
    if call.expect.outcome == Expected::Interrupted && !view.has("fault") && place.alone {
        let message = "the call is to be interrupted, and it has no fault".to_owned();
        into.add(view.value_span("expect"), message, "by what?", "give the call a `fault` that ends the life");
    }
}

/// Triggers and actions of which one is about a file and the other does not fit it.
fn at_file(fault: &Fault, view: View<'_, '_>, into: &mut Findings) {
    let (at, action) = (view.view("at"), view.chosen().unwrap_or("at"));
    if fault.what.is_about_files() && !fault.at.is_about_files() {
        let message =
            format!("`{action}` is about what the target does to a file, and the fault waits for something else");
        let help = "let `at` be `write`, `record`, `read` or `sync`";
        return into.add(view.key_span(action), message, "to which file?", help);
    }
    let (byte, op) = match fault.at {
        Trigger::Write { op, byte, .. } => (byte, op),
        Trigger::Record { byte, .. } => (byte, FileOp::Write),
        _ => (Cut::Nothing, FileOp::Write),
    };
    let cuts = matches!(
        fault.what,
        Action::Kill { signal: Signal::Kill | Signal::Abort, .. } | Action::Errno { .. } | Action::Short
    );
    let table = at.chosen().filter(|_| fault.at.is_about_files()).map(|key| at.view(key));
    let span = |key: &str| table.map_or_else(|| at.span(), |table| table.value_span(key));
    if byte != Cut::Nothing && op != FileOp::Write {
        let message = format!("`byte` is a part of what is written, and nothing is written by `{}`", op.name());
        into.add(span("byte"), message, "of what?", "remove `byte`");
    } else if byte != Cut::Nothing && !cuts {
        let message = format!("a part of the write is to land, and after `{action}` the rest of it follows");
        let help = "remove `byte`, or let the fault be `kill` with KILL or ABRT, `errno` or `short`";
        into.add(span("byte"), message, "not what stays", help);
    }
    let held = fault.until.as_ref().is_some_and(Trigger::is_about_files);
    if held {
        let hold = view.view("hold");
        let help = "let `until` be `frame`, `model-request`, `model-chunk` or `model-end`";
        into.add(hold.key_span("until"), "what is held cannot wait for a file".to_owned(), "may never come", help);
    }
}

/// Rungs that nobody can reach.
pub(super) fn ladder(first: Action, then: &[Rung], view: View<'_, '_>, into: &mut Findings) {
    if then.is_empty() || !view.sound("then") {
        return;
    }
    if !matches!(first, Action::Kill { .. } | Action::Eof) {
        let message = "`then` goes on from what ends a life, and nothing here does".to_owned();
        return into.add(view.key_span("then"), message, "nothing to go on from", "remove `then`");
    }
    let earlier = std::iter::once(first).chain(then.iter().rev().skip(1).map(|rung| rung.end));
    if earlier.into_iter().any(|end| matches!(end, Action::Kill { signal: Signal::Kill, .. })) {
        let message = "KILL cannot be resisted, and the ladder goes on behind it".to_owned();
        into.add(view.key_span("then"), message, "never reached", "let KILL be the last rung");
    }
}

/// A cancelled call whose answer may be on its way already: nobody could say whether it was sent in spite of the cancel.
fn cancelled(call: &Call, view: View<'_, '_>, into: &mut Findings) {
    let stalls =
        |response: &Response| matches!(response.failure, Some(Failure::Stall { .. } | Failure::At(_, Break::Stall)));
    if !call.model.last().is_some_and(stalls) {
        let message = "the call is cancelled, and its answer may come before the cancel is read".to_owned();
        let help = "let the last response stall: `fail = { stall-after = 0 }`";
        into.add(view.view("fault").key_span("cancel"), message, "a race", help);
    }
}

/// A failure after more chunks than there are.
fn failure(response: &Response, view: View<'_, '_>, into: &mut Findings) {
    let (key, after) = match &response.failure {
        Some(Failure::Stall { after }) => ("stall-after", after),
        Some(Failure::Close { after }) => ("close-after", after),
        Some(Failure::Malformed { after }) => ("malformed-after", after),
        Some(Failure::At(script::Place::Chunk(after), _)) => ("reset-after", after),
        Some(Failure::At(script::Place::Item(after), how)) => return items(*after, *how, response, view, into),
        _ => return,
    };
    let (after, all) = (*after, scripted(response));
    if after > all {
        let message = format!("`{key}` is {after}, and the response has {all} chunk{}", plural(all));
        let help = format!("write a number from 0 to {all}, or raise `chunks`");
        into.add(view.view("fail").value_span(key), message, "never gets there", help);
    }
}

/// A break after more items than there are.
fn items(after: u32, how: Break, response: &Response, view: View<'_, '_>, into: &mut Findings) {
    let all = response.output.len();
    if after as usize <= all {
        return;
    }
    let key = match how {
        Break::Stall => "stall-at",
        Break::Close => "close-at",
        Break::Reset => "reset-at",
    };
    let s = if all == 1 { "" } else { "s" };
    let message = format!("`{key}` is {after}, and the response has {all} output item{s}");
    let help = "count reasoning, text and each of `tools` as one, or write `start` or `head`";
    into.add(view.view("fail").value_span(key), message, "never gets there", help);
}

fn requests(n: u32, call: &Call, at: View<'_, '_>, into: &mut Findings) {
    let all = call.model.len();
    if usize::try_from(n).is_ok_and(|n| n > all) {
        let plural = if all == 1 { "" } else { "s" };
        let message = format!("the fault waits for model request {n}, and the call has {all} response{plural}");
        let help = "give the call as many responses in `model` as requests that it is to make";
        into.add(at.value_span("model-request"), message, "no script expects it", help);
    }
}

fn chunks(n: u32, edge: Edge, call: &Call, at: View<'_, '_>, into: &mut Findings) {
    let all: u32 = call.model.iter().map(|response| sent(response, edge)).fold(0, u32::saturating_add);
    if n > all {
        let message = format!("the fault waits for chunk {n}, and the call's responses send {all}");
        let help = "raise `chunks` in `model`, or wait for an earlier chunk";
        into.add(at.value_span("model-chunk"), message, "never comes", help);
    }
}

fn end(call: &Call, at: View<'_, '_>, into: &mut Findings) {
    let (message, help) = match call.model.last().map(|response| &response.failure) {
        None => ("the fault waits for the model's end, and the call has no response", "give the call a `model`"),
        Some(failure) if failure.as_ref().is_none_or(comes_to_its_end) => return,
        Some(_) => ("the fault waits for the model's end, and the last response fails before it", "remove `fail`"),
    };
    into.add(at.key_span("model-end"), message.to_owned(), "never comes", help);
}

/// Whether all items of a response may be sent in spite of this.
fn comes_to_its_end(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { above, .. } => above.is_some(),
        Failure::NoCompleted
        | Failure::Failed { .. }
        | Failure::EncryptedContent
        | Failure::Events(_)
        | Failure::ContentType { .. } => true,
        _ => false,
    }
}

fn rehydration(point: Rehydration, call: &Call, responses: bool, place: Place, at: View<'_, '_>, into: &mut Findings) {
    let span = at.value_span("rehydration");
    if place.start {
        let message = "the fault waits for a rehydration, and `codex` begins a new thread".to_owned();
        into.add(span, message, "nothing is rehydrated", "give the fault to a `reply` after a `restart`");
    } else if place.loaded {
        let message = "the fault waits for a rehydration, and the thread is in this life's memory".to_owned();
        into.add(span, message, "nothing is rehydrated", "add a step `restart = {}` before the call");
    } else if point == Rehydration::Model && responses && call.model.is_empty() {
        let message = "the fault waits for a model request, and the call has no response".to_owned();
        into.add(span, message, "no script expects it", "give the call a `model`");
    }
}

/// Text chunks of a response, whether or not it fails.
fn scripted(response: &Response) -> u32 {
    response.output.iter().fold(0, |sum, output| sum.saturating_add(chunks_of(output)))
}

fn chunks_of(output: &Output) -> u32 {
    match output {
        Output::Text { chunks, .. } => *chunks,
        _ => 0,
    }
}

/// Chunks of a response whose edge is reached: the one at which it fails has a before and no after.
fn sent(response: &Response, edge: Edge) -> u32 {
    let all = scripted(response);
    match &response.failure {
        None => all,
        Some(failure) if comes_to_its_end(failure) => all,
        Some(Failure::At(script::Place::Item(items), _)) => {
            let before = response.output.iter().take(*items as usize);
            before.fold(0, |sum, output| sum.saturating_add(chunks_of(output)))
        }
        Some(
            Failure::Stall { after }
            | Failure::Close { after }
            | Failure::Malformed { after }
            | Failure::At(script::Place::Chunk(after), _),
        ) => match edge {
            Edge::Before => after.saturating_add(1).min(all),
            Edge::After => (*after).min(all),
        },
        Some(_) => 0,
    }
}

fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}
