//! Paths of a story in which something stands for what only a run knows: where a thread's rollout lies, and its id.

/// A part of such a path. Where no thread is named it is `main`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPart<'p> {
    /// As it is.
    Text(&'p str),
    /// `{rollout}`, `{rollout:THREAD}`: the thread's newest rollout, from the run's directory.
    Rollout(&'p str),
    /// `{dir}`, `{dir:THREAD}`: the directory that it lies in.
    Dir(&'p str),
    /// `{name}`, `{name:THREAD}`: its file name.
    Name(&'p str),
    /// `{id}`, `{id:THREAD}`: the thread's newest id.
    Id(&'p str),
    /// Anything else in braces, with them.
    Unknown(&'p str),
}

impl<'p> PathPart<'p> {
    /// Takes a path apart.
    pub fn all(path: &'p str) -> Vec<PathPart<'p>> {
        let mut parts = Vec::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{')
            && let Some((inside, behind)) = after.split_once('}')
        {
            if !before.is_empty() {
                parts.push(PathPart::Text(before));
            }
            let (word, thread) = inside.split_once(':').unwrap_or((inside, "main"));
            parts.push(match word {
                "rollout" => PathPart::Rollout(thread),
                "dir" => PathPart::Dir(thread),
                "name" => PathPart::Name(thread),
                "id" => PathPart::Id(thread),
                _ => PathPart::Unknown(inside),
            });
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(PathPart::Text(rest));
        }
        parts
    }

    /// The thread that it is about.
    pub fn thread(self) -> Option<&'p str> {
        match self {
            PathPart::Rollout(thread) | PathPart::Dir(thread) | PathPart::Name(thread) | PathPart::Id(thread) => {
                Some(thread)
            }
            PathPart::Text(_) | PathPart::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_stands_in_braces_and_what_does_not() {
        assert_eq!(PathPart::all("{rollout}"), [PathPart::Rollout("main")]);
        let parts = [PathPart::Text("home-b/sessions/"), PathPart::Name("second"), PathPart::Text("x")];
        assert_eq!(PathPart::all("home-b/sessions/{name:second}x"), parts);
        assert_eq!(PathPart::all("a/{id}.lock"), [PathPart::Text("a/"), PathPart::Id("main"), PathPart::Text(".lock")]);
        assert_eq!(PathPart::all("{dir}/{name}"), [PathPart::Dir("main"), PathPart::Text("/"), PathPart::Name("main")]);
        assert_eq!(PathPart::all("{day}"), [PathPart::Unknown("day")]);
        assert_eq!(PathPart::all("a{b"), [PathPart::Text("a{b")]);
        assert_eq!(PathPart::all(""), []);
    }
}
