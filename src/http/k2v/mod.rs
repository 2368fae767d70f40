//! The calls of the K2V API, one file each, and what they share.
//!
//! Every call is the same three steps: the request is validated as a whole, then the replicas of the shard are asked (a
//! node that holds a shard alone reads its own store), then the answer is written.

pub(crate) mod accept;
mod delete_batch;
mod delete_item;
pub(crate) mod doors;
mod insert_batch;
mod insert_item;
mod item_json;
pub(crate) mod listing;
mod pages;
mod poll;
mod poll_item;
mod poll_range;
mod read_batch;
mod read_index;
mod read_item;
mod request;
mod service;
mod sources;

pub(crate) use service::{Admitted, Outcome, Service};

use super::error::ApiError;
use super::route::Call;
use troupe_actors::store::Store;

/// Serves a request, or begins to.
pub(crate) fn serve<S: Store>(service: &Service<S>, request: &Admitted<'_>) -> Result<Outcome, ApiError> {
    match request.call {
        Call::ReadItem => read_item::serve(service, request),
        Call::PollItem => poll_item::serve(service, request),
        Call::InsertItem => insert_item::serve(service, request),
        Call::DeleteItem => delete_item::serve(service, request),
        Call::ReadIndex => read_index::serve(service, request),
        Call::InsertBatch => insert_batch::serve(service, request),
        Call::ReadBatch => read_batch::serve(service, request),
        Call::DeleteBatch => delete_batch::serve(service, request),
        Call::PollRange => poll_range::serve(service, request),
    }
}
