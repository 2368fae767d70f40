//! What the server holds. There is one replica, so one counter orders all writes, and a token is the
//! counter's value when an item was read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::watch;

/// A value, or `None` for a tombstone.
pub(crate) type Stored = Option<Vec<u8>>;

/// The values of an item, each with the count of its write.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredItem {
    writes: Vec<(u64, Stored)>,
}

impl StoredItem {
    /// Everything the item holds, identical values once.
    pub(crate) fn values(&self) -> Vec<Stored> {
        let mut values = Vec::new();
        for (_, value) in &self.writes {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    }

    /// How many writes the item keeps, duplicates included.
    pub(crate) fn writes_kept(&self) -> usize {
        self.writes.len()
    }

    pub(crate) fn last_write(&self) -> u64 {
        self.writes.iter().map(|(count, _)| *count).max().unwrap_or(0)
    }
}

/// Items by partition key and sort key, and the count of writes so far.
#[derive(Default)]
struct Contents {
    items: BTreeMap<(String, String), StoredItem>,
    count: u64,
}

/// Everything the server keeps over a restart.
#[derive(Default)]
pub(crate) struct Store {
    contents: Mutex<Contents>,
    written: watch::Sender<()>,
}

impl Store {
    /// Writes beside everything that came after `seen`.
    pub(crate) fn write(&self, pk: &str, sk: &str, seen: u64, value: Stored) {
        let mut contents = self.contents.lock().unwrap();
        contents.count += 1;
        let count = contents.count;
        let item = contents.items.entry((pk.to_owned(), sk.to_owned())).or_default();
        item.writes.retain(|(written, _)| *written > seen);
        item.writes.push((count, value));
        drop(contents);
        self.written.send_replace(());
    }

    pub(crate) fn read(&self, pk: &str, sk: &str) -> Option<StoredItem> {
        self.contents.lock().unwrap().items.get(&(pk.to_owned(), sk.to_owned())).cloned()
    }

    /// The count of writes so far.
    pub(crate) fn count(&self) -> u64 {
        self.contents.lock().unwrap().count
    }

    /// The items of a partition, by sort key.
    pub(crate) fn partition(&self, pk: &str) -> Vec<(String, StoredItem)> {
        let contents = self.contents.lock().unwrap();
        let of_partition = contents.items.iter().filter(|((of, _), _)| of == pk);
        of_partition.map(|((_, sk), item)| (sk.clone(), item.clone())).collect()
    }

    pub(crate) fn partition_keys(&self) -> Vec<String> {
        let contents = self.contents.lock().unwrap();
        let mut keys: Vec<_> = contents.items.keys().map(|(pk, _)| pk.clone()).collect();
        keys.dedup();
        keys
    }

    /// Tells of writes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }
}
