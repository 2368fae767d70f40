//! The network: every message takes a while, some take long, some are lost, and some links are cut, perhaps one way.

use crate::random::Random;
use std::collections::BTreeSet;

pub(crate) struct Network {
    /// From whom to whom nothing arrives.
    cuts: BTreeSet<(usize, usize)>,
    lost_percent: u64,
    slow_us_max: u64,
}

impl Network {
    pub(crate) fn new(random: &mut Random) -> Network {
        Network {
            cuts: BTreeSet::new(),
            lost_percent: *random.pick(&[0, 1, 10, 30]),
            slow_us_max: *random.pick(&[1_000, 20_000, 300_000]),
        }
    }

    /// How long a message is under way; `None`: it is lost.
    pub(crate) fn travel_us(
        &self,
        random: &mut Random,
        from: usize,
        to: usize,
        is_steady: bool,
    ) -> Option<u64> {
        let travel_us = match random.below(10) {
            0 => random.between(0, self.slow_us_max),
            _ => random.between(20, 600),
        };
        let is_lost = random.percent(self.lost_percent) && !is_steady;
        (!is_lost && !self.is_cut(from, to)).then_some(travel_us)
    }

    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.contains(&(from, to))
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cuts.insert((from, to));
    }

    /// All cuts are over.
    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Nothing is lost any more.
    pub(crate) fn settle(&mut self) {
        self.heal();
        self.lost_percent = 0;
        self.slow_us_max = self.slow_us_max.min(1_000);
    }
}
