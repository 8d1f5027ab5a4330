//! Ids replaced by others of the same shape, the same one everywhere.
//!
//! What an id becomes is drawn from a digest of the id and a key that is made anew for every capture and kept nowhere, so
//! nobody can try out which id it was. Different ids stay different. A version-7 UUID keeps its time and its version,
//! because Codex and [`super::super::locate`] look for files by it; of every other id only shape and prefix stay.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::words;

/// The ids of one capture.
pub(super) struct Ids {
    key: [u8; 32],
    given: HashMap<Vec<u8>, Vec<u8>>,
    taken: HashSet<Vec<u8>>,
}

/// Length of a UUID with its hyphens.
pub(super) const UUID_BYTES: usize = 36;
/// Draws before two ids of one shape are given the same replacement: there are no others left.
const DRAWS: u32 = 10_000;

impl Ids {
    pub(super) fn new(secret: &[u8]) -> Ids {
        Ids { key: Sha256::digest(secret).into(), given: HashMap::new(), taken: HashSet::new() }
    }

    /// How many different ids were replaced.
    pub(super) fn len(&self) -> usize {
        self.given.len()
    }

    /// The replacement of a UUID as it is written, upper case where that is.
    pub(super) fn uuid(&mut self, text: &[u8]) -> Vec<u8> {
        let lower = text.to_ascii_lowercase();
        let has_time = lower.get(14) == Some(&b'7');
        // Kept: the time of a version-7 id, its version, and the variant.
        let keeps = move |at: usize| (has_time && at < 13) || at == 14 || at == 19;
        let new = self.replacement(&lower, |at, byte, drawn| match byte {
            b'-' => b'-',
            byte if keeps(at) => byte,
            _ => b"0123456789abcdef".get(usize::from(drawn % 16)).copied().unwrap_or(b'0'),
        });
        if text.iter().any(u8::is_ascii_uppercase) { new.to_ascii_uppercase() } else { new }
    }

    /// The replacement of any other id or name: letters for letters, digits for digits, the rest as it is but for what
    /// is no ASCII, which the caller has replaced.
    pub(super) fn name(&mut self, text: &[u8]) -> Vec<u8> {
        let prefix =
            words::ID_PREFIXES.iter().find(|prefix| text.starts_with(prefix.as_bytes())).map_or(0, |p| p.len());
        if !text.iter().skip(prefix).any(u8::is_ascii_alphanumeric) {
            return text.to_vec();
        }
        self.replacement(text, |at, byte, drawn| match byte {
            byte if at < prefix => byte,
            b'0'..=b'9' => b'0' + drawn % 10,
            b'a'..=b'z' => b'a' + drawn % 26,
            b'A'..=b'Z' => b'A' + drawn % 26,
            byte => byte,
        })
    }

    fn replacement(&mut self, old: &[u8], byte: impl Fn(usize, u8, u8) -> u8) -> Vec<u8> {
        if let Some(new) = self.given.get(old) {
            return new.clone();
        }
        let mut new = Vec::new();
        for draw in 0..DRAWS {
            let stream = self.stream(old, draw);
            new = old.iter().enumerate().zip(stream).map(|((at, old), drawn)| byte(at, *old, drawn)).collect();
            if !self.taken.contains(&new) && new != old && !words::is_word(&new) && !words::is_key(&new) {
                break;
            }
        }
        self.taken.insert(new.clone());
        self.given.insert(old.to_vec(), new.clone());
        new
    }

    /// Endless bytes that only who holds the key can draw.
    fn stream(&self, old: &[u8], draw: u32) -> impl Iterator<Item = u8> {
        let key = self.key;
        let seed: [u8; 32] =
            Sha256::new().chain_update(key).chain_update(draw.to_le_bytes()).chain_update(old).finalize().into();
        (0u32..).flat_map(move |block| {
            let block: [u8; 32] = Sha256::new().chain_update(seed).chain_update(block.to_le_bytes()).finalize().into();
            block
        })
    }
}

/// Whether `text` is a UUID with hyphens.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == UUID_BYTES
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
