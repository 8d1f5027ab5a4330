//! From the text of a value to the value.
//!
//! `serde_json` is asked for it, but for one thing: with raw values compiled in, it takes an object whose first key is its
//! own private token for what the string behind that key stands for. A text in which that token may stand is built key by
//! key, so that every object is what it is.

use memchr::memmem;
use serde_json::{Map, Value};

use super::keys::Sort;
use super::skim::{Flaw, Skim};

/// What is in the private token; none of it has a short escape.
const TOKEN: &[u8] = b"serde_json::private";

/// The value that a text stands for, which has been checked to be JSON; numbers as they were written.
pub(in super::super) fn value_of(text: &str) -> Value {
    let may_hold_token = [TOKEN, b"\\u"].iter().any(|part| memmem::find(text.as_bytes(), part).is_some());
    if may_hold_token { built(text) } else { serde_json::from_str(text).unwrap_or_default() }
}

fn built(text: &str) -> Value {
    let mut skim = Skim::new(text.as_bytes());
    skim.space();
    next_of(&mut skim, text).unwrap_or_default()
}

/// The value that stands next. What is nested deeper than the limit is refused before this is called for it.
fn next_of(skim: &mut Skim<'_>, text: &str) -> Result<Value, Flaw> {
    match skim.next_sort() {
        Sort::Object => {
            let mut map = Map::new();
            skim.object(|skim, key| {
                map.insert(String::from_utf8_lossy(key).into_owned(), next_of(skim, text)?);
                Ok(())
            })?;
            Ok(Value::Object(map))
        }
        Sort::Array => {
            let mut values = Vec::new();
            skim.array(|skim| {
                values.push(next_of(skim, text)?);
                Ok(())
            })?;
            Ok(Value::Array(values))
        }
        Sort::Text | Sort::Scalar => {
            let span = skim.value()?;
            Ok(text.get(span).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::skim::tests::json;
    use super::*;

    #[test]
    fn an_object_with_a_private_key_is_what_it_is() {
        for (text, keys) in [
            (r#"{"$serde_json::private::RawValue":"[1]"}"#, 1),
            (r#"{"$serde_json::private::RawValue":7,"a":1}"#, 2),
            (r#"{"\u0024serde_json::private::R\u0061wValue":"[1]","b":null}"#, 2),
        ] {
            let nested = value_of(&format!(r#"{{"a":[{text}]}}"#));
            for object in [&value_of(text), &nested["a"][0]] {
                let first = object.as_object().and_then(|map| map.keys().next());
                assert_eq!(first.map(String::as_str), Some("$serde_json::private::RawValue"), "{text}");
                assert_eq!(object.as_object().map(Map::len), Some(keys), "{text}");
            }
        }
    }

    #[test]
    fn of_two_equal_keys_the_last_counts() {
        assert_eq!(built(r#" {"a":1,"b":2,"\u0061":3}"#).to_string(), r#"{"a":3,"b":2}"#);
    }

    proptest! {
        #[test]
        fn what_is_built_is_what_serde_json_gives(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let expected: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(built(&text), value_of(&text));
            prop_assert_eq!(built(&text).to_string(), expected.to_string());
        }
    }
}
