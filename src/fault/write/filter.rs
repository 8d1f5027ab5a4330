//! What the kernel is told to ask about: the filter, as a list of instructions.
//!
//! It looks at the number of a call and, where that decides, at its plain arguments; what a pointer points to it cannot
//! see. So `openat2`, whose flags are in memory, is always asked about, and `open` and `openat` only where they create or
//! truncate. Whoever calls by the numbers of another ABI could do by them what is not asked about, and is killed.

use libc::{c_long, sock_filter};

/// The architecture's own mark in a call (`linux/audit.h`).
#[cfg(target_arch = "x86_64")]
pub(super) const ARCH: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
pub(super) const ARCH: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) const ARCH: Option<u32> = None;

/// Calls that are asked about whatever their arguments are; the most frequent ones first.
const ASKED: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_openat2,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
];

/// The same, where the architecture still has calls that have become special cases of others.
#[cfg(target_arch = "x86_64")]
const ASKED_OLD: &[c_long] = &[
    libc::SYS_renameat,
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_rmdir,
    libc::SYS_mkdir,
    libc::SYS_creat,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mknod,
];
#[cfg(target_arch = "aarch64")]
const ASKED_OLD: &[c_long] = &[libc::SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ASKED_OLD: &[c_long] = &[];

/// Asked about only where reads are watched.
const READS: &[c_long] = &[libc::SYS_read, libc::SYS_readv, libc::SYS_pread64, libc::SYS_preadv, libc::SYS_preadv2];

/// Calls that are not there: what they queue is done in the kernel, past every filter.
const ABSENT: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_io_submit,
];

/// Offsets in `struct seccomp_data`.
const NR: u32 = 0;
const ARCH_AT: u32 = 4;
/// The lower half of argument `n`; both architectures are little endian.
const fn arg(n: u32) -> u32 {
    16 + 8 * n
}

/// From here on a number of x86-64 is one of its x32 ABI; -1 is what a debugger makes of a call that is to be left out.
#[cfg(target_arch = "x86_64")]
const X32: Option<u32> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const X32: Option<u32> = None;
const LEFT_OUT: u32 = u32::MAX;

/// The filter; `None` for an architecture that it does not know.
pub(super) fn program(reads: bool) -> Option<Vec<sock_filter>> {
    let mut code = head()?;
    for number in ASKED.iter().chain(ASKED_OLD).chain(if reads { READS } else { &[] }) {
        on(&mut code, *number, &[give(libc::SECCOMP_RET_USER_NOTIF)]);
    }
    for number in ABSENT {
        on(&mut code, *number, &[give(errno(libc::ENOSYS))]);
    }
    let changes = (libc::O_CREAT | libc::O_TRUNC).unsigned_abs();
    let if_it_changes = |flags| {
        let ask = give(libc::SECCOMP_RET_USER_NOTIF);
        [load(arg(flags)), jump(libc::BPF_JSET, changes, 0, 1), ask, give(libc::SECCOMP_RET_ALLOW)]
    };
    on(&mut code, libc::SYS_openat, &if_it_changes(2));
    #[cfg(target_arch = "x86_64")]
    on(&mut code, libc::SYS_open, &if_it_changes(1));
    // A program that hides its memory and its files from its own user would hide them from us. It is told that it has.
    let hide = [
        load(arg(0)),
        jump(libc::BPF_JEQ, libc::PR_SET_DUMPABLE.unsigned_abs(), 0, 3),
        load(arg(1)),
        jump(libc::BPF_JEQ, 0, 0, 1),
        give(errno(0)),
        give(libc::SECCOMP_RET_ALLOW),
    ];
    on(&mut code, libc::SYS_prctl, &hide);
    code.push(give(libc::SECCOMP_RET_ALLOW));
    Some(code)
}

/// A filter that refuses `pidfd_getfd`, as the default profile of a container does.
pub(super) fn without_descriptors() -> Option<Vec<sock_filter>> {
    let mut code = head()?;
    on(&mut code, libc::SYS_pidfd_getfd, &[give(errno(libc::EPERM))]);
    code.push(give(libc::SECCOMP_RET_ALLOW));
    Some(code)
}

/// Lets only the own ABI by, and leaves the number of the call where the rest compares it.
fn head() -> Option<Vec<sock_filter>> {
    let mut code =
        vec![load(ARCH_AT), jump(libc::BPF_JEQ, ARCH?, 1, 0), give(libc::SECCOMP_RET_KILL_PROCESS), load(NR)];
    if let Some(x32) = X32 {
        code.push(jump(libc::BPF_JGE, x32, 0, 3));
        code.push(jump(libc::BPF_JEQ, LEFT_OUT, 0, 1));
        code.push(give(libc::SECCOMP_RET_ALLOW));
        code.push(give(libc::SECCOMP_RET_KILL_PROCESS));
    }
    Some(code)
}

/// `then` for that call; it must end in a return on every way.
fn on(code: &mut Vec<sock_filter>, number: c_long, then: &[sock_filter]) {
    let number = u32::try_from(number).unwrap_or(LEFT_OUT);
    code.push(jump(libc::BPF_JEQ, number, 0, u8::try_from(then.len()).unwrap_or(u8::MAX)));
    code.extend(then.iter().copied());
}

fn load(at: u32) -> sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0)
}

/// Skips `yes` instructions if the comparison holds, else `no`.
fn jump(comparison: u32, with: u32, yes: u8, no: u8) -> sock_filter {
    instruction(libc::BPF_JMP | comparison | libc::BPF_K, with, yes, no)
}

fn give(answer: u32) -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, answer, 0, 0)
}

fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | (number.unsigned_abs() & libc::SECCOMP_RET_DATA)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn run(code: &[sock_filter], arch: u32, number: c_long, args: [u64; 2]) -> u32 {
        let mut data = [0_u8; 64];
        data[0..4].copy_from_slice(&(number as u32).to_le_bytes());
        data[4..8].copy_from_slice(&arch.to_le_bytes());
        for (n, arg) in args.iter().enumerate() {
            data[16 + 8 * n..24 + 8 * n].copy_from_slice(&arg.to_le_bytes());
        }
        let (mut at, mut a) = (0, 0_u32);
        loop {
            let now = code[at];
            at += 1;
            match u32::from(now.code) {
                0x20 => a = u32::from_le_bytes(data[now.k as usize..now.k as usize + 4].try_into().unwrap()),
                0x06 => return now.k,
                code => {
                    let holds = match code {
                        0x15 => a == now.k,
                        0x35 => a >= now.k,
                        0x45 => a & now.k != 0,
                        other => panic!("no such instruction: {other:#x}"),
                    };
                    at += usize::from(if holds { now.jt } else { now.jf });
                }
            }
        }
    }

    fn answer(reads: bool, number: c_long, args: [u64; 2]) -> u32 {
        run(&program(reads).unwrap(), ARCH.unwrap(), number, args)
    }

    #[test]
    fn the_whole_family_is_asked_about() {
        for number in ASKED.iter().chain(ASKED_OLD) {
            assert_eq!(answer(false, *number, [3, 0]), libc::SECCOMP_RET_USER_NOTIF, "{number}");
        }
    }

    #[test]
    fn reads_are_asked_about_only_on_request() {
        for number in READS {
            assert_eq!(answer(false, *number, [3, 0]), libc::SECCOMP_RET_ALLOW, "{number}");
            assert_eq!(answer(true, *number, [3, 0]), libc::SECCOMP_RET_USER_NOTIF, "{number}");
        }
    }

    #[test]
    fn what_writes_past_a_filter_is_not_there() {
        for number in ABSENT {
            assert_eq!(answer(false, *number, [3, 0]), errno(libc::ENOSYS), "{number}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn an_open_is_asked_about_where_it_changes_something() {
        let open = |flags: i32| answer(false, libc::SYS_open, [0, flags as u64]);
        assert_eq!(open(libc::O_RDWR | libc::O_APPEND), libc::SECCOMP_RET_ALLOW);
        for flags in [libc::O_CREAT, libc::O_TRUNC, libc::O_CREAT | libc::O_WRONLY] {
            assert_eq!(open(flags), libc::SECCOMP_RET_USER_NOTIF);
        }
        assert_eq!(answer(false, libc::SYS_openat, [0, 0]), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn a_program_cannot_hide() {
        let prctl = |option: i32, value| answer(false, libc::SYS_prctl, [option as u64, value]);
        assert_eq!(prctl(libc::PR_SET_DUMPABLE, 0), errno(0));
        assert_eq!(prctl(libc::PR_SET_DUMPABLE, 1), libc::SECCOMP_RET_ALLOW);
        assert_eq!(prctl(libc::PR_SET_NAME, 0), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn another_abi_is_the_end() {
        let program = program(true).unwrap();
        let i386 = 0x4000_0003;
        assert_eq!(run(&program, i386, 4, [0, 0]), libc::SECCOMP_RET_KILL_PROCESS);
        if let Some(x32) = X32 {
            let number = c_long::from(x32) + libc::SYS_write;
            assert_eq!(run(&program, ARCH.unwrap(), number, [0, 0]), libc::SECCOMP_RET_KILL_PROCESS);
            assert_eq!(run(&program, ARCH.unwrap(), -1, [0, 0]), libc::SECCOMP_RET_ALLOW);
        }
    }

    #[test]
    fn everything_else_is_let_by() {
        for number in [libc::SYS_sendmsg, libc::SYS_execve, libc::SYS_close, libc::SYS_exit_group] {
            assert_eq!(answer(true, number, [0, 0]), libc::SECCOMP_RET_ALLOW);
        }
    }

    #[test]
    fn descriptors_can_be_refused_alone() {
        let program = without_descriptors().unwrap();
        assert_eq!(run(&program, ARCH.unwrap(), libc::SYS_pidfd_getfd, [0, 0]), errno(libc::EPERM));
        assert_eq!(run(&program, ARCH.unwrap(), libc::SYS_write, [0, 0]), libc::SECCOMP_RET_ALLOW);
    }
}
