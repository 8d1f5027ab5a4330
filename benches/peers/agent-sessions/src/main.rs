//! agent-sessions' streaming reader, timed; its caps on file and line are lifted.
#[path = "../../measure.rs"]
mod measure;

use std::fs::File;
use std::io::BufReader;

use agent_sessions::{Agent, ReadOptions, read_from};

fn main() {
    measure::one("agent-sessions", |path| {
        let options = ReadOptions { max_file_bytes: None, max_line_bytes: None, ..ReadOptions::default() };
        let mut reader = read_from(Agent::Codex, BufReader::new(File::open(path)?), &options)?;
        let mut events = 0;
        for event in reader.by_ref() {
            event?;
            events += 1;
        }
        Ok(events)
    });
}
