mod actor;
mod changes;
mod cluster;
mod golden;
mod histories;
mod laws;
mod ordering;

use super::*;
use crate::clock::WallMs;
use crate::ids::{BucketId, NodeId};
use crate::limits::CONTROL_CONFIRM_S;

pub(super) const NODE: NodeId = NodeId([0xaa; 32]);
pub(super) const KEY: KeyId = KeyId([0x11; 12]);
pub(super) const BUCKET: BucketId = BucketId([0x22; 32]);

/// The first start of a node without peers.
pub(super) const START: Event =
    Event::Start { token_key: [9; 32], incarnation: crate::layout::Incarnation(1), has_peers: false };

pub(super) fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

pub(super) fn create_bucket(id: BucketId, name: &str) -> Command {
    Command::CreateBucket { id, global_alias: Some(alias(name)), local_alias: None }
}

pub(super) fn create_key(id: KeyId, name: &str) -> Command {
    Command::CreateKey {
        id,
        secret: SecretKey::from_random([0x33; 32]),
        name: name.parse().unwrap(),
        expires_ms: None,
        may_create_buckets: false,
    }
}

/// What a store holds, by key.
pub(super) type StoredRows = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) fn listed(rows: &StoredRows) -> Vec<Row> {
    rows.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A core whose disk never fails: each command is carried out at once.
pub(super) struct Plane {
    core: ControlCore,
    rows: StoredRows,
    pub(super) now: WallMs,
    uptime_ms: u64,
    pub(super) snapshot: std::sync::Arc<ControlSnapshot>,
}

impl Plane {
    pub(super) fn new(replication_factor: u8) -> Plane {
        Plane::on(NODE, replication_factor)
    }

    pub(super) fn on(node: NodeId, replication_factor: u8) -> Plane {
        Plane::load(node, replication_factor, StoredRows::default())
    }

    /// The same plane after a restart.
    pub(super) fn restarted(self) -> Plane {
        Plane::load(NODE, 1, self.rows)
    }

    fn load(node: NodeId, replication_factor: u8, mut rows: StoredRows) -> Plane {
        let mut core = ControlCore::load(node, replication_factor, &listed(&rows)).unwrap();
        let now = WallMs(1_000);
        let mut effects = core.step(now, START);
        let snapshot = loop {
            match effects.remove(0) {
                Effect::Persist { rows: new, .. } => {
                    rows.extend(new);
                    effects.extend(core.step(now, Event::Persisted));
                }
                Effect::Publish(snapshot) => break snapshot,
                Effect::Answer { .. } => panic!("nobody asked"),
                Effect::Send { .. } | Effect::Report(_) => {}
            }
        };
        let mut plane = Plane { core, rows, now, uptime_ms: 0, snapshot };
        plane.go_on(effects);
        plane
    }

    pub(super) fn run(&mut self, command: Command) -> Result<(), ControlError> {
        let request = RequestId(0);
        let mut effects = self.core.step(self.now, Event::Command { request, command });
        loop {
            if effects.is_empty() {
                // Other nodes are waited for, and there are none.
                self.uptime_ms += CONTROL_CONFIRM_S * 1000;
                effects = self.core.step(self.now, Event::Tick { uptime_ms: self.uptime_ms });
            }
            match effects.remove(0) {
                Effect::Persist { rows, .. } => {
                    self.rows.extend(rows);
                    effects.extend(self.core.step(self.now, Event::Persisted));
                }
                Effect::Publish(snapshot) => self.snapshot = snapshot,
                Effect::Answer { result, .. } => {
                    self.go_on(effects);
                    return result;
                }
                Effect::Send { .. } | Effect::Report(_) => {}
            }
        }
    }

    /// What is left to do once a caller is answered.
    fn go_on(&mut self, mut effects: Vec<Effect>) {
        while !effects.is_empty() {
            match effects.remove(0) {
                Effect::Persist { rows, .. } => {
                    self.rows.extend(rows);
                    effects.extend(self.core.step(self.now, Event::Persisted));
                }
                Effect::Publish(snapshot) => self.snapshot = snapshot,
                Effect::Answer { .. } | Effect::Send { .. } | Effect::Report(_) => {}
            }
        }
    }

    /// Runs a command and compares the refusal's text.
    pub(super) fn refuses(&mut self, command: Command, expect: &str) {
        assert_eq!(self.run(command).map_err(|e| e.to_string()), Err(expect.to_owned()));
    }
}
