use super::about::About;
use super::identity::PeerAddr;
use crate::ids::NodeId;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a node is, as far as is known. The better comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MemberState {
    /// It answers.
    Up,
    /// It did not answer somebody, and has a few seconds to object.
    Suspected,
    /// It left, or did not answer anybody.
    Down,
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MemberState::Up => "up",
            MemberState::Suspected => "suspected",
            MemberState::Down => "down",
        })
    }
}

/// A node other than this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// How it is.
    pub state: MemberState,
    /// Since when this node knows so, by the monotone clock that is passed in.
    pub since: Duration,
    /// The number of its present start.
    pub boot: u64,
    /// Which of its lives this is: ascends.
    pub generation: u64,
    /// Where it is reached.
    pub addr: Option<PeerAddr>,
    /// How far its wall clock is ahead of this node's, in milliseconds, give or take the time of a message; `None` before the
    /// first message.
    pub clock_ahead_ms: Option<i64>,
    /// What it says of itself; `None` before it does.
    pub about: Option<About>,
}

/// The nodes other than this one, at one moment. Never changed once made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members(pub(super) BTreeMap<NodeId, Member>);

impl Members {
    /// What is known of `node`; nothing of one that was never heard of, and of this node itself.
    pub fn get(&self, node: NodeId) -> Option<&Member> {
        self.0.get(&node)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.0.iter().map(|(node, member)| (*node, member))
    }

    /// The state of `node`, to sort routes by: one that was never heard of counts as down.
    pub fn state(&self, node: NodeId) -> MemberState {
        self.0.get(&node).map_or(MemberState::Down, |member| member.state)
    }
}
