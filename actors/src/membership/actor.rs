use super::about::About;
use super::core::{Effect, Event, MembershipCore, Now};
use super::handle::{Membership, MembershipInbox};
use super::identity::MemberId;
use super::members::Members;
use crate::clock::wall_now;
use crate::transport::{Peers, Subsystem};
use actix::prelude::*;
use arc_swap::ArcSwap;
use futures_util::stream::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

/// Runs a [`MembershipCore`]: tells, wakes, publishes.
struct MembershipActor {
    core: MembershipCore,
    peers: Peers,
    started: Instant,
    members: Arc<ArcSwap<Members>>,
    has_missed_links: Arc<AtomicBool>,
    alarm: Option<SpawnHandle>,
}

impl Membership {
    /// Starts the actor on the current arbiter. It hears through `inbox`, and speaks through `peers`.
    pub fn start(inbox: MembershipInbox, peers: Peers, own: MemberId, about: About, seed: u64) -> Membership {
        let MembershipInbox { mut events, sender, has_missed_links } = inbox;
        let members = Arc::new(ArcSwap::from_pointee(Members::default()));
        let (published, started) = (Arc::clone(&members), Instant::now());
        MembershipActor::create(|context| {
            context.add_stream(poll_fn(move |waker| events.poll_recv(waker)));
            MembershipActor {
                core: MembershipCore::new(own, about, seed),
                peers,
                started,
                members: published,
                has_missed_links,
                alarm: None,
            }
        });
        Membership { members, events: sender, started }
    }
}

impl Actor for MembershipActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.introduce(context);
    }
}

impl StreamHandler<Event> for MembershipActor {
    fn handle(&mut self, event: Event, context: &mut Context<Self>) {
        let leaves = event == Event::Leave;
        self.run(event, context);
        if self.has_missed_links.swap(false, Ordering::AcqRel) {
            self.introduce(context);
        }
        if leaves {
            context.stop();
        }
    }
}

impl MembershipActor {
    /// Takes every link that is up for a new one: whoever was asked in before answers once more.
    fn introduce(&mut self, context: &mut Context<Self>) {
        for (peer, link) in self.peers.links().iter() {
            self.run(if link.is_up { Event::LinkUp(*peer) } else { Event::LinkDown(*peer) }, context);
        }
    }

    fn run(&mut self, event: Event, context: &mut Context<Self>) {
        let now = Now { monotone: self.started.elapsed(), wall: wall_now() };
        for effect in self.core.step(now, event) {
            match effect {
                Effect::Tell { to, message } => {
                    // Lost messages are what the protocol is made for.
                    let _ = self.peers.tell(to, Subsystem::Membership, message.encode());
                }
                Effect::WakeAt(at) => {
                    let after = at.saturating_sub(now.monotone);
                    let wake =
                        |actor: &mut Self, context: &mut Context<Self>| actor.run(Event::Tick, context);
                    let alarm = context.run_later(after, wake);
                    self.alarm.replace(alarm).map(|replaced| context.cancel_future(replaced));
                }
                Effect::Changed(members) => self.publish(&members),
                Effect::Dropped { from, why } => {
                    log::debug!("membership: dropped a packet of node {from}: {why}");
                }
            }
        }
    }

    fn publish(&mut self, members: &Arc<Members>) {
        let before = self.members.swap(Arc::clone(members));
        for (node, member) in members.iter() {
            if before.get(node).is_none_or(|before| before.state != member.state) {
                log::info!("node {node} is {}", member.state);
            }
        }
    }
}
