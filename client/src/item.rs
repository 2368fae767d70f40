//! An item as it was read: its values, and the token that covers them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::InvalidResponse;
use crate::token::CausalityToken;
use crate::value::Value;

/// An item: one value usually, several if writers did not know of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Covers exactly these values: a write that carries it replaces them.
    pub token: CausalityToken,
    /// The concurrent values; at least one.
    pub values: Vec<Value>,
}

impl Item {
    /// The bytes, if the item holds exactly one value and it is not a tombstone.
    #[must_use]
    pub fn single(&self) -> Option<&Bytes> {
        match self.values.as_slice() {
            [value] => value.data(),
            _ => None,
        }
    }

    /// Whether the item holds several concurrent values.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.values.len() > 1
    }

    /// Whether the item was deleted, and nothing else.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.values.iter().all(Value::is_tombstone)
    }
}

/// An item of a listing, with its sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The sort key.
    pub sort_key: String,
    /// What it holds.
    pub item: Item,
}

/// A value in JSON: standard base64 with padding, or `null` for a tombstone.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tombstone => serializer.serialize_none(),
            Self::Data(data) => serializer.serialize_str(&STANDARD.encode(data)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)? else {
            return Ok(Self::Tombstone);
        };
        let data = STANDARD.decode(text.as_bytes()).map_err(|error| {
            serde::de::Error::custom(format_args!("a value is not standard base64: {error}"))
        })?;
        Ok(Self::Data(data.into()))
    }
}

/// The list of an item's values, as ReadItem gives it.
pub(crate) fn parse_values(body: &[u8]) -> Result<Vec<Value>, InvalidResponse> {
    Ok(serde_json::from_slice(body)?)
}

/// An entry of a list of items.
#[derive(Deserialize)]
pub(crate) struct WireEntry {
    sk: String,
    ct: CausalityToken,
    v: Vec<Value>,
}

impl From<WireEntry> for Entry {
    fn from(wire: WireEntry) -> Self {
        Self { sort_key: wire.sk, item: Item { token: wire.ct, values: wire.v } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_base64_or_null() {
        let values = parse_values(br#"["aGVsbG8=", null, ""]"#).unwrap();
        assert_eq!(values, [Value::from("hello"), Value::Tombstone, Value::from("")]);
    }

    #[test]
    fn url_safe_or_unpadded_values_are_refused() {
        assert!(parse_values(br#"["_-8="]"#).is_err());
        assert!(parse_values(br#"["aGVsbG8"]"#).is_err());
    }

    proptest! {
        #[test]
        fn every_value_comes_back(data in any::<Option<Vec<u8>>>()) {
            let value = Value::from(data);
            let json = serde_json::to_vec(&[&value]).unwrap();
            prop_assert_eq!(parse_values(&json).unwrap(), [value]);
        }
    }
}
