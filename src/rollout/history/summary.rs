//! What a thread is by now, from its metadata and the settings that still count.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::ThreadId;
use super::super::era::Era;
use super::super::lineage::HistoryBase;
use super::super::locate::RolloutName;
use super::super::meta::{
    SessionMeta, SettingsKind, SettingsTold, Source, SourceKind, Sourced, ThreadMeta, TurnContext,
};
use super::super::place::Place;
use super::steps::Steps;

/// The metadata, where it stands, and the steps that still count.
pub(super) struct Summary<'a> {
    pub(super) meta: &'a SessionMeta,
    /// `None` if it was rebuilt.
    pub(super) place: Option<&'a Place>,
    /// It is line 1 of a bare file.
    pub(super) is_bare: bool,
    /// The file that was asked for.
    pub(super) path: &'a Path,
    pub(super) steps: &'a Steps,
}

impl Summary<'_> {
    /// Brings together what they say.
    pub(super) fn thread(&self) -> ThreadMeta {
        let meta = self.meta;
        let text = |key: &str| meta.raw.get(key).and_then(Value::as_str);
        let start = meta.raw.get("subagent_history_start_ordinal").and_then(Value::as_u64);
        ThreadMeta {
            id: self.id(),
            era: self.era(),
            cwd: self.cwd(),
            created: self.of_meta(meta.timestamp.clone()),
            writer_version: self.of_meta(meta.cli_version.clone()),
            originator: self.of_meta(meta.originator.clone()),
            forked_from: self.of_meta(meta.forked_from_id),
            base: self.of_meta(HistoryBase::of(&meta.raw).and_then(Result::ok)),
            parent_thread: self.of_meta(text("parent_thread_id").and_then(|id| ThreadId::parse(id).ok())),
            subagent_history_start_ordinal: self.of_meta(start),
            segment: Sourced::decide(self.name().and_then(|name| name.segment).map(|id| (id, FILE_NAME))),
            model: Sourced::decide(self.newest(|told| told.context.model.clone())),
            provider: Sourced::decide(
                self.newest(|told| told.provider.clone()).chain(self.said(meta.model_provider.clone())),
            ),
            effort: Sourced::decide(self.newest(|told| told.context.effort.clone())),
            sandbox: Sourced::decide(self.newest(|told| told.context.sandbox.clone())),
            approval: Sourced::decide(self.newest(|told| told.context.approval.clone())),
        }
    }

    /// The last turn context.
    pub(super) fn turn_context(&self) -> Option<&TurnContext> {
        let mut told = self.steps.settings_told().map(|(_, told)| told);
        told.find(|told| told.kind == SettingsKind::TurnContext).map(|told| &told.context)
    }

    fn name(&self) -> Option<RolloutName> {
        RolloutName::parse(self.path.file_name()?.to_str()?)
    }

    fn id(&self) -> Sourced<ThreadId> {
        let from = if self.place.is_some() { self.source_of_meta() } else { FILE_NAME };
        let by_name = self.name().map(|name| name.thread).filter(|named| *named != self.meta.id);
        let overrode = by_name.map(|named| (named, FILE_NAME)).into_iter().collect();
        Sourced { value: self.meta.id, from, overrode }
    }

    fn era(&self) -> Era {
        match self.meta.history_mode.as_deref() {
            _ if self.is_bare => Era::Bare,
            Some("paginated") => Era::Paginated,
            Some(_) => Era::WorldState,
            None => Era::Envelope,
        }
    }

    fn cwd(&self) -> Option<Sourced<PathBuf>> {
        let cwd = |told: &SettingsTold| told.context.cwd.clone();
        let told = self.steps.last_told_cwd().map(|(place, cwd)| {
            (cwd.clone(), Source { kind: SourceKind::EnvironmentContext, place: Some(place.clone()) })
        });
        // A bare file's metadata has its cwd from there too.
        let by_meta = self.meta.cwd.clone().filter(|_| !self.is_bare);
        let settings = [SettingsKind::TurnContext, SettingsKind::Applied];
        let by_settings = settings.into_iter().filter_map(|kind| self.newest_of(kind, cwd));
        Sourced::decide(by_settings.chain(self.said(by_meta)).chain(told))
    }

    fn source_of_meta(&self) -> Source {
        Source { kind: SourceKind::SessionMeta, place: self.place.cloned() }
    }

    fn said<T>(&self, value: Option<T>) -> Option<(T, Source)> {
        value.map(|value| (value, self.source_of_meta()))
    }

    fn of_meta<T: PartialEq>(&self, value: Option<T>) -> Option<Sourced<T>> {
        Sourced::decide(self.said(value))
    }

    /// What settings of one kind tell last.
    fn newest_of<T>(&self, kind: SettingsKind, pick: impl Fn(&SettingsTold) -> Option<T>) -> Option<(T, Source)> {
        let mut told = self.steps.settings_told().filter(|(_, told)| told.kind == kind);
        told.find_map(|(place, told)| Some((pick(told)?, source(kind, place))))
    }

    /// What settings of any kind tell, the newest of each kind, the newest of all first.
    fn newest<T>(&self, pick: impl Fn(&SettingsTold) -> Option<T>) -> impl Iterator<Item = (T, Source)> {
        let mut told: Vec<_> = [SettingsKind::TurnContext, SettingsKind::Applied]
            .into_iter()
            .filter_map(|kind| self.newest_of(kind, &pick))
            .collect();
        told.sort_by_key(|(_, source)| std::cmp::Reverse(source.place.as_ref().map(Place::position)));
        told.into_iter()
    }
}

const FILE_NAME: Source = Source { kind: SourceKind::FileName, place: None };

fn source(kind: SettingsKind, place: &Place) -> Source {
    let kind = match kind {
        SettingsKind::TurnContext => SourceKind::TurnContext,
        SettingsKind::Applied => SourceKind::ThreadSettingsApplied,
    };
    Source { kind, place: Some(place.clone()) }
}
