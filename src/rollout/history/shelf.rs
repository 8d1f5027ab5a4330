//! Where the texts of a long history are kept.
//!
//! A history of hundreds of megabytes costs the kernel as much as its reader, if a page is cleared and mapped for each four
//! kilobytes of it. So texts are laid one behind the other into blocks that the kernel is asked to map in pages of two
//! megabytes, which most systems grant on request (`transparent_hugepage` is `madvise` or `always`). A short history, a
//! long text, and whatever comes where a block cannot be had, are kept as they always were.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use memmap2::MmapMut;

/// So much text is kept in allocations of its own before the first block is asked for. The histories of unit tests are
/// short, and shall have blocks all the same.
const OWN_BYTES: usize = if cfg!(test) { 1 << 10 } else { 1 << 20 };
/// Long enough to hold whole large pages, wherever it begins.
const BLOCK_BYTES: usize = if cfg!(test) { 16 << 10 } else { 8 << 20 };

/// Keeps texts. They can be read once it is dropped, not before.
pub(super) struct Shelf {
    /// Left of what is kept in allocations of its own.
    own_bytes: usize,
    block_bytes: usize,
    open: Option<Open>,
}

/// The block that is being filled.
struct Open {
    memory: MmapMut,
    used: usize,
    block: Arc<Block>,
}

/// Empty until it is full.
#[derive(Default)]
struct Block(OnceLock<MmapMut>);

/// A text that is kept.
#[derive(Clone)]
pub(super) struct Text(Kept);

#[derive(Clone)]
enum Kept {
    /// For itself.
    Own(Box<str>),
    /// On a shelf.
    Shelved { block: Arc<Block>, place: Range<u32> },
}

impl Shelf {
    fn new(own_bytes: usize, block_bytes: usize) -> Shelf {
        Shelf { own_bytes, block_bytes, open: None }
    }

    /// Keeps a copy of the text.
    pub(super) fn keep(&mut self, text: &str) -> Text {
        match self.own_bytes.checked_sub(text.len()) {
            Some(left) => {
                self.own_bytes = left;
                text.into()
            }
            None => self.lay(text).unwrap_or_else(|| text.into()),
        }
    }

    /// Lays it into a block; `None` if it is too long for one, or there is none to be had.
    fn lay(&mut self, text: &str) -> Option<Text> {
        if text.len() > self.block_bytes / 8 {
            return None;
        }
        if self.open.as_ref().is_none_or(|open| open.memory.len() - open.used < text.len()) {
            self.seal();
            self.open = Some(Open::new(self.block_bytes)?);
        }
        let Open { memory, used, block } = self.open.as_mut()?;
        let end = *used + text.len();
        memory.get_mut(*used..end)?.copy_from_slice(text.as_bytes());
        let place = u32::try_from(*used).ok()?..u32::try_from(end).ok()?;
        *used = end;
        Some(Text(Kept::Shelved { block: Arc::clone(block), place }))
    }

    fn seal(&mut self) {
        if let Some(Open { memory, block, .. }) = self.open.take() {
            // It is the first and only time.
            let _ = block.0.set(memory);
        }
    }
}

impl Default for Shelf {
    fn default() -> Shelf {
        Shelf::new(OWN_BYTES, BLOCK_BYTES)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.seal();
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("used", &self.open.as_ref().map(|open| open.used)).finish_non_exhaustive()
    }
}

impl Open {
    fn new(bytes: usize) -> Option<Open> {
        let memory = MmapMut::map_anon(bytes).ok()?;
        // A wish: where it is not granted, the block is as good and slower.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Some(Open { memory, used: 0, block: Arc::default() })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(Kept::Own(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Kept::Own(text.into()))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Kept::Own(text) => text,
            Kept::Shelved { block, place } => {
                let memory = block.0.get();
                debug_assert!(memory.is_some(), "the shelf is still being filled");
                let bytes = memory.and_then(|memory| memory.get(place.start as usize..place.end as usize));
                bytes.and_then(|bytes| simdutf8::basic::from_utf8(bytes).ok()).unwrap_or_default()
            }
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kept::Shelved { block, place } if block.0.get().is_none() => write!(f, "not to be read yet: {place:?}"),
            _ => fmt::Debug::fmt(&**self, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            texts in prop::collection::vec(".{0,30}", 0..200),
            own_bytes in 0_usize..500,
            block_bytes in 1_usize..1000,
        ) {
            let mut shelf = Shelf::new(own_bytes, block_bytes);
            let kept: Vec<Text> = texts.iter().map(|text| shelf.keep(text)).collect();
            drop(shelf);
            prop_assert_eq!(kept.iter().map(|text| &**text).collect::<Vec<_>>(), texts);
        }
    }

    #[test]
    fn a_short_history_and_a_long_text_are_kept_for_themselves() {
        let mut shelf = Shelf::new(10, 80);
        let (first, second, long) = (shelf.keep("0123456789"), shelf.keep("ab"), shelf.keep("0123456789a"));
        drop(shelf);
        assert!(matches!(first.0, Kept::Own(_)) && matches!(long.0, Kept::Own(_)));
        assert!(matches!(second.0, Kept::Shelved { .. }), "{second:?}");
        assert_eq!((&*first, &*second, &*long), ("0123456789", "ab", "0123456789a"));
    }
}
