//! What a parser says of one file, read from its standard output.
//!
//! The text is a stranger's. Of everything that was said only the markers are kept, so an answer is small whatever its
//! size was. Keys that the contract does not know are refused: a misspelt one would silently be one that is not judged.

use serde_json::{Map, Value};

use crate::marker::{self, Marker};
use crate::neutral;

/// The keys of an answer.
pub(super) const KEYS: [&str; 6] = ["id", "cwd", "turns", "damaged", "error", "form"];
/// The keys of a turn.
pub(super) const TURN_KEYS: [&str; 4] = ["user", "assistant", "tools", "reasoning"];

/// One answer; `None` is what was not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The thread's id.
    pub id: Option<String>,
    /// The thread's directory.
    pub cwd: Option<String>,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// Something of the file could not be read.
    pub damaged: Option<bool>,
    /// Why the parser gave up.
    pub error: Option<String>,
    /// What the turns are.
    pub form: Option<Form>,
}

/// What the turns of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What the model is to be sent.
    Live,
    /// Everything ever said.
    All,
}

/// One turn: the markers in its texts, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Each key of it that was there.
    pub said: Vec<(Said, Vec<Marker>)>,
}

/// Who says something in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
    /// `tools`.
    Tools,
    /// `reasoning`.
    Reasoning,
}

impl Said {
    const ALL: [Said; 4] = [Said::User, Said::Assistant, Said::Tools, Said::Reasoning];

    /// Its key.
    pub fn key(self) -> &'static str {
        match self {
            Said::User => "user",
            Said::Assistant => "assistant",
            Said::Tools => "tools",
            Said::Reasoning => "reasoning",
        }
    }
}

impl Answer {
    /// Reads an answer; otherwise a text that says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Answer, String> {
        if text.trim_ascii().is_empty() {
            return Err("printed nothing".to_owned());
        }
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| format!("printed no JSON: {error}: `{}`", shown(&String::from_utf8_lossy(text))))?;
        let Value::Object(map) = &value else { return Err("printed JSON that is no object".to_owned()) };
        known_keys(map, &KEYS, "the answer")?;
        let error = text_at(map, "error")?;
        let turns = match map.get("turns") {
            None | Some(Value::Null) if error.is_some() => Vec::new(),
            Some(Value::Array(turns)) => turns.iter().map(turn).collect::<Result<_, _>>()?,
            _ => return Err("`turns` is not there or no list, and `error` says nothing".to_owned()),
        };
        let damaged = match map.get("damaged") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(damaged)) => Some(*damaged),
            Some(_) => return Err("`damaged` is neither true nor false".to_owned()),
        };
        let form = match text_at(map, "form")?.as_deref() {
            None => None,
            Some("live") => Some(Form::Live),
            Some("all") => Some(Form::All),
            Some(_) => return Err("`form` is neither `live` nor `all`".to_owned()),
        };
        Ok(Answer { id: text_at(map, "id")?, cwd: text_at(map, "cwd")?, turns, damaged, error, form })
    }

    /// It says that not everything is there.
    pub fn owns_up(&self) -> bool {
        self.error.is_some() || self.damaged == Some(true)
    }

    /// Whether any turn has that key.
    pub fn tells(&self, said: Said) -> bool {
        self.turns.iter().any(|turn| turn.said.iter().any(|(who, _)| *who == said))
    }
}

fn turn(value: &Value) -> Result<Turn, String> {
    let Value::Object(map) = value else { return Err("a turn is no object".to_owned()) };
    known_keys(map, &TURN_KEYS, "a turn")?;
    let mut turn = Turn::default();
    for who in Said::ALL {
        let Some(value) = map.get(who.key()) else { continue };
        let mut markers = Vec::new();
        match value {
            Value::Array(texts) => texts.iter().try_for_each(|text| said(text, who, &mut markers))?,
            text => said(text, who, &mut markers)?,
        }
        turn.said.push((who, markers));
    }
    Ok(turn)
}

fn said(text: &Value, who: Said, markers: &mut Vec<Marker>) -> Result<(), String> {
    match text {
        Value::String(text) => markers.extend(marker::find(text)),
        Value::Null => {}
        _ => return Err(format!("`{}` of a turn is neither a text, nor a list of texts, nor null", who.key())),
    }
    Ok(())
}

fn text_at(map: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` is no text")),
    }
}

fn known_keys(map: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{what} has the key `{}`; the contract knows {}", shown(key), known.join(", "))),
        None => Ok(()),
    }
}

/// A stranger's text in a message.
fn shown(text: &str) -> String {
    neutral::line(text, 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Carrier;

    #[test]
    fn a_text_may_be_one_or_many_or_none() {
        let [a, b] = [1, 2].map(|n| Marker::new(Carrier::Prompt, 1, n));
        let text = format!(r#"{{"turns":[{{"user":["x {a}",null,"{b}"],"assistant":null}},{{"user":"{a}"}}]}}"#);
        let answer = Answer::parse(text.as_bytes()).unwrap();
        assert_eq!(answer.turns[0].said, [(Said::User, vec![a.clone(), b]), (Said::Assistant, vec![])]);
        assert_eq!(answer.turns[1].said, [(Said::User, vec![a])]);
        assert!(answer.tells(Said::Assistant) && !answer.tells(Said::Tools) && !answer.owns_up());
    }

    #[test]
    fn who_gives_up_need_not_tell_turns() {
        let answer = Answer::parse(br#"{"error":"no such format"}"#).unwrap();
        assert!(answer.owns_up() && answer.turns.is_empty());
    }

    #[test]
    fn what_is_no_answer_is_named() {
        for (text, says) in [
            ("", "printed nothing"),
            ("Traceback \u{1b}[31m", "no JSON"),
            ("[]", "no object"),
            ("{}", "`turns` is not there"),
            (r#"{"turns":7}"#, "`turns` is not there or no list"),
            (r#"{"turns":[],"dammaged":true}"#, "the answer has the key `dammaged`; the contract knows id, cwd"),
            (r#"{"turns":[{"human":"x"}]}"#, "a turn has the key `human`"),
            (r#"{"turns":[7]}"#, "a turn is no object"),
            (r#"{"turns":[{"user":7}]}"#, "`user` of a turn"),
            (r#"{"turns":[],"id":7}"#, "`id` is no text"),
            (r#"{"turns":[],"damaged":"no"}"#, "`damaged` is neither"),
            (r#"{"turns":[],"form":"both"}"#, "`form` is neither"),
        ] {
            let wrong = Answer::parse(text.as_bytes()).unwrap_err();
            assert!(wrong.contains(says) && !wrong.contains('\u{1b}'), "{text}: {wrong}");
        }
    }
}
