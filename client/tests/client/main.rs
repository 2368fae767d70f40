//! The library against a K2V server in memory, over real sockets: every request's signature is derived
//! anew by an independent implementation, and faults are injected where the network would have them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod compatible;
mod failover;
mod faults;
mod guide;
mod keys;
mod listings;
mod server;
mod tls;
mod updates;
mod watching;
