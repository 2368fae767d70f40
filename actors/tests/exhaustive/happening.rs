//! What can happen next.

use crate::cluster::Cluster;

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    /// A client writes at a node, with the token of a read of two replicas or without one.
    Write { at: usize, read_at: Option<(usize, usize)>, deletes: bool },
    /// The disk of a node takes the oldest batch.
    Commit { at: usize },
    /// A message arrives. It may arrive again.
    Arrive { message: usize },
    /// A round of anti-entropy begins: each of both sees what the other has committed.
    RoundBegins { a: usize, b: usize },
    /// One side of a round gets what the other one showed.
    RoundArrives { half: usize },
    /// A read begins at one replica. The second one is read in every state from then on.
    ReadBegins { at: usize },
    /// A node loses what it has not committed, and starts again.
    Crash { at: usize },
    /// A node loses its disk, and starts again.
    Wipe { at: usize },
    /// A node keeps a copy of its disk.
    Image { at: usize },
    /// The copy is put back, and the node starts again.
    Restore { at: usize },
}

/// How much may happen in one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bounds {
    pub(crate) writes: usize,
    /// Of the writes.
    pub(crate) deletions: usize,
    pub(crate) rounds: usize,
    pub(crate) crashes: usize,
    pub(crate) wipes: usize,
    pub(crate) images: usize,
    pub(crate) reads: usize,
    /// Whether every write comes with a token: then writes follow each other.
    pub(crate) is_ordered: bool,
    /// Steps in all.
    pub(crate) steps: usize,
}

impl Bounds {
    /// The bounds of a longer search, if the environment asks for one: `EXHAUSTIVE_STEPS=n` takes n more steps.
    pub(crate) fn scaled(self) -> Bounds {
        let more = std::env::var("EXHAUSTIVE_STEPS").ok().and_then(|steps| steps.parse().ok());
        Bounds { steps: self.steps + more.unwrap_or(0), ..self }
    }
}

const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

/// Everything that can happen in this state.
pub(crate) fn happenings(cluster: &Cluster, bounds: Bounds) -> Vec<Happening> {
    let spent = cluster.spent();
    let mut next = Vec::new();
    let nodes = || 0..3_usize;
    for at in nodes().filter(|at| cluster.has_pending(*at)) {
        next.push(Happening::Commit { at });
    }
    for message in cluster.messages_that_may_arrive() {
        next.push(Happening::Arrive { message });
    }
    for half in 0..cluster.half_count() {
        next.push(Happening::RoundArrives { half });
    }
    if spent.writes < bounds.writes {
        // The nodes are alike: the first write is at the first one.
        let at_most = if spent.writes == 0 { 1 } else { 3 };
        for at in 0..at_most {
            let tokens = PAIRS.into_iter().filter(|pair| cluster.shows_something(*pair)).map(Some);
            let needs_token = bounds.is_ordered && spent.writes > 0;
            for read_at in tokens.chain((!needs_token).then_some(None)) {
                next.push(Happening::Write { at, read_at, deletes: false });
                if spent.deletions < bounds.deletions && read_at.is_some() {
                    next.push(Happening::Write { at, read_at, deletes: true });
                }
            }
        }
    }
    // Nothing interesting happens to replicas that never saw a write.
    if spent.writes == 0 {
        return next;
    }
    if spent.rounds < bounds.rounds {
        next.extend(PAIRS.into_iter().map(|(a, b)| Happening::RoundBegins { a, b }));
    }
    if spent.reads < bounds.reads {
        next.extend(nodes().filter(|at| cluster.votes(*at)).map(|at| Happening::ReadBegins { at }));
    }
    if spent.crashes < bounds.crashes {
        next.extend(nodes().map(|at| Happening::Crash { at }));
    }
    let all_vote = nodes().all(|at| cluster.votes(at));
    if spent.wipes < bounds.wipes && all_vote {
        // As long as only the first node has written, the other two are alike.
        let at_most = if bounds.writes == 1 { 2 } else { 3 };
        next.extend((0..at_most).map(|at| Happening::Wipe { at }));
    }
    for at in nodes() {
        if spent.images < bounds.images {
            next.push(Happening::Image { at });
        }
        if cluster.has_image(at) && all_vote {
            next.push(Happening::Restore { at });
        }
    }
    next
}
