use super::Dot;
use crate::ids::ActorId;
use serde::{Deserialize, Deserializer, Serialize};

/// The time of an actor that will never mint again and of which every dot is known: it covers whatever it minted.
pub const CLOSED: u64 = u64::MAX;

/// A version vector: of each actor, every dot up to a time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
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

    /// The newest time of `actor` that is covered; 0 if none is, [`CLOSED`] if all are and no other will come.
    pub fn time_of(&self, actor: ActorId) -> u64 {
        self.pairs.binary_search_by_key(&actor, |pair| pair.0).map_or(0, |at| self.pairs[at].1)
    }

    /// Whether the write `dot` lies in the causal past that the context describes.
    pub fn covers(&self, dot: Dot) -> bool {
        dot.time <= self.time_of(dot.actor)
    }

    /// Covers the actor's dots up to `time` as well. `true`: it did not before.
    pub fn raise(&mut self, actor: ActorId, time: u64) -> bool {
        match self.pairs.binary_search_by_key(&actor, |pair| pair.0) {
            Ok(at) if self.pairs[at].1 < time => self.pairs[at].1 = time,
            Err(at) if time > 0 => self.pairs.insert(at, (actor, time)),
            Ok(_) | Err(_) => return false,
        }
        true
    }

    /// Covers what `other` covers as well.
    pub fn join(&mut self, other: &Context) {
        for &(actor, time) in &other.pairs {
            self.raise(actor, time);
        }
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Context, D::Error> {
        let pairs = Vec::deserialize(deserializer)?;
        Context::from_ascending(pairs).ok_or_else(|| serde::de::Error::custom("actors do not ascend"))
    }
}
