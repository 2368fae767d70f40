use super::Dot;
use crate::ids::ActorId;

/// A version vector: of each actor, every dot up to a time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Context {
    /// Ascending by actor, each actor once.
    pairs: Vec<(ActorId, u64)>,
}

impl Context {
    /// Covers nothing: the context of a write without a token.
    pub fn empty() -> Context {
        Context::default()
    }

    /// Takes pairs that already ascend strictly by actor; `None` if they do not.
    pub fn from_ascending(pairs: Vec<(ActorId, u64)>) -> Option<Context> {
        pairs.is_sorted_by(|a, b| a.0 < b.0).then_some(Context { pairs })
    }

    /// The pairs, ascending by actor.
    pub fn pairs(&self) -> &[(ActorId, u64)] {
        &self.pairs
    }

    /// The newest time of `actor` that is covered; 0 if none is.
    pub fn time_of(&self, actor: ActorId) -> u64 {
        self.pairs.binary_search_by_key(&actor, |pair| pair.0).map_or(0, |at| self.pairs[at].1)
    }

    /// Whether the write `dot` lies in the causal past that the context describes.
    pub fn covers(&self, dot: Dot) -> bool {
        dot.time <= self.time_of(dot.actor)
    }
}
