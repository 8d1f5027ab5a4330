//! The arguments of the two tools, checked as Codex 0.153.4 checks them.
//!
//! Codex decodes arguments with serde from a JSON value, so its error texts are serde's, and the first offending field
//! *in the order in which the client sent it* decides. A missing prompt is only noticed after all fields were looked
//! at. Clients match on these texts, so they are reproduced here to the letter (each seen on the real binary); a number
//! is called `number` and not by its value because Codex's JSON numbers have arbitrary precision.
//!
//! Nothing here touches a disk or a thread: a refused call has had no effect.

use serde_json::{Map, Value};

use super::engine::{ApprovalPolicy, ReplyRequest, SandboxMode, StartRequest};
use super::schema::Tool;
use crate::rollout::{IdError, ThreadId};

/// Why a call was refused. Its display is the text of Codex's error result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `arguments` at all.
    #[error("Missing arguments for {} tool-call; the {} required.", .0.name(), .0.required_words())]
    MissingArguments(Tool),
    /// A field is missing, unknown or of the wrong type.
    #[error("Failed to parse configuration for Codex tool: {0}")]
    Arguments(String),
    /// The id is no UUID.
    #[error("Failed to parse thread_id: {0}")]
    ThreadId(#[from] IdError),
    /// Neither `threadId` nor `conversationId`.
    #[error("Failed to parse thread_id: either threadId or conversationId must be provided")]
    NoThreadId,
    /// The arguments do not go together with the configuration.
    #[error("Failed to load Codex configuration from overrides: {0}")]
    Configuration(String),
    /// No tool has this name.
    #[error("Unknown tool '{0}'")]
    UnknownTool(String),
}

const START_FIELDS: [&str; 9] = [
    "prompt",
    "model",
    "cwd",
    "approval-policy",
    "sandbox",
    "config",
    "base-instructions",
    "developer-instructions",
    "compact-prompt",
];

/// Checks the arguments of `codex`.
pub fn start_request(arguments: Option<Map<String, Value>>) -> Result<StartRequest, Refusal> {
    let arguments = arguments.ok_or(Refusal::MissingArguments(Tool::Codex))?;
    let mut request = StartRequest::default();
    let mut prompt = None;
    for (name, value) in arguments {
        match name.as_str() {
            "prompt" => prompt = Some(required_text(value)?),
            "model" => request.model = optional_text(value)?,
            "cwd" => request.cwd = optional_text(value)?.map(Into::into),
            "approval-policy" => request.approval = variant(value, &APPROVALS)?,
            "sandbox" => request.sandbox = variant(value, &SANDBOXES)?,
            "config" => request.config = optional_map(value)?,
            "base-instructions" => request.base_instructions = optional_text(value)?,
            "developer-instructions" => request.developer_instructions = optional_text(value)?,
            // There is no compaction here, so the prompt for it is checked and has no further use.
            "compact-prompt" => drop(optional_text(value)?),
            unknown => {
                return Err(Refusal::Arguments(format!("unknown field `{unknown}`, {}", one_of(&START_FIELDS))));
            }
        }
    }
    request.prompt = prompt.ok_or_else(missing_prompt)?;
    Ok(request)
}

/// Checks the arguments of `codex-reply`. Unknown fields are passed over, as Codex does for this tool alone.
///
/// `thread_id` reads the id, which may be of any length: what is longer than a UUID's longest form fails to parse, with the text that Codex has
/// for it.
pub fn reply_request(
    arguments: Option<Map<String, Value>>,
    thread_id: impl Fn(&str) -> Result<ThreadId, IdError>,
) -> Result<ReplyRequest, Refusal> {
    let arguments = arguments.ok_or(Refusal::MissingArguments(Tool::CodexReply))?;
    let (mut prompt, mut thread, mut conversation) = (None, None, None);
    for (name, value) in arguments {
        match name.as_str() {
            "prompt" => prompt = Some(required_text(value)?),
            "threadId" => thread = optional_text(value)?,
            "conversationId" => conversation = optional_text(value)?,
            _ => {}
        }
    }
    let prompt = prompt.ok_or_else(missing_prompt)?;
    let id = thread.or(conversation).ok_or(Refusal::NoThreadId)?;
    Ok(ReplyRequest { thread: thread_id(&id)?, prompt })
}

const SANDBOXES: [(&str, SandboxMode); 3] = [
    ("read-only", SandboxMode::ReadOnly),
    ("workspace-write", SandboxMode::WorkspaceWrite),
    ("danger-full-access", SandboxMode::DangerFullAccess),
];

const APPROVALS: [(&str, ApprovalPolicy); 2] =
    [("on-request", ApprovalPolicy::OnRequest), ("never", ApprovalPolicy::Never)];

fn missing_prompt() -> Refusal {
    Refusal::Arguments("missing field `prompt`".to_owned())
}

fn required_text(value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(&other, "a string")),
    }
}

fn optional_text(value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        other => required_text(other).map(Some),
    }
}

fn optional_map(value: Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        other => Err(wrong_type(&other, "a map")),
    }
}

fn variant<T: Copy>(value: Value, known: &[(&str, T)]) -> Result<Option<T>, Refusal> {
    let name = match value {
        Value::Null => return Ok(None),
        Value::String(name) => name,
        other => return Err(wrong_type(&other, "string or map")),
    };
    match known.iter().find(|(word, _)| *word == name) {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            Err(Refusal::Arguments(format!("unknown variant `{name}`, {}", one_of(&words))))
        }
    }
}

fn wrong_type(found: &Value, expected: &str) -> Refusal {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("boolean `{value}`"),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => format!("string {text:?}"),
        Value::Array(_) => "sequence".to_owned(),
        Value::Object(_) => "map".to_owned(),
    };
    Refusal::Arguments(format!("invalid type: {found}, expected {expected}"))
}

/// serde's list of what it expected: `x`, `x` or `y`, one of `x`, `y`, `z`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [one] => format!("expected {one}"),
        [one, two] => format!("expected {one} or {two}"),
        many => format!("expected one of {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn start(arguments: Value) -> String {
        text(start_request(object(arguments)).map(|_| ()))
    }

    fn reply(arguments: Value) -> String {
        text(reply_request(object(arguments), ThreadId::parse).map(|_| ()))
    }

    fn object(value: Value) -> Option<Map<String, Value>> {
        match value {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    fn text(result: Result<(), Refusal>) -> String {
        result.err().map_or_else(|| "accepted".to_owned(), |refusal| refusal.to_string())
    }

    const PARSE: &str = "Failed to parse configuration for Codex tool: ";
    const ID: &str = "Failed to parse thread_id: ";
    const UNKNOWN: &str = ", expected one of `prompt`, `model`, `cwd`, `approval-policy`, `sandbox`, `config`, \
                           `base-instructions`, `developer-instructions`, `compact-prompt`";

    #[test]
    fn codex_refuses_in_the_words_of_0_153_4() {
        let cases = [
            (json!(null), "Missing arguments for codex tool-call; the `prompt` field is required.".to_owned()),
            (json!({}), format!("{PARSE}missing field `prompt`")),
            (json!({"prompt": 5}), format!("{PARSE}invalid type: number, expected a string")),
            (json!({"prompt": null}), format!("{PARSE}invalid type: null, expected a string")),
            (json!({"prompt": true}), format!("{PARSE}invalid type: boolean `true`, expected a string")),
            (json!({"prompt": [1]}), format!("{PARSE}invalid type: sequence, expected a string")),
            (json!({"prompt": {"a": 1}}), format!("{PARSE}invalid type: map, expected a string")),
            (json!({"prompt": "x", "bogus": 1}), format!("{PARSE}unknown field `bogus`{UNKNOWN}")),
            (json!({"zeta": 1, "alpha": 2, "prompt": "x"}), format!("{PARSE}unknown field `zeta`{UNKNOWN}")),
            (json!({"prompt": "x", "profile": "p"}), format!("{PARSE}unknown field `profile`{UNKNOWN}")),
            (
                json!({"sandbox": "nope", "prompt": 5}),
                format!(
                    "{PARSE}unknown variant `nope`, expected one of `read-only`, `workspace-write`, `danger-full-access`"
                ),
            ),
            (json!({"prompt": "x", "sandbox": 5}), format!("{PARSE}invalid type: number, expected string or map")),
            (
                json!({"prompt": "x", "approval-policy": "untrusted"}),
                format!("{PARSE}unknown variant `untrusted`, expected `on-request` or `never`"),
            ),
            (json!({"prompt": "x", "config": []}), format!("{PARSE}invalid type: sequence, expected a map")),
            (
                json!({"prompt": "x", "model": null, "cwd": null, "sandbox": null, "config": null}),
                "accepted".to_owned(),
            ),
            (json!({"prompt": ""}), "accepted".to_owned()),
        ];
        for (arguments, expected) in cases {
            assert_eq!(start(arguments.clone()), expected, "{arguments}");
        }
    }

    #[test]
    fn codex_reply_refuses_in_the_words_of_0_153_4() {
        let long = "a".repeat(300);
        let cases = [
            (
                json!(null),
                "Missing arguments for codex-reply tool-call; the `thread_id` and `prompt` fields are required."
                    .to_owned(),
            ),
            (json!({"threadId": "n"}), format!("{PARSE}missing field `prompt`")),
            (json!({"prompt": 5, "threadId": "n"}), format!("{PARSE}invalid type: number, expected a string")),
            (json!({"prompt": "x", "threadId": 5}), format!("{PARSE}invalid type: number, expected a string")),
            (json!({"prompt": "x"}), format!("{ID}either threadId or conversationId must be provided")),
            (
                json!({"prompt": "x", "threadId": null}),
                format!("{ID}either threadId or conversationId must be provided"),
            ),
            (
                json!({"prompt": "x", "threadId": "n", "bogus": 1, "conversationId": "y"}),
                format!(
                    "{ID}invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found \
                     `n` at 1"
                ),
            ),
            (
                json!({"prompt": "x", "threadId": ""}),
                format!("{ID}invalid length: expected length 32 for simple format, found 0"),
            ),
            (
                json!({"prompt": "x", "threadId": long}),
                format!("{ID}invalid length: expected length 32 for simple format, found 300"),
            ),
        ];
        for (arguments, expected) in cases {
            assert_eq!(reply(arguments.clone()), expected, "{arguments}");
        }
    }

    #[test]
    fn every_form_of_an_id_is_the_same_id() {
        let plain = "01a2019e-7c9d-7000-8000-000000000001";
        for form in [
            plain.to_owned(),
            plain.to_uppercase(),
            format!("urn:uuid:{plain}"),
            plain.replace('-', ""),
            format!("{{{plain}}}"),
        ] {
            let request =
                reply_request(object(json!({"prompt": "x", "conversationId": form})), ThreadId::parse).unwrap();
            assert_eq!(request.thread.to_string(), plain);
        }
    }
}
