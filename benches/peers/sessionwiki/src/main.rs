//! brokk-sessionwiki's reader of Codex sessions, timed. It gives messages and the heads of tool calls; of a file above
//! 256 MiB it reads the first 256 kB and the last 512 kB only.
#[path = "../../measure.rs"]
mod measure;

use measure::Got;
use sessionwiki::adapters::{Adapter, Codex};

fn main() {
    measure::one("brokk-sessionwiki", |path| {
        let messages = Codex::default().parse(&path)?.messages;
        let text_bytes = messages.iter().map(|message| message.text.len()).sum();
        Ok(Got { what: "messages", things: messages.len(), text_bytes })
    });
}
