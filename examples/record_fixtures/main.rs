//! Records the rollouts in `fixtures/` from real Codex releases: `cargo run --example record_fixtures [-- NAME|VERSION…]`.
//!
//! Each recording is one thread, held with a model of ours in a hermetic home ([`home`]): what happens to it stands in
//! [`recipes`], what is said in [`story`]. When the front end is through, the files are kept aside, and a new process of
//! the same release resumes the thread with one more prompt. The markers that the model receives then are what a reader
//! must get: the release itself says it. Then the bytes are cleaned ([`clean`]) and written with their entry in the
//! manifest ([`keep`]).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it does")]

mod after;
mod clean;
mod describe;
mod front;
mod home;
mod keep;
mod process;
mod recipes;
mod story;
mod stub;

use std::error::Error;
use std::path::{Path, PathBuf};

use rehydra::codex::install::{Installed, ensure};
use rehydra::codex::version::Version;
use rehydra::world::World;

use clean::Files;
use front::{Front, Stage};
use keep::{Recorded, appeared, rollouts, thread_of, wait_for, wait_for_tool};
use recipes::{Act, After, RECIPES, Recipe};
use story::Story;
use stub::Stub;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is = |recipe: &Recipe, wanted: &String| recipe.name == wanted || recipe.codex.to_string() == *wanted;
    if let Some(unknown) = wanted.iter().find(|one| !RECIPES.iter().any(|recipe| is(recipe, one))) {
        let known = RECIPES.iter().map(|recipe| recipe.name).collect::<Vec<_>>().join(", ");
        return Err(format!("no fixture or release is called `{unknown}`; there are {known}").into());
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut failed = Vec::new();
    for recipe in RECIPES.iter().filter(|r| wanted.is_empty() || wanted.iter().any(|one| is(r, one))) {
        match record(recipe).and_then(|recorded| keep::keep(&dir, recorded)) {
            Ok(()) => eprintln!("recorded {}", recipe.name),
            Err(error) => failed.push(format!("failed to record {}: {error}", recipe.name)),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn record(recipe: &Recipe) -> Fallible<Recorded> {
    let Installed { native, .. } = ensure(recipe.codex)?;
    let run = tempfile::tempdir()?;
    let stub = Stub::start()?;
    let token = format!("rehydra-token-{}", World::real().ids.uuid().simple());
    let home = home::create(&run.path().canonicalize()?, recipe, stub.port, token)?;
    let stage = Stage { native, codex: recipe.codex, home: &home, sandbox: recipe.sandbox() };
    let project = home.project();
    let mut story = Story::new(recipe.seed(), &project);

    let held = hold(recipe, &stage, &stub, &mut story)?;
    let stage = if recipe.after == After::Migrate { after::migrate(stage, &held)? } else { stage };
    let files = rollouts(&home.codex_home())?;
    let file = match recipe.after {
        After::Compress => after::compress(&home.codex_home(), &held.file)?,
        After::Nothing | After::Migrate => held.file.clone(),
    };
    let (truth, markers) = after::resumed(&stage, &stub, &held.thread, &file)?;
    stub.came_true()?;

    let (files, replaced) = clean::clean(&files, &project, &home.codex_home())?;
    let shown = describe::Shown { held, file, files, truth, markers, replaced, codex: stage.codex };
    describe::describe(recipe, shown)
}

/// What came of a thread.
struct Held {
    thread: String,
    /// The one in which it goes on, below the home.
    file: PathBuf,
    /// Complete ones that still count.
    turns: u32,
}

fn hold(recipe: &Recipe, stage: &Stage<'_>, stub: &Stub, story: &mut Story<'_>) -> Fallible<Held> {
    let codex_home = stage.home.codex_home();
    let mut front = Front::start(stage, recipe.through)?;
    let mut files = Files::new();
    let mut file: Option<PathBuf> = None;
    let mut turns = 0;
    for &act in recipe.acts {
        let ask = story.turn(act)?;
        let until = ask.as_ref().map(|ask| ask.until.to_string()).unwrap_or_default();
        if let Some(mut ask) = ask {
            stub.expect(std::mem::take(&mut ask.replies), ask.summary.take());
            front.begin(&ask, file.as_ref().map(|file| codex_home.join(file)).as_deref())?;
            match act {
                Act::Interrupted | Act::Killed => wait_for_tool(&until, true)?,
                _ => front.finish()?,
            }
            // Up to 0.55.0 a call is written with its output, and so not at all if they are killed.
            if act != Act::Killed || recipe.codex >= Version::new(0, 73, 0) {
                wait_for(&codex_home, &until)?;
            }
        }
        match act {
            // 0.36.0 gives an image a turn of its own, before the prompt's.
            Act::Image if recipe.codex == Version::new(0, 36, 0) => turns += 2,
            Act::Talk | Act::Tool | Act::Patch | Act::Image | Act::Compact => turns += 1,
            Act::Interrupted => {
                front.interrupt()?;
                // 0.42.0 writes nothing of it.
                if recipe.codex >= Version::new(0, 87, 0) {
                    wait_for(&codex_home, "turn_aborted")?;
                }
                wait_for_tool(&until, false)?;
            }
            Act::Killed => front.kill()?,
            Act::RollBack | Act::Revert => {
                if act == Act::Revert {
                    front.revert()?
                } else {
                    front.roll_back()?
                }
                turns -= 1;
            }
            Act::Fork => front.fork()?,
            Act::Archive => front.archive()?,
        }
        let now = rollouts(&codex_home)?;
        if let Some(new) = appeared(&files, &now, file.as_deref()) {
            front.thread = Some(thread_of(&new)?);
            file = Some(new);
        }
        files = now;
    }
    front.end();
    let file = file.ok_or("nothing was written")?;
    Ok(Held { thread: thread_of(&file)?, file, turns })
}
