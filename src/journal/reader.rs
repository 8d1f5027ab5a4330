//! Reading a journal back.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{BlobStore, Event, FORMAT, Header, Kind, SnapshotWhen};

/// A recorded run: its header and its events in order. Checks are functions of this and of nothing else.
#[derive(Clone, Debug)]
pub struct Run {
    /// Line 1.
    pub header: Header,
    /// The other lines.
    pub events: Vec<Event>,
    /// The bodies that stand apart.
    pub blobs: BlobStore,
    /// The last line had no newline or no end: the harness was killed while it wrote.
    pub cut_short: bool,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read.
    #[error("failed to read {path}: {source}")]
    Io {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line other than the last is no event.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why, and what to do.
        reason: String,
    },
}

impl Run {
    /// Reads `dir/journal.jsonl`. A cut last line is left out and told in [`Run::cut_short`]; any other bad line is an
    /// error, because a journal is evidence.
    pub fn read(dir: &Path) -> Result<Run, JournalError> {
        let path = dir.join("journal.jsonl");
        let io = |source| JournalError::Io { path: path.clone(), source };
        let bad = |line: usize, reason: String| JournalError::Line { path: path.clone(), line, reason };
        let mut input = BufReader::new(std::fs::File::open(&path).map_err(io)?);
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line).map_err(io)?;
        let header: Header =
            serde_json::from_slice(&line).map_err(|error| bad(1, format!("not a journal's header: {error}")))?;
        if header.format != FORMAT {
            let remedy = format!("read it with rehydra {}", header.rehydra);
            return Err(bad(1, format!("journal format {} is not {FORMAT}; {remedy}", header.format)));
        }
        let mut run = Run { header, events: Vec::new(), blobs: BlobStore::new(dir), cut_short: false };
        for n in 2.. {
            line.clear();
            if input.read_until(b'\n', &mut line).map_err(io)? == 0 {
                break;
            }
            let whole = line.last() == Some(&b'\n');
            match serde_json::from_slice::<Event>(&line) {
                Ok(event) => run.events.push(event),
                Err(_) if !whole => run.cut_short = true,
                Err(error) => return Err(bad(n, format!("not an event: {error}"))),
            }
        }
        Ok(run)
    }

    /// Why it does not tell its whole story, if it does not: what the harness says of its own failure, or that it was
    /// stopped, or could write no more, before the last snapshot. What such a run lacks proves nothing.
    pub fn incomplete(&self) -> Option<String> {
        let broken = self.events.iter().filter_map(|event| match &event.kind {
            Kind::Broken(broken) => Some(match broken.step {
                Some(step) => format!("step {step}: {}", broken.text),
                None => broken.text.clone(),
            }),
            _ => None,
        });
        let texts: Vec<String> = broken.collect();
        if !texts.is_empty() {
            return Some(texts.join("\n"));
        }
        let is_end =
            |event: &Event| matches!(&event.kind, Kind::Snapshot(snapshot) if snapshot.when == SnapshotWhen::End);
        let ended = !self.cut_short && self.events.iter().any(is_end);
        let text = "the journal ends before its story: its harness was stopped, or could write no more; play it again";
        (!ended).then(|| text.to_owned())
    }
}
