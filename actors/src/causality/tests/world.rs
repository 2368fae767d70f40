//! A few replicas of one item with their shard clocks, each beside what the oracle says it knows.

use super::history::{Events, Knowledge};
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::ActorId;
use proptest::prelude::*;

pub(super) const REPLICA_COUNT: usize = 3;

/// Which token a client hands in with a write.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// None.
    Absent,
    /// The one that a read of the same replica shows right now.
    Fresh,
    /// One that any replica gave out at any earlier time.
    Old(prop::sample::Index),
}

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A client writes at a replica, whose clock has gone on by some time.
    Write { replica: usize, token: Token, time_passed: u64, is_delete: bool },
    /// A client reads, and keeps the token.
    Read { replica: usize },
    /// A replica sends its state.
    Send { replica: usize },
    /// A state that was sent arrives: late, in any order, again and again, or never.
    Arrive { message: prop::sample::Index, at: usize },
    /// Two replicas compare everything: each takes in what the other has, and then raises its clock.
    Round { a: usize, b: usize },
    /// A replica drops an item of which it holds only tombstones that its clock covers.
    Drop { replica: usize },
    /// A replica keeps a copy of its disk.
    Image { replica: usize },
    /// A replica goes back to its image, and goes on with an actor id that nobody has used.
    Restore { replica: usize },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let replica = 0..REPLICA_COUNT;
    let token = prop_oneof![
        2 => Just(Token::Absent),
        3 => Just(Token::Fresh),
        3 => any::<prop::sample::Index>().prop_map(Token::Old),
    ];
    let step = prop_oneof![
        6 => (replica.clone(), token, 0..3u64, any::<bool>()).prop_map(
            |(replica, token, time_passed, is_delete)| Step::Write { replica, token, time_passed, is_delete }
        ),
        3 => replica.clone().prop_map(|replica| Step::Read { replica }),
        4 => replica.clone().prop_map(|replica| Step::Send { replica }),
        5 => (any::<prop::sample::Index>(), replica.clone())
            .prop_map(|(message, at)| Step::Arrive { message, at }),
        3 => (replica.clone(), replica.clone()).prop_map(|(a, b)| Step::Round { a, b }),
        2 => replica.clone().prop_map(|replica| Step::Drop { replica }),
        1 => replica.clone().prop_map(|replica| Step::Image { replica }),
        1 => replica.prop_map(|replica| Step::Restore { replica }),
    ];
    prop::collection::vec(step, 0..60)
}

/// What a replica has on its disk, and what the oracle says that it knows.
#[derive(Clone, Default)]
struct Disk {
    /// Stripped by the clock.
    row: Item<'static>,
    /// The own entry included: every write is committed at once here.
    clock: Context,
    knowledge: Knowledge,
}

pub(super) struct Replica {
    disk: Disk,
    actor: ActorId,
    image: Disk,
}

impl Replica {
    /// The state as it leaves for another replica.
    pub(super) fn filled(&self) -> Item<'static> {
        let mut item = self.disk.row.clone();
        item.fill(&self.disk.clock);
        item
    }

    /// The state as it is stored.
    pub(super) fn row(&self) -> &Item<'static> {
        &self.disk.row
    }

    pub(super) fn clock(&self) -> &Context {
        &self.disk.clock
    }

    pub(super) fn knowledge(&self) -> &Knowledge {
        &self.disk.knowledge
    }

    fn take_in(&mut self, (item, knowledge): &(Item<'static>, Knowledge)) {
        let mut merged = self.filled();
        merged.merge(item);
        merged.strip(&self.disk.clock);
        self.disk.row = merged;
        self.disk.knowledge.learn(knowledge);
    }
}

#[derive(Default)]
pub(super) struct World {
    pub(super) replicas: Vec<Replica>,
    /// Every token that was given out, with what the read that gave it out knew, and what the token covers.
    pub(super) tokens: Vec<(Context, Knowledge, Events)>,
    messages: Vec<(Item<'static>, Knowledge)>,
    time: u64,
    actors_drawn: u64,
}

impl World {
    pub(super) fn after(steps: &[Step]) -> World {
        let mut world = World::default();
        for _ in 0..REPLICA_COUNT {
            let actor = world.draw_actor();
            world.replicas.push(Replica { disk: Disk::default(), actor, image: Disk::default() });
        }
        for step in steps {
            world.take(step);
        }
        world
    }

    /// Every event that some replica knows.
    pub(super) fn all(&self) -> Events {
        self.replicas.iter().flat_map(|replica| &replica.disk.knowledge.known).copied().collect()
    }

    fn draw_actor(&mut self) -> ActorId {
        self.actors_drawn += 1;
        // Spread, so that the order of actors is not the order in which they came.
        ActorId(self.actors_drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write { replica, token, time_passed, is_delete } => {
                self.time += 1 + time_passed;
                self.write(*replica, token, *is_delete);
            }
            Step::Read { replica } => {
                let token = self.fresh_token(*replica);
                self.tokens.push(token);
            }
            Step::Send { replica } => {
                let message = self.message_of(*replica);
                self.messages.push(message);
            }
            Step::Arrive { message, at } if !self.messages.is_empty() => {
                self.replicas[*at].take_in(message.get(&self.messages));
            }
            Step::Arrive { .. } => {}
            Step::Round { a, b } => {
                let (of_a, of_b) = (self.message_of(*a), self.message_of(*b));
                let own = |replica: &Replica| (replica.actor, replica.disk.clock.time_of(replica.actor));
                let (own_a, own_b) = (own(&self.replicas[*a]), own(&self.replicas[*b]));
                for (at, state, (actor, committed)) in [(*a, of_b, own_b), (*b, of_a, own_a)] {
                    self.replicas[at].take_in(&state);
                    self.replicas[at].disk.clock.raise(actor, committed);
                }
            }
            Step::Drop { replica } => {
                let disk = &mut self.replicas[*replica].disk;
                if disk.row.is_tombstone() && disk.row.is_known_to(&disk.clock) {
                    disk.row = Item::empty();
                    disk.knowledge.drop_all();
                }
            }
            Step::Image { replica } => {
                let replica = &mut self.replicas[*replica];
                replica.image = replica.disk.clone();
            }
            Step::Restore { replica } => {
                let actor = self.draw_actor();
                let replica = &mut self.replicas[*replica];
                replica.disk = replica.image.clone();
                replica.actor = actor;
            }
        }
    }

    fn write(&mut self, replica: usize, token: &Token, is_delete: bool) {
        let (context, covered) = match token {
            Token::Absent => (Context::empty(), Events::new()),
            Token::Fresh => {
                let (context, _, covered) = self.fresh_token(replica);
                (context, covered)
            }
            Token::Old(_) if self.tokens.is_empty() => (Context::empty(), Events::new()),
            Token::Old(which) => {
                let (context, _, covered) = which.get(&self.tokens);
                (context.clone(), covered.clone())
            }
        };
        let Replica { disk, actor, .. } = &mut self.replicas[replica];
        let dot = Dot { actor: *actor, time: self.time };
        let value = if is_delete { Value::Tombstone } else { Value::Bytes(vec![self.time as u8].into()) };
        disk.row.write(dot, &context, value);
        disk.clock.raise(dot.actor, dot.time);
        disk.row.strip(&disk.clock);
        disk.knowledge.write(dot, &covered);
    }

    fn message_of(&self, replica: usize) -> (Item<'static>, Knowledge) {
        let replica = &self.replicas[replica];
        (replica.filled(), replica.disk.knowledge.clone())
    }

    fn fresh_token(&self, replica: usize) -> (Context, Knowledge, Events) {
        let Disk { row, knowledge, .. } = &self.replicas[replica].disk;
        (row.token_context(), knowledge.clone(), knowledge.covered_by_token())
    }
}
