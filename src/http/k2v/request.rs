//! JSON bodies: from bytes that passed their digest to checked values.

use crate::http::error::ApiError;
use crate::http::limits::{POLL_TIMEOUT_S_DEFAULT, POLL_TIMEOUT_S_MAX, POLL_TIMEOUT_S_MIN};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Reads the whole body as one JSON document.
pub(super) fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::BodyNotText)?;
    serde_json::from_str(text).map_err(ApiError::Json)
}

/// Reads the body as a JSON list of at most `elements_max` elements. Nothing is kept of a list that is longer.
pub(super) fn parse_list<'b, T: Deserialize<'b>>(
    body: &'b [u8],
    elements_max: usize,
) -> Result<Vec<T>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::BodyNotText)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = BoundedList { elements_max, element: PhantomData };
    let list = seed.deserialize(&mut deserializer).map_err(ApiError::Json)?;
    let Some(list) = list else { return Err(ApiError::TooManyElements { elements_max }) };
    deserializer.end().map_err(ApiError::Json)?;
    Ok(list)
}

/// How long a poll waits.
pub(crate) fn poll_timeout(seconds: Option<u64>) -> Duration {
    let seconds = seconds.unwrap_or(POLL_TIMEOUT_S_DEFAULT);
    Duration::from_secs(seconds.clamp(POLL_TIMEOUT_S_MIN, POLL_TIMEOUT_S_MAX))
}

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
        while let Some(element) = elements.next_element()? {
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

    #[test]
    fn a_list_may_have_as_many_elements_as_it_may() {
        assert_eq!(parse_list::<u8>(b"[1, 2]", 2).unwrap(), [1, 2]);
        assert!(parse_list::<u8>(b"[]", 2).unwrap().is_empty());
        let refused = parse_list::<u8>(b"[1,2,3,4]", 2).unwrap_err();
        assert!(matches!(refused, ApiError::TooManyElements { elements_max: 2 }));
    }

    #[test]
    fn what_is_not_one_whole_list_is_refused() {
        for body in [&b""[..], b"{}", b"[1", b"[1]x", b"[1,]", b"null", b"[-1]"] {
            assert!(matches!(parse_list::<u8>(body, 9), Err(ApiError::Json(_))), "{body:?}");
        }
        assert!(matches!(parse_list::<u8>(b"[\"\xff\"]", 9), Err(ApiError::BodyNotText)));
        let deep = "[".repeat(100_000);
        assert!(matches!(parse::<serde::de::IgnoredAny>(deep.as_bytes()), Err(ApiError::Json(_))));
    }

    #[test]
    fn text_is_borrowed_unless_it_is_escaped() {
        let list: Vec<Text<'_>> = parse(br#"["plain", "a\nb"]"#).unwrap();
        assert!(matches!(&list[0].0, Cow::Borrowed("plain")));
        assert_eq!(list[1].0, "a\nb");
    }

    #[test]
    fn a_polls_wait_is_clamped_to_what_is_reasonable() {
        assert_eq!(poll_timeout(None), Duration::from_secs(300));
        assert_eq!(poll_timeout(Some(0)), Duration::from_secs(1));
        assert_eq!(poll_timeout(Some(7)), Duration::from_secs(7));
        assert_eq!(poll_timeout(Some(u64::MAX)), Duration::from_secs(600));
    }
}
