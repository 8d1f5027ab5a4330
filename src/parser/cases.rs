//! The files that a parser is tried on, each with what a correct reader gets from it.
//!
//! A class is `healthy`, `recorded`, or the name of a mutator. For each class and each era it fits, as many files are made
//! as the plan says, from recipes that are drawn from its seed: the same plan gives the same files. A recipe can be made
//! smaller, a recorded file cannot.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::marker::{self, Carrier, MARKER_BYTES, Marker};
use crate::rollout::ThreadId;
use crate::rollout::generate::{Era, Spec, ToolKind, generate};
use crate::rollout::manifest::{CWD_PLACEHOLDER, Fixture, tell_base_lengths};
use crate::rollout::mutate::{Mutator, Where};

/// The class of files that nothing happened to.
const HEALTHY: &str = "healthy";
/// The class of files that real Codex releases wrote.
const RECORDED: &str = "recorded";
/// How often a place for a damage is looked for before its file is left out.
const PLACES: u64 = 8;
/// Where the threads of all files live. Nothing is there.
const CWD: &str = "/work/a project/ä";

/// What is tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides every file.
    pub seed: u64,
    /// Files for each class and era.
    pub files: u32,
    /// Only these classes; empty for all.
    pub classes: Vec<String>,
    /// Only these eras; empty for all.
    pub eras: Vec<Era>,
}

/// One file and what is known of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its class.
    pub class: String,
    /// Its era, where it is known.
    pub era: Option<Era>,
    /// Fit to name a directory, and different for each case of a plan.
    pub name: String,
    /// How it was made; `None` for a recorded one.
    pub recipe: Option<Recipe>,
    /// Its place below the home.
    pub path: PathBuf,
    /// The file.
    pub bytes: Vec<u8>,
    /// The other files of the home: what it was forked from, earlier segments.
    pub beside: Vec<(PathBuf, Vec<u8>)>,
    /// What is right.
    pub expected: Expected,
}

/// How a file was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What was generated.
    pub spec: Spec,
    /// What was done to it, and the seed of the place.
    pub damage: Option<(Mutator, u64)>,
}

/// What a correct reader says of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// The thread's id. There are two where the metadata names another one than the file's name.
    pub ids: Vec<String>,
    /// Its directory.
    pub cwd: Option<String>,
    /// The markers that every correct reader shows, in order.
    pub must: Vec<Marker>,
    /// Those that a reader of the live history may show besides: an open turn's, what can be salvaged. A marker that comes
    /// twice may be shown twice.
    pub may: Vec<Marker>,
    /// All that stand in the file in any way: what none shows that is not here, nobody made up.
    pub in_file: HashSet<Marker>,
    /// A prompt and its reply, which stand in one turn.
    pub pairs: Vec<(Marker, Marker)>,
    /// The file is not what Codex wrote.
    pub damaged: bool,
    /// Something that was said is gone, and what is left shows that: who says that nothing is damaged is wrong.
    pub lossy: bool,
    /// A correct reader gives up on it.
    pub refused: bool,
}

/// The names of all classes, in the order of the table.
pub fn classes() -> Vec<&'static str> {
    [HEALTHY, RECORDED].into_iter().chain(Mutator::all().map(|mutator| mutator.name())).collect()
}

/// The generated cases of a plan, class by class and era by era.
pub fn cases(plan: &Plan) -> Vec<Case> {
    let wanted = |class: &str| plan.classes.is_empty() || plan.classes.iter().any(|name| name == class);
    let kinds = std::iter::once(None).chain(Mutator::all().map(Some));
    let mut cases = Vec::new();
    for kind in kinds.filter(|kind| wanted(kind.map_or(HEALTHY, |mutator| mutator.name()))) {
        for era in Era::ALL.into_iter().filter(|era| plan.eras.is_empty() || plan.eras.contains(era)) {
            if kind.is_some_and(|mutator| !mutator.applies_to(era)) {
                continue;
            }
            let first = plan.seed.wrapping_mul(1_000_003);
            cases.extend((0..plan.files).filter_map(|n| drawn(kind, era, first.wrapping_add(u64::from(n)))));
        }
    }
    cases
}

/// The case of a recording, whose files `read` gives; none where the plan leaves it out.
pub fn recorded<'a>(plan: &Plan, fixture: &Fixture, read: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Case> {
    let wanted = plan.classes.is_empty() || plan.classes.iter().any(|name| name == RECORDED);
    let of_era = plan.eras.is_empty() || fixture.era.is_some_and(|era| plan.eras.contains(&era));
    if !(wanted && of_era) {
        return None;
    }
    let path = PathBuf::from(&fixture.file_name);
    let named = fixture.files().map(|file| Some((PathBuf::from(file.file_name), read(&file.file)?.to_vec())));
    let before: BTreeMap<PathBuf, Vec<u8>> = named.collect::<Option<_>>()?;
    // The placeholder in a compressed file cannot be replaced, so nobody is asked for the directory of one.
    let filled = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
        Ok(text) => text.replace(CWD_PLACEHOLDER, CWD).into_bytes(),
        Err(_) => bytes.clone(),
    };
    let after = before.iter().map(|(path, bytes)| (path.clone(), filled(bytes))).collect();
    let mut files = tell_base_lengths(&before, &after);
    let bytes = files.remove(&path)?;
    let is_filled = !fixture.cwd.is_empty() && std::str::from_utf8(&bytes).is_ok();
    let everywhere = files.values().chain([&bytes]).flat_map(|bytes| in_file(bytes));
    let expected = Expected {
        ids: vec![fixture.id.clone()],
        cwd: Some(CWD.to_owned()).filter(|_| is_filled),
        pairs: pairs(&fixture.markers),
        must: fixture.markers.clone(),
        in_file: everywhere.chain(fixture.markers.iter().cloned()).collect(),
        ..Expected::default()
    };
    Some(Case {
        class: RECORDED.to_owned(),
        era: fixture.era,
        name: format!("{RECORDED}-{}", fixture.name),
        recipe: None,
        path,
        bytes,
        beside: files.into_iter().collect(),
        expected,
    })
}

/// The first recipe from that seed on whose damage finds a place.
fn drawn(kind: Option<Mutator>, era: Era, seed: u64) -> Option<Case> {
    let recipe =
        |place: u64| Recipe { spec: spec(era, seed, place), damage: kind.map(|mutator| (mutator, seed ^ place)) };
    (0..PLACES).find_map(|place| recipe(place).case())
}

/// A conversation, drawn from the seed.
fn spec(era: Era, seed: u64, again: u64) -> Spec {
    let draw = |what: u64, bound: u64| (mixed(seed ^ (what << 32) ^ (again << 48)) % bound) as u32;
    let turns = 1 + draw(1, 5);
    Spec {
        turns,
        era,
        seed,
        tools: draw(2, 3),
        kinds: ToolKind::ALL.into_iter().cycle().skip(draw(6, 5) as usize).take(draw(7, 4) as usize).collect(),
        reasoning: draw(8, 3) == 0,
        images: draw(9, 4) == 0,
        aborted: draw(10, 4) == 0,
        rolled_back: if draw(11, 4) == 0 { 1 + draw(12, 2) } else { 0 },
        interrupted: draw(3, 3) == 0,
        compaction: (draw(4, 3) == 0).then(|| 1 + draw(5, u64::from(turns))),
        summary_only: draw(13, 4) == 0,
        bytes: if draw(14, 16) == 0 { 200_000 } else { 0 },
        ..Spec::default()
    }
}

/// The finaliser of SplitMix64: neighbouring seeds have nothing in common.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Recipe {
    /// The class of its file.
    pub fn class(&self) -> &'static str {
        self.damage.map_or(HEALTHY, |(mutator, _)| mutator.name())
    }

    /// The file; `None` where the damage finds no place in it.
    pub fn case(&self) -> Option<Case> {
        let spec = &self.spec;
        let id = thread_id(spec.seed)?;
        let start = Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_secs(1_750_000_000 + (spec.seed % 40_000_000) as i64))
            .ok()?;
        let generated = generate(spec, id, CWD, start);
        let mut expected = Expected {
            ids: vec![id.to_string()],
            cwd: Some(CWD.to_owned()),
            must: generated.markers.clone(),
            may: generated.unacknowledged.clone(),
            in_file: in_file(&generated.bytes),
            pairs: pairs(&generated.markers),
            ..Expected::default()
        };
        let (mut bytes, mut path) = (generated.bytes, generated.path);
        if let Some((mutator, place)) = self.damage {
            let mutated = mutator.apply(&bytes, Where::Seed(place));
            mutated.touched.as_ref()?;
            let open: HashSet<&Marker> = generated.unacknowledged.iter().collect();
            expected.must = mutated.must_show().into_iter().filter(|marker| !open.contains(marker)).collect();
            expected.may = mutated.may_show().into_iter().chain(mutated.salvaged).chain(expected.may).collect();
            expected.in_file.extend(in_file(&mutated.bytes));
            let before: BTreeSet<_> = std::mem::take(&mut expected.pairs).into_iter().collect();
            expected.pairs = pairs(&expected.must).into_iter().filter(|pair| before.contains(pair)).collect();
            expected.ids.extend(other_id(&mutated.bytes).filter(|other| *other != id.to_string()));
            (expected.damaged, expected.lossy, expected.refused) = (true, mutated.lossy, mutated.refused);
            bytes = mutated.bytes;
            if mutated.compressed {
                path.set_extension("jsonl.zst");
            }
        }
        let era = Some(spec.era);
        let name = format!("{}-{}-{}", self.class(), era_name(spec.era), spec.seed);
        let beside = Vec::new();
        Some(Case {
            beside,
            class: self.class().to_owned(),
            era,
            name,
            recipe: Some(self.clone()),
            path,
            bytes,
            expected,
        })
    }
}

/// As `--era` and the reports name it.
pub(super) fn era_name(era: Era) -> &'static str {
    match era {
        Era::Bare => "bare",
        Era::Envelope => "envelope",
        Era::WorldState => "world-state",
        Era::Paginated => "paginated",
    }
}

fn thread_id(seed: u64) -> Option<ThreadId> {
    let (high, low) = (mixed(seed), mixed(!seed));
    let text = format!("01a203fe-4d2b-7{:03x}-8{:03x}-{:012x}", high & 0xfff, (high >> 12) & 0xfff, low >> 16);
    ThreadId::parse(&text).ok()
}

/// The id that the first metadata names.
fn other_id(bytes: &[u8]) -> Option<String> {
    let mut records = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let id = |meta: &Value| Some(meta.get("id")?.as_str()?.to_owned());
    records.find_map(|record| match record.get("type").and_then(Value::as_str) {
        Some("session_meta") => record.get("payload").and_then(id),
        Some(_) => None,
        None => id(&record),
    })
}

/// Each prompt with the reply that comes before the next one.
fn pairs(markers: &[Marker]) -> Vec<(Marker, Marker)> {
    let mut pairs = Vec::new();
    let mut prompt = None;
    for marker in markers {
        match marker.carrier() {
            Some(Carrier::Prompt) => prompt = Some(marker),
            Some(Carrier::Reply) => pairs.extend(prompt.take().map(|prompt| (prompt.clone(), marker.clone()))),
            Some(Carrier::Summary) => prompt = None,
            _ => {}
        }
    }
    pairs
}

/// Every marker in the bytes of a file. In JSON a marker may follow the letter of an escape (`\n`), so its neighbours do
/// not count here.
fn in_file(bytes: &[u8]) -> HashSet<Marker> {
    let begins = bytes.windows(MARKER_BYTES).filter(|window| window.starts_with(b"rh"));
    begins.filter_map(|window| marker::find(std::str::from_utf8(window).ok()?).pop()).collect()
}

impl Case {
    /// Its path in a home.
    pub fn path_in(&self, home: &Path) -> PathBuf {
        home.join(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan { seed, files: 2, classes: Vec::new(), eras: Vec::new() }
    }

    #[test]
    fn every_class_has_files_and_the_same_plan_gives_the_same() {
        let made = cases(&plan(7));
        let of: HashSet<&str> = made.iter().map(|case| case.class.as_str()).collect();
        let lacking: Vec<_> = classes().into_iter().filter(|class| !of.contains(class) && *class != RECORDED).collect();
        assert_eq!(lacking, Vec::<&str>::new());
        let bytes = |cases: &[Case]| cases.iter().map(|case| case.bytes.clone()).collect::<Vec<_>>();
        assert_eq!(bytes(&made), bytes(&cases(&plan(7))));
        assert_ne!(bytes(&made), bytes(&cases(&plan(8))));
        let names: HashSet<&String> = made.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), made.len());
    }

    #[test]
    fn a_plan_can_be_narrowed() {
        let narrow = Plan { classes: vec!["torn-tail".into()], eras: vec![Era::Paginated], ..plan(1) };
        let made = cases(&narrow);
        assert_eq!(made.len(), 2);
        assert!(made.iter().all(|case| case.class == "torn-tail" && case.era == Some(Era::Paginated)));
    }

    #[test]
    fn what_must_be_shown_stands_in_the_file_and_a_pair_is_of_one_turn() {
        for case in cases(&plan(3)) {
            let Expected { must, may, in_file, pairs, .. } = &case.expected;
            assert!(must.iter().chain(may).all(|marker| in_file.contains(marker)), "{}", case.name);
            assert!(pairs.iter().all(|(a, b)| must.contains(a) && must.contains(b)), "{}", case.name);
            assert!(case.expected.damaged || must.is_empty() == (case.recipe.unwrap().spec.turns == 0));
        }
    }
}
