use super::rows::Row;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Into how many buckets rows fall, by their keys.
pub(super) const BUCKETS: usize = 256;

/// Hashes of all rows, so that two nodes find out cheaply which ones differ.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    rows: BTreeMap<Vec<u8>, u64>,
    /// XOR over the hashes of each bucket's rows.
    buckets: [u64; BUCKETS],
}

impl Digests {
    pub(super) fn of(rows: &[Row]) -> Digests {
        let mut digests = Digests { rows: BTreeMap::new(), buckets: [0; BUCKETS] };
        digests.put(rows);
        digests
    }

    /// Counts rows in, each in the place of the one under its key.
    pub(super) fn put(&mut self, rows: &[Row]) {
        for (key, value) in rows {
            let hash = row_hash(key, value);
            let before = self.rows.insert(key.clone(), hash).unwrap_or(0);
            self.buckets[usize::from(bucket_of(key))] ^= before ^ hash;
        }
    }

    pub(super) fn summary(&self) -> u64 {
        self.buckets.iter().fold(0, |all, bucket| all ^ bucket)
    }

    pub(super) fn buckets(&self) -> &[u64; BUCKETS] {
        &self.buckets
    }

    /// The buckets that differ from a peer's.
    pub(super) fn differing(&self, theirs: &[u64]) -> Vec<u8> {
        let differs = |(bucket, (mine, theirs)): (u8, (&u64, &u64))| (mine != theirs).then_some(bucket);
        (0..=u8::MAX).zip(self.buckets.iter().zip(theirs)).filter_map(differs).collect()
    }
}

/// The bucket of a row's key.
pub(super) fn bucket_of(key: &[u8]) -> u8 {
    Sha256::digest(key)[0]
}

fn row_hash(key: &[u8], value: &[u8]) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update((key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    let mut hash = [0; 8];
    hash.copy_from_slice(&hasher.finalize()[..8]);
    u64::from_be_bytes(hash)
}
