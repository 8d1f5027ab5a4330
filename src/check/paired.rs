//! `paired`: the request is one that the real API accepts.
//!
//! Each tool call has exactly one output behind it and each output its call. The stub refuses what the API would, so a
//! refusal of that kind is a finding too; the items are read besides, which tells *what* is unpaired and also judges
//! runs of a stub that was lenient. Hosted tools (`web_search_call`, `image_generation_call`) have no output items.

use std::collections::HashMap;

use super::Invariant;
use super::outcome::{Outcome, one_line};
use super::turn::Turn;
use super::view::View;
use crate::journal::{Item, ModelRequest, RefusalKind};
use crate::marker::{Carrier, Marker};

/// Each tool call has exactly one output and each output its call, in every request.
pub(super) fn paired(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    for turn in &view.turns {
        for request in &turn.requests {
            let Some((got, text)) = defect(request.what) else { continue };
            let said = ("each tool call followed by exactly one output", got);
            findings.push(turn.finding(Invariant::Paired, said, text, vec![request.seq, turn.call.seq]));
            break;
        }
    }
    let looked = view.continued().any(|t| view.settles(t)) && story_has_tools(view);
    Outcome::conclude(findings, looked, "no history with a tool call in it reached the model")
}

fn is_call(item: &Item) -> bool {
    matches!(item.kind.as_str(), "function_call" | "custom_tool_call" | "local_shell_call" | "tool_search_call")
}

fn is_output(item: &Item) -> bool {
    item.kind.ends_with("_output")
}

fn story_has_tools(view: &View<'_>) -> bool {
    let of_tool = |m: &Marker| matches!(m.carrier(), Some(Carrier::Call | Carrier::Output));
    let in_turn = |t: &Turn<'_>| {
        t.planted.unwrap_or_default().iter().any(of_tool)
            || t.requests.iter().flat_map(|r| &r.what.items).any(|i| is_call(i) || is_output(i))
    };
    view.turns.iter().any(in_turn) || view.placed.iter().any(|p| p.what.markers.iter().any(of_tool))
}

/// What got was and what it means, if the request is not one that the API accepts.
fn defect(request: &ModelRequest) -> Option<(String, String)> {
    if let Some(told) = unpaired(&request.items) {
        return Some(told);
    }
    let refused = request.refused.as_ref()?;
    let why = match refused.kind {
        RefusalKind::Unpaired => "a tool call or output stands alone",
        RefusalKind::Malformed => "it is not a request of the Responses API",
        RefusalKind::Unexpected | RefusalKind::Unauthorized => return None,
    };
    Some((one_line(&refused.text), format!("the model refuses the request: {why}")))
}

fn unpaired(items: &[Item]) -> Option<(String, String)> {
    let mut open: HashMap<&str, usize> = HashMap::new();
    let mut calls = Vec::new();
    for item in items {
        let Some(id) = item.call_id.as_deref() else { continue };
        if is_call(item) {
            if open.insert(id, 0).is_some() {
                return Some((format!("two calls `{id}`"), format!("the tool call `{id}` is in the request twice")));
            }
            calls.push(id);
        } else if is_output(item) {
            let Some(outputs) = open.get_mut(id) else {
                let text = format!("the output of tool call `{id}` stands without its call before it");
                return Some((format!("an output `{id}` without its call"), text));
            };
            *outputs += 1;
            if *outputs > 1 {
                return Some((format!("two outputs `{id}`"), format!("the tool call `{id}` has more than one output")));
            }
        }
    }
    let alone = calls.into_iter().find(|id| open.get(id) == Some(&0))?;
    Some((format!("a call `{alone}` without output"), format!("the tool call `{alone}` has no output")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::Refusal;

    fn with_items(items: Vec<Item>) -> Story {
        let mut story = Story::restarted();
        let history = [story.history("main"), items].concat();
        story.say(Say::reply("main", A, B, history));
        story
    }

    #[test]
    fn a_call_with_its_output_is_paired() {
        let story = with_items(vec![tool_call("a"), tool_call("b"), tool_output("b"), tool_output("a")]);
        assert_eq!(story.says(Invariant::Paired), Outcome::Held);
    }

    #[test]
    fn each_way_to_stand_alone_is_told_apart() {
        for (items, words) in [
            (vec![tool_call("a")], "has no output"),
            (vec![tool_output("a")], "without its call"),
            (vec![tool_output("a"), tool_call("a")], "without its call"),
            (vec![tool_call("a"), tool_output("a"), tool_output("a")], "more than one output"),
            (vec![tool_call("a"), tool_call("a"), tool_output("a")], "in the request twice"),
        ] {
            let story = with_items(items);
            assert!(text(&story.says(Invariant::Paired)).contains(words), "{words}");
            assert_eq!(story.fired(), ["paired"]);
        }
    }

    #[test]
    fn a_request_that_the_model_refuses_as_unpaired_is_found() {
        let mut story = Story::restarted();
        let refused = Refusal { kind: RefusalKind::Unpaired, text: "No tool output found for call a.".into() };
        let history = story.history("main");
        story.say(Say { refused: Some(refused), ..Say::reply("main", A, B, history) });
        assert_eq!(story.fired(), ["paired"]);
    }

    #[test]
    fn a_story_without_tools_shows_nothing() {
        assert!(is_unjudged(&with_items(Vec::new()).says(Invariant::Paired)));
    }
}
