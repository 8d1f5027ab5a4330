//! What a life leaves behind: found, waited for, killed.
//!
//! A process belongs to a scope if it carries the scope's tag; or, where it shows no tag at all, if its parent
//! belongs, or if it is in the life's group and was adopted by us when its parent died. A process that carries another
//! tag never belongs. Zombies are dead and not counted; those that became ours are reaped on the way.
//!
//! Waiting is for the kernel's word that a process has ended (its pidfd), never for time to pass.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use tokio::time::{Instant, timeout_at};

use super::child::{reap, watch};
use super::table::{self, Entry};
use super::tag::Tag;

/// Most rounds of killing: each ends everything that was found, so only a process that forks faster than it is killed
/// needs a second.
const ROUNDS: u32 = 64;

/// Whose processes are meant.
#[derive(Clone, Debug)]
pub struct Scope {
    tag: Tag,
    group: Option<u32>,
}

/// A process that was found. It cannot be mistaken for a later one with the same number.
#[derive(Debug)]
pub struct Found {
    /// Its process id.
    pub pid: u32,
    fd: OwnedFd,
}

impl Scope {
    /// Those that `tag` covers, and those of the process group `group`.
    pub fn new(tag: Tag, group: Option<u32>) -> Scope {
        Scope { tag, group }
    }
}

impl Found {
    /// Kills it. `false` if it is gone.
    pub fn kill(&self) -> bool {
        pidfd_send_signal(&self.fd, Signal::KILL).is_ok()
    }

    /// Ready at its end; never, where it cannot be watched (no descriptor is left), so the caller has a deadline.
    async fn gone(&self) {
        match self.fd.try_clone().and_then(watch) {
            Ok(fd) => drop(fd.readable().await),
            Err(_) => std::future::pending().await,
        }
        let _ = reap(&self.fd);
    }
}

/// The living processes of the scope, this one excepted, in the order of their pids.
pub fn find(scope: &Scope) -> Vec<Found> {
    let me = std::process::id();
    let entries: Vec<Entry> = table::entries().into_iter().filter(|e| e.started >= scope.tag.since()).collect();
    bury_zombies(scope, &entries, me);
    let mut ours: Vec<Entry> = belonging(scope, &entries, me, table::tag_of);
    ours.sort_by_key(|entry| entry.pid);
    ours.iter().filter_map(hold).collect()
}

/// Waits until none is left, at most until `deadline`; the pids of those that are.
pub async fn wait_gone(scope: &Scope, deadline: Instant) -> Vec<u32> {
    loop {
        let found = find(scope);
        if found.is_empty() || Instant::now() >= deadline {
            return found.iter().map(|f| f.pid).collect();
        }
        for process in &found {
            if timeout_at(deadline, process.gone()).await.is_err() {
                break;
            }
        }
    }
}

/// Kills all, and waits for their end within the limit; the pids of those that could not be ended.
pub async fn clear(scope: &Scope, limit: Duration) -> Vec<u32> {
    let deadline = Instant::now() + limit;
    for _ in 0..ROUNDS {
        let found = find(scope);
        if found.is_empty() || Instant::now() >= deadline {
            break;
        }
        found.iter().for_each(|process| {
            process.kill();
        });
        for process in &found {
            let _ = timeout_at(deadline, process.gone()).await;
        }
    }
    find(scope).iter().map(|process| process.pid).collect()
}

/// [`clear`] for places that cannot wait on a runtime: a drop, and the warden. Each round takes at most a fifth of a second.
pub fn clear_now(scope: &Scope) {
    let limit = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    for _ in 0..ROUNDS {
        let found = find(scope);
        if found.is_empty() {
            return;
        }
        for process in &found {
            process.kill();
        }
        for process in &found {
            let _ = poll(&mut [PollFd::new(&process.fd, PollFlags::IN)], Some(&limit));
            let _ = reap(&process.fd);
        }
    }
}

/// The entries that belong to the scope; `tag_of` tells a process's tag.
fn belonging(scope: &Scope, entries: &[Entry], me: u32, tag_of: impl Fn(u32) -> Option<Vec<u8>>) -> Vec<Entry> {
    let mut ours = Vec::new();
    let mut untagged = Vec::new();
    for entry in entries.iter().filter(|e| !e.zombie && e.pid != me) {
        match tag_of(entry.pid) {
            Some(tag) if scope.tag.covers(&tag) => ours.push(*entry),
            Some(_) => {}
            None => untagged.push(*entry),
        }
    }
    loop {
        let adopted = |e: &Entry| e.parent == me && scope.group == Some(e.group);
        let belongs = |e: &Entry| adopted(e) || ours.iter().any(|o: &Entry| o.pid == e.parent);
        let (more, rest): (Vec<Entry>, Vec<Entry>) = untagged.iter().partition(|e| belongs(e));
        if more.is_empty() {
            return ours;
        }
        ours.extend(more);
        untagged = rest;
    }
}

/// Reaps the dead that we adopted from the scope's group. Its leader is reaped by its own [`super::Child`].
fn bury_zombies(scope: &Scope, entries: &[Entry], me: u32) {
    let adopted = |e: &&Entry| e.zombie && e.parent == me && scope.group == Some(e.group) && e.pid != e.group;
    for pid in entries.iter().filter(adopted).filter_map(|e| raw(e.pid)) {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

/// A handle on the process that was seen, and not on one that has its number since.
fn hold(entry: &Entry) -> Option<Found> {
    let fd = pidfd_open(raw(entry.pid)?, PidfdFlags::empty()).ok()?;
    let now = table::entry(entry.pid)?;
    (now.started == entry.started && !now.zombie).then_some(Found { pid: entry.pid, fd })
}

fn raw(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: u32 = 10;

    fn entry(pid: u32, parent: u32, group: u32) -> Entry {
        Entry { pid, parent, group, zombie: false, started: 1 }
    }

    fn pids(entries: &[Entry], tags: &[(u32, &str)]) -> Vec<u32> {
        let scope = Scope::new(Tag::from_text("10-1").of("run").of("1"), Some(20));
        let tag_of = |pid| tags.iter().find(|(p, _)| *p == pid).map(|(_, tag)| tag.as_bytes().to_vec());
        belonging(&scope, entries, ME, tag_of).iter().map(|e| e.pid).collect()
    }

    #[test]
    fn a_tagged_process_belongs_wherever_it_has_gone() {
        assert_eq!(pids(&[entry(30, 1, 30)], &[(30, "10-1/run/1")]), [30]);
    }

    #[test]
    fn another_life_or_another_run_does_not() {
        let entries = [entry(30, ME, 20), entry(31, ME, 20)];
        assert!(pids(&entries, &[(30, "10-1/run/2"), (31, "10-1/other/1")]).is_empty());
    }

    #[test]
    fn what_wiped_its_environment_is_found_by_group_or_by_descent() {
        let adopted = entry(30, ME, 20);
        let grandchild = entry(32, 31, 31);
        let child = entry(31, 30, 31);
        assert_eq!(pids(&[grandchild, child, adopted], &[]), [30, 31, 32]);
    }

    #[test]
    fn a_stranger_with_the_groups_number_is_left_alone() {
        assert!(pids(&[entry(20, 1, 20), entry(21, 20, 20)], &[]).is_empty());
    }

    #[test]
    fn the_harness_and_the_dead_are_not_counted() {
        let dead = Entry { zombie: true, ..entry(30, ME, 20) };
        assert!(pids(&[dead, entry(ME, 1, 20)], &[(30, "10-1/run/1"), (ME, "10-1/run/1")]).is_empty());
    }

    #[test]
    fn nothing_is_found_of_a_tag_that_nobody_carries() {
        assert!(find(&Scope::new(Tag::harness().of("nobody"), None)).is_empty());
    }
}
