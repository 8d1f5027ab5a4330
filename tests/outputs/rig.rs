//! A directory with a suite in it, calls of `rehydra` there, and what they came to.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A thread that is continued after a restart, and no more.
pub(crate) const STORY: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n\
    [[step]]\nrestart = {}\n\n\
    [[step]]\nreply = { prompt = \"Which?\", model = { text = \"Blue.\" } }\n";
/// The control's gap in that story.
pub(crate) const GAP: &str = "[[gap]]\nscenario = \"a\"\ntarget = \"builtin:no-rehydrate\"\ninvariants = [\"rehydrates\"]\n\
    reason = \"before the patch\"\nrefs = [\"openai/codex#6168\"]\n";

/// A story that nothing of ours can play.
pub(crate) fn unsupported() -> String {
    STORY.replace("[[step]]\ncodex", "needs = [\"tools\", \"codex\"]\n\n[[step]]\ncodex")
}

/// The targets on which the suite of [`Place::with_every_verdict`] has one of each.
pub(crate) const EVERY_VERDICT: [&str; 6] =
    ["--target", "builtin", "--target", "builtin:no-rehydrate", "--target-command", "false"];

/// What a call came to.
pub(crate) struct Came {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Came {
    /// The exit code, and what stdout or stderr must hold.
    #[track_caller]
    pub(crate) fn to(self, code: i32, says: &[&str]) -> Came {
        let all = format!("{}\n{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{all}");
        for text in says {
            assert!(all.contains(text), "no `{text}` in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

/// A directory to work in; a CI that runs these tests is none of their business.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new(files: &[(&str, &str)]) -> Place {
        let place = Place(tempfile::tempdir().expect("a directory"));
        for (name, text) in files {
            let path = place.path(name);
            fs::create_dir_all(path.parent().expect("below it")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        place
    }

    /// A `suite` of three stories and a baseline of which one entry holds, one is stale and one is about nothing.
    pub(crate) fn with_every_verdict() -> Place {
        let fixed = GAP.replace("builtin:no-rehydrate", "builtin").replace("\"a\"", "\"b\"");
        let baseline = format!("{GAP}{fixed}{}", GAP.replace("\"a\"", "\"gone\""));
        let tools = unsupported();
        Place::new(&[
            ("suite/a.toml", STORY),
            ("suite/b.toml", STORY),
            ("suite/c.toml", &tools),
            ("suite/baseline.toml", &baseline),
        ])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("readable")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
        command.current_dir(self.0.path()).args(args);
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn rehydra(&self, args: &[&str]) -> Came {
        came(self.command(args))
    }

    /// A command line of a server that comes back in the first run and every other one, and loses its threads in those
    /// between. Runs are told apart by their home; they must be played one after the other.
    pub(crate) fn racing(&self) -> String {
        let script = format!(
            "if [ ! -e \"$HOME/kind\" ]; then\n  echo x >> '{runs}'\n  echo $(($(wc -l < '{runs}') % 2)) > \"$HOME/kind\"\nfi\n\
             if [ \"$(cat \"$HOME/kind\")\" = 1 ]; then exec '{rehydra}' serve; fi\nexec '{rehydra}' serve --no-rehydrate\n",
            runs = self.path("runs-so-far").display(),
            rehydra = env!("CARGO_BIN_EXE_rehydra"),
        );
        fs::write(self.path("racing.sh"), script).expect("written");
        "sh racing.sh".to_owned()
    }
}

pub(crate) fn came(mut command: Command) -> Came {
    let output = command.output().expect("rehydra runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Came { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
