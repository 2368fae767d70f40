//! Clients who come back to a machine that was rolled back under a stopped node. The node cannot know; what it has is
//! the last net: a token that shows dots which it never minted. So the first who writes to a shard brings one.

use crate::client::Client;
use crate::disk::Copy;
use crate::invariants::Violation;
use crate::keyspace::{ItemIndex, NODE, PARTITIONS, SHARDS};
use crate::limits::SHARD_LIMITS;
use crate::node::{GroupOfWrites, Inside};
use crate::token::Token;
use crate::world::{RequestNumber, World};
use troupe_actors::causality::SeenMarker;
use troupe_actors::ids::ActorId;
use troupe_actors::shard::ShardCore;
use troupe_actors::store::lane::Fence;
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::{Snapshot, Store};

impl World {
    /// A copy of a stopped node's disk that the machine may go back to, and who comes back to it: rather one that the
    /// node has minted dots since.
    pub(crate) fn machine_copy(&self) -> Option<(usize, Vec<(ItemIndex, Token)>)> {
        let all = (0..self.disk.copies()).filter_map(|which| Some((which, self.returning_tokens(which)?)));
        all.max_by_key(|(which, tokens)| (tokens.len(), *which))
    }

    /// For each shard that minted since the copy was made, a client's token that says so; `None` if some shard has
    /// none, or if the copy is not of a stopped node.
    fn returning_tokens(&self, which: usize) -> Option<Vec<(ItemIndex, Token)>> {
        let copy = self.disk.any_copy(which).filter(|copy| copy.is_closed())?;
        let store = copy.open()?;
        let snapshot = store.snapshot().ok()?;
        let mut tokens = Vec::new();
        for at in 0..SHARDS.len() {
            let Some((actor, watermark)) = newest(copy, &snapshot, at) else { continue };
            let is_unknown = |time| time > watermark;
            if !self.oracle.minted(actor).any(is_unknown) {
                continue;
            }
            let known = self.clients.iter().flat_map(Client::tokens).find(|(item, token)| {
                let stored = snapshot.item(item.key()).ok().flatten().unwrap_or_default();
                // What the token covers all of is never refused.
                let is_taken = stored.siblings().all(|(dot, _)| token.context.covers(dot));
                item.shard() == at && is_taken && is_unknown(token.context.time_of(actor))
            });
            tokens.push(known?.clone());
        }
        Some(tokens)
    }

    /// They write before anybody else does.
    pub(crate) fn clients_return(&mut self, tokens: Vec<(ItemIndex, Token)>) -> Result<(), Violation> {
        for (item, token) in tokens {
            if !self.oracle.has_room(1) {
                return self.crash();
            }
            let id = self.oracle.try_write(item, false, token.seen);
            self.requests_made += 1;
            let request = RequestNumber(self.requests_made);
            let client = self.clients.len() - 1;
            self.note("a client comes back with write {} on item {}", &[id.0 as u64, item.0 as u64]);
            let writes = vec![self.item_write(id, token.context)];
            if let Some(node) = &mut self.node {
                node.open_parts.insert(request, 1);
            }
            let group = GroupOfWrites { client, request, ids: vec![id] };
            self.inside(0, Inside::Write { shard: item.shard(), group, writes });
        }
        Ok(())
    }
}

/// The actor that a shard would go on with, and the time above which it never minted.
fn newest(copy: &Copy, snapshot: &impl Snapshot, at: usize) -> Option<(ActorId, u64)> {
    let epoch = copy.epoch()?;
    let meta = snapshot.shard_meta(SHARDS[at]).ok()?;
    let core = ShardCore::open(SHARDS[at], NODE, meta, epoch, SHARD_LIMITS, Fence::first(0), [0; 32]);
    let reach = core.changes(PARTITIONS[0].hash, &KeyRange::all(), &SeenMarker::default());
    reach.marker.seen.first().copied()
}
