//! The promises of `k2v-cli`, kept by the program itself against a real node. One story per file.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on has failed")]

#[path = "../blackbox/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other test binary uses the rest")]
mod harness;

mod program;

mod benchmark;
mod conflicts;
mod editor;
mod endpoints;
mod exit_codes;
mod guide;
mod manual;
mod people;
mod profiles;
mod real_data;
mod recorded;
mod scripts;
mod terminal;
mod transfer;
mod watch;
