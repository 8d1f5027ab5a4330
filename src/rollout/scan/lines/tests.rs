//! Lines of files of every length, held or only measured, against a split of the whole file in memory.

use proptest::prelude::*;

use super::*;

/// The lines as (start, number, text), with a mark for what is not held; runs of empty lines as that many.
fn read(bytes: &[u8], limit: usize) -> Vec<(u64, u64, String)> {
    let mut lines = Lines::new(Source::of(bytes.to_vec()), limit);
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        let number = line.number.unwrap();
        match line.sort {
            LineSort::Held => {
                assert_eq!(lines.text(), &bytes[line.start as usize..line.end as usize]);
                all.push((line.start, number, String::from_utf8_lossy(lines.text()).into_owned()));
            }
            LineSort::Empty => {
                all.extend((line.start..line.end).map(|at| (at, number + at - line.start, String::new())));
            }
            long => all.push((line.start, number, format!("{long:?} {}", line.end - line.start))),
        }
        assert_eq!(
            line.terminated,
            bytes.get(line.end as usize - usize::from(line.sort == LineSort::Empty)) == Some(&b'\n')
        );
    }
    assert_eq!(lines.offset(), bytes.len() as u64);
    all
}

fn expected(bytes: &[u8], limit: usize) -> Vec<(u64, u64, String)> {
    let mut all = Vec::new();
    let mut start = 0;
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line = text.strip_suffix(b"\n").unwrap_or(text);
        let sort = if line.iter().all(|byte| *byte == 0) { LineSort::LongZeros } else { LineSort::TooLong };
        let said = if line.len() > limit {
            format!("{sort:?} {}", line.len())
        } else {
            String::from_utf8_lossy(line).into_owned()
        };
        all.push((start, index as u64 + 1, said));
        start += text.len() as u64;
    }
    all
}

#[test]
fn a_line_beyond_what_is_held_is_measured_and_then_read_or_skipped() {
    let long = [b"a\n".to_vec(), vec![b'x'; HELD + CHUNK], b"\n\nb\n".to_vec(), vec![b'y'; 3 * HELD]].concat();
    for limit in [HELD * 2, HELD * 4, 10] {
        assert!(read(&long, limit) == expected(&long, limit), "{limit}");
    }
    let zeros = [vec![0; 2 * HELD], b"\nb\n".to_vec()].concat();
    assert!(read(&zeros, HELD) == expected(&zeros, HELD));
}

#[test]
fn a_skipped_line_leaves_no_large_buffer() {
    let long = [vec![b'x'; 8 * HELD], b"\nb\n".to_vec()].concat();
    let mut lines = Lines::new(Source::of(long), HELD);
    assert_eq!(lines.next_line().unwrap().unwrap().sort, LineSort::TooLong);
    assert_eq!((lines.next_line().unwrap().unwrap().number, lines.buffer.capacity()), (Some(2), CHUNK));
}

#[test]
fn a_line_can_be_unread() {
    let mut lines = Lines::new(Source::of(b"a\n\n\nb".to_vec()), 10);
    let mut again = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        assert!(lines.unread(&line));
        assert_eq!(lines.next_line().unwrap(), Some(line.clone()));
        again.push(line.number);
    }
    assert_eq!(again, [Some(1), Some(2), Some(4)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn lines_are_those_that_a_split_gives(
        lens in proptest::collection::vec(prop_oneof![4 => 0usize..200, 1 => 50_000usize..300_000], 0..40),
        newline_at_end: bool,
        limit in prop_oneof![Just(100usize), Just(100_000), Just(1 << 20)],
    ) {
        let text = |len: &usize| b"abcdefgh".iter().copied().cycle().skip(len % 8).take(*len).collect::<Vec<u8>>();
        let mut bytes = lens.iter().map(text).collect::<Vec<_>>().join(&b'\n');
        if newline_at_end {
            bytes.push(b'\n');
        }
        let read = read(&bytes, limit);
        prop_assert!(read == expected(&bytes, limit), "{lens:?} {limit}");
    }
}

#[test]
fn a_run_of_empty_lines_is_one_wherever_the_buffer_ends() {
    let bytes = [b"a\n".as_slice(), &vec![b'\n'; 3 * CHUNK], b"b\n"].concat();
    let mut lines = Lines::new(Source::of(bytes), CHUNK);
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        assert!(lines.buffer.len() <= 2 * CHUNK);
        all.push((line.number.unwrap(), line.end - line.start));
    }
    assert_eq!(all, [(1, 1), (2, 3 * CHUNK as u64), (2 + 3 * CHUNK as u64, 1)]);
}
