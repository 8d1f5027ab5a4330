//! Where a rollout's bytes come from: a plain file, bytes in memory, or a `.jsonl.zst`.
//!
//! Codex (0.148 and later) compresses rollouts that it has not touched for a while, one frame a file; what `zstd` itself
//! writes, several frames included, is read too. What is compressed is told by its first bytes and not by its name.
//!
//! A compressed file is unpacked as it is read and never held. It cannot be read from its end; reading a part of it again
//! means unpacking everything before it once more. It is taken to end, with the reason kept, where its data is cut off
//! or corrupt, where it needs a window of more than [`WINDOW_LOG`] allows, and at [`ROLLOUT_UNPACKED_BYTES`].

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::super::damage::DamageKind;
use crate::limits::ROLLOUT_UNPACKED_BYTES;
use crate::world::ReadFile;

/// Largest window that a compressed file may ask for: 64 MiB, above what any level but `--ultra -22` uses.
const WINDOW_LOG: u32 = 26;
/// How much of a compressed file is read at once.
const PACKED_BYTES: usize = 64 << 10;
const FRAME: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Whether these are the bytes of a compressed rollout.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&FRAME)
}

/// The same of what is about to be read.
pub(in super::super) fn begins_packed(from: impl Read) -> io::Result<bool> {
    let mut head = Vec::new();
    from.take(FRAME.len() as u64).read_to_end(&mut head)?;
    Ok(is_packed(&head))
}

/// What the bytes of a compressed rollout unpack to, at most so many, and whether they do so to their end.
pub(crate) fn unpack(bytes: &[u8], limit: u64) -> (Vec<u8>, io::Result<()>) {
    let mut plain = Vec::new();
    let unpacked =
        zstd::stream::Decoder::new(bytes).and_then(|decoder| decoder.take(limit).read_to_end(&mut plain)).map(drop);
    (plain, unpacked)
}

/// Bytes of a rollout, uncompressed, from any place on.
pub(in super::super) struct Source {
    input: Input,
    /// Offset of the next byte.
    at: u64,
    unpacked_limit: u64,
    /// What lies behind this is not there.
    end: u64,
    trouble: Option<DamageKind>,
}

enum Input {
    /// A file and its length when it was opened: a writer may be appending to it.
    Plain(Box<dyn ReadFile>, u64),
    Packed(Box<Packed>),
}

struct Packed {
    file: Box<dyn ReadFile>,
    /// `None` before the first byte is asked for.
    decoder: Option<Decoder<'static>>,
    buffer: Vec<u8>,
    /// What of the buffer is still to be unpacked.
    unread: std::ops::Range<usize>,
    /// Inside a frame.
    is_open: bool,
}

impl Source {
    /// An open file, from its start.
    pub(in super::super) fn new(mut file: Box<dyn ReadFile>) -> io::Result<Source> {
        let len = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let is_packed = begins_packed(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Source::over(file, len, is_packed))
    }

    /// Bytes in memory.
    pub(in super::super) fn of(bytes: Vec<u8>) -> Source {
        let (len, is_packed) = (bytes.len() as u64, bytes.starts_with(&FRAME));
        Source::over(Box::new(Cursor::new(bytes)), len, is_packed)
    }

    fn over(file: Box<dyn ReadFile>, len: u64, is_packed: bool) -> Source {
        let input = if is_packed { Input::Packed(Box::new(Packed::new(file))) } else { Input::Plain(file, len) };
        Source { input, at: 0, unpacked_limit: ROLLOUT_UNPACKED_BYTES, end: u64::MAX, trouble: None }
    }

    /// Its length, where it can be read from its end.
    pub(in super::super) fn len(&self) -> Option<u64> {
        match self.input {
            Input::Plain(_, len) => Some(len.min(self.end)),
            Input::Packed(_) => None,
        }
    }

    /// Ends there, whatever lies behind.
    pub(in super::super) fn end_at(&mut self, end: u64) {
        self.end = self.end.min(end);
    }

    /// Why it ended before it should have.
    pub(in super::super) fn trouble(&self) -> Option<DamageKind> {
        self.trouble
    }

    /// Reads the next bytes; 0 at the end.
    pub(in super::super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = match self.input {
            Input::Plain(_, len) => len.saturating_sub(self.at),
            Input::Packed(_) => self.unpacked_limit.saturating_sub(self.at),
        };
        let left = left.min(self.end.saturating_sub(self.at));
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..room).unwrap_or_default();
        let count = match &mut self.input {
            Input::Plain(file, _) => read_some(file, into)?,
            Input::Packed(packed) if left == 0 => {
                if self.at < self.end && packed.has_more()? {
                    self.trouble = Some(DamageKind::UnpackedTooLong);
                }
                0
            }
            Input::Packed(packed) => packed.read(into, &mut self.trouble)?,
        };
        self.at += count as u64;
        Ok(count)
    }

    /// Goes to an offset, backward or forward.
    pub(in super::super) fn go_to(&mut self, at: u64) -> io::Result<()> {
        match &mut self.input {
            Input::Plain(file, _) => {
                file.seek(SeekFrom::Start(at))?;
                self.at = at;
            }
            Input::Packed(packed) => {
                if at < self.at {
                    packed.reopen()?;
                    self.at = 0;
                    self.trouble = None;
                }
                let mut passed = vec![0; PACKED_BYTES];
                while self.at < at {
                    let room = usize::try_from(at - self.at).unwrap_or(usize::MAX).min(passed.len());
                    if self.read(passed.get_mut(..room).unwrap_or_default())? == 0 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a compressed file to end after that many bytes.
    #[cfg(test)]
    pub(in super::super) fn with_unpacked_limit(mut self, bytes: u64) -> Source {
        self.unpacked_limit = bytes;
        self
    }
}

fn read_some(file: &mut dyn ReadFile, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl Packed {
    fn new(file: Box<dyn ReadFile>) -> Packed {
        Packed { file, decoder: None, buffer: vec![0; PACKED_BYTES], unread: 0..0, is_open: false }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.decoder = None;
        (self.unread, self.is_open) = (0..0, false);
        Ok(())
    }

    /// Whether compressed data is left; fetches it.
    fn has_more(&mut self) -> io::Result<bool> {
        if self.unread.is_empty() {
            self.unread = 0..read_some(&mut *self.file, &mut self.buffer)?;
        }
        Ok(!self.unread.is_empty())
    }

    /// Unpacks into `into`; 0 at the end, with the trouble that made it one.
    fn read(&mut self, into: &mut [u8], trouble: &mut Option<DamageKind>) -> io::Result<usize> {
        while trouble.is_none() && !into.is_empty() {
            // An open frame may hold back bytes although all its data has been read.
            let has_more = self.has_more()?;
            if !has_more && !self.is_open {
                break;
            }
            let mut from = InBuffer::around(self.buffer.get(self.unread.clone()).unwrap_or_default());
            let mut to = OutBuffer::around(&mut *into);
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                none => {
                    let mut decoder = Decoder::new()?;
                    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                    none.insert(decoder)
                }
            };
            let step = decoder.run(&mut from, &mut to);
            let (used, made) = (from.pos(), to.pos());
            self.unread.start += used;
            match step {
                Err(_) => *trouble = Some(DamageKind::CorruptFrame),
                Ok(left) => {
                    self.is_open = left != 0;
                    if !has_more && made == 0 && self.is_open {
                        *trouble = Some(DamageKind::CutFrame);
                    }
                }
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(frames: &[&[u8]]) -> Vec<u8> {
        frames.iter().flat_map(|frame| zstd::encode_all(*frame, 3).unwrap()).collect()
    }

    /// What a source gives until its end, and why that is one.
    fn read(mut source: Source) -> (Vec<u8>, Option<DamageKind>) {
        let mut all = Vec::new();
        let mut buffer = [0; 1_000];
        loop {
            match source.read(&mut buffer).unwrap() {
                0 => return (all, source.trouble()),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Bytes that do not pack to nothing.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    #[test]
    fn several_frames_are_one_file() {
        let source = Source::of(packed(&[b"one\n", b"", b"two\n"]));
        assert_eq!(source.len(), None);
        assert_eq!(read(source), (b"one\ntwo\n".to_vec(), None));
        assert_eq!(read(Source::of(b"plain".to_vec())), (b"plain".to_vec(), None));
        assert_eq!(read(Source::of(Vec::new())), (Vec::new(), None));
    }

    #[test]
    fn what_comes_before_a_cut_is_kept_and_the_cut_is_told() {
        let text = noise(1 << 20);
        let frame = packed(&[&text]);
        let (kept, trouble) = read(Source::of(frame[..frame.len() / 2].to_vec()));
        assert_eq!(trouble, Some(DamageKind::CutFrame));
        assert!(kept.len() > 300_000 && text.starts_with(&kept), "{}", kept.len());
    }

    #[test]
    fn what_comes_before_corrupt_data_is_kept_and_told() {
        let text = noise(1 << 20);
        let mut file = packed(&[&text[..500_000], &text[500_000..]]);
        file.extend_from_slice(b"this is no frame");
        assert_eq!(read(Source::of(file)), (text, Some(DamageKind::CorruptFrame)));
    }

    #[test]
    fn it_ends_at_the_size_limit() {
        let frame = packed(&[&[b'x'; 5_000]]);
        assert_eq!(read(Source::of(frame.clone()).with_unpacked_limit(5_000)), (vec![b'x'; 5_000], None));
        let cut = read(Source::of(frame).with_unpacked_limit(4_999));
        assert_eq!(cut, (vec![b'x'; 4_999], Some(DamageKind::UnpackedTooLong)));
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        io::Write::write_all(&mut encoder, &noise(1 << 20)).unwrap();
        let (kept, trouble) = read(Source::of(encoder.finish().unwrap()));
        assert_eq!((kept.len(), trouble), (0, Some(DamageKind::CorruptFrame)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn any_place_can_be_gone_to_in_either_kind(
            len in 1usize..300_000, places in proptest::collection::vec(any::<proptest::sample::Index>(), 1..5)
        ) {
            let text = noise(len);
            for file in [text.clone(), packed(&[&text])] {
                let mut source = Source::of(file);
                for place in &places {
                    let at = place.index(len);
                    source.go_to(at as u64).unwrap();
                    let mut byte = [0];
                    prop_assert_eq!((source.read(&mut byte).unwrap(), byte[0]), (1, text[at]));
                }
            }
        }

        #[test]
        fn no_bytes_behind_the_first_four_do_harm(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(Source::of([&FRAME[..], &tail].concat()));
        }
    }
}
