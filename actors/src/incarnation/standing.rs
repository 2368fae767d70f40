use crate::mutation::{Mutation, is_on};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a node lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Loss {
    /// A store is an older image: a peer heard of a later commit.
    RolledBack {
        /// The commit that a peer heard of.
        heard: u64,
        /// The newest one here.
        mine: u64,
    },
    /// The stores are new, and a peer has heard of this node before.
    Wiped,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::RolledBack { heard, mine } => {
                write!(
                    f,
                    "the store is an older image: it ends at commit {mine}, and a peer heard of commit {heard}"
                )
            }
            Loss::Wiped => f.write_str("the store is new, and peers know of an earlier one of this node"),
        }
    }
}

/// Whether this node's answers count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It does not know yet: too few of its peers have answered.
    Asking,
    /// It lost something, and was not compared with every other replica since.
    Lost(Loss),
    /// It has everything that it ever acknowledged.
    Whole,
}

impl Standing {
    /// Whether this node counts towards the quorum of a read.
    pub fn may_vote(self) -> bool {
        match self {
            Standing::Whole => true,
            Standing::Asking => is_on(Mutation::UndecidedNodeVotes),
            Standing::Lost(_) => is_on(Mutation::LostNodeVotes),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Asking => f.write_str("asks its peers whether it lost data"),
            Standing::Lost(loss) => write!(f, "lost data and merges it from its peers: {loss}"),
            Standing::Whole => f.write_str("complete"),
        }
    }
}
