//! The cases: conditions, mutators and features of the generator on every era, and random mixtures.

use jiff::Timestamp;
use rehydra::rollout::ThreadId;
use rehydra::rollout::generate::home::{Content, ExpectedThread, HomeFile, HomeSpec};
use rehydra::rollout::generate::{self, Era, Spec, ToolKind};
use rehydra::rollout::mutate::{Mutator, Where, apply_all};

use super::conditions::{self, Condition};
use super::placed::Placed;

/// A rollout to be resumed, and what it is a case of.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Unique among the cases.
    pub(crate) name: String,
    /// The cells of the coverage table that it fills.
    pub(crate) cells: Vec<(String, Era)>,
    /// Its files.
    pub(crate) placed: Placed,
}

/// Makes cases, each with an id of its own.
pub(crate) struct Maker {
    cwd: String,
    start: Timestamp,
    made: u64,
}

/// Something that the generator can do, by name.
struct Feature {
    name: &'static str,
    spec: fn(Spec) -> Spec,
}

const FEATURES: &[Feature] = &[
    Feature { name: "one turn", spec: |s| Spec { turns: 1, ..s } },
    Feature { name: "many turns", spec: |s| Spec { turns: 30, tools: 0, ..s } },
    Feature { name: "no turn", spec: |s| Spec { turns: 0, ..s } },
    Feature { name: "calls of every kind", spec: |s| Spec { tools: 5, kinds: KINDS.to_vec(), ..s } },
    Feature { name: "reasoning", spec: |s| Spec { reasoning: true, ..s } },
    Feature { name: "images", spec: |s| Spec { images: true, ..s } },
    Feature { name: "long outputs", spec: |s| Spec { bytes: 200_000, ..s } },
    Feature { name: "an interrupted turn", spec: |s| Spec { interrupted: true, tools: 0, ..s } },
    Feature { name: "an interrupted call", spec: |s| Spec { interrupted: true, tools: 1, ..s } },
    Feature { name: "an aborted turn", spec: |s| Spec { aborted: true, ..s } },
    Feature { name: "turns rolled back", spec: |s| Spec { rolled_back: 2, ..s } },
    Feature { name: "a compaction between turns", spec: |s| Spec { compaction: Some(1), ..s } },
    Feature { name: "a compaction at the end", spec: |s| Spec { compaction: Some(9), ..s } },
    Feature { name: "a compaction before a rollback", spec: |s| Spec { compaction: Some(1), rolled_back: 1, ..s } },
    Feature { name: "a summary alone", spec: |s| Spec { compaction: Some(2), summary_only: true, ..s } },
];

const KINDS: [ToolKind; 5] =
    [ToolKind::Function, ToolKind::Custom, ToolKind::LocalShell, ToolKind::ToolSearch, ToolKind::WebSearch];

/// Conditions of which a release makes something else in a paginated file than in an older one.
const BY_MODE: &[&str] =
    &["not UTF-8", "key twice", "copy (1)", "second meta", "with a ghost", "before the meta", "meta at the end"];

/// Ways in which the threads of a generated home continue others, each with the eras that know it.
const CONTINUING: &[(&str, &[Era])] = &[
    ("root", &Era::ALL),
    ("fork by copy", &[Era::Envelope, Era::WorldState]),
    ("fork by reference", &[Era::Paginated]),
    ("revert", &[Era::Paginated]),
];

impl Maker {
    /// For threads that work in `cwd`.
    pub(crate) fn new(cwd: String) -> Maker {
        let start = Timestamp::from_second(1_795_168_800).unwrap_or(Timestamp::UNIX_EPOCH);
        Maker { cwd, start, made: 0 }
    }

    /// Every cell once: conditions on one era, or two where they differ, or with `all_eras` on all that have envelopes.
    pub(crate) fn cells(&mut self, all_eras: bool) -> Vec<Case> {
        let mut cases = Vec::new();
        for era in Era::ALL {
            for feature in FEATURES {
                let placed = self.placed((feature.spec)(plain(era, 1)));
                cases.push(Case::new("feature", feature.name, era, placed));
            }
            for mutator in Mutator::all().filter(|mutator| mutator.applies_to(era)) {
                cases.extend(self.mutated(mutator, era));
            }
            cases.extend(self.home(era, 1));
        }
        for (n, condition) in conditions::all().enumerate() {
            let eras: &[Era] = match () {
                () if all_eras => &Era::ALL[1..],
                () if BY_MODE.iter().any(|name| condition.name.contains(name)) => &[Era::Envelope, Era::Paginated],
                () if n % 2 == 0 => &[Era::Envelope],
                () => &[Era::Paginated],
            };
            // Some say nothing about the older era.
            let made: Vec<Case> = eras.iter().filter_map(|era| self.edited(condition, *era)).collect();
            match made.is_empty() {
                true => cases.extend(self.edited(condition, Era::Paginated)),
                false => cases.extend(made),
            }
        }
        cases
    }

    fn edited(&mut self, condition: &Condition, era: Era) -> Option<Case> {
        let placed = (condition.edit)(self.placed(plain(era, 1)))?;
        Some(Case::new("condition", condition.name, era, placed))
    }

    /// The mutator on the first of some files that offers it a place.
    fn mutated(&mut self, mutator: Mutator, era: Era) -> Option<Case> {
        (1..=8).find_map(|try_| {
            let spec = Spec { compaction: (try_ % 2 == 0).then_some(1), ..plain(era, try_) };
            let placed = self.placed(spec);
            let placed = damaged(placed, &[(mutator, Where::Seed(try_))])?;
            Some(Case::new("mutator", mutator.name(), era, placed))
        })
    }

    /// The threads of a home, each as a case with all of the home's files.
    fn home(&mut self, era: Era, seed: u64) -> Vec<Case> {
        let seed = seed * 100 + era as u64;
        let cwd = self.cwd.clone();
        let home = generate::home::home(&HomeSpec {
            threads: 9,
            seed,
            eras: vec![era],
            turns: 3,
            bytes: 0,
            cwd,
            oddities: true,
        });
        let file = |file: &HomeFile| match &file.content {
            Content::Bytes(bytes) => Some((file.path.clone(), bytes.clone())),
            _ => None,
        };
        let files: Vec<_> = home.files.iter().filter_map(file).collect();
        let thread = |thread: &ExpectedThread| {
            let of = &thread.expected;
            let way = match (&of.segment_id, &of.base, &of.forked_from) {
                (Some(_), ..) => "revert",
                (None, Some(_), _) => "fork by reference",
                (None, None, Some(_)) => "fork by copy",
                (None, None, None) => "root",
            };
            let (_, bytes) = files.iter().find(|(path, _)| *path == thread.head)?;
            let others = files.iter().filter(|(path, _)| *path != thread.head).cloned().collect();
            let id = ThreadId::parse(&of.thread_id).ok()?;
            let placed = Placed { id, path: thread.head.clone(), bytes: bytes.clone(), others };
            let oddity = thread.oddity.as_deref().unwrap_or("as it was");
            let name = format!("home {seed}: {way}, {oddity} / {era:?} {}", of.thread_id);
            Some(Case { name, cells: vec![(format!("home {way}"), era)], placed })
        };
        home.threads.iter().filter_map(thread).collect()
    }

    /// A random file with random damage.
    pub(crate) fn random(&mut self, seed: u64) -> Case {
        let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D);
        let era = *draw.of(&Era::ALL[1..]).unwrap_or(&Era::Envelope);
        let spec = Spec {
            turns: draw.below(7) as u32,
            tools: draw.below(4) as u32,
            interrupted: draw.below(3) == 0,
            compaction: (draw.below(3) == 0).then(|| draw.below(5) as u32),
            kinds: KINDS.to_vec(),
            reasoning: draw.below(3) == 0,
            images: draw.below(6) == 0,
            aborted: draw.below(4) == 0,
            rolled_back: draw.below(3).saturating_sub(1) as u32 * 2,
            ..plain(era, seed)
        };
        let placed = self.placed(spec);
        let fitting: Vec<Mutator> = Mutator::all().filter(|mutator| mutator.applies_to(era)).collect();
        let mut names = Vec::new();
        let mut chosen = Vec::new();
        for _ in 0..draw.below(4) {
            if let Some(mutator) = draw.of(&fitting) {
                names.push(mutator.name());
                chosen.push((*mutator, Where::Seed(draw.next())));
            }
        }
        let placed = damaged(placed.clone(), &chosen).unwrap_or(placed);
        let name =
            format!("random {seed}: {era:?}, {}", if names.is_empty() { "undamaged".into() } else { names.join(", ") });
        Case { name, cells: Vec::new(), placed }
    }

    fn placed(&mut self, spec: Spec) -> Placed {
        self.made += 1;
        let made = self.made;
        let id = format!("01a9{:04x}-{:04x}-7000-8000-{:012x}", made / 7, made % 7, made);
        let Ok(id) = ThreadId::parse(&id) else { unreachable!("{id} is an id") };
        let made = generate::generate(&Spec { seed: made, ..spec }, id, &self.cwd, self.start);
        Placed { id, path: made.path, bytes: made.bytes, others: Vec::new() }
    }
}

impl Case {
    fn new(kind: &str, name: &str, era: Era, placed: Placed) -> Case {
        Case { name: format!("{kind} {name} / {era:?}"), cells: vec![(format!("{kind} {name}"), era)], placed }
    }
}

/// The cells that have to be filled.
pub(crate) fn wanted() -> Vec<(String, Era)> {
    let mut wanted = Vec::new();
    for era in Era::ALL {
        wanted.extend(FEATURES.iter().map(|feature| (format!("feature {}", feature.name), era)));
        let mutators = Mutator::all().filter(|mutator| mutator.applies_to(era));
        wanted.extend(mutators.map(|mutator| (format!("mutator {}", mutator.name()), era)));
    }
    for (way, eras) in CONTINUING {
        wanted.extend(eras.iter().map(|era| (format!("home {way}"), *era)));
    }
    wanted
}

fn plain(era: Era, seed: u64) -> Spec {
    Spec { turns: 3, era, seed, tools: 1, ..Spec::default() }
}

fn damaged(mut placed: Placed, mutators: &[(Mutator, Where)]) -> Option<Placed> {
    let mut mutated = apply_all(mutators, &placed.bytes);
    mutated.touched?;
    make_unique(&mut mutated.bytes, placed.id);
    if mutated.compressed {
        placed.path.set_extension("jsonl.zst");
    }
    placed.bytes = mutated.bytes;
    Some(placed)
}

/// Gives the other id that a mutator writes into a `session_meta` an end of this case's own: Codex takes files that say one
/// id for one thread, and the case would have to be tried again alone.
fn make_unique(bytes: &mut [u8], id: ThreadId) {
    let own = id.to_string();
    let Some(own) = own.as_bytes().get(OTHER_ID.len()..) else { return };
    let starts: Vec<usize> = memchr::memmem::find_iter(bytes, OTHER_ID).collect();
    for start in starts {
        let from = start + OTHER_ID.len();
        if let Some(end) = bytes.get_mut(from..from + own.len()) {
            end.copy_from_slice(own);
        }
    }
}

/// What every other id begins with that a mutator writes.
const OTHER_ID: &[u8] = b"01a203fe-0000-7000-8000-";

/// splitmix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.below(all.len() as u64) as usize)
    }
}
