//! What a store does beside its writers, a step at a time: checkpoints, and the syncs of a relaxed journal.

use crate::disk::Durability;
use crate::invariants::Violation;
use crate::node::Inside;
use crate::random::Random;
use crate::shape::Part;
use crate::world::{Message, World};
use troupe_actors::limits::RELAXED_SYNC_INTERVAL_MS;
use troupe_actors::store::CommitError;
use troupe_actors::store::journalled::Step;

/// A step in the background.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upkeep {
    Checkpoint,
    Sync,
}

/// How a node of this run goes about it.
pub(crate) struct Pace {
    /// The longest time between two steps of a checkpoint.
    step_us_max: u64,
    /// Rows of a step.
    rows_max: usize,
    checkpoint_is_planned: bool,
    sync_is_planned: bool,
}

impl Pace {
    pub(crate) fn drawn(random: &mut Random) -> Pace {
        Pace {
            step_us_max: *random.pick(&[200, 5_000, 50_000]),
            rows_max: random.between(1, 6) as usize,
            checkpoint_is_planned: false,
            sync_is_planned: false,
        }
    }

    /// A new process plans anew.
    pub(crate) fn begin(&mut self) {
        (self.checkpoint_is_planned, self.sync_is_planned) = (false, false);
    }
}

impl World {
    /// Something is in the tables and the journal.
    pub(crate) fn plan_upkeep(&mut self) {
        if !self.pace.checkpoint_is_planned {
            self.pace.checkpoint_is_planned = true;
            self.plan_checkpoint_step();
        }
        if !self.pace.sync_is_planned && self.disk.durability() == Durability::Relaxed {
            self.pace.sync_is_planned = true;
            let interval_us = 1000 * RELAXED_SYNC_INTERVAL_MS;
            self.scheduler.send(interval_us, Message::Upkeep(self.lives, Upkeep::Sync));
        }
    }

    fn plan_checkpoint_step(&mut self) {
        let delay_us = self.random.between(1, self.pace.step_us_max);
        self.scheduler.send(delay_us, Message::Upkeep(self.lives, Upkeep::Checkpoint));
    }

    pub(crate) fn upkeep(&mut self, life: u64, upkeep: Upkeep) -> Result<(), Violation> {
        if life != self.lives || self.node.is_none() {
            return Ok(());
        }
        if self.random.percent(1) && self.shape.has(Part::BrokenDisks) && !self.is_settling() {
            self.disk.fail_soon(&mut self.random, 2);
        }
        let outcome = match upkeep {
            Upkeep::Checkpoint => self.checkpoint_step(),
            Upkeep::Sync => {
                self.pace.sync_is_planned = false;
                self.note("the journal is synced", &[]);
                self.disk.sync()
            }
        };
        self.disk.fail_no_more();
        if let Err(CommitError::Broken(_)) = outcome {
            self.note("the disk fails in the background", &[]);
            let delay_us = self.hop_us();
            self.inside(delay_us, Inside::Exit);
        }
        if self.random.percent(5) { self.check_disk() } else { Ok(()) }
    }

    fn checkpoint_step(&mut self) -> Result<(), CommitError> {
        let outcome = self.disk.checkpoint_step(self.pace.rows_max);
        match &outcome {
            Ok(Step::Partial | Step::Finished) => {
                self.note(
                    "a step of a checkpoint: {?more is to come|the table is in the tree}",
                    &[u64::from(outcome == Ok(Step::Finished))],
                );
                self.plan_checkpoint_step();
            }
            // Whatever is stored next has it tried again.
            Ok(Step::Idle) | Err(_) => self.pace.checkpoint_is_planned = false,
        }
        outcome.map(|_| ())
    }
}
