//! Installing, with a script in npm's place.

use std::fs;
use std::path::{Path, PathBuf};

use super::install::{Cache, InstallError};
use super::testing::script;
use super::version::Version;

const RELEASE: Version = Version::new(0, 153, 4);

/// A cache, and an npm that appends its arguments to `calls` and then does as the script says.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new(then: &str) -> Bench {
        let bench = Bench { root: tempfile::tempdir().unwrap() };
        let (calls, arch) = (bench.path("calls"), std::env::consts::ARCH);
        let text = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nvendor=$6/node_modules/@openai/codex/vendor/{arch}-unknown-linux-musl/bin\n\
             {then}\n",
            calls.display()
        );
        script(&bench.path("npm"), &text);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn cache(&self) -> Cache {
        Cache::new(self.path("cache"), self.path("npm"))
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count()
    }

    fn releases(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path("cache/codex"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

const WORKS: &str = "mkdir -p \"$vendor\" && printf '\\177ELF' > \"$vendor/codex\"";

fn dir(bench: &Bench) -> PathBuf {
    bench.path("cache/codex/0.153.4")
}

#[test]
fn a_release_is_installed_once() {
    let bench = Bench::new(WORKS);
    let first = bench.cache().ensure(RELEASE).unwrap();
    assert!(first.native.starts_with(dir(&bench)) && first.native.is_file());
    assert_eq!(bench.cache().ensure(RELEASE).unwrap(), first);
    assert_eq!(bench.calls(), 1);
    let asked = fs::read_to_string(bench.path("calls")).unwrap();
    assert!(asked.contains("--ignore-scripts") && asked.trim_end().ends_with("@openai/codex@0.153.4"), "{asked}");
    assert_eq!(bench.releases(), [".0.153.4.lock", "0.153.4"]);
}

#[test]
fn parallel_installers_share_one_installation() {
    let bench = Bench::new(WORKS);
    let found: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6).map(|_| scope.spawn(|| bench.cache().ensure(RELEASE).unwrap())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(bench.calls(), 1);
}

#[test]
fn half_an_installation_is_replaced() {
    for leave in [
        |dir: &Path| fs::create_dir_all(dir.join("node_modules/@openai")).unwrap(),
        |dir: &Path| {
            fs::create_dir_all(dir).unwrap();
            fs::write(dir.join(".rehydra-complete"), "").unwrap();
        },
        |dir: &Path| fs::create_dir_all(dir.with_file_name(".install-0.153.4-dead")).unwrap(),
    ] {
        let bench = Bench::new(WORKS);
        leave(&dir(&bench));
        assert!(bench.cache().ensure(RELEASE).unwrap().native.is_file());
        assert_eq!(bench.calls(), 1);
        assert_eq!(bench.releases(), [".0.153.4.lock", "0.153.4"]);
    }
}

#[test]
fn what_npm_itself_completed_is_taken_over() {
    let bench = Bench::new("exit 1");
    let vendor = format!("node_modules/@openai/codex/vendor/{}-unknown-linux-musl/codex", std::env::consts::ARCH);
    fs::create_dir_all(dir(&bench).join(&vendor)).unwrap();
    fs::write(dir(&bench).join(&vendor).join("codex"), b"\x7fELF").unwrap();
    fs::write(dir(&bench).join("node_modules/.package-lock.json"), "{}").unwrap();
    assert!(bench.cache().ensure(RELEASE).is_ok());
    assert_eq!(bench.calls(), 0);
}

#[test]
fn a_failed_installation_leaves_nothing_and_tells_npms_words() {
    let bench = Bench::new(
        "echo 'npm warn old' >&2; echo 'npm error notarget No matching version' >&2; mkdir -p \"$vendor\"; exit 1",
    );
    let error = bench.cache().ensure(RELEASE).unwrap_err();
    assert!(matches!(error, InstallError::NpmFailed { .. }));
    let text = error.to_string();
    assert!(text.contains("No matching version") && text.contains("npm view") && !text.contains("old"), "{text}");
    assert_eq!(bench.releases(), [".0.153.4.lock"]);
}

#[test]
fn a_release_without_a_binary_is_refused() {
    let bench = Bench::new("mkdir -p \"$6/node_modules\"");
    assert!(matches!(bench.cache().ensure(RELEASE), Err(InstallError::NoBinary { .. })));
    assert_eq!(bench.releases(), [".0.153.4.lock"]);
}

#[test]
fn a_missing_npm_is_named_with_the_remedy() {
    let root = tempfile::tempdir().unwrap();
    let error = Cache::new(root.path().into(), root.path().join("npm")).ensure(RELEASE).unwrap_err();
    assert!(matches!(error, InstallError::NpmMissing(_)), "{error}");
    assert!(error.to_string().contains("install Node.js"));
}
