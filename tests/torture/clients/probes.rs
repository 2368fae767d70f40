//! Clients that each know one node, and ask whether it serves: a write and a read of all parts of the key space by turns.

use super::Book;
use crate::caller::{Caller, call};
use crate::service::Service;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A user who waits longer tries another node.
const PATIENCE: Duration = Duration::from_secs(2);

const PARTITIONS: usize = 8;

pub(super) struct Probe {
    node: IpAddr,
    turns: usize,
    service: Arc<Service>,
}

impl Probe {
    pub(super) fn new(node: IpAddr, service: &Arc<Service>) -> Probe {
        Probe { node, turns: 0, service: Arc::clone(service) }
    }
}

impl Book for Probe {
    fn turn(&mut self, caller: &mut Caller) {
        let (pk, sk) = (format!("probe-{}", self.turns % PARTITIONS), self.node.to_string());
        self.turns += 1;
        std::thread::sleep(Duration::from_millis(40));
        // Overwriting without a token would pile values up: what it holds is read and then covered.
        let get = call("GET", &pk, &[("sort_key", &sk)]).with("accept", "application/json");
        let Some(answer) = caller.call_within(self.node, get, PATIENCE) else { return };
        if !matches!(answer.status, 200 | 404) {
            return;
        }
        let mut put = call("PUT", &pk, &[("sort_key", &sk)]).with_body(self.turns.to_string());
        if answer.status == 200 {
            put = put.with("x-garage-causality-token", &answer.token());
        }
        if caller.call_within(self.node, put, PATIENCE).is_some_and(|answer| answer.status == 204) {
            self.service.succeeded(Instant::now());
        }
    }

    fn check(&mut self, _: &mut Caller, _: IpAddr, _: bool) -> Option<()> {
        Some(())
    }
}
