use super::about::About;
use super::draws::Draws;
use super::identity::{MemberId, PeerAddr};
use super::members::{Member, MemberState, Members};
use super::message::Message;
use super::pace;
use super::timers::Timers;
use crate::clock::WallMs;
use crate::ids::NodeId;
use crate::limits::MEMBERS_MAX;
use foca::{Foca, Header, Identity, NoCustomBroadcast, Notification, PostcardCodec, Runtime, State, Timer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A change of a clock's distance that is worth showing, in milliseconds.
const CLOCK_STEP_MS: u64 = 500;

/// The time of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// By a monotone clock that begins anywhere, for durations.
    pub monotone: Duration,
    /// By the wall clock, to compare it with other nodes'.
    pub wall: WallMs,
}

/// What happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A link to a node came up: it is asked in.
    LinkUp(NodeId),
    /// The last link to a node went down. That is no reason to suspect it: others may reach it.
    LinkDown(NodeId),
    /// A node sent a [`Message::Gossip`].
    Gossip {
        /// Who, as the link proves.
        from: NodeId,
        /// Its wall clock then, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The packet.
        packet: Vec<u8>,
    },
    /// A node sent a [`Message::About`].
    About {
        /// Who, as the link proves.
        from: NodeId,
        /// What it says of itself.
        about: About,
    },
    /// The time that the last [`Effect::WakeAt`] named has come.
    Tick,
    /// This node is reached somewhere else from now on.
    Moved(Option<PeerAddr>),
    /// This node stops: others need not find out by themselves.
    Leave,
}

/// What the shell has to do, in any order but for packets to the same node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Tell a node something. It may be lost.
    Tell {
        /// Whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Bring [`Event::Tick`] at this time by the monotone clock. It replaces the one before.
    WakeAt(Duration),
    /// Show this from now on.
    Changed(Arc<Members>),
    /// Log that a message of this node makes no sense.
    Dropped {
        /// Who sent it.
        from: NodeId,
        /// What is wrong with it.
        why: Dropped,
    },
}

/// Why a message was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Dropped {
    /// It is not a packet.
    #[error("it cannot be read")]
    Malformed,
    /// Its sender is not who the link belongs to.
    #[error("it names another sender than the node that the link belongs to")]
    AnotherSender,
    /// As many nodes are known as may be.
    #[error("more than {MEMBERS_MAX} nodes are known already")]
    TooManyMembers,
}

type Protocol = Foca<MemberId, PostcardCodec, Draws, NoCustomBroadcast>;

/// Who is up, as one node sees it.
pub struct MembershipCore {
    foca: Protocol,
    about: About,
    timers: Timers,
    linked: BTreeSet<NodeId>,
    clocks_ahead_ms: BTreeMap<NodeId, i64>,
    abouts: BTreeMap<NodeId, About>,
    members: Arc<Members>,
    /// Of all that `members` was made of, to see cheaply that nothing changed.
    fingerprint: u64,
    wake_at: Option<Duration>,
}

impl MembershipCore {
    /// This node, alone so far. The same seed makes the same choices.
    pub fn new(own: MemberId, about: About, seed: u64) -> MembershipCore {
        MembershipCore {
            foca: Foca::new(own, pace::config(), Draws::new(seed), PostcardCodec),
            about,
            timers: Timers::default(),
            linked: BTreeSet::new(),
            clocks_ahead_ms: BTreeMap::new(),
            abouts: BTreeMap::new(),
            members: Arc::default(),
            fingerprint: 0,
            wake_at: None,
        }
    }

    /// Who this node is at present.
    pub fn identity(&self) -> &MemberId {
        self.foca.identity()
    }

    /// What is known of the others.
    pub fn members(&self) -> &Arc<Members> {
        &self.members
    }

    /// Takes one event in.
    pub fn step(&mut self, now: Now, event: Event) -> Vec<Effect> {
        let mut outbox = Outbox { now, timers: &mut self.timers, effects: Vec::new(), has_rejoined: false };
        let outcome = match event {
            Event::LinkUp(peer) => {
                self.linked.insert(peer);
                outbox.effects.push(Effect::Tell { to: peer, message: Message::About(self.about.clone()) });
                self.foca.announce(MemberId::any(peer), &mut outbox)
            }
            Event::LinkDown(peer) => {
                self.linked.remove(&peer);
                Ok(())
            }
            Event::Gossip { from, wall_ms, packet } => match unfit(&self.members, from, &packet) {
                Some(why) => {
                    outbox.effects.push(Effect::Dropped { from, why });
                    Ok(())
                }
                None => {
                    let ahead_ms = i64::try_from(i128::from(wall_ms) - i128::from(now.wall.0));
                    self.clocks_ahead_ms.insert(from, ahead_ms.unwrap_or(i64::MAX));
                    let outcome = self.foca.handle_data(&packet, &mut outbox);
                    if outcome.is_err() {
                        outbox.effects.push(Effect::Dropped { from, why: Dropped::Malformed });
                    }
                    outcome
                }
            },
            Event::About { from, about } => {
                self.abouts.insert(from, about);
                Ok(())
            }
            Event::Tick => {
                self.wake_at = None;
                let due = outbox.timers.due(now.monotone);
                due.into_iter().try_for_each(|timer| self.foca.handle_timer(timer, &mut outbox))
            }
            Event::Moved(addr) => {
                let moved = MemberId { addr, ..self.foca.identity().renewed() };
                self.foca.change_identity(moved, &mut outbox)
            }
            Event::Leave => self.foca.leave_cluster(&mut outbox),
        };
        // What foca reports beside packets that it cannot read it has mended itself: a probe that came late begins anew.
        drop(outcome);
        if outbox.has_rejoined {
            Self::introduce(&mut self.foca, &self.linked, &mut outbox);
        }
        let effects = outbox.effects;
        self.finish(now, effects)
    }

    /// Asks in, in its new life, every linked node that this one takes for down: the two may each have given the other up.
    fn introduce(foca: &mut Protocol, linked: &BTreeSet<NodeId>, outbox: &mut Outbox<'_>) {
        let active: BTreeSet<NodeId> = foca.iter_members().map(|member| member.id().node).collect();
        for peer in linked.difference(&active) {
            // An identity without an address fits into any packet.
            let _ = foca.announce(MemberId::any(*peer), &mut *outbox);
        }
    }

    fn finish(&mut self, now: Now, mut effects: Vec<Effect>) -> Vec<Effect> {
        effects.extend(self.refreshed(now).map(Effect::Changed));
        let wake_at = self.timers.next();
        if wake_at != self.wake_at {
            self.wake_at = wake_at;
            effects.extend(wake_at.map(Effect::WakeAt));
        }
        effects
    }

    /// The members, if they are other than what was shown last.
    fn refreshed(&mut self, now: Now) -> Option<Arc<Members>> {
        let fingerprint = self.fingerprint();
        if fingerprint == self.fingerprint {
            return None;
        }
        self.fingerprint = fingerprint;
        let own = self.foca.identity().node;
        let mut members = BTreeMap::new();
        for known in self.foca.iter_membership_state().filter(|known| known.id().node != own) {
            let (id, state) = (known.id(), state_of(known.state()));
            let before = self.members.get(id.node);
            let since = before.filter(|before| before.state == state && before.boot == id.boot);
            members.insert(
                id.node,
                Member {
                    state,
                    since: since.map_or(now.monotone, |before| before.since),
                    boot: id.boot,
                    generation: id.generation(),
                    addr: id.addr.clone(),
                    clock_ahead_ms: self.clocks_ahead_ms.get(&id.node).copied(),
                    about: self.abouts.get(&id.node).cloned(),
                },
            );
        }
        // A node that is linked may say who it is before it is a member.
        let is_kept = |node: &NodeId| members.contains_key(node) || self.linked.contains(node);
        self.clocks_ahead_ms.retain(|node, _| is_kept(node));
        self.abouts.retain(|node, _| is_kept(node));
        self.members = Arc::new(Members(members));
        Some(Arc::clone(&self.members))
    }

    /// Changes with everything that members are shown with, in the order of a sum.
    fn fingerprint(&self) -> u64 {
        let word = |node: &NodeId| node.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mixed = |node: &NodeId, kind: u64, number: u64| {
            let folded = word(node) ^ number.rotate_left(17) ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            folded.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
        };
        let mut sum = 0u64;
        for known in self.foca.iter_membership_state() {
            let state = state_of(known.state()) as u64;
            sum = sum.wrapping_add(mixed(&known.id().node, state, known.id().generation()));
        }
        for (node, ahead_ms) in &self.clocks_ahead_ms {
            let steps = ahead_ms.unsigned_abs() / CLOCK_STEP_MS;
            sum = sum.wrapping_add(mixed(node, 3, steps ^ u64::from(*ahead_ms < 0) << 63));
        }
        for (node, about) in &self.abouts {
            sum = sum.wrapping_add(mixed(node, 4, crc32c::crc32c(about.version.as_bytes()).into()));
        }
        sum
    }
}

impl std::fmt::Debug for MembershipCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MembershipCore").field("own", self.foca.identity()).finish_non_exhaustive()
    }
}

/// Why a packet is not taken in.
fn unfit(members: &Members, from: NodeId, packet: &[u8]) -> Option<Dropped> {
    match postcard::take_from_bytes::<Header<MemberId>>(packet) {
        Err(_) => Some(Dropped::Malformed),
        Ok((header, _)) if header.src.node != from => Some(Dropped::AnotherSender),
        Ok(_) if members.0.len() >= MEMBERS_MAX && members.get(from).is_none() => {
            Some(Dropped::TooManyMembers)
        }
        Ok(_) => None,
    }
}

fn state_of(state: State) -> MemberState {
    match state {
        State::Alive => MemberState::Up,
        State::Suspect => MemberState::Suspected,
        State::Down => MemberState::Down,
    }
}

/// Where foca puts what it wants done.
struct Outbox<'c> {
    now: Now,
    timers: &'c mut Timers,
    effects: Vec<Effect>,
    /// This node was taken for down, and has begun a new life.
    has_rejoined: bool,
}

impl Runtime<MemberId> for Outbox<'_> {
    fn notify(&mut self, notification: Notification<'_, MemberId>) {
        // Members are read off as a whole: notifications leave out suspicions.
        self.has_rejoined |= matches!(notification, Notification::Rejoin(_));
    }

    fn send_to(&mut self, to: MemberId, packet: &[u8]) {
        let message = Message::Gossip { wall_ms: self.now.wall.0, packet: packet.to_vec() };
        self.effects.push(Effect::Tell { to: to.addr(), message });
    }

    fn submit_after(&mut self, timer: Timer<MemberId>, after: Duration) {
        self.timers.insert(self.now.monotone.saturating_add(after), timer);
    }
}
