use crate::transport::Environment;
use serde::{Deserialize, Serialize};

/// A node with one memory: whatever it stored in a life it has for all of it. A new one begins when something was lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Life {
    /// Ascends with each life that peers may have heard of.
    pub number: u64,
    /// Random: an empty disk begins with a number that was used before.
    pub id: u64,
}

/// What a node has, in its own words or as a peer remembers them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Its life.
    pub life: Life,
    /// The number of its start.
    pub boot: u64,
    /// Its stores with their newest durable commits, by lane.
    pub stores: Vec<Environment>,
}

impl Memory {
    /// Whether a node that was heard saying this has lost something, if it has `life` and `stores` now.
    pub(super) fn contradicts(&self, life: Life, stores: &[Environment]) -> bool {
        if self.life != life {
            return self.life.number >= life.number;
        }
        self.stores.iter().any(|heard| {
            stores.iter().find(|own| own.id == heard.id).is_none_or(|own| own.sequence < heard.sequence)
        })
    }
}
