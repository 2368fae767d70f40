//! A poll: subscribe, then look, then wait. Whatever is committed after the subscription wakes the poll, and whatever
//! was committed before is there at the first look: nothing lies in between.
//!
//! Of several replicas, a poll subscribes at as many as a read asks: every write that is acknowledged is committed at one
//! of them. One that is lost is replaced, by subscribing and looking again.

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
    /// A replica that was subscribed at signals no more: commits may have been missed since.
    Lost,
    /// The client has waited long enough, or the node stops.
    TimeIsUp,
}

/// What a poll wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Subscribe at as many replicas as a read asks, then report [`Event::Subscribed`]. Before the first look, and
    /// whenever a replica was lost.
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
    /// A replica was lost during the look.
    is_lost: bool,
}

impl PollCore {
    /// A new poll and what it wants done first.
    pub fn start() -> (PollCore, Effect) {
        let poll = PollCore {
            is_busy: true,
            is_signalled: false,
            is_out_of_time: false,
            is_subscribed: false,
            is_lost: false,
        };
        (poll, if is_on(Mutation::SubscribeAfterLook) { Effect::Look } else { Effect::Subscribe })
    }

    /// Handles one event; `None` if what is under way has to end first.
    pub fn step(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Subscribed => {
                let was_subscribed = std::mem::replace(&mut self.is_subscribed, true);
                self.is_lost = false;
                let looks = match was_subscribed {
                    false => !is_on(Mutation::SubscribeAfterLook),
                    true => !is_on(Mutation::LostReplicaNotLookedAt),
                };
                Some(if looks { self.look() } else { self.wait() })
            }
            Event::Looked { has_news: true } => Some(Effect::AnswerNews),
            // Only a poll that looked too early has not subscribed by now.
            Event::Looked { has_news: false } if !self.is_subscribed => Some(Effect::Subscribe),
            Event::Looked { has_news: false } if self.is_out_of_time => Some(Effect::AnswerNotModified),
            Event::Looked { has_news: false } if self.is_lost => Some(Effect::Subscribe),
            Event::Looked { has_news: false } if self.is_signalled => Some(self.look()),
            Event::Looked { has_news: false } => Some(self.wait()),
            Event::Signalled => {
                self.is_signalled = !is_on(Mutation::SignalDuringLookForgotten);
                self.look_if_waiting()
            }
            Event::Lost if self.is_busy => {
                self.is_lost = true;
                None
            }
            Event::Lost => {
                self.is_busy = true;
                Some(Effect::Subscribe)
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
