//! Files and names of one capture, redacted together.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::super::ThreadId;
use super::super::reader::{Found, Reader};
use super::super::{is_packed, unpack};
use super::ids::{Ids, UUID_BYTES, is_uuid};
use super::lexer::Lexer;
use super::plant::Plants;
use crate::limits::CAPTURE_FILE_BYTES;

/// The level at which Codex compresses.
const LEVEL: i32 = 3;

/// What was taken out, counted: never what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Texts of messages, tools, instructions, errors and everything else.
    pub texts: u64,
    /// Their bytes.
    pub text_bytes: u64,
    /// Of these texts, images.
    pub images: u64,
    /// Of these texts, reasoning that only the provider can read.
    pub encrypted: u64,
    /// Keys that Codex does not write.
    pub keys: u64,
    /// Names of models, tools, providers and kinds that are not Codex's own.
    pub names: u64,
    /// Numbers.
    pub numbers: u64,
    /// Different ids and names that became others.
    pub ids: u64,
}

impl Removed {
    pub(super) fn count_text(&mut self, key: &[u8], body: &[u8]) {
        self.texts += 1;
        self.text_bytes += body.len() as u64;
        self.images += u64::from(body.starts_with(b"data:image/"));
        self.encrypted += u64::from(key == b"encrypted_content");
    }
}

/// Redacts the files of one thread: what is the same in two of them stays the same.
pub struct Redactor {
    ids: Ids,
    plants: Plants,
    removed: Removed,
}

impl Redactor {
    /// `secret` decides what ids become: random bytes that nobody keeps. `seed` decides the markers.
    pub fn new(secret: &[u8], seed: u64) -> Redactor {
        Redactor { ids: Ids::new(secret), plants: Plants::new(seed), removed: Removed::default() }
    }

    /// The file without what was said in it, byte for byte as long, markers planted.
    pub fn redact(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pieces(bytes, false)
    }

    /// The file as it is, with the same markers at the same places: what [`Redactor::redact`] is compared with.
    pub fn plant_only(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pieces(bytes, true)
    }

    /// What was taken out so far.
    pub fn removed(&self) -> Removed {
        Removed { ids: self.ids.len() as u64, ..self.removed }
    }

    /// What an id becomes.
    pub fn id(&mut self, id: ThreadId) -> ThreadId {
        let new = self.ids.uuid(id.to_string().as_bytes());
        std::str::from_utf8(&new).ok().and_then(|text| ThreadId::parse(text).ok()).unwrap_or(id)
    }

    /// What a path below a home becomes: Codex's own directories and the times of names stay.
    pub fn path(&mut self, below: &Path) -> PathBuf {
        below
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(self.part(&name.to_string_lossy())),
                _ => None,
            })
            .collect()
    }

    fn part(&mut self, name: &str) -> String {
        let is_date = matches!(name.len(), 2 | 4) && name.bytes().all(|byte| byte.is_ascii_digit());
        if is_date || matches!(name, "sessions" | "archived_sessions" | "rehydra" | "aliases.jsonl") {
            return name.to_owned();
        }
        let stem = name.strip_suffix(".zst").unwrap_or(name);
        let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
        let (stem, suffix) = name.split_at(stem.len());
        let mut new = String::new();
        let mut rest = stem;
        if let Some((head, tail)) = timed(stem) {
            new.push_str(head);
            rest = tail;
        }
        while !rest.is_empty() {
            let uuid = rest.get(..UUID_BYTES).filter(|uuid| is_uuid(uuid.as_bytes()));
            let (old, replaced) = match uuid {
                Some(uuid) => (uuid.len(), self.ids.uuid(uuid.as_bytes())),
                None => {
                    let next = rest
                        .char_indices()
                        .skip(1)
                        .find(|(at, _)| rest.as_bytes().get(*at - 1).is_some_and(|b| !b.is_ascii_alphanumeric()));
                    let end = next.map_or(rest.len(), |(at, _)| at);
                    let ascii: String = rest
                        .get(..end)
                        .unwrap_or_default()
                        .chars()
                        .map(|c| if c.is_ascii() { c } else { 'x' })
                        .collect();
                    (end, self.ids.name(ascii.as_bytes()))
                }
            };
            new.push_str(&String::from_utf8_lossy(&replaced));
            rest = rest.get(old..).unwrap_or_default();
        }
        new + suffix
    }

    /// A compressed file is unpacked for this as far as it can be, and compressed again; one that breaks off does so again.
    fn pieces(&mut self, bytes: &[u8], only_plants: bool) -> Vec<u8> {
        if !is_packed(bytes) {
            return self.plain_pieces(bytes, only_plants);
        }
        // What was unpacked before the frame broke off stays.
        let (plain, unpacked) = unpack(bytes, CAPTURE_FILE_BYTES);
        let plain = self.plain_pieces(&plain, only_plants);
        match unpacked {
            Ok(_) => zstd::encode_all(plain.as_slice(), LEVEL).unwrap_or_default(),
            Err(_) => broken_off(&plain).unwrap_or_default(),
        }
    }

    fn plain_pieces(&mut self, bytes: &[u8], only_plants: bool) -> Vec<u8> {
        self.plants.next_file();
        let Redactor { ids, plants, removed } = self;
        let mut lexer = Lexer { ids, plants, removed, only_plants };
        let mut out = Vec::with_capacity(bytes.len());
        let records = Reader::from_bytes(bytes.to_vec()).map_while(Result::ok).filter_map(|found| match found {
            Found::Record(record) => Some(record.bytes),
            Found::Damage(_) => None,
        });
        let mut at = 0;
        let mut previous: (&[u8], Vec<u8>) = (b"", Vec::new());
        for record in records {
            let place = |offset: u64| usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
            let (start, end) = (place(record.start), place(record.end));
            // What the reader found before is never gone back to.
            let (Some(between), Some(text)) = (bytes.get(at..start), bytes.get(start..end)) else { continue };
            // A record that stands twice in a row stays the same one.
            if text != previous.0 {
                previous = (text, Vec::with_capacity(text.len()));
                lexer.piece(text, true, &mut previous.1);
            }
            let whole = &previous.1;
            // A torn record that was written again whole stays the beginning of it.
            let ended = between.trim_ascii_end().len();
            let (between, line_end) = between.split_at(ended);
            let begun = between.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            let (before, torn) = between.split_at(begun);
            lines(&mut lexer, before, &mut out);
            match whole.get(..torn.len()).filter(|_| text.starts_with(torn)) {
                Some(head) => out.extend_from_slice(head),
                None => lines(&mut lexer, torn, &mut out),
            }
            out.extend_from_slice(line_end);
            out.extend_from_slice(whole);
            at = end;
        }
        lines(&mut lexer, bytes.get(at..).unwrap_or_default(), &mut out);
        out
    }
}

/// A frame that holds all of `plain`, and then breaks off.
fn broken_off(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), LEVEL)?;
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(encoder.get_ref().clone())
}

fn lines(lexer: &mut Lexer<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        lexer.piece(line, false, out);
    }
}

/// `rollout-` and the time of a rollout's name, and what follows.
fn timed(stem: &str) -> Option<(&str, &str)> {
    let (head, tail) = stem.split_at_checked("rollout-0000-00-00T00-00-00-".len())?;
    let fits = head.bytes().zip(b"rollout-0000-00-00T00-00-00-").all(|(byte, pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        pattern => byte == *pattern,
    });
    fits.then_some((head, tail))
}
