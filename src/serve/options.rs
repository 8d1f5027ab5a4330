//! How a server is set up.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::rehydrate::policy::Ceiling;
use crate::world::World;

/// Which engine runs the turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// No Codex needed; runs no tools.
    #[default]
    Embedded,
}

/// No engine has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no engine is called `{0}`; this build has `embedded`")]
pub struct UnknownEngine(String);

impl FromStr for EngineKind {
    type Err = UnknownEngine;
    fn from_str(name: &str) -> Result<EngineKind, UnknownEngine> {
        match name {
            "embedded" => Ok(EngineKind::Embedded),
            other => Err(UnknownEngine(other.to_owned())),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::Embedded => "embedded",
        })
    }
}

/// Looks up an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a server is set up with.
#[derive(Clone)]
pub struct ServeOptions {
    /// `CODEX_HOME`: where `config.toml` and the rollouts are.
    pub codex_home: PathBuf,
    /// The process's cwd: where threads begin that name none.
    pub process_cwd: PathBuf,
    /// Which engine runs the turns.
    pub engine: EngineKind,
    /// Whether threads of an earlier life are brought back; off, the server is the control.
    pub rehydrate: bool,
    /// Widest sandbox and approval policy that any thread gets. What is not set here does not limit new threads, and
    /// `config.toml` limits those that are brought back.
    pub ceiling: Ceiling,
    /// Disk, clock, ids.
    pub world: World,
    /// Where the provider's `env_key` is looked up.
    pub environment: Environment,
    /// A defect on purpose.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<super::embedded::Bug>,
}

impl ServeOptions {
    /// A rehydrating server with the embedded engine, in the real world and with this process's environment.
    pub fn new(codex_home: PathBuf, process_cwd: PathBuf) -> ServeOptions {
        ServeOptions {
            codex_home,
            process_cwd,
            engine: EngineKind::Embedded,
            rehydrate: true,
            ceiling: Ceiling::default(),
            world: World::real(),
            environment: Arc::new(|name| std::env::var(name).ok()),
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }
}
