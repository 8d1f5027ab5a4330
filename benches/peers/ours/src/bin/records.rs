//! Our own reader, timed: one record at a time, each checked, taken apart and copied, none held.
#[path = "../../../measure.rs"]
mod measure;

use measure::Got;
use rehydra::rollout::reader::{Found, Reader};
use rehydra::world::RealDisk;

fn main() {
    measure::one("rehydra, records", |path| {
        let (mut things, mut text_bytes) = (0, 0);
        for found in Reader::open(&RealDisk, &path)? {
            if let Found::Record(record) = found? {
                things += 1;
                text_bytes += record.payload_text().len();
            }
        }
        Ok(Got { what: "records", things, text_bytes })
    });
}
