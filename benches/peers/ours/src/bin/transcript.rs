//! Our own reader, timed: everything that was ever said and what became of it, one entry at a time, none held.
#[path = "../../../measure.rs"]
mod measure;

use measure::Got;
use rehydra::rollout::history::read_transcript;
use rehydra::world::RealDisk;

fn main() {
    measure::one("rehydra, transcript", |path| {
        let (mut things, mut text_bytes) = (0, 0);
        for entry in read_transcript(&RealDisk, None, &path)? {
            things += 1;
            text_bytes += entry?.raw().len();
        }
        Ok(Got { what: "entries", things, text_bytes })
    });
}
