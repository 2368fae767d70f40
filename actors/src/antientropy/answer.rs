//! What a replica answers from its store: everything but merges and what follows from them.

use super::message::{Answer, Part, Rows};
use super::replica::{Found, Replica};
use super::span::Span;
use crate::ids::{ActorId, ItemKey, ShardIndex};
use crate::limits::{
    ENTROPY_LIST_ROWS, ENTROPY_LOOK_ROWS_MAX, ENTROPY_SCAN_ROWS_MAX, ENTROPY_STATES_BYTES_MAX,
};
use crate::mutation::{Mutation, is_on};
use crate::store::StoreError;
use std::ops::ControlFlow;

/// How much one answer holds. The simulator sets all of it so low that it is met.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// Items of a span that are listed one by one, and of each run where there are more.
    pub list_rows: usize,
    /// Items that are read for one answer about spans.
    pub scan_rows: usize,
    /// Keys that are listed in one answer about spans.
    pub look_rows: usize,
    /// Bytes of states in one message, unless a single one is larger.
    pub states_bytes: usize,
}

impl Default for AnswerLimits {
    fn default() -> AnswerLimits {
        AnswerLimits {
            list_rows: ENTROPY_LIST_ROWS,
            scan_rows: ENTROPY_SCAN_ROWS_MAX,
            look_rows: ENTROPY_LOOK_ROWS_MAX,
            states_bytes: ENTROPY_STATES_BYTES_MAX,
        }
    }
}

/// Shows what lies in the first of the spans: as many as the limits allow, at least a part of one.
pub(super) fn look(
    replica: &dyn Replica,
    shard: ShardIndex,
    spans: &[Span],
    limits: AnswerLimits,
) -> Result<Vec<Part>, StoreError> {
    let mut parts = Vec::new();
    let (mut scanned, mut listed) = (0, 0);
    for span in spans {
        if scanned >= limits.scan_rows || listed >= limits.look_rows {
            break;
        }
        let part = look_at(replica, shard, span, limits)?;
        let is_cut = part.through.is_some();
        listed += match &part.rows {
            Rows::Items(rows) | Rows::Runs(rows) => rows.len(),
        };
        scanned += match &part.rows {
            Rows::Items(rows) => rows.len(),
            Rows::Runs(rows) => rows.len() * limits.list_rows,
        };
        parts.push(part);
        if is_cut {
            break;
        }
    }
    Ok(parts)
}

fn look_at(
    replica: &dyn Replica,
    shard: ShardIndex,
    span: &Span,
    limits: AnswerLimits,
) -> Result<Part, StoreError> {
    let mut rows: Vec<(ItemKey, u64)> = Vec::new();
    let mut runs: Vec<(ItemKey, u64)> = Vec::new();
    let mut scanned = 0;
    let mut is_cut = false;
    replica.scan(shard, span, &mut |key, digest| {
        if rows.len() == limits.list_rows {
            runs.extend(run_of(&mut rows));
        }
        if scanned == limits.scan_rows {
            is_cut = true;
            return ControlFlow::Break(());
        }
        scanned += 1;
        rows.push((key, digest));
        ControlFlow::Continue(())
    })?;
    if runs.is_empty() && !is_cut {
        return Ok(Part { rows: Rows::Items(rows), through: None });
    }
    runs.extend(run_of(&mut rows));
    let through = runs.last().filter(|_| is_cut).map(|(last, _)| last.clone());
    Ok(Part { rows: Rows::Runs(runs), through })
}

/// The last key of the items and the XOR of their digests; leaves no items behind.
fn run_of(rows: &mut Vec<(ItemKey, u64)>) -> Option<(ItemKey, u64)> {
    let digest = rows.iter().fold(0, |digest, (_, item)| digest ^ item);
    rows.drain(..).next_back().map(|(last, _)| (last, digest))
}

/// States for another replica, with the clock that fills them.
pub(super) fn states(
    replica: &dyn Replica,
    shard: ShardIndex,
    keys: &[ItemKey],
    limits: AnswerLimits,
) -> Result<Found, StoreError> {
    let mut states = replica.states(shard, keys, limits.states_bytes)?;
    if is_on(Mutation::StateSentStripped) {
        states.clock = crate::causality::Context::empty();
    }
    Ok(states)
}

/// The answer to a request for states.
pub(super) fn fetched(actor: ActorId, states: Found) -> Answer {
    Answer::Fetched { actor, clock: states.clock, states: states.states }
}
