//! `rehydra.toml`: the profiles of foreign servers, one `[target.NAME]` each.
//!
//! A profile says how a server is started, which of its tools hold a conversation and where in their arguments and
//! results the words of a story stand, and which promises the server makes. Here stands what the file says, with the
//! same diagnostics as for scenarios; whether the program is there, and what its placeholders stand for, is for whoever
//! starts it.
//!
//! What is relative in a profile (the program, files among its words, `path`, a path in `codex`) is found from the
//! directory of the file, so that a profile means the same wherever it is used from.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::conform::Findings;
use super::diagnostic::{Diagnostics, quoted};
use super::keys_profile::{FILE, IDENTITIES, LEVELS, limits};
use super::load::text_of;
use super::suggest::nearest;
use super::view::View;
use super::{Problem, parse};
use crate::journal::{IdIn, Identity, Level, Tool, Tools};

/// Name of the file that holds the profiles of a project.
pub const PROFILES_FILE: &str = "rehydra.toml";

/// What may stand in the words of a command, the values of `env` and the texts of `args`, in braces.
///
/// `home` is the run's `CODEX_HOME`, `stub` the stub model's address without a path (`http://127.0.0.1:PORT`), `port` its
/// port, `token` the bearer token that it demands, `cwd` the directory in which threads work unless a story says
/// otherwise, `run` the run's directory.
pub const PLACEHOLDERS: [&str; 6] = ["home", "stub", "port", "token", "cwd", "run"];

/// Variables that a profile cannot set, and why.
const OWN_VARS: &[(&str, &str)] = &[
    ("PATH", "write the directories in `path`; they come first in it"),
    ("HOME", "it lies in the run's directory; write files there with `{run}/user`"),
    ("TMPDIR", "it lies in the run's directory, and is removed with it"),
    ("CODEX_HOME", "it lies in the run's directory; its path is `{home}`"),
];

/// One foreign server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// As `--target` calls it.
    pub name: String,
    /// Line of its table, from 1.
    pub line: u32,
    /// What is relative in it is found from here.
    pub dir: PathBuf,
    /// Program and arguments, with placeholders.
    pub command: Vec<String>,
    /// How a conversation is had with it; texts of `args` have placeholders.
    pub tools: Tools,
    /// Whether a conversation has a new id after a restart. Without a word of the file: `same` at level core, else `new`.
    pub identity: Identity,
    /// Which promises it makes. Without a word of the file: core.
    pub level: Level,
    /// Whether it keeps its threads as Codex's rollouts. Without a word of the file: as a codex-compatible server does.
    pub rollouts: bool,
    /// Pattern of its answer to an id that it does not know.
    pub unknown_id_error: Option<String>,
    /// Pattern of a text that says that something was lost.
    pub note: Option<String>,
    /// Variables of its environment, in the order of the file, with placeholders.
    pub env: Vec<(String, String)>,
    /// Directories that come first in its PATH.
    pub path: Vec<String>,
    /// The Codex that it starts: `codex@VERSION`, or a path.
    pub codex: Option<String>,
    /// It may leave a process behind on purpose.
    pub daemon: bool,
    /// Limits of its runs.
    pub limits: Vec<(String, u64)>,
}

/// The profiles of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profiles {
    /// In the order of the file; no two of one name.
    pub profiles: Vec<Profile>,
}

impl Profiles {
    /// Reads the text of a `rehydra.toml` that lies in `dir`; `origin` is what the diagnostics call it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the source.
    pub fn parse(origin: &str, dir: &Path, source: &str) -> Result<Profiles, Diagnostics> {
        parse::read(origin, source, &FILE, |file, lines, findings| {
            let mut profiles = Vec::new();
            for (name, span, view) in file.named("target") {
                judge_name(name, span.clone(), findings);
                judge(view, findings);
                profiles.push(profile(name, lines.of(span.start), dir, view));
            }
            if file.has("target") && profiles.is_empty() && findings.found.is_empty() {
                let help = "add `[target.NAME]`, or remove the file";
                findings.add(file.key_span("target"), "there is no profile in it".to_owned(), "empty", help);
            }
            Profiles { profiles }
        })
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Profiles, Problem> {
        let unreadable =
            |error| Problem::Unreadable { path: path.to_owned(), text: format!("cannot be read: {error}") };
        let source = text_of(path).map_err(unreadable)?;
        let file = path.canonicalize().map_err(unreadable)?;
        let dir = file.parent().unwrap_or(Path::new("/"));
        Profiles::parse(&path.display().to_string(), dir, &source).map_err(Problem::Unsound)
    }

    /// The profile of that name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The profile whose name is nearest to a misspelt one.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.profiles.iter().map(|profile| profile.name.as_str()))
    }
}

fn profile(name: &str, line: u32, dir: &Path, view: View<'_, '_>) -> Profile {
    let level = view.word("level", &LEVELS).unwrap_or(Level::Core);
    let (identity, is_compatible) = match level {
        Level::Core => (Identity::Same, false),
        Level::CodexCompatible => (Identity::New, true),
    };
    let id_in = view.view("id-in");
    let mut tools = Tools::default();
    if view.has("start") {
        (tools.start, tools.reply) = (tool(view.view("start"), false), tool(view.view("reply"), true));
    }
    if let Some(id_in) = id_in.text("pointer").map(IdIn::Pointer).or(id_in.text("text").map(IdIn::Text)) {
        tools.id_in = id_in;
    }
    let table = view.view("limits");
    Profile {
        name: name.to_owned(),
        line,
        dir: dir.to_owned(),
        command: view.texts("command"),
        tools,
        identity: view.word("identity", &IDENTITIES).unwrap_or(identity),
        level,
        rollouts: view.flag("rollouts").unwrap_or(is_compatible),
        unknown_id_error: view.text("unknown-id-error"),
        note: view.text("note"),
        env: view.pairs("env").into_iter().map(|(name, _, value)| (name.to_owned(), value.to_owned())).collect(),
        path: view.texts("path"),
        codex: view.text("codex"),
        daemon: view.flag("daemon").unwrap_or(false),
        limits: limits().filter_map(|name| Some((name.to_owned(), table.number(name)?))).collect(),
    }
}

fn tool(view: View<'_, '_>, replies: bool) -> Tool {
    let at = |key: &str, here: bool| if here { view.text(key) } else { None };
    let args = match view.json("args") {
        Value::Object(args) => args,
        _ => serde_json::Map::new(),
    };
    Tool {
        name: view.text("tool").unwrap_or_default(),
        prompt: view.text("prompt").unwrap_or_default(),
        id: at("id", replies),
        cwd: at("cwd", !replies),
        sandbox: at("sandbox", !replies),
        approval: at("approval", !replies),
        args,
    }
}

/// A name that `--target` can take and that means nothing else there.
fn judge_name(name: &str, span: Range<usize>, findings: &mut Findings) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if matches!(name, "builtin" | "codex" | "rehydra") {
        let message = format!("{} is the name of a target that Rehydra has already", quoted(name));
        findings.add(span, message, "taken", "choose another name");
    } else if name.is_empty() || name.chars().count() > 64 || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let help = "begin it with a letter or a digit, and keep it to 64 characters";
        findings.add(span, format!("{} is no name for a target", quoted(name)), "not a name", help);
    } else if !name.chars().all(plain) {
        let help = "use letters, digits, `-`, `_` and `.`; with other signs Rehydra's own targets are written";
        findings.add(span, format!("{} is no name for a target", quoted(name)), "not a name", help);
    }
}

/// What the grammar cannot say.
fn judge(view: View<'_, '_>, findings: &mut Findings) {
    for (word, span) in view.words("command") {
        placeholders(word, span, findings);
    }
    if let Some((program, span)) = view.words("command").first()
        && program.is_empty()
    {
        findings.add(span.clone(), "the program has no name".to_owned(), "empty", "give a program and its arguments");
    }
    for (name, span, value) in view.pairs("env") {
        judge_variable(name, span.clone(), findings);
        placeholders(value, span, findings);
    }
    for (key, tool) in [("start", view.view("start")), ("reply", view.view("reply"))] {
        if view.has(key) && view.sound(key) {
            judge_places(key, tool, findings);
        }
    }
    if let Some(codex) = view.text("codex").filter(|text| !text.starts_with("codex@") && !text.contains('/')) {
        let message = format!("`codex` is {}, which is no release and no path", quoted(&codex));
        findings.add(
            view.value_span("codex"),
            message,
            "which Codex?",
            "write \"codex@VERSION\", or a path with a `/`",
        );
    }
}

fn judge_variable(name: &str, span: Range<usize>, findings: &mut Findings) {
    if let Some((_, help)) = OWN_VARS.iter().find(|(own, _)| *own == name) {
        findings.add(span, format!("`{name}` is set for the run and not by a profile"), "not here", *help);
    } else if name.to_ascii_lowercase().ends_with("_proxy") {
        let help = "a run stays on this machine: its proxies refuse everything and record what was asked for";
        findings.add(span, format!("{} is set for the run and not by a profile", quoted(name)), "not here", help);
    } else if name.is_empty() || name.contains(['=', '\0']) {
        let help = "use letters, digits and `_`";
        findings.add(span, format!("{} is no name of a variable", quoted(name)), "not a name", help);
    }
}

/// A placeholder that is misspelt. Other braces are the server's own.
fn placeholders(text: &str, span: Range<usize>, findings: &mut Findings) {
    for inner in text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)) {
        if let Some(meant) = nearest(inner, PLACEHOLDERS).filter(|meant| *meant != inner) {
            let message = format!("there is no placeholder {}", quoted(&format!("{{{inner}}}")));
            findings.add(span.clone(), message, "unknown", format!("did you mean `{{{meant}}}`?"));
        }
    }
}

/// Every part of a call has a place of its own, and the fixed arguments leave room for it.
fn judge_places(key: &str, view: View<'_, '_>, findings: &mut Findings) {
    let parts = ["prompt", "id", "cwd", "sandbox", "approval"].into_iter().filter(|part| match *part {
        "id" => key == "reply",
        "cwd" | "sandbox" | "approval" => key == "start",
        _ => true,
    });
    let places: Vec<(&str, String)> = parts.filter_map(|part| Some((part, view.text(part)?))).collect();
    let below = |a: &str, b: &str| a == b || b.strip_prefix(a).is_some_and(|rest| rest.starts_with('/'));
    for (n, (part, place)) in places.iter().enumerate() {
        let clash = places.iter().take(n).find(|(_, other)| below(other, place) || below(place, other));
        if let Some((other, _)) = clash {
            let message = format!("`{part}` and `{other}` go to the same place");
            let because = (view.value_span(other), "the other");
            findings.add_because(view.value_span(part), message, "taken", because, "give each a place of its own");
        }
        let mut args = view.json("args");
        if !crate::journal::put(&mut args, place, Value::Null) {
            let message = format!("`{part}` goes through something in `args` that has no place for it");
            let help = "point into a table, or to an entry that the list in `args` has";
            findings.add(view.value_span(part), message, "leads nowhere", help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
[target.mine]
command   = ["node", "server.js", "--home", "{home}", "{\"a\": 1}"]
start     = { tool = "ask", prompt = "/question", cwd = "/dir", args = { mode = "fast", deep = { n = 1 } } }
reply     = { tool = "ask", prompt = "/question", id = "/deep/session", args = { deep = {} } }
id-in     = { text = 'session: (\S+)' }
identity  = "new"
level     = "core"
unknown-id-error = "no such session"
note      = "^\\[notice\\]"
env       = { OPENAI_BASE_URL = "{stub}/v1", B = "" }
path      = ["tools/bin"]
codex     = "codex@0.153.4"
daemon    = true
limits    = { call_ms = 20000 }

[target."like.codex"]
command = ["server"]
level = "codex-compatible"
"#;

    fn read(source: &str) -> Result<Profiles, String> {
        Profiles::parse("rehydra.toml", Path::new("/p"), source).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn everything_that_a_profile_says_is_taken() {
        let profiles = read(FULL).unwrap_or_else(|wrong| panic!("{wrong}"));
        let mine = profiles.get("mine").expect("it is there");
        assert_eq!((mine.line, mine.dir.as_path(), mine.command.len()), (2, Path::new("/p"), 5));
        assert_eq!(mine.tools.start.prompt, "/question");
        assert_eq!(mine.tools.start.cwd.as_deref(), Some("/dir"));
        assert_eq!(mine.tools.reply.id.as_deref(), Some("/deep/session"));
        assert_eq!(mine.tools.id_in, IdIn::Text(r"session: (\S+)".into()));
        assert_eq!((mine.identity, mine.level, mine.rollouts), (Identity::New, Level::Core, false));
        assert_eq!(mine.env, [("OPENAI_BASE_URL".into(), "{stub}/v1".into()), ("B".into(), String::new())]);
        assert_eq!((mine.daemon, mine.limits.as_slice()), (true, [("call_ms".to_owned(), 20_000)].as_slice()));
        assert_eq!(profiles.nearest("mien"), Some("mine"));
    }

    #[test]
    fn a_codex_compatible_profile_has_codex_s_tools_unless_it_says_otherwise() {
        let profiles = read(FULL).unwrap_or_else(|wrong| panic!("{wrong}"));
        let like = profiles.get("like.codex").expect("it is there");
        assert_eq!(like.tools, Tools::default());
        assert_eq!((like.identity, like.level, like.rollouts), (Identity::New, Level::CodexCompatible, true));
    }

    #[test]
    fn a_file_without_profiles_is_refused() {
        assert!(read("").expect_err("nothing").contains("has no `target`"));
        assert!(read("[target]\n").expect_err("nothing").contains("no profile"));
    }
}
