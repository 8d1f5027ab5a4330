//! agent-sessions' streaming reader, timed; its caps on file and line are lifted. It holds one event at a time.
#[path = "../../measure.rs"]
mod measure;

use std::fs::File;
use std::io::BufReader;

use agent_sessions::{Agent, Event, ReadOptions, ToolArgs, read_from};
use measure::Got;

fn main() {
    measure::one("agent-sessions", |path| {
        let options = ReadOptions { max_file_bytes: None, max_line_bytes: None, ..ReadOptions::default() };
        let mut reader = read_from(Agent::Codex, BufReader::new(File::open(path)?), &options)?;
        let (mut things, mut text_bytes) = (0, 0);
        for event in reader.by_ref() {
            things += 1;
            text_bytes += match event?.value {
                Event::Message(message) => message.text.len(),
                Event::ToolResult(result) => result.text.len(),
                Event::ToolCall(call) => match call.arguments {
                    ToolArgs::RawString(text) => text.len(),
                    _ => 0,
                },
                _ => 0,
            };
        }
        Ok(Got { what: "events", things, text_bytes })
    });
}
