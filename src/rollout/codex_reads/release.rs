//! A release of Codex, as far as the table asks: later ones are greater.

use std::fmt;
use std::str::FromStr;

/// A release such as `0.153.4`. An alpha counts as its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(u32, u32, u32);

/// A text that names no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this names no release of Codex; give three numbers, such as 0.153.4")]
pub struct NotARelease;

impl Release {
    /// The release with these numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Release {
        Release(major, minor, patch)
    }
}

impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Release, NotARelease> {
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().map_err(|_| NotARelease));
        let mut next = || parts.next().unwrap_or(Err(NotARelease));
        let release = Release(next()?, next()?, next()?);
        parts.next().is_none().then_some(release).ok_or(NotARelease)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_printed_and_sorted_by_age() {
        let ages = ["0.9.10", "0.105.0", "0.153.4", "1.0.0"].map(|text| text.parse::<Release>().unwrap());
        assert!(ages.is_sorted());
        assert_eq!(ages[2], Release::new(0, 153, 4));
        assert_eq!("0.154.0-alpha.3".parse::<Release>().unwrap().to_string(), "0.154.0");
        for odd in ["", "0.1", "0.1.2.3", "v0.1.2", "0..1", "latest"] {
            assert_eq!(odd.parse::<Release>(), Err(NotARelease), "{odd}");
        }
    }
}
