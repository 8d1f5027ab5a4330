//! What is changed in a recording, and what must not be in it.
//!
//! The thread's directory becomes `{cwd}`. 0.105.0 cannot be kept from describing its sandbox to the model, so the text
//! inside that message is replaced by a line of ours. Nothing else is touched: numbers, key order and unknown records are
//! what a fixture is for. A recording that still names this machine is refused.

use std::fs;
use std::path::Path;

use rehydra::rollout::manifest::CWD_PLACEHOLDER;

use crate::Fallible;

const OPENS: &str = "<permissions instructions>";
const CLOSES: &str = "</permissions instructions>";
const PERMISSIONS: &str = "Read what you like, write nothing, ask for nothing.";

/// The bytes as they go into the repository.
pub(crate) fn clean(bytes: &[u8], project: &Path) -> Fallible<Vec<u8>> {
    let text = std::str::from_utf8(bytes)?;
    let text = text.replace(project.to_str().ok_or("the project's path is not UTF-8")?, CWD_PLACEHOLDER);
    let text = replace_permissions(&text);
    for name in names_of_this_machine(project)? {
        if let Some(at) = text.find(&name) {
            let around: String = text.get(at.saturating_sub(80)..at + name.len()).unwrap_or_default().to_owned();
            return Err(format!("`{name}` is still in the recording, after: {around}").into());
        }
    }
    if !text.contains(CWD_PLACEHOLDER) {
        return Err("the recording does not name the thread's directory".into());
    }
    Ok(text.into_bytes())
}

fn replace_permissions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPENS) {
        out.push_str(before);
        match after.split_once(CLOSES) {
            Some((_, tail)) => {
                out.push_str(&format!("{OPENS}\\n{PERMISSIONS}\\n{CLOSES}"));
                rest = tail;
            }
            None => {
                out.push_str(OPENS);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn names_of_this_machine(project: &Path) -> Fallible<Vec<String>> {
    let mut names = vec!["/tmp/".to_owned(), "/root/".to_owned(), "/home/".to_owned()];
    names.extend(project.parent().map(|run| run.display().to_string()));
    names.push(fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned());
    names.extend(std::env::var("HOME").ok().map(|home| format!("{home}/")));
    // Short ones are parts of other words.
    names.retain(|name| name.len() > 3);
    Ok(names)
}
