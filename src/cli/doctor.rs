//! `rehydra doctor`: what works on this machine, and what to do about the rest.
//!
//! Everything that can be tried is tried: a conversation with our own server is killed and brought back, as a run does
//! it. Nothing is installed, nothing but loopback is used, and nothing stays behind. Each finding is one line, with a
//! remedy where something is missing.

mod codex;
mod finding;
mod machine;
mod trial;

use std::path::PathBuf;

use super::out::print;
use super::{Exit, Outcome};
use crate::report;
use finding::{Finding, State};

/// Flags of `rehydra doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Where the directories of runs would be made
    #[arg(long, value_name = "DIR", default_value = ".rehydra")]
    runs: PathBuf,
}

const HELP: &str = "\
Exit code:
  0  `rehydra run` works here, whatever is only noted as `warn`
  1  something that every run needs is missing: a line says `fail`";

pub(super) fn main(args: Args) -> Outcome {
    let mut findings = Vec::new();
    let launcher = machine::rehydra(&mut findings);
    machine::kernel(&mut findings);
    machine::room(&mut findings, &args.runs);
    trial::trial(&mut findings, launcher.as_deref());
    machine::writes(&mut findings);
    codex::codex(&mut findings);
    machine::terminal(&mut findings);
    let works = !findings.iter().any(|finding| finding.state == State::Fail);
    print(&if args.json { finding::json(&findings, works) } else { shown(&findings, works, report::columns()) })?;
    Ok(if works { Exit::Fine } else { Exit::Failed })
}

fn shown(findings: &[Finding], works: bool, columns: usize) -> String {
    let mut text: String = findings.iter().map(|finding| finding.shown(columns)).collect();
    text.push_str(match works {
        true => "\nruns work here\n",
        false => "\nruns do not work here: see what is marked `fail`\n",
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_its_remedy() {
        let findings =
            [Finding::ok("npm", "10.9.2"), Finding::fail("disk", "12 MB free", "make room, or name another directory")];
        let text = anstream::adapter::strip_str(&shown(&findings, false, 60)).to_string();
        insta::assert_snapshot!(text, @r"
        ok    npm        10.9.2
        fail  disk       12 MB free
                         help: make room, or name another directory

        runs do not work here: see what is marked `fail`
        ");
    }
}
