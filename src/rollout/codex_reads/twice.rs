//! Whether a JSON text names a key twice in one object.
//!
//! `serde_json` lets the last one win, so a parsed value cannot tell; this reads the text and keeps nothing but the names
//! of the objects that are open.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Whether some object in the text has a key twice. A text that is no JSON has none.
pub(super) fn names_a_key_twice(text: &str) -> bool {
    let mut twice = false;
    let mut input = serde_json::Deserializer::from_str(text);
    let read = Look(&mut twice).deserialize(&mut input);
    read.is_ok() && twice
}

struct Look<'t>(&'t mut bool);

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = map.next_key()? {
            *self.0 |= !names.insert(name);
            map.next_value_seed(Look(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Look(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::names_a_key_twice;

    #[test]
    fn a_key_is_twice_only_within_one_object() {
        assert!(names_a_key_twice(r#"{"a":1,"b":{"c":[{"d":1,"d":2}]}}"#));
        assert!(names_a_key_twice(r#"{"a":null,"\u0061":-1.5}"#));
        assert!(!names_a_key_twice(r#"{"a":{"a":[true,{"a":"a"}]}}"#));
        assert!(!names_a_key_twice(r#"{"a":1,"a":"#));
    }
}
