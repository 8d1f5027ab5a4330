//! Writing a journal: one line a `write`, as it happens.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{BlobStore, Body, Event, Header, Incarnation, Kind, Lane, Seq};

/// Replaces the secrets of a run wherever they would enter the journal.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Secrets shorter than six bytes are not replaced: they would tear innocent text apart.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Redactor {
        Redactor { secrets: secrets.into_iter().filter(|s| s.len() >= 6).collect() }
    }

    /// `bytes` with every secret replaced by `«redacted»`.
    pub fn clean(&self, bytes: &[u8]) -> Vec<u8> {
        self.secrets.iter().fold(bytes.to_vec(), |text, secret| replace(&text, secret.as_bytes()))
    }
}

fn replace(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(secret) {
            out.extend_from_slice("«redacted»".as_bytes());
            at += secret.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

type Elapsed = Box<dyn Fn() -> u64 + Send + Sync>;
type Listener = Box<dyn Fn(&Event) + Send + Sync>;

struct Inner {
    file: File,
    next: Seq,
    incarnation: Incarnation,
    written: u64,
    limit: u64,
    listeners: Vec<Listener>,
    events: Vec<Event>,
    failure: Option<String>,
}

/// A journal being written; cheap to clone, shared by everything that sees something happen.
///
/// Appending never fails for the caller: a harness that cannot write its journal has failed as a whole, which
/// [`Journal::failure`] tells and the player turns into the verdict `error`.
#[derive(Clone)]
pub struct Journal {
    dir: PathBuf,
    blobs: BlobStore,
    redactor: Arc<Redactor>,
    elapsed: Arc<Elapsed>,
    inner: Arc<Mutex<Inner>>,
    /// Whatever is appended here belongs to this life; to the newest one if there is none.
    life: Option<Incarnation>,
}

impl Journal {
    /// Creates `dir/journal.jsonl` (which must not exist) with its header. `elapsed` gives microseconds since the start.
    pub fn create(
        dir: &Path,
        header: &Header,
        redactor: Redactor,
        elapsed: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> io::Result<Journal> {
        let mut file = File::options().append(true).create_new(true).open(dir.join("journal.jsonl"))?;
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        file.write_all(&line)?;
        let inner = Inner {
            file,
            next: 1,
            incarnation: 0,
            written: line.len() as u64,
            limit: header.limits.journal_bytes,
            listeners: Vec::new(),
            events: Vec::new(),
            failure: None,
        };
        Ok(Journal {
            dir: dir.to_owned(),
            blobs: BlobStore::new(dir),
            redactor: Arc::new(redactor),
            elapsed: Arc::new(Box::new(elapsed)),
            inner: Arc::new(Mutex::new(inner)),
            life: None,
        })
    }

    /// Appends one event and returns its number.
    pub fn append(&self, lane: Lane, kind: Kind) -> Seq {
        let mut inner = self.lock();
        // Read under the lock, so that times follow the order of the events.
        let at = (self.elapsed)();
        let incarnation = self.life.unwrap_or(inner.incarnation);
        let event = Event { seq: inner.next, at, incarnation, lane, kind };
        inner.next += 1;
        let seq = event.seq;
        inner.write(&event);
        for listener in &inner.listeners {
            listener(&event);
        }
        // A journal that has reached its limit takes no more memory either.
        if inner.failure.is_none() {
            inner.events.push(event);
        }
        seq
    }

    /// The body of an event: redacted, and a blob if it is long.
    pub fn body(&self, bytes: &[u8]) -> Body {
        self.blobs.body(&self.redactor.clean(bytes)).unwrap_or_else(|error| {
            self.lock().fail(format!("failed to write a blob below {}: {error}", self.dir.display()));
            Body::Text(String::new())
        })
    }

    /// The body of something too long to be kept: its length and digest, and both its ends, redacted.
    pub fn ends(&self, len: u64, sha256: &[u8; 32], head: &[u8], tail: &[u8]) -> Body {
        Body::ends(len, sha256, &self.redactor.clean(head), &self.redactor.clean(tail))
    }

    /// `bytes` without the secrets of the run: what a semantic event may be read from.
    pub fn clean(&self, bytes: &[u8]) -> Vec<u8> {
        self.redactor.clean(bytes)
    }

    /// Keeps a whole file as a blob, redacted, and returns its name.
    pub fn blob(&self, bytes: &[u8]) -> Option<String> {
        match self.blobs.put(&self.redactor.clean(bytes)) {
            Ok(name) => Some(name),
            Err(error) => {
                self.lock().fail(format!("failed to write a blob below {}: {error}", self.dir.display()));
                None
            }
        }
    }

    /// The same journal for what is seen of one life, which need not be the newest.
    pub fn of_life(&self, incarnation: Incarnation) -> Journal {
        Journal { life: Some(incarnation), ..self.clone() }
    }

    /// Events from now on belong to this life, but for those that say otherwise.
    pub fn begin_incarnation(&self, incarnation: Incarnation) {
        self.lock().incarnation = incarnation;
    }

    /// Calls `listener` with every event from now on, in order, from the thread that appends it. It must be quick and
    /// must not append.
    pub fn listen(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.lock().listeners.push(Box::new(listener));
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why the journal is incomplete, if it is.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, event: &Event) {
        if self.failure.is_some() {
            return;
        }
        let mut line = match serde_json::to_vec(event) {
            Ok(line) => line,
            Err(error) => return self.fail(format!("failed to serialise event {}: {error}", event.seq)),
        };
        line.push(b'\n');
        self.written += line.len() as u64;
        if self.written > self.limit {
            return self.fail(format!("the journal would exceed its limit of {} bytes", self.limit));
        }
        if let Err(error) = self.file.write_all(&line) {
            self.fail(format!("failed to write the journal: {error}"));
        }
    }

    fn fail(&mut self, text: String) {
        self.failure.get_or_insert(text);
    }
}
