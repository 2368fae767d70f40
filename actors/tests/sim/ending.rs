//! How a run ends: everybody else is done, nothing is broken any more, and a last client tries what must be possible.

use crate::client::Ask;
use crate::invariants::{Violation, rest};
use crate::keyspace::{ItemIndex, PARTITION_COUNT};
use crate::oracle::WriteId;
use crate::space::Space;
use crate::token::SentToken;
use crate::world::{Message, RequestNumber, World};
use troupe_actors::causality::Item;
use troupe_actors::limits::FULL_PROBE_INTERVAL_MS;

impl World {
    /// Whatever is tried on a full disk, what holds a value can be deleted.
    pub(crate) fn delete_on_a_full_disk(&mut self) -> Result<(), Violation> {
        rest::check_stored(&self.disk.checkpoint())?;
        let full = Space::of(self.disk.used_bytes(), 0, self.random.percent(50));
        self.disk.set_space(full);
        self.delete_one_by_one(Item::is_empty)?;
        self.come_to_rest()?;
        let deletions = self.delete_one_by_one(|item| !item.is_tombstone())?;
        self.come_to_rest()?;
        rest::check_deleted(&self.oracle, &deletions)?;
        self.check_rest()
    }

    /// One more write to each shard, with a token of what is there, some time after everything else.
    pub(crate) fn write_once_more(&mut self) -> Result<Vec<WriteId>, Violation> {
        let mut writes = Vec::new();
        for partition in [0, PARTITION_COUNT - 1] {
            let item = ItemIndex::all().find(|item| item.partition() == partition);
            let Some(item) = item else { continue };
            let (_, token) = self.look_at(item)?;
            let id = self.oracle.try_write(item, false, token.seen);
            writes.push((id, Some(SentToken::new(item, &token))));
        }
        let ids = writes.iter().map(|(id, _)| *id).collect();
        let later_us = 2 * 1000 * FULL_PROBE_INTERVAL_MS;
        self.scheduler.send(later_us, Message::LastWrite(writes));
        Ok(ids)
    }

    /// Deletes of the items what `is_meant`, in a request each, some time after everything else.
    fn delete_one_by_one(&mut self, is_meant: fn(&Item<'static>) -> bool) -> Result<Vec<WriteId>, Violation> {
        let mut ids = Vec::new();
        for item in ItemIndex::all() {
            let (stored, token) = self.look_at(item)?;
            if is_meant(&stored) {
                let id = self.oracle.try_write(item, true, token.seen);
                let token = (!stored.is_empty()).then(|| SentToken::new(item, &token));
                let later_us = 1_000_000 * (1 + ids.len() as u64);
                self.scheduler.send(later_us, Message::LastWrite(vec![(id, token)]));
                ids.push(id);
            }
        }
        Ok(ids)
    }

    pub(crate) fn last_client_writes(
        &mut self,
        writes: Vec<(WriteId, Option<SentToken>)>,
    ) -> Result<(), Violation> {
        self.note("the last client writes", &[]);
        self.requests_made += 1;
        let request = RequestNumber(self.requests_made);
        self.ask(self.clients.len() - 1, request, Ask::Write(writes))
    }
}
