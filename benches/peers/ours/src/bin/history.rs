//! Our own reader, timed: the whole history, each item with all of its text.
#[path = "../../../measure.rs"]
mod measure;

use measure::Got;
use rehydra::rollout::read_history;
use rehydra::world::RealDisk;

fn main() {
    measure::one("rehydra, history", |path| {
        let items = read_history(&RealDisk, &path)?.items;
        let text_bytes = items.iter().map(|item| item.raw().len()).sum();
        Ok(Got { what: "items", things: items.len(), text_bytes })
    });
}
