//! Making an item of one place what it is in another, with as few writes as possible.
//!
//! An item is the *set* of its values. To write a set, each value is written with the same causality token, the one that covers what was there:
//! the first write takes the place of the old values, the others find it already gone and stand beside the first.
//! Doing it twice changes nothing, because equal sets are left alone.

use bytes::Bytes;
use clap::ValueEnum;
use k2v_client::{BatchInsert, Bucket, Item, Value};

use crate::failure::Failure;
use crate::output::Line;

/// What happens to an item that is there already, and differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Existing {
    /// It becomes what is imported
    #[default]
    Replace,
    /// It stays as it is
    Keep,
    /// What is imported is added beside it, as a conflict to resolve
    Merge,
}

/// What became of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Written, in whole or in part.
    pub(crate) written: u64,
    /// The same already.
    pub(crate) unchanged: u64,
    /// Different, and left alone as [`Existing::Keep`] says.
    pub(crate) kept: u64,
}

impl Tally {
    pub(crate) fn total(self) -> u64 {
        self.written + self.unchanged + self.kept
    }
}

/// The writes that make an item what `wanted` says; none if it is so already.
pub(crate) fn plan(
    wanted: &Line,
    held: Option<&Item>,
    existing: Existing,
    tally: &mut Tally,
) -> Vec<BatchInsert> {
    let goal = distinct(&wanted.v);
    let have = held.map(|item| distinct(&item.values)).unwrap_or_default();
    if goal == have {
        tally.unchanged += 1;
        return Vec::new();
    }
    let write = |value: &Value| BatchInsert::new(&wanted.pk, &wanted.sk, value.clone());
    let writes = match (held, existing) {
        (None, Existing::Replace | Existing::Keep | Existing::Merge) => goal.iter().map(write).collect(),
        (Some(item), Existing::Replace) => goal.iter().map(|value| write(value).token(&item.token)).collect(),
        (Some(_), Existing::Keep) => Vec::new(),
        (Some(_), Existing::Merge) => {
            goal.iter().filter(|value| !have.contains(value)).map(write).collect::<Vec<_>>()
        }
    };
    match (writes.is_empty(), existing) {
        (false, _) => tally.written += 1,
        (true, Existing::Keep) => tally.kept += 1,
        (true, Existing::Replace | Existing::Merge) => tally.unchanged += 1,
    }
    writes
}

/// The values as a set.
pub(crate) fn distinct(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    values.sort();
    values.dedup();
    values
}

/// How many writes go into one request.
const WRITES_MAX: usize = 1_000;

/// How many bytes of values go into one request, unless one value alone is longer: with base64 far below the 64 MiB that
/// servers take.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Collects writes into requests.
#[derive(Debug)]
pub(crate) struct Writer {
    bucket: Bucket,
    waiting: Vec<BatchInsert>,
    waiting_bytes: usize,
}

impl Writer {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self { bucket, waiting: Vec::new(), waiting_bytes: 0 }
    }

    pub(crate) async fn push(&mut self, writes: Vec<BatchInsert>) -> Result<(), Failure> {
        for write in writes {
            let length = write.value.data().map_or(0, Bytes::len);
            if self.waiting.len() == WRITES_MAX || self.waiting_bytes + length > BYTES_MAX {
                self.flush().await?;
            }
            self.waiting_bytes += length;
            self.waiting.push(write);
        }
        Ok(())
    }

    /// Everything pushed so far is on the server.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        if !self.waiting.is_empty() {
            self.bucket.insert_batch(&self.waiting).await.map_err(Failure::write)?;
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[&str]) -> Line {
        Line { pk: "p".into(), sk: "s".into(), ct: None, v: values.iter().map(|&text| text.into()).collect() }
    }

    fn item(values: &[&str]) -> Item {
        Item { token: "tok".into(), values: values.iter().map(|&text| text.into()).collect() }
    }

    /// The writes as text: `value` or `value@token`.
    fn check(wanted: &[&str], held: Option<&[&str]>, existing: Existing, expected: &[&str]) {
        let held = held.map(item);
        let writes = plan(&line(wanted), held.as_ref(), existing, &mut Tally::default());
        let writes: Vec<_> = writes
            .iter()
            .map(|write| {
                let text = String::from_utf8(write.value.data().unwrap().to_vec()).unwrap();
                let token = write.token.as_ref().map(|token| format!("@{token}")).unwrap_or_default();
                text + &token
            })
            .collect();
        assert_eq!(writes, expected);
    }

    #[test]
    fn what_is_not_there_is_written_without_a_token() {
        check(&["a", "b"], None, Existing::Replace, &["a", "b"]);
        check(&["a"], None, Existing::Keep, &["a"]);
    }

    #[test]
    fn what_is_the_same_already_is_left_alone_in_any_order() {
        check(&["a", "b"], Some(&["b", "a"]), Existing::Replace, &[]);
        check(&["a", "a"], Some(&["a"]), Existing::Merge, &[]);
    }

    #[test]
    fn what_differs_is_replaced_kept_or_added_to() {
        check(&["a", "b"], Some(&["b", "c"]), Existing::Replace, &["a@tok", "b@tok"]);
        check(&["a", "b"], Some(&["b", "c"]), Existing::Keep, &[]);
        check(&["a", "b"], Some(&["b", "c"]), Existing::Merge, &["a"]);
        check(&["a"], Some(&["a", "b"]), Existing::Merge, &[]);
    }

    #[test]
    fn a_tombstone_is_a_value_like_any_other() {
        let wanted = Line { v: vec![Value::Tombstone, "a".into()], ..line(&[]) };
        let writes = plan(&wanted, Some(&item(&["a"])), Existing::Replace, &mut Tally::default());
        assert_eq!(writes.len(), 2);
        assert!(writes[0].value.is_tombstone());
    }
}
