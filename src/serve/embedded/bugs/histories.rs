//! What the bugs do to a history that was brought back.

use serde_json::Value;

use super::Bug;
use crate::responses::{context, item};

/// Longest text that one of them lets through.
const LONG_CHARS: usize = 1 << 20;
/// How many items another lets through.
const ITEMS: usize = 100;

/// Spoils a history as the bug says; most leave it alone.
pub(super) fn spoil(bug: Bug, history: &mut Vec<Value>) {
    match bug {
        Bug::LastTurnDropped => history.truncate(last_prompt(history)),
        Bug::FirstTurnDropped => drop_first_turn(history),
        Bug::TurnRepeated => {
            let turn = history.split_off(last_prompt(history));
            history.extend(turn.iter().chain(&turn).cloned());
        }
        Bug::SilentBlankHistory => history.clear(),
        Bug::TurnsSwapped => {
            let last = history.split_off(last_prompt(history));
            history.splice(0..0, last);
        }
        Bug::TextCut => each_text(history, |text| {
            *text = text.split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        }),
        Bug::RolesLost => {
            for message in history.iter_mut().filter(|item| item::kind(item) == "message") {
                *message = item::developer(&item::text(message));
            }
        }
        Bug::ToolOutputsDropped => history.retain(|item| !item::is_output(item)),
        Bug::OutputsFirst => history.sort_by_key(|item| !item::is_output(item)),
        Bug::InterruptionClaimed => {
            history.push(item::user("<turn_aborted>\nThe user interrupted the previous turn."));
        }
        Bug::UnfinishedTurnAnswered => {
            let answered = |item: &Value| item::role(item) == Some("assistant");
            let last = history.iter().rposition(answered);
            if let Some(last) = last.filter(|last| *last < last_prompt(history)) {
                history.extend_from_within(last..=last);
            }
        }
        Bug::ReasoningDropped => history.retain(|item| item::kind(item) != "reasoning"),
        Bug::HistoryCapped => drop(history.drain(..history.len().saturating_sub(ITEMS))),
        Bug::LongTextsCut => each_text(history, |text: &mut String| *text = text.chars().take(LONG_CHARS).collect()),
        Bug::AsciiOnly => each_text(history, |text| text.retain(|c| c.is_ascii())),
        _ => {}
    }
}

pub(super) fn is_prompt(message: &Value) -> bool {
    item::is_user_message(message) && context::tag(message).is_none()
}

/// Where the last turn begins.
fn last_prompt(history: &[Value]) -> usize {
    history.iter().rposition(is_prompt).unwrap_or(history.len())
}

fn each_text(history: &mut [Value], change: impl Fn(&mut String)) {
    let parts = history.iter_mut().filter(|item| context::tag(item).is_none());
    let parts = parts.filter_map(|item| item.get_mut("content")?.as_array_mut()).flatten();
    for part in parts {
        if let Some(Value::String(text)) = part.get_mut("text") {
            change(text);
        }
    }
}

fn drop_first_turn(history: &mut Vec<Value>) {
    let mut prompts = history.iter().enumerate().filter(|(_, item)| is_prompt(item)).map(|(at, _)| at);
    if let Some(first) = prompts.next() {
        let second = prompts.next().unwrap_or(history.len());
        history.drain(first..second);
    }
}
