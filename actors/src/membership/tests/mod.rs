mod actor;
mod failures;
mod messages;
mod world;

use super::{About, Effect, Event, MemberId, MemberState, MembershipCore, Message, Now, PeerAddr};
use crate::clock::WallMs;
use crate::ids::NodeId;
