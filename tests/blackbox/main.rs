//! The promises of the project, kept by real processes over real HTTP. One story per file; no story knows how the
//! server is built.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on has failed")]

mod harness;

mod accept;
mod addressing;
mod cli;
mod concurrent;
mod configuration;
mod connections;
mod cors;
mod delete_batch;
mod dropped_polls;
mod errors;
mod follow;
mod full_disk;
mod guide;
mod held;
mod hostile;
mod index;
mod insert_batch;
mod items;
mod kill;
mod large;
mod large_items;
mod library;
mod limits;
mod logs;
mod lost_store;
mod metrics;
mod model;
mod operator;
mod peers;
mod permissions;
mod poll_item;
mod poll_race;
mod poll_range;
mod private_files;
mod read_batch;
mod restart;
mod revoked_polls;
mod rolling;
mod service_manager;
mod signatures;
mod starts;
mod stop;
mod tokens;
mod transport;
mod unstated_payload;
