//! What each foreign server looks like from outside: its tools, where a call says what, and how it answers.

use std::hash::{BuildHasher, Hasher};

use serde_json::{Value, json};

use crate::server::Mode;

/// What a call says.
pub(crate) struct Said {
    pub(crate) prompt: String,
    pub(crate) id: Option<String>,
    pub(crate) dir: Option<String>,
}

/// The result of `initialize`.
pub(crate) fn welcome(params: &Value) -> Value {
    let version = params["protocolVersion"].as_str().unwrap_or("2025-06-18");
    json!({"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "foreign", "version": "1"}})
}

/// The result of `tools/list`.
pub(crate) fn tools(mode: Mode, cursor: Option<&str>) -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let tool = |name: &str, about: &str, properties: Value, required: &[&str]| {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        json!({"name": name, "description": about, "inputSchema": schema})
    };
    match mode {
        Mode::Ask | Mode::Engine | Mode::Forgetful => {
            let mut properties = json!({"question": text("What you want to know"),
                "session": text("Goes on with an earlier session")});
            if mode != Mode::Forgetful {
                properties["dir"] = text("Where to work");
            }
            let mut ask = tool("ask", "Asks the assistant", properties, &["question"]);
            let fields = json!({"session": {"type": "string"}, "answer": {"type": "string"}});
            ask["outputSchema"] = json!({"type": "object", "properties": fields, "required": ["session", "answer"]});
            let about = tool("about", "Says what this server is", json!({}), &[]);
            json!({"tools": [about, ask]})
        }
        Mode::Two if cursor.is_none() => {
            let search = tool("search_notes", "Looks through the notes", json!({"query": text("Words")}), &["query"]);
            json!({"tools": [search], "nextCursor": "2"})
        }
        Mode::Two => {
            let begin = json!({"message": text("The first message"), "folder": text("The working directory")});
            let go_on = json!({"conversation": text("Which one"), "message": text("The next message")});
            json!({"tools": [
                tool("continue", "Continues a conversation", go_on, &["conversation", "message"]),
                tool("begin", "Begins a conversation", begin, &["message"]),
            ]})
        }
        Mode::Nested => {
            let input = json!({"type": "object", "properties": {"text": text("The message")}, "required": ["text"]});
            let options = json!({"type": "object", "properties": {
                "mode": {"type": "string", "enum": ["fast", "thorough"]},
                "conversation_id": text("Continues this conversation"),
                "working_directory": text("An absolute path")}, "required": ["mode"]});
            json!({"tools": [tool("chat", "", json!({"input": input, "options": options}), &["input", "options"])]})
        }
    }
}

/// What a call says; or, if it is no call of a conversation, what it gets at once.
pub(crate) fn read(mode: Mode, params: &Value) -> Result<Said, Result<Value, Value>> {
    let (tool, args) = (params["name"].as_str().unwrap_or_default(), &params["arguments"]);
    let at = |place: &str| args.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let (prompt, id, dir) = match (mode, tool) {
        (Mode::Ask | Mode::Engine, "ask") => ("/question", at("/session"), at("/dir")),
        (Mode::Forgetful, "ask") => ("/question", at("/session"), None),
        (Mode::Two, "begin") => ("/message", None, at("/folder")),
        (Mode::Two, "continue") => ("/message", Some(at("/conversation").unwrap_or_default()), None),
        (Mode::Nested, "chat") if at("/options/mode").is_none() => return Err(Ok(error("options.mode is missing"))),
        (Mode::Nested, "chat") => ("/input/text", at("/options/conversation_id"), at("/options/working_directory")),
        (Mode::Two, "search_notes") => return Err(Ok(plain("nothing found"))),
        (Mode::Ask | Mode::Engine | Mode::Forgetful, "about") => return Err(Ok(plain("a server of a test"))),
        _ => return Err(Err(json!({"code": -32602, "message": format!("there is no tool `{tool}`")}))),
    };
    match at(prompt) {
        Some(prompt) => Ok(Said { prompt, id, dir }),
        None => Err(Ok(error("there is nothing to say"))),
    }
}

/// The result of a turn.
pub(crate) fn answer(mode: Mode, id: &str, text: &str) -> Value {
    match mode {
        Mode::Ask | Mode::Engine | Mode::Forgetful => {
            let mut result = plain(text);
            result["structuredContent"] = json!({"session": id, "answer": text});
            result
        }
        Mode::Two => plain(&format!("{text}\n\n(conversation: {id})")),
        Mode::Nested => plain(&json!({"conversationId": id, "reply": text, "model": "mock-1"}).to_string()),
    }
}

/// Says in a block of its own that something is not as it was.
pub(crate) fn add_note(mode: Mode, result: &mut Value, note: &str) {
    let text = if mode == Mode::Two { format!("Warning: {note}") } else { format!("[notice] {note}") };
    if let Some(blocks) = result["content"].as_array_mut() {
        blocks.push(json!({"type": "text", "text": text}));
    }
}

/// The result of a turn that failed.
pub(crate) fn failed(mode: Mode, id: &str, why: &str) -> Value {
    let mut result = answer(mode, id, why);
    result["isError"] = json!(true);
    result
}

/// What an id gets that is nowhere.
pub(crate) fn unknown(mode: Mode, id: &str) -> Result<Value, Value> {
    match mode {
        Mode::Ask | Mode::Engine | Mode::Forgetful => Ok(error(&format!("no such session: {id}"))),
        Mode::Two => Ok(error(&format!("'{id}' is not one of the conversations here"))),
        Mode::Nested => Err(json!({"code": -32004, "message": format!("conversation {id} does not exist")})),
    }
}

/// An id that nobody had before.
pub(crate) fn fresh(mode: Mode) -> String {
    let random = std::hash::RandomState::new().build_hasher().finish();
    match mode {
        Mode::Ask | Mode::Engine | Mode::Forgetful => format!("{random:016x}"),
        Mode::Two => format!("abc-{}", random % 1_000_000_007),
        Mode::Nested => format!("conv_{random:x}"),
    }
}

fn plain(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn error(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}
