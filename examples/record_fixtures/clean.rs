//! What is changed in a recording, and what must not be in it.
//!
//! The thread's directory becomes `{cwd}`, and `CODEX_HOME` `{home}` where a sandbox names it. Some releases cannot be kept from describing their sandbox, an interruption or
//! what a summary is; those texts are replaced by a line of ours, inside the tags that stand around them. Nothing else is
//! touched: numbers, key order and unknown records are what a fixture is for. A base's length in `history_base` is told
//! anew, since the base's lines have other lengths now. A recording that still names this machine, or holds a text of
//! more words than any of ours, is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rehydra::rollout::manifest::{CWD_PLACEHOLDER, HOME_PLACEHOLDER, tell_base_lengths};
use serde_json::Value;

use crate::Fallible;

/// The tags whose text is Codex's own.
const TAGS: [&str; 7] = [
    "permissions instructions",
    "turn_aborted",
    "collaboration_mode",
    "skills_instructions",
    "apps_instructions",
    "plugins_instructions",
    "multi_agent_mode",
];
const OURS: &str = "What Codex says here is left out.";
/// How each of our summaries begins.
const SUMMARY: &str = "They went round the harbour.";
/// Our texts, and what Codex says of an environment, have fewer.
const MOST_WORDS: usize = 30;

/// All files of a recording.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The bytes as they go into the repository, and which texts were replaced.
pub(crate) fn clean(files: &Files, project: &Path, codex_home: &Path) -> Fallible<(Files, Vec<String>)> {
    let project_name = project.to_str().ok_or("the project's path is not UTF-8")?;
    let codex_home = codex_home.to_str().ok_or("the home's path is not UTF-8")?;
    let mut replaced = Vec::new();
    let mut after = Files::new();
    for (path, bytes) in files {
        let text =
            std::str::from_utf8(bytes)?.replace(project_name, CWD_PLACEHOLDER).replace(codex_home, HOME_PLACEHOLDER);
        let text = TAGS.iter().fold(text, |text, tag| replace_inside(&text, tag, &mut replaced));
        let text = replace_before_summary(&text, &mut replaced);
        refuse_this_machine(&text, project)?;
        for line in text.lines() {
            refuse_prose(&serde_json::from_str(line)?)?;
        }
        after.insert(path.clone(), text.into_bytes());
    }
    replaced.sort();
    replaced.dedup();
    Ok((tell_base_lengths(files, &after), replaced))
}

fn replace_inside(text: &str, tag: &str, replaced: &mut Vec<String>) -> String {
    let (opens, closes) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&opens) {
        let Some((_, tail)) = after.split_once(&closes) else { break };
        out.push_str(before);
        out.push_str(&format!("{opens}\\n{OURS}\\n{closes}"));
        replaced.push(format!("<{tag}>"));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Releases from 0.55.0 on tell the model what a summary is, in the summary's own message.
fn replace_before_summary(text: &str, replaced: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(SUMMARY) {
        match before.rsplit_once('"') {
            Some((head, prose)) if !prose.is_empty() => {
                replaced.push("before the summary".to_owned());
                out.push_str(&format!("{head}\"{OURS}\\n"));
            }
            _ => out.push_str(before),
        }
        out.push_str(SUMMARY);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn refuse_this_machine(text: &str, project: &Path) -> Fallible<()> {
    let mut names = vec!["/tmp/".to_owned(), "/root/".to_owned(), "/home/".to_owned()];
    names.extend(project.parent().map(|run| run.display().to_string()));
    names.push(fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned());
    names.extend(std::env::var("HOME").ok().map(|home| format!("{home}/")));
    // Short ones are parts of other words.
    names.retain(|name| name.len() > 3);
    for name in names {
        if let Some(at) = text.find(&name) {
            let around: String = text.chars().skip(text[..at].chars().count().saturating_sub(80)).take(200).collect();
            return Err(format!("`{name}` is still in the recording: {around}").into());
        }
    }
    Ok(())
}

fn refuse_prose(value: &Value) -> Fallible<()> {
    match value {
        Value::String(text) if text.split_whitespace().count() > MOST_WORDS => {
            Err(format!("this is none of our texts: {text}").into())
        }
        Value::Array(all) => all.iter().try_for_each(refuse_prose),
        Value::Object(all) => all.values().try_for_each(refuse_prose),
        _ => Ok(()),
    }
}
