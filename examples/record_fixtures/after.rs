//! What happens to a thread when its front end is through with it: it is compressed or migrated, and resumed.

use std::fs;
use std::path::{Path, PathBuf};

use rehydra::codex::install::ensure;
use rehydra::codex::version::Version;
use rehydra::marker::{self, Carrier, Marker};
use rehydra::rollout::manifest::Truth;

use crate::front::Stage;
use crate::process::Process;
use crate::stub::{Item, Reply, Stub};
use crate::{Fallible, Held};

/// The release that migrates.
const MIGRATES: Version = Version::new(0, 169, 0);
/// As Codex's own worker compresses.
const LEVEL: i32 = 3;

/// Compresses a rollout of the home; its new path in it.
pub(crate) fn compress(codex_home: &Path, file: &Path) -> Fallible<PathBuf> {
    let compressed = PathBuf::from(format!("{}.zst", file.display()));
    fs::write(codex_home.join(&compressed), self::compressed(&fs::read(codex_home.join(file))?)?)?;
    fs::remove_file(codex_home.join(file))?;
    Ok(compressed)
}

/// The bytes of a compressed rollout.
pub(crate) fn compressed(bytes: &[u8]) -> Fallible<Vec<u8>> {
    Ok(zstd::encode_all(bytes, LEVEL)?)
}

/// Migrates a thread; who resumes it from then on.
pub(crate) fn migrate<'a>(stage: Stage<'a>, held: &Held) -> Fallible<Stage<'a>> {
    let stage = Stage { native: ensure(MIGRATES)?.native, codex: MIGRATES, ..stage };
    run(&stage, &["migrate-rollouts", "--apply", "--thread", &held.thread])?;
    Ok(stage)
}

/// Resumes a thread in a process of its own: what the model receives before the new prompt.
pub(crate) fn resumed(stage: &Stage<'_>, stub: &Stub, thread: &str, file: &Path) -> Fallible<(Truth, Vec<Marker>)> {
    if file.starts_with("archived_sessions") && stage.codex >= Version::new(0, 142, 0) {
        run(stage, &["unarchive", thread])?;
    }
    let (prompt, answer) = (Marker::new(Carrier::Prompt, 1, 1), Marker::new(Carrier::Reply, 1, 2));
    stub.expect(vec![Reply { items: vec![Item::Text(format!("Yes. {answer}"))], tokens: 100 }], None);
    let path = stage.home.codex_home().join(file);
    let process = stage.exec(Some((thread, &path)), &format!("Do you remember? {prompt}"), None)?;
    if !process.end()? {
        return Err("`codex exec` failed to resume".into());
    }
    let items = stub.last_input()?;
    let markers: Vec<_> = items.iter().flat_map(|item| marker::find(&item.to_string())).collect();
    match markers.split_last() {
        Some((last, before)) if *last == prompt => Ok((Truth::Resumed, before.to_vec())),
        _ => Err(format!("the model received {markers:?}").into()),
    }
}

fn run(stage: &Stage<'_>, args: &[&str]) -> Fallible<()> {
    let process = Process::start(&stage.native, stage.home, &stage.home.project(), args)?;
    if process.end()? { Ok(()) } else { Err(format!("`codex {}` failed", args.join(" ")).into()) }
}
