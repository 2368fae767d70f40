//! A poll: subscribe, then look, then wait. Whatever is committed after the subscription wakes the poll, and whatever
//! was committed before is there at the first look: nothing lies in between.

use crate::mutation::{Mutation, is_on};

/// What happens to a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Every commit from now on is signalled.
    Subscribed,
    /// The last [`Effect::Look`] is done.
    Looked {
        /// Whether there is something that the client has not seen.
        has_news: bool,
    },
    /// A commit was signalled.
    Signalled,
    /// The client has waited long enough, or the node stops.
    TimeIsUp,
}

/// What a poll wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Subscribe at the shard, then report [`Event::Subscribed`]. Before the first look.
    Subscribe,
    /// Read what there is, in a snapshot taken from now on, then report [`Event::Looked`].
    Look,
    /// Report the next [`Event::Signalled`] or [`Event::TimeIsUp`].
    Wait,
    /// Answer with what the last look found. The poll is over.
    AnswerNews,
    /// Answer that there is no news. The poll is over.
    AnswerNotModified,
}

/// One poll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PollCore {
    /// It subscribes or looks; else it waits.
    is_busy: bool,
    /// A commit was signalled during the look, which may have missed it.
    is_signalled: bool,
    is_out_of_time: bool,
    is_subscribed: bool,
}

impl PollCore {
    /// A new poll and what it wants done first.
    pub fn start() -> (PollCore, Effect) {
        let poll =
            PollCore { is_busy: true, is_signalled: false, is_out_of_time: false, is_subscribed: false };
        (poll, if is_on(Mutation::SubscribeAfterLook) { Effect::Look } else { Effect::Subscribe })
    }

    /// Handles one event; `None` if what is under way has to end first.
    pub fn step(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Subscribed => {
                self.is_subscribed = true;
                Some(if is_on(Mutation::SubscribeAfterLook) { self.wait() } else { self.look() })
            }
            Event::Looked { has_news: true } => Some(Effect::AnswerNews),
            // Only a poll that looked too early has not subscribed by now.
            Event::Looked { has_news: false } if !self.is_subscribed => Some(Effect::Subscribe),
            Event::Looked { has_news: false } if self.is_out_of_time => Some(Effect::AnswerNotModified),
            Event::Looked { has_news: false } if self.is_signalled => Some(self.look()),
            Event::Looked { has_news: false } => Some(self.wait()),
            Event::Signalled => {
                self.is_signalled = !is_on(Mutation::SignalDuringLookForgotten);
                self.look_if_waiting()
            }
            // It looks once more: a commit may be a moment older than its signal.
            Event::TimeIsUp => {
                self.is_out_of_time = true;
                self.look_if_waiting()
            }
        }
    }

    fn look_if_waiting(&mut self) -> Option<Effect> {
        (!self.is_busy).then(|| self.look())
    }

    fn wait(&mut self) -> Effect {
        self.is_busy = false;
        Effect::Wait
    }

    fn look(&mut self) -> Effect {
        self.is_busy = true;
        self.is_signalled = false;
        Effect::Look
    }
}
