//! The file as a zstd frame. Codex compresses files that nobody touched for a week, at level 3 (0.142 and later read
//! them); the name then ends in `.jsonl.zst`.

/// One frame of the whole file.
pub(super) fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::encode_all(bytes, 3).ok()
}

/// The frame lacks its last third.
pub(super) fn cut(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut frame = whole(bytes)?;
    frame.truncate(frame.len() * 2 / 3);
    Some(frame)
}
