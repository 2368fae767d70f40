//! What a run is made of beside its seed: everything, unless somebody shrinks it.

/// A kind of trouble or client that a run can do without. Its choices are drawn all the same, so that the rest of the
/// run stays much as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Crashes,
    PowerCuts,
    RelaxedJournals,
    Stops,
    FullDisks,
    BrokenDisks,
    Restores,
    Clocks,
    SlowMessages,
    Batches,
    Ranges,
    RangeDeletions,
    ItemPollers,
    Followers,
    Operators,
    LostMessages,
    Cuts,
    Rounds,
    Rollbacks,
    Layouts,
}

impl Part {
    /// What a run of one node is made of.
    pub(crate) const OF_A_NODE: &[Part] = &[
        Part::Crashes,
        Part::PowerCuts,
        Part::RelaxedJournals,
        Part::Stops,
        Part::FullDisks,
        Part::BrokenDisks,
        Part::Restores,
        Part::Clocks,
        Part::SlowMessages,
        Part::Batches,
        Part::Ranges,
        Part::RangeDeletions,
        Part::ItemPollers,
        Part::Followers,
        Part::Operators,
    ];

    /// What a run of a cluster is made of.
    pub(crate) const OF_A_CLUSTER: &[Part] = &[
        Part::Crashes,
        Part::PowerCuts,
        Part::Stops,
        Part::BrokenDisks,
        Part::Clocks,
        Part::SlowMessages,
        Part::LostMessages,
        Part::Cuts,
        Part::Batches,
        Part::Rounds,
        Part::Rollbacks,
        Part::Layouts,
        Part::Ranges,
    ];
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// Requests that clients make, if they are not done before.
    pub(crate) requests_max: u32,
    pub(crate) without: Vec<Part>,
}

impl Shape {
    pub(crate) fn whole() -> Shape {
        Shape { requests_max: u32::MAX, without: Vec::new() }
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }
}
