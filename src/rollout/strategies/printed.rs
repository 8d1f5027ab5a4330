//! How cases print themselves in a failed test: what they were made from, then the file as text.

use std::fmt;

use super::{DamagedRollout, Home, Rollout};

/// How much of a file is printed.
const PRINTED_BYTES: usize = 16 << 10;

fn text(bytes: &[u8]) -> String {
    let head = bytes.get(..PRINTED_BYTES).unwrap_or(bytes);
    let more = bytes.len() - head.len();
    let text = String::from_utf8_lossy(head).replace('\0', "\u{2400}");
    if more == 0 { text } else { format!("{text}… and {more} bytes more") }
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}\n{}", self.spec, self.made.path.display())?;
        f.write_str(&text(&self.made.bytes))
    }
}

impl fmt::Debug for DamagedRollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mutated = &self.mutated;
        writeln!(f, "{:?}\ndamage: {:?}", self.rollout.spec, mutated.done)?;
        writeln!(f, "must show: {:?}\nmay show: {:?}", mutated.must_show(), mutated.may_show())?;
        writeln!(f, "destroyed: {:?}, to be told: {:?}", mutated.destroyed, mutated.tells)?;
        f.write_str(&text(&mutated.bytes))
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.spec)?;
        for file in &self.made.files {
            writeln!(f, "{}", file.path.display())?;
        }
        for thread in &self.made.threads {
            let oddity = thread.oddity.as_deref().unwrap_or("nothing");
            writeln!(f, "thread {}: {} ({oddity})", thread.expected.thread_id, thread.head.display())?;
        }
        Ok(())
    }
}
