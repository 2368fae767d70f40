//! What a replica makes of the states that others send, and when it says that it holds them.

use super::*;
use crate::ids::ActorId;
use crate::mutation::{Mutation, turn_on};
use crate::shard::{Moment, PeerSide, RoundEnd};
use crate::store::ShardState;
use std::collections::BTreeMap;
use std::sync::Arc;

const B: NodeId = NodeId([2; 32]);
const C: NodeId = NodeId([3; 32]);
/// Another replica's actor.
const THEIRS: ActorId = ActorId(77);

/// A replica and its disk.
struct Replica {
    core: ShardCore,
    rows: BTreeMap<ItemKey, Item<'static>>,
    meta: Option<ShardMeta>,
    /// What is on its way to the disk.
    pending: Vec<(BatchId, Vec<Write>)>,
    requests: u64,
}

impl Replica {
    fn new() -> Replica {
        let (rows, meta, pending) = (BTreeMap::new(), None, Vec::new());
        Replica { core: shard(), rows, meta, pending, requests: 0 }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut told = Vec::new();
        for effect in self.core.step(event) {
            match effect {
                Effect::Persist { batch, writes, .. } => self.pending.push((batch, writes)),
                other @ (Effect::SendMerge { .. }
                | Effect::Answer { .. }
                | Effect::ScheduleTick
                | Effect::Wake { .. }) => told.push(other),
            }
        }
        told
    }

    fn write(&mut self, key: &str, context: &Context, value: &'static [u8]) -> Vec<Effect> {
        self.requests += 1;
        let Request { writes, .. } = write(0, key, context, value, None);
        let plan = WritePlan::majority_of(&[NODE, B, C]);
        let rows = &self.rows;
        let staged = self.core.stage(NOW, &writes, plan, &mut |key| Ok(rows.get(key).cloned())).unwrap();
        self.step(Event::Write { request: RequestId(self.requests), staged })
    }

    fn merge(&mut self, states: &States) -> Vec<Effect> {
        self.requests += 1;
        let rows = &self.rows;
        let staged = self.core.stage_merge(NOW, states, &mut |key| Ok(rows.get(key).cloned())).unwrap();
        self.step(Event::Merge { request: RequestId(self.requests), staged })
    }

    /// The disk takes everything.
    fn commit(&mut self) -> Vec<Effect> {
        let mut told = Vec::new();
        for (batch, writes) in std::mem::take(&mut self.pending) {
            for write in writes {
                match write {
                    Write::PutItem { partition, sort_key, row, .. } => {
                        let key = ItemKey { partition: partition.hash, sort_key };
                        self.rows.insert(key, Item::decode(&row.item()).unwrap().into_owned());
                    }
                    Write::RemoveItem { partition, sort_key, .. } => {
                        self.rows.remove(&ItemKey { partition: partition.hash, sort_key });
                    }
                    Write::PutShardMeta { meta, .. } => self.meta = Some(meta),
                    Write::PutControl { .. } => panic!("a shard has no such row"),
                }
            }
            told.extend(self.step(persisted(batch.0)));
        }
        told
    }

    fn row(&self, key: &str) -> Item<'static> {
        self.rows.get(&item_key(key)).cloned().unwrap_or_default()
    }
}

fn item_key(key: &str) -> ItemKey {
    item_write(key).key()
}

fn item_write(key: &str) -> ItemWrite {
    write(0, key, &Context::empty(), b"", None).writes.remove(0)
}

fn context(pairs: &[(ActorId, u64)]) -> Context {
    Context::from_ascending(pairs.to_vec()).unwrap()
}

fn value(actor: ActorId, time: u64, text: &'static [u8]) -> Item<'static> {
    let mut item = Item::empty();
    item.write(Dot { actor, time }, &Context::empty(), Value::Bytes(text.into()));
    item
}

fn states(key: &str, item: &Item<'_>, clock: Context) -> States {
    let ItemWrite { partition, sort_key, .. } = item_write(key);
    States { clock, items: vec![ItemState::new(partition, sort_key, item.encode().into()).unwrap()] }
}

fn told(request: u64) -> Effect {
    Effect::Answer { request: RequestId(request), outcome: Ok(()) }
}

fn round(side: PeerSide, began: Moment) -> Event {
    let others = [B, C].into();
    Event::RoundStored(RoundEnd { began, side, others, is_after_acks: true })
}

fn side(peer: NodeId, actor: ActorId, committed: u64) -> PeerSide {
    PeerSide { peer, actor, committed, is_complete: true }
}

#[test]
fn a_merge_is_acknowledged_after_its_commit_and_so_is_one_that_changes_nothing() {
    let mut replica = Replica::new();
    let sent = states("k", &value(THEIRS, 5, b"v"), context(&[(THEIRS, 4)]));
    assert_eq!(replica.merge(&sent), vec![]);
    assert_eq!(replica.merge(&sent), vec![], "what it found is not stored yet");
    assert_eq!(replica.pending.len(), 1);
    assert_eq!(replica.commit(), vec![told(1), told(2)]);
    assert_eq!(replica.merge(&sent), vec![told(3)], "nothing is left to be stored");
    assert_eq!(values(&replica.row("k")), [b"v"]);
}

#[test]
fn a_merge_wakes_pollers_after_its_commit() {
    let mut replica = Replica::new();
    replica.step(Event::Subscribe { poll: PollId(4), watched: Watched::Item(item_key("k")) });
    assert_eq!(replica.merge(&states("k", &value(THEIRS, 5, b"v"), Context::empty())), vec![]);
    assert_eq!(replica.commit(), vec![told(1), Effect::Wake { poll: PollId(4) }]);
}

#[test]
fn more_values_than_a_client_may_write_are_merged() {
    let mut replica = Replica::new();
    let mut many = Item::empty();
    for time in 1..20 {
        many.write(Dot { actor: THEIRS, time }, &Context::empty(), Value::Bytes(vec![time as u8].into()));
    }
    replica.merge(&states("k", &many, Context::empty()));
    assert_eq!(replica.commit(), vec![told(1)]);
    assert_eq!(replica.row("k").sibling_count(), 19);
}

#[test]
fn a_refused_merge_is_told_and_what_builds_on_it_goes_with_it() {
    let mut replica = Replica::new();
    let sent = states("k", &value(THEIRS, 5, b"v"), Context::empty());
    replica.merge(&sent);
    replica.merge(&sent);
    replica.pending.clear();
    let full = PersistError::Full(CommitError::MapFull);
    let effects = replica.step(Event::Persisted { batch: BatchId(0), outcome: Err(full.clone()) });
    let refused = |request| Effect::Answer { request: RequestId(request), outcome: Err(full.clone().into()) };
    assert_eq!(effects, vec![refused(1), refused(2)]);
    replica.merge(&sent);
    assert_eq!(replica.commit(), vec![told(3)]);
    assert_eq!(values(&replica.row("k")), [b"v"]);
}

#[test]
fn a_value_that_was_overwritten_here_does_not_come_back_with_a_late_message() {
    let mut replica = Replica::new();
    let late = states("k", &value(THEIRS, 5, b"old"), Context::empty());
    replica.merge(&late);
    replica.commit();
    let token = replica.row("k").token_context();
    replica.write("k", &token, b"new");
    replica.commit();
    assert_eq!(replica.merge(&late), vec![told(3)]);
    assert_eq!(values(&replica.row("k")), [b"new"]);

    // Once everything that their node had committed is here, the item need not say so itself.
    let began = replica.core.clock().moment();
    replica.step(round(side(B, THEIRS, 9), began));
    assert!(replica.core.has_row_to_store());
    replica.step(Event::StoreRow);
    replica.commit();
    assert_eq!(replica.meta.as_ref().unwrap().clock.time_of(THEIRS), 9);
    replica.write("k", &replica.row("k").token_context(), b"newer");
    replica.commit();
    assert_eq!(replica.row("k").branches().len(), 1);
    replica.merge(&late);
    replica.commit();
    assert_eq!(values(&replica.row("k")), [b"newer"]);
}

#[test]
fn a_batch_is_stripped_by_nothing_that_is_not_stored_with_it_or_before() {
    let mut replica = Replica::new();
    replica.merge(&states("k", &value(THEIRS, 5, b"old"), Context::empty()));
    replica.commit();
    let began = replica.core.clock().moment();
    replica.step(round(side(B, THEIRS, 9), began));
    replica.write("k", &replica.row("k").token_context(), b"new");
    let (_, writes) = replica.pending.last().unwrap();
    let [Write::PutItem { row, .. }, Write::PutShardMeta { meta, .. }] = writes.as_slice() else {
        panic!("the clock is not stored: {writes:?}")
    };
    assert_eq!(Item::decode(&row.item()).unwrap().branches().len(), 1);
    assert_eq!(meta.clock.time_of(THEIRS), 9);
    // The batch is refused, and the clock with it: the next one takes it along again.
    let (batch, _) = replica.pending.pop().unwrap();
    let outcome = Err(PersistError::Full(CommitError::MapFull));
    replica.step(Event::Persisted { batch, outcome });
    replica.write("k", &replica.row("k").token_context(), b"new");
    let (_, writes) = replica.pending.last().unwrap();
    assert!(
        matches!(writes.as_slice(), [_, Write::PutShardMeta { meta, .. }] if meta.clock.time_of(THEIRS) == 9)
    );
}

#[test]
fn states_leave_whole_and_with_the_clock_that_they_were_stripped_by() {
    let mut replica = Replica::new();
    replica.write("k", &Context::empty(), b"one");
    replica.commit();
    let effects = replica.write("k", &Context::empty(), b"two");
    let [Effect::SendMerge { peers, states, .. }, ..] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*peers, [B, C]);
    assert_eq!(values(&states.items[0].item()), [b"one", b"two"]);
    let clock = replica.core.clock();
    assert_eq!(states.clock, context(&[(clock.actor(), NOW.0)]), "of the own actor what is committed");
    assert_eq!(*states, States { clock: clock.shown(), items: states.items.clone() });
}

/// The disk went back in a way that the store did not notice, or a batch was refused after it was sent.
#[test]
fn an_unknown_dot_of_mine_retires_my_actor_and_is_kept() {
    let mut replica = Replica::new();
    let mine = replica.core.clock().actor();
    replica.merge(&states("k", &value(mine, 500, b"lost"), Context::empty()));
    replica.commit();
    assert_eq!(values(&replica.row("k")), [b"lost"]);
    assert_ne!(replica.core.clock().actor(), mine);

    let mut replica = Replica::new();
    let mine = replica.core.clock().actor();
    replica.merge(&states("k", &value(THEIRS, 5, b"v"), context(&[(THEIRS, 4), (mine, 500)])));
    assert_ne!(replica.core.clock().actor(), mine, "their clock knows of dots of mine that were lost");
}

#[test]
fn a_batch_that_was_refused_here_and_sent_to_peers_retires_the_actor() {
    let mut replica = Replica::new();
    let mine = replica.core.clock().actor();
    let effects = replica.write("k", &Context::empty(), b"sent");
    let [Effect::SendMerge { states, .. }, ..] = effects.as_slice() else { panic!("{effects:?}") };
    replica.pending.clear();
    let outcome = Err(PersistError::Full(CommitError::MapFull));
    replica.step(Event::Persisted { batch: BatchId(0), outcome });
    assert_ne!(replica.core.clock().actor(), mine);
    // It is at the peers, and comes back from there.
    replica.merge(states);
    replica.commit();
    assert_eq!(values(&replica.row("k")), [b"sent"]);
}

#[test]
fn what_a_peer_said_before_it_lost_its_memory_does_not_count() {
    let answered = |peer| Event::PeerAnswered { batch: BatchId(0), peer, durable: true };
    let mut replica = Replica::new();
    replica.write("k", &Context::empty(), b"v");
    assert_eq!(replica.step(answered(B)), vec![]);
    assert_eq!(replica.step(Event::PeerReborn { peer: B }), vec![]);
    assert_eq!(replica.commit(), vec![]);
    assert_eq!(replica.step(answered(B)), vec![], "it was asked before, and is asked no more");
    assert_eq!(replica.step(answered(C)), vec![told(1)]);

    let mut replica = Replica::new();
    replica.write("k", &Context::empty(), b"v");
    replica.step(answered(B));
    turn_on(Some(Mutation::AckOfAnEarlierIncarnationCounted));
    replica.step(Event::PeerReborn { peer: B });
    turn_on(None);
    assert_eq!(replica.commit(), vec![told(1)], "the mistake is found");
}

#[test]
fn the_quorum_of_each_layout_version_has_to_be_durable() {
    const D: NodeId = NodeId([4; 32]);
    let set = |nodes: [NodeId; 3]| ReplicaSet { nodes: nodes.into(), quorum: 2 };
    let plan = WritePlan { version: 2, sets: Arc::from([set([NODE, B, C]), set([B, C, D])]) };
    let standing = |answers: &[(NodeId, bool)]| {
        let mut shard = shard();
        let request = Request { plan: plan.clone(), ..write(1, "k", &Context::empty(), b"v", None) };
        shard.feed(NOW, request);
        let mut effects = shard.feed(NOW, persisted(0));
        for &(peer, durable) in answers {
            effects.extend(shard.feed(NOW, Event::PeerAnswered { batch: BatchId(0), peer, durable }));
        }
        effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { outcome, .. } => Some(outcome.is_ok()),
            Effect::Persist { .. }
            | Effect::SendMerge { .. }
            | Effect::ScheduleTick
            | Effect::Wake { .. } => None,
        })
    };
    assert_eq!(standing(&[(B, true)]), None, "two of the old version, one of the new one");
    assert_eq!(standing(&[(B, true), (D, true)]), Some(true));
    assert_eq!(standing(&[(B, true), (C, true)]), Some(true));
    assert_eq!(standing(&[(B, false), (C, false)]), Some(false));
    assert_eq!(standing(&[(D, true), (B, false), (C, false)]), Some(false), "the old version lacks one");
    turn_on(Some(Mutation::QuorumCountedOverVersionsTogether));
    assert_eq!(standing(&[(D, true)]), Some(true), "the mistake is found");
    turn_on(None);
}

#[test]
fn only_a_replica_of_the_shard_coordinates() {
    let mut shard = shard();
    let request =
        Request { plan: WritePlan::majority_of(&[B, C]), ..write(1, "k", &Context::empty(), b"v", None) };
    let outcome = Err(WriteError::NotHere);
    assert_eq!(shard.feed(NOW, request), vec![Effect::Answer { request: RequestId(1), outcome }]);
}

#[test]
fn a_replica_that_lost_its_memory_votes_after_a_round_with_every_complete_one() {
    let mut replica = Replica::new();
    assert!(replica.core.may_vote());
    replica.step(Event::Standing(ShardState::Amnesiac));
    assert!(!replica.core.may_vote());
    replica.step(Event::StoreRow);
    replica.commit();
    assert_eq!(replica.meta.as_ref().unwrap().state, ShardState::Amnesiac);
    let began = replica.core.clock().moment();
    replica.step(round(side(B, THEIRS, 9), began));
    let incomplete = PeerSide { is_complete: false, ..side(C, ActorId(78), 9) };
    replica.step(round(incomplete, began));
    assert!(!replica.core.may_vote());

    // A restart forgets the comparisons, and nothing else.
    let meta = replica.meta.clone();
    replica.core = ShardCore::open(index(), NODE, meta, Epoch(2), ShardLimits::default(), FENCE, [1; 32]);
    replica.step(round(side(C, ActorId(78), 9), began));
    assert!(!replica.core.may_vote());
    replica.step(round(side(B, THEIRS, 9), began));
    assert!(replica.core.may_vote());
}

#[test]
fn a_receiving_replica_votes_after_rounds_that_began_after_every_older_write() {
    let mut replica = Replica::new();
    replica.step(Event::Standing(ShardState::Receiving));
    let end = |peer, is_after_acks| {
        let side = side(peer, THEIRS, 9);
        Event::RoundStored(RoundEnd { began: Moment(0), side, others: [B, C].into(), is_after_acks })
    };
    replica.step(end(B, true));
    replica.step(end(C, false));
    assert!(!replica.core.may_vote());
    replica.step(end(C, true));
    assert!(replica.core.may_vote());
}
