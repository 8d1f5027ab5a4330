//! Power loss: what may be left of a home's session files when the machine stops, and not only the process.
//!
//! The model, which is stricter than most file systems are and no stricter than POSIX allows them to be:
//!
//! * what was written to a file is there for every process at once, and after a power loss only if the file was synced
//!   since;
//! * of what was not synced, anything may be left: nothing, a part up to some byte or sector, or the length without the
//!   bytes (a run of zeros);
//! * a name (of a new file or directory, after a rename, after a removal) is there after a power loss only if the
//!   directory that holds it was synced since; syncing a file does not sync its name;
//! * what was there before the target touched it, and whatever the player puts there between two lives, lasts.
//!
//! [`Written`] is made from the journal alone: it replays what the injector saw. [`Written::after`] says what a [`Loss`]
//! leaves, [`Written::losses`] lists the losses that leave different things. Nothing here touches a disk.

mod loss;
#[cfg(test)]
mod tests;
mod written;

pub use loss::{DataLoss, Loss};
pub use written::{Files, Written};
