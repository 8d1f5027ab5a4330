//! mi6-core's reader of Codex sessions, timed.
#[path = "../../measure.rs"]
mod measure;

fn main() {
    measure::one("mi6-core", |path| {
        let parser = mi6_core::input::codex_session::CodexSessionParser::new("bench");
        let read = parser.parse_full(&path, "session")?;
        Ok(read.events.len())
    });
}
