//! A handle on one bucket: the nine calls.

use std::time::Duration;

use crate::batch::{BatchDelete, BatchInsert, BatchRead, parse_deleted, parse_pages};
use crate::call::Call;
use crate::client::K2vClient;
use crate::error::Error;
use crate::index::{self, Partition};
use crate::item::{Entry, Item};
use crate::poll::{self, Changes, PollRange};
use crate::range::{KeyRange, Page};
use crate::send::Answer;
use crate::token::{CausalityToken, SeenMarker};
use crate::value::IntoData;

/// One bucket of a server. Clones are cheap.
///
/// Besides the errors that each call names, every call can end in those of access ([`Error::AccessDenied`],
/// [`Error::NoSuchBucket`], …) and of the way there ([`Error::Connect`], [`Error::Timeout`],
/// [`Error::Unavailable`], …).
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(crate) client: K2vClient,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) fn new(client: K2vClient, name: String) -> Self {
        Self { client, name }
    }

    /// The name of the bucket.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client behind this handle.
    #[must_use]
    pub fn client(&self) -> &K2vClient {
        &self.client
    }

    /// Reads an item: its values and the token that covers them. A deleted item reads as a tombstone.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] if the item was never written.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::Error;
    /// match bucket.read_item("users", "ann").await {
    ///     Ok(item) if item.is_conflict() => println!("several values: {:?}", item.values),
    ///     Ok(item) => println!("{:?}", item.values),
    ///     Err(Error::NoSuchKey(_)) => println!("never written"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_item(&self, pk: impl AsRef<str>, sk: impl AsRef<str>) -> Result<Item, Error> {
        let call = Call::read_item(&self.name, pk.as_ref(), sk.as_ref())?;
        self.client.send(&call).await?.item()
    }

    /// Waits until an item holds something that the token does not cover, and reads it; at once if it already
    /// does. `None` if nothing happened within the timeout (300 s if `None`; servers hold a poll for 600 s at
    /// most).
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use std::time::Duration;
    /// let item = bucket.read_item("users", "ann").await?;
    /// let minute = Some(Duration::from_secs(60));
    /// if let Some(newer) = bucket.poll_item("users", "ann", &item.token, minute).await? {
    ///     println!("now it holds {:?}", newer.values);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn poll_item(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
        timeout: Option<Duration>,
    ) -> Result<Option<Item>, Error> {
        let call = Call::poll_item(&self.name, pk.as_ref(), sk.as_ref(), token, timeout)?;
        self.client.send(&call).await?.unless_unchanged().map(Answer::item).transpose()
    }

    /// Writes a value. With a token it replaces what the token covers; without one it is added beside what
    /// is there.
    ///
    /// If the server's answer gets lost, a write with a token is repeated, one without is not, unless the
    /// [retry policy](crate::RetryPolicy) says otherwise. A repeat can leave the same value twice; readers
    /// see it once.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the item holds too many concurrent values to take one more;
    /// [`Error::TooLarge`]; [`Error::InvalidToken`].
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// bucket.insert_item("users", "ann", "first", None).await?;
    /// let item = bucket.read_item("users", "ann").await?;
    /// bucket.insert_item("users", "ann", "second", Some(&item.token)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_item(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        value: impl IntoData,
        token: Option<&CausalityToken>,
    ) -> Result<(), Error> {
        let call = Call::insert_item(&self.name, pk.as_ref(), sk.as_ref(), value, token)?;
        self.client.send(&call).await?.nothing()
    }

    /// Deletes what the token covers. A value that the token does not cover stays, beside a tombstone.
    ///
    /// # Errors
    /// [`Error::InvalidToken`].
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// let item = bucket.read_item("users", "ann").await?;
    /// bucket.delete_item("users", "ann", &item.token).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_item(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
    ) -> Result<(), Error> {
        let call = Call::delete_item(&self.name, pk.as_ref(), sk.as_ref(), token)?;
        self.client.send(&call).await?.nothing()
    }

    /// Lists partitions that hold at least one value, with their counts. Without a limit the server lists
    /// all; [`partitions`](Self::partitions) does so page by page.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::KeyRange;
    /// let page = bucket.read_index(&KeyRange::all().prefix("user").limit(100)).await?;
    /// for partition in &page.items {
    ///     println!("{}: {} items", partition.partition_key, partition.entries);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_index(&self, range: &KeyRange) -> Result<Page<Partition>, Error> {
        let call = Call::read_index(&self.name, range)?;
        self.client.send(&call).await?.json(index::parse)
    }

    /// Writes several values, of any partitions. All of them are checked before any is written.
    ///
    /// It is repeated as [`insert_item`](Self::insert_item) is, a batch counting as one with tokens if each
    /// of its operations has one.
    ///
    /// # Errors
    /// As [`insert_item`](Self::insert_item).
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::BatchInsert;
    /// bucket
    ///     .insert_batch(&[BatchInsert::new("users", "ann", "1"), BatchInsert::new("users", "bob", "2")])
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_batch(&self, ops: &[BatchInsert]) -> Result<(), Error> {
        let call = Call::insert_batch(&self.name, ops)?;
        self.client.send(&call).await?.nothing()
    }

    /// Reads several ranges or items, of any partitions: one page for each query. Without a limit
    /// the server sends all; [`items`](Self::items) reads a range page by page.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::{BatchRead, KeyRange};
    /// let pages = bucket
    ///     .read_batch(&[
    ///         BatchRead::item("users", "ann"),
    ///         BatchRead::range("log", KeyRange::all().prefix("2026-").limit(100)),
    ///     ])
    ///     .await?;
    /// # drop(pages);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_batch(&self, queries: &[BatchRead]) -> Result<Vec<Page<Entry>>, Error> {
        let call = Call::read_batch(&self.name, queries)?;
        self.client.send(&call).await?.json(|body| parse_pages(body, queries.len()))
    }

    /// Deletes several ranges or items, of any partitions: the number of deleted items for each query.
    ///
    /// It is not repeated after the server may have seen it (unless with
    /// [`RepeatWrites::Always`](crate::RepeatWrites)): a repeat would count anew, and also delete what was
    /// written in between.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::BatchDelete;
    /// let deleted = bucket.delete_batch(&[BatchDelete::all("log").prefix("2025-")]).await?;
    /// println!("{} items deleted", deleted[0]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_batch(&self, queries: &[BatchDelete]) -> Result<Vec<u64>, Error> {
        let call = Call::delete_batch(&self.name, queries)?;
        self.client.send(&call).await?.json(|body| parse_deleted(body, queries.len()))
    }

    /// Waits for changes of a range of one partition. Without a marker: its whole content at once, tombstones
    /// included. With one: what changed since, as soon as something did, or `None` if nothing happened
    /// within the timeout (300 s if `None`). [`watch`](Self::watch) does this over and over.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] or [`Error::InvalidRequest`] if the server does not know the marker.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::PollRange;
    /// let range = PollRange::all().prefix("2026-");
    /// let Some(now) = bucket.poll_range("log", &range, None, None).await? else { return Ok(()) };
    /// let later = bucket.poll_range("log", &range, Some(&now.marker), None).await?;
    /// # drop(later);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn poll_range(
        &self,
        pk: impl AsRef<str>,
        range: &PollRange,
        seen: Option<&SeenMarker>,
        timeout: Option<Duration>,
    ) -> Result<Option<Changes>, Error> {
        let call = Call::poll_range(&self.name, pk.as_ref(), range, seen, timeout)?;
        let answer = self.client.send(&call).await?;
        answer.unless_unchanged().map(|answer| answer.json(poll::parse)).transpose()
    }
}
