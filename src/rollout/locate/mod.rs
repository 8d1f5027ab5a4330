//! Thread id → file.
//!
//! A rollout is found by its name, `rollout-<time>-<thread>[_<segment>].jsonl[.zst]`, below `sessions/` (by day, but
//! Codex and its users put files elsewhere too) and `archived_sessions/` (flat). The *first* uuid is the thread; the last
//! one of a segment's name is not. An id is parsed before anything is looked at, and no text of a caller's ever becomes
//! part of a path or a pattern.
//!
//! **By day.** An id of version 7 carries its time, and so the three day directories in which the thread's first file
//! lies (clocks on earth are at most a day apart). If they hold exactly one file of the thread, plain, that says so inside and is not paginated, it is
//! the answer: three directories read and one file opened, however large the home. Codex itself writes a thread that is
//! not paginated into that one file for as long as it lives. What is *not* seen on this way is a second file of the same
//! thread that somebody put elsewhere by hand; Codex 0.130 to 0.169 would take the newest name of the two, this takes
//! the original.
//!
//! **By name.** Everything else needs the names of all files. A paginated thread (0.148 and later) may have been
//! reverted, which begins a new segment on the day of the revert and leaves no trace in the root: no file tells that it
//! is the head. So do ids of version 4 (0.20 to 0.36), archived threads, compressed files, files in a directory of
//! another day, empty ones. Among several these count, in this order:
//!
//! 1. a file with records before one without, and one that gives itself the id before one that gives itself another;
//! 2. active before archived, as Codex (0.105 to 0.169) looks through `sessions` first;
//! 3. of one rollout's files the plain before the compressed, then the newest name (0.130 to 0.169; 0.42 and 0.105 took
//!    the older of one day);
//! 4. of a thread's rollouts the head: the one that no other continues. Two heads are two branches, of which the newest
//!    name counts, and of one second the segment's before the root's. Codex 0.169 knows only this last rule where its
//!    index is gone, and so takes an old branch once somebody has renamed the newer.
//!
//! A single file is not opened for that, whatever it holds.
//!
//! **By content.** Names can lie, and copies have names of their own ("… (1).jsonl"). Only when no name fits are first
//! records read, of a bounded number of files.
//!
//! SQLite is not consulted. Codex's `state_*.sqlite` says which file a thread has by its absolute path: in a copied home
//! it leads out of the copy (0.169 then wrote into the original), after a move it leads nowhere, and it is rebuilt from
//! the files whenever it is missing. It could only save the walk, which costs a fraction of a second.

mod choose;
mod days;
mod find;
#[cfg(test)]
mod full_scan;
mod head;
mod name;
mod segments;
#[cfg(test)]
mod tests;
mod walk;

pub use find::{find_segment, find_thread_path, find_thread_path_by_id_str};
pub use name::RolloutName;
pub use segments::Segments;
pub use walk::{RolloutFile, walk};
