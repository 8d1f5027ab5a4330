//! What a notified call says: its number and its arguments, read as what they mean.

use libc::c_long;

/// A call of the family. Addresses are those of the caller's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Writes from memory.
    Write { fd: i32, from: Memory, place: Place, flags: u32 },
    /// Reads.
    Read { fd: i32, place: Place },
    /// `ftruncate`.
    Truncate { fd: i32, len: u64 },
    /// `truncate`.
    TruncateByName { name: Name, len: u64 },
    /// `fsync`, `fdatasync`.
    Sync { fd: i32, data_only: bool },
    /// `fallocate`.
    Allocate { fd: i32 },
    /// A copy inside the kernel; a program that is answered with `refusal` copies by itself.
    Copy { what: &'static str, from: i32, to: i32, refusal: i32 },
    /// `rename*`.
    Rename { from: Name, to: Name },
    /// `unlink*`, `rmdir`.
    Unlink { name: Name },
    /// `mkdir*`.
    Mkdir { name: Name },
    /// `link*`: one more name of a file.
    Link { from: Name, to: Name },
    /// `symlink*`, `mknod*`: a new name.
    Make { name: Name },
    /// `open*`, `creat`.
    Open { name: Name, flags: Flags },
}

/// Where data stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// In one place.
    One { at: u64, len: u64 },
    /// In as many places as a list of `iovec`s at that address has entries.
    Many { list: u64, count: u64 },
}

/// Where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the open file's position, which moves.
    Here,
    /// At that offset; nothing moves.
    At(u64),
}

/// A path: the address of its text, and the directory that it starts in where it is relative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) dir: i32,
    pub(super) text: u64,
}

/// The flags of an `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    Are(u64),
    /// At the beginning of what is at that address (`struct open_how`).
    StandAt(u64),
}

/// The call; `None` for one that is not of the family.
pub(super) fn decode(number: c_long, args: [u64; 6]) -> Option<Call> {
    let [a, b, c, d, e, f] = args;
    let fd = int(a);
    let one = Memory::One { at: b, len: c };
    let many = Memory::Many { list: b, count: c };
    let here = |text| Name { dir: libc::AT_FDCWD, text };
    let at = |dir, text| Name { dir: int(dir), text };
    // An offset of 64 bits is one argument on both architectures; the one after it is there for others.
    Some(match number {
        libc::SYS_write => Call::Write { fd, from: one, place: Place::Here, flags: 0 },
        libc::SYS_writev => Call::Write { fd, from: many, place: Place::Here, flags: 0 },
        libc::SYS_pwrite64 => Call::Write { fd, from: one, place: Place::At(d), flags: 0 },
        libc::SYS_pwritev => Call::Write { fd, from: many, place: Place::At(d), flags: 0 },
        libc::SYS_pwritev2 => Call::Write { fd, from: many, place: place(d), flags: low(f) },
        libc::SYS_read | libc::SYS_readv => Call::Read { fd, place: Place::Here },
        libc::SYS_pread64 | libc::SYS_preadv => Call::Read { fd, place: Place::At(d) },
        libc::SYS_preadv2 => Call::Read { fd, place: place(d) },
        libc::SYS_ftruncate => Call::Truncate { fd, len: b },
        libc::SYS_truncate => Call::TruncateByName { name: here(a), len: b },
        libc::SYS_fsync => Call::Sync { fd, data_only: false },
        libc::SYS_fdatasync => Call::Sync { fd, data_only: true },
        libc::SYS_fallocate => Call::Allocate { fd },
        libc::SYS_copy_file_range => Call::Copy { what: "copy_file_range", from: fd, to: int(c), refusal: libc::EXDEV },
        libc::SYS_sendfile => Call::Copy { what: "sendfile", from: int(b), to: fd, refusal: libc::EINVAL },
        libc::SYS_splice => Call::Copy { what: "splice", from: fd, to: int(c), refusal: libc::EINVAL },
        libc::SYS_renameat2 => Call::Rename { from: at(a, b), to: at(c, d) },
        libc::SYS_unlinkat => Call::Unlink { name: at(a, b) },
        libc::SYS_mkdirat => Call::Mkdir { name: at(a, b) },
        libc::SYS_linkat => Call::Link { from: at(a, b), to: at(c, d) },
        libc::SYS_symlinkat => Call::Make { name: at(b, c) },
        libc::SYS_mknodat => Call::Make { name: at(a, b) },
        libc::SYS_openat => Call::Open { name: at(a, b), flags: Flags::Are(c) },
        libc::SYS_openat2 => Call::Open { name: at(a, b), flags: Flags::StandAt(c) },
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        libc::SYS_renameat => Call::Rename { from: at(a, b), to: at(c, d) },
        _ => return decode_old(number, [a, b, c, d, e, f]),
    })
}

/// Calls that only this architecture has, from before there were directory descriptors.
#[cfg(target_arch = "x86_64")]
fn decode_old(number: c_long, [a, b, ..]: [u64; 6]) -> Option<Call> {
    let here = |text| Name { dir: libc::AT_FDCWD, text };
    let created = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC).unsigned_abs();
    Some(match number {
        libc::SYS_rename => Call::Rename { from: here(a), to: here(b) },
        libc::SYS_unlink | libc::SYS_rmdir => Call::Unlink { name: here(a) },
        libc::SYS_mkdir => Call::Mkdir { name: here(a) },
        libc::SYS_link => Call::Link { from: here(a), to: here(b) },
        libc::SYS_symlink => Call::Make { name: here(b) },
        libc::SYS_mknod => Call::Make { name: here(a) },
        libc::SYS_open => Call::Open { name: here(a), flags: Flags::Are(b) },
        libc::SYS_creat => Call::Open { name: here(a), flags: Flags::Are(u64::from(created)) },
        _ => return None,
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn decode_old(_: i64, _: [u64; 6]) -> Option<Call> {
    None
}

/// `preadv2` and `pwritev2` take -1 for the open file's position.
fn place(offset: u64) -> Place {
    if offset == u64::MAX { Place::Here } else { Place::At(offset) }
}

fn low(arg: u64) -> u32 {
    let [a, b, c, d, ..] = arg.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn int(arg: u64) -> i32 {
    low(arg).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_the_lower_half_of_its_argument() {
        let dirty = 0xdead_beef_0000_0007;
        assert_eq!(decode(libc::SYS_fsync, [dirty, 0, 0, 0, 0, 0]), Some(Call::Sync { fd: 7, data_only: false }));
        let cwd = u64::from(libc::AT_FDCWD.cast_unsigned());
        let name = Name { dir: libc::AT_FDCWD, text: 9 };
        assert_eq!(decode(libc::SYS_unlinkat, [cwd, 9, 0, 0, 0, 0]), Some(Call::Unlink { name }));
    }

    #[test]
    fn an_offset_of_minus_one_is_the_position_for_the_newest_calls_alone() {
        let of = |number| match decode(number, [3, 16, 1, u64::MAX, 0, 0]) {
            Some(Call::Write { place, .. }) => place,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(libc::SYS_pwritev2), Place::Here);
        assert_eq!(of(libc::SYS_pwritev), Place::At(u64::MAX));
    }

    #[test]
    fn each_copy_is_looked_at_from_its_destination() {
        let of = |number| match decode(number, [3, 4, 5, 6, 7, 0]) {
            Some(Call::Copy { from, to, .. }) => (from, to),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(libc::SYS_copy_file_range), (3, 5));
        assert_eq!(of(libc::SYS_splice), (3, 5));
        assert_eq!(of(libc::SYS_sendfile), (4, 3));
    }

    #[test]
    fn nothing_else_is_of_the_family() {
        assert_eq!(decode(libc::SYS_getpid, [0; 6]), None);
    }
}
