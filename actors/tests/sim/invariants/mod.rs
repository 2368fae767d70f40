//! What must hold whatever happens, one property per file.

pub(crate) mod control;
pub(crate) mod counters;
pub(crate) mod digests;
pub(crate) mod dots;
pub(crate) mod durable;
pub(crate) mod pages;
pub(crate) mod polls;
pub(crate) mod ranges;
pub(crate) mod readable;
pub(crate) mod recovered;
pub(crate) mod refused;
pub(crate) mod rest;
pub(crate) mod snapshots;
pub(crate) mod tokens;

/// An invariant was broken.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The sentence that turned out wrong.
    pub(crate) invariant: &'static str,
    /// How.
    pub(crate) what: String,
}

/// `Err` unless `holds`.
fn require(invariant: &'static str, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, what: what() }) }
}
