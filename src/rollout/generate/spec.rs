//! What to generate.

use super::Era;

/// The model provider that a generated rollout names. Codex resumes no thread whose provider is not configured (0.130.0,
/// 0.153.4, 0.169.0), so a home that is to continue one has a provider of this name.
pub const MODEL_PROVIDER: &str = "stub";
/// The model that it names.
pub const MODEL: &str = "rehydra-stub";

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Complete turns, those taken back not counted.
    pub turns: u32,
    /// Shape of the file.
    pub era: Era,
    /// Decides ids, markers and texts.
    pub seed: u64,
    /// Tool calls per turn.
    pub tools: u32,
    /// Of these kinds in turn; functions alone where it is empty. A kind that the era or version does not know becomes a
    /// function.
    pub kinds: Vec<ToolKind>,
    /// Reasoning before each reply, with encrypted content.
    pub reasoning: bool,
    /// A small image in each prompt.
    pub images: bool,
    /// Before the last complete turn, one that the user interrupted: it ends with `turn_aborted`. A bare file knows none.
    pub aborted: bool,
    /// After half of the turns, so many more that are then taken back. Paginated files know no such record (there a
    /// segment of its own begins, see [`home`](mod@super::home)), bare ones neither.
    pub rolled_back: u32,
    /// After the complete turns, one that was cut off after its prompt (with tool calls: after its first call), as a
    /// process leaves it that is killed.
    pub interrupted: bool,
    /// A compaction after that many turns, or after the last where there are fewer. A bare file knows none.
    pub compaction: Option<u32>,
    /// The compaction brings a summary and no history of its own, as up to about 0.80.
    pub summary_only: bool,
    /// Sandbox of its turn contexts.
    pub sandbox: String,
    /// Approval policy of its turn contexts.
    pub approval: String,
    /// At least about that many bytes: the tools' outputs (where there are none, the replies) are made so long.
    pub bytes: u64,
    /// The Codex version whose keys it has, and which it names; one of the era where none is given.
    pub version: Option<String>,
}

impl Default for Spec {
    /// One turn in an envelope, and nothing else.
    fn default() -> Spec {
        Spec {
            turns: 1,
            era: Era::Envelope,
            seed: 1,
            tools: 0,
            kinds: Vec::new(),
            reasoning: false,
            images: false,
            aborted: false,
            rolled_back: 0,
            interrupted: false,
            compaction: None,
            summary_only: false,
            sandbox: "read-only".to_owned(),
            approval: "on-request".to_owned(),
            bytes: 0,
            version: None,
        }
    }
}

impl Spec {
    /// The version that the file names.
    pub fn cli_version(&self) -> &str {
        self.version.as_deref().unwrap_or(match self.era {
            Era::Bare => "0.29.0",
            Era::Envelope => "0.130.0",
            Era::WorldState => "0.147.0",
            Era::Paginated => "0.169.0",
        })
    }

    /// The `130` of `0.130.0`. What is no version counts as one without anything optional.
    pub(super) fn minor(&self) -> u32 {
        self.cli_version().split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
    }

    /// The kind of the `n`-th call.
    pub(super) fn kind(&self, n: u32) -> ToolKind {
        let kind = (n as usize).checked_rem(self.kinds.len()).and_then(|at| self.kinds.get(at)).copied();
        let known = |kind: &ToolKind| {
            // 0.105.0 skips such calls, 0.130.0 sends them.
            kind.applies_to(self.era) && (*kind != ToolKind::ToolSearch || self.minor() >= 130)
        };
        kind.filter(known).unwrap_or(ToolKind::Function)
    }

    /// The turns after which the compaction stands.
    pub(super) fn compacted_after(&self) -> Option<u32> {
        self.compaction.map(|turns| turns.min(self.turns)).filter(|_| self.era != Era::Bare)
    }

    /// How many turns are taken back.
    pub(super) fn taken_back(&self) -> u32 {
        let knows = matches!(self.era, Era::Envelope | Era::WorldState) && self.turns > 0;
        if knows { self.rolled_back } else { 0 }
    }
}

impl Era {
    /// The era of the files that a version writes by default. Versions that were not seen count as their neighbours.
    pub fn of_version(version: &str) -> Option<Era> {
        let mut parts = version.split('.').map(str::parse::<u32>);
        match (parts.next()?.ok()?, parts.next()?.ok()?) {
            (0, ..=30) => Some(Era::Bare),
            (0, 31..=142) => Some(Era::Envelope),
            (0, 143..=147) => Some(Era::WorldState),
            _ => Some(Era::Paginated),
        }
    }
}

/// What kind of tool is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ToolKind {
    /// `function_call`.
    Function,
    /// `custom_tool_call`: its input is free text.
    Custom,
    /// `local_shell_call`, whose output is a `function_call_output`.
    LocalShell,
    /// `tool_search_call`, run by the client.
    ToolSearch,
    /// `web_search_call`, run by the provider: it has no output.
    WebSearch,
}

impl ToolKind {
    /// All of them.
    pub const ALL: [ToolKind; 5] =
        [ToolKind::Function, ToolKind::Custom, ToolKind::LocalShell, ToolKind::ToolSearch, ToolKind::WebSearch];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ToolKind::Function => "function",
            ToolKind::Custom => "custom",
            ToolKind::LocalShell => "local-shell",
            ToolKind::ToolSearch => "tool-search",
            ToolKind::WebSearch => "web-search",
        }
    }

    /// Whether files of that era hold such calls.
    pub fn applies_to(self, era: Era) -> bool {
        era != Era::Bare || matches!(self, ToolKind::Function | ToolKind::LocalShell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_the_era_of_its_files() {
        let eras = ["0.29.0", "0.36.0", "0.142.0", "0.147.0", "0.153.4", "1.0.0"].map(Era::of_version);
        let [bare, first, last, world, paginated, later] = eras.map(Option::unwrap);
        assert_eq!([bare, first, last], [Era::Bare, Era::Envelope, Era::Envelope]);
        assert_eq!([world, paginated, later], [Era::WorldState, Era::Paginated, Era::Paginated]);
        assert_eq!(Era::of_version("latest"), None);
    }

    #[test]
    fn a_kind_that_the_era_does_not_know_is_a_function() {
        let spec = Spec { era: Era::Bare, kinds: vec![ToolKind::Custom, ToolKind::LocalShell], ..Spec::default() };
        assert_eq!((spec.kind(0), spec.kind(1)), (ToolKind::Function, ToolKind::LocalShell));
        assert_eq!(Spec::default().kind(3), ToolKind::Function);
    }
}
