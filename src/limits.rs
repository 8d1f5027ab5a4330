//! Every limit in one table: nothing in Rehydra waits, grows or nests without an end.
//!
//! The run-time limits ([`Limits`]) belong to one run, stand in its journal's header and can be changed by a flag or a
//! scenario key. The constants below bound what may be read from a file or a client and are the same everywhere.

use serde::{Deserialize, Serialize};

/// Longest line of a rollout that is read; a longer one is damage. 256 MiB.
pub const ROLLOUT_LINE_BYTES: usize = 256 << 20;
/// Most bytes that a compressed rollout may unpack to; what follows is damage. 16 GiB, never held.
pub const ROLLOUT_UNPACKED_BYTES: u64 = 16 << 30;
/// Most lines, and most bytes, that are joined to mend a record that was broken over them.
pub const ROLLOUT_JOINED_LINES: usize = 32;
/// See [`ROLLOUT_JOINED_LINES`]. 256 KiB.
pub const ROLLOUT_JOINED_BYTES: usize = 256 << 10;
/// Longest line whose bytes are replaced where they are not UTF-8; a longer one is damage. Each may become three.
pub const ROLLOUT_REPLACED_BYTES: usize = 8 << 20;
/// Deepest nesting of a JSON value in a rollout.
pub const ROLLOUT_NESTING: usize = 128;
/// Most segments followed along a chain of `history_base`.
pub const SEGMENT_CHAIN: usize = 1_000;
/// Most files of a home that are not healthy and are listed one by one.
pub const INSPECTED_DAMAGED: usize = 10_000;
/// Most Codex versions whose files are counted apart in a home.
pub const INSPECTED_VERSIONS: usize = 500;
/// Most entries of a transcript that are kept; the rest is counted.
pub const INSPECTED_ENTRIES: usize = 100_000;
/// Most hops followed along `aliases.jsonl`.
pub const ALIAS_CHAIN: usize = 10_000;
/// How many ids of a dangling alias chain are looked for on disk, from its newest back, before the id asked for itself.
pub const ALIAS_FALLBACKS: usize = 16;
/// How much of the end of `aliases.jsonl` is read; what stands before it is passed over and told. 64 MiB.
pub const ALIAS_FILE_BYTES: u64 = 64 << 20;
/// Longest file that `rehydra capture` takes. 1 GiB.
pub const CAPTURE_FILE_BYTES: u64 = 1 << 30;
/// How long a rehydration waits for another process that is at the same thread, in milliseconds.
pub const LOCK_WAIT_MS: u64 = 10_000;
/// Most notes of one kind that a rehydration gives about its source; the rest is counted in one more.
pub const NOTES_OF_A_KIND: usize = 16;
/// Longest thread id accepted from a client, in bytes.
pub const CLIENT_ID_BYTES: usize = 128;
/// Longest body that stands inline in a journal; a longer one goes into a blob.
pub const INLINE_BODY_BYTES: usize = 256 << 10;
/// Longest body that is kept whole in a blob; of a longer one only both ends are.
pub const BLOB_BYTES: usize = 64 << 20;
/// Longest `config.toml` that is read.
pub const CONFIG_BYTES: u64 = 1 << 20;
/// How long npm may take to install a Codex release.
pub const INSTALL_MS: u64 = 300_000;
/// How long a Codex binary may take to tell its version.
pub const PROBE_MS: u64 = 10_000;
/// Most files of the cache that are counted to tell its size.
pub const CACHE_FILES: u32 = 100_000;
/// How much is kept of the end of what npm or such a binary prints.
pub const PROBE_OUTPUT_BYTES: u64 = 64 << 10;
/// How much of each end is kept of a body beyond [`BLOB_BYTES`].
pub const BODY_ENDS_BYTES: usize = 64 << 10;
/// How much of a file of effects is read; a line is a few bytes. 1 MiB.
pub const EFFECT_FILE_BYTES: u64 = 1 << 20;
/// Longest body of a request to the stub model; a longer one is refused. 64 MiB.
pub const MODEL_REQUEST_BYTES: usize = 64 << 20;
/// How long the stub model waits for the next bytes of a request, in milliseconds.
pub const MODEL_READ_MS: u64 = 20_000;
/// Most connections that the stub model serves at once; further ones wait to be accepted.
pub const MODEL_CONNECTIONS: usize = 256;
/// Most deltas that one text of a scripted response is sent in.
pub const MODEL_CHUNKS: u32 = 10_000;
/// How often a scenario may be repeated.
pub const REPEATS: u32 = 10_000;
/// Most attempts to reach another host that a run's journal tells.
pub const EGRESS_ATTEMPTS: u32 = 1_000;
/// Most connections that the egress guard serves at once.
pub const EGRESS_CONNECTIONS: usize = 64;
/// Longest head of a request that the egress guard reads.
pub const EGRESS_HEAD_BYTES: usize = 16 << 10;
/// How long the egress guard waits for such a head, in milliseconds.
pub const EGRESS_READ_MS: u64 = 2_000;
/// Most starts of a Codex by the server under test that a run's journal tells.
pub const LAUNCHES: usize = 1_000;
/// How much of the list of such starts is read.
pub const LAUNCHES_BYTES: u64 = 4 << 20;
/// Longest scenario or baseline file.
pub const SCENARIO_BYTES: usize = 1 << 20;
/// Most steps of a scenario.
pub const SCENARIO_STEPS: usize = 1_000;
/// Most rungs that follow the first of a ladder.
pub const SCENARIO_RUNGS: usize = 8;
/// Most calls that a scenario sends together.
pub const SCENARIO_TOGETHER: usize = 64;
/// Most responses to one call, and tool calls in one response.
pub const SCENARIO_RESPONSES: usize = 1_000;
/// Most entries in any other list of a scenario or a baseline.
pub const SCENARIO_LIST: usize = 10_000;
/// Longest prompt, reply, body, id or file content of a scenario, in characters.
pub const SCENARIO_TEXT_CHARS: usize = 256 << 10;
/// Longest title, name or reference of a scenario, in characters.
pub const SCENARIO_LINE_CHARS: usize = 500;
/// Longest name of a home or a credential in a scenario, in characters.
pub const SCENARIO_LABEL_CHARS: usize = 40;
/// Most variables that a restart adds to a life's environment.
pub const SCENARIO_ENV: usize = 100;
/// Bytes of a write that a fault may let land.
pub const SCENARIO_CUT_BYTES: u64 = 1 << 30;
/// Longest filler behind a prompt, in bytes.
pub const SCENARIO_FILL_BYTES: u64 = 32 << 20;
/// Longest path in a scenario, in characters.
pub const SCENARIO_PATH_CHARS: usize = 1_000;
/// Longest regular expression in a scenario, in characters.
pub const SCENARIO_PATTERN_CHARS: usize = 4_000;
/// Deepest nesting of a scripted tool call's arguments.
pub const SCENARIO_NESTING: usize = 32;
/// Longest time that a scenario may set for a call or a wait: an hour.
pub const SCENARIO_LIMIT_MS: u64 = 3_600_000;
/// Most scenario files of one suite.
pub const SUITE_FILES: usize = 10_000;
/// Deepest directory of a suite.
pub const SUITE_DEPTH: usize = 32;

/// Most tools that a survey of a foreign server looks at.
pub const SURVEY_TOOLS: usize = 200;
/// Most arguments of one tool that it looks at.
pub const SURVEY_ARGUMENTS: usize = 200;
/// Deepest argument that it looks at, and longest chain of references in a schema that it follows.
pub const SURVEY_NESTING: usize = 5;
/// Most pages of a server's list of tools that it reads.
pub const SURVEY_PAGES: usize = 20;
/// Most ways of beginning a conversation that it tries.
pub const SURVEY_STARTS: usize = 6;
/// Most replies that it sends to find out how a conversation goes on.
pub const SURVEY_REPLIES: usize = 40;
/// How long it may take, in milliseconds.
pub const SURVEY_MS: u64 = 300_000;
/// Most files of a server's directories that it looks at.
pub const SURVEY_FILES: usize = 10_000;

/// How long somebody's parser may take for one file, in milliseconds.
pub const PARSER_MS: u64 = 10_000;
/// Longest answer of such a parser.
pub const PARSER_STDOUT_BYTES: u64 = 16 << 20;
/// How much is kept of the end of what it complains about.
pub const PARSER_STDERR_BYTES: usize = 64 << 10;
/// Most files that are made for one class of damage and one era.
pub const PARSER_FILES: u32 = 10_000;
/// Most further runs of a parser to make the file of one failure smaller.
pub const PARSER_SHRINK_RUNS: u32 = 60;

/// The limits of one run. All durations in milliseconds, all sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From the call's last byte written to its answer.
    pub call_ms: u64,
    /// From spawn to the answer to `initialize`.
    pub open_ms: u64,
    /// One frame from a target.
    pub frame_bytes: u64,
    /// Standard output of one incarnation.
    pub stdout_bytes: u64,
    /// Standard output of one incarnation before its first message.
    #[serde(default = "preamble_bytes")]
    pub preamble_bytes: u64,
    /// Standard error of one incarnation that is kept; the rest is counted and dropped.
    pub stderr_bytes: u64,
    /// The journal file of a run.
    pub journal_bytes: u64,
    /// A whole run.
    pub run_ms: u64,
    /// How long a process of an ended life may still be there.
    pub leftover_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            call_ms: 20_000,
            open_ms: 10_000,
            frame_bytes: 64 << 20,
            stdout_bytes: 256 << 20,
            preamble_bytes: preamble_bytes(),
            stderr_bytes: 8 << 20,
            journal_bytes: 1 << 30,
            run_ms: 120_000,
            leftover_ms: 2_000,
        }
    }
}

/// A journal that was written before there was this limit has it not in its header.
fn preamble_bytes() -> u64 {
    1 << 20
}

impl Limits {
    /// The names of all limits, as error messages and a run's header write them.
    pub fn names() -> Vec<String> {
        match serde_json::to_value(Limits::default()) {
            Ok(serde_json::Value::Object(table)) => table.into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        }
    }

    /// Sets the limit of that name; `false` if there is none.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        let Ok(mut table) = serde_json::to_value(&*self) else { return false };
        let Some(entry) = table.get_mut(name) else { return false };
        *entry = value.into();
        match serde_json::from_value(table) {
            Ok(changed) => {
                *self = changed;
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        for name in Limits::names() {
            let mut limits = Limits::default();
            assert!(limits.set(&name, 7), "{name}");
            assert_ne!(limits, Limits::default(), "{name}");
        }
        assert!(!Limits::default().set("patience_ms", 7));
    }
}
