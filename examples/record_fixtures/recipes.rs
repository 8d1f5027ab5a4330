//! What is recorded: one thread a recipe, told as the acts that make it.
//!
//! The releases stand for what changed between them: two of the bare era, the first envelopes, each change of the
//! session's metadata, the last that copies a fork, the ones that write a world state, the first of the paginated ones
//! and the newest. Each front end of Codex is among them, in the times in which it existed.

use rehydra::codex::version::Version;
use rehydra::rollout::generate::Era;

/// Who holds the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    Exec,
    McpServer,
    AppServer,
}

impl Through {
    /// The subcommand of today; older releases call the second one `mcp`.
    pub(crate) fn subcommand(self) -> &'static str {
        match self {
            Through::Exec => "exec",
            Through::McpServer => "mcp-server",
            Through::AppServer => "app-server",
        }
    }
}

/// One thing that happens to the thread. All but the last five are a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A prompt and a reply.
    Talk,
    /// The model thinks and has a file printed before it replies.
    Tool,
    /// The model writes a file with a freeform call.
    Patch,
    /// The prompt comes with an image.
    Image,
    /// The turn fills the context window, so that Codex sums the thread up.
    Compact,
    /// The turn is interrupted while a tool runs.
    Interrupted,
    /// The process is killed while a tool runs, and with it the recording ends.
    Killed,
    /// The last turn is taken back in the legacy way.
    RollBack,
    /// The last turn is taken back in the paginated way: a new segment.
    Revert,
    /// The thread is forked, and what follows happens to the fork.
    Fork,
    /// The thread is archived, and with it the recording ends.
    Archive,
}

/// What is done to the file when Codex is through with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    /// Compressed as Codex's own worker does it, which is switched off in every release.
    Compress,
    /// `codex migrate-rollouts --apply` of 0.169.0.
    Migrate,
}

/// One recording.
pub(crate) struct Recipe {
    /// How it is called: front end, release, what is special.
    pub(crate) name: &'static str,
    pub(crate) codex: Version,
    pub(crate) through: Through,
    pub(crate) era: Era,
    pub(crate) acts: &'static [Act],
    pub(crate) after: After,
}

impl Recipe {
    /// Sandbox of its thread: narrower than its home's configuration.
    pub(crate) fn sandbox(&self) -> &'static str {
        if self.acts.contains(&Act::Patch) { "workspace-write" } else { "read-only" }
    }

    /// The subcommand that wrote the file as it stands.
    pub(crate) fn made_by(&self) -> &'static str {
        match self.after {
            After::Migrate => "migrate-rollouts",
            After::Nothing | After::Compress => self.through.subcommand(),
        }
    }

    /// What its markers are made from.
    pub(crate) fn seed(&self) -> u64 {
        self.name.bytes().fold(12_594, |seed, byte| seed * 31 % 999_999_937 + u64::from(byte))
    }
}

const fn recipe(name: &'static str, numbers: (u32, u32), through: Through, acts: &'static [Act]) -> Recipe {
    let (minor, patch) = numbers;
    // As they were seen; `mcp-server` of the paginated times writes the file of the times before.
    let era = match (minor, through) {
        (..30, _) => Era::Bare,
        (..143, _) => Era::Envelope,
        (..148, _) | (_, Through::McpServer) => Era::WorldState,
        _ => Era::Paginated,
    };
    Recipe { name, codex: Version::new(0, minor, patch), through, era, acts, after: After::Nothing }
}

const fn and_then(after: After, recipe: Recipe) -> Recipe {
    let era = match after {
        After::Migrate => Era::Paginated,
        After::Nothing | After::Compress => recipe.era,
    };
    Recipe { after, era, ..recipe }
}

use Act::{Archive, Compact, Fork, Image, Interrupted, Killed, Patch, Revert, RollBack, Talk, Tool};
use Through::{AppServer, Exec, McpServer};

/// All recordings, oldest release first.
pub(crate) const RECIPES: &[Recipe] = &[
    recipe("exec-0.20.0", (20, 0), Exec, &[Tool]),
    recipe("mcp-0.29.0", (29, 0), McpServer, &[Tool, Talk]),
    recipe("exec-0.29.0-killed", (29, 0), Exec, &[Killed]),
    recipe("exec-0.36.0", (36, 0), Exec, &[Image]),
    recipe("mcp-0.36.0", (36, 0), McpServer, &[Tool, Talk]),
    recipe("exec-0.42.0-compacted", (42, 0), Exec, &[Tool, Compact, Talk]),
    recipe("exec-0.42.0-killed", (42, 0), Exec, &[Talk, Killed]),
    recipe("exec-0.55.0-compacted", (55, 0), Exec, &[Image, Compact, Talk]),
    recipe("exec-0.55.0-killed", (55, 0), Exec, &[Talk, Killed]),
    recipe("app-server-0.73.0", (73, 0), AppServer, &[Tool, Patch]),
    recipe("app-server-0.87.0-compacted", (87, 0), AppServer, &[Tool, Compact, Talk]),
    recipe("app-server-0.87.0-rolled-back", (87, 0), AppServer, &[Talk, Talk, RollBack, Talk]),
    recipe("exec-0.95.0", (95, 0), Exec, &[Tool, Patch]),
    recipe("mcp-0.105.0", (105, 0), McpServer, &[Tool, Talk]),
    recipe("app-server-0.105.0-forked", (105, 0), AppServer, &[Talk, Fork, Talk]),
    recipe("app-server-0.105.0-compacted", (105, 0), AppServer, &[Compact, Talk]),
    recipe("exec-0.105.0-killed", (105, 0), Exec, &[Talk, Killed]),
    recipe("mcp-0.114.0-interrupted", (114, 0), McpServer, &[Talk, Interrupted, Talk]),
    recipe("app-server-0.124.0", (124, 0), AppServer, &[Image, Patch]),
    recipe("mcp-0.130.0", (130, 0), McpServer, &[Tool, Talk]),
    recipe("app-server-0.130.0-rolled-back", (130, 0), AppServer, &[Compact, Talk, Talk, RollBack, Talk]),
    recipe("app-server-0.130.0-forked", (130, 0), AppServer, &[Tool, Fork, Talk]),
    recipe("app-server-0.130.0-archived", (130, 0), AppServer, &[Talk, Archive]),
    recipe("mcp-0.136.0-killed", (136, 0), McpServer, &[Talk, Killed]),
    recipe("exec-0.142.0", (142, 0), Exec, &[Tool, Talk]),
    recipe("app-server-0.145.0-compacted", (145, 0), AppServer, &[Talk, Compact, Talk]),
    recipe("mcp-0.147.0", (147, 0), McpServer, &[Tool, Talk]),
    recipe("exec-0.148.0", (148, 0), Exec, &[Tool]),
    recipe("app-server-0.150.0-interrupted", (150, 0), AppServer, &[Talk, Interrupted]),
    recipe("exec-0.153.4", (153, 4), Exec, &[Tool, Talk]),
    recipe("mcp-0.153.4", (153, 4), McpServer, &[Tool, Talk]),
    recipe("exec-0.153.4-killed", (153, 4), Exec, &[Talk, Killed]),
    recipe("app-server-0.153.4-forked", (153, 4), AppServer, &[Talk, Fork, Talk]),
    recipe("app-server-0.160.0-compacted", (160, 0), AppServer, &[Talk, Compact, Talk]),
    recipe("app-server-0.169.0", (169, 0), AppServer, &[Tool, Talk]),
    recipe("app-server-0.169.0-image", (169, 0), AppServer, &[Image, Patch]),
    recipe("app-server-0.169.0-interrupted", (169, 0), AppServer, &[Interrupted, Talk]),
    recipe("app-server-0.169.0-killed", (169, 0), AppServer, &[Talk, Killed]),
    recipe("app-server-0.169.0-compacted", (169, 0), AppServer, &[Talk, Compact, Talk]),
    recipe("app-server-0.169.0-forked", (169, 0), AppServer, &[Talk, Talk, Fork, Talk]),
    recipe("app-server-0.169.0-reverted", (169, 0), AppServer, &[Talk, Talk, Revert, Talk]),
    recipe("app-server-0.169.0-archived", (169, 0), AppServer, &[Talk, Revert, Talk, Archive]),
    and_then(After::Compress, recipe("exec-0.169.0-compressed", (169, 0), Exec, &[Talk])),
    and_then(After::Migrate, recipe("mcp-0.153.4-migrated", (153, 4), McpServer, &[Tool, Talk])),
];
