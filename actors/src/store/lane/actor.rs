//! The shell of a lane: an actor with a thread of its own, which a commit blocks.

use super::batch::Batch;
use super::core::{Effect, Event, LaneCore};
use super::{Persist, Persisted};
use crate::clock::monotonic_now;
use crate::limits::LANE_BATCHES_MAX;
use crate::store::{CommitError, Store, Write};
use actix::dev::channel::channel;
use actix::{Actor, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message};
use std::sync::Arc;
use std::time::Instant;

/// Answered once everything that was queued before it is durable or refused.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// Places in the mailbox that are not for batches.
const DRAINS_MAX: usize = 16;

/// Runs when the environment can no longer be trusted: it is to end the process.
pub type OnBroken = Box<dyn Fn(&CommitError) + Send>;

/// The actor.
pub struct LaneActor<S: Store> {
    core: LaneCore<Persist>,
    store: Arc<S>,
    on_broken: OnBroken,
    started_at: Instant,
    /// Batches that arrived so far.
    arrived: u64,
}

impl<S: Store> LaneActor<S> {
    /// Starts the lane of `store` on an arbiter that nothing else runs on.
    pub fn start_on(arbiter: &ArbiterHandle, store: Arc<S>, on_broken: OnBroken) -> Addr<LaneActor<S>> {
        // Made at its full length: `start_in_arbiter` begins with 16 places, and early senders found no room.
        let (sender, mailbox) = channel(LANE_BATCHES_MAX + DRAINS_MAX);
        arbiter.spawn_fn(move || {
            let (core, started_at) = (LaneCore::default(), monotonic_now());
            Context::with_receiver(mailbox).run(LaneActor { core, store, on_broken, started_at, arrived: 0 });
        });
        Addr::new(sender)
    }

    fn step(&mut self, event: Event<Persist>, ctx: &mut Context<LaneActor<S>>) {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            for effect in self.core.step(self.now_ms(), event) {
                next = self.run(effect, ctx);
            }
        }
    }

    /// Runs one effect. A commit is the last of its step, and what became of it is the next event.
    fn run(&mut self, effect: Effect<Persist>, ctx: &mut Context<LaneActor<S>>) -> Option<Event<Persist>> {
        match effect {
            Effect::ScheduleFlush => {
                // The context polls what was spawned only after it drained the mailbox: `ContextFut::poll` in actix.
                let flush = actix::fut::ready(());
                ctx.spawn(flush.map(|(), lane: &mut LaneActor<S>, ctx| lane.step(Event::Flush, ctx)));
                None
            }
            Effect::Commit(group) => {
                let mut writes = group.iter().flat_map(|batch| &batch.payload.writes);
                let outcome = self.store.commit(&mut writes);
                Some(Event::Committed { group, outcome })
            }
            Effect::EndEpoch => {
                self.store.end_epoch();
                None
            }
            Effect::Answer(batch, outcome) => {
                let Persist { batch, room, done, .. } = batch.payload;
                // An owner that is gone needs no answer.
                let _ = done.send(Persisted { batch, outcome, room });
                None
            }
            Effect::ReportBroken(failure) => {
                log::error!("the store failed and takes no more writes: {failure}");
                (self.on_broken)(&CommitError::Broken(failure));
                None
            }
        }
    }

    fn now_ms(&self) -> u64 {
        let elapsed = monotonic_now().saturating_duration_since(self.started_at);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

impl<S: Store> Actor for LaneActor<S> {
    type Context = Context<LaneActor<S>>;
}

impl<S: Store> Handler<Persist> for LaneActor<S> {
    type Result = ();

    fn handle(&mut self, persist: Persist, ctx: &mut Context<LaneActor<S>>) {
        self.arrived += 1;
        let batch = Batch {
            owner: persist.owner,
            fence: persist.fence,
            order: self.arrived,
            grows: persist.writes.iter().any(Write::grows),
            bytes: persist.writes.iter().map(Write::bytes).sum(),
            payload: persist,
        };
        self.step(Event::Arrived(batch), ctx);
    }
}

impl<S: Store> Handler<Drain> for LaneActor<S> {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Context<LaneActor<S>>) {
        while !self.core.is_idle() {
            self.step(Event::Flush, ctx);
        }
    }
}
