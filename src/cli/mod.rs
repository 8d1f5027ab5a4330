//! The command line: one file per subcommand. Results go to stdout, diagnostics to stderr.

mod capture;
mod ci;
mod doctor;
mod exit;
mod generate;
mod hidden;
mod init;
mod inspect;
mod known;
mod out;
mod outputs;
mod parser;
mod repair;
mod replay;
mod run;
mod schema;
mod serve;
mod shard;
mod show;
mod sources;
mod suite;
mod sweep;
mod targets;
mod unusable;

use std::process::ExitCode;

use clap::{Parser as _, Subcommand};

pub use exit::Exit;
pub(crate) use hidden::main as hidden_main;
use out::{Failure, Outcome};

/// Kills MCP servers in mid-conversation and proves that codex-reply brings the conversation back.
#[derive(Debug, clap::Parser)]
#[command(name = "rehydra", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios against targets and print a matrix of verdicts
    Run(run::Args),
    /// Judge recorded runs again, from their directories alone
    Replay(replay::Args),
    /// Serve `codex` and `codex-reply` over stdio, and bring conversations back after a restart
    Serve(serve::Args),
    /// Tell what a rollout or a whole home holds, what is wrong with it, and what Codex would do
    Inspect(inspect::Args),
    /// Let a server die at every point of a conversation, and tell in which ways it comes back
    Sweep(sweep::Args),
    /// Get to know a server by talking to it, and write its profile
    Init(init::Args),
    /// Make a scenario that can be handed over out of a broken thread, with everything private taken out
    Capture(capture::Args),
    /// Write a clean copy of a thread that Codex will not take, and say what was lost
    Repair(repair::Args),
    /// Try somebody's rollout parser on generated, damaged and recorded files
    Parser(parser::Args),
    /// Say what works on this machine, and what to do about the rest
    Doctor(doctor::Args),
    /// Make synthetic rollouts and homes, damaged on request, each with the answer a correct reader gives
    Generate(generate::Args),
    /// Print the JSON Schema of scenario files, or of what the program writes
    Schema(schema::Args),
}

/// Runs the program; the process's exit code is documented at [`Exit`].
pub fn main() -> ExitCode {
    if let Some(code) = hidden_main() {
        return code;
    }
    let exit = match Cli::parse().command {
        Command::Run(args) => run::main(args),
        Command::Replay(args) => replay::main(args),
        Command::Serve(args) => serve::main(args),
        Command::Inspect(args) => inspect::main(args),
        Command::Sweep(args) => sweep::main(args),
        Command::Init(args) => init::main(args),
        Command::Capture(args) => capture::main(args),
        Command::Repair(args) => repair::main(args),
        Command::Parser(args) => parser::main(args),
        Command::Doctor(args) => doctor::main(args),
        Command::Generate(args) => generate::main(args),
        Command::Schema(args) => schema::main(args),
    };
    match exit {
        Ok(exit) => exit.into(),
        Err(Failure { exit, text }) => {
            out::complain(&format!("{}\n", text.trim_end()));
            exit.into()
        }
    }
}
