//! mi6-core's reader of Codex sessions, timed. It gives tool calls and token counts as events, and no messages.
#[path = "../../measure.rs"]
mod measure;

use measure::Got;
use mi6_core::input::codex_session::CodexSessionParser;

fn main() {
    measure::one("mi6-core", |path| {
        let events = CodexSessionParser::new("bench").parse_full(&path, "session")?.events;
        let text_bytes =
            events.iter().flat_map(|event| [&event.payload, &event.metadata]).flatten().map(String::len).sum();
        Ok(Got { what: "events", things: events.len(), text_bytes })
    });
}
