//! Crashes of the journalled store at every moment, in a test program of their own: a process that another test starts
//! holds the locked files of this one from its fork until it runs its program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "store/crash/mod.rs"]
mod crash;
#[path = "store/model.rs"]
#[expect(dead_code, reason = "the other tests of stores use the rest of it")]
mod model;
