//! A recording's entry in the manifest.

use std::path::{Path, PathBuf};

use rehydra::codex::version::Version;
use rehydra::marker::Marker;
use rehydra::rollout::Era;
use rehydra::rollout::manifest::{CWD_PLACEHOLDER, Feature, Fixture, OtherFile, Shown as Looked, Truth};
use sha2::{Digest, Sha256};

use crate::clean::Files;
use crate::front::APPROVAL;
use crate::keep::{Recorded, names};
use crate::recipes::{After, Recipe};
use crate::{Fallible, Held, after};

/// What is to be described.
pub(crate) struct Shown {
    pub(crate) held: Held,
    /// The thread's file, below the home: the compressed one, if it was compressed.
    pub(crate) file: PathBuf,
    /// All files, clean and plain.
    pub(crate) files: Files,
    pub(crate) truth: Truth,
    pub(crate) markers: Vec<Marker>,
    pub(crate) replaced: Vec<String>,
    /// Who wrote the file as it stands.
    pub(crate) codex: Version,
}

/// The entry, and the files as they are kept.
pub(crate) fn describe(recipe: &Recipe, shown: Shown) -> Fallible<Recorded> {
    let Shown { held, file, mut files, truth, markers, replaced, codex } = shown;
    let plain = files.get(&held.file).cloned().ok_or("the thread's file is gone")?;
    if recipe.after == After::Compress {
        files.remove(&held.file);
        files.insert(file.clone(), after::compressed(&plain)?);
    }
    let text = String::from_utf8(plain)?;
    let file_name = file.display().to_string();
    let looked = Looked { text: &text, file_name: &file_name, made_by: recipe.made_by(), id: &held.thread };
    let holds = Feature::ALL.into_iter().filter(|feature| feature.is_in(looked)).collect();

    let names = names(recipe.name, &file, &files);
    let other = |path: &Path, bytes: &[u8]| OtherFile {
        file: names.get(path).cloned().unwrap_or_default(),
        file_name: path.display().to_string(),
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let head = other(&file, files.get(&file).map(Vec::as_slice).unwrap_or_default());
    // A bare file says nothing of either.
    let known = recipe.era != Era::Bare;
    let fixture = Fixture {
        name: recipe.name.to_owned(),
        file: head.file,
        codex: codex.to_string(),
        made_by: recipe.made_by().to_owned(),
        era: Some(recipe.era),
        id: held.thread,
        file_name,
        // 0.20.0 tells neither the file nor the model where it is.
        cwd: if text.contains(CWD_PLACEHOLDER) { CWD_PLACEHOLDER.to_owned() } else { String::new() },
        sandbox: known.then(|| recipe.sandbox().to_owned()),
        approval: known.then(|| APPROVAL.to_owned()),
        turns: held.turns,
        truth,
        markers,
        holds,
        replaced,
        sha256: head.sha256,
        also: files.iter().filter(|(path, _)| **path != file).map(|(path, bytes)| other(path, bytes)).collect(),
    };
    let files = files.into_iter().filter_map(|(path, bytes)| Some((names.get(&path)?.clone(), bytes)));
    Ok(Recorded { fixture, files: files.collect() })
}
