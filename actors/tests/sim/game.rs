//! What can be played: one node, or a whole cluster.

use crate::shape::{Part, Shape};
use crate::world::Outcome;
use crate::{cluster, world};
use troupe_actors::mutation::Mutation;

/// How a run is made, and what it can do without.
#[derive(Clone, Copy)]
pub(crate) struct Game {
    /// What the program is to be told to play it.
    pub(crate) option: &'static str,
    pub(crate) parts: &'static [Part],
    pub(crate) run: fn(u64, Option<Mutation>, &Shape, bool) -> Outcome,
}

/// One node before its clients.
pub(crate) const NODE: Game = Game { option: "", parts: Part::OF_A_NODE, run: world::run };

/// Several nodes.
pub(crate) const CLUSTER: Game = Game { option: " --cluster", parts: Part::OF_A_CLUSTER, run: cluster::run };
