//! `rehydra schema`: the JSON Schemas of scenario files, for editors, and of the JSON report, for those who read it.

use super::out::print;
use super::{Exit, Outcome};
use crate::{report, scenario};

/// Flags of `rehydra schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum, default_value = "scenario")]
    of: Of,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    /// Scenario files
    Scenario,
    /// What `--json` writes
    Report,
}

pub(super) fn main(args: Args) -> Outcome {
    let schema = match args.of {
        Of::Scenario => scenario::schema(),
        Of::Report => report::schema(),
    };
    print(&format!("{schema:#}\n"))?;
    Ok(Exit::Fine)
}
