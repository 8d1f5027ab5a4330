//! Makes the file that all of them read: `make MB DIR`, in DIR, and prints its path.
//!
//! A legacy rollout with tool calls whose outputs have the length of real ones: 1,430 bytes a line, as in a file of
//! 200 MB and 140,671 lines that was measured before.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use rehydra::rollout::generate::{Spec, generate};
use rehydra::rollout::{Era, ThreadId};

const TURN_BYTES: u64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, mb, dir] = &args[..] else { return Err("usage: make MB DIR".into()) };
    let bytes = mb.parse::<u64>()? * 1_000_000;
    let turns = u32::try_from(bytes / TURN_BYTES)?.max(1);
    let spec = Spec { turns, era: Era::Envelope, tools: 4, reasoning: true, bytes, ..Spec::default() };
    let id = ThreadId::parse("01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a")?;
    let made = generate(&spec, id, "/a/project", "2026-11-22T16:02:07Z".parse()?);
    let path = PathBuf::from(dir).join(made.path.file_name().ok_or("no name")?);
    fs::write(&path, &made.bytes)?;
    println!("{}", path.display());
    Ok(())
}
