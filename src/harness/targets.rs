//! Which targets a call is about: those that are named, else those of the project, else our own server.

use std::path::Path;
use std::sync::Arc;

use crate::scenario::{PROFILES_FILE, Problem, Profiles};
use crate::target::resolve::TargetName;

/// Why a call is about no target.
#[derive(Debug)]
pub(crate) enum BadTarget {
    /// Nobody knows that name, or it is no command line.
    Name(String),
    /// The file of the project's targets is unsound.
    Profiles(Problem),
}

impl BadTarget {
    /// The text for a person: plain, or `styled` with colours of the terminal.
    pub(crate) fn render(&self, styled: bool) -> String {
        match self {
            BadTarget::Name(text) => text.clone(),
            BadTarget::Profiles(problem) => problem.render(styled),
        }
    }
}

/// The targets that are asked for by name or as command lines, each once. Where none is, those whose profiles are in the
/// file `profiles`, and where it is not there either, `builtin`. The file is read only if something may be in it.
pub(crate) fn names(named: &[String], commands: &[String], profiles: &Path) -> Result<Vec<TargetName>, BadTarget> {
    let project = || match profiles.exists() {
        true => Profiles::read(profiles).map_err(BadTarget::Profiles),
        false => Ok(Profiles::default()),
    };
    let own = |profiles: Profiles| profiles.profiles.into_iter().map(|profile| TargetName::Profile(Arc::new(profile)));
    let mut names: Vec<TargetName> = Vec::new();
    for text in named {
        names.push(match text.parse::<TargetName>() {
            Ok(name) => name,
            Err(wrong) if text.contains('@') || text.starts_with("builtin") => return Err(bad(wrong)),
            Err(wrong) => {
                let project = project()?;
                of_project(&project, text).ok_or_else(|| unknown(wrong, &project, text))?
            }
        });
    }
    for command in commands {
        names.push(TargetName::command(command).map_err(bad)?);
    }
    if names.is_empty() {
        names.extend(own(project()?));
    }
    if names.is_empty() {
        names.push(TargetName::Builtin);
    }
    let mut each: Vec<TargetName> = Vec::new();
    for name in names {
        if !each.contains(&name) {
            each.push(name);
        }
    }
    Ok(each)
}

fn of_project(profiles: &Profiles, name: &str) -> Option<TargetName> {
    profiles.get(name).map(|profile| TargetName::Profile(Arc::new(profile.clone())))
}

/// What is said of a name that nobody knows: what the project has, or how it could have some.
fn unknown(wrong: impl std::fmt::Display, profiles: &Profiles, name: &str) -> BadTarget {
    let names: Vec<&str> = profiles.profiles.iter().map(|profile| profile.name.as_str()).collect();
    let help = match profiles.nearest(name) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if names.is_empty() => {
            format!("a server of your own is described in ./{PROFILES_FILE}; docs/targets.md says how")
        }
        None => format!("{PROFILES_FILE} has {}", names.join(", ")),
    };
    bad(format!("{wrong}\n  help: {help}"))
}

fn bad(text: impl std::fmt::Display) -> BadTarget {
    BadTarget::Name(text.to_string())
}
