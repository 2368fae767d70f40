//! The index of a bucket: its partitions, counted.

use serde::{Deserialize, Serialize};

use crate::batch::next_start;
use crate::error::InvalidResponse;
use crate::range::Page;

/// A partition, as [`read_index`](crate::Bucket::read_index) lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// The partition key.
    #[serde(rename = "pk")]
    pub partition_key: String,
    /// Items that hold a value.
    pub entries: u64,
    /// Items that hold several concurrent values.
    pub conflicts: u64,
    /// Values that are not tombstones.
    pub values: u64,
    /// The total length of the values.
    pub bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireIndex {
    partition_keys: Vec<Partition>,
    more: bool,
    #[serde(default)]
    next_start: Option<String>,
}

pub(crate) fn parse(body: &[u8]) -> Result<Page<Partition>, InvalidResponse> {
    let index: WireIndex = serde_json::from_slice(body)?;
    Ok(Page { items: index.partition_keys, next_start: next_start(index.more, index.next_start)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_read_with_their_counts() {
        let body = br#"{"prefix":null,"start":null,"end":null,"limit":null,"reverse":false,
            "partitionKeys":[{"pk":"k","entries":3,"conflicts":1,"values":4,"bytes":9}],"more":false,"nextStart":null}"#;
        let expected = Partition { partition_key: "k".into(), entries: 3, conflicts: 1, values: 4, bytes: 9 };
        assert_eq!(parse(body).unwrap(), Page { items: vec![expected], next_start: None });
    }
}
