//! Minting dots: each once, ever.

use super::ShardLimits;
use crate::causality::{Context, Dot, Item};
use crate::clock::WallMs;
use crate::ids::{ActorId, ShardIndex};
use crate::limits::WATERMARK_STEP_MS;
use crate::mutation::{Mutation, is_on};
use crate::store::{Epoch, ShardMeta, ShardState};
use sha2::{Digest, Sha256};

/// A shard's clock and the actor ids it minted from.
///
/// Times follow the wall clock and never step back: `max(newest + 1, wall clock)`, a hybrid logical clock (Kulkarni et
/// al., "Logical Physical Clocks", 2014) without its receive rule, as no input may advance it. A durable watermark runs
/// ahead of the newest time, so that a clean restart resumes above everything that was minted.
#[derive(Clone, Debug)]
pub(super) struct Dots {
    epoch: Epoch,
    /// Oldest first; the last one mints.
    actors: Vec<ActorId>,
    newest: u64,
    /// No dot may be minted above it before a higher one is on its way to disk.
    watermark: u64,
    /// How many actor ids are remembered.
    actors_max: usize,
    /// Where further actor ids come from, and how many did.
    seed: [u8; 32],
    drawn: u64,
    is_resumed: bool,
}

impl Dots {
    /// Resumes from what is stored, or begins the actor id of this epoch: one of another epoch is history.
    ///
    /// The new actor id is stored with its first dot. Until then it follows from the epoch, so that a clean restart
    /// knows the markers that name it; after another image was restored, the epoch is another one, and a reader of the
    /// one image is not taken for one who has seen what is in the other.
    pub(super) fn open(
        shard: ShardIndex,
        meta: Option<&ShardMeta>,
        epoch: Epoch,
        limits: ShardLimits,
        seed: [u8; 32],
    ) -> Dots {
        let is_epoch = |stored| stored == epoch || is_on(Mutation::ActorIdReusedAfterAmnesia);
        let is_resumed = meta.as_ref().is_some_and(|meta| is_epoch(meta.epoch) && !meta.actors.is_empty());
        let (actors, watermark) = meta.map_or((Vec::new(), 0), |meta| (meta.actors.clone(), meta.watermark));
        let newest = if is_on(Mutation::WatermarkIgnored) { 0 } else { watermark };
        let actors_max = limits.actor_history_max;
        let mut dots = Dots { epoch, actors, newest, watermark, actors_max, seed, drawn: 0, is_resumed };
        if !is_resumed {
            let is_reused = is_on(Mutation::ActorIdReusedAfterAmnesia);
            dots.begin_actor(first_actor(shard, if is_reused { Epoch(0) } else { epoch }));
        }
        dots
    }

    /// Every actor id of this shard, oldest first.
    pub(super) fn actors(&self) -> &[ActorId] {
        &self.actors
    }

    /// The newest time of the newest actor: nothing above it was minted.
    pub(super) fn newest(&self) -> Option<Dot> {
        self.actors.last().map(|&actor| Dot { actor, time: self.newest })
    }

    /// Of a shard that was just opened in a new epoch: the last actor before it, and the watermark that it left.
    pub(super) fn previous(&self) -> Option<Dot> {
        let [.., actor, _] = *self.actors.as_slice() else { return None };
        (!self.is_resumed).then_some(Dot { actor, time: self.newest })
    }

    /// Who mints now.
    pub(super) fn actor(&self) -> ActorId {
        self.actors.last().copied().unwrap_or(ActorId(0))
    }

    /// Nothing above it was minted.
    pub(super) fn newest_time(&self) -> u64 {
        self.newest
    }

    /// Up to which time the present actor's dots were committed before the shard was opened: all of them, if it was closed
    /// cleanly.
    pub(super) fn committed_before(&self) -> u64 {
        if self.is_resumed { self.newest } else { 0 }
    }

    /// A new dot for a write with `context` onto `item`.
    ///
    /// If either shows a dot of the current actor that this shard never minted, the shard has lost its memory in a way
    /// that the store did not notice (an image of the whole disk was restored). Its actor id may then have minted
    /// anything, so it is retired.
    pub(super) fn mint(&mut self, now: WallMs, context: &Context, item: &Item<'_>) -> Dot {
        let actor = match self.actors.last().copied() {
            Some(actor) if self.newest >= shown_time(actor, context, item) => actor,
            Some(actor) if is_on(Mutation::UnknownDotOfMineTaken) => actor,
            Some(_) | None => self.draw_actor(),
        };
        self.newest = self.newest.saturating_add(1).max(now.0);
        Dot { actor, time: self.newest }
    }

    /// The place of a change that brings no dot of its own: what was merged. The actor is the present one, which has no dot
    /// there.
    pub(super) fn mint_position(&mut self, now: WallMs) -> Dot {
        self.newest = self.newest.saturating_add(1).max(now.0);
        Dot { actor: self.actor(), time: self.newest }
    }

    /// Another replica knows dots of the present actor up to `shown`: if that is more than was minted, the actor is retired.
    pub(super) fn are_shown(&mut self, shown: u64) {
        if shown > self.newest && !is_on(Mutation::UnknownDotOfMineTaken) {
            self.draw_actor();
        }
    }

    /// The present actor's dots may be at other replicas and are not here: another actor mints from now on.
    pub(super) fn retire(&mut self) {
        self.draw_actor();
    }

    /// Whether something must be stored together with the dots minted so far.
    pub(super) fn has_more_to_store(&self) -> bool {
        self.newest > self.watermark
    }

    /// What is stored of the shard together with the dots minted so far.
    pub(super) fn for_row(&mut self, clock: Context, state: ShardState) -> ShardMeta {
        if self.newest > self.watermark {
            self.watermark = self.newest.saturating_add(WATERMARK_STEP_MS);
        }
        let watermark = if is_on(Mutation::WatermarkNotAhead) { self.newest } else { self.watermark };
        ShardMeta { epoch: self.epoch, actors: self.actors.clone(), watermark, clock, state }
    }

    /// A batch was refused, perhaps the one that carried the watermark: store it again with the next one.
    pub(super) fn watermark_was_refused(&mut self) {
        self.watermark = 0;
    }

    fn draw_actor(&mut self) -> ActorId {
        let mut hasher = Sha256::new();
        hasher.update(b"troupe further actor of an epoch");
        hasher.update(self.seed);
        hasher.update(self.drawn.to_be_bytes());
        self.drawn += 1;
        let actor = actor_of(hasher);
        self.begin_actor(actor);
        actor
    }

    fn begin_actor(&mut self, actor: ActorId) {
        self.actors.push(actor);
        let surplus = self.actors.len().saturating_sub(self.actors_max);
        self.actors.drain(..surplus);
        self.watermark = 0;
    }
}

/// The actor id that a shard begins an epoch with. As unique as a random one: epochs are.
fn first_actor(shard: ShardIndex, epoch: Epoch) -> ActorId {
    let mut hasher = Sha256::new();
    hasher.update(b"troupe first actor of an epoch");
    hasher.update(epoch.0.to_be_bytes());
    hasher.update((shard.index() as u64).to_be_bytes());
    actor_of(hasher)
}

fn actor_of(hasher: Sha256) -> ActorId {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hasher.finalize().into();
    ActorId(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

fn shown_time(actor: ActorId, context: &Context, item: &Item<'_>) -> u64 {
    context.time_of(actor).max(item.newest_time_of(actor))
}
