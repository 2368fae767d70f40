//! Waiting until a cluster that nothing is done to any more has everything in order.

use crate::arena::{Arena, PATIENCE};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

impl Arena {
    /// Waits until each running node is linked with every other one.
    pub(crate) fn wait_until_linked(&mut self) -> Result<(), String> {
        self.wait_until("all nodes are linked", |arena| {
            for at in (0..arena.members.len()).filter(|&at| arena.is_running(at)) {
                let answer = arena.ask(at, "/v2/GetClusterStatus").map_err(|error| error.to_string())?;
                let status = answer.json();
                let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
                let up = |id: &str| nodes.iter().any(|node| node["id"] == id && node["isUp"] == true);
                if let Some(other) =
                    arena.members.iter().find(|other| other.process.is_some() && !up(&other.id))
                {
                    return Err(format!("node {at} does not see {}", other.addr));
                }
            }
            Ok(())
        })
    }

    /// Waits until every shard is served, no node lacks anything, and the layout is settled.
    pub(crate) fn wait_until_whole(&mut self) -> Result<(), String> {
        self.wait_until("everything is served and nothing is missing", |arena| {
            for at in (0..arena.members.len()).filter(|&at| arena.is_running(at)) {
                let gauges = arena.gauges(at);
                let left = sum(&gauges, &["shards_receiving", "shards_amnesiac", "shards_dropping"]);
                if left != Some(0.0) {
                    return Err(format!("node {at} is not whole: {left:?} shards"));
                }
                if gauges.get("shards_ok") != Some(&1024.0) {
                    return Err(format!("node {at} serves {:?} shards", gauges.get("shards_ok")));
                }
                if arena.members[at].is_amnesiac || arena.members[at].has_role {
                    let status = arena.command(at, &["status"])?;
                    if status.contains("votes in no read") {
                        return Err(format!("node {at} votes in no read"));
                    }
                }
            }
            arena.layout_is_settled()?;
            Ok(())
        })?;
        self.members.iter_mut().for_each(|member| member.is_amnesiac = false);
        self.look();
        Ok(())
    }

    /// Waits until every pair of replicas was compared since a moment, and found equal.
    pub(crate) fn wait_until_equal(&mut self, since: Instant) -> Result<Duration, String> {
        self.wait_until("all replicas are equal", |arena| {
            for at in arena.replicas() {
                let gauges = arena.gauges(at);
                let left = sum(&gauges, &["entropy_never_compared", "entropy_waiting", "entropy_running"]);
                let oldest =
                    gauges.get("entropy_oldest_seconds").map_or(f64::MAX, |seconds| seconds * 1000.0);
                if left != Some(0.0) || oldest > since.elapsed().as_millis() as f64 {
                    return Err(format!("node {at}: {left:?} comparisons left, the oldest {oldest} ms ago"));
                }
            }
            Ok(())
        })?;
        Ok(since.elapsed())
    }

    /// Whether one layout version is live.
    pub(crate) fn layout_is_settled(&self) -> Result<(), String> {
        let answer = self.ask(0, "/v2/GetClusterLayoutHistory").map_err(|error| error.to_string())?;
        let history = answer.json();
        let versions = history["versions"].as_array().cloned().unwrap_or_default();
        let live = versions.iter().filter(|row| row["status"] == "Current" || row["status"] == "Draining");
        if live.count() == 1 { Ok(()) } else { Err(history.to_string()) }
    }

    /// Waits until `look` is content. What it looks at announces itself to nobody.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        look: impl Fn(&Arena) -> Result<(), String>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Err(seen) = look(self) else { return Ok(()) };
            if Instant::now() > deadline {
                return Err(format!("not within {PATIENCE:?}: {what}. Last seen: {seen}"));
            }
            self.look_after_processes();
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn sum(gauges: &BTreeMap<String, f64>, names: &[&str]) -> Option<f64> {
    names.iter().map(|name| gauges.get(*name).copied()).sum()
}
