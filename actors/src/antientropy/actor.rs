//! The shell: questions and answers over the bulk link, merges through the shards, and the clock.

use super::core::{EntropyCore, EntropyLimits};
use super::effect::Effect;
use super::event::{AskId, EntropyView, Event, RequestId};
use super::handle::{Entropy, EntropyInbox, Input, Requests};
use super::holds::{Holds, Next};
use super::message::{Answer, Question};
use super::pace::Rate;
use super::progress::Progress;
use super::standing::{Held, ShardView};
use super::stored::StoredReplica;
use crate::clock::monotonic_now;
use crate::ids::{ItemKey, NodeId, Partition, ShardIndex, SortKey};
use crate::layout::{Layout, LayoutUse, ShardSet};
use crate::limits::{ENTROPY_PROGRESS_TICKS, ENTROPY_REMOVED_ROWS, ENTROPY_RETRY_MS, ENTROPY_TICK_MS};
use crate::shard::{Removal, Shards, States};
use crate::store::segments::Segment;
use crate::store::{ShardState, Snapshot, Store, StoreError};
use crate::transport::{Link, Peers, Subsystem};
use actix::prelude::*;
use arc_swap::ArcSwap;
use futures_util::stream::poll_fn;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The layout as of now.
pub type CurrentLayout = Arc<dyn Fn() -> Layout + Send + Sync>;

/// What the actor stands on.
pub struct EntropyParts<S: Store> {
    /// This node.
    pub node: NodeId,
    /// Tells this run of the process from others.
    pub boot: u64,
    /// Its shards.
    pub shards: Shards<S>,
    /// The way to the other nodes.
    pub peers: Peers,
    /// The layout.
    pub layout: CurrentLayout,
    /// The peers that voided what this node acknowledged before it lost its memory, if it did.
    pub answered: Arc<dyn Fn() -> BTreeSet<NodeId> + Send + Sync>,
    /// Takes, once a second, the layout version that replicas compare for and the shards that are complete here as of it.
    pub on_synced: Arc<dyn Fn(u64, ShardSet) + Send + Sync>,
}

impl Entropy {
    /// Starts the actor on an arbiter of its own: it reads stores.
    ///
    /// # Errors
    /// [`StoreError`] if the rows of the shards cannot be read.
    pub fn start<S: Store>(
        inbox: EntropyInbox,
        parts: EntropyParts<S>,
        arbiter: &ArbiterHandle,
    ) -> Result<Entropy, StoreError> {
        let EntropyInbox { mut inputs } = inbox;
        let mut held = Vec::new();
        for shard in ShardIndex::all() {
            let snapshot = parts.shards.store(shard).snapshot()?;
            held.extend(snapshot.shard_meta(shard)?.map(|meta| (shard, held_as(meta.state))));
        }
        let core = EntropyCore::new(parts.node, parts.boot, EntropyLimits::default(), held);
        let progress = Arc::new(ArcSwap::from_pointee(Progress::default()));
        let published = Arc::clone(&progress);
        let rate = Arc::new(ArcSwap::from_pointee(Rate::default()));
        let wanted = Arc::clone(&rate);
        drop(EntropyActor::start_in_arbiter(arbiter, move |context| {
            context.add_stream(poll_fn(move |waker| inputs.poll_recv(waker)));
            EntropyActor {
                core,
                replica: StoredReplica { shards: parts.shards.clone() },
                parts,
                started: monotonic_now(),
                answers: BTreeMap::new(),
                requests: Requests::default(),
                holds: Holds::default(),
                links: BTreeSet::new(),
                layout: None,
                ticks: 0,
                progress: published,
                rate: Rate::default(),
                wanted,
            }
        }));
        Ok(Entropy { progress, rate })
    }
}

/// Runs an [`EntropyCore`].
struct EntropyActor<S: Store> {
    core: EntropyCore,
    replica: StoredReplica<S>,
    parts: EntropyParts<S>,
    started: Instant,
    /// Other nodes that wait.
    answers: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    requests: Requests,
    holds: Holds,
    /// The nodes that a link leads to.
    links: BTreeSet<NodeId>,
    /// The layout that the core was told last; not held, as others wait for its end.
    layout: Option<LayoutUse>,
    ticks: u64,
    progress: Arc<ArcSwap<Progress>>,
    /// The rate that the core was told.
    rate: Rate,
    /// The one that an operator wants.
    wanted: Arc<ArcSwap<Rate>>,
}

impl<S: Store> Actor for EntropyActor<S> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(Duration::from_millis(ENTROPY_TICK_MS), EntropyActor::tick);
    }
}

impl<S: Store> StreamHandler<Input> for EntropyActor<S> {
    fn handle(&mut self, input: Input, context: &mut Context<Self>) {
        match input {
            Input::Asked { from, question, answer } => {
                let request = self.requests.next();
                self.answers.insert(request, answer);
                self.step(Event::Asked { request, from, question }, context);
            }
        }
    }

    fn finished(&mut self, _: &mut Context<Self>) {
        // The handles keep the inbox open: it ends with the node.
    }
}

impl<S: Store> EntropyActor<S> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn step(&mut self, event: Event, context: &mut Context<Self>) {
        for effect in self.core.step(self.now_ms(), event, &self.replica) {
            self.run(effect, context);
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        self.look_at_layout(context);
        self.look_at_links(context);
        self.look_at_rate(context);
        self.step(Event::Tick, context);
        self.ticks += 1;
        if self.ticks.is_multiple_of(ENTROPY_PROGRESS_TICKS) {
            self.progress.store(Arc::new(self.core.progress(self.now_ms())));
            self.look_at_memory(context);
            self.report_synced();
            // Nodes that hung up or whose deadline passed.
            self.answers.retain(|_, answer| !answer.is_closed());
        }
    }

    fn look_at_layout(&mut self, context: &mut Context<Self>) {
        let layout = (self.parts.layout)();
        if !self.layout.as_ref().is_some_and(|seen| seen.is_of(&layout)) {
            self.layout = Some(layout.watch());
            let view = view_of(&layout, self.parts.node);
            self.step(Event::Layout(view), context);
        }
    }

    fn look_at_links(&mut self, context: &mut Context<Self>) {
        let links = self.parts.peers.links();
        let up: BTreeSet<NodeId> =
            links.iter().filter(|(_, link)| link.is_up).map(|(node, _)| *node).collect();
        if up != self.links {
            let before = std::mem::replace(&mut self.links, up.clone());
            for peer in before.symmetric_difference(&up) {
                self.step(Event::Link { peer: *peer, is_up: up.contains(peer) }, context);
            }
        }
    }

    fn look_at_rate(&mut self, context: &mut Context<Self>) {
        let wanted = **self.wanted.load();
        if wanted != self.rate {
            self.rate = wanted;
            self.step(Event::Rate(wanted), context);
        }
    }

    /// The watch over the node's memory tells the shards of a loss and of its end.
    fn look_at_memory(&mut self, context: &mut Context<Self>) {
        let (mut lost, mut back) = (BTreeSet::new(), BTreeSet::new());
        for shard in ShardIndex::all() {
            match (self.core.held(shard), self.parts.shards.is_amnesiac(shard)) {
                (Held::Live(_), true) => _ = lost.insert(shard),
                (Held::Amnesiac(_), false) => _ = back.insert(shard),
                (Held::Absent | Held::Receiving(_) | Held::Dropping, _)
                | (Held::Live(_), false)
                | (Held::Amnesiac(_), true) => {}
            }
        }
        if !lost.is_empty() {
            self.step(Event::LostMemory(lost), context);
        }
        if !back.is_empty() {
            self.step(Event::MemoryIsBack(back), context);
        }
        for peer in (self.parts.answered)() {
            self.step(Event::Voided { peer }, context);
        }
    }

    /// Tells the layout's trackers what it waits for and this node has.
    fn report_synced(&self) {
        let layout = (self.parts.layout)();
        let Some(version) = layout.sync_version() else { return };
        let is_synced =
            |shard: &ShardIndex| matches!(self.core.held(*shard), Held::Live(since) if since >= version);
        let mut synced = layout.to_sync(self.parts.node).into_iter().filter(is_synced).peekable();
        if synced.peek().is_some() {
            (self.parts.on_synced)(version, synced.collect());
        }
    }

    fn run(&mut self, effect: Effect, context: &mut Context<Self>) {
        match effect {
            Effect::Ask { ask, peer, question } => self.ask(ask, peer, &question, context),
            Effect::Reply { request, answer } => {
                if let Some(asker) = self.answers.remove(&request) {
                    // Whoever asked may have hung up.
                    let _ = asker.send(answer);
                }
            }
            Effect::Merge { merge, shard, states, .. } => self.merge(merge, shard, states, context),
            Effect::RoundStored { shard, end } => {
                let shards = self.parts.shards.clone();
                // A shard that has stopped learns nothing.
                let told = async move { _ = shards.round_is_stored(shard, end).await };
                context.spawn(told.into_actor(self));
            }
            Effect::Hold { shard, held } => {
                log::info!("shard {shard}: {held:?}");
                if let Some(state) = told_as(held)
                    && self.holds.want(shard, state)
                {
                    self.tell(shard, state, context);
                }
            }
            Effect::Remove { shard } => {
                if self.holds.remove(shard) {
                    self.remove(shard, context);
                }
            }
        }
    }

    fn tell(&mut self, shard: ShardIndex, state: ShardState, context: &mut Context<Self>) {
        let shards = self.parts.shards.clone();
        // A shard that has stopped learns nothing.
        let told = async move { _ = shards.set_state(shard, state).await };
        context.spawn(told.into_actor(self).map(
            move |(), actor, context| match actor.holds.told(shard, state) {
                Next::Done => {}
                Next::Tell(state) => actor.tell(shard, state, context),
                Next::Remove => actor.remove(shard, context),
            },
        ));
    }

    fn remove(&mut self, shard: ShardIndex, context: &mut Context<Self>) {
        let removed = remove(self.parts.shards.clone(), shard).into_actor(self);
        context.spawn(removed.map(move |(), actor, context| actor.step(Event::Removed(shard), context)));
    }

    fn ask(&mut self, ask: AskId, peer: NodeId, question: &Question, context: &mut Context<Self>) {
        let body = question.encode();
        let sent = body.len() as u64;
        let deadline = Duration::from_millis(EntropyLimits::default().ask_ms);
        let asked = self.parts.peers.request(peer, Link::Bulk, Subsystem::AntiEntropy, body.into(), deadline);
        context.spawn(asked.into_actor(self).map(move |answered, actor, context| {
            let received = answered.as_ref().map_or(0, |body| body.len() as u64);
            let answer = answered.ok().and_then(|body| Answer::decode(&body).ok());
            actor.step(Event::Answered { ask, answer, bytes: sent + received }, context);
        }));
    }

    fn merge(
        &mut self,
        merge: super::MergeId,
        shard: ShardIndex,
        states: States,
        context: &mut Context<Self>,
    ) {
        let shards = self.parts.shards.clone();
        let merged = async move { shards.merge(shard, states).await.is_ok() };
        context.spawn(merged.into_actor(self).map(move |is_stored, actor, context| {
            actor.step(Event::Merged { merge, is_stored }, context);
        }));
    }
}

/// How a shard is held, by its row.
fn held_as(state: ShardState) -> Held {
    // Which version that was is not stored: the one from which on every live version names this node.
    match state {
        ShardState::Live => Held::Live(0),
        ShardState::Amnesiac => Held::Amnesiac(0),
        ShardState::Receiving => Held::Receiving(0),
        ShardState::Dropping => Held::Dropping,
    }
}

/// What a shard is told of how it is held. That it is on its way out its removal tells it.
fn told_as(held: Held) -> Option<ShardState> {
    match held {
        Held::Absent | Held::Dropping => None,
        Held::Live(_) => Some(ShardState::Live),
        Held::Amnesiac(_) => Some(ShardState::Amnesiac),
        Held::Receiving(_) => Some(ShardState::Receiving),
    }
}

fn view_of(layout: &Layout, node: NodeId) -> EntropyView {
    let mut shards = BTreeMap::new();
    for shard in ShardIndex::all().filter(|shard| layout.is_holder(node, *shard)) {
        let sets = layout.live_replicas(shard);
        let sets = sets.into_iter().map(|(version, nodes)| (version, nodes.iter().copied().collect()));
        shards.insert(shard, ShardView { sets: sets.collect() });
    }
    let acked = layout.sync_version().unwrap_or_else(|| layout.oldest_live());
    EntropyView { shards, acked }
}

/// Removes every row of a shard, in batches, and its clock last.
async fn remove<S: Store>(shards: Shards<S>, shard: ShardIndex) {
    let retry = Duration::from_millis(ENTROPY_RETRY_MS);
    // A shard that has stopped removes nothing: the next start goes on.
    if shards.set_state(shard, ShardState::Dropping).await.is_err() {
        return std::future::pending().await;
    }
    loop {
        let page = rows_of(&shards, shard);
        let outcome = match page {
            Ok(page) if page.is_empty() => match shards.is_removed(shard).await {
                Ok(()) => return,
                Err(_) => return std::future::pending().await,
            },
            Ok(page) => shards.remove(shard, Removal::Dropped, page).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            log::warn!("shard {shard}: its rows cannot be removed yet: {error}");
            tokio::time::sleep(retry).await;
        }
    }
}

/// The first rows of a shard.
fn rows_of<S: Store>(shards: &Shards<S>, shard: ShardIndex) -> Result<Vec<(Partition, SortKey)>, StoreError> {
    let store = shards.store(shard);
    let digests = store.digests().segments(shard);
    let snapshot = store.snapshot()?;
    let mut keys: Vec<ItemKey> = Vec::new();
    // Those that surely hold something come first: most of the others are empty.
    let holds = |segment: &Segment| digests[usize::from(segment.index)] != 0;
    let (held, others): (Vec<_>, Vec<_>) = Segment::all_of(shard).partition(holds);
    for segment in held.into_iter().chain(others) {
        snapshot.scan_segment(segment, None, &mut |partition, name, _| {
            keys.extend(SortKey::new(name).map(|sort_key| ItemKey { partition, sort_key }));
            if keys.len() < ENTROPY_REMOVED_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !keys.is_empty() && (keys.len() >= ENTROPY_REMOVED_ROWS || !holds(&segment)) {
            break;
        }
    }
    let mut rows = Vec::with_capacity(keys.len());
    for ItemKey { partition, sort_key } in keys {
        rows.extend(snapshot.partition(partition)?.map(|stored| (stored.partition, sort_key)));
    }
    Ok(rows)
}
