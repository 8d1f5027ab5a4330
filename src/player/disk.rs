//! Steps that change the home between two lives: rollouts put there, and damage to them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::files::state;
use super::story::{Stop, Story, make_dir};
use crate::journal::{DamageDone, Kind, Lane, Placed, sha256_hex};
use crate::rollout::manifest::{CWD_PLACEHOLDER, Feature, Fixture, Manifest};
use crate::rollout::mutate::Where;
use crate::rollout::{ThreadId, find_thread_path_by_id_str, generate};
use crate::scenario::{Damage, Place, Synthetic};
use crate::target::Target;

/// A fixture inside the binary is named with this in front.
const FIXTURE: &str = "fixture:";

impl<T: Target> Story<T> {
    /// Generates a rollout and puts it into the home.
    pub(super) fn rollout(&mut self, step: &Synthetic) -> Result<(), Stop> {
        let cwd = self.placed_cwd(step.cwd.as_deref())?;
        let id = ThreadId::from(self.world.ids.uuid());
        let made = generate::generate(&step.spec, id, &cwd, self.world.clock.now());
        // A bare file says nothing of sandbox or approvals.
        let has_settings = step.spec.era != generate::Era::Bare;
        let placed = Placed {
            thread: step.thread.clone(),
            id: id.to_string(),
            path: made.path.display().to_string(),
            markers: made.markers,
            unacknowledged: made.unacknowledged,
            cwd: Some(cwd),
            sandbox: has_settings.then(|| step.spec.sandbox.clone()),
            approval: has_settings.then(|| step.spec.approval.clone()),
            complete: made.complete,
            beside: Vec::new(),
        };
        self.known(placed, &made.bytes)
    }

    /// Puts a recorded rollout into the home, and what belongs beside it: `{cwd}` in it becomes the run's directory, all
    /// else stays byte for byte. A recording without `{cwd}` says itself what its directory is, and nothing is known of it.
    pub(super) fn place(&mut self, step: &Place) -> Result<(), Stop> {
        let cwd = self.placed_cwd(step.cwd.as_deref())?;
        let (fixture, bytes, beside) = match step.file.strip_prefix(FIXTURE) {
            Some(name) => {
                let inside = |file: &str| crate::scenario::fixture(file).map(<[u8]>::to_vec);
                fixture(&inside, "the binary", name)?
            }
            None => {
                let path = self.scenario.path.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
                let path = path.join(&step.file);
                let (dir, name) = (path.parent().unwrap_or(Path::new(".")), path.file_stem().unwrap_or_default());
                let origin = dir.display().to_string();
                fixture(&|file| fs::read(dir.join(file)).ok(), &origin, &name.to_string_lossy())?
            }
        };
        let placed = Placed {
            thread: step.thread.clone(),
            id: fixture.id.clone(),
            path: fixture.file_name.clone(),
            markers: fixture.markers.clone(),
            unacknowledged: Vec::new(),
            cwd: says_cwd(&fixture, &bytes).then(|| cwd.clone()),
            sandbox: fixture.sandbox.clone(),
            approval: fixture.approval.clone(),
            complete: fixture.turns > 0,
            beside: fixture.also.iter().map(|file| file.file_name.clone()).collect(),
        };
        for (file, bytes) in fixture.also.iter().zip(&beside) {
            self.write_new(&file.file_name, bytes)?;
        }
        let bytes = if says_cwd(&fixture, &bytes) { fill(&bytes, &cwd) } else { bytes };
        self.known(placed, &bytes)
    }

    /// Puts a rollout into the home, whose thread the story may continue.
    fn known(&mut self, placed: Placed, bytes: &[u8]) -> Result<(), Stop> {
        self.book.learn(&placed.thread, &placed.id);
        self.put(bytes, placed)
    }

    fn placed_cwd(&self, cwd: Option<&str>) -> Result<String, Stop> {
        let dir = self.inside(cwd.unwrap_or("project"))?;
        make_dir(&dir)?;
        Ok(dir.display().to_string())
    }

    pub(super) fn put(&mut self, bytes: &[u8], mut placed: Placed) -> Result<(), Stop> {
        self.write_new(&placed.path, bytes)?;
        let prefix = self.homes.prefix(&self.home);
        placed.beside.iter_mut().for_each(|path| path.insert_str(0, &prefix));
        placed.path.insert_str(0, &prefix);
        self.journal.append(Lane::Player, Kind::Placed(placed));
        Ok(())
    }

    /// Writes a file of the home that is not there yet; `name` is its path below the home.
    fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        if !Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            return Err(Stop(format!("the file name `{name}` does not stay inside the home")));
        }
        let path = self.home.join(name);
        let failed = |error: std::io::Error| Stop(format!("failed to write {}: {error}", path.display()));
        let dir = path.parent().unwrap_or(&self.home);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        std::io::Write::write_all(&mut file, bytes).map_err(failed)
    }

    /// Damages the rollout that the thread's newest id leads to.
    pub(super) fn damage(&mut self, step: &Damage) -> Result<(), Stop> {
        let id = self.book.current(&step.thread).unwrap_or_default();
        let path = find_thread_path_by_id_str(&*self.world.disk, &self.home, id)
            .ok()
            .flatten()
            .ok_or_else(|| Stop(format!("thread `{}` has no rollout to damage yet", step.thread)))?;
        let failed = |error: std::io::Error| Stop(format!("failed to damage {}: {error}", path.display()));
        let before = fs::read(&path).map_err(failed)?;
        let mutated = step.mutator.apply(&before, Where::Seed(step.seed));
        if mutated.touched.is_none() {
            let (name, thread) = (step.mutator.name(), &step.thread);
            return Err(Stop(format!("the rollout of thread `{thread}` offers no place for the damage `{name}`")));
        }
        fs::write(&path, &mutated.bytes).map_err(failed)?;
        if mutated.compressed && path.extension().is_some_and(|kind| kind == "jsonl") {
            fs::rename(&path, path.with_extension("jsonl.zst")).map_err(failed)?;
        }
        let done = DamageDone {
            path: self.told(&path),
            thread: Some(step.thread.clone()),
            mutator: step.mutator.name().to_owned(),
            before: state(&before),
            after: state(&mutated.bytes),
            destroyed: mutated.destroyed,
            refused: mutated.refused,
        };
        self.journal.append(Lane::Player, Kind::Damage(done));
        Ok(())
    }

    /// A path as the journal tells it: from the usual home, if it lies in one.
    pub(super) fn told(&self, path: &Path) -> String {
        let homes = self.homes.all();
        let mut inside = homes.iter().filter_map(|(prefix, home)| Some((prefix, path.strip_prefix(home).ok()?)));
        let other = || {
            let below = path.strip_prefix(&self.dir).ok()?;
            // The story may make a home that no life has been in yet.
            below.to_string_lossy().starts_with("home-").then(|| format!("../{}", below.display()))
        };
        let told = inside.next().map(|(prefix, rest)| format!("{prefix}{}", rest.display()));
        told.or_else(other).unwrap_or_else(|| path.display().to_string())
    }
}

/// What a manifest says of a recording, its file, and what lies beside that.
type Recorded = (Fixture, Vec<u8>, Vec<Vec<u8>>);

/// A recorded rollout, what its manifest says of it, and what lies beside it, out of the binary or a directory; `origin`
/// is what messages call that.
fn fixture(read: &dyn Fn(&str) -> Option<Vec<u8>>, origin: &str, name: &str) -> Result<Recorded, Stop> {
    let Some(manifest) = read("manifest.json") else {
        return Err(Stop(format!("{origin} has no readable manifest.json, which says what `{name}` holds; write one")));
    };
    let manifest: Manifest = serde_json::from_slice(&manifest)
        .map_err(|error| Stop(format!("manifest.json in {origin} is not a manifest: {error}")))?;
    let names: Vec<_> = manifest.fixtures.iter().map(|f| f.name.as_str()).collect();
    let found = manifest.fixtures.iter().find(|f| f.name == name).cloned();
    let found = found.ok_or_else(|| {
        Stop(format!("manifest.json in {origin} has no fixture `{name}`; it has {}", names.join(", ")))
    })?;
    let beyond = [Feature::ForkByReference, Feature::RevertedSegment, Feature::Archived, Feature::Compressed];
    if found.holds.iter().any(|feature| beyond.contains(feature)) {
        return Err(Stop(format!(
            "`{name}` is more than one plain file among the active ones, which a story cannot place; take another fixture"
        )));
    }
    let described = |file: &str, sha256: &str| {
        let bytes = read(file)
            .ok_or_else(|| Stop(format!("the file {file} of fixture `{name}` cannot be read in {origin}")))?;
        if sha256.is_empty() || sha256 == sha256_hex(&bytes) {
            return Ok(bytes);
        }
        Err(Stop(format!("{file} is not the file that manifest.json in {origin} describes: mend `sha256`")))
    };
    let bytes = described(&found.file, &found.sha256)?;
    let beside = found.also.iter().map(|file| described(&file.file, &file.sha256));
    let beside = beside.collect::<Result<Vec<_>, Stop>>()?;
    // A compressed file shows no marker, and a marker may stand in another of its files.
    let all = beside.iter().chain([&bytes]);
    let planted: Vec<_> = all.flat_map(|bytes| crate::marker::find(&String::from_utf8_lossy(bytes))).collect();
    let plain = found.files().all(|file| !file.file_name.ends_with(".zst"));
    if let Some(absent) = found.markers.iter().find(|marker| plain && !planted.contains(marker)) {
        let text = format!("manifest.json in {origin} names the marker {absent}, which is not in {}", found.file);
        return Err(Stop(text));
    }
    Ok((found, bytes, beside))
}

/// Whether the directory of the thread stands in the file as something to be filled in.
fn says_cwd(fixture: &Fixture, bytes: &[u8]) -> bool {
    !fixture.file_name.ends_with(".zst")
        && bytes.windows(CWD_PLACEHOLDER.len()).any(|w| w == CWD_PLACEHOLDER.as_bytes())
}

fn fill(bytes: &[u8], cwd: &str) -> Vec<u8> {
    let text = cwd.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(5).position(|w| w == b"{cwd}") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(text);
        rest = &rest[at + 5..];
    }
    out.extend_from_slice(rest);
    out
}
