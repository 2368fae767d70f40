//! Rows that go without a write of a client.

use super::super::stage::ReadItem;
use super::super::{StagedMerge, WriteError};
use super::ShardCore;
use crate::causality::Item;
use crate::clock::WallMs;
use crate::ids::{ItemKey, Partition, SortKey};
use crate::limits::SHARD_WRITES_IN_FLIGHT_MAX;
use crate::store::{Position, ShardState, Write};

/// Why rows go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// Nothing but tombstones is in them, and the shard's clock covers everything that they know: others are told by the
    /// clock what the row told them.
    Forgotten,
    /// No live layout version gives the shard to this node. Only while the shard is
    /// [`ShardState::Dropping`].
    Dropped,
}

impl ShardCore {
    /// Works out the removal of rows, which `read` shows as they are stored. Rows that may not go, or are being written at the
    /// moment, stay. [`super::super::Event::Merge`] has it take effect, and must be the next event.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing happened.
    pub fn stage_removal(
        &mut self,
        now: WallMs,
        why: Removal,
        rows: &[(Partition, SortKey)],
        read: ReadItem<'_, '_>,
    ) -> Result<StagedMerge, WriteError> {
        if self.in_flight.len() >= SHARD_WRITES_IN_FLIGHT_MAX {
            return Err(WriteError::Overloaded);
        }
        let shown = self.clock.shown();
        let mut staged = self.nothing_staged();
        for (partition, sort_key) in rows {
            let key = ItemKey { partition: partition.hash, sort_key: sort_key.clone() };
            if self.overlay.get(&key).is_some() {
                continue;
            }
            let Some(old) = read(&key).map_err(WriteError::NotRead)? else { continue };
            let may_go = match why {
                Removal::Forgotten => old.is_tombstone() && old.is_known_to(&shown),
                Removal::Dropped => self.completeness.is_dropping(),
            };
            if !may_go {
                continue;
            }
            let changed = self.dots.mint_position(now);
            let write = Write::put_item(
                partition.clone(),
                sort_key.clone(),
                Position(changed.time),
                &old,
                &Item::empty(),
            );
            staged.bytes += write.bytes();
            staged.puts.push((key.clone(), write));
            staged.changes.push((changed, key));
        }
        Ok(staged)
    }

    /// Nothing is left of the shard: it begins anew, as if this node had never held it. What its clock covered is not dead, it
    /// was removed.
    pub(super) fn begin_anew(&mut self) {
        self.dots.retire();
        self.clock.begin_anew(self.dots.actor());
        // The row that says so is stored whatever was stored before.
        self.clock.was_refused();
        self.completeness.set(ShardState::Receiving);
    }

    /// A batch of no rows yet.
    pub(super) fn nothing_staged(&self) -> StagedMerge {
        let (batch, fence) = (self.next_batch, self.fence);
        StagedMerge { batch, fence, puts: Vec::new(), changes: Vec::new(), bytes: 0, after: None }
    }
}
