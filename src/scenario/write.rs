//! A scenario as text again: what shrinking and capturing hand over.
//!
//! The text is canonical. Keys stand in the order of the grammar, defaults are left out, a call that is too long for one
//! line gets a line for each key. Reading it gives the same story: everything but the lines of the steps and the source.
//! A response can hold more than the format says (a second text, output in another order, a null in an argument): what
//! [`Scenario::parse`] cannot have made is written as nearly as the format allows. The rounds of a `repeat` are written one
//! after the other, so the text of a short file may come out longer than a file can be.

mod fault;
mod files;
mod model;

use std::fmt::Write;

use serde_json::Value;

use self::fault::fault;
use self::files::{file, power_loss, rollout};
use self::model::response;
use super::grammar::Words;
use super::keys_client::OPENINGS;
use super::types::{
    Approve, Call, ClientAct, ClientStep, Ending, Expect, Expected, Id, MAIN_CLIENT, Restart, Scenario, StepKind,
};
use super::{keys, keys_call, keys_files};
use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Signal, Whom};
use crate::rollout::mutate::Keep;

/// Longest line of a step before its keys get lines of their own, in characters.
const WIDTH_CHARS: usize = 110;

/// The scenario as TOML.
pub fn to_toml(scenario: &Scenario) -> String {
    let proves: Vec<&str> = scenario.proves.iter().map(|invariant| invariant.name()).collect();
    let needs: Vec<&str> = scenario.needs.iter().map(|need| word(&keys::NEEDS, *need)).collect();
    let mut text = format!("rehydra = 1\ntitle   = {}\n", string(&scenario.title));
    if !scenario.refs.is_empty() {
        let _ = writeln!(text, "refs    = {}", list(scenario.refs.iter().map(|r| string(r))));
    }
    let _ = writeln!(text, "proves  = {}", list(proves.into_iter().map(string)));
    if !needs.is_empty() {
        let _ = writeln!(text, "needs   = {}", list(needs.into_iter().map(string)));
    }
    for answer in &scenario.models {
        let _ = writeln!(text, "\n[[model]]\nwhen = {}", string(&answer.when));
        for (key, value) in response(&answer.response).0 {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    for step in &scenario.steps {
        let (key, value) = step_value(&step.what);
        let _ = write!(text, "\n[[step]]\n{}", lines(key, value));
    }
    text
}

/// The fields of a table, in order.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn put(mut self, key: &'static str, value: impl Into<String>) -> Fields {
        self.0.push((key, value.into()));
        self
    }

    fn put_some(self, key: &'static str, value: Option<impl Into<String>>) -> Fields {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    fn inline(self) -> String {
        match self.0.as_slice() {
            [] => "{}".to_owned(),
            fields => {
                let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }
}

/// What stands behind the key of a step.
enum Written {
    Table(Fields),
    Value(String),
}

fn lines(key: &str, value: Written) -> String {
    match value {
        Written::Value(value) => format!("{key} = {value}\n"),
        Written::Table(fields) => {
            let apart: String = fields.0.iter().map(|(field, value)| format!("{key}.{field} = {value}\n")).collect();
            let line = format!("{key} = {}\n", fields.inline());
            if line.chars().count() > WIDTH_CHARS { apart } else { line }
        }
    }
}

fn step_value(what: &StepKind) -> (&'static str, Written) {
    use Written::{Table, Value};
    match what {
        StepKind::Codex(asked) => ("codex", Table(call(asked))),
        StepKind::Reply(asked) => ("reply", Table(call(asked))),
        StepKind::Together(calls) => {
            let entries = calls.iter().map(|entry| {
                let key = if entry.start { "codex" } else { "reply" };
                format!("\n    {},", Fields::default().put(key, call(&entry.call).inline()).inline())
            });
            ("together", Value(format!("[{}\n]", entries.collect::<String>())))
        }
        StepKind::Restart(restart) => ("restart", Table(restarted(restart))),
        StepKind::Kill { signal, whom } => ("kill", Table(kill(*signal, *whom))),
        StepKind::Pause { stop } => ("signal", Value(string(word(&keys::PAUSES, *stop)))),
        StepKind::Eof => ("eof", Table(Fields::default())),
        StepKind::PowerLoss(loss) => ("power-loss", Table(power_loss(loss))),
        StepKind::Rollout(synthetic) => ("rollout", Table(rollout(synthetic))),
        StepKind::Place(place) => {
            let fields = Fields::default().put("thread", string(&place.thread)).put("file", string(&place.file));
            ("place", Table(fields.put_some("cwd", place.cwd.as_deref().map(string))))
        }
        StepKind::Damage(damage) => {
            let fields = Fields::default().put("thread", string(&damage.thread));
            let keep = match damage.mutator.keep() {
                Some(Keep::Bytes(bytes)) => bytes.to_string(),
                Some(other) => string(word(&keys_files::KEEPS, other)),
                None => {
                    let seed = Some(damage.seed).filter(|seed| *seed != 1).map(|seed| seed.to_string());
                    let fields = fields.put("mutator", string(damage.mutator.name()));
                    return ("damage", Table(fields.put_some("seed", seed)));
                }
            };
            ("damage", Table(fields.put("torn-tail", Fields::default().put("keep", keep).inline())))
        }
        StepKind::File(change) => ("file", Table(file(change))),
        StepKind::Client(step) => ("client", Table(client(step))),
        StepKind::Wait { frame, limit_ms } => {
            let fields = Fields::default().put("frame", string(frame));
            ("wait", Table(fields.put_some("limit_ms", limit_ms.map(|ms| ms.to_string()))))
        }
    }
}

fn call(asked: &Call) -> Fields {
    let id = match &asked.id {
        Id::Current => None,
        Id::First => Some("first"),
        Id::Previous => Some("previous"),
        Id::Literal(text) => Some(text.as_str()),
    };
    let model = match asked.model.as_slice() {
        [] => None,
        [one] => Some(response(one).inline()),
        several => Some(list(several.iter().map(|one| response(one).inline()))),
    };
    Fields::default()
        .put_some("client", Some(&asked.client).filter(|name| *name != MAIN_CLIENT).map(|name| string(name)))
        .put_some("thread", Some(&asked.thread).filter(|name| *name != "main").map(|name| string(name)))
        .put_some("id", id.map(string))
        .put("prompt", string(&asked.prompt))
        .put_some("cwd", asked.cwd.as_deref().map(string))
        .put_some("sandbox", asked.sandbox.as_deref().map(string))
        .put_some("approval", asked.approval.as_deref().map(string))
        .put_some("model", model)
        .put_some("fault", asked.fault.as_ref().map(|f| fault(f).inline()))
        .put_some("expect", expect(&asked.expect))
        .put_some("limit_ms", asked.limit_ms.map(|ms| ms.to_string()))
        .put_some("fill", Some(asked.fill).filter(|bytes| *bytes != 0).map(|bytes| bytes.to_string()))
        .put_some(
            "approve",
            Some(asked.approve).filter(|a| *a != Approve::Deny).map(|a| string(word(&keys_call::APPROVES, a))),
        )
}

fn expect(expect: &Expect) -> Option<String> {
    let outcome = keys_call::OUTCOMES.name(expect.outcome).map(string);
    match &expect.text {
        Some(text) => Some(Fields::default().put_some("outcome", outcome).put("text", string(text)).inline()),
        None if expect.outcome == Expected::Default => None,
        None => outcome,
    }
}

fn kill(signal: Signal, whom: Whom) -> Fields {
    Fields::default().put("signal", string(word(&keys::SIGNALS, signal))).put("whom", string(word(&keys::WHOM, whom)))
}

fn restarted(restart: &Restart) -> Fields {
    let fields = match restart.end {
        Ending::Signal { signal: Signal::Kill, whom: Whom::Server } if restart.then.is_empty() => Fields::default(),
        end => ending(Fields::default(), end.into()),
    };
    let opening = Some(restart.opening).filter(|opening| *opening != Opening::default());
    let env = restart.env.iter().map(|(name, value)| format!("{} = {}", string(name), string(value)));
    let env = (!restart.env.is_empty()).then(|| format!("{{ {} }}", env.collect::<Vec<_>>().join(", ")));
    fields
        .put_some("then", then(&restart.then))
        .put_some("opening", opening.map(|o| string(word(&OPENINGS, o))))
        .put_some("target", restart.target.as_deref().map(string))
        .put_some("home", restart.home.as_deref().map(string))
        .put_some("credentials", restart.credentials.as_deref().map(string))
        .put_some("retries", Some(restart.retries).filter(|n| *n != 0).map(|n| n.to_string()))
        .put_some("tz", restart.tz.as_deref().map(string))
        .put_some("env", env)
}

/// `end` and `whom`.
fn ending(fields: Fields, end: Action) -> Fields {
    let Action::Kill { signal, whom } = end else { return fields.put("end", string(word(&keys::ENDS, None))) };
    let whom = Some(whom).filter(|whom| *whom != Whom::Server).map(|whom| string(word(&keys::WHOM, whom)));
    fields.put("end", string(word(&keys::ENDS, Some(signal)))).put_some("whom", whom)
}

/// The further rungs of a ladder, if there are any.
fn then(rungs: &[Rung]) -> Option<String> {
    let rung = |rung: &Rung| ending(Fields::default().put("after_ms", rung.after_ms.to_string()), rung.end).inline();
    (!rungs.is_empty()).then(|| list(rungs.iter().map(rung)))
}

fn client(step: &ClientStep) -> Fields {
    let name = Some(&step.name).filter(|name| *name != MAIN_CLIENT).map(|name| string(name));
    let fields = Fields::default().put_some("name", name);
    match &step.act {
        ClientAct::Open(opening) => fields.put("opening", string(word(&OPENINGS, *opening))),
        ClientAct::End { end, then: rungs } => ending(fields, (*end).into()).put_some("then", then(rungs)),
        ClientAct::Send(line) => fields.put("send", string(line)),
        ClientAct::SendBytes(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            fields.put("send-bytes", string(&hex.join(" ")))
        }
        ClientAct::CancelLast => fields.put("cancel", string("last")),
        ClientAct::SendHalf(line) => fields.put("send-half", string(line)),
    }
}

/// The word of a closed list; every value of its type has one.
fn word<T: Copy + PartialEq>(words: &Words<T>, value: T) -> &'static str {
    words.name(value).unwrap_or_default()
}

fn list(entries: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", entries.into_iter().collect::<Vec<_>>().join(", "))
}

/// A text as a basic string of TOML, on one line.
pub fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// JSON as TOML, on one line. A null has no form there: a field with one is left out, an entry becomes an empty string.
pub fn json(value: &Value) -> String {
    match value {
        Value::Null => string(""),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Debug writes a fraction or an exponent, without which TOML reads a whole number.
            Some(float) => format!("{float:?}"),
            None => number.to_string(),
        },
        Value::String(text) => string(text),
        Value::Array(entries) => list(entries.iter().map(json)),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> = fields.map(|(key, value)| format!("{} = {}", string(key), json(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
