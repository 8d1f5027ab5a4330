//! Whether a capture still shows what the original shows: the same damage at the same places, the same verdict.
//!
//! The original is read and played in a temporary directory, which is removed; nothing of it but differences in kinds and
//! places is told.

use std::fs;
use std::path::Path;

use super::super::Failure;
use super::files::Captured;
use super::story;
use crate::check::Outcome as Checked;
use crate::harness::{Case, Suite};
use crate::report::word;
use crate::rollout::{Damage, History, read_whole_history};
use crate::world::World;

/// What came out.
pub(super) struct Compared {
    /// Places that are damaged.
    pub(super) damage: usize,
    /// Markers that are expected to come back.
    pub(super) markers: usize,
    /// What `builtin` makes of both.
    pub(super) verdict: String,
    /// Empty if the capture shows what the original shows.
    pub(super) differences: Vec<String>,
}

/// Writes the scenario into `out` and compares it with the original: the one that lies at `path`, and a copy of it that
/// has the same markers planted.
pub(super) fn compare(
    world: &World,
    path: &Path,
    redacted: &Captured,
    planted: &Captured,
    out: &Path,
) -> Result<Compared, Failure> {
    let dir = tempfile::tempdir().map_err(|error| Failure::broken(format!("no temporary directory: {error}")))?;
    let read = |captured: &Captured, name: &str| read(world, captured, &dir.path().join(name));
    let (after, before) = (read(redacted, "redacted")?, read(planted, "original")?);
    story::write(out, redacted, after.as_ref().ok())?;
    let original = dir.path().join("story");
    // The markers are at the same places, so what is expected is the same.
    story::write(&original, planted, before.as_ref().ok())?;
    let mut differences = Vec::new();
    let places = |damage: &[Damage]| damage.iter().map(place).collect::<Vec<_>>();
    match (&before, read_whole_history(&*world.disk, path)) {
        (Ok(copy), Ok(original)) if places(&copy.damage) == places(&original.damage) => {}
        (Err(_), Err(_)) => {}
        _ => differences.push("a copy with markers planted has other damage than the original".to_owned()),
    }
    match (&after, &before) {
        (Ok(after), Ok(before)) => {
            let (now, then) = (places(&after.damage), places(&before.damage));
            if now != then {
                differences.push(format!("the damage was {then:?} and is {now:?}"));
            }
            if (after.items.len(), after.complete_turns) != (before.items.len(), before.complete_turns) {
                differences.push("the history has another number of items or turns".to_owned());
            }
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(_)) => differences.push("it can be read, and the original can not".to_owned()),
        (Err(_), Ok(_)) => differences.push("it can not be read, and the original can".to_owned()),
    }
    let runs = dir.path().join("runs");
    let (now, then) = (played(out, &runs)?, played(&original, &runs)?);
    if verdict(&now) != verdict(&then) {
        differences.push(format!("`builtin` gave {} and gives {}", verdict(&then), verdict(&now)));
    }
    let (damage, markers) = after.as_ref().map_or((0, 0), |h| (h.damage.len(), story::markers(h).len()));
    Ok(Compared { damage, markers, verdict: verdict(&now), differences })
}

type Reading = Result<History, crate::rollout::meta::ReadError>;

/// Puts the files into a home and reads the thread.
fn read(world: &World, captured: &Captured, home: &Path) -> Result<Reading, Failure> {
    let failed = |error: std::io::Error| Failure::broken(format!("failed to write a copy: {error}"));
    for file in &captured.files {
        let path = home.join(&file.name);
        fs::create_dir_all(path.parent().unwrap_or(home)).map_err(failed)?;
        fs::write(&path, &file.bytes).map_err(failed)?;
    }
    let name = captured.files.first().map(|file| home.join(&file.name)).unwrap_or_default();
    Ok(read_whole_history(&*world.disk, &name))
}

/// Kind and place of a damage, without the ids that some kinds name.
fn place(damage: &Damage) -> String {
    let kind = format!("{:?}", damage.kind);
    let kind = kind.split('(').next().unwrap_or_default();
    let line = damage.line.map(|line| format!("line {line}, ")).unwrap_or_default();
    format!("{kind} in file {}, {line}bytes {:?}, {:?}", damage.file, damage.bytes, damage.consequence)
}

fn played(dir: &Path, runs: &Path) -> Result<Case, Failure> {
    let suite = Suite::at(dir).target("builtin").runs(runs).load().map_err(Failure::broken)?;
    let pair = suite.pairs().into_iter().next().ok_or_else(|| Failure::broken("the scenario is not there"))?;
    suite.play(&pair).map_err(Failure::broken)
}

/// The verdict in a word, and which promises were broken.
fn verdict(case: &Case) -> String {
    let broken = case.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Checked::Findings(_)));
    let broken: Vec<_> = broken.map(|(invariant, _)| invariant.name()).collect();
    if broken.is_empty() {
        word(&case.verdict).to_owned()
    } else {
        format!("{} ({})", word(&case.verdict), broken.join(", "))
    }
}
