//! What tells states apart.

use super::{Cluster, Disk, Half, Message, Replica};
use std::hash::{DefaultHasher, Hash, Hasher};
use troupe_actors::causality::Item;
use troupe_actors::ids::ActorId;
use troupe_actors::store::Write;

impl Cluster {
    /// Two states with the same fingerprint go on alike. What is not in it follows from what is: the overlay from what is
    /// on its way to the disk, a quorum from what was answered. Positions tell nothing apart here.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for replica in &self.replicas {
            let Replica { core, disk, image, pending, asked, life, .. } = replica;
            (disk.row.as_ref().map(Item::encode), meta(disk), life).hash(&mut hasher);
            image.as_ref().map(|image| (image.row.as_ref().map(Item::encode), meta(image))).hash(&mut hasher);
            for (_, writes) in pending {
                for write in writes {
                    match write {
                        Write::PutItem { row, .. } => row.item().hash(&mut hasher),
                        Write::PutShardMeta { meta, .. } => {
                            (meta.clock.pairs(), meta.state as u8).hash(&mut hasher);
                        }
                        Write::RemoveItem { .. } | Write::PutControl { .. } => 0.hash(&mut hasher),
                    }
                }
            }
            format!("{:?}", core.clock()).hash(&mut hasher);
            core.may_vote().hash(&mut hasher);
            asked.values().collect::<Vec<_>>().hash(&mut hasher);
        }
        for Message { to, from, life, batch, states } in &self.messages {
            (to, from, life, batch, states.items[0].encoded(), states.clock.pairs()).hash(&mut hasher);
        }
        for Half { to, life, asked, states } in &self.halves {
            (to, life, asked, states.items[0].encoded(), states.clock.pairs()).hash(&mut hasher);
        }
        for write in &self.writes {
            (write.is_acknowledged, &write.covered_by, write.dot).hash(&mut hasher);
        }
        if let Some((at, view, acknowledged)) = &self.read {
            (at, view.item.encode(), acknowledged).hash(&mut hasher);
        }
        (self.spent, &self.heard).hash(&mut hasher);
        hasher.finish()
    }
}

fn meta(disk: &Disk) -> Option<(Vec<(ActorId, u64)>, u8)> {
    disk.meta.as_ref().map(|meta| (meta.clock.pairs().to_vec(), meta.state as u8))
}
