//! Minting dots: each once, ever.

use crate::causality::{Context, Dot, Item};
use crate::clock::WallMs;
use crate::ids::ActorId;
use crate::limits::{ACTOR_HISTORY_MAX, WATERMARK_STEP_MS};
use crate::store::{Epoch, ShardMeta};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A shard's clock and the actor ids it minted from.
///
/// Times follow the wall clock and never step back: `max(newest + 1, wall clock)`, a hybrid logical clock (Kulkarni et
/// al., "Logical Physical Clocks", 2014) without its receive rule, as no input may advance it. A durable watermark runs
/// ahead of the newest time, so that a clean restart resumes above everything that was minted.
#[derive(Debug)]
pub(super) struct Dots {
    epoch: Epoch,
    /// Oldest first; the last one mints.
    actors: Vec<ActorId>,
    newest: u64,
    /// No dot may be minted above it before a higher one is on its way to disk.
    watermark: u64,
    rng: StdRng,
}

impl Dots {
    /// Resumes from what is stored, or not: an actor id of another epoch is history, and a new one is drawn at once.
    ///
    /// It is stored with its first dot. Until then it names this opening: a reader who is told of it and comes back
    /// after another image was restored is not taken for one who has seen what is in that image.
    pub(super) fn open(meta: Option<ShardMeta>, epoch: Epoch, seed: [u8; 32]) -> Dots {
        let is_resumed = meta.as_ref().is_some_and(|meta| meta.epoch == epoch && !meta.actors.is_empty());
        let (actors, watermark) = meta.map_or((Vec::new(), 0), |meta| (meta.actors, meta.watermark));
        let rng = StdRng::from_seed(seed);
        let mut dots = Dots { epoch, actors, newest: watermark, watermark, rng };
        if !is_resumed {
            dots.draw_actor();
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

    /// A new dot for a write with `context` onto `item`.
    ///
    /// If either shows a dot of the current actor that this shard never minted, the shard has lost its memory in a way
    /// that the store did not notice (an image of the whole disk was restored). Its actor id may then have minted
    /// anything, so it is retired.
    pub(super) fn mint(&mut self, now: WallMs, context: &Context, item: &Item<'_>) -> Dot {
        let actor = match self.actors.last().copied() {
            Some(actor) if self.newest >= shown_time(actor, context, item) => actor,
            Some(_) | None => self.draw_actor(),
        };
        self.newest = self.newest.saturating_add(1).max(now.0);
        Dot { actor, time: self.newest }
    }

    /// What must be stored together with the dots minted so far, if the stored watermark does not cover them.
    pub(super) fn watermark_to_store(&mut self) -> Option<ShardMeta> {
        if self.newest <= self.watermark {
            return None;
        }
        self.watermark = self.newest.saturating_add(WATERMARK_STEP_MS);
        Some(ShardMeta { epoch: self.epoch, actors: self.actors.clone(), watermark: self.watermark })
    }

    /// A batch was refused, perhaps the one that carried the watermark: store it again with the next one.
    pub(super) fn watermark_was_refused(&mut self) {
        self.watermark = 0;
    }

    fn draw_actor(&mut self) -> ActorId {
        let actor = ActorId(self.rng.random());
        self.actors.push(actor);
        let surplus = self.actors.len().saturating_sub(ACTOR_HISTORY_MAX);
        self.actors.drain(..surplus);
        self.watermark = 0;
        actor
    }
}

fn shown_time(actor: ActorId, context: &Context, item: &Item<'_>) -> u64 {
    context.time_of(actor).max(item.newest_time_of(actor))
}
