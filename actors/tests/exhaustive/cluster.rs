//! Three replicas made of production cores, the disks below them, and the messages between them.

mod fingerprint;
mod reads;
mod rounds;

use crate::happening::Happening;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use troupe_actors::causality::{Context, Dot, Item, Value};
use troupe_actors::clock::WallMs;
use troupe_actors::ids::{ActorId, BucketId, NodeId, Partition, PartitionKey, SortKey};
use troupe_actors::shard::{
    Effect, Event, ItemWrite, Moment, PeerSide, RequestId, RoundEnd, ShardCore, ShardLimits, States,
    WritePlan,
};
use troupe_actors::store::lane::{BatchId, Fence};
use troupe_actors::store::{Epoch, ShardMeta, ShardState, Write};

const NOW: WallMs = WallMs(1);

fn node(at: usize) -> NodeId {
    NodeId([u8::try_from(at).unwrap_or(u8::MAX); 32])
}

fn partition() -> Partition {
    Partition::new(BucketId([1; 32]), PartitionKey::new("p").expect("a short key"))
}

fn sort_key() -> SortKey {
    SortKey::new("k").expect("a short key")
}

/// What is durable.
#[derive(Clone, Default)]
struct Disk {
    row: Option<Item<'static>>,
    meta: Option<ShardMeta>,
}

/// Who waits for a shard's answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Asked {
    /// A client who wrote.
    Client { write: usize },
    /// The coordinator of a write, in one of its lives.
    Coordinator { at: usize, life: u64, batch: u64 },
    /// A round.
    Round { other: usize, began: u64, actor: u64, committed: u64, is_complete: bool },
}

#[derive(Clone)]
struct Replica {
    core: ShardCore,
    disk: Disk,
    image: Option<Disk>,
    pending: VecDeque<(BatchId, Vec<Write>)>,
    asked: BTreeMap<u64, Asked>,
    requests: u64,
    life: u64,
}

/// A merge on its way.
#[derive(Clone)]
struct Message {
    to: usize,
    from: usize,
    life: u64,
    batch: u64,
    states: Rc<States>,
}

/// What one side of a round is going to get.
#[derive(Clone)]
struct Half {
    to: usize,
    life: u64,
    asked: Asked,
    states: Rc<States>,
}

/// What is promised of a write.
#[derive(Clone, Default)]
pub(crate) struct Promise {
    pub(crate) is_acknowledged: bool,
    /// The writes whose tokens covered it.
    pub(crate) covered_by: BTreeSet<usize>,
    dot: Option<Dot>,
}

/// What a replica shows to others at one moment.
#[derive(Clone)]
pub(crate) struct View {
    item: Item<'static>,
}

impl View {
    /// What two replicas compare.
    pub(crate) fn state_hash(&self) -> u64 {
        self.item.state_hash()
    }
}

/// How much has happened.
#[derive(Clone, Copy, Default, Hash)]
pub(crate) struct Spent {
    pub(crate) writes: usize,
    pub(crate) deletions: usize,
    pub(crate) rounds: usize,
    pub(crate) crashes: usize,
    pub(crate) wipes: usize,
    pub(crate) images: usize,
    pub(crate) reads: usize,
}

#[derive(Clone)]
pub(crate) struct Cluster {
    replicas: [Replica; 3],
    messages: Vec<Message>,
    halves: Vec<Half>,
    writes: Vec<Promise>,
    /// At which replica a read began, what it showed, and which writes were acknowledged.
    read: Option<(usize, View, Vec<bool>)>,
    spent: Spent,
    lives: u64,
    /// What coordinators were told, and no longer believe.
    heard: BTreeSet<Heard>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Heard {
    /// In this life, that this batch is durable at this replica.
    Stored(u64, u64, usize),
    /// In this life, that this replica was reborn, after so many rounds.
    Reborn(u64, usize, usize),
}

fn open(at: usize, meta: Option<ShardMeta>, life: u64) -> ShardCore {
    let (shard, seed) = (partition().shard(), [u8::try_from(life).unwrap_or(u8::MAX); 32]);
    ShardCore::open(shard, node(at), meta, Epoch(life), ShardLimits::default(), Fence::first(life), seed)
}

impl Cluster {
    pub(crate) fn new() -> Cluster {
        let replica = |at: usize| {
            let life = at as u64 + 1;
            Replica {
                core: open(at, None, life),
                disk: Disk::default(),
                image: None,
                pending: VecDeque::new(),
                asked: BTreeMap::new(),
                requests: 0,
                life,
            }
        };
        Cluster {
            replicas: [replica(0), replica(1), replica(2)],
            messages: Vec::new(),
            halves: Vec::new(),
            writes: Vec::new(),
            read: None,
            spent: Spent::default(),
            lives: 3,
            heard: BTreeSet::new(),
        }
    }

    pub(crate) fn spent(&self) -> Spent {
        self.spent
    }

    pub(crate) fn writes(&self) -> &[Promise] {
        &self.writes
    }

    pub(crate) fn votes(&self, at: usize) -> bool {
        self.replicas[at].core.may_vote()
    }

    pub(crate) fn has_pending(&self, at: usize) -> bool {
        !self.replicas[at].pending.is_empty()
    }

    pub(crate) fn has_image(&self, at: usize) -> bool {
        self.replicas[at].image.is_some()
    }

    pub(crate) fn half_count(&self) -> usize {
        self.halves.len()
    }

    /// Each of them, unless it is being merged, or the receiver has to wait for its disk first.
    pub(crate) fn messages_that_may_arrive(&self) -> Vec<usize> {
        let may_arrive = |number: &usize| {
            let Message { to, from, life, batch, .. } = self.messages[*number];
            let asked = Asked::Coordinator { at: from, life, batch };
            let Replica { pending, asked: waiting, .. } = &self.replicas[to];
            pending.len() < 2 && !waiting.values().any(|other| *other == asked)
        };
        (0..self.messages.len()).filter(may_arrive).collect()
    }

    pub(crate) fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Write { at, read_at, deletes } => self.write(at, read_at, deletes),
            Happening::Commit { at } => self.commit(at),
            Happening::Arrive { message } => {
                let Message { to, from, life, batch, states } = self.messages[message].clone();
                self.merge(to, &states, Asked::Coordinator { at: from, life, batch });
            }
            Happening::RoundBegins { a, b } => self.round_begins(a, b),
            Happening::RoundArrives { half } => {
                let Half { to, life, asked, states } = self.halves.remove(half);
                if self.replicas[to].life == life {
                    self.merge(to, &states, asked);
                }
            }
            Happening::ReadBegins { at } => {
                self.spent.reads += 1;
                let acknowledged = self.writes.iter().map(|write| write.is_acknowledged).collect();
                self.read = Some((at, self.view(at), acknowledged));
            }
            Happening::Crash { at } => {
                self.spent.crashes += 1;
                let disk = self.replicas[at].disk.clone();
                self.starts(at, disk);
            }
            Happening::Wipe { at } => {
                self.spent.wipes += 1;
                self.starts(at, Disk::default());
                self.has_lost_its_memory(at);
            }
            Happening::Image { at } => {
                self.spent.images += 1;
                self.replicas[at].image = Some(self.replicas[at].disk.clone());
            }
            Happening::Restore { at } => {
                let image = self.replicas[at].image.take().unwrap_or_default();
                self.starts(at, image);
                self.has_lost_its_memory(at);
            }
        }
    }

    fn starts(&mut self, at: usize, disk: Disk) {
        self.lives += 1;
        let replica = &mut self.replicas[at];
        replica.life = self.lives;
        replica.core = open(at, disk.meta.clone(), self.lives);
        replica.disk = disk;
        replica.pending.clear();
        replica.asked.clear();
    }

    fn has_lost_its_memory(&mut self, at: usize) {
        self.learns(at, Event::Standing(ShardState::Amnesiac));
        self.commit_all(at);
    }

    fn write(&mut self, at: usize, read_at: Option<(usize, usize)>, deletes: bool) {
        let number = self.writes.len();
        self.spent.writes += 1;
        self.spent.deletions += usize::from(deletes);
        let mut context = Context::empty();
        if let Some((a, b)) = read_at {
            let (a, b) = (self.view(a), self.view(b));
            context = self.merged(&a, &b).token_context();
            for covered in self.shown_by(&a, &b) {
                self.writes[covered].covered_by.insert(number);
            }
        }
        let value = if deletes { Value::Tombstone } else { Value::Bytes(vec![number as u8].into()) };
        let write = ItemWrite { partition: partition(), sort_key: sort_key(), context, value };
        let plan = WritePlan::majority_of(&[node(0), node(1), node(2)]);
        let replica = &mut self.replicas[at];
        let row = replica.disk.row.clone();
        let staged = replica.core.stage(NOW, &[write], plan, &mut |_| Ok(row.clone()));
        let staged = staged.expect("nothing refuses it");
        self.writes.push(Promise::default());
        let request = self.asks(at, Asked::Client { write: number });
        self.feed(at, Event::Write { request, staged });
        let actor = self.replicas[at].core.clock().actor();
        let minted = self.replicas[at].pending.back().and_then(|(_, writes)| newest_dot(writes, actor));
        self.writes[number].dot = minted;
    }

    fn merge(&mut self, at: usize, states: &States, asked: Asked) {
        let row = self.replicas[at].disk.row.clone();
        let staged = self.replicas[at].core.stage_merge(NOW, states, &mut |_| Ok(row.clone()));
        let staged = staged.expect("nothing refuses it");
        let request = self.asks(at, asked);
        self.feed(at, Event::Merge { request, staged });
    }

    fn asks(&mut self, at: usize, asked: Asked) -> RequestId {
        let replica = &mut self.replicas[at];
        replica.requests += 1;
        replica.asked.insert(replica.requests, asked);
        RequestId(replica.requests)
    }

    fn commit(&mut self, at: usize) {
        let Some((batch, writes)) = self.replicas[at].pending.pop_front() else { return };
        for write in writes {
            let disk = &mut self.replicas[at].disk;
            match write {
                Write::PutItem { row, .. } => {
                    disk.row = Item::decode(&row.item()).map(Item::into_owned);
                }
                Write::RemoveItem { .. } => disk.row = None,
                Write::PutShardMeta { meta, .. } => disk.meta = Some(meta),
                Write::PutControl { .. } => {}
            }
        }
        self.feed(at, Event::Persisted { batch, outcome: Ok(()) });
    }

    /// As the shell does: what was learned of other replicas is stored by itself.
    fn learns(&mut self, at: usize, event: Event) {
        self.feed(at, event);
        if self.replicas[at].core.has_row_to_store() {
            self.feed(at, Event::StoreRow);
        }
    }

    fn feed(&mut self, at: usize, event: Event) {
        for effect in self.replicas[at].core.step(event) {
            match effect {
                Effect::Persist { batch, writes, .. } => {
                    self.replicas[at].pending.push_back((batch, writes));
                }
                Effect::SendMerge { batch, peers, states } => {
                    let states = Rc::new(states);
                    for to in (0..3).filter(|to| peers.contains(&node(*to))) {
                        let (life, states) = (self.replicas[at].life, Rc::clone(&states));
                        self.messages.push(Message { to, from: at, life, batch: batch.0, states });
                    }
                }
                Effect::Answer { request, outcome } => {
                    let asked = self.replicas[at].asked.remove(&request.0);
                    if let (Some(asked), Ok(())) = (asked, outcome) {
                        self.answered(at, asked);
                    }
                }
                Effect::ScheduleTick | Effect::Wake { .. } => {}
            }
        }
    }

    fn answered(&mut self, at: usize, asked: Asked) {
        match asked {
            Asked::Client { write } => self.writes[write].is_acknowledged = true,
            Asked::Coordinator { at: coordinator, life, batch } => {
                if self.replicas[coordinator].life == life {
                    self.heard.insert(Heard::Stored(life, batch, at));
                    let (batch, peer) = (BatchId(batch), node(at));
                    self.feed(coordinator, Event::PeerAnswered { batch, peer, durable: true });
                }
            }
            Asked::Round { other, began, actor, committed, is_complete } => {
                let actor = ActorId(actor);
                let side = PeerSide { peer: node(other), actor, committed, is_complete };
                let others = (0..3).filter(|peer| *peer != at).map(node).collect();
                let end = RoundEnd { began: Moment(began), side, others, is_after_acks: true };
                self.learns(at, Event::RoundStored(end));
            }
        }
    }
}

fn newest_dot(writes: &[Write], actor: ActorId) -> Option<Dot> {
    writes.iter().find_map(|write| match write {
        Write::PutItem { row, .. } => {
            let item = row.item();
            let item = Item::decode(&item)?;
            item.siblings().map(|(dot, _)| dot).filter(|dot| dot.actor == actor).max_by_key(|dot| dot.time)
        }
        Write::RemoveItem { .. } | Write::PutShardMeta { .. } | Write::PutControl { .. } => None,
    })
}
