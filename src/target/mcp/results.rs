//! Results of calls, read as answers: where the id stands, what the reply is, which text blocks are notes.

use regex_lite::Regex;
use serde_json::Value;

use crate::journal::{Answer, AnswerOutcome, CallId, IdIn, Note, Seq, TargetKind, TargetProfile};

/// The key of our own server's notes in a result's `_meta`.
const NOTES_KEY: &str = "rehydra/rehydration";
/// How a text block that is a note begins.
const NOTE_PREFIX: &str = "[rehydra]";

/// How the results of a target are read.
#[derive(Clone, Debug)]
pub(in crate::target) struct Results {
    id: IdAt,
    note: Option<Regex>,
    /// The reply may stand in any text block, not in the first alone.
    spread: bool,
}

#[derive(Clone, Debug)]
enum IdAt {
    Pointer(String),
    Text(Regex),
}

impl Results {
    /// As the target's profile says; the error names the pattern that is none.
    pub(in crate::target) fn of(profile: &TargetProfile) -> Result<Results, String> {
        let pattern = |key: &str, pattern: &str| {
            let told =
                |error| format!("the pattern `{key}` of target `{}` is no regular expression: {error}", profile.name);
            Regex::new(pattern).map_err(told)
        };
        let id = match &profile.tools.id_in {
            IdIn::Pointer(pointer) => IdAt::Pointer(pointer.clone()),
            IdIn::Text(text) => IdAt::Text(pattern("id-in", text)?),
        };
        let note = profile.note.as_deref().map(|note| pattern("note", note)).transpose()?;
        Ok(Results { id, note, spread: profile.kind == TargetKind::Foreign })
    }

    /// The answer that a response to a call is.
    pub(in crate::target) fn answer(&self, call: CallId, frame: Seq, outcome: Result<Value, Value>) -> Answer {
        let from = vec![frame];
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                return Answer {
                    from,
                    call,
                    outcome: AnswerOutcome::RpcError,
                    id_returned: None,
                    text: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    notes: Vec::new(),
                    error_kind: error.get("code").map(Value::to_string),
                    raw: Some(error),
                };
            }
        };
        let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
        Answer {
            from,
            call,
            outcome: if failed { AnswerOutcome::ToolError } else { AnswerOutcome::Reply },
            id_returned: self.id(&result),
            text: self.text(&result),
            notes: self.notes(&result),
            error_kind: None,
            raw: Some(result),
        }
    }

    /// The id as a text, which is the form in which a reply is sent with it.
    fn id(&self, result: &Value) -> Option<String> {
        match &self.id {
            IdAt::Pointer(pointer) => match result.pointer(pointer)? {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            },
            IdAt::Text(pattern) => {
                let group = |text| Some(pattern.captures(text)?.get(1)?.as_str().to_owned());
                texts(result).find_map(group)
            }
        }
    }

    /// Codex's reply is the first text block. Other servers may spread theirs over several, notes apart, and one that has
    /// none shows what it has as structured content.
    fn text(&self, result: &Value) -> String {
        let first = texts(result).next();
        if !self.spread {
            return first.unwrap_or_default().to_owned();
        }
        match (first, result.get("structuredContent")) {
            (None, Some(content)) => content.to_string(),
            _ => {
                let further = texts(result).skip(1).filter(|text| !self.is_note(text));
                first.into_iter().chain(further).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn is_note(&self, text: &str) -> bool {
        text.starts_with(NOTE_PREFIX) || self.note.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }

    /// Our own server's notes, then the text blocks that are notes by their form (kind `text`).
    fn notes(&self, result: &Value) -> Vec<Note> {
        let own = result.get("_meta").and_then(|meta| meta.get(NOTES_KEY)?.get("notes")?.as_array());
        let text_of = |note: &Value, key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut notes: Vec<Note> =
            own.into_iter().flatten().map(|n| Note { kind: text_of(n, "kind"), text: text_of(n, "text") }).collect();
        notes.extend(
            texts(result)
                .filter(|text| self.is_note(text))
                .map(|text| Note { kind: "text".into(), text: text.to_owned() }),
        );
        notes
    }
}

fn texts(result: &Value) -> impl Iterator<Item = &str> {
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    blocks.iter().filter_map(|block| block.get("text")?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::profile;
    use super::*;

    fn codex() -> Results {
        Results::of(&profile::codex_mcp("0.153.4", "codex".as_ref())).expect("it has no patterns")
    }

    fn foreign(change: impl FnOnce(&mut TargetProfile)) -> Results {
        let mut profile = profile::from_command("server").expect("a command");
        change(&mut profile);
        Results::of(&profile).expect("sound patterns")
    }

    #[test]
    fn a_foreign_id_is_read_where_the_profile_says() {
        let id = |id_in: IdIn, result: Value| {
            foreign(|profile| profile.tools.id_in = id_in).answer(1, 7, Ok(result)).id_returned
        };
        let at = |pointer: &str| IdIn::Pointer(pointer.into());
        let texts = json!({"content": [{"text": "Noted."}, {"text": "session: a-7"}], "n": {"m": 12}});
        assert_eq!(id(IdIn::Text(r"session: (\S+)".into()), texts.clone()).as_deref(), Some("a-7"));
        assert_eq!(id(at("/n/m"), texts.clone()).as_deref(), Some("12"));
        assert_eq!(id(at("/n"), texts.clone()), None);
        assert_eq!(id(at("/nothing/0"), texts), None);
    }

    #[test]
    fn a_foreign_reply_may_be_spread() {
        let text = |result: Value| foreign(|_| {}).answer(1, 7, Ok(result)).text;
        assert_eq!(text(json!({"content": [{"text": "session: 1"}, {"text": "Blue."}]})), "session: 1\nBlue.");
        assert_eq!(text(json!({"content": [], "structuredContent": {"reply": "Blue."}})), r#"{"reply":"Blue."}"#);
        let both = json!({"content": [{"text": "a"}, {"text": "b"}]});
        assert_eq!(codex().answer(1, 7, Ok(both)).text, "a");
    }

    #[test]
    fn a_pattern_that_is_none_is_told_by_its_name() {
        let mut profile = profile::from_command("server").expect("a command");
        profile.tools.id_in = IdIn::Text("(".into());
        assert!(Results::of(&profile).expect_err("no pattern").contains("`id-in` of target `server`"));
    }

    #[test]
    fn an_answer_of_another_shape_is_read_as_far_as_it_goes() {
        for odd in [json!(null), json!([]), json!({"content": "x"}), json!({"content": [{"type": "image"}]})] {
            let answer = codex().answer(1, 7, Ok(odd.clone()));
            assert_eq!((answer.outcome, answer.text.as_str()), (AnswerOutcome::Reply, ""));
            assert_eq!((answer.id_returned, answer.raw), (None, Some(odd)));
        }
        let odd = codex().answer(1, 7, Err(json!("no object")));
        assert_eq!((odd.outcome, odd.error_kind), (AnswerOutcome::RpcError, None));
    }

    #[test]
    fn a_foreign_note_is_found_by_the_profiles_pattern() {
        let result = json!({"content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "NOTICE: lost"}]});
        let noting = foreign(|profile| profile.note = Some("^NOTICE".into()));
        assert_eq!(noting.answer(1, 7, Ok(result.clone())).notes.len(), 1);
        assert!(codex().answer(1, 7, Ok(result)).notes.is_empty());
    }
}
