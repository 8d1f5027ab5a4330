//! "Did you mean": the word of a closed list that somebody most likely meant.
//!
//! Two words are near when few letters must be put in, taken out, changed or swapped with their neighbour to make one of
//! the other; case, `_` and `-` do not count. A guess that is not near is worse than none, so then there is none.

/// Longer words are not compared: nobody means a key of a closed list by them.
const LONGEST_CHARS: usize = 64;

/// The word of `known` that is nearest to `given`, if one is near.
pub(super) fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = fold(given);
    if folded.len() > LONGEST_CHARS {
        return None;
    }
    let near = known.into_iter().map(|word| (distance(&folded, &fold(word)), word)).min_by_key(|(d, _)| *d);
    near.filter(|(d, word)| *d <= (word.chars().count().min(folded.len()) / 3).min(2)).map(|(_, word)| word)
}

fn fold(word: &str) -> Vec<char> {
    word.chars().filter(|c| *c != '-' && *c != '_').flat_map(char::to_lowercase).take(LONGEST_CHARS + 1).collect()
}

/// Optimal string alignment: insertions, deletions, changes and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let above = &rows[i];
            let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && *y == a[i - 1] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_does_not_guess_wildly() {
        let known = ["prompt", "model", "fault", "limit_ms", "durable", "KILL", "file", "n"];
        for (given, meant) in [
            ("promt", Some("prompt")),
            ("porompt", Some("prompt")),
            ("modle", Some("model")),
            ("limit-ms", Some("limit_ms")),
            ("Durable", Some("durable")),
            ("kill", Some("KILL")),
            ("colour", None),
            ("x", None),
            ("title", None),
            ("N", Some("n")),
            ("m", None),
        ] {
            assert_eq!(nearest(given, known), meant, "{given}");
        }
        assert_eq!(nearest(&"p".repeat(100_000), known), None);
    }
}
