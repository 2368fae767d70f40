use super::{Violation, require};
use std::fmt::Display;
use std::sync::Arc;
use troupe_actors::clock::WallMs;
use troupe_actors::control::{Command, ControlCore, ControlSnapshot, Effect, Event, Permissions, Row};
use troupe_actors::ids::{BucketId, NodeId};
use troupe_actors::layout::Incarnation;

pub(crate) const DURABLE: &str = "what the control plane shows is durable, all of it and nothing else";
pub(crate) const MADE: &str = "a change that was acknowledged is durable";

/// The control plane shows itself to the gateway.
pub(crate) fn check_published(published: &ControlSnapshot, rows: &[Row]) -> Result<(), Violation> {
    let durable = stored(rows).map(|stored| view(&stored));
    require(DURABLE, durable.as_ref() == Some(&view(published)), || {
        format!("published: {:?}, stored: {durable:?}", view(published))
    })
}

/// An operator is told that the change was made.
pub(crate) fn check_made(command: &Command, rows: &[Row]) -> Result<(), Violation> {
    let is_made = stored(rows).is_some_and(|stored| holds(&stored, command));
    require(MADE, is_made, || format!("{command:?}"))
}

pub(crate) fn unreadable(error: &impl Display) -> Violation {
    Violation { invariant: "what the control plane left behind can be read", what: error.to_string() }
}

/// What a node would show that starts from these rows; `None` if there are none.
fn stored(rows: &[Row]) -> Option<Arc<ControlSnapshot>> {
    let mut core = ControlCore::load(NodeId([0; 32]), 1, rows).ok()?;
    let start = Event::Start { token_key: [0; 32], incarnation: Incarnation(1), has_peers: false };
    let effects = core.step(WallMs(0), start);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Publish(snapshot) => Some(snapshot),
        Effect::Persist { .. } | Effect::Answer { .. } | Effect::Send { .. } | Effect::Report(_) => None,
    })
}

/// Buckets, and keys with what they may do to each.
type View = (Vec<BucketId>, Vec<(String, Vec<Permissions>)>);

fn view(snapshot: &ControlSnapshot) -> View {
    let buckets: Vec<BucketId> = snapshot.buckets().iter().map(|bucket| bucket.id).collect();
    let keys = snapshot.keys().into_iter().map(|key| {
        let permissions = buckets.iter().map(|bucket| key.permissions(*bucket)).collect();
        (format!("{:?}", key.id), permissions)
    });
    let keys = keys.collect();
    (buckets, keys)
}

/// Whether a change shows. What it is about may have been gone before.
fn holds(snapshot: &ControlSnapshot, command: &Command) -> bool {
    let permissions = |key, bucket: &BucketId| snapshot.key_by_id(key).map(|key| key.permissions(*bucket));
    let any_of = |given: Permissions, asked: Permissions| {
        (given.read && asked.read) || (given.write && asked.write) || (given.owner && asked.owner)
    };
    match command {
        Command::CreateBucket { id, .. } => snapshot.bucket(*id).is_some(),
        Command::DeleteBucket { id } => snapshot.bucket(*id).is_none(),
        Command::CreateKey { id, .. } => snapshot.key_by_id(*id).is_some(),
        Command::DeleteKey { id } => snapshot.key_by_id(*id).is_none(),
        Command::Allow { key, id, permissions: asked } => permissions(*key, id).is_some_and(|given| {
            (!asked.read || given.read) && (!asked.write || given.write) && (!asked.owner || given.owner)
        }),
        Command::Deny { key, id, permissions: asked } => {
            permissions(*key, id).is_none_or(|given| !any_of(given, *asked))
        }
        other => panic!("no operator of the simulation asks for {other:?}"),
    }
}
