//! `rehydra schema`: the JSON Schemas of scenario files, for editors, and of what the program writes or has others write,
//! for those who read or write it.

use super::out::print;
use super::{Exit, Outcome};
use crate::rollout::generate::Expected;
use crate::{parser, report, scenario};

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
    /// What `--json` of `run` and `replay` writes
    Report,
    /// The expected answer beside a generated rollout
    Expected,
    /// What a parser prints for `rehydra parser`
    Parser,
    /// What `parser --json` writes
    ParserReport,
    /// What `inspect --json` writes
    Inspect,
    /// What `repair --json` writes
    Repair,
    /// What `capture --json` writes
    Capture,
}

pub(super) fn main(args: Args) -> Outcome {
    let schema = match args.of {
        Of::Scenario => scenario::schema(),
        Of::Report => report::schema(),
        Of::Expected => {
            let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
            generator.into_root_schema_for::<Expected>().into()
        }
        Of::Parser => parser::schema(),
        Of::ParserReport => report::parser_schema(),
        Of::Inspect => super::inspect::schema(),
        Of::Repair => super::repair::schema(),
        Of::Capture => super::capture::schema(),
    };
    print(&format!("{schema:#}\n"))?;
    Ok(Exit::Fine)
}
