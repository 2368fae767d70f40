//! Where two replicas differ within spans: what the other one shows, laid beside what is stored here.

use super::answer::AnswerLimits;
use super::message::{Part, Rows};
use super::repair::Suspect;
use super::replica::Replica;
use super::span::Span;
use crate::ids::{ItemKey, ShardIndex};
use crate::store::StoreError;
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// What came out of a look.
#[derive(Debug, Default)]
pub(super) struct Differing {
    /// Items that differ.
    pub(super) suspects: Vec<Suspect>,
    /// What must be looked at again: runs that differ, and what was not reached.
    pub(super) spans: Vec<Span>,
}

/// Lays the parts of the asked spans beside the own items. `None`: the parts do not lie in the spans.
pub(super) fn differing(
    replica: &dyn Replica,
    shard: ShardIndex,
    asked: Vec<Span>,
    parts: Vec<Part>,
    limits: AnswerLimits,
) -> Result<Option<Differing>, StoreError> {
    let mut found = Differing::default();
    let mut asked: VecDeque<Span> = asked.into();
    for part in parts {
        let Some(span) = asked.pop_front() else { return Ok(None) };
        let is_inside = |key: &ItemKey| span.contains(shard, key);
        let (Rows::Items(rows) | Rows::Runs(rows)) = &part.rows;
        if !rows.iter().all(|(key, _)| is_inside(key)) || !part.through.iter().all(is_inside) {
            return Ok(None);
        }
        let shown = match &part.through {
            Some(through) => Span { last: Some(through.clone()), ..span.clone() },
            None => span.clone(),
        };
        match part.rows {
            Rows::Items(rows) => compare_items(replica, shard, &shown, &rows, limits, &mut found)?,
            Rows::Runs(runs) => compare_runs(replica, shard, &shown, &runs, limits, &mut found)?,
        }
        if let Some(through) = part.through {
            found.spans.push(span.behind(through));
        }
    }
    found.spans.extend(asked);
    Ok(Some(found))
}

/// Own items that are laid beside one list: more than the other replica's, as this one may hold what it lacks.
fn own_rows_max(limits: AnswerLimits) -> usize {
    limits.look_rows
}

fn compare_items(
    replica: &dyn Replica,
    shard: ShardIndex,
    span: &Span,
    theirs: &[(ItemKey, u64)],
    limits: AnswerLimits,
    found: &mut Differing,
) -> Result<(), StoreError> {
    let mut theirs = theirs.iter().peekable();
    let mut own_rows = 0;
    let mut reached = None;
    replica.scan(shard, span, &mut |key, own| {
        if own_rows == own_rows_max(limits) {
            return ControlFlow::Break(());
        }
        own_rows += 1;
        while let Some((lacking, digest)) = theirs.next_if(|(their_key, _)| *their_key < key) {
            found.suspects.push(Suspect::new(lacking.clone(), Some(*digest)));
        }
        let digest = theirs.next_if(|(their_key, _)| *their_key == key).map(|(_, digest)| *digest);
        if digest != Some(own) {
            found.suspects.push(Suspect::new(key.clone(), digest));
        }
        if own_rows == own_rows_max(limits) {
            reached = Some(key);
        }
        ControlFlow::Continue(())
    })?;
    match reached {
        Some(key) => found.spans.push(span.behind(key)),
        None => {
            let lacking = theirs.map(|(key, digest)| Suspect::new(key.clone(), Some(*digest)));
            found.suspects.extend(lacking);
        }
    }
    Ok(())
}

fn compare_runs(
    replica: &dyn Replica,
    shard: ShardIndex,
    span: &Span,
    runs: &[(ItemKey, u64)],
    limits: AnswerLimits,
    found: &mut Differing,
) -> Result<(), StoreError> {
    // Behind the last run there is nothing there, up to the end of the span.
    let ends = runs.iter().map(|(last, digest)| (Some(last.clone()), *digest));
    let mut after = span.after.clone();
    for (last, digest) in ends.chain([(None, 0)]) {
        let run = Span {
            segment: span.segment,
            after: after.take(),
            last: last.clone().or_else(|| span.last.clone()),
        };
        after = last;
        if run.after.is_some() && run.after == run.last {
            continue;
        }
        if own_digest(replica, shard, &run, limits)? != Some(digest) {
            found.spans.push(run);
        }
    }
    Ok(())
}

/// The digest of the own items in the span; `None` if they are so many that they can only differ from a run.
fn own_digest(
    replica: &dyn Replica,
    shard: ShardIndex,
    span: &Span,
    limits: AnswerLimits,
) -> Result<Option<u64>, StoreError> {
    let (mut rows, mut sum) = (0, 0);
    replica.scan(shard, span, &mut |_, digest| {
        rows += 1;
        sum ^= digest;
        if rows > limits.scan_rows { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok((rows <= limits.scan_rows).then_some(sum))
}
