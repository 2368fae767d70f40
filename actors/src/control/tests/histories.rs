//! Random histories of commands: what is published is what a restart would read, and nodes that changed things apart
//! agree once they have exchanged them.

use super::*;
use crate::layout::{NodeRole, StagedRole};
use crate::store::CommitError;
use crate::store::lane::PersistError;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn bucket() -> impl Strategy<Value = BucketId> {
    (0..3_u8).prop_map(|byte| BucketId([byte; 32]))
}

fn key() -> impl Strategy<Value = KeyId> {
    (0..2_u8).prop_map(|byte| KeyId([byte; 12]))
}

fn name() -> impl Strategy<Value = Alias> {
    (0..3_u8).prop_map(|number| alias(&format!("bucket-{number}")))
}

fn permissions() -> impl Strategy<Value = Permissions> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(read, write, owner)| Permissions {
        read,
        write,
        owner,
    })
}

fn command() -> impl Strategy<Value = Command> {
    let local = (key(), name(), permissions());
    let role = NodeRole { zone: "z".to_owned(), capacity_bytes: Some(1_000_000), tags: Vec::new() };
    prop_oneof![
        (bucket(), proptest::option::of(name()), proptest::option::of(local)).prop_map(
            |(id, global_alias, local_alias)| Command::CreateBucket { id, global_alias, local_alias }
        ),
        bucket().prop_map(|id| Command::DeleteBucket { id }),
        (bucket(), name()).prop_map(|(id, alias)| Command::AddGlobalAlias { id, alias }),
        (bucket(), name()).prop_map(|(id, alias)| Command::RemoveGlobalAlias { id, alias }),
        (bucket(), key(), name()).prop_map(|(id, key, alias)| Command::AddLocalAlias { id, key, alias }),
        (bucket(), key(), name()).prop_map(|(id, key, alias)| Command::RemoveLocalAlias { id, key, alias }),
        (key(), bucket(), permissions()).prop_map(|(key, id, permissions)| Command::Allow {
            key,
            id,
            permissions
        }),
        (key(), bucket(), permissions()).prop_map(|(key, id, permissions)| Command::Deny {
            key,
            id,
            permissions
        }),
        key().prop_map(|id| create_key(id, "app")),
        key().prop_map(|id| Command::DeleteKey { id }),
        Just(Command::StageLayout { roles: vec![(NODE, StagedRole::Assign(role))], parameters: None }),
        (1..3_u64).prop_map(|version| Command::ApplyLayout { version }),
        Just(Command::RevertLayout),
    ]
}

/// Everything that a snapshot answers, in a form that two snapshots can be compared by.
fn view(snapshot: &ControlSnapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for bucket in snapshot.buckets() {
        lines.push(format!("{} {:?} {:?}", bucket.id, bucket.global_aliases, bucket.local_aliases));
        for key in snapshot.keys() {
            let names: BTreeSet<_> = key.local_aliases().collect();
            let (permissions, buckets) = (key.permissions(bucket.id), key.buckets().collect::<BTreeSet<_>>());
            lines.push(format!("{} {} {permissions:?} {names:?} {buckets:?}", key.id, key.name));
        }
    }
    lines.push(format!("{:?} {:?}", snapshot.layout.version().id(), snapshot.staged_roles));
    lines
}

/// Nothing leads to what does not exist, and no name leads to two buckets.
fn check_links(snapshot: &ControlSnapshot) {
    let mut names = BTreeSet::new();
    for bucket in snapshot.buckets() {
        for name in &bucket.global_aliases {
            assert!(names.insert(name.clone()), "{name} leads to two buckets");
            assert_eq!(snapshot.resolve_global(name.as_str()).map(|found| found.id), Some(bucket.id));
        }
        assert!(bucket.keys.iter().all(|key| snapshot.key_by_id(*key).is_some()));
        for (owner, name) in &bucket.local_aliases {
            let key = snapshot.key_by_id(*owner).unwrap();
            assert_eq!(snapshot.resolve_bucket(name.as_str(), key).map(|found| found.id), Some(bucket.id));
        }
    }
    for key in snapshot.keys() {
        assert!(key.buckets().all(|bucket| snapshot.bucket(bucket).is_some()));
        assert!(key.local_aliases().all(|(_, bucket)| snapshot.bucket(bucket).is_some()));
    }
}

fn snapshot_of(rows: &StoredRows) -> ControlSnapshot {
    let state = ControlState::from_rows(&listed(rows)).unwrap();
    ControlSnapshot::of(&state, &[0; 32], &state.layout())
}

proptest! {
    #[test]
    fn what_is_published_is_what_a_restart_would_read(
        history in vec((command(), any::<bool>()), 1..30)
    ) {
        let mut rows = StoredRows::default();
        let mut core = ControlCore::load(NODE, 1, &[]).unwrap();
        let mut published = None;
        let now = WallMs(1_000);
        let start = (START, true);
        let commands = history.into_iter().map(|(command, disk_works)| {
            (Event::Command { request: RequestId(0), command }, disk_works)
        });
        for (event, disk_works) in std::iter::once(start).chain(commands) {
            let mut effects = core.step(now, event);
            while !effects.is_empty() {
                match effects.remove(0) {
                    Effect::Persist { rows: new, .. } if disk_works => {
                        rows.extend(new);
                        effects.extend(core.step(now, Event::Persisted));
                    }
                    Effect::Persist { .. } => {
                        effects.extend(core.step(now, Event::PersistFailed(PersistError::Full(CommitError::DiskFull))));
                    }
                    Effect::Publish(snapshot) => published = Some(snapshot),
                    Effect::Answer { .. } | Effect::Send { .. } | Effect::Report(_) => {}
                }
            }
            let published = published.as_ref().unwrap();
            prop_assert_eq!(view(published), view(&snapshot_of(&rows)));
            check_links(published);
        }
    }

    #[test]
    fn nodes_that_changed_things_apart_agree_once_they_exchange_them(
        here in vec(command(), 0..15),
        there in vec(command(), 0..15),
    ) {
        let run = |commands: Vec<Command>, node| {
            let mut plane = Plane::on(node, 1);
            for command in commands {
                // Some are refused: that is part of a history too.
                let _ = plane.run(command);
            }
            ControlState::from_rows(&listed(&plane.rows)).unwrap()
        };
        let (mut here, mut there) = (run(here, NodeId([1; 32])), run(there, NodeId([2; 32])));
        let before = here.clone();
        here.merge_with(&there);
        there.merge_with(&before);
        prop_assert_eq!(&here, &there);
        check_links(&ControlSnapshot::of(&here, &[0; 32], &here.layout()));
    }
}
