//! The JSON of `rehydra capture`. It names nothing of the original: counts, and what the capture itself holds.

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::compare::Compared;
use super::files::Captured;
use crate::cli::Exit;
use crate::neutral;
use crate::rollout::redact::Removed;

/// Raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What `rehydra capture --json` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Rehydra capture")]
struct Document<'a> {
    /// Version of this document. It is raised when a field changes its meaning or goes, not when one is added.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// Version of the program that wrote it.
    rehydra: &'a str,
    /// 0: the scenario shows what the original shows. 1: it is written, but shows otherwise.
    #[schemars(extend("enum" = [0, 1]))]
    exit_code: u8,
    /// The directory of the scenario, as it was named.
    scenario: String,
    /// The thread's id in it, which is not the original's.
    thread: String,
    /// The files that belong to the thread, the one that goes on first.
    files: Vec<FileOf>,
    /// What was taken out, counted.
    removed: RemovedOf,
    /// Places that are damaged, in the scenario as in the original.
    damaged_places: usize,
    /// Markers that are expected to come back.
    markers: usize,
    /// What `builtin` makes of the scenario, and of the original unless `differences` says otherwise.
    verdict: &'a str,
    /// What the scenario shows otherwise than the original.
    differences: &'a [String],
}

/// A file of the thread.
#[derive(Serialize, JsonSchema)]
struct FileOf {
    /// Below the home, with ids and names as they are in the scenario.
    path: String,
    /// Its length.
    bytes: usize,
}

/// What was taken out.
#[derive(Serialize, JsonSchema)]
struct RemovedOf {
    /// Texts of messages, tools, instructions, errors and everything else.
    texts: u64,
    /// Their bytes.
    text_bytes: u64,
    /// Of these texts, images.
    images: u64,
    /// Of these texts, what only the provider can read.
    encrypted: u64,
    /// Keys that Codex does not write.
    keys: u64,
    /// Names of models, tools, providers and kinds that are not Codex's own.
    names: u64,
    /// Numbers.
    numbers: u64,
    /// Different ids and names that became others.
    ids: u64,
}

pub(super) fn of(out: &Path, redacted: &Captured, removed: Removed, compared: &Compared, exit: Exit) -> String {
    let Removed { texts, text_bytes, images, encrypted, keys, names, numbers, ids } = removed;
    let files = redacted.files.iter();
    let document = Document {
        version: VERSION,
        rehydra: env!("CARGO_PKG_VERSION"),
        exit_code: exit.code(),
        scenario: out.display().to_string(),
        thread: redacted.id.to_string(),
        files: files.map(|f| FileOf { path: f.name.display().to_string(), bytes: f.bytes.len() }).collect(),
        removed: RemovedOf { texts, text_bytes, images, encrypted, keys, names, numbers, ids },
        damaged_places: compared.damage,
        markers: compared.markers,
        verdict: &compared.verdict,
        differences: &compared.differences,
    };
    // Maps with keys that are no strings, and numbers that are none, are all that can fail; there are neither.
    neutral::json(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

/// The JSON Schema of it. `docs/capture.schema.json` is this, pretty-printed, with a newline at its end.
pub(in crate::cli) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>().into()
}
