mod actor;
mod changes;
mod golden;
mod histories;
mod laws;
mod ordering;

use super::*;
use crate::clock::WallMs;
use crate::ids::{BucketId, NodeId};

pub(super) const NODE: NodeId = NodeId([0xaa; 32]);
pub(super) const KEY: KeyId = KeyId([0x11; 12]);
pub(super) const BUCKET: BucketId = BucketId([0x22; 32]);

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
        let mut effects = core.step(now, Event::Start { token_key: [9; 32] });
        let snapshot = loop {
            match effects.remove(0) {
                Effect::Persist { rows: new, .. } => {
                    rows.extend(new);
                    effects.extend(core.step(now, Event::Persisted));
                }
                Effect::Publish(snapshot) => break snapshot,
                Effect::Answer { .. } => panic!("nobody asked"),
            }
        };
        Plane { core, rows, now, snapshot }
    }

    pub(super) fn run(&mut self, command: Command) -> Result<(), ControlError> {
        let request = RequestId(0);
        let mut effects = self.core.step(self.now, Event::Command { request, command });
        loop {
            match effects.remove(0) {
                Effect::Persist { rows, .. } => {
                    self.rows.extend(rows);
                    effects.extend(self.core.step(self.now, Event::Persisted));
                }
                Effect::Publish(snapshot) => self.snapshot = snapshot,
                Effect::Answer { result, .. } => return result,
            }
        }
    }

    /// Runs a command and compares the refusal's text.
    pub(super) fn refuses(&mut self, command: Command, expect: &str) {
        assert_eq!(self.run(command).map_err(|e| e.to_string()), Err(expect.to_owned()));
    }
}
