//! The shell: the file, the clock, and what peers are told.

use super::core::{Effect, Event, IncarnationCore};
use super::handle::{Incarnation, IncarnationInbox, Remembering, Shown};
use super::standing::Standing;
use super::state::{State, StateError};
use crate::transport::{Environment, Peers};
use crate::whole_file;
use actix::prelude::*;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = "incarnation";

const TICK: Duration = Duration::from_secs(1);

/// How a node wraps what it tells a peer: the subsystem belongs to membership.
pub type Wrap = fn(super::Message) -> Bytes;

/// What the actor stands on.
pub struct IncarnationParts {
    /// The way to the peers.
    pub peers: Peers,
    /// How a message becomes a body.
    pub wrap: Wrap,
    /// This node's stores and their newest durable commits, at any moment.
    pub stores: Arc<dyn Fn() -> Vec<Environment> + Send + Sync>,
    /// The shards.
    pub remembering: Arc<dyn Remembering>,
}

/// The file cannot be read, understood or written.
#[derive(Debug, thiserror::Error)]
pub enum IncarnationError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what this program writes.
    #[error("{}: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: StateError,
    },
}

/// A node that knows what it has to ask, and has written down that it does. Made before anything is committed.
#[derive(Debug)]
pub struct Opened {
    core: IncarnationCore,
    home: PathBuf,
}

impl Opened {
    /// Reads the file in `home`, and writes down that the node asks. `boot` is the number of this start, `fresh_id` random.
    ///
    /// # Errors
    /// [`IncarnationError`]; the node must not start then.
    pub fn open(
        home: &Path,
        stores: Vec<Environment>,
        boot: u64,
        fresh_id: u64,
    ) -> Result<Opened, IncarnationError> {
        let path = home.join(FILE);
        let kept = match std::fs::read(&path) {
            Ok(bytes) => {
                Some(State::decode(&bytes).map_err(|source| IncarnationError::State { path, source })?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(IncarnationError::Io { path, source }),
        };
        let core = IncarnationCore::new(kept, stores, boot, fresh_id);
        write(home, core.state())?;
        Ok(Opened { core, home: home.to_owned() })
    }

    /// The id of this node's life, which a loss that peers tell of ends.
    pub fn life(&self) -> u64 {
        self.core.state().life.id
    }

    /// Starts the actor on the current arbiter.
    pub fn start(self, inbox: IncarnationInbox, parts: IncarnationParts) -> Incarnation {
        let IncarnationInbox { mut events, sender } = inbox;
        let shown = Arc::new(ArcSwap::from_pointee(shown(&self.core)));
        let published = Arc::clone(&shown);
        IncarnationActor::create(|context| {
            context.add_stream(poll_fn(move |waker| events.poll_recv(waker)));
            context.run_interval(TICK, IncarnationActor::tick);
            IncarnationActor {
                core: self.core,
                home: self.home,
                parts,
                shown: published,
                is_comparing: false,
            }
        });
        Incarnation { shown, events: sender }
    }
}

/// Runs an [`IncarnationCore`].
struct IncarnationActor {
    core: IncarnationCore,
    home: PathBuf,
    parts: IncarnationParts,
    shown: Arc<ArcSwap<Shown>>,
    /// Comparisons are under way that end a loss.
    is_comparing: bool,
}

impl Actor for IncarnationActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.look_at_links(context);
    }
}

impl StreamHandler<Event> for IncarnationActor {
    fn handle(&mut self, event: Event, context: &mut Context<Self>) {
        self.run(event, context);
    }
}

impl IncarnationActor {
    fn tick(&mut self, context: &mut Context<Self>) {
        if self.is_comparing && self.parts.remembering.is_complete() {
            self.is_comparing = false;
            self.run(Event::Complete, context);
        }
        self.look_at_links(context);
        self.run(Event::Tick, context);
    }

    /// A link that came or went while there was no room in the inbox is found here.
    fn look_at_links(&mut self, context: &mut Context<Self>) {
        for (peer, link) in self.parts.peers.links().iter() {
            if link.is_up != self.core.is_linked(*peer) {
                self.run(if link.is_up { Event::LinkUp(*peer) } else { Event::LinkDown(*peer) }, context);
            }
        }
    }

    fn run(&mut self, event: Event, context: &mut Context<Self>) {
        let effects = self.core.step(&(self.parts.stores)(), event);
        for effect in effects {
            match effect {
                Effect::Tell { to, message } => {
                    // What is lost is asked or told again.
                    let body = (self.parts.wrap)(message);
                    let _ = self.parts.peers.tell(to, crate::transport::Subsystem::Membership, body);
                }
                Effect::Save(state) => self.save(state, context),
                Effect::Reborn(peer) => {
                    let told = self.parts.remembering.peer_is_reborn(peer);
                    self.then(told, context, move |actor, context| {
                        actor.run(Event::RebornTold(peer), context);
                    });
                }
                Effect::LostMemory => {
                    let told = self.parts.remembering.lost_memory();
                    self.then(told, context, |actor, _| actor.is_comparing = true);
                }
                Effect::StopWaiting => {
                    self.is_comparing = false;
                    let told = self.parts.remembering.stop_waiting();
                    self.then(told, context, |_, _| {});
                }
                Effect::Show(standing) => log_standing(self.shown.load().standing, standing),
            }
        }
        let now = shown(&self.core);
        if **self.shown.load() != now {
            self.shown.store(Arc::new(now));
        }
    }

    fn then(
        &mut self,
        told: BoxFuture<'static, ()>,
        context: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        context.spawn(told.into_actor(self).map(move |(), actor, context| then(actor, context)));
    }

    fn save(&mut self, state: State, context: &mut Context<Self>) {
        let home = self.home.clone();
        let written = actix_rt::task::spawn_blocking(move || write(&home, &state));
        context.spawn(written.into_actor(self).map(|outcome, actor, context| match outcome {
            Ok(Ok(())) => actor.run(Event::Saved, context),
            Ok(Err(error)) => {
                log::error!("what this node knows of its memory cannot be saved, it tries again: {error}");
                let state = actor.core.state().clone();
                context.run_later(TICK, move |actor, context| actor.save(state, context));
            }
            // The blocking threads end with the node.
            Err(_) => {}
        }));
    }
}

fn shown(core: &IncarnationCore) -> Shown {
    let life = core.state().life.id;
    Shown { standing: core.standing(), life, answered: core.answered().collect() }
}

fn log_standing(before: Standing, now: Standing) {
    match (before, now) {
        (_, Standing::Lost(_)) => log::warn!("this node {now}; until then it votes in no read"),
        (Standing::Lost(_), Standing::Whole) => {
            log::info!("what this node lost was merged from its peers: it votes in reads again");
        }
        // Every start passes through these.
        (_, Standing::Asking | Standing::Whole) => log::debug!("this node's data: {now}"),
    }
}

/// Replaces the file as a whole, durably.
fn write(home: &Path, state: &State) -> Result<(), IncarnationError> {
    whole_file::replace(home, FILE, &state.encode())
        .map_err(|source| IncarnationError::Io { path: home.join(FILE), source })
}
