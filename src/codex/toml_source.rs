//! Reading a TOML document by hand, key by key, so that every refusal can name the line it is about.
//!
//! A typed parse would either refuse keys that it does not know or lose the place of those that it does; a user's
//! `config.toml` asks for neither. Parsing itself is the `toml` crate's, which bounds the nesting.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::user_config::ConfigError;

/// A value and where it stands.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A document's text and the file that refusals name.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
}

impl Source<'_> {
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
    }

    pub(super) fn error(&self, at: &Value<'_>, text: String) -> ConfigError {
        ConfigError { file: self.file.to_owned(), line: Some(self.line(&at.span())), text }
    }

    pub(super) fn wrong_type(&self, at: &Value<'_>, key: &str, wanted: &str) -> ConfigError {
        self.error(at, format!("`{key}` is of type {}; make it {wanted}", at.get_ref().type_str()))
    }

    pub(super) fn string(&self, table: &DeTable<'_>, key: &str) -> Result<Option<String>, ConfigError> {
        match table.get(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong_type(value, key, "a string")),
            },
        }
    }

    pub(super) fn first_string(&self, scopes: &[&DeTable<'_>], key: &str) -> Result<Option<String>, ConfigError> {
        for table in scopes {
            if let Some(text) = self.string(table, key)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    pub(super) fn table<'t, 'i>(
        &self,
        parent: &'t DeTable<'i>,
        key: &str,
    ) -> Result<Option<&'t DeTable<'i>>, ConfigError> {
        match parent.get(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_table() {
                Some(table) => Ok(Some(table)),
                None => Err(self.wrong_type(value, key, "a table")),
            },
        }
    }

    pub(super) fn profile<'t, 'i>(&self, root: &'t DeTable<'i>, name: &str) -> Result<&'t DeTable<'i>, ConfigError> {
        let found = match self.table(root, "profiles")? {
            Some(profiles) => self.table(profiles, name)?,
            None => None,
        };
        found.ok_or_else(|| {
            let text = format!("`profile` names `{name}`; add [profiles.{name}] or remove `profile`");
            self.error_at(root, "profile", text)
        })
    }

    // The line of a key that may be missing: then the file alone is named.
    pub(super) fn error_at(&self, table: &DeTable<'_>, key: &str, text: String) -> ConfigError {
        match table.get(key) {
            Some(value) => self.error(value, text),
            None => ConfigError { file: self.file.to_owned(), line: None, text },
        }
    }
}
