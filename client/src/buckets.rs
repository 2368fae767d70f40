//! Buckets by their names: the handle of one, and the nine calls for programs that go without.

use std::time::Duration;

use crate::batch::{BatchDelete, BatchInsert, BatchRead};
use crate::bucket::Bucket;
use crate::client::K2vClient;
use crate::error::Error;
use crate::index::Partition;
use crate::item::{Entry, Item};
use crate::poll::{Changes, PollRange};
use crate::range::{KeyRange, Page};
use crate::token::{CausalityToken, SeenMarker};
use crate::value::IntoData;

/// The nine calls of the protocol. Each is explained, with its errors, on [`Bucket`].
impl K2vClient {
    /// A handle on one bucket.
    #[must_use]
    pub fn bucket(&self, name: impl Into<String>) -> Bucket {
        Bucket::new(self.clone(), name.into())
    }

    /// Reads an item: [`Bucket::read_item`].
    ///
    /// ```no_run
    /// # async fn example(client: k2v_client::K2vClient) -> Result<(), k2v_client::Error> {
    /// let item = client.read_item("my-bucket", "partition1", "sort-key1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
    ) -> Result<Item, Error> {
        self.bucket(bucket.as_ref()).read_item(pk, sk).await
    }

    /// Waits for an item to change: [`Bucket::poll_item`].
    pub async fn poll_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
        timeout: Option<Duration>,
    ) -> Result<Option<Item>, Error> {
        self.bucket(bucket.as_ref()).poll_item(pk, sk, token, timeout).await
    }

    /// Writes a value: [`Bucket::insert_item`].
    ///
    /// ```no_run
    /// # async fn example(client: k2v_client::K2vClient) -> Result<(), k2v_client::Error> {
    /// client.insert_item("my-bucket", "partition1", "sort-key1", b"value data", None).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        value: impl IntoData,
        token: Option<&CausalityToken>,
    ) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).insert_item(pk, sk, value, token).await
    }

    /// Deletes an item: [`Bucket::delete_item`].
    pub async fn delete_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
    ) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).delete_item(pk, sk, token).await
    }

    /// Lists partitions: [`Bucket::read_index`].
    pub async fn read_index(
        &self,
        bucket: impl AsRef<str>,
        range: &KeyRange,
    ) -> Result<Page<Partition>, Error> {
        self.bucket(bucket.as_ref()).read_index(range).await
    }

    /// Writes several values: [`Bucket::insert_batch`].
    pub async fn insert_batch(&self, bucket: impl AsRef<str>, ops: &[BatchInsert]) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).insert_batch(ops).await
    }

    /// Reads several ranges: [`Bucket::read_batch`].
    pub async fn read_batch(
        &self,
        bucket: impl AsRef<str>,
        queries: &[BatchRead],
    ) -> Result<Vec<Page<Entry>>, Error> {
        self.bucket(bucket.as_ref()).read_batch(queries).await
    }

    /// Deletes several ranges: [`Bucket::delete_batch`].
    pub async fn delete_batch(
        &self,
        bucket: impl AsRef<str>,
        queries: &[BatchDelete],
    ) -> Result<Vec<u64>, Error> {
        self.bucket(bucket.as_ref()).delete_batch(queries).await
    }

    /// Waits for a range to change: [`Bucket::poll_range`].
    pub async fn poll_range(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        range: &PollRange,
        seen: Option<&SeenMarker>,
        timeout: Option<Duration>,
    ) -> Result<Option<Changes>, Error> {
        self.bucket(bucket.as_ref()).poll_range(pk, range, seen, timeout).await
    }
}
