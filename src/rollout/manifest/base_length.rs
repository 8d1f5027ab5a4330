//! The length of a base, told anew where its lines changed theirs.
//!
//! A segment names the part of its base that it continues by a length in bytes (`history_base.end_byte_offset`, seen in
//! 0.153.4 and 0.169.0). Whoever puts another directory into a recording gives its lines other lengths, and would cut
//! the base in mid-line. What does not change is the number of the base's lines that are inherited.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The files of `after`, where each segment's length of its base fits the base as it stands in `after`. Both are the
/// same files with the same number of lines; `before` is what the lengths were written for. A base that is not among
/// them keeps its length.
pub fn tell_base_lengths(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let told = |(path, bytes): (&PathBuf, &Vec<u8>)| {
        let bytes = anew(before, after, bytes).unwrap_or_else(|| bytes.clone());
        (path.clone(), bytes)
    };
    after.iter().map(told).collect()
}

fn anew(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>, segment: &[u8]) -> Option<Vec<u8>> {
    let end = segment.iter().position(|byte| *byte == b'\n').unwrap_or(segment.len());
    let (meta, rest) = segment.split_at(end);
    let meta = std::str::from_utf8(meta).ok()?;
    let parsed: Value = serde_json::from_str(meta).ok()?;
    let base = parsed.pointer("/payload/history_base")?;
    let id = base.get("thread_id")?.as_str()?;
    let length = base.get("end_byte_offset")?.as_u64()?;
    let path = before.keys().find(|path| is_rollout(path, id))?;
    let inherited = before.get(path)?.get(..usize::try_from(length).ok()?)?;
    let lines = inherited.iter().filter(|byte| **byte == b'\n').count();
    let length_now: usize = after.get(path)?.split_inclusive(|byte| *byte == b'\n').take(lines).map(<[u8]>::len).sum();
    let key = "\"end_byte_offset\":";
    let meta = meta.replace(&format!("{key}{length}"), &format!("{key}{length_now}"));
    Some([meta.as_bytes(), rest].concat())
}

/// The file's name ends with the id: of a thread, or of a segment.
fn is_rollout(path: &Path, id: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".jsonl").is_some_and(|stem| stem.ends_with(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_whose_lines_grew_is_inherited_to_the_same_line() {
        let files = |cwd: &str, length: usize| {
            let base = format!("{{\"cwd\":\"{cwd}\"}}\n{{\"n\":1}}\n{{\"n\":2}}\n");
            let meta = format!(
                "{{\"payload\":{{\"history_base\":{{\"thread_id\":\"t\",\"end_byte_offset\":{length}}}}}}}\n{{}}\n"
            );
            BTreeMap::from([("a-t.jsonl".into(), base.into_bytes()), ("b-t_s.jsonl".into(), meta.into_bytes())])
        };
        let (before, after) = (files("/a", 21), files("/a/longer", 21));
        assert_eq!(tell_base_lengths(&before, &after), files("/a/longer", 28));
    }
}
