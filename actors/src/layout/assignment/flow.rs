//! A flow of least cost through a network: what an assignment is computed with.
//!
//! The primal-dual method (Ahuja, Magnanti, Orlin: "Network Flows", section 9.8): shortest distances under reduced costs
//! raise the potentials, then a blocking flow (Dinic) fills every path that is as short. All numbers are integers and
//! ties are broken by the order of insertion, so that every node computes the same flow.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A place in the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Vertex(u32);

/// One way from a vertex to another; the reverse way lies beside it (`index ^ 1`).
#[derive(Clone, Debug)]
struct Arc {
    to: Vertex,
    capacity: u32,
    cost: i64,
}

/// An arc that was added, to ask later how much flows through it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ArcId(u32);

/// A directed network with capacities and costs that are not negative.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    arcs: Vec<Arc>,
    /// Of each vertex, the arcs that leave it.
    leaving: Vec<Vec<u32>>,
}

const UNREACHED: i64 = i64::MAX;

impl Network {
    /// Adds a vertex.
    pub(super) fn vertex(&mut self) -> Vertex {
        let vertex =
            Vertex(u32::try_from(self.leaving.len()).expect("a layout has far fewer than 2³² vertices"));
        self.leaving.push(Vec::new());
        vertex
    }

    /// Adds an arc. `cost` is per unit, and not negative.
    pub(super) fn arc(&mut self, from: Vertex, to: Vertex, capacity: u32, cost: i64) -> ArcId {
        debug_assert!(cost >= 0);
        let forward = u32::try_from(self.arcs.len()).expect("a layout has far fewer than 2³² arcs");
        self.arcs.push(Arc { to, capacity, cost });
        self.arcs.push(Arc { to: from, capacity: 0, cost: -cost });
        self.leaving[from.0 as usize].push(forward);
        self.leaving[to.0 as usize].push(forward + 1);
        ArcId(forward)
    }

    /// How much flows through an arc.
    pub(super) fn flow(&self, arc: ArcId) -> u32 {
        self.arcs[(arc.0 ^ 1) as usize].capacity
    }

    /// Sends as much as possible from `source` to `sink`, as cheaply as possible, and returns how much that is.
    pub(super) fn fill(&mut self, source: Vertex, sink: Vertex) -> u64 {
        let mut potentials = vec![0_i64; self.leaving.len()];
        let mut total = 0;
        loop {
            let distances = self.distances(source, &potentials);
            let to_sink = distances[sink.0 as usize];
            if to_sink == UNREACHED {
                return total;
            }
            for (potential, distance) in potentials.iter_mut().zip(&distances) {
                *potential += (*distance).min(to_sink);
            }
            while let Some(levels) = self.levels(source, sink, &potentials) {
                total += self.blocking_flow(source, sink, &potentials, &levels);
            }
        }
    }

    fn reduced_cost(&self, from: u32, arc: &Arc, potentials: &[i64]) -> i64 {
        arc.cost + potentials[from as usize] - potentials[arc.to.0 as usize]
    }

    /// Shortest distances under reduced costs (Dijkstra).
    fn distances(&self, source: Vertex, potentials: &[i64]) -> Vec<i64> {
        let mut distances = vec![UNREACHED; self.leaving.len()];
        distances[source.0 as usize] = 0;
        let mut queue = BinaryHeap::from([Reverse((0, source.0))]);
        while let Some(Reverse((distance, at))) = queue.pop() {
            if distance > distances[at as usize] {
                continue;
            }
            for &index in &self.leaving[at as usize] {
                let arc = &self.arcs[index as usize];
                if arc.capacity == 0 {
                    continue;
                }
                let there = distance + self.reduced_cost(at, arc, potentials);
                if there < distances[arc.to.0 as usize] {
                    distances[arc.to.0 as usize] = there;
                    queue.push(Reverse((there, arc.to.0)));
                }
            }
        }
        distances
    }

    /// Steps from the source over arcs of reduced cost zero; `None` if they do not lead to the sink.
    fn levels(&self, source: Vertex, sink: Vertex, potentials: &[i64]) -> Option<Vec<u32>> {
        let mut levels = vec![u32::MAX; self.leaving.len()];
        levels[source.0 as usize] = 0;
        let mut queue = VecDeque::from([source.0]);
        while let Some(at) = queue.pop_front() {
            for &index in &self.leaving[at as usize] {
                let arc = &self.arcs[index as usize];
                let to = arc.to.0 as usize;
                if arc.capacity > 0 && levels[to] == u32::MAX && self.reduced_cost(at, arc, potentials) == 0 {
                    levels[to] = levels[at as usize] + 1;
                    queue.push_back(arc.to.0);
                }
            }
        }
        (levels[sink.0 as usize] != u32::MAX).then_some(levels)
    }

    /// Fills every path that climbs one level with each step, until none is left.
    fn blocking_flow(&mut self, source: Vertex, sink: Vertex, potentials: &[i64], levels: &[u32]) -> u64 {
        let mut next_arc = vec![0_usize; self.leaving.len()];
        let mut path: Vec<u32> = Vec::new();
        let mut total = 0;
        let mut at = source.0;
        loop {
            if at == sink.0 {
                let narrowest =
                    path.iter().map(|&index| self.arcs[index as usize].capacity).min().unwrap_or(0);
                for &index in &path {
                    self.arcs[index as usize].capacity -= narrowest;
                    self.arcs[(index ^ 1) as usize].capacity += narrowest;
                }
                total += u64::from(narrowest);
                path.clear();
                at = source.0;
                continue;
            }
            let leaving = &self.leaving[at as usize];
            let climbs = |&index: &u32| {
                let arc = &self.arcs[index as usize];
                arc.capacity > 0
                    && levels[arc.to.0 as usize] == levels[at as usize] + 1
                    && self.reduced_cost(at, arc, potentials) == 0
            };
            match leaving[next_arc[at as usize]..].iter().position(climbs) {
                Some(skipped) => {
                    next_arc[at as usize] += skipped;
                    let index = leaving[next_arc[at as usize]];
                    path.push(index);
                    at = self.arcs[index as usize].to.0;
                }
                None => {
                    next_arc[at as usize] = leaving.len();
                    let Some(index) = path.pop() else { return total };
                    at = self.arcs[(index ^ 1) as usize].to.0;
                    next_arc[at as usize] += 1;
                }
            }
        }
    }

    /// Whether some cycle could carry flow at a negative cost: then the flow is not the cheapest (Bellman-Ford).
    #[cfg(test)]
    pub(super) fn has_cheaper_flow(&self) -> bool {
        let mut distances = vec![0_i64; self.leaving.len()];
        for _ in 0..self.leaving.len() {
            let mut is_settled = true;
            for (at, leaving) in self.leaving.iter().enumerate() {
                for &index in leaving {
                    let arc = &self.arcs[index as usize];
                    let there = distances[at] + arc.cost;
                    if arc.capacity > 0 && there < distances[arc.to.0 as usize] {
                        distances[arc.to.0 as usize] = there;
                        is_settled = false;
                    }
                }
            }
            if is_settled {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_way_is_filled_before_the_dear_one() {
        let mut network = Network::default();
        let [source, cheap, dear, sink] = std::array::from_fn(|_| network.vertex());
        network.arc(source, cheap, 3, 0);
        network.arc(source, dear, 3, 0);
        let by_cheap = network.arc(cheap, sink, 2, 1);
        let by_dear = network.arc(dear, sink, 2, 5);
        assert_eq!(network.fill(source, sink), 4);
        assert_eq!((network.flow(by_cheap), network.flow(by_dear)), (2, 2));
        assert!(!network.has_cheaper_flow());
    }

    /// The first path takes the arc in the middle; the most can only flow if it gives that back.
    #[test]
    fn a_choice_that_stands_in_the_way_is_taken_back() {
        let mut network = Network::default();
        let [source, left, right, sink] = std::array::from_fn(|_| network.vertex());
        network.arc(source, left, 1, 0);
        network.arc(source, right, 1, 10);
        let across = network.arc(left, right, 1, 0);
        network.arc(left, sink, 1, 20);
        network.arc(right, sink, 1, 0);
        assert_eq!(network.fill(source, sink), 2);
        assert_eq!(network.flow(across), 0);
        assert!(!network.has_cheaper_flow());
    }
}
