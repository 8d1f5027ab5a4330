//! What a recording shows of the format, told from its bytes.
//!
//! The recorder writes down what it sees here and the tests look again, so a manifest cannot claim what its file does
//! not hold. A feature is recognised by the text that Codex writes for it: compact JSON, keys in the order of their
//! release.

use serde::{Deserialize, Serialize};

/// Something that a reader must cope with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Feature {
    /// A call of a function tool and its output.
    FunctionCall,
    /// A call of a freeform tool and its output.
    CustomToolCall,
    /// A reasoning item with what only the model's provider can read.
    EncryptedReasoning,
    /// An image among the input.
    Image,
    /// A call whose process was killed before there was an output.
    DanglingCall,
    /// A turn that was interrupted, as Codex itself wrote it down.
    TurnAborted,
    /// A compaction that names its summary alone, from which a reader rebuilds the history.
    CompactionWithoutHistory,
    /// A compaction that brings the history which replaces all before it.
    CompactionWithHistory,
    /// Turns taken back by an event.
    RolledBack,
    /// A fork that copied its parent's records.
    ForkByCopy,
    /// A fork that names its parent's file and the part of it that it continues.
    ForkByReference,
    /// A later segment of its thread. Where it was the first turn that was taken back, it names no base and begins
    /// anew at ordinal 0 (0.169.0).
    RevertedSegment,
    /// It lies among the archived ones.
    Archived,
    /// It is compressed.
    Compressed,
    /// Written in the times of paginated threads, and not paginated.
    LegacyAmongPaginated,
    /// Written before the paginated times, and made paginated.
    Migrated,
}

/// What is known of a recording when its features are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The thread's own file, decompressed.
    pub text: &'a str,
    /// Its path below the home.
    pub file_name: &'a str,
    /// The subcommand that wrote it.
    pub made_by: &'a str,
    /// The thread's id.
    pub id: &'a str,
}

impl Feature {
    /// All of them.
    pub const ALL: [Feature; 16] = [
        Feature::FunctionCall,
        Feature::CustomToolCall,
        Feature::EncryptedReasoning,
        Feature::Image,
        Feature::DanglingCall,
        Feature::TurnAborted,
        Feature::CompactionWithoutHistory,
        Feature::CompactionWithHistory,
        Feature::RolledBack,
        Feature::ForkByCopy,
        Feature::ForkByReference,
        Feature::RevertedSegment,
        Feature::Archived,
        Feature::Compressed,
        Feature::LegacyAmongPaginated,
        Feature::Migrated,
    ];

    /// Whether a recording shows it.
    pub fn is_in(self, shown: Shown<'_>) -> bool {
        let Shown { text, file_name, made_by, id } = shown;
        let first = text.lines().next().unwrap_or_default();
        let has = |what: &str| text.contains(what);
        let count = |what: &str| text.matches(what).count();
        match self {
            Feature::FunctionCall => has("\"type\":\"function_call\"") && has("\"type\":\"function_call_output\""),
            Feature::CustomToolCall => {
                has("\"type\":\"custom_tool_call\"") && has("\"type\":\"custom_tool_call_output\"")
            }
            Feature::EncryptedReasoning => has("\"encrypted_content\":\""),
            Feature::Image => has("\"type\":\"input_image\""),
            Feature::DanglingCall => count("\"type\":\"function_call\"") > count("\"type\":\"function_call_output\""),
            Feature::TurnAborted => has("\"type\":\"turn_aborted\""),
            Feature::CompactionWithoutHistory => has("\"type\":\"compacted\"") && !has("\"replacement_history\":["),
            Feature::CompactionWithHistory => has("\"replacement_history\":["),
            Feature::RolledBack => has("\"type\":\"thread_rolled_back\""),
            Feature::ForkByCopy => count("\"type\":\"session_meta\"") > 1,
            Feature::ForkByReference => first.contains("\"forked_from_id\":") && first.contains("\"history_base\":"),
            Feature::RevertedSegment => file_name.contains(&format!("{id}_")),
            Feature::Archived => file_name.starts_with("archived_sessions/"),
            Feature::Compressed => file_name.ends_with(".zst"),
            Feature::LegacyAmongPaginated => {
                first.contains("\"cli_version\":\"0.153.4\"") && first.contains("\"history_mode\":\"legacy\"")
            }
            Feature::Migrated => made_by == "migrate-rollouts" && first.contains("\"history_mode\":\"paginated\""),
        }
    }
}
