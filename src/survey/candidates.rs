//! Which tool may begin a conversation, which may go on with one, and where in their arguments the parts of a call go:
//! guesses, the best first, made from names and schemas alone. Whether a guess is right is for the trial to find out.
//!
//! A guess costs one call, so the order decides how long a survey takes and what is done to a server by mistake: tools
//! whose names say that they only look something up or take something away come last.

use serde_json::{Map, Value};

use super::names::{CONVERSATIONS, DIRECTORIES, HANDLES, PROMPTS, SETTINGS, words};
use super::schema::{Argument, ENTRY, Takes, Tool};
use crate::journal::{self, put};
use crate::limits::SURVEY_STARTS;

/// A way to begin a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    /// The tool with every place that was found.
    pub full: journal::Tool,
    /// The same without a place for the directory, the sandbox and the approval policy.
    pub bare: journal::Tool,
}

/// Ways to begin a conversation, the likeliest first.
pub(super) fn starts(tools: &[Tool]) -> Vec<Start> {
    let mut found: Vec<(i32, Start)> = Vec::new();
    for tool in tools {
        for (score, prompt) in prompts(tool).into_iter().take(2) {
            let needs_id = tool.arguments.iter().any(|a| a.required && a.place != prompt.place && id_score(a) >= 80);
            let score = score + beginning(&tool.name) - if needs_id { 100 } else { 0 };
            found.push((score, start(tool, prompt)));
        }
    }
    // Stable: of equals the one that the server lists first.
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, start)| start).take(SURVEY_STARTS).collect()
}

/// Ways to go on with a conversation that was begun by `begun`, the likeliest first.
pub(super) fn replies(tools: &[Tool], begun: &str) -> Vec<journal::Tool> {
    let mut found: Vec<(i32, journal::Tool)> = Vec::new();
    for tool in tools {
        for (score, prompt) in prompts(tool).into_iter().take(2) {
            let others = tool.arguments.iter().filter(|a| a.place != prompt.place && may_be_text(a));
            for id in others {
                let same = if tool.name == begun { 30 } else { 0 };
                let score = score + id_score(id) + going_on(&tool.name) + same;
                found.push((score, called(tool, prompt, |made| made.id = Some(id.place.clone()))));
            }
        }
    }
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, reply)| reply).collect()
}

fn start(tool: &Tool, prompt: &Argument) -> Start {
    let directory = best(tool, prompt, directory_score);
    let takes = |word: &str, choice: &str| {
        let it = |a: &&Argument| a.words.iter().any(|w| w == word) && a.choices.iter().any(|c| c == choice);
        tool.arguments.iter().find(it).map(|a| a.place.clone())
    };
    let full = called(tool, prompt, |made| {
        made.cwd = directory.map(|a| a.place.clone());
        made.sandbox = takes("sandbox", "read-only");
        made.approval = takes("approval", "on-request");
    });
    Start { full, bare: called(tool, prompt, |_| {}) }
}

fn best<'a>(tool: &'a Tool, prompt: &Argument, score: fn(&Argument) -> i32) -> Option<&'a Argument> {
    let others = tool.arguments.iter().filter(|a| a.place != prompt.place && may_be_text(a));
    // Of equals the first.
    others.filter(|a| score(a) > 0).rev().max_by_key(|a| score(a))
}

/// The arguments that may be the prompt, the likeliest first.
fn prompts(tool: &Tool) -> Vec<(i32, &Argument)> {
    let texts = tool.arguments.iter().filter(|a| may_be_text(a));
    let mut found: Vec<(i32, &Argument)> = texts.filter_map(|a| Some((prompt_score(a)?, a))).collect();
    found.sort_by_key(|(score, _)| -score);
    found
}

fn may_be_text(argument: &Argument) -> bool {
    matches!(argument.takes, Takes::Text | Takes::Other)
}

fn prompt_score(argument: &Argument) -> Option<i32> {
    let rank = rank(argument, &PROMPTS);
    let is = |names: &[&str]| argument.words.iter().any(|word| names.contains(&word.as_str()));
    let other = is(&SETTINGS) || is(&DIRECTORIES) || is(&CONVERSATIONS) || is(&["id", "uuid"]);
    let name = match rank {
        Some(rank) if !other => 100 - 2 * rank,
        Some(rank) => 20 - rank,
        None if other => return None,
        None => 10,
    };
    let deep = i32::try_from(argument.place.matches('/').count()).unwrap_or(i32::MAX).min(10);
    Some(name + if argument.required { 25 } else { 0 } - deep)
}

fn id_score(argument: &Argument) -> i32 {
    let is = |names: &[&str]| argument.words.iter().any(|word| names.contains(&word.as_str()));
    let says = ["resume", "continu", "earlier", "previous", "existing", "session", "conversation", "thread"];
    let other_name = argument.about.contains("deprecated");
    match () {
        () if is(&CONVERSATIONS) => 100 - 30 * i32::from(other_name),
        () if directory_score(argument) > 0 || is(&SETTINGS) => 0,
        () if is(&["id", "uuid"]) => 80,
        () if is(&HANDLES) => 60,
        () if says.iter().any(|word| argument.about.contains(word)) => 50,
        () => 5,
    }
}

fn directory_score(argument: &Argument) -> i32 {
    let Some(rank) = rank(argument, &DIRECTORIES) else { return 0 };
    let named = argument.words.iter().any(|word| word == "path");
    let alone = argument.words.len() == 1 || rank < 8;
    // A path of something is a file's as often as a directory's.
    if named && !alone { 0 } else { 50 - rank }
}

/// Where the likeliest word of the argument's name stands in the list.
fn rank(argument: &Argument, names: &[&str]) -> Option<i32> {
    let place = |word: &String| names.iter().position(|name| name == word);
    argument.words.iter().filter_map(place).min().and_then(|rank| i32::try_from(rank).ok())
}

fn beginning(tool: &str) -> i32 {
    let is = |names: &[&str]| words(tool).iter().any(|word| names.contains(&word.as_str()));
    let begins = is(&["start", "begin", "new", "create", "open"]);
    let speaks = is(&["codex", "ask", "chat", "prompt", "send", "converse", "talk", "agent", "run", "exec", "query"]);
    let goes_on = is(&["reply", "continue", "resume", "follow", "followup"]);
    20 * i32::from(speaks) + 30 * i32::from(begins) - 60 * i32::from(goes_on) - 60 * i32::from(does_other_things(tool))
}

fn going_on(tool: &str) -> i32 {
    let is = |names: &[&str]| words(tool).iter().any(|word| names.contains(&word.as_str()));
    let goes_on = is(&["reply", "continue", "resume", "follow", "followup", "send", "message"]);
    40 * i32::from(goes_on) - 80 * i32::from(does_other_things(tool))
}

fn does_other_things(tool: &str) -> bool {
    let others = [
        "search", "list", "get", "read", "find", "fetch", "delete", "remove", "forget", "clear", "cancel", "stop",
        "close", "kill", "status", "config", "set", "write", "edit", "rename", "version", "help", "about", "log",
        "export",
    ];
    words(tool).iter().any(|word| others.contains(&word.as_str()))
}

/// The tool with its places, and with a value for everything else that a call must have.
fn called(tool: &Tool, prompt: &Argument, place: impl FnOnce(&mut journal::Tool)) -> journal::Tool {
    let (name, prompt) = (tool.name.clone(), prompt.place.clone());
    let mut made = journal::Tool { name, prompt, ..journal::Tool::default() };
    place(&mut made);
    let places =
        [Some(&made.prompt), made.id.as_ref(), made.cwd.as_ref(), made.sandbox.as_ref(), made.approval.as_ref()];
    let places: Vec<&str> = places.into_iter().flatten().map(String::as_str).collect();
    made.args = fixed(tool, &places);
    made
}

fn fixed(tool: &Tool, places: &[&str]) -> Map<String, Value> {
    let below = |place: &str, above: &str| place.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
    let mut args = Value::Object(Map::new());
    let mut there: Vec<&str> = vec![""];
    // What something is part of comes before it.
    for argument in &tool.arguments {
        let Some((above, last)) = argument.place.rsplit_once('/') else { continue };
        let leads = places.iter().any(|place| below(place, &argument.place));
        let is_part = there.contains(&above);
        let is_entry = last == ENTRY && argument.needed && !argument.required;
        if places.contains(&argument.place.as_str()) || !is_part || !(leads || argument.needed && !is_entry) {
            continue;
        }
        let Some(value) = argument.proposed.clone() else { continue };
        // The tables on the way to a place are made when something is put there.
        if leads && value.is_object() && last != ENTRY {
            there.push(&argument.place);
            continue;
        }
        if put(&mut args, &argument.place, value) && argument.takes == Takes::Parts {
            there.push(&argument.place);
        }
    }
    match args {
        Value::Object(args) => args,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::survey::schema::tools;

    fn read(list: Value) -> Vec<Tool> {
        tools(&[json!({"tools": list})])
    }

    fn tool(name: &str, properties: Value, required: &[&str]) -> Value {
        json!({"name": name, "inputSchema": {"type": "object", "properties": properties, "required": required}})
    }

    fn text() -> Value {
        json!({"type": "string"})
    }

    /// What the best guess is, in a line.
    fn guess(list: Value) -> String {
        let tools = read(list);
        let start = starts(&tools).into_iter().next().map(|s| s.full).unwrap_or_default();
        let reply = replies(&tools, &start.name).into_iter().next().unwrap_or_default();
        let dir = start.cwd.unwrap_or_default();
        let id = reply.id.unwrap_or_default();
        format!("{} {} {dir} | {} {} {id}", start.name, start.prompt, reply.name, reply.prompt)
    }

    #[test]
    fn codex_s_own_tools_are_guessed_with_all_their_places() {
        let list = serde_json::to_value(
            crate_tools().map(|(name, schema)| json!({"name": name, "inputSchema": schema})).to_vec(),
        );
        let tools = read(list.expect("JSON"));
        let default = journal::Tools::default();
        assert_eq!(starts(&tools).first().map(|s| &s.full), Some(&default.start));
        assert_eq!(replies(&tools, "codex").first(), Some(&default.reply));
    }

    /// As Codex 0.153.4 lists them, cut to what matters here.
    fn crate_tools() -> [(&'static str, Value); 2] {
        let codex = json!({"type": "object", "required": ["prompt"], "properties": {
            "approval-policy": {"description": "Approval policy", "enum": ["untrusted", "on-failure", "on-request", "never"]},
            "base-instructions": {"type": "string"}, "compact-prompt": {"type": "string"},
            "config": {"type": "object", "additionalProperties": true}, "cwd": {"type": "string"},
            "developer-instructions": {"type": "string"}, "model": {"type": "string"}, "profile": {"type": "string"},
            "prompt": {"type": "string"}, "sandbox": {"enum": ["read-only", "workspace-write", "danger-full-access"]}}});
        let reply = json!({"type": "object", "required": ["prompt"], "properties": {
            "conversationId": {"description": "DEPRECATED: use threadId instead.", "type": "string"},
            "prompt": {"type": "string"}, "threadId": {"type": "string"}}});
        [("codex", codex), ("codex-reply", reply)]
    }

    #[test]
    fn one_tool_may_begin_and_go_on() {
        let ask = tool("ask", json!({"session": text(), "question": text(), "dir": text()}), &["question"]);
        let about = tool("about", json!({}), &[]);
        assert_eq!(guess(json!([about, ask])), "ask /question /dir | ask /question /session");
    }

    #[test]
    fn a_tool_that_needs_an_id_does_not_begin() {
        let go_on = tool("continue", json!({"conversation": text(), "message": text()}), &["conversation", "message"]);
        let begin = tool("begin", json!({"message": text(), "folder": text()}), &["message"]);
        let search = tool("search_notes", json!({"query": text()}), &["query"]);
        let guessed = guess(json!([search, go_on, begin]));
        assert_eq!(guessed, "begin /message /folder | continue /message /conversation");
    }

    #[test]
    fn what_a_call_must_have_is_given_and_what_it_may_have_is_not() {
        let message = json!({"type": "object", "required": ["role", "content"],
            "properties": {"role": {"enum": ["system", "user"]}, "content": text(), "tag": text()}});
        let options = json!({"type": "object", "required": ["mode", "n"], "properties": {
            "mode": {"enum": ["fast", "slow"]}, "n": {"type": "integer", "minimum": 2}, "thread_id": text(),
            "extra": {"type": "object", "required": ["x"], "properties": {"x": text()}}}});
        let chat = tool(
            "chat",
            json!({"messages": {"type": "array", "items": message}, "options": options,
            "stops": {"type": "array", "items": text()}}),
            &["messages", "stops"],
        );
        let tools = read(json!([chat]));
        let start = starts(&tools).remove(0).full;
        assert_eq!(start.prompt, "/messages/0/content");
        assert_eq!(Value::Object(start.args), json!({"messages": [{"role": "user"}], "stops": []}));
        let reply = replies(&tools, "chat").remove(0);
        assert_eq!(reply.id.as_deref(), Some("/options/thread_id"));
        let expected = json!({"messages": [{"role": "user"}], "options": {"mode": "fast", "n": 2}, "stops": []});
        assert_eq!(Value::Object(reply.args), expected);
    }

    #[test]
    fn a_setting_is_no_prompt_and_a_file_no_directory() {
        let odd = tool("go", json!({"model": text(), "file_path": text(), "what": text()}), &["model"]);
        let start = starts(&read(json!([odd]))).remove(0).full;
        assert_eq!((start.prompt.as_str(), start.cwd.as_deref()), ("/what", None));
        assert_eq!(Value::Object(start.args), json!({"model": "rehydra"}));
    }

    #[test]
    fn a_server_without_a_text_to_say_has_no_candidates() {
        let list = json!([tool("ping", json!({}), &[]), tool("add", json!({"n": {"type": "number"}}), &["n"])]);
        assert_eq!(starts(&read(list)), []);
    }
}
