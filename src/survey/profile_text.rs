//! A profile as a `rehydra.toml` that can be read aloud: what was found stands there, with what it was found by beside
//! it, and what could not be found stands there too, as a comment that says how to fill it in.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::found::{Found, Noted, Restart, Survey, Unknown};
use crate::journal::{IdIn, Identity, Level, Tool, Tools};
use crate::neutral;
use crate::scenario::{Profile, toml_string, toml_value};

/// Longest quotation of a server in a comment, in characters.
const QUOTE_CHARS: usize = 120;
/// Most files of a server that are named.
const FILES: usize = 3;

/// The text of a `rehydra.toml` with this one profile.
pub fn profile_text(survey: &Survey) -> String {
    let Survey { profile, found } = survey;
    let mut text = String::from(
        "# A server under test, as `rehydra init` found it. `rehydra run` in this directory plays the suite on it.\n\
         # docs/targets.md of Rehydra describes every key.\n\n",
    );
    let mut put = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    put(&format!("[target.{}]", key(&profile.name)));
    put("# No shell reads it. {home} {stub} {port} {token} {cwd} {run} are filled in for each run.");
    put(&format!("command = {}", words(&profile.command)));
    tools(&mut put, profile, found);
    promises(&mut put, profile, found);
    put("");
    match &found.unknown {
        Unknown::Refused { text, pattern: Some(pattern) } => {
            put(&format!("# An unknown id gets: {}", quote(text)));
            put(&format!("unknown-id-error = {}", toml_pattern(pattern)));
        }
        Unknown::Refused { text, pattern: None } => {
            put(&format!("# Each unknown id gets another error, such as: {}", quote(text)));
            put("# unknown-id-error = 'a pattern of what they have in common'");
        }
        Unknown::Answered => put("# An unknown id gets an answer, as if its conversation were there."),
        Unknown::Ignored => {
            put("# An unknown id gets an answer in the conversation that is there: the id does not matter.")
        }
        Unknown::Silent => put("# An unknown id gets no answer."),
    }
    notes(&mut put, profile, found);
    put("");
    match profile.env.as_slice() {
        [] => put("# Its requests to the model come to the stub by the CODEX_HOME of a run alone."),
        env => {
            put("# What brings its requests to the model to the stub.");
            let env: Vec<String> =
                env.iter().map(|(name, value)| format!("{} = {}", key(name), toml_string(value))).collect();
            put(&format!("env = {{ {} }}", env.join(", ")));
        }
    }
    if let Some(version) = &found.codex {
        put(&format!("# It starts the `codex` that is first on its PATH, which was {}. Another one:", quote(version)));
        put(&format!("# codex = {}", toml_string(&format!("codex@{version}"))));
    }
    if !profile.limits.is_empty() {
        let limits: Vec<String> = profile.limits.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        put(&format!("limits = {{ {} }}", limits.join(", ")));
    }
    if found.left > 0 {
        put("");
        put(&format!("# {} outlived the server when it was killed. If that is meant to be:", processes(found.left)));
        put("# daemon = true");
    }
    text
}

fn notes(put: &mut impl FnMut(&str), profile: &Profile, found: &Found) {
    match &found.noted {
        Noted::Told { text, .. } => {
            put(&format!("# When a conversation's directory was gone, its answer said: {}", quote(text)))
        }
        Noted::Untold => put("# When a conversation's directory was gone, its answer did not say so."),
        Noted::Refused(text) => {
            put(&format!("# When a conversation's directory was gone, it answered: {}", quote(text)))
        }
        Noted::Unknown => {}
    }
    match &profile.note {
        Some(pattern) => {
            put("# Notes that something was lost look like this.");
            put(&format!("note = {}", toml_pattern(pattern)));
        }
        None if matches!(found.noted, Noted::Told { .. }) => {}
        None => {
            put(
                "# If a text block of an answer tells that something was lost, say how it looks; a loss that is not told",
            );
            put("# is a finding.");
            put("# note = '^\\[notice\\]'");
        }
    }
}

fn tools(put: &mut impl FnMut(&str), profile: &Profile, found: &Found) {
    let Tools { start, reply, id_in } = &profile.tools;
    let others: Vec<String> = found
        .tools
        .iter()
        .filter(|name| **name != start.name && **name != reply.name)
        .map(|name| quote(name))
        .collect();
    put("");
    put("# Which tools hold a conversation, and where in their arguments its parts go.");
    if !others.is_empty() {
        put(&format!("# It has other tools, which a run does not call: {}", others.join(", ")));
    }
    put(&format!("start = {}", tool(start)));
    put(&format!("reply = {}", tool(reply)));
    if start.cwd.is_none() {
        put("# No argument for a directory was found; if there is one, `start` takes it as `cwd = \"/place\"`.");
    } else if !found.tells_cwd {
        put("# It takes a directory and does not tell the model of it, so a run cannot see whether it is kept.");
    }
    put("");
    put(&format!("# Where an answer tells the id; it was {}.", quote(&found.id)));
    match id_in {
        IdIn::Pointer(pointer) => put(&format!("id-in = {{ pointer = {} }}", toml_string(pointer))),
        IdIn::Text(pattern) => put(&format!("id-in = {{ text = {} }}", toml_pattern(pattern))),
    }
}

fn promises(put: &mut impl FnMut(&str), profile: &Profile, found: &Found) {
    put("");
    put(&format!("# {}", restart(&found.restart)));
    match found.restart {
        Restart::Whole(_) => {
            put("# same: a conversation keeps its id across restarts; new: the answer after a restart names another.")
        }
        _ => put("# Whether a conversation that came back would keep its id (same) or get another (new) is not known."),
    }
    put(&format!(
        "identity = \"{}\"",
        match profile.identity {
            Identity::Same => "same",
            Identity::New => "new",
        }
    ));
    match profile.level {
        Level::CodexCompatible => {
            put("# It has Codex's tools, so it is held to what Codex's clients rely on; \"core\" holds it to less.")
        }
        Level::Core => put("# \"codex-compatible\" would hold it to what Codex's clients rely on, stale ids for one."),
    }
    put(&format!(
        "level = \"{}\"",
        match profile.level {
            Level::CodexCompatible => "codex-compatible",
            Level::Core => "core",
        }
    ));
    put(&format!("# {}", kept(&found.files)));
    put(&format!("rollouts = {}", profile.rollouts));
}

/// What came of the restart, in a sentence.
pub(super) fn restart(restart: &Restart) -> String {
    match restart {
        Restart::Whole(_) => "Killed and started again, it went on with everything that had been said.".to_owned(),
        Restart::Part => "Killed and started again, it answered with a part of what had been said.".to_owned(),
        Restart::Blank => "Killed and started again, it answered with an empty history.".to_owned(),
        Restart::Refused(text) => format!("Killed and started again, it answered: {}", quote(text)),
        Restart::Silent => "Killed and started again, it did not answer.".to_owned(),
        Restart::NotOpened(text) => format!("Killed, it could not be started again: {}", quote(text)),
    }
}

fn kept(files: &[String]) -> String {
    let shown: Vec<String> = files.iter().take(FILES).map(|file| quote(file)).collect();
    let more = if files.len() > FILES { format!(" and {} more files", files.len() - FILES) } else { String::new() };
    match shown.is_empty() {
        true => {
            "It wrote no file. `rollouts`: whether it keeps conversations as Codex's rollouts in CODEX_HOME.".to_owned()
        }
        false => format!("It wrote {}{more}. `rollouts`: whether these are Codex's rollouts.", shown.join(", ")),
    }
}

fn tool(tool: &Tool) -> String {
    let places = [
        ("prompt", Some(&tool.prompt)),
        ("id", tool.id.as_ref()),
        ("cwd", tool.cwd.as_ref()),
        ("sandbox", tool.sandbox.as_ref()),
        ("approval", tool.approval.as_ref()),
    ];
    let mut text = format!("{{ tool = {}", toml_string(&tool.name));
    for (name, place) in places {
        if let Some(place) = place {
            let _ = write!(text, ", {name} = {}", toml_string(place));
        }
    }
    if !tool.args.is_empty() {
        let _ = write!(text, ", args = {}", table(&tool.args));
    }
    text + " }"
}

/// A table on one line, its keys bare where they can be.
fn table(fields: &Map<String, Value>) -> String {
    let value = |value: &Value| match value {
        Value::Object(fields) if !fields.is_empty() => table(fields),
        other => toml_value(other),
    };
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields: Vec<String> = fields.map(|(name, inner)| format!("{} = {}", key(name), value(inner))).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

fn words(command: &[String]) -> String {
    format!("[{}]", command.iter().map(|word| toml_string(word)).collect::<Vec<_>>().join(", "))
}

/// A name as a key.
fn key(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { name.to_owned() } else { toml_string(name) }
}

/// A regular expression, as it is written elsewhere where that is possible.
fn toml_pattern(pattern: &str) -> String {
    let literal = !pattern.contains(|c: char| c == '\'' || c.is_control());
    if literal { format!("'{pattern}'") } else { toml_string(pattern) }
}

/// A stranger's text in a comment: on one line, and harmless.
fn quote(text: &str) -> String {
    format!("`{}`", neutral::line(text, QUOTE_CHARS))
}

/// A number of processes, in words.
pub(super) fn processes(n: usize) -> String {
    if n == 1 { "1 process".to_owned() } else { format!("{n} processes") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::scenario::Profiles;

    fn survey() -> Survey {
        let source = "[target.mine]\ncommand = [\"node\", \"a b.js\", \"{stub}\"]\nlevel = \"codex-compatible\"\n";
        let profiles = Profiles::parse("x", Path::new("/p"), source).unwrap_or_else(|wrong| panic!("{wrong}"));
        let unknown =
            Unknown::Refused { text: "no \u{1b}[31msession\n[evil]".into(), pattern: Some("^it's `\\S+`".into()) };
        let found = Found {
            tools: vec!["codex".into(), "codex-reply".into(), "list".into()],
            id: "abc\"\n".into(),
            unknown,
            restart: Restart::Whole(Identity::New),
            noted: Noted::Unknown,
            left: 0,
            files: (0..5).map(|n| format!("{{home}}/{n}")).collect(),
            strays: 0,
            hosts: Vec::new(),
            codex: None,
            tells_cwd: true,
        };
        Survey { profile: profiles.get("mine").expect("it is there").clone(), found }
    }

    fn read(survey: &Survey) -> Profile {
        let text = profile_text(survey);
        let profiles = Profiles::parse("rehydra.toml", Path::new("/p"), &text);
        let mut profile = profiles.unwrap_or_else(|wrong| panic!("{wrong}\n{text}")).profiles.remove(0);
        profile.line = survey.profile.line;
        profile
    }

    #[test]
    fn what_is_written_is_read_as_the_same_profile() {
        let mut survey = survey();
        survey.profile.unknown_id_error = Some("^it's `\\S+`".into());
        assert_eq!(read(&survey), survey.profile);
        let profile = &mut survey.profile;
        profile.name = "a.b".into();
        profile.level = Level::Core;
        profile.identity = Identity::Same;
        profile.rollouts = false;
        profile.tools.start = Tool { name: "ask\u{7f}".into(), prompt: "/a~1b/0".into(), ..Tool::default() };
        let args = json!({"a/b": [{"role": "it's"}], "x": 1.5, "y": {"z": false}});
        profile.tools.start.args = args.as_object().cloned().unwrap_or_default();
        profile.tools.reply.id = Some("/s".into());
        profile.tools.id_in = IdIn::Text(r#""id"\s*:\s*"([A-Z'-]+)""#.into());
        profile.env = vec![("OPENAI_BASE_URL".into(), "{stub}/v1".into()), ("a b".into(), "\"'\\".into())];
        profile.limits = vec![("call_ms".into(), 60_000)];
        assert_eq!(read(&survey), survey.profile);
    }

    #[test]
    fn whatever_was_found_the_file_can_be_read() {
        let mut survey = survey();
        survey.profile.unknown_id_error = None;
        let text = "x".repeat(1_000);
        for restart in [
            Restart::Part,
            Restart::Blank,
            Restart::Refused("gone\nnow".into()),
            Restart::Silent,
            Restart::NotOpened(text.clone()),
        ] {
            survey.found.restart = restart;
            for unknown in [
                Unknown::Refused { text: text.clone(), pattern: None },
                Unknown::Answered,
                Unknown::Ignored,
                Unknown::Silent,
            ] {
                survey.found.unknown = unknown;
                survey.found.left += 1;
                survey.found.files.clear();
                assert_eq!(read(&survey), survey.profile);
            }
        }
    }

    #[test]
    fn a_stranger_s_words_stay_in_their_comment() {
        let text = profile_text(&survey());
        assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("[evil]")), "{text}");
    }
}
