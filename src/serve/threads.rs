//! The threads of one server life: memory, then alias, then disk.
//!
//! A thread that is in memory is answered from there, without a look at any file, under its own id and under every id
//! that it continues. Only an id that memory does not know is resolved through the aliases, and only then is the disk
//! searched. Bringing a thread back is *single-flight*: of concurrent calls one does it, the others wait and share what
//! it brought. They wait at the end of the alias chain and not at the id they were given, so that an old id and a newer
//! one of the same conversation cannot bring it back twice.
//!
//! Nothing here knows what a thread is, nor how it is brought back; a failure is not remembered, and an id that nobody
//! knows leaves nothing behind.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::rollout::ThreadId;

/// Threads by id.
pub struct Threads<T> {
    known: Mutex<Known<T>>,
}

struct Known<T> {
    loaded: BTreeMap<ThreadId, Arc<T>>,
    moved: BTreeMap<ThreadId, ThreadId>,
    flights: BTreeMap<ThreadId, Arc<tokio::sync::Mutex<()>>>,
}

/// A thread that a call can go on with.
pub struct Found<T> {
    /// The thread.
    pub thread: Arc<T>,
    /// It was not in memory when the call came.
    pub revived: bool,
}

/// A thread that was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revived<T> {
    /// Its id.
    pub id: ThreadId,
    /// The thread that it continues.
    pub source: ThreadId,
    /// The thread.
    pub thread: T,
}

/// Why a call got no thread.
#[derive(Debug)]
pub enum Miss<E> {
    /// Nothing has this id.
    Unknown,
    /// The call was taken back while it waited.
    Cancelled,
    /// Bringing it back failed.
    Failed(E),
}

impl<T> Default for Threads<T> {
    fn default() -> Threads<T> {
        let known = Known { loaded: BTreeMap::new(), moved: BTreeMap::new(), flights: BTreeMap::new() };
        Threads { known: Mutex::new(known) }
    }
}

impl<T> Threads<T> {
    /// The thread that `id` leads to in memory.
    pub fn find(&self, id: ThreadId) -> Option<Arc<T>> {
        let known = self.known();
        let newest = known.moved.get(&id).unwrap_or(&id);
        known.loaded.get(newest).cloned()
    }

    /// Puts a thread in.
    pub fn insert(&self, id: ThreadId, thread: Arc<T>) {
        self.known().loaded.insert(id, thread);
    }

    /// Takes a thread out.
    pub fn remove(&self, id: ThreadId) {
        self.known().loaded.remove(&id);
    }

    /// Finds the thread that `asked` leads to, or brings it back.
    ///
    /// `resolve` follows an id through the durable aliases; `revive` brings `asked` back as a new thread, or says that
    /// there is nothing to bring back. Both are called without any lock on the memory held; `revive` by one call at a
    /// time for all ids that resolve to the same one.
    pub async fn find_or_revive<E>(
        &self,
        asked: ThreadId,
        cancel: &CancellationToken,
        resolve: impl Fn(ThreadId) -> io::Result<ThreadId>,
        revive: impl Fn() -> Result<Option<Revived<T>>, E>,
    ) -> Result<Found<T>, Miss<E>> {
        if let Some(thread) = self.find(asked) {
            return Ok(Found { thread, revived: false });
        }
        loop {
            // Aliases that cannot be read lead nowhere; whoever brings the thread back tells that.
            let newest = resolve(asked).unwrap_or(asked);
            let flight = Flight::board(self, newest);
            let turn = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Miss::Cancelled),
                turn = flight.lock.lock() => turn,
            };
            if let Some(thread) = self.find(asked).or_else(|| self.find(newest)) {
                self.follow(asked, newest);
                return Ok(Found { thread, revived: true });
            }
            if resolve(asked).unwrap_or(asked) != newest {
                continue;
            }
            let result = match revive() {
                Ok(Some(Revived { id, source, thread })) => {
                    let thread = Arc::new(thread);
                    self.insert(id, Arc::clone(&thread));
                    for old in [newest, source, asked] {
                        self.supersede(old, id);
                    }
                    Ok(Found { thread, revived: true })
                }
                Ok(None) => Err(Miss::Unknown),
                Err(error) => Err(Miss::Failed(error)),
            };
            drop(turn);
            return result;
        }
    }

    /// From now on `old`, and whatever led there, leads to `new`.
    fn supersede(&self, old: ThreadId, new: ThreadId) {
        if old == new {
            return;
        }
        let mut known = self.known();
        known.loaded.remove(&old);
        for target in known.moved.values_mut().filter(|target| **target == old) {
            *target = new;
        }
        known.moved.insert(old, new);
    }

    /// From now on memory does not know `id`, unless a thread has it as its own.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn forget(&self, id: ThreadId) {
        self.known().moved.remove(&id);
    }

    /// `asked` leads to where `newest` leads.
    fn follow(&self, asked: ThreadId, newest: ThreadId) {
        let mut known = self.known();
        let target = known.moved.get(&newest).copied().unwrap_or(newest);
        if target != asked && known.loaded.contains_key(&target) {
            known.moved.insert(asked, target);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known<T>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to stand in the queue for one id; the queue is forgotten with the last one in it.
struct Flight<'a, T> {
    threads: &'a Threads<T>,
    id: ThreadId,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'a, T> Flight<'a, T> {
    fn board(threads: &'a Threads<T>, id: ThreadId) -> Flight<'a, T> {
        let lock = Arc::clone(threads.known().flights.entry(id).or_default());
        Flight { threads, id, lock }
    }
}

impl<T> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        let mut known = self.threads.known();
        // The map's own handle and this one.
        if known.flights.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) <= 2) {
            known.flights.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn id(last: u8) -> ThreadId {
        ThreadId::parse(&format!("01a2019e-7c9d-7000-8000-0000000000{last:02}")).unwrap()
    }

    type Revival = Result<Option<Revived<&'static str>>, ()>;

    async fn ask(
        threads: &Threads<&'static str>,
        asked: u8,
        newest: u8,
        revived: Revival,
    ) -> Result<&'static str, String> {
        let cancel = CancellationToken::new();
        let found = threads.find_or_revive(id(asked), &cancel, |_| Ok(id(newest)), || revived.clone()).await;
        found.map(|found| *found.thread).map_err(|miss| format!("{miss:?}"))
    }

    #[tokio::test]
    async fn concurrent_calls_share_one_continuation() {
        let threads = Threads::default();
        let revivals = AtomicU32::new(0);
        let cancel = CancellationToken::new();
        let call = |asked: u8| {
            let (threads, revivals, cancel) = (&threads, &revivals, &cancel);
            async move {
                let revive = || {
                    revivals.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ()>(Some(Revived { id: id(9), source: id(2), thread: "continuation" }))
                };
                // Both the first id and a later one of the same conversation resolve to its newest.
                let found = threads.find_or_revive(id(asked), cancel, |_| Ok(id(2)), revive).await;
                found.map(|found| *found.thread).map_err(|miss| format!("{miss:?}"))
            }
        };
        let (one, two, three) = tokio::join!(call(1), call(2), call(1));
        assert_eq!((one, two, three), (Ok("continuation"), Ok("continuation"), Ok("continuation")));
        assert_eq!(revivals.load(Ordering::SeqCst), 1);
        assert!(threads.known().flights.is_empty());
        for known in [1, 2, 9] {
            assert!(threads.find(id(known)).is_some(), "{known}");
        }
    }

    #[tokio::test]
    async fn a_thread_in_memory_is_found_without_asking_anyone() {
        let threads = Threads::default();
        threads.insert(id(1), Arc::new("here"));
        let cancel = CancellationToken::new();
        let never = || -> Revival { panic!("the disk was asked") };
        let found = threads.find_or_revive(id(1), &cancel, |_| panic!("the aliases were asked"), never).await;
        assert!(found.is_ok_and(|found| !found.revived));
    }

    #[tokio::test]
    async fn an_alias_to_a_thread_in_memory_leads_there() {
        let threads = Threads::default();
        threads.insert(id(5), Arc::new("newest"));
        assert_eq!(ask(&threads, 1, 5, Err(())).await, Ok("newest"));
        assert!(threads.find(id(1)).is_some());
    }

    #[tokio::test]
    async fn an_unknown_id_and_a_failure_leave_nothing_behind() {
        let threads = Threads::default();
        assert_eq!(ask(&threads, 1, 1, Ok(None)).await, Err("Unknown".to_owned()));
        assert_eq!(ask(&threads, 1, 1, Err(())).await, Err("Failed(())".to_owned()));
        let known = threads.known();
        assert!(known.flights.is_empty() && known.moved.is_empty() && known.loaded.is_empty());
    }

    #[tokio::test]
    async fn ids_of_earlier_continuations_follow_to_the_newest() {
        let threads = Threads::default();
        ask(&threads, 1, 1, Ok(Some(Revived { id: id(2), source: id(1), thread: "second" }))).await.unwrap();
        threads.supersede(id(2), id(3));
        threads.insert(id(3), Arc::new("third"));
        assert_eq!(threads.find(id(1)).as_deref(), Some(&"third"));
    }
}
