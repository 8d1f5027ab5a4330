//! For tests without an async runtime of their own.

use std::future::Future;

use super::Error;

/// Plays a story to its end on a runtime of its own, which lives as long as the call.
///
/// # Errors
///
/// Those of the story, and [`Error::Setup`] if no runtime can be made.
///
/// # Panics
///
/// Within another runtime: await the story there instead.
pub fn block_on<T, E: From<Error>>(story: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    runtime()?.block_on(story)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Setup(format!("failed to start an async runtime: {error}; check the open files")))
}
