//! The control plane of a node: its production core, whose rows go through the same lane as everything else, and an
//! operator who changes it.

use crate::client::Reply;
use crate::invariants::{Violation, control};
use crate::lane::{LaneBatch, Sender};
use crate::node::Inside;
use crate::random::Random;
use crate::scheduler::Channel;
use crate::world::{RequestNumber, World};
use std::collections::BTreeMap;
use troupe_actors::control::{
    Command, ControlCore, Effect, Event, KeyId, Permissions, RequestId, Row, SecretKey,
};
use troupe_actors::ids::{BucketId, NodeId};
use troupe_actors::layout::Incarnation;
use troupe_actors::store::lane::Batch;
use troupe_actors::store::lane::{BatchId, Fence, Owner, PersistError};
use troupe_actors::store::{Snapshot, Store, Write};

const NODE: NodeId = NodeId([0xaa; 32]);

/// The control plane of one life of a node.
pub(crate) struct Control {
    core: ControlCore,
    asked: BTreeMap<RequestId, Asked>,
    batches: u64,
}

/// A change that an operator waits for.
struct Asked {
    client: usize,
    request: RequestNumber,
    command: Command,
}

impl Control {
    /// Takes up what is stored.
    pub(crate) fn load(rows: &[Row]) -> Result<Control, Violation> {
        let core = ControlCore::load(NODE, 1, rows).map_err(|error| control::unreadable(&error))?;
        Ok(Control { core, asked: BTreeMap::new(), batches: 0 })
    }
}

/// One of a few changes to a few buckets and keys: most of them can be made.
pub(crate) fn any_command(random: &mut Random) -> Command {
    let key = KeyId([random.below(3) as u8; 12]);
    let id = BucketId([random.below(3) as u8; 32]);
    let permissions = Permissions { read: random.percent(70), write: random.percent(70), owner: false };
    match random.below(10) {
        0..2 => Command::CreateBucket { id, global_alias: None, local_alias: None },
        2 => Command::DeleteBucket { id },
        3..5 => Command::CreateKey {
            id: key,
            secret: SecretKey::from_random([7; 32]),
            name: "key".parse().expect("a short name"),
            expires_ms: None,
            may_create_buckets: false,
        },
        5 => Command::DeleteKey { id: key },
        6..8 => Command::Deny { key, id, permissions },
        _ => Command::Allow { key, id, permissions },
    }
}

impl World {
    /// The rows of the control plane that are durable at this moment.
    pub(crate) fn control_rows(&self) -> Vec<Row> {
        let snapshot = self.disk.store.snapshot().expect("a store in memory can be read");
        snapshot.control().expect("a store in memory can be read")
    }

    pub(crate) fn start_control(&mut self) -> Result<(), Violation> {
        let token_key = self.random.seed();
        self.control_steps(Event::Start { token_key, incarnation: Incarnation(1), has_peers: false })
    }

    pub(crate) fn ask_control(
        &mut self,
        client: usize,
        request: RequestNumber,
        command: Command,
    ) -> Result<(), Violation> {
        self.note("request {}: an operator asks for a change", &[request.0]);
        self.trace.explain(|| format!("{command:?}"));
        let Some(node) = &mut self.node else { return Ok(()) };
        let id = RequestId(request.0);
        node.control.asked.insert(id, Asked { client, request, command: command.clone() });
        self.control_steps(Event::Command { request: id, command })
    }

    pub(crate) fn control_hears(&mut self, outcome: Result<(), PersistError>) -> Result<(), Violation> {
        self.control_steps(outcome.map_or_else(Event::PersistFailed, |()| Event::Persisted))
    }

    fn control_steps(&mut self, event: Event) -> Result<(), Violation> {
        let now = self.wall();
        let Some(node) = &mut self.node else { return Ok(()) };
        for effect in node.control.core.step(now, event) {
            match effect {
                Effect::Persist { rows, grows } => self.persist_control(rows, grows),
                Effect::Publish(snapshot) => {
                    self.note("the control plane shows {} keys", &[snapshot.keys().len() as u64]);
                    control::check_published(&snapshot, &self.control_rows())?;
                }
                // There is nobody else.
                Effect::Send { .. } | Effect::Report(_) => {}
                Effect::Answer { request, result } => {
                    let asked = self.node.as_mut().and_then(|node| node.control.asked.remove(&request));
                    let Some(Asked { client, request, command }) = asked else { continue };
                    self.note(
                        "request {}: the change is {?refused|made}",
                        &[request.0, u64::from(result.is_ok())],
                    );
                    self.trace.explain(|| format!("{result:?}"));
                    if result.is_ok() {
                        control::check_made(&command, &self.control_rows())?;
                    }
                    self.reply(client, request, Reply::Listed);
                }
            }
        }
        Ok(())
    }

    fn persist_control(&mut self, rows: Vec<Row>, grows: bool) {
        let Some(node) = &mut self.node else { return };
        node.control.batches += 1;
        let number = node.control.batches;
        let row = |(key, value)| Write::PutControl { key, value, grows };
        let writes: Vec<Write> = rows.into_iter().map(row).collect();
        let bytes = writes.iter().map(Write::bytes).sum();
        let payload = LaneBatch { from: Sender::Control, batch: BatchId(number), ids: Vec::new(), writes };
        let batch =
            Batch { owner: Owner::Control, fence: Fence::first(number), order: 0, grows, bytes, payload };
        let delay_us = self.hop_us();
        self.inside_on(Channel::ControlToLane, delay_us, Inside::Persist(batch));
    }
}
