//! JSON bodies: from bytes that passed their digest to checked values.

use crate::http::error::ApiError;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Reads the whole body as one JSON object.
pub(super) fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::BodyNotText)?;
    let Object(object) = serde_json::from_str(text).map_err(ApiError::Json)?;
    Ok(object)
}

/// Reads the body as a JSON list of at most `elements_max` objects. Nothing is kept of a list that is longer.
pub(super) fn parse_list<'b, T: Deserialize<'b>>(
    body: &'b [u8],
    elements_max: usize,
) -> Result<Vec<T>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::BodyNotText)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = BoundedList::<T> { elements_max, element: PhantomData };
    let list = seed.deserialize(&mut deserializer).map_err(ApiError::Json)?;
    let Some(list) = list else { return Err(ApiError::TooManyElements { elements_max }) };
    deserializer.end().map_err(ApiError::Json)?;
    Ok(list)
}

/// A query of a range, as it comes: the bounds that every one has, and what is its own.
///
/// Serde's `flatten` would do the same, but keep what the query holds beside that in memory until its end: a body of
/// unknown fields would take many times its length.
macro_rules! range_query {
    ($(#[$attribute:meta])* struct $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct $name {
            #[serde(default)]
            prefix: Option<String>,
            #[serde(default)]
            start: Option<String>,
            #[serde(default)]
            end: Option<String>,
            $($own)*
        }

        impl $name {
            /// Takes the bounds out, as an ascending listing without a limit.
            fn take_bounds(&mut self) -> Listing {
                let (prefix, start, end) = (self.prefix.take(), self.start.take(), self.end.take());
                Listing { prefix, start, end, limit: None, reverse: false }
            }
        }
    };
}
pub(super) use range_query;

/// `null` means false, as absence does.
pub(super) fn null_is_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(false))
}

/// Text that is borrowed from the body unless it holds an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'b>(pub(super) Cow<'b, str>);

impl<'de: 'b, 'b> Deserialize<'de> for Text<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'b>, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text)))
    }
}

/// An object and nothing else: what serde derives would also take a list of the fields' values for it.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

struct BoundedList<T> {
    elements_max: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for BoundedList<T> {
    type Value = Option<Vec<T>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for BoundedList<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Object(element)) = elements.next_element()? {
            list.push(element);
            if list.len() > self.elements_max {
                return drop_rest(list, elements);
            }
        }
        Ok(Some(list))
    }
}

/// The rest is skipped, not kept: serde wants to see the end of the list.
fn drop_rest<'de, T, A: SeqAccess<'de>>(list: Vec<T>, mut rest: A) -> Result<Option<Vec<T>>, A::Error> {
    drop(list);
    while rest.next_element::<serde::de::IgnoredAny>()?.is_some() {}
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Row = BTreeMap<String, u8>;

    #[test]
    fn a_list_may_have_as_many_elements_as_it_may() {
        let rows = parse_list::<Row>(br#"[{"a":1}, {"a":2}]"#, 2).unwrap();
        assert_eq!(rows.iter().map(|row| row["a"]).collect::<Vec<_>>(), [1, 2]);
        assert!(parse_list::<Row>(b"[]", 2).unwrap().is_empty());
        let refused = parse_list::<Row>(b"[{},{},{},1]", 2).unwrap_err();
        assert!(matches!(refused, ApiError::TooManyElements { elements_max: 2 }));
    }

    #[test]
    fn what_is_not_one_whole_list_of_objects_is_refused() {
        for body in [&b""[..], b"{}", b"[{}", b"[{}]x", b"[{},]", b"null", b"[-1]", b"[[]]", b"[null]"] {
            assert!(matches!(parse_list::<Row>(body, 9), Err(ApiError::Json(_))), "{body:?}");
        }
        assert!(matches!(parse_list::<Row>(b"[\"\xff\"]", 9), Err(ApiError::BodyNotText)));
        let deep = "[".repeat(100_000);
        assert!(matches!(parse::<Row>(deep.as_bytes()), Err(ApiError::Json(_))));
        let deep = "{\"a\":".repeat(100_000);
        assert!(matches!(
            parse::<BTreeMap<String, serde::de::IgnoredAny>>(deep.as_bytes()),
            Err(ApiError::Json(_))
        ));
    }

    #[test]
    fn a_list_of_an_objects_values_is_not_the_object() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            a: u8,
            b: Option<u8>,
        }
        let pair: Pair = parse(br#"{"b":2,"a":1}"#).unwrap();
        assert_eq!((pair.a, pair.b), (1, Some(2)));
        assert!(matches!(parse::<Pair>(b"[1,2]"), Err(ApiError::Json(_))));
        assert!(matches!(parse_list::<Pair>(b"[[1,2]]", 9), Err(ApiError::Json(_))));
    }

    #[test]
    fn text_is_borrowed_unless_it_is_escaped() {
        let texts: BTreeMap<String, Text<'_>> = parse(br#"{"plain":"plain", "escaped":"a\nb"}"#).unwrap();
        assert!(matches!(&texts["plain"].0, Cow::Borrowed("plain")));
        assert_eq!(texts["escaped"].0, "a\nb");
    }
}
