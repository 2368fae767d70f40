//! A few replicas of one item, each beside the set of events that the oracle says it knows.

use super::history::{Events, History};
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
    /// One replica takes in the state of another.
    Merge { from: usize, into: usize },
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
        5 => (replica.clone(), replica.clone()).prop_map(|(from, into)| Step::Merge { from, into }),
        1 => replica.clone().prop_map(|replica| Step::Image { replica }),
        1 => replica.prop_map(|replica| Step::Restore { replica }),
    ];
    prop::collection::vec(step, 0..40)
}

pub(super) struct Replica {
    pub(super) item: Item<'static>,
    pub(super) known: Events,
    actor: ActorId,
    image: (Item<'static>, Events),
}

#[derive(Default)]
pub(super) struct World {
    pub(super) history: History,
    pub(super) replicas: Vec<Replica>,
    /// Every token that was given out, with what the read that gave it out had seen.
    pub(super) tokens: Vec<(Context, Events)>,
    time: u64,
    actors_drawn: u64,
}

impl World {
    pub(super) fn after(steps: &[Step]) -> World {
        let mut world = World::default();
        for _ in 0..REPLICA_COUNT {
            let actor = world.draw_actor();
            let nothing = || (Item::empty(), Events::new());
            let (item, known) = nothing();
            world.replicas.push(Replica { item, known, actor, image: nothing() });
        }
        for step in steps {
            world.take(step);
        }
        world
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
            Step::Merge { from, into } => {
                let (item, known) = (self.replicas[*from].item.clone(), self.replicas[*from].known.clone());
                self.replicas[*into].item.merge(&item);
                self.replicas[*into].known.extend(known);
            }
            Step::Image { replica } => {
                let replica = &mut self.replicas[*replica];
                replica.image = (replica.item.clone(), replica.known.clone());
            }
            Step::Restore { replica } => {
                let actor = self.draw_actor();
                let replica = &mut self.replicas[*replica];
                (replica.item, replica.known) = replica.image.clone();
                replica.actor = actor;
            }
        }
    }

    fn write(&mut self, replica: usize, token: &Token, is_delete: bool) {
        let (context, past) = match token {
            Token::Absent => (Context::empty(), Events::new()),
            Token::Fresh => self.fresh_token(replica),
            Token::Old(_) if self.tokens.is_empty() => (Context::empty(), Events::new()),
            Token::Old(which) => which.get(&self.tokens).clone(),
        };
        let dot = Dot { actor: self.replicas[replica].actor, time: self.time };
        let value = if is_delete { Value::Tombstone } else { Value::Bytes(vec![self.time as u8].into()) };
        self.replicas[replica].item.write(dot, &context, value);
        self.replicas[replica].known.extend(past.iter().copied());
        self.replicas[replica].known.insert(dot);
        self.history.record(dot, past);
    }

    fn fresh_token(&self, replica: usize) -> (Context, Events) {
        let replica = &self.replicas[replica];
        (replica.item.context(), replica.known.clone())
    }
}
