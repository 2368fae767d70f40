//! The calls of the K2V API, one file each, and what they share.
//!
//! Every call is the same three steps: the request is validated as a whole, then the shard (writes, polls) or a
//! snapshot of its store (reads) is asked, then the answer is written.

pub(crate) mod accept;
pub(crate) mod delete_batch;
pub(crate) mod insert_batch;
mod item_json;
pub(crate) mod listing;
pub(crate) mod pages;
pub(crate) mod poll_item;
pub(crate) mod poll_range;
pub(crate) mod read_batch;
pub(crate) mod read_index;
pub(crate) mod read_item;
mod request;
mod scan;

pub(crate) use request::poll_timeout;
