//! Which file a path of the caller means, by the kernel's own name for it.
//!
//! The path is opened for nothing but its place (`O_PATH`), through the caller's own root, working directory or directory
//! descriptor in `/proc`, so symbolic links, mounts and another root are followed as the caller would follow them, and the
//! answer compares with what an open file is called. Where nothing is there, its directory's name and the last part stand
//! for it; where that is not there either, the path is put in order as text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat, readlink};
use rustix::io::Errno;

use super::call::Name;
use super::tracee;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) path: PathBuf,
    /// Its length if it is a regular file; why it cannot be reached if there is nothing.
    pub(super) there: Result<Option<u64>, Errno>,
    /// Whether there is a directory for it.
    pub(super) has_parent: bool,
}

/// Resolves a path; `follow` is whether a symbolic link at its end stands for what it leads to. `None` if the caller's
/// memory does not hold one.
pub(super) fn resolve(tid: u32, name: Name, follow: bool) -> Option<Resolved> {
    let text = tracee::text(tid, name.text)?;
    if text.is_empty() {
        return None;
    }
    let said = own_proc(tid, PathBuf::from(OsString::from_vec(text)));
    let base = match name.dir {
        _ if said.is_absolute() => format!("/proc/{tid}/root"),
        libc::AT_FDCWD => format!("/proc/{tid}/cwd"),
        dir => format!("/proc/{tid}/fd/{dir}"),
    };
    Some(look_up(Path::new(&base), &said, follow))
}

fn look_up(base: &Path, said: &Path, follow: bool) -> Resolved {
    let whole = below(base, said);
    let last = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let place = |path: &Path, flags| openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty());
    let named = |fd| tracee::path_of_own(fd).map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
    let missing = match place(&whole, last) {
        Ok(fd) => {
            let regular = fstat(&fd).ok().filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
            let len = regular.and_then(|stat| u64::try_from(stat.st_size).ok());
            let path = named(&fd).unwrap_or_else(|_| in_order(base, said));
            return Resolved { path, there: Ok(len), has_parent: true };
        }
        Err(error) => error,
    };
    // `parent` and `file_name` leave out what a slash at the end says, which is how a directory that is not there yet is
    // often called.
    let parent = said.parent().map(|parent| place(&below(base, parent), OFlags::DIRECTORY));
    match (parent, said.file_name()) {
        (Some(Ok(fd)), Some(name)) => {
            let path = named(&fd).map_or_else(|_| in_order(base, said), |parent| parent.join(name));
            Resolved { path, there: Err(missing), has_parent: true }
        }
        _ => Resolved { path: in_order(base, said), there: Err(missing), has_parent: false },
    }
}

/// `said` seen from `base`, even if it is absolute.
fn below(base: &Path, said: &Path) -> PathBuf {
    let relative = said.strip_prefix("/").unwrap_or(said);
    if relative.as_os_str().is_empty() { base.join(".") } else { base.join(relative) }
}

/// What `/proc/self` is depends on who looks.
fn own_proc(tid: u32, said: PathBuf) -> PathBuf {
    for own in ["/proc/self", "/proc/thread-self"] {
        if let Ok(rest) = said.strip_prefix(own) {
            return Path::new("/proc").join(tid.to_string()).join(rest);
        }
    }
    said
}

/// The path as text, without `.` and `..`.
fn in_order(base: &Path, said: &Path) -> PathBuf {
    let base = readlink(base, Vec::new()).map_or_else(|_| "/".into(), |c| OsString::from_vec(c.into_bytes()));
    let mut path = PathBuf::from(base);
    for part in said.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use super::*;

    fn resolved(dir: i32, path: &str, follow: bool) -> Resolved {
        let text = std::ffi::CString::new(path).unwrap();
        let name = Name { dir, text: text.as_ptr() as u64 };
        resolve(std::process::id(), name, follow).unwrap()
    }

    #[test]
    fn what_is_there_has_the_kernels_name_and_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir(real.join("a")).unwrap();
        fs::write(real.join("a/file"), "four").unwrap();
        symlink(real.join("a"), real.join("b")).unwrap();
        symlink("file", real.join("a/link")).unwrap();
        let say = |path: &str| real.join(path).display().to_string();
        let found = resolved(libc::AT_FDCWD, &say("./b/../b/file"), true);
        assert_eq!(found, Resolved { path: real.join("a/file"), there: Ok(Some(4)), has_parent: true });
        assert_eq!(resolved(libc::AT_FDCWD, &say("b/link"), true).path, real.join("a/file"));
        assert_eq!(resolved(libc::AT_FDCWD, &say("b/link"), false).path, real.join("a/link"));
        let handle = fs::File::open(real.join("b")).unwrap();
        assert_eq!(resolved(handle.as_raw_fd(), "file", true).path, real.join("a/file"));
    }

    #[test]
    fn what_is_not_there_is_named_after_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        symlink(&real, real.join("loop")).unwrap();
        let say = |path: &str| real.join(path).display().to_string();
        let new = resolved(libc::AT_FDCWD, &say("loop/new/"), true);
        assert_eq!(new, Resolved { path: real.join("new"), there: Err(Errno::NOENT), has_parent: true });
        let deep = resolved(libc::AT_FDCWD, &say("no/../such/./place"), true);
        assert_eq!(deep, Resolved { path: real.join("such/place"), there: Err(Errno::NOENT), has_parent: false });
    }

    #[test]
    fn a_name_that_depends_on_who_looks_is_the_callers() {
        assert_eq!(own_proc(7, "/proc/self/fd/1".into()), Path::new("/proc/7/fd/1"));
        assert_eq!(own_proc(7, "/proc/selfish".into()), Path::new("/proc/selfish"));
    }
}
