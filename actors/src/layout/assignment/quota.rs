//! How many shards a node may hold at most, so that the cluster can store as much as possible.
//!
//! A cluster is full when one node is. If every shard has `s` bytes, a node of capacity `c` can hold `c / s` of them, and
//! the largest `s` for which every shard finds its replicas decides what the cluster can store. Whether they find them is
//! a question of flows: each shard sends one unit to each of `zones` different zones and the rest to any, each zone passes
//! what its nodes have room for. All shards are alike, so their flows are one flow, whose smallest cut is one of the
//! three sums in [`Demand::fits`] (max-flow min-cut; that shards can share a fractional flow evenly, and capacities are
//! integers, makes the sum exact).

/// What the shards ask of the nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// How many shards there are.
    pub(super) shards: u64,
    /// Different nodes that each of them lies on.
    pub(super) replicas: u64,
    /// Different zones that each of them lies in, at least.
    pub(super) zones: u64,
}

/// A node that stores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// Index of its zone.
    pub(super) zone: usize,
    /// Bytes.
    pub(super) capacity_bytes: u64,
}

/// How many shards each node may hold, in the order of the offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Quotas {
    /// More than this would make the cluster's usable capacity smaller.
    pub(super) most: Vec<u64>,
    /// More than this would make a node fuller than nodes that could take some of it.
    pub(super) fair: Vec<u64>,
    /// Bytes that a shard may grow to before a node is full, in units of 1 / [`Demand::shards`].
    pub(super) shard_size: u128,
}

/// Rounds of making nodes that do not decide the usable capacity equally full. Each settles at least one zone; clusters
/// need as many rounds as they have kinds of zones.
const FAIRNESS_ROUNDS_MAX: usize = 8;

impl Demand {
    /// The quotas of the largest shard size. `None` if there are too few nodes or zones for any.
    pub(super) fn quotas(&self, offers: &[Offer]) -> Option<Quotas> {
        let zone_count = offers.iter().map(|offer| offer.zone + 1).max().unwrap_or(0);
        let largest = offers.iter().map(|offer| self.scaled(offer)).max().unwrap_or(0);
        let mut sizes = vec![1_u128; zone_count];
        if !self.fits(offers, &sizes) {
            return None;
        }
        let all: Vec<usize> = (0..zone_count).collect();
        self.raise(offers, &mut sizes, &all, largest);
        let (most, shard_size) = (self.room(offers, &sizes), sizes[0]);
        let mut rising = all;
        for _ in 0..FAIRNESS_ROUNDS_MAX {
            rising.retain(|&zone| {
                let mut alone = sizes.clone();
                alone[zone] += 1;
                self.fits(offers, &alone)
            });
            if rising.is_empty() {
                break;
            }
            let before = sizes.clone();
            self.raise(offers, &mut sizes, &rising, largest);
            if sizes == before {
                break;
            }
        }
        Some(Quotas { most, fair: self.room(offers, &sizes), shard_size })
    }

    /// Raises the shard size of some zones' nodes, together, as far as the demand still fits.
    fn raise(&self, offers: &[Offer], sizes: &mut [u128], zones: &[usize], largest: u128) {
        let with = |sizes: &[u128], size: u128| {
            let mut raised = sizes.to_vec();
            zones.iter().for_each(|&zone| raised[zone] = size);
            raised
        };
        let (mut low, mut high) = (zones.first().map_or(1, |&zone| sizes[zone]), largest + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.fits(offers, &with(sizes, middle)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        zones.iter().for_each(|&zone| sizes[zone] = low);
    }

    /// Capacity in units of 1 / shards of a byte, so that even the smallest node holds all shards of some size.
    fn scaled(&self, offer: &Offer) -> u128 {
        u128::from(offer.capacity_bytes) * u128::from(self.shards)
    }

    fn room(&self, offers: &[Offer], sizes: &[u128]) -> Vec<u64> {
        let room = |offer: &Offer| self.scaled(offer) / sizes[offer.zone];
        offers.iter().map(|offer| u64::try_from(room(offer)).unwrap_or(u64::MAX).min(self.shards)).collect()
    }

    /// Whether every shard finds its replicas if the shards on the nodes of zone `z` have size `sizes[z]`.
    fn fits(&self, offers: &[Offer], sizes: &[u128]) -> bool {
        let mut zones = vec![0_u64; sizes.len()];
        for (offer, room) in offers.iter().zip(self.room(offers, sizes)) {
            zones[offer.zone] += room;
        }
        let passes =
            |per_shard: u64| -> u64 { zones.iter().map(|&room| room.min(self.shards * per_shard)).sum() };
        let spare = self.replicas - self.zones;
        passes(1 + spare) >= self.shards * self.replicas
            && passes(spare) >= self.shards * spare
            && passes(1) >= self.shards * self.zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(replicas: u64, zones: u64, offers: &[(usize, u64)], most: &[u64], fair: &[u64]) {
        let offers: Vec<_> =
            offers.iter().map(|&(zone, capacity_bytes)| Offer { zone, capacity_bytes }).collect();
        let quotas = Demand { shards: 1024, replicas, zones }.quotas(&offers).expect("it fits");
        assert_eq!((quotas.most.as_slice(), quotas.fair.as_slice()), (most, fair));
    }

    #[test]
    fn equal_nodes_share_equally() {
        check(1, 1, &[(0, 1000), (0, 1000)], &[512, 512], &[512, 512]);
        check(3, 3, &[(0, 1000), (1, 1000), (2, 1000)], &[1024; 3], &[1024; 3]);
        check(
            3,
            3,
            &[(0, 500), (0, 500), (1, 1000), (2, 1000)],
            &[512, 512, 1024, 1024],
            &[512, 512, 1024, 1024],
        );
    }

    #[test]
    fn capacity_decides_and_no_node_holds_a_shard_twice() {
        check(2, 1, &[(0, 1000), (0, 1000), (0, 2000)], &[512, 512, 1024], &[512, 512, 1024]);
        check(2, 1, &[(0, 1000), (0, 1000), (0, 9000)], &[512, 512, 1024], &[512, 512, 1024]);
    }

    /// Zone 0 decides; the two nodes of zone 1 have room to spare, and share what there is.
    #[test]
    fn nodes_that_do_not_decide_are_equally_full() {
        check(2, 2, &[(0, 1000), (1, 5000), (1, 5000)], &[1024, 1024, 1024], &[1024, 512, 512]);
    }

    #[test]
    fn too_few_nodes_or_zones_do_not_fit() {
        let offer = |zone| Offer { zone, capacity_bytes: 1000 };
        let demand = |replicas, zones| Demand { shards: 1024, replicas, zones };
        assert_eq!(demand(3, 1).quotas(&[offer(0), offer(0)]), None);
        assert_eq!(demand(2, 2).quotas(&[offer(0), offer(0)]), None);
        assert_eq!(demand(1, 1).quotas(&[]), None);
    }
}
