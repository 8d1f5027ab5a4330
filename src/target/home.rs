//! The home of a run: the directories and the whole environment of whatever is started in it.
//!
//! A foreign server's run has a `bin/` as well, with the Codex that stands in for the real one.
//!
//! A run's directory holds `home/` (`CODEX_HOME`), `user/` (`HOME`), `tmp/` (`TMPDIR`, apart from the home because Codex
//! refuses to make its helpers below a temporary directory), `project/` (where threads work) and a `life-N/` as the
//! process cwd of each life, so that a server that takes its own cwd for a thread's is seen to be wrong. All are made new
//! and 0700; one that is there already is an error, because what another run left would be taken for this run's.
//!
//! The environment is built from nothing but what a profile says. Not one variable is inherited: no credential, no proxy and no setting of the
//! person who runs the harness reaches a target, and nothing that a target does depends on them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::egress::Guard;
use super::foreign::{Filling, Setup};
use super::stand_in::{Casting, StandIn};
use crate::codex::hermetic::{HermeticConfig, INSTRUCTIONS, INSTRUCTIONS_FILE, MODELS, MODELS_FILE, generate};
use crate::codex::user_config::{ApprovalSetting, SandboxSetting};
use crate::codex::version::Version;
use crate::journal::{Incarnation, TargetKind};
use crate::proc;

const CONFIG_FILE: &str = "config.toml";
/// The variable that names the home.
pub const HOME_VAR: &str = "CODEX_HOME";
/// The variable that holds the directory of the user, for what keeps its files there.
pub const USER_VAR: &str = "HOME";
/// The variable that holds the stub's bearer token.
pub const TOKEN_VAR: &str = "REHYDRA_STUB_TOKEN";

/// What a home is made for.
#[derive(Clone, Debug)]
pub struct HomeSpec {
    /// Whose home it is. Our own server takes the newest form of the configuration.
    pub kind: TargetKind,
    /// The Codex release, where it is Codex or starts one.
    pub version: Option<Version>,
    /// The stub's port on 127.0.0.1.
    pub stub_port: u16,
    /// The bearer token that the stub demands.
    pub token: String,
    /// Sandbox in `config.toml`: wider than a thread's, so that a thread that falls back to it is seen to be wider.
    pub sandbox: SandboxSetting,
    /// Approval policy in `config.toml`.
    pub approval: ApprovalSetting,
    /// How often its server tries a model request, and a stream, again.
    pub retries: u32,
}

impl HomeSpec {
    /// A home whose configuration allows everything: `danger-full-access`, `never`.
    pub fn wide(kind: TargetKind, version: Option<Version>, stub_port: u16, token: String) -> HomeSpec {
        let (sandbox, approval) = (SandboxSetting::DangerFullAccess, ApprovalSetting::Never);
        HomeSpec { kind, version, stub_port, token, sandbox, approval, retries: 0 }
    }
}

/// A home that was made.
#[derive(Clone, Debug)]
pub struct Home {
    run_dir: PathBuf,
    token: String,
}

impl Home {
    /// Makes the directories and files in `run_dir`, which is there, absolute, and UTF-8 (a configuration holds it).
    pub fn create(run_dir: &Path, spec: &HomeSpec) -> io::Result<Home> {
        if !run_dir.is_absolute() || run_dir.to_str().is_none() {
            let text = format!("{} is not an absolute UTF-8 path; give the run another directory", run_dir.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let home = Home { run_dir: run_dir.to_owned(), token: spec.token.clone() };
        for dir in [home.user(), home.tmp(), home.project()] {
            make_private(&dir)?;
        }
        furnish(&home.codex_home(), spec)?;
        Ok(home)
    }

    /// Makes another `CODEX_HOME` in the same run, furnished alike, and an empty `HOME` beside it. `name` is a part of
    /// their names. A directory that a story has put there keeps what is in it but for its furniture, which names paths.
    pub fn another(&self, name: &str, spec: &HomeSpec) -> io::Result<PathBuf> {
        let codex_home = self.run_dir.join(format!("home-{name}"));
        for file in ["config.toml", INSTRUCTIONS_FILE, MODELS_FILE] {
            match fs::remove_file(codex_home.join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match furnish(&codex_home, spec) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fill(&codex_home, spec)?,
            furnished => furnished?,
        }
        make_private(&self.other_user(name))?;
        Ok(codex_home)
    }

    /// Writes the configuration of a `CODEX_HOME` of the run anew, for another server.
    pub fn configure(codex_home: &Path, spec: &HomeSpec) -> io::Result<()> {
        fs::write(codex_home.join(CONFIG_FILE), configuration(codex_home, spec))
    }

    /// The `HOME` that goes with [`Home::another`].
    pub fn other_user(&self, name: &str) -> PathBuf {
        self.run_dir.join(format!("user-{name}"))
    }

    /// `CODEX_HOME`.
    pub fn codex_home(&self) -> PathBuf {
        self.run_dir.join("home")
    }

    /// `HOME`.
    pub fn user(&self) -> PathBuf {
        self.run_dir.join("user")
    }

    /// `TMPDIR`.
    pub fn tmp(&self) -> PathBuf {
        self.run_dir.join("tmp")
    }

    /// Where threads work unless a story says otherwise.
    pub fn project(&self) -> PathBuf {
        self.run_dir.join("project")
    }

    /// Makes the process cwd of a life.
    pub fn life(&self, incarnation: Incarnation) -> io::Result<PathBuf> {
        let dir = self.run_dir.join(format!("life-{incarnation}"));
        make_private(&dir)?;
        Ok(dir)
    }

    /// The whole environment of a target. `TZ` is part of it, because Codex names rollouts by local time.
    pub fn env(&self) -> Vec<(String, String)> {
        let path = |dir: PathBuf| dir.display().to_string();
        [
            ("CODEX_HOME", path(self.codex_home())),
            (USER_VAR, path(self.user())),
            ("TMPDIR", path(self.tmp())),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "dumb".to_owned()),
            ("TZ", "UTC".to_owned()),
            (TOKEN_VAR, self.token.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The same with the guard's proxies and what a profile adds: its variables come last and win, its directories come
    /// first in PATH, but for the Codex that stands in.
    pub fn env_with(
        &self,
        setup: &Setup,
        filling: &Filling,
        guard: &Guard,
        stand_in: Option<&StandIn>,
    ) -> Vec<(String, String)> {
        let mut env = self.env();
        env.extend(guard.env());
        let mut dirs: Vec<String> = stand_in.map(|codex| codex.dir().display().to_string()).into_iter().collect();
        dirs.extend(setup.path.iter().map(|dir| filling.fill(dir)));
        for (_, path) in env.iter_mut().filter(|(name, _)| name == "PATH") {
            dirs.push(std::mem::take(path));
            *path = dirs.join(":");
        }
        for (name, value) in &setup.env {
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), filling.fill(value)));
        }
        env
    }

    /// Makes the `codex` that a foreign server finds first on its PATH. `launcher` is the `rehydra` binary, or none to find
    /// one.
    pub fn stand_in(&self, setup: &Setup, launcher: Option<&Path>, guard: &Guard) -> io::Result<StandIn> {
        let launcher = proc::launcher_path(launcher).map_err(io::Error::other)?;
        let config = fs::read_to_string(self.codex_home().join(CONFIG_FILE))?;
        let mut env = vec![("CODEX_HOME".to_owned(), self.codex_home().display().to_string())];
        env.extend(guard.env());
        StandIn::create(&Casting {
            run: &self.run_dir,
            launcher: &launcher,
            codex: setup.codex.as_ref(),
            config: &config,
            token: (TOKEN_VAR, &self.token),
            env,
        })
    }

    /// What a profile's placeholders stand for in this run.
    pub fn filling(&self, stub_port: u16) -> Filling {
        let (home, cwd, run) = (self.codex_home(), self.project(), self.run_dir.clone());
        Filling { home, stub_port, token: self.token.clone(), cwd, run }
    }

    /// What must never enter a journal.
    pub fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }
}

/// Makes a `CODEX_HOME` and what a server reads there.
fn furnish(codex_home: &Path, spec: &HomeSpec) -> io::Result<()> {
    make_private(codex_home)?;
    fill(codex_home, spec)
}

fn fill(codex_home: &Path, spec: &HomeSpec) -> io::Result<()> {
    write_private(&codex_home.join(CONFIG_FILE), &configuration(codex_home, spec))?;
    write_private(&codex_home.join(INSTRUCTIONS_FILE), INSTRUCTIONS)?;
    write_private(&codex_home.join(MODELS_FILE), MODELS)
}

/// The `config.toml` of a home.
fn configuration(codex_home: &Path, spec: &HomeSpec) -> String {
    let config = HermeticConfig {
        home: codex_home,
        stub_port: spec.stub_port,
        env_key: TOKEN_VAR,
        sandbox: &spec.sandbox,
        approval: spec.approval,
        retries: spec.retries,
    };
    let version = match spec.kind {
        TargetKind::Builtin | TargetKind::BuiltinControl => None,
        // A foreign server's own Codex reads the file too.
        TargetKind::CodexMcp | TargetKind::CodexResume | TargetKind::CodexFork | TargetKind::Foreign => spec.version,
    };
    generate(version, &config)
}

fn make_private(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(dir)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::codex::user_config::UserConfig;
    use crate::rollout::generate;

    fn spec(kind: TargetKind, version: Option<&str>) -> HomeSpec {
        HomeSpec::wide(kind, version.map(|text| text.parse().unwrap()), 4096, "token-of-this-run".into())
    }

    #[test]
    fn the_environment_holds_nothing_ambient() {
        let run = tempfile::tempdir().unwrap();
        let home = Home::create(run.path(), &spec(TargetKind::Builtin, None)).unwrap();
        let env = home.env();
        let names: Vec<_> = env.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["CODEX_HOME", "HOME", "TMPDIR", "PATH", "LANG", "TERM", "TZ", TOKEN_VAR]);
        for (name, value) in &env {
            let fixed = ["PATH", "LANG", "TERM", "TZ", TOKEN_VAR].contains(&name.as_str());
            assert!(fixed || Path::new(value).starts_with(run.path()), "{name}={value}");
        }
        assert_eq!(home.secrets(), ["token-of-this-run"]);
    }

    #[test]
    fn our_server_finds_the_stub_and_the_wide_policy() {
        let run = tempfile::tempdir().unwrap();
        let home = Home::create(run.path(), &spec(TargetKind::BuiltinControl, Some("0.105.0"))).unwrap();
        let config = UserConfig::read(&home.codex_home()).unwrap();
        assert_eq!(config.provider.base_url, "http://127.0.0.1:4096/v1");
        assert_eq!(config.provider.env_key.as_deref(), Some(TOKEN_VAR));
        assert_eq!(config.sandbox, Some(SandboxSetting::DangerFullAccess));
        assert!(!fs::read_to_string(home.codex_home().join("config.toml")).unwrap().contains("token-of-this-run"));
    }

    #[test]
    fn a_generated_rollout_names_the_provider_and_the_model_of_a_home() {
        let run = tempfile::tempdir().unwrap();
        let home = Home::create(run.path(), &spec(TargetKind::CodexResume, Some("0.169.0"))).unwrap();
        let text = fs::read_to_string(home.codex_home().join("config.toml")).unwrap();
        assert!(text.contains(&format!("\nmodel_provider = {:?}\n", generate::MODEL_PROVIDER)));
        assert!(text.contains(&format!("\n[model_providers.{}]\n", generate::MODEL_PROVIDER)));
        assert!(text.starts_with(&format!("model = {:?}\n", generate::MODEL)));
    }

    #[test]
    fn everything_is_private_and_new() {
        let run = tempfile::tempdir().unwrap();
        let home = Home::create(run.path(), &spec(TargetKind::CodexMcp, Some("0.153.4"))).unwrap();
        let life = home.life(1).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for dir in [home.codex_home(), home.user(), home.tmp(), home.project(), life] {
            assert_eq!(mode(&dir), 0o700, "{}", dir.display());
        }
        assert_eq!(mode(&home.codex_home().join("config.toml")), 0o600);
        assert_eq!(home.life(1).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let again = Home::create(run.path(), &spec(TargetKind::Builtin, None)).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }
}
