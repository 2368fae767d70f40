//! Listings as streams: page after page, one in memory at a time.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use futures_util::future::BoxFuture;

use crate::batch::BatchRead;
use crate::bucket::Bucket;
use crate::cursor::Cursor;
use crate::error::{Error, InvalidResponse};
use crate::index::Partition;
use crate::item::Entry;
use crate::limits;
use crate::range::{KeyRange, Page};

type FetchPage<T> = Box<dyn Fn(KeyRange) -> BoxFuture<'static, Result<Page<T>, Error>> + Send>;

/// A running listing.
struct Pages<T> {
    cursor: Cursor,
    fetch: FetchPage<T>,
    ready: VecDeque<T>,
    fetching: Option<BoxFuture<'static, Result<Page<T>, Error>>>,
}

impl<T> Pages<T> {
    fn new(range: KeyRange, page_size: u64, fetch: FetchPage<T>) -> Self {
        Self { cursor: Cursor::new(range, page_size), fetch, ready: VecDeque::new(), fetching: None }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            if self.fetching.is_none() {
                let Some(range) = self.cursor.next_page() else { return Poll::Ready(None) };
                self.fetching = Some((self.fetch)(range));
            }
            let Some(fetching) = &mut self.fetching else { continue };
            let page = ready!(fetching.as_mut().poll(cx));
            self.fetching = None;
            if let Err(error) = self.take_page(page) {
                self.cursor.stop();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn take_page(&mut self, page: Result<Page<T>, Error>) -> Result<(), Error> {
        match page {
            Ok(page) => {
                let advanced = self.cursor.advance(page.items.len(), page.next_start);
                self.ready = page.items.into();
                advanced.map_err(Error::InvalidResponse)
            }
            Err(Error::ResponseTooLarge { .. }) if self.cursor.shrink() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

macro_rules! range_methods {
    ($range:ident $(. $field:ident)*) => {
        /// Only keys that begin with `prefix`.
        pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
            self.$range$(.$field)*.prefix = Some(prefix.into());
            self
        }

        /// Starts at this key, included.
        pub fn start(mut self, start: impl Into<String>) -> Self {
            self.$range$(.$field)*.start = Some(start.into());
            self
        }

        /// Stops before this key.
        pub fn end(mut self, end: impl Into<String>) -> Self {
            self.$range$(.$field)*.end = Some(end.into());
            self
        }

        /// At most so many in all.
        pub fn limit(mut self, limit: u64) -> Self {
            self.$range$(.$field)*.limit = Some(limit);
            self
        }

        /// From the highest key down.
        pub fn reverse(mut self) -> Self {
            self.$range$(.$field)*.reverse = true;
            self
        }

        /// Takes prefix, start, end, limit and direction from a range.
        pub fn range(mut self, range: KeyRange) -> Self {
            self.$range$(.$field)* = range;
            self
        }

        /// How many to fetch at a time (default 1,000). If that is more than fits into
        /// [`response_bytes_max`](crate::ClientBuilder::response_bytes_max), pages are halved until it does.
        pub fn page_size(mut self, page_size: u64) -> Self {
            self.page_size = page_size;
            self
        }
    };
}

/// The items of a partition, as a stream; made by [`Bucket::items`].
///
/// Choose the range first; the choice is fixed when the first item is asked for. After an error the stream
/// ends.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct Items {
    bucket: Bucket,
    query: BatchRead,
    page_size: u64,
    pages: Option<Pages<Entry>>,
}

impl Items {
    range_methods!(query.range);

    /// Only items with several concurrent values.
    pub fn conflicts_only(mut self) -> Self {
        self.query.conflicts_only = true;
        self
    }

    /// Also items that hold nothing but tombstones.
    pub fn tombstones(mut self) -> Self {
        self.query.tombstones = true;
        self
    }

    fn begin(&self) -> Pages<Entry> {
        let (bucket, query) = (self.bucket.clone(), self.query.clone());
        let fetch: FetchPage<Entry> = Box::new(move |range| {
            let (bucket, query) = (bucket.clone(), BatchRead { range, ..query.clone() });
            Box::pin(async move {
                let pages = bucket.read_batch(&[query]).await?;
                let received = pages.len();
                let mut pages = pages.into_iter();
                pages.next().ok_or(Error::InvalidResponse(InvalidResponse::ResultCount { sent: 1, received }))
            })
        });
        Pages::new(self.query.range.clone(), self.page_size, fetch)
    }
}

impl Stream for Items {
    type Item = Result<Entry, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pages = self.pages.take();
        let mut pages = pages.unwrap_or_else(|| self.begin());
        let polled = pages.poll_item(cx);
        self.pages = Some(pages);
        polled
    }
}

/// The partitions of a bucket, as a stream; made by [`Bucket::partitions`].
///
/// Choose the range first; the choice is fixed when the first partition is asked for. After an error the
/// stream ends.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct Partitions {
    bucket: Bucket,
    range: KeyRange,
    page_size: u64,
    pages: Option<Pages<Partition>>,
}

impl Partitions {
    range_methods!(range);

    fn begin(&self) -> Pages<Partition> {
        let bucket = self.bucket.clone();
        let fetch: FetchPage<Partition> = Box::new(move |range| {
            let bucket = bucket.clone();
            Box::pin(async move { bucket.read_index(&range).await })
        });
        Pages::new(self.range.clone(), self.page_size, fetch)
    }
}

impl Stream for Partitions {
    type Item = Result<Partition, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pages = self.pages.take();
        let mut pages = pages.unwrap_or_else(|| self.begin());
        let polled = pages.poll_item(cx);
        self.pages = Some(pages);
        polled
    }
}

impl Bucket {
    /// The items of a partition, in key order, fetched page by page.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use futures_util::TryStreamExt;
    /// let mut items = bucket.items("log").prefix("2026-");
    /// while let Some(entry) = items.try_next().await? {
    ///     println!("{}: {:?}", entry.sort_key, entry.item.values);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn items(&self, pk: impl Into<String>) -> Items {
        Items {
            bucket: self.clone(),
            query: BatchRead::range(pk, KeyRange::all()),
            page_size: limits::PAGE_SIZE,
            pages: None,
        }
    }

    /// The partitions of the bucket that hold at least one value, in key order, fetched page by page.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use futures_util::TryStreamExt;
    /// let bytes = bucket
    ///     .partitions()
    ///     .try_fold(0, |sum, partition| async move { Ok(sum + partition.bytes) })
    ///     .await?;
    /// println!("the bucket holds {bytes} bytes");
    /// # Ok(())
    /// # }
    /// ```
    pub fn partitions(&self) -> Partitions {
        Partitions { bucket: self.clone(), range: KeyRange::all(), page_size: limits::PAGE_SIZE, pages: None }
    }
}
