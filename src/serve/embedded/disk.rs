//! Blocking work on an async thread.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs work that may wait for the disk or for another process. On a runtime with several threads the others go on with
/// what this one would have done next; on a single thread, as in the simulator, it simply runs, so that the order of
/// everything stays decided.
pub(super) fn at_disk<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
