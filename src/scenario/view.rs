//! Takes values out of a table by its shape.
//!
//! A [`View`] pairs a table with the shape that it was held against. It reads leniently: what is absent or wrong is
//! `None`, because `conform.rs` has already told it and a file with findings is never played. Asking for a key that the
//! shape does not name is a mistake of this room and stops a debug build.

use std::ops::Range;

use serde_json::{Map, Number};
use toml_spanner::{Item, Table, Value};

use super::conform;
use super::grammar::{Shape, TableShape, Words};

/// A table and its shape; absent tables have views too, in which everything is absent.
#[derive(Clone, Copy)]
pub(super) struct View<'t, 'de> {
    table: Option<&'t Table<'de>>,
    shape: &'static TableShape,
}

impl<'t, 'de> View<'t, 'de> {
    pub(super) fn new(table: &'t Table<'de>, shape: &'static TableShape) -> View<'t, 'de> {
        View { table: Some(table), shape }
    }

    /// The value of a key, and the shape that it should have.
    fn item(self, key: &str) -> (Option<&'t Item<'de>>, Option<&'static Shape>) {
        let shape = self.shape.key(key).map(|k| &k.shape);
        debug_assert!(shape.is_some(), "{} has no key {key}", self.shape.name);
        (self.table.and_then(|table| table.get(key)), shape)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.item(key).0.is_some()
    }

    /// The key is absent, or its value is as it should be all the way down.
    pub(super) fn sound(self, key: &str) -> bool {
        match self.item(key) {
            (Some(item), Some(shape)) => conform::sound(item, shape),
            _ => true,
        }
    }

    /// The one key that was chosen of those that exclude each other; `None` where none or more than one was.
    pub(super) fn chosen(self) -> Option<&'static str> {
        let mut chosen = self.shape.choices().filter(|key| self.has(key));
        chosen.next().filter(|_| chosen.next().is_none())
    }

    /// Where the key stands; where the table stands if it does not.
    pub(super) fn key_span(self, key: &str) -> Range<usize> {
        let entry = self.table.and_then(|table| table.get_key_value(key));
        entry.map_or_else(|| self.span(), |(key, _)| key.span.range())
    }

    /// Where the value stands; where the table stands if it does not.
    pub(super) fn value_span(self, key: &str) -> Range<usize> {
        self.item(key).0.map_or_else(|| self.span(), |item| item.span().range())
    }

    pub(super) fn span(self) -> Range<usize> {
        self.table.map_or(0..0, |table| table.span().range())
    }

    pub(super) fn text(self, key: &str) -> Option<String> {
        self.item(key).0.and_then(|item| item.as_str()).map(str::to_owned)
    }

    pub(super) fn number(self, key: &str) -> Option<u64> {
        self.item(key).0.and_then(|item| item.as_u64())
    }

    /// A number that the grammar keeps below 2^32.
    pub(super) fn count(self, key: &str) -> Option<u32> {
        self.number(key).and_then(|n| u32::try_from(n).ok())
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.item(key).0.and_then(|item| item.as_bool())
    }

    pub(super) fn word<T: Copy + PartialEq>(self, key: &str, words: &Words<T>) -> Option<T> {
        self.item(key).0.and_then(|item| item.as_str()).and_then(|name| words.value(name))
    }

    /// Every string of a list.
    pub(super) fn texts(self, key: &str) -> Vec<String> {
        let items = self.item(key).0.and_then(|item| item.as_array()).map_or(&[][..], |array| array.as_slice());
        items.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect()
    }

    /// The table under a key; a view of nothing if it is absent.
    pub(super) fn view(self, key: &str) -> View<'t, 'de> {
        self.views(key).into_iter().next().unwrap_or(View { table: None, shape: inner(self.item(key).1, self.shape) })
    }

    /// The tables under a key that holds one or a list of them.
    pub(super) fn views(self, key: &str) -> Vec<View<'t, 'de>> {
        let (item, shape) = self.item(key);
        let shape = inner(shape, self.shape);
        let tables: Vec<&Table<'de>> = match item.map(|item| item.value()) {
            Some(Value::Table(table)) => vec![table],
            Some(Value::Array(array)) => array.iter().filter_map(|item| item.as_table()).collect(),
            _ => Vec::new(),
        };
        tables.into_iter().map(|table| View { table: Some(table), shape }).collect()
    }

    /// The tables under a key that holds them by names of the author's choice: name, place of the name, table. In the
    /// order of the source.
    pub(super) fn named(self, key: &str) -> Vec<(&'t str, Range<usize>, View<'t, 'de>)> {
        let (item, shape) = self.item(key);
        let shape = inner(shape, self.shape);
        let entries = by_place(item);
        let view = |table| View { table: Some(table), shape };
        entries.into_iter().filter_map(|(name, span, item)| Some((name, span, view(item.as_table()?)))).collect()
    }

    /// The strings under a key that holds them by names of the author's choice, as [`View::named`].
    pub(super) fn pairs(self, key: &str) -> Vec<(&'t str, Range<usize>, &'t str)> {
        let entries = by_place(self.item(key).0);
        entries.into_iter().filter_map(|(name, span, item)| Some((name, span, item.as_str()?))).collect()
    }

    /// Every string of a list, and where it stands.
    pub(super) fn words(self, key: &str) -> Vec<(&'t str, Range<usize>)> {
        let items = self.item(key).0.and_then(|item| item.as_array()).map_or(&[][..], |array| array.as_slice());
        items.iter().filter_map(|item| Some((item.as_str()?, item.span().range()))).collect()
    }

    /// A table as JSON; an empty object if it is absent.
    pub(super) fn json(self, key: &str) -> serde_json::Value {
        self.item(key).0.filter(|_| self.sound(key)).map_or_else(|| Map::new().into(), json)
    }
}

/// The entries of a table in the order of the source.
fn by_place<'t, 'de>(item: Option<&'t Item<'de>>) -> Vec<(&'t str, Range<usize>, &'t Item<'de>)> {
    let table = item.and_then(|item| item.as_table());
    let mut entries: Vec<_> =
        table.into_iter().flatten().map(|(key, item)| (key.name, key.span.range(), item)).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}

/// The table shape inside a shape.
fn inner(shape: Option<&'static Shape>, otherwise: &'static TableShape) -> &'static TableShape {
    fn find(shape: &'static Shape) -> Option<&'static TableShape> {
        match shape {
            Shape::Table(table) => Some(table),
            Shape::List { of, .. } | Shape::Map { of, .. } => find(of),
            Shape::Either(shapes) => shapes.iter().find_map(find),
            _ => None,
        }
    }
    let found = shape.and_then(find);
    debug_assert!(found.is_some(), "{} is asked for a table where it has none", otherwise.name);
    found.unwrap_or(otherwise)
}

/// A sound value as JSON; its depth is limited by `conform.rs`.
fn json(item: &Item<'_>) -> serde_json::Value {
    match item.value() {
        Value::String(text) => (*text).into(),
        Value::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => serde_json::Value::Null,
        },
        Value::Float(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
        Value::Boolean(flag) => (*flag).into(),
        Value::Array(array) => array.iter().map(json).collect::<Vec<_>>().into(),
        Value::Table(table) => {
            table.iter().map(|(key, item)| (key.name.to_owned(), json(item))).collect::<Map<_, _>>().into()
        }
        Value::DateTime(_) => serde_json::Value::Null,
    }
}
