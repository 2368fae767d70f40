//! A client for K2V servers: Troupe, Garage, and whatever else speaks that protocol.
//!
//! ```no_run
//! use k2v_client::K2vClient;
//!
//! #[tokio::main]
//! async fn main() {
//!     let client = K2vClient::new(
//!         "garage",
//!         "http://localhost:3902",
//!         "access_key",
//!         "secret_key",
//!     ).unwrap();
//!
//!     // Insert a value
//!     client.insert_item(
//!         "my-bucket",
//!         "partition1",
//!         "sort-key1",
//!         b"value data",
//!         None,
//!     ).await.unwrap();
//!
//!     // Read a value
//!     let value = client.read_item(
//!         "my-bucket",
//!         "partition1",
//!         "sort-key1",
//!     ).await.unwrap();
//!
//!     println!("Value: {:?}", value);
//! }
//! ```
//!
//! # Items, values and tokens
//! A bucket holds items, each under a partition key and a sort key. An [`Item`] usually holds one [`Value`];
//! it holds several if writers did not know of each other. Nothing is lost then: the next writer sees all of
//! them and says what becomes of them. What a writer has seen is its [`CausalityToken`]: it comes with every
//! read, and a write that carries it replaces exactly what was read.
//!
//! ```no_run
//! # async fn example(client: k2v_client::K2vClient) -> Result<(), k2v_client::Error> {
//! let users = client.bucket("users");
//! let item = users.read_item("ann", "email").await?;
//! users.insert_item("ann", "email", "ann@example.org", Some(&item.token)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Bucket::update`] does both at once, and again if another writer was there at the same time:
//!
//! ```no_run
//! # async fn example(users: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
//! use k2v_client::Union;
//! users.update("ann", "email", |_values| "ann@example.org").await?;
//! users.resolve("ann", "groups", &Union::lines()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Many items
//! [`Bucket::items`] and [`Bucket::partitions`] are streams that fetch page by page; [`Bucket::watch`] is a
//! stream of what changes. [`Bucket::insert_batch`], [`Bucket::read_batch`] and [`Bucket::delete_batch`] do
//! many things in one request.
//!
//! ```no_run
//! # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
//! use futures_util::TryStreamExt;
//! let mut recent = bucket.items("log").prefix("2026-").reverse().limit(10);
//! while let Some(entry) = recent.try_next().await? {
//!     println!("{}: {:?}", entry.sort_key, entry.item.single());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # When things go wrong
//! [`Error`] tells a missing item ([`Error::NoSuchKey`]) from a missing bucket ([`Error::NoSuchBucket`]), a
//! refusal from a server that is away; [`Error::may_have_been_applied`] says whether a write can have
//! happened all the same. Calls that change nothing are repeated, after pauses with jitter, when the server
//! answers 503 or the connection fails. So are writes with a token: a repeat then leaves the same value twice
//! at worst, readers see it once, and the next write replaces both. Writes without a token are repeated only
//! if they cannot have reached the server. [`RetryPolicy`] and [`RepeatWrites`] change this.
//!
//! A client may know several nodes of one cluster ([`ClientBuilder::also_at`]). It asks the first that is healthy, and what may be
//! repeated goes on at the next one at once.
//!
//! Every attempt has a timeout, every answer a greatest length ([`limits`]); [`ClientBuilder`] changes both.
//!
//! # Keys
//! Keys are any non-empty text: `a//b`, `a/../b`, `%2F`, quotes, line feeds. They are encoded so that nothing
//! on the way changes them.

mod batch;
mod bucket;
mod buckets;
mod builder;
mod call;
mod client;
pub mod compat;
mod cursor;
mod endpoint;
mod endpoints;
mod environment;
mod error;
mod health;
mod http_client;
mod index;
mod item;
pub mod limits;
mod pages;
mod percent;
mod poll;
mod range;
mod resolve;
mod retry;
mod send;
mod sign;
mod token;
mod update;
mod value;
mod watch;

pub use batch::{BatchDelete, BatchInsert, BatchRead};
pub use bucket::Bucket;
pub use builder::ClientBuilder;
pub use call::Call;
pub use client::K2vClient;
pub use error::{Error, InvalidArgument, InvalidResponse, RemoteError, Source};
pub use http_client::HttpClient;
pub use index::Partition;
pub use item::{Entry, Item};
pub use pages::{Items, Partitions};
pub use poll::{Changes, PollRange};
pub use range::{KeyRange, Page};
pub use resolve::{LastBy, Resolver, Union};
pub use retry::{RepeatWrites, RetryPolicy};
pub use token::{CausalityToken, SeenMarker};
pub use value::{IntoData, Value};
pub use watch::Watch;

/// The examples of the repository's front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;

/// So do those of this package's own page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;
