//! What every story needs: a real process, a client that controls every byte, and an independent signer.

pub(crate) mod admin;
pub(crate) mod answers;
pub(crate) mod connection;
pub(crate) mod home;
pub(crate) mod k2v;
pub(crate) mod memory;
pub(crate) mod node;
pub(crate) mod percent;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod sign;
mod sign_raw;
pub(crate) mod token;

pub(crate) use admin::Admin;
pub(crate) use answers::{Item, check_error, page_items};
pub(crate) use connection::Connection;
pub(crate) use home::Home;
pub(crate) use k2v::{Client, base64};
pub(crate) use node::{Node, shared_node};
pub(crate) use request::Request;
pub(crate) use response::Response;
pub(crate) use sign::Credentials;

use std::sync::atomic::{AtomicU64, Ordering};

/// A name that nobody else in this run uses, so that stories share a node without meeting.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How often a long story repeats: `TROUPE_TEST_<name>` in the environment, or what the project promises.
pub(crate) fn rounds(name: &str, promised: usize) -> usize {
    std::env::var(format!("TROUPE_TEST_{name}"))
        .ok()
        .map_or(promised, |text| text.parse().expect("a number of rounds"))
}
