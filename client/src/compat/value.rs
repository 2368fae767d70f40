//! Values, in the compatible API's types.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::item::Item;
use crate::token::CausalityToken;
use crate::value::Value;

/// One value of an item. In JSON: base64, or `null` for a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum K2vValue {
    /// The item was deleted.
    Tombstone,
    /// The item holds these bytes.
    Value(Vec<u8>),
}

impl From<Vec<u8>> for K2vValue {
    fn from(data: Vec<u8>) -> Self {
        Self::Value(data)
    }
}

impl From<Option<Vec<u8>>> for K2vValue {
    fn from(data: Option<Vec<u8>>) -> Self {
        data.map_or(Self::Tombstone, Self::Value)
    }
}

impl From<Value> for K2vValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Tombstone => Self::Tombstone,
            Value::Data(data) => Self::Value(data.into()),
        }
    }
}

impl From<K2vValue> for Value {
    fn from(value: K2vValue) -> Self {
        match value {
            K2vValue::Tombstone => Self::Tombstone,
            K2vValue::Value(data) => Self::Data(Bytes::from(data)),
        }
    }
}

impl Serialize for K2vValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for K2vValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// The concurrent values of an item, with the token that covers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CausalValue {
    /// Covers exactly these values.
    pub causality: CausalityToken,
    /// The values; at least one.
    pub value: Vec<K2vValue>,
}

impl From<Item> for CausalValue {
    fn from(item: Item) -> Self {
        Self { causality: item.token, value: item.values.into_iter().map(K2vValue::from).collect() }
    }
}
