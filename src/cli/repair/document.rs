//! The JSON of `rehydra repair`. Texts stand in it as they were, and act on nothing that shows it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::became;
use crate::neutral;
use crate::rollout::Damage;
use crate::rollout::repair::{Filled, Repaired, Request};

/// Raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What `rehydra repair --json` writes.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Rehydra repair")]
struct Document<'a> {
    /// Version of this document. It is raised when a field changes its meaning or goes, not when one is added.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// Version of the program that wrote it.
    rehydra: &'a str,
    /// The file that was read first.
    source: String,
    /// The thread's id in it.
    from: String,
    /// The thread's id in the copy.
    id: String,
    /// The copy.
    path: String,
    /// What is in the copy.
    kept: Kept,
    /// What nothing in the source says, and stands in the copy all the same.
    filled: Vec<FilledOf>,
    /// What was wrong with the source.
    damage: Vec<DamageOf>,
    /// Something that a turn said, or a setting of the thread, is not in the copy; the exit code is then 1, else 0.
    lossy: bool,
}

/// What is in a copy.
#[derive(Serialize, JsonSchema)]
struct Kept {
    /// Complete turns.
    turns: u32,
    /// Items that the model is sent.
    items: usize,
    /// Items and compactions that the model is no longer sent; `null` without `--complete`, which alone keeps them.
    past: Option<u64>,
    /// Records of the file.
    records: u64,
}

/// A field of `session_meta`.
#[derive(Serialize, JsonSchema)]
struct FilledOf {
    /// Its key.
    field: &'static str,
    /// What stands there now.
    value: String,
}

/// Something that was wrong with the source.
#[derive(Serialize, JsonSchema)]
struct DamageOf {
    /// In which file: 0 is the source, and its bases are counted from 1.
    file: u32,
    /// Its line, from 1, where lines were counted.
    line: Option<u64>,
    /// Where it begins and where it ends, in bytes from 0; of a compressed file, in what it unpacks to.
    bytes: [u64; 2],
    /// What it is, for people.
    says: String,
    /// Something is lost by it.
    lost: bool,
    /// What became of it, for people.
    became: &'static str,
}

impl DamageOf {
    fn new(damage: &Damage) -> DamageOf {
        DamageOf {
            file: damage.file,
            line: damage.line,
            bytes: [damage.bytes.start, damage.bytes.end],
            says: damage.to_string(),
            lost: damage.is_lossy(),
            became: became(damage.consequence),
        }
    }
}

pub(super) fn of(request: &Request, repaired: &Repaired) -> String {
    let filled = |filled: &Filled| FilledOf { field: filled.field, value: filled.value.clone() };
    let document = Document {
        version: VERSION,
        rehydra: env!("CARGO_PKG_VERSION"),
        source: request.source.display().to_string(),
        from: repaired.from.to_string(),
        id: repaired.id.to_string(),
        path: repaired.path.display().to_string(),
        kept: Kept { turns: repaired.turns, items: repaired.items, past: repaired.past, records: repaired.records },
        filled: repaired.filled.iter().map(filled).collect(),
        damage: repaired.damage.iter().map(DamageOf::new).collect(),
        lossy: repaired.is_lossy(),
    };
    // Maps with keys that are no strings, and numbers that are none, are all that can fail; there are neither.
    neutral::json(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

/// The JSON Schema of it. `docs/repair.schema.json` is this, pretty-printed, with a newline at its end.
pub(in crate::cli) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>().into()
}
