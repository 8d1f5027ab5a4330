//! The JSON of `rehydra inspect`. Texts stand in it as they were, and act on nothing that shows it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Exit;
use crate::neutral;
use crate::rollout::inspect::{FileReport, HomeReport};

/// Raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What `rehydra inspect --json` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Rehydra inspection")]
struct Inspection<'a> {
    /// Version of this document. It is raised when a field changes its meaning or goes, not when one is added.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// Version of the program that wrote it.
    rehydra: &'a str,
    /// 0: everything can be read. 1: something is lost, or a file cannot be read.
    #[schemars(extend("enum" = [0, 1]))]
    exit_code: u8,
    /// The thread, where a file or an id was asked for.
    thread: Option<&'a FileReport>,
    /// The home, where a directory was asked for.
    home: Option<&'a HomeReport>,
}

pub(super) fn of_file(report: &FileReport, exit: Exit) -> String {
    written(Some(report), None, exit)
}

pub(super) fn of_home(report: &HomeReport, exit: Exit) -> String {
    written(None, Some(report), exit)
}

fn written(thread: Option<&FileReport>, home: Option<&HomeReport>, exit: Exit) -> String {
    let whole =
        Inspection { version: VERSION, rehydra: env!("CARGO_PKG_VERSION"), exit_code: exit.code(), thread, home };
    // Maps with keys that are no strings, and numbers that are none, are all that can fail; there are neither.
    neutral::json(&serde_json::to_string_pretty(&whole).unwrap_or_default()) + "\n"
}

/// The JSON Schema of it. `docs/inspect.schema.json` is this, pretty-printed, with a newline at its end.
pub(in crate::cli) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Inspection<'static>>().into()
}
