//! brokk-sessionwiki's reader of Codex sessions, timed.
#[path = "../../measure.rs"]
mod measure;

use sessionwiki::adapters::{Adapter, Codex};

fn main() {
    measure::one("brokk-sessionwiki", |path| {
        let session = Codex::default().parse(&path)?;
        Ok(session.messages.len())
    });
}
