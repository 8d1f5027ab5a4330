//! A directory in which somebody calls `rehydra` about a server of their own.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// See the module.
pub(crate) struct Place(TempDir);

/// What a call came to.
pub(crate) struct Came {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Came {
    /// The exit code, and what stdout or stderr must hold, however its lines are broken.
    #[track_caller]
    pub(crate) fn to(self, code: i32, says: &[&str]) -> Came {
        let all = format!("{}\n{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{all}");
        let words = all.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in says {
            assert!(words.contains(text), "no `{text}` in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn rehydra(&self, args: &[&str]) -> Came {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
        command.current_dir(self.0.path()).args(args).timeout(std::time::Duration::from_secs(180));
        let output = command.output().expect("rehydra runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Came { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// `rehydra init FLAGS -- CMD`, `CMD` being this binary in that role.
    pub(crate) fn init(&self, flags: &[&str], role: &[&str]) -> Came {
        let this = std::env::current_exe().expect("this binary").display().to_string();
        self.rehydra(&[&["init"], flags, &["--", &this], role].concat())
    }

    /// The profile that `init` wrote, without its comments.
    pub(crate) fn profile(&self) -> String {
        let text = fs::read_to_string(self.path("rehydra.toml")).expect("a profile was written");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Plays scenarios on the target of the profile: for each its name, its verdict, and the promises that were broken.
    pub(crate) fn run(&self, filters: &[&str]) -> Vec<(String, String, Vec<String>)> {
        let filters: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", *filter]).collect();
        let came = self.rehydra(&[&["run", "--json", "-"], filters.as_slice()].concat());
        let all: Value = serde_json::from_str(&came.out).unwrap_or_else(|error| panic!("{error}: {}", came.err));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let case = |case: &Value| {
            let checks = case["checks"].as_array().expect("checks").iter();
            let broken = checks.filter(|check| check["outcome"] == "findings").map(|check| text(&check["invariant"]));
            (text(&case["scenario"]), text(&case["verdict"]), broken.collect())
        };
        all["cases"].as_array().expect("cases").iter().map(case).collect()
    }
}
