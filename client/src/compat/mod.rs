//! The API that programs written for Garage's `k2v-client` 0.0.4 use, over this crate's core.
//!
//! Such a program compiles after one line:
//!
//! ```no_run
//! use k2v_client::compat as k2v_client;
//!
//! use k2v_client::{K2vClient, K2vClientConfig, K2vValue};
//!
//! # async fn example() -> Result<(), k2v_client::Error> {
//! let client = K2vClient::new(K2vClientConfig {
//!     endpoint: "http://localhost:3902".into(),
//!     region: "garage".into(),
//!     aws_access_key_id: "GK1".into(),
//!     aws_secret_access_key: "secret".into(),
//!     bucket: "my-bucket".into(),
//!     user_agent: None,
//! })?;
//! client.insert_item("users", "ann", b"1".to_vec(), None).await?;
//! let read = client.read_item("users", "ann").await?;
//! assert_eq!(read.value, [K2vValue::Value(b"1".to_vec())]);
//! client.delete_item("users", "ann", read.causality).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Retries, timeouts and encoding are those of [`crate::K2vClient`]. New programs have more from that one.

mod batch;
mod client;
mod error;
mod listing;
mod value;

pub use batch::{BatchDeleteOp, BatchInsertOp, BatchReadOp};
pub use client::{Body, K2vClient, K2vClientConfig};
pub use error::Error;
pub use listing::{Filter, PaginatedRange, PartitionInfo, PollRangeFilter, PollRangeResult};
pub use value::{CausalValue, K2vValue};

pub use crate::token::CausalityToken;
