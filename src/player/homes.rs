//! The homes of a run, and the credentials that go with them.
//!
//! A run has one home. A story may begin a life in another one, by a name of its own: that is made when it is first
//! named and is the same home whenever it is named again. All of them lie in the run's directory, and every snapshot
//! covers them all; in the journal the files of another home are told by their way from the usual one.
//!
//! A home keeps what was written into it, whichever server the next life is of; only its `config.toml` is written anew for
//! one that reads another form of it.
//!
//! Credentials are made from the run's token, so that whatever hides the token from a journal hides them as well.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::target::Server;
use crate::target::home::{Home, HomeSpec};

/// See the module.
pub(super) struct Homes {
    home: Home,
    spec: HomeSpec,
    others: BTreeMap<String, PathBuf>,
    /// Homes whose configuration is not the usual one, and what it is for: the server, and how often that tries again.
    configured: BTreeMap<PathBuf, (Option<String>, u32)>,
}

impl Homes {
    pub(super) fn new(home: Home, spec: HomeSpec) -> Homes {
        Homes { home, spec, others: BTreeMap::new(), configured: BTreeMap::new() }
    }

    /// The usual one.
    pub(super) fn usual(&self) -> PathBuf {
        self.home.codex_home()
    }

    /// The home of that name, which is made if it is not there yet.
    pub(super) fn named(&mut self, name: &str) -> io::Result<PathBuf> {
        if let Some(made) = self.others.get(name) {
            return Ok(made.clone());
        }
        let made = self.home.another(name, &self.spec)?;
        self.others.insert(name.to_owned(), made.clone());
        Ok(made)
    }

    /// Makes the configuration of a home that of the server which is to have it; nothing is written where it is already.
    pub(super) fn configure(&mut self, home: &Path, server: Option<&Server>, retries: u32) -> io::Result<()> {
        let wanted = (server.map(|server| server.profile.name.clone()), retries);
        let usual = (None, self.spec.retries);
        if *self.configured.get(home).unwrap_or(&usual) == wanted {
            return Ok(());
        }
        let usual = HomeSpec { retries, ..self.spec.clone() };
        let spec = match server {
            Some(server) => HomeSpec { kind: server.profile.kind, version: server.version, ..usual },
            None => usual,
        };
        Home::configure(home, &spec)?;
        self.configured.insert(home.to_owned(), wanted);
        Ok(())
    }

    /// The user's directory that goes with the home of that name.
    pub(super) fn user(&self, name: &str) -> PathBuf {
        self.home.other_user(name)
    }

    /// Every home, each with what stands before the paths of its files in the journal.
    pub(super) fn all(&self) -> Vec<(String, PathBuf)> {
        let others = self.others.values().map(|home| (prefix_of(home), home.clone()));
        std::iter::once((String::new(), self.usual())).chain(others).collect()
    }

    /// What stands before the paths of a home's files in the journal.
    pub(super) fn prefix(&self, home: &Path) -> String {
        if home == self.usual() { String::new() } else { prefix_of(home) }
    }

    /// Where a file lies that the journal tells so; `None` if that is in no home.
    pub(super) fn find(&self, told: &str) -> Option<PathBuf> {
        let homes = self.all();
        let of = |(prefix, home): &(String, PathBuf)| {
            let below = Path::new(told.strip_prefix(prefix.as_str()).filter(|_| !prefix.is_empty())?);
            Some(home.join(below))
        };
        let path = homes.iter().find_map(of).unwrap_or_else(|| self.usual().join(told));
        let plain = !told.is_empty() && path.components().all(|part| !matches!(part, Component::ParentDir));
        plain.then_some(path)
    }

    /// The bearer token of that name.
    pub(super) fn token(&self, credentials: Option<&str>) -> String {
        match credentials {
            Some(name) => format!("{}-{name}", self.spec.token),
            None => self.spec.token.clone(),
        }
    }
}

fn prefix_of(home: &Path) -> String {
    format!("../{}/", home.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::TargetKind;

    #[test]
    fn a_name_is_one_home_and_one_credential() {
        let run = tempfile::tempdir().unwrap();
        let spec = HomeSpec::wide(TargetKind::Builtin, None, 4096, "token".to_owned());
        let mut homes = Homes::new(Home::create(run.path(), &spec).unwrap(), spec);
        let other = homes.named("b").unwrap();
        assert_eq!(homes.named("b").unwrap(), other);
        assert_ne!(other, homes.usual());
        assert!(other.join("config.toml").is_file());
        assert!(
            homes.user("b").is_dir() && homes.user("b") != run.path().join("user"),
            "a server may keep its files there"
        );
        let config = std::fs::read_to_string(other.join("config.toml")).unwrap();
        assert!(!config.contains(&format!("{}/", homes.usual().display())), "nothing leads to the usual home");
        let prefixes: Vec<String> = homes.all().into_iter().map(|(prefix, _)| prefix).collect();
        assert_eq!(prefixes, ["", "../home-b/"]);
        assert_eq!((homes.prefix(&homes.usual()), homes.prefix(&other)), (String::new(), "../home-b/".to_owned()));
        for (told, found) in
            [("sessions/a", homes.usual().join("sessions/a")), ("../home-b/rehydra/b", other.join("rehydra/b"))]
        {
            assert_eq!(homes.find(told), Some(found));
        }
        for told in ["", "../other/sessions/a", "../home-b/../x", "sessions/../../x"] {
            assert_eq!(homes.find(told), None, "{told}");
        }
        assert_eq!((homes.token(None), homes.token(Some("second"))), ("token".to_owned(), "token-second".to_owned()));
    }
}
