//! `rehydra serve`: the rehydrating MCP server, on stdin and stdout.

use std::path::PathBuf;

use super::{Exit, Failure, Outcome, sources};
use crate::rehydrate::policy::Ceiling;
use crate::rollout::settings::{Approval, Sandbox};
use crate::serve::{self, EngineKind, ServeOptions};

/// Flags of `rehydra serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What runs the turns; `embedded` needs no Codex and runs no tools
    #[arg(long, value_name = "NAME", default_value_t = EngineKind::Embedded)]
    engine: EngineKind,
    /// Answer as Codex's server did: an id that is not in memory is unknown
    #[arg(long)]
    no_rehydrate: bool,
    /// Where config.toml and the rollouts are [default: $CODEX_HOME, else ~/.codex]
    #[arg(long, value_name = "DIR")]
    codex_home: Option<PathBuf>,
    /// The widest sandbox that any thread gets: read-only, workspace-write (its cwd alone), danger-full-access
    #[arg(long, value_name = "MODE", value_parser = sandbox)]
    max_sandbox: Option<Sandbox>,
    /// The widest approval policy that any thread gets: untrusted, on-request, on-failure, never
    #[arg(long, value_name = "POLICY", value_parser = approval)]
    max_approval: Option<Approval>,
    /// A defect on purpose
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "NAME")]
    bug: Option<crate::serve::embedded::Bug>,
}

pub(super) fn main(args: Args) -> Outcome {
    let home = args.codex_home.clone().or_else(sources::codex_home).ok_or_else(|| {
        Failure::usage("neither CODEX_HOME nor HOME is set; say where the rollouts are with --codex-home")
    })?;
    let cwd = std::env::current_dir().map_err(|error| Failure::broken(format!("failed to tell the cwd: {error}")))?;
    // Clients are told of files below it, and their cwd is another one.
    let home = cwd.join(home);
    let mut options = ServeOptions::new(home, cwd);
    options.engine = args.engine;
    options.rehydrate = !args.no_rehydrate;
    options.ceiling = Ceiling { sandbox: args.max_sandbox, approval: args.max_approval };
    #[cfg(feature = "planted-bugs")]
    {
        options.bug = args.bug;
    }
    serve::run(&options).map_err(|error| match error {
        serve::RunError::Config(_) => Failure::usage(error),
        error => Failure::broken(error),
    })?;
    Ok(Exit::Fine)
}

fn sandbox(name: &str) -> Result<Sandbox, String> {
    Sandbox::from_name(name).ok_or_else(|| "use read-only, workspace-write or danger-full-access".to_owned())
}

fn approval(name: &str) -> Result<Approval, String> {
    Approval::from_name(name).ok_or_else(|| "use untrusted, on-request, on-failure or never".to_owned())
}
