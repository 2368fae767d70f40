use crate::ids::NodeId;
use crate::incarnation::{
    Answer, Effect, Event, IncarnationCore, Life, Loss, Memory, Message, Saved, Standing, State,
};
use crate::transport::Environment;
use std::collections::{BTreeMap, BTreeSet};

const B: NodeId = NodeId([2; 32]);
const C: NodeId = NodeId([3; 32]);
const LIFE: Life = Life { number: 4, id: 77 };

fn stores(sequence: u64) -> Vec<Environment> {
    vec![Environment { id: 5, sequence }]
}

fn memory(life: Life, sequence: u64) -> Memory {
    Memory { life, boot: 1, stores: stores(sequence) }
}

/// A node that was whole, starts at this commit, and shares its shards with B and C.
fn started(sequence: u64) -> IncarnationCore {
    let kept = State { life: LIFE, saved: Saved::Whole { stores: stores(1) }, heard: BTreeMap::new() };
    with(Some(kept), sequence)
}

fn with(kept: Option<State>, sequence: u64) -> IncarnationCore {
    let mut core = IncarnationCore::new(kept, stores(sequence), 2, 1);
    core.step(&stores(sequence), Event::Replicas(BTreeSet::from([BTreeSet::from([B, C])])));
    core
}

fn answer(from: NodeId, heard: Option<Memory>) -> Event {
    Event::Told { from, message: Message::Answer(Answer { heard, is_lost: false }) }
}

#[test]
fn one_answer_of_two_peers_makes_a_majority_with_the_node_itself() {
    let mut core = started(10);
    assert_eq!(core.standing(), Standing::Asking);
    let effects = core.step(&stores(12), answer(B, Some(memory(LIFE, 10))));
    let saved = core.state().clone();
    assert_eq!(saved.saved, Saved::Whole { stores: stores(12) });
    assert_eq!(effects, [Effect::Show(Standing::Whole), Effect::Save(saved)]);
}

#[test]
fn a_later_commit_that_one_peer_heard_of_outweighs_every_other_answer() {
    let mut core = started(10);
    core.step(&stores(10), answer(B, None));
    core.step(&stores(10), Event::Saved);
    let effects = core.step(&stores(10), answer(C, Some(memory(LIFE, 11))));
    let lost = Standing::Lost(Loss::RolledBack { heard: 11, mine: 10 });
    let saved = core.state().clone();
    assert_eq!(saved.life.number, 5, "a new life");
    assert_eq!(effects, [Effect::Show(lost), Effect::Save(saved)]);
    assert_eq!(core.step(&stores(10), Event::Complete), [], "nothing was compared since");
    assert_eq!(core.step(&stores(10), Event::Saved), [Effect::LostMemory]);
    let effects = core.step(&stores(20), Event::Complete);
    assert_eq!(effects[0], Effect::Show(Standing::Whole));
}

#[test]
fn what_was_committed_while_asking_does_not_hide_what_was_lost() {
    let mut core = started(10);
    let effects = core.step(&stores(100), answer(B, Some(memory(LIFE, 50))));
    assert_eq!(effects[0], Effect::Show(Standing::Lost(Loss::RolledBack { heard: 50, mine: 10 })));
    // Nor does another start.
    let mut core = with(Some(started(10).state().clone()), 100);
    let effects = core.step(&stores(100), answer(B, Some(memory(LIFE, 50))));
    assert_eq!(effects[0], Effect::Show(Standing::Lost(Loss::RolledBack { heard: 50, mine: 10 })));
}

#[test]
fn an_empty_disk_of_a_node_that_peers_know_is_a_loss_and_of_a_new_node_is_none() {
    let empty = || {
        let mut core = IncarnationCore::new(None, stores(0), 2, 1);
        core.step(&stores(0), Event::Replicas(BTreeSet::from([BTreeSet::from([B, C])])));
        core
    };
    let mut wiped = empty();
    wiped.step(&stores(3), answer(B, Some(memory(LIFE, 50))));
    assert_eq!(wiped.standing(), Standing::Lost(Loss::Wiped));
    assert_eq!(wiped.state().life.number, LIFE.number + 1);
    let mut fresh = empty();
    fresh.step(&stores(3), answer(B, None));
    assert_eq!(fresh.standing(), Standing::Whole);
}

#[test]
fn a_node_that_holds_its_shards_alone_is_whole_at_once() {
    let mut core = IncarnationCore::new(None, stores(9), 1, 1);
    core.step(&stores(9), Event::Replicas(BTreeSet::from([BTreeSet::new()])));
    assert_eq!(core.standing(), Standing::Whole);
}

#[test]
fn a_node_without_shards_goes_on_asking_and_has_its_answers_when_it_gets_some() {
    let mut core = IncarnationCore::new(None, stores(0), 1, 1);
    core.step(&stores(0), Event::LinkUp(B));
    core.step(&stores(0), answer(B, None));
    assert_eq!(core.standing(), Standing::Asking);
    core.step(&stores(1), Event::Replicas(BTreeSet::from([BTreeSet::from([B, C])])));
    assert_eq!(core.standing(), Standing::Whole);
}

#[test]
fn a_peer_that_lost_its_own_memory_settles_nothing() {
    let mut core = started(10);
    let message = Message::Answer(Answer { heard: None, is_lost: true });
    core.step(&stores(10), Event::Told { from: B, message });
    assert_eq!(core.standing(), Standing::Asking);
    core.step(&stores(10), answer(C, None));
    assert_eq!(core.standing(), Standing::Whole);
}

#[test]
fn a_peer_in_another_start_is_answered_once_shards_know() {
    let mut core = started(10);
    let question = || Event::Told { from: B, message: Message::Question(memory(LIFE, 3)) };
    assert_eq!(core.step(&stores(10), question()), [Effect::Reborn(B)]);
    assert_eq!(core.step(&stores(10), question()), [], "it asks every second");
    let told = Effect::Tell { to: B, message: Message::Answer(Answer { heard: None, is_lost: false }) };
    assert_eq!(core.step(&stores(10), Event::RebornTold(B)), std::slice::from_ref(&told));
    assert_eq!(core.step(&stores(10), question()), [told]);
}

#[test]
fn a_pulse_that_contradicts_an_earlier_one_is_not_believed() {
    let mut core = started(10);
    let pulse = |memory| Event::Told { from: B, message: Message::Pulse(memory) };
    core.step(&stores(10), pulse(memory(LIFE, 30)));
    let effects = core.step(&stores(10), pulse(memory(LIFE, 29)));
    let message = Message::Contradiction(memory(LIFE, 30));
    assert_eq!(effects, [Effect::Tell { to: B, message }]);
    let next = Life { number: LIFE.number + 1, id: 3 };
    assert_eq!(core.step(&stores(10), pulse(memory(next, 29))), [], "a new life may have less");
    assert_eq!(core.state().heard[&B], memory(next, 29));
}

#[test]
fn an_operator_ends_the_wait() {
    let mut core = started(10);
    core.step(&stores(10), answer(B, Some(memory(LIFE, 50))));
    core.step(&stores(10), Event::Saved);
    let effects = core.step(&stores(10), Event::Trusted);
    assert_eq!(effects[..2], [Effect::StopWaiting, Effect::Show(Standing::Whole)]);
    assert!(core.state().life.number > LIFE.number, "peers take it for what it is: a new life");
}

#[test]
fn a_loss_outlives_a_restart() {
    let mut core = started(10);
    core.step(&stores(10), answer(B, Some(memory(LIFE, 50))));
    let mut again = with(Some(core.state().clone()), 60);
    assert!(matches!(again.standing(), Standing::Lost(_)));
    again.step(&stores(60), answer(C, None));
    assert!(matches!(again.standing(), Standing::Lost(_)));
    assert!(again.step(&stores(60), Event::Tick).contains(&Effect::LostMemory));
}
