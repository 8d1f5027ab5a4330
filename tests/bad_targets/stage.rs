//! A directory with scenarios, and `rehydra run` in it.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::world::{Clock, RealClock};
use rustix::pipe::{fcntl_setpipe_size, pipe};
use serde_json::Value;
use tempfile::TempDir;

/// Start, kill, reply.
pub(crate) const RESTART: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\", \"durable\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n\
    [[step]]\nrestart = {}\n\n[[step]]\nreply = { prompt = \"Which?\", model = { text = \"Blue.\" } }\n";
/// Start and reply, in one life.
pub(crate) const CALM: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"durable\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n\
    [[step]]\nreply = { prompt = \"Which?\", model = { text = \"Blue.\" } }\n\n\
    [[step]]\nreply = { prompt = \"Sure?\", model = { text = \"Sure.\" } }\n";

/// No run of these tests may take longer, whatever its target does.
const END: Duration = Duration::from_secs(60);

pub(crate) fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// The command of a part of the cast.
pub(crate) fn part(name: &str) -> String {
    let this = std::env::current_exe().expect("this binary");
    format!("{} part {name}", shlex::try_quote(&this.to_string_lossy()).expect("a word"))
}

/// What a run came to.
pub(crate) struct Came {
    pub(crate) code: Option<i32>,
    /// The report for people.
    pub(crate) text: String,
    /// The report for machines, as it was printed.
    pub(crate) json: String,
    /// Most memory that the harness had at once, in bytes.
    pub(crate) peak_bytes: u64,
    pub(crate) took: Duration,
    pub(crate) place: TempDir,
}

impl Came {
    /// The exit code, the verdict of every case, and what the report must say.
    #[track_caller]
    pub(crate) fn to(self, code: i32, verdict: &str, says: &[&str]) -> Came {
        assert_eq!(self.code, Some(code), "{}", self.text);
        let json: Value = serde_json::from_str(&self.json).expect("JSON");
        for case in json["cases"].as_array().expect("cases") {
            assert_eq!(case["verdict"], verdict, "{}", self.text);
        }
        for text in says {
            assert!(self.says(text), "no `{text}` in:\n{}", self.text);
        }
        assert!(!self.text.contains("panicked"), "{}", self.text);
        self
    }

    /// Whether the report for people holds that text, however its lines are broken.
    pub(crate) fn says(&self, text: &str) -> bool {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        words(&self.text).contains(&words(text))
    }

    #[track_caller]
    pub(crate) fn within(self, limit: Duration) -> Came {
        assert!(self.took < limit, "it took {:?}:\n{}", self.took, self.text);
        self
    }

    #[track_caller]
    pub(crate) fn in_memory(self, most_mib: u64) -> Came {
        let peak_mib = self.peak_bytes >> 20;
        assert!(0 < peak_mib && peak_mib < most_mib, "the harness had {peak_mib} MiB at once");
        self
    }

    /// The invariants that findings were made of.
    pub(crate) fn fired(&self) -> Vec<String> {
        let json: Value = serde_json::from_str(&self.json).expect("JSON");
        let checks =
            json["cases"].as_array().expect("cases").iter().flat_map(|case| case["checks"].as_array().cloned());
        let fired = checks.flatten().filter(|check| check["outcome"] == "findings");
        fired.map(|check| check["invariant"].as_str().expect("a name").to_owned()).collect()
    }
}

/// Plays `story` on a target.
pub(crate) fn run(story: &str, command: &str, limits: &[&str]) -> Came {
    run_all(&[story], command, limits)
}

/// Plays stories on a target, one after another.
pub(crate) fn run_all(stories: &[&str], command: &str, limits: &[&str]) -> Came {
    let place = tempfile::tempdir().expect("a directory");
    for (n, story) in stories.iter().enumerate() {
        std::fs::write(place.path().join(format!("s{n}.toml")), story).expect("written");
    }
    let mut rehydra = Command::new(env!("CARGO_BIN_EXE_rehydra"));
    rehydra.current_dir(place.path()).args(["run", ".", "--jobs", "1", "--json", "-", "--target-command", command]);
    rehydra.args(limits.iter().flat_map(|limit| ["--limit", limit]));
    measured(rehydra, place)
}

/// Runs it with a standard output that takes only the beginning of the report: once that has come, all that the harness
/// does is done, and it waits for us with its memory as it was.
fn measured(mut rehydra: Command, place: TempDir) -> Came {
    let (out, into) = pipe().expect("a pipe");
    fcntl_setpipe_size(&into, 4096).expect("a small one");
    let errors = place.path().join("errors");
    let clock = RealClock::default();
    rehydra.stdout(Stdio::from(into)).stderr(std::fs::File::create(&errors).expect("a file"));
    let mut child = rehydra.spawn().expect("rehydra starts");
    // It holds the writing end, which would never close.
    drop(rehydra);
    let mut out = std::fs::File::from(out);
    let mut json = vec![0];
    let began_to_print = out.read(&mut json).expect("readable") == 1;
    let peak_bytes = if began_to_print { peak_of(child.id()) } else { 0 };
    let took = clock.elapsed();
    assert!(took < END, "it took {took:?}");
    if !began_to_print {
        json.clear();
    }
    out.read_to_end(&mut json).expect("readable");
    let code = child.wait().expect("it ends").code();
    let text = std::fs::read_to_string(&errors).expect("UTF-8");
    Came { code, text, json: String::from_utf8(json).expect("UTF-8"), peak_bytes, took, place }
}

fn peak_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status"))).expect("it waits for us");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Whether a process is there and not a zombie.
pub(crate) fn is_there(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
