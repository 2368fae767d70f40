//! Three replicas of one item, and every interleaving of what can happen to them within some bounds.
//!
//! A search through all states that the production cores can reach: every order of commits, deliveries and rounds, with
//! messages that are lost, come late or come again, and replicas that crash, lose their disk or go back to an older image
//! of it. In each state, every two replicas that vote are read. What no bound of a search reaches is the simulator's.

mod cluster;
mod decree;
mod happening;
mod promises;
mod search;

use happening::{Bounds, Happening};
use search::search;
use troupe_actors::mutation::Mutation;

/// What a search is about, and the mistakes that it has to find.
struct Story {
    name: &'static str,
    /// What has happened before.
    before: &'static [Happening],
    bounds: Bounds,
    mistakes: &'static [Mutation],
}

const NONE: Bounds = Bounds {
    writes: 0,
    deletions: 0,
    rounds: 0,
    crashes: 0,
    wipes: 0,
    images: 0,
    reads: 0,
    is_ordered: false,
    steps: 0,
};

/// The first node has written, the second one has stored it, and has compared itself with the first: its clock covers the
/// write, and is stored. The third node has heard of nothing.
const COMPARED: &[Happening] = &[
    Happening::Write { at: 0, read_at: None, deletes: false },
    Happening::Commit { at: 0 },
    Happening::Arrive { message: 0 },
    Happening::Commit { at: 1 },
    Happening::RoundBegins { a: 0, b: 1 },
    Happening::RoundArrives { half: 1 },
];

const STORIES: &[Story] = &[
    Story {
        name: "two writes, one of them perhaps a deletion, and late messages",
        before: &[],
        bounds: Bounds { writes: 2, deletions: 1, steps: 30, ..NONE },
        mistakes: &[
            Mutation::MergeReplaces,
            Mutation::MergeAcknowledgedBeforeTheCommit,
            Mutation::MergeSentAsDelta,
            Mutation::OverlayIgnored,
        ],
    },
    Story {
        name: "a write, a round, and a read that spans both",
        before: &[],
        bounds: Bounds { writes: 1, rounds: 1, reads: 1, steps: 12, ..NONE },
        mistakes: &[Mutation::ClockOfWhatWasMinted],
    },
    Story {
        name: "a write and a disk that is lost",
        before: &[],
        bounds: Bounds { writes: 1, rounds: 2, wipes: 1, steps: 9, ..NONE },
        mistakes: &[Mutation::AmnesiacVotes, Mutation::AckOfAnEarlierIncarnationCounted],
    },
    Story {
        name: "two writes and an older image",
        before: &[],
        bounds: Bounds { writes: 2, images: 1, steps: 9, ..NONE },
        mistakes: &[Mutation::AmnesiacVotes, Mutation::ActorIdReusedAfterAmnesia],
    },
    Story {
        name: "a second write after a round, and a crash",
        before: COMPARED,
        bounds: Bounds { writes: 2, crashes: 1, rounds: 1, is_ordered: true, steps: 8, ..NONE },
        mistakes: &[
            Mutation::StateSentStripped,
            Mutation::StrippedByAClockNotStored,
            Mutation::OwnClockLeftOutOfMerges,
        ],
    },
];

#[test]
fn every_interleaving_keeps_every_promise() {
    for story in STORIES {
        let found = search(story.before, story.bounds.scaled(), None);
        println!("{}: {} states", story.name, found.states);
        assert!(found.broken.is_none(), "{}: {}", story.name, found.broken.unwrap_or_default());
    }
}

#[test]
fn every_mistake_is_found() {
    let missed: Vec<String> = STORIES
        .iter()
        .flat_map(|story| story.mistakes.iter().map(move |mistake| (story, *mistake)))
        .filter_map(|(story, mistake)| {
            let found = search(story.before, story.bounds, Some(mistake));
            println!("{}: {mistake:?}: {} states", story.name, found.states);
            found.broken.is_none().then(|| format!("{}: {mistake:?}", story.name))
        })
        .collect();
    assert!(missed.is_empty(), "these break nothing: {missed:#?}");
}
