use crate::mutation::{Mutation, turn_on};
use crate::replication::poll::{Effect, Event, PollCore};

/// Feeds events to a new poll and tells what it wants done, its first wish included.
fn wishes(events: &[Event]) -> Vec<Option<Effect>> {
    let (mut poll, first) = PollCore::start();
    std::iter::once(Some(first)).chain(events.iter().map(|event| poll.step(*event))).collect()
}

const NEWS: Event = Event::Looked { has_news: true };
const NO_NEWS: Event = Event::Looked { has_news: false };

#[test]
fn a_poll_subscribes_before_it_looks_and_looks_before_it_waits() {
    assert_eq!(
        wishes(&[Event::Subscribed, NO_NEWS, Event::Signalled, NEWS]),
        [
            Some(Effect::Subscribe),
            Some(Effect::Look),
            Some(Effect::Wait),
            Some(Effect::Look),
            Some(Effect::AnswerNews)
        ]
    );
}

#[test]
fn a_signal_during_a_look_is_looked_at_afterwards() {
    assert_eq!(
        wishes(&[Event::Subscribed, Event::Signalled, NO_NEWS, NO_NEWS]),
        [Some(Effect::Subscribe), Some(Effect::Look), None, Some(Effect::Look), Some(Effect::Wait)]
    );
}

#[test]
fn a_poll_whose_time_is_up_looks_once_more() {
    assert_eq!(
        wishes(&[Event::Subscribed, NO_NEWS, Event::TimeIsUp, NO_NEWS]),
        [
            Some(Effect::Subscribe),
            Some(Effect::Look),
            Some(Effect::Wait),
            Some(Effect::Look),
            Some(Effect::AnswerNotModified)
        ]
    );
    assert_eq!(
        wishes(&[Event::Subscribed, NO_NEWS, Event::TimeIsUp, NEWS]).last(),
        Some(&Some(Effect::AnswerNews))
    );
}

#[test]
fn a_poll_whose_time_is_up_early_still_subscribes_and_looks() {
    assert_eq!(
        wishes(&[Event::TimeIsUp, Event::Subscribed, NO_NEWS]),
        [Some(Effect::Subscribe), None, Some(Effect::Look), Some(Effect::AnswerNotModified)]
    );
}

#[test]
fn a_poll_that_lost_a_replica_subscribes_again_and_looks() {
    let lost_while_waiting = [Event::Subscribed, NO_NEWS, Event::Lost, Event::Subscribed, NO_NEWS];
    let expected = [
        Some(Effect::Subscribe),
        Some(Effect::Look),
        Some(Effect::Wait),
        Some(Effect::Subscribe),
        Some(Effect::Look),
        Some(Effect::Wait),
    ];
    assert_eq!(wishes(&lost_while_waiting), expected);
    assert_eq!(
        wishes(&[Event::Subscribed, Event::Lost, NO_NEWS, Event::Subscribed]),
        [Some(Effect::Subscribe), Some(Effect::Look), None, Some(Effect::Subscribe), Some(Effect::Look)]
    );
    turn_on(Some(Mutation::LostReplicaNotLookedAt));
    let found = wishes(&lost_while_waiting);
    turn_on(None);
    assert_ne!(found, expected);
}
