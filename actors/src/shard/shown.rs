//! What any thread may know of a shard without asking its actor.

use super::clock::Moment;
use super::{ShardClock, ShardCore};
use crate::causality::Context;
use crate::ids::ActorId;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The clock of one shard, as its actor last published it: after a commit and before its answer, and before the first row
/// that is stripped by it is on its way to the disk.
pub(super) struct Shown {
    clock: ArcSwap<ShownClock>,
    moment: AtomicU64,
    may_vote: AtomicBool,
    is_amnesiac: AtomicBool,
}

struct ShownClock {
    taken_in: Context,
    actor: ActorId,
    committed: AtomicU64,
}

/// A consistent view of one shard: its rows, and the clock that they are filled with when they leave for another node.
pub struct View<T> {
    /// The snapshot.
    pub snapshot: T,
    /// The clock.
    pub clock: Context,
    /// Who minted when the snapshot was taken.
    pub actor: ActorId,
    /// Every dot of `actor` up to this time is in the snapshot, or dead.
    pub committed: u64,
}

impl ShownClock {
    fn of(clock: &ShardClock) -> ShownClock {
        ShownClock {
            taken_in: clock.strips_by().clone(),
            actor: clock.actor(),
            committed: AtomicU64::new(clock.committed()),
        }
    }
}

impl Shown {
    pub(super) fn of(core: &ShardCore) -> Shown {
        Shown {
            clock: ArcSwap::from_pointee(ShownClock::of(core.clock())),
            moment: AtomicU64::new(core.clock().moment().0),
            may_vote: AtomicBool::new(core.may_vote()),
            is_amnesiac: AtomicBool::new(core.is_amnesiac()),
        }
    }

    /// After every event of the core, and before its effects are run.
    pub(super) fn publish(&self, core: &ShardCore) {
        let clock = core.clock();
        self.may_vote.store(core.may_vote(), Ordering::Release);
        self.is_amnesiac.store(core.is_amnesiac(), Ordering::Release);
        let shown = self.clock.load();
        if self.moment.load(Ordering::Relaxed) == clock.moment().0 && shown.actor == clock.actor() {
            shown.committed.store(clock.committed(), Ordering::Release);
        } else {
            self.clock.store(Arc::new(ShownClock::of(clock)));
            self.moment.store(clock.moment().0, Ordering::Release);
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment(self.moment.load(Ordering::Acquire))
    }

    pub(super) fn may_vote(&self) -> bool {
        self.may_vote.load(Ordering::Acquire)
    }

    pub(super) fn is_amnesiac(&self) -> bool {
        self.is_amnesiac.load(Ordering::Acquire)
    }

    pub(super) fn clock(&self) -> Context {
        let shown = self.clock.load();
        let mut clock = shown.taken_in.clone();
        clock.raise(shown.actor, shown.committed.load(Ordering::Acquire));
        clock
    }

    /// Takes a snapshot together with its clock. The own entry is read before the snapshot is taken: what is committed
    /// meanwhile is not in it. The others must be the same before and afterwards: a clock from before does not cover what
    /// the rows were stripped by, and one from afterwards covers what the rows lack.
    pub(super) fn view<T, E>(&self, snapshot: impl Fn() -> Result<T, E>) -> Result<View<T>, E> {
        loop {
            let before = self.clock.load_full();
            let committed = before.committed.load(Ordering::Acquire);
            let snapshot = snapshot()?;
            if Arc::ptr_eq(&before, &self.clock.load()) {
                let actor = before.actor;
                let mut clock = before.taken_in.clone();
                clock.raise(actor, committed);
                return Ok(View { snapshot, clock, actor, committed });
            }
        }
    }
}
