//! The promises of a cluster, kept by real processes on loopback addresses. One story per file; no story knows how the
//! server is built.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on has failed")]

#[path = "../blackbox/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other test binaries use the rest")]
mod harness;

mod cluster;
mod load;
mod replicas;

mod catch_up;
mod control;
mod faults;
mod health;
mod membership;
mod read_your_writes;
mod workers;
