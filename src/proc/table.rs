//! The kernel's table of processes, as `/proc` shows it.
//!
//! What stands there is written by strangers in part (a process chooses its name and its environment), so everything is
//! read within bounds and parsed without trust. A process that goes away while it is looked at is simply not there.

use std::fs::File;
use std::io::Read;

use super::tag::TAG_VAR;

/// Longest environment that is looked through, in bytes; the kernel's own limit is 6 MiB for the usual stack.
const ENVIRON_BYTES: u64 = 8 << 20;
/// Longest `stat` that is read, in bytes; it has about 350.
const STAT_BYTES: u64 = 8 << 10;

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// Dead, and only waiting to be reaped.
    pub(super) zombie: bool,
    /// Clock ticks since boot: with the pid, the process's identity.
    pub(super) started: u64,
}

/// The process `pid`, if it is there.
pub(super) fn entry(pid: u32) -> Option<Entry> {
    parse_stat(pid, &read(&format!("/proc/{pid}/stat"), STAT_BYTES)?)
}

/// Every process, in the order of `/proc`.
pub(super) fn entries() -> Vec<Entry> {
    let Ok(dir) = std::fs::read_dir("/proc") else { return Vec::new() };
    dir.flatten().filter_map(|name| entry(name.file_name().to_str()?.parse().ok()?)).collect()
}

/// The value of the tag with which the process was started; `None` if it has none or does not show its environment.
pub(super) fn tag_of(pid: u32) -> Option<Vec<u8>> {
    let environ = read(&format!("/proc/{pid}/environ"), ENVIRON_BYTES)?;
    let value = |var: &[u8]| var.strip_prefix(TAG_VAR.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
    environ.split(|b| *b == 0).find_map(value)
}

fn read(path: &str, limit: u64) -> Option<Vec<u8>> {
    // Room for a whole `stat` at once: a vector that grows while it is filled costs a system call at each size.
    let mut bytes = Vec::with_capacity(1 << 10);
    File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// `pid (name) state parent group …`, with the start as field 22 (proc_pid_stat(5)). A name may hold anything, `)` too.
fn parse_stat(pid: u32, stat: &[u8]) -> Option<Entry> {
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let started = fields.nth(16)?.parse().ok()?;
    Some(Entry { pid, parent, group, zombie: matches!(state, "Z" | "X"), started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_entry() {
        let me = entry(std::process::id()).expect("this process is in the table");
        assert!(!me.zombie);
        assert!(me.started > 0);
        assert!(entries().contains(&me));
    }

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = b"7 (x) Z 1 1) S 3 5 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let entry = parse_stat(7, stat).expect("a valid line");
        assert_eq!(entry, Entry { pid: 7, parent: 3, group: 5, zombie: false, started: 4242 });
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for bad in ["", "7 x S 3", "7 (x)", "7 (x) S", "7 (x) S a b", "7 (x) S 3 5 5"] {
            assert_eq!(parse_stat(7, bad.as_bytes()), None, "{bad}");
        }
    }
}
