//! The client of the compatible API: one server, one access key, one bucket.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::Connect;

use super::batch::{BatchDeleteOp, BatchInsertOp, BatchReadOp};
use super::error::Error;
use super::listing::{Filter, PaginatedRange, PartitionInfo, PollRangeFilter, PollRangeResult};
use super::value::CausalValue;
use crate::batch::{BatchDelete, BatchInsert, BatchRead};
use crate::bucket::Bucket;
use crate::builder::ClientBuilder;
use crate::http_client::HttpClient;
use crate::poll::PollRange;
use crate::token::{CausalityToken, SeenMarker};

/// The body of a request, as a hyper client for [`K2vClient::new_with_client`] must send it.
pub type Body = Full<Bytes>;

/// What a client needs to know.
#[derive(Clone)]
pub struct K2vClientConfig {
    /// The server, such as `http://localhost:3902`.
    pub endpoint: String,
    /// The region in the server's configuration, by default `garage`.
    pub region: String,
    /// The id of the access key.
    pub aws_access_key_id: String,
    /// The secret of the access key.
    pub aws_secret_access_key: String,
    /// The bucket to work with.
    pub bucket: String,
    /// The `User-Agent` header; a default if `None`.
    pub user_agent: Option<String>,
}

/// The secret is never shown.
impl std::fmt::Debug for K2vClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("K2vClientConfig")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("aws_access_key_id", &self.aws_access_key_id)
            .field("bucket", &self.bucket)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

impl K2vClientConfig {
    fn builder(&self) -> ClientBuilder {
        let builder = crate::K2vClient::builder(
            &self.region,
            &self.endpoint,
            &self.aws_access_key_id,
            &self.aws_secret_access_key,
        );
        match &self.user_agent {
            Some(user_agent) => builder.user_agent(user_agent),
            None => builder,
        }
    }
}

/// A client of one bucket. Clones share their connections.
///
/// The connector of the HTTP client underneath is not part of the type: a program names its fields `K2vClient`, however the
/// client is made.
///
/// ```
/// use hyper_rustls::HttpsConnectorBuilder;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use k2v_client::compat as k2v_client;
///
/// use k2v_client::{K2vClient, K2vClientConfig};
///
/// struct Storage {
///     client: K2vClient,
/// }
///
/// fn plain(config: K2vClientConfig) -> Result<Storage, k2v_client::Error> {
///     let http = Client::builder(TokioExecutor::new()).build_http();
///     Ok(Storage { client: K2vClient::new_with_client(config, http)? })
/// }
///
/// fn with_tls(config: K2vClientConfig, tls: rustls::ClientConfig) -> Result<Storage, k2v_client::Error> {
///     let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
///     let http = Client::builder(TokioExecutor::new()).build(connector);
///     Ok(Storage { client: K2vClient::new_with_client(config, http)? })
/// }
/// ```
#[derive(Clone, Debug)]
pub struct K2vClient {
    bucket: Bucket,
}

impl K2vClient {
    /// A client that makes its own connections, `http` or `https` with the system's root certificates.
    ///
    /// # Errors
    /// If the endpoint is not a URL, or if it is `https` and the system has no root certificates.
    pub fn new(config: K2vClientConfig) -> Result<Self, Error> {
        Self::over(config, |builder| builder)
    }

    /// A client that uses the connections of `client`, whichever connector makes them: `hyper-util`'s own, that of any version of
    /// `hyper-rustls` which is built on `hyper-util`, or another.
    ///
    /// # Errors
    /// If the endpoint is not a URL.
    pub fn new_with_client<C>(config: K2vClientConfig, client: HyperClient<C, Body>) -> Result<Self, Error>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        Self::over(config, |builder| builder.http_client(HttpClient::from_hyper(client)))
    }

    fn over(
        config: K2vClientConfig,
        adapt: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        let client = adapt(config.builder()).build()?;
        Ok(Self { bucket: client.bucket(config.bucket) })
    }

    /// Reads one item.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was never written.
    pub async fn read_item(&self, partition_key: &str, sort_key: &str) -> Result<CausalValue, Error> {
        Ok(self.bucket.read_item(partition_key, sort_key).await?.into())
    }

    /// Waits until an item holds something that the token does not cover. `None` if nothing happened within
    /// the timeout (the server's default is 300 s).
    pub async fn poll_item(
        &self,
        partition_key: &str,
        sort_key: &str,
        causality: CausalityToken,
        timeout: Option<Duration>,
    ) -> Result<Option<CausalValue>, Error> {
        let polled = self.bucket.poll_item(partition_key, sort_key, &causality, timeout).await?;
        Ok(polled.map(CausalValue::from))
    }

    /// Reads a range with a marker, or waits until something in it changes that the marker does not cover.
    /// `None` if nothing happened within the timeout (the server's default is 300 s).
    pub async fn poll_range(
        &self,
        partition_key: &str,
        filter: Option<PollRangeFilter<'_>>,
        seen_marker: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<Option<PollRangeResult>, Error> {
        let range = filter.map(PollRange::from).unwrap_or_default();
        let seen = seen_marker.map(SeenMarker::from);
        let polled = self.bucket.poll_range(partition_key, &range, seen.as_ref(), timeout).await?;
        Ok(polled.map(PollRangeResult::from))
    }

    /// Writes one value: in the place of what the token covers, or beside what is there.
    pub async fn insert_item(
        &self,
        partition_key: &str,
        sort_key: &str,
        value: Vec<u8>,
        causality: Option<CausalityToken>,
    ) -> Result<(), Error> {
        let token = causality.as_ref();
        Ok(self.bucket.insert_item(partition_key, sort_key, value, token).await?)
    }

    /// Deletes what the token covers.
    pub async fn delete_item(
        &self,
        partition_key: &str,
        sort_key: &str,
        causality: CausalityToken,
    ) -> Result<(), Error> {
        Ok(self.bucket.delete_item(partition_key, sort_key, &causality).await?)
    }

    /// Lists partitions, with their counts.
    pub async fn read_index(&self, filter: Filter<'_>) -> Result<PaginatedRange<PartitionInfo>, Error> {
        Ok(self.bucket.read_index(&filter.into()).await?.into())
    }

    /// Writes several values.
    pub async fn insert_batch(&self, operations: &[BatchInsertOp<'_>]) -> Result<(), Error> {
        let ops: Vec<_> = operations.iter().map(BatchInsert::from).collect();
        Ok(self.bucket.insert_batch(&ops).await?)
    }

    /// Reads several ranges or items: one page for each.
    pub async fn read_batch(
        &self,
        operations: &[BatchReadOp<'_>],
    ) -> Result<Vec<PaginatedRange<CausalValue>>, Error> {
        let queries: Vec<_> = operations.iter().map(BatchRead::from).collect();
        let pages = self.bucket.read_batch(&queries).await?;
        Ok(pages.into_iter().map(PaginatedRange::from).collect())
    }

    /// Deletes several ranges or items: the number of deleted items for each.
    pub async fn delete_batch(&self, operations: &[BatchDeleteOp<'_>]) -> Result<Vec<u64>, Error> {
        let queries: Vec<_> = operations.iter().map(BatchDelete::from).collect();
        Ok(self.bucket.delete_batch(&queries).await?)
    }
}
