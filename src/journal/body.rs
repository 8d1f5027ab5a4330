//! Bytes in a journal: inline while they are short, a blob when they are long, both ends when they are huge.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits::{BLOB_BYTES, BODY_ENDS_BYTES, INLINE_BODY_BYTES};

/// Some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// UTF-8, inline.
    Text(String),
    /// Not UTF-8, inline, base64.
    Base64(String),
    /// The file `blobs/<sha256>`.
    Blob {
        /// Hex.
        sha256: String,
        /// Length in bytes.
        len: u64,
    },
    /// Too long to keep.
    Ends {
        /// Hex, of the whole.
        sha256: String,
        /// Length of the whole in bytes.
        len: u64,
        /// The first 64 KiB, base64.
        head: String,
        /// The last 64 KiB, base64.
        tail: String,
    },
}

impl Body {
    /// Both ends of something whose middle is gone.
    pub(super) fn ends(len: u64, sha256: &[u8; 32], head: &[u8], tail: &[u8]) -> Body {
        Body::Ends { sha256: hex(sha256), len, head: STANDARD.encode(head), tail: STANDARD.encode(tail) }
    }
}

/// Hex of the SHA-256 of `bytes`: how bodies, files and credentials are named in a journal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Length and SHA-256 in hex of all that `source` gives, holding none of it.
pub fn len_and_sha256(mut source: impl io::Read) -> io::Result<(u64, String)> {
    let (mut len, mut digest, mut piece) = (0, Sha256::new(), vec![0; 64 << 10]);
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok((len, hex(&digest.finalize()))),
            Ok(n) => {
                len += n as u64;
                digest.update(piece.get(..n).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The directory `blobs` of a run. Content-addressed, so writing the same bytes twice keeps one file.
#[derive(Clone, Debug)]
pub struct BlobStore(PathBuf);

impl BlobStore {
    /// The store of the run in `run_dir`.
    pub fn new(run_dir: &Path) -> BlobStore {
        BlobStore(run_dir.join("blobs"))
    }

    /// Keeps `bytes` and returns their digest in hex.
    pub fn put(&self, bytes: &[u8]) -> io::Result<String> {
        let name = sha256_hex(bytes);
        let path = self.0.join(&name);
        if !path.exists() {
            std::fs::create_dir_all(&self.0)?;
            // Several tasks of a run may keep the same bytes at once.
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let temporary = self.0.join(format!(".{name}.{}.part", NEXT.fetch_add(1, Ordering::Relaxed)));
            std::fs::write(&temporary, bytes)?;
            std::fs::rename(&temporary, &path)?;
        }
        Ok(name)
    }

    /// Reads a blob back. The digest is checked to be one, so that a hostile journal names no other file.
    pub fn get(&self, sha256: &str) -> io::Result<Vec<u8>> {
        if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{sha256}` is not a SHA-256 in hex")));
        }
        std::fs::read(self.0.join(sha256))
    }

    /// The form in which `bytes` stand in a journal.
    pub fn body(&self, bytes: &[u8]) -> io::Result<Body> {
        if bytes.len() <= INLINE_BODY_BYTES {
            return Ok(match std::str::from_utf8(bytes) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Base64(STANDARD.encode(bytes)),
            });
        }
        let len = bytes.len() as u64;
        if bytes.len() <= BLOB_BYTES {
            return Ok(Body::Blob { sha256: self.put(bytes)?, len });
        }
        Ok(Body::Ends {
            sha256: sha256_hex(bytes),
            len,
            head: STANDARD.encode(&bytes[..BODY_ENDS_BYTES]),
            tail: STANDARD.encode(&bytes[bytes.len() - BODY_ENDS_BYTES..]),
        })
    }

    /// The bytes of a body; an error for [`Body::Ends`], whose middle is gone.
    pub fn bytes(&self, body: &Body) -> io::Result<Vec<u8>> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        match body {
            Body::Text(text) => Ok(text.clone().into_bytes()),
            Body::Base64(text) => STANDARD.decode(text).map_err(|e| invalid(e.to_string())),
            Body::Blob { sha256, .. } => self.get(sha256),
            Body::Ends { len, .. } => Err(invalid(format!("only both ends of {len} bytes were kept"))),
        }
    }
}
