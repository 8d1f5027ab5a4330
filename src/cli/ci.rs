//! Which CI the program runs in: the one place where its variables are read.

use std::path::{Path, PathBuf};

/// For whom what failed is annotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Annotations {
    /// GitHub Actions, by workflow commands
    Github,
    /// Nobody
    None,
}

/// What a CI wants to be told, and where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ci {
    /// Annotations by workflow commands.
    pub github: bool,
    /// Where a step's summary is appended.
    pub summary: Option<PathBuf>,
    /// The repository's directory.
    workspace: Option<PathBuf>,
    /// Where the program was started.
    here: Option<PathBuf>,
}

impl Ci {
    /// What the environment says, or the flag, which is stronger.
    pub(super) fn seen(asked: Option<Annotations>) -> Ci {
        Ci::of(asked, |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    fn of(asked: Option<Annotations>, variable: impl Fn(&str) -> Option<PathBuf>) -> Ci {
        let is_there = variable("GITHUB_ACTIONS").is_some_and(|value| value == Path::new("true"));
        match asked {
            Some(Annotations::None) => Ci::default(),
            None if !is_there => Ci::default(),
            Some(Annotations::Github) | None => Ci {
                github: true,
                summary: variable("GITHUB_STEP_SUMMARY"),
                workspace: variable("GITHUB_WORKSPACE"),
                here: std::env::current_dir().ok(),
            },
        }
    }

    /// How the repository calls a file: relative to its root. A file outside it is called as the user did.
    pub(super) fn place(&self, file: &Path) -> String {
        let whole = self.here.as_deref().unwrap_or(Path::new("")).join(file);
        let below = self.workspace.as_deref().and_then(|root| whole.strip_prefix(root).ok());
        below.unwrap_or(file).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github(name: &str) -> Option<PathBuf> {
        match name {
            "GITHUB_ACTIONS" => Some("true".into()),
            "GITHUB_STEP_SUMMARY" => Some("/summary".into()),
            "GITHUB_WORKSPACE" => Some("/work".into()),
            _ => None,
        }
    }

    #[test]
    fn github_is_known_by_its_variable_and_a_flag_is_stronger() {
        assert!(Ci::of(None, github).github);
        assert!(!Ci::of(None, |_| None).github);
        assert!(!Ci::of(None, |_| Some("false".into())).github);
        assert_eq!(Ci::of(Some(Annotations::None), github), Ci::default());
        let asked = Ci::of(Some(Annotations::Github), |_| None);
        assert_eq!((asked.github, asked.summary), (true, None));
    }

    #[test]
    fn a_file_is_called_as_the_repository_calls_it() {
        let ci = Ci { here: Some("/work/sub".into()), ..Ci::of(None, github) };
        assert_eq!(ci.place(Path::new("suite/a.toml")), "sub/suite/a.toml");
        assert_eq!(ci.place(Path::new("/work/a.toml")), "a.toml");
        assert_eq!(ci.place(Path::new("/elsewhere/a.toml")), "/elsewhere/a.toml");
    }
}
