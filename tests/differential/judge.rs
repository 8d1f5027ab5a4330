//! One case judged: what was foretold, what our reader says, and what Codex did.

use std::io;
use std::path::Path;

use serde_json::Value;

use rehydra::rollout::codex_reads::{self, Facts, Mode, Prediction, Release};
use rehydra::rollout::{History, Item, read_history_in};
use rehydra::world::RealDisk;

use super::compare;
use super::driver::{Failure, Seen};
use super::placed::Placed;

/// What is known of a case before Codex sees it.
pub(crate) struct Expected {
    prediction: Prediction,
    /// The history for the model as far as that release sees the file, or why our reader gives none.
    ours: Result<Vec<Value>, String>,
}

/// Looks at a case in a home that holds nothing else.
pub(crate) fn expect(release: Release, placed: &Placed) -> Result<Expected, Failure> {
    let home = tempfile::tempdir()?;
    write(home.path(), &placed.path, &placed.bytes)?;
    for (path, bytes) in &placed.others {
        write(home.path(), path, bytes)?;
    }
    let path = home.path().join(&placed.path);
    let facts = codex_reads::gather(&RealDisk, home.path(), &path)?;
    let prediction = codex_reads::predict(release, &facts);
    if let Some(seen) = as_seen(placed, &facts, &prediction) {
        std::fs::write(&path, seen)?;
    }
    let ours = read_history_in(&RealDisk, home.path(), &path).map(values).map_err(|error| error.to_string());
    Ok(Expected { prediction, ours })
}

/// The file as that release sees it, where it differs from what our reader reads: with what the release does not see
/// put out of sight, byte for byte in place.
fn as_seen(placed: &Placed, facts: &Facts, prediction: &Prediction) -> Option<Vec<u8>> {
    let mut bytes = placed.bytes.clone();
    for range in prediction.loses.iter().flat_map(|loss| &loss.bytes) {
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        bytes.get_mut(range)?.fill(b' ');
    }
    if prediction.loses.iter().any(|loss| loss.what.contains("continues")) {
        rename(&mut bytes, b"\"history_base\"", b"\"history_bane\"");
    }
    // Our reader refuses a file that may lie elsewhere in part; a release that does not know the key reads what is there.
    if facts.mode == Mode::Unknown {
        rename(&mut bytes, b"\"history_mode\"", b"\"history_mood\"");
    }
    (bytes != placed.bytes).then_some(bytes)
}

fn rename(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    if let Some(at) = bytes.windows(from.len()).position(|part| part == from)
        && let Some(name) = bytes.get_mut(at..at + to.len())
    {
        name.copy_from_slice(to);
    }
}

fn values(history: History) -> Vec<Value> {
    history.items.iter().map(Item::value).collect()
}

fn write(home: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = home.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, bytes)
}

/// The difference between what was expected and what was seen, in a line.
pub(crate) fn difference(release: Release, expected: &Expected, seen: &Seen) -> Option<String> {
    let prediction = &expected.prediction;
    match (seen, prediction.why) {
        (Seen::Refused(text), Some((_, says))) if text.contains(says) => None,
        (Seen::Refused(text), Some((row, _))) => {
            Some(format!("refuses in other words than for “{}”: {text}", row.when))
        }
        (Seen::Refused(text), None) => Some(format!("refuses what it was to resume: {text}")),
        (Seen::Resumed(_), Some((row, _))) => Some(format!("resumes what it was to refuse: “{}”", row.when)),
        (Seen::Resumed(items), None) => {
            let ours = match &expected.ours {
                Ok(ours) => compare::ours(release, ours.clone()),
                Err(error) => return Some(format!("resumes what our reader refuses: {error}")),
            };
            // A loss that is not one of records says what is missing in words alone.
            let told = prediction.loses.iter().any(|loss| loss.what.contains("before that"));
            let beside: &[Value] = if told { &[] } else { &ours };
            let sent = match compare::sent(release, items.clone(), beside) {
                Ok(sent) => sent,
                Err(error) => return Some(error),
            };
            if told && compare::is_part(&sent, &ours) {
                return None;
            }
            compare::difference(&sent, &ours)
        }
        (Seen::Unasked(text), _) => Some(format!("resumes and asks no model: {text}")),
        (Seen::Died, _) => Some("its process ends".to_owned()),
        (Seen::Silent, _) => Some("it falls silent".to_owned()),
    }
}

/// What a case leaves behind for whoever looks into it.
pub(crate) fn report(release: Release, expected: &Expected, seen: &Seen, difference: &str) -> String {
    let mut text = format!("codex {release}: {difference}\n\nforetold: ");
    match expected.prediction.why {
        Some((row, says)) => text.push_str(&format!("refuses, for it {}: “{says}”\n", row.when)),
        None => text.push_str("resumes\n"),
    }
    for loss in &expected.prediction.loses {
        text.push_str(&format!("  without {}, for it {} {:?}\n", loss.what, loss.row.when, loss.bytes));
    }
    let items = |items: &[Value]| items.iter().map(|item| format!("  {item}\n")).collect::<String>();
    match seen {
        Seen::Resumed(sent) => text.push_str(&format!("\nCodex sends:\n{}", items(sent))),
        other => text.push_str(&format!("\nCodex: {other:?}\n")),
    }
    match &expected.ours {
        Ok(ours) => text.push_str(&format!("\nour history:\n{}", items(ours))),
        Err(error) => text.push_str(&format!("\nour reader: {error}\n")),
    }
    text
}
