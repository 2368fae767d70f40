//! Merging is commutative, associative and idempotent, for every entity and for whole states; what is persisted reads
//! back as it was.

use super::*;
use crate::ids::ShardIndex;
use crate::layout::{
    Incarnation, LayoutParameters, LayoutVersion, NodeRole, ShardSet, Skipped, StagedRole, Tracker,
    ZoneRedundancy,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

// Few values each, so that two states often speak of the same thing.

fn stamp() -> impl Strategy<Value = Stamp> {
    (0..4_u64, 0..3_u8).prop_map(|(time_ms, node)| Stamp { time_ms, node: NodeId([node; 32]) })
}

fn latest<T: Clone + Ord + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Latest<T>> {
    (stamp(), value).prop_map(|(stamp, value)| Latest::new(stamp, value))
}

fn lifetime<T: std::fmt::Debug + Clone>(
    live: impl Strategy<Value = T>,
) -> impl Strategy<Value = Lifetime<T>> {
    prop_oneof![3 => live.prop_map(Lifetime::Live), 1 => Just(Lifetime::Deleted)]
}

fn bucket_id() -> impl Strategy<Value = BucketId> {
    (0..3_u8).prop_map(|byte| BucketId([byte; 32]))
}

fn key_id() -> impl Strategy<Value = KeyId> {
    (0..3_u8).prop_map(|byte| KeyId([byte; 12]))
}

fn name() -> impl Strategy<Value = Alias> {
    (0..3_u8).prop_map(|number| alias(&format!("bucket-{number}")))
}

fn free_text() -> impl Strategy<Value = FreeText> {
    (0..3_u8).prop_map(|number| format!("name {number}").parse().unwrap())
}

fn cors_rules() -> impl Strategy<Value = Vec<CorsRule>> {
    let rule = |number: u8| CorsRule { id: Some(number.to_string()), ..CorsRule::default() };
    vec((0..3_u8).prop_map(rule), 0..2)
}

fn bucket() -> impl Strategy<Value = BucketState> {
    (0..3_u64, latest(cors_rules()))
        .prop_map(|(created_ms, cors_rules)| BucketState { created_ms, cors_rules })
}

fn key() -> impl Strategy<Value = KeyState> {
    let secret = (0..3_u8).prop_map(|byte| SecretKey::from_random([byte; 32]));
    (latest(secret), 0..3_u64, latest(free_text()), latest(option::of(0..3_u64)), latest(any::<bool>()))
        .prop_map(|(secret, created_ms, name, expires_ms, may_create_buckets)| KeyState {
            secret,
            created_ms,
            name,
            expires_ms,
            may_create_buckets,
        })
}

fn permission() -> impl Strategy<Value = PermissionState> {
    (latest(any::<bool>()), latest(any::<bool>()), latest(any::<bool>()))
        .prop_map(|(read, write, owner)| PermissionState { read, write, owner })
}

fn admin_token() -> impl Strategy<Value = AdminTokenState> {
    let scope = vec((0..3_u8).prop_map(|number| number.to_string()), 0..2);
    (0..3_u8, 0..3_u64, latest(free_text()), latest(option::of(0..3_u64)), latest(scope)).prop_map(
        |(secret, created_ms, name, expires_ms, scope)| AdminTokenState {
            secret_sha256: [secret; 32],
            created_ms,
            name,
            expires_ms,
            scope,
        },
    )
}

fn role() -> impl Strategy<Value = NodeRole> {
    (0..3_u8, option::of(1_000..1_003_u64)).prop_map(|(zone, capacity_bytes)| NodeRole {
        zone: zone.to_string(),
        capacity_bytes,
        tags: Vec::new(),
    })
}

fn parameters() -> impl Strategy<Value = LayoutParameters> {
    prop_oneof![Just(ZoneRedundancy::Maximum), (0..3_u8).prop_map(ZoneRedundancy::AtLeast)]
        .prop_map(|zone_redundancy| LayoutParameters { zone_redundancy })
}

fn layouts() -> impl Strategy<Value = BTreeMap<u64, Arc<LayoutVersion>>> {
    btree_map(1..4_u64, 0..3_u8, 0..3).prop_map(|versions| {
        let version = |(number, zone): (u64, u8)| {
            let role = NodeRole { zone: zone.to_string(), capacity_bytes: Some(1_000), tags: Vec::new() };
            let made = LayoutVersion::empty().next([(&NODE, &StagedRole::Assign(role))], None, 1).unwrap();
            (number, Arc::new(LayoutVersion { number, ..made }))
        };
        versions.into_iter().map(version).collect()
    })
}

fn staged_role() -> impl Strategy<Value = StagedRole> {
    prop_oneof![Just(StagedRole::Unchanged), role().prop_map(StagedRole::Assign), Just(StagedRole::Remove)]
}

fn node() -> impl Strategy<Value = NodeId> {
    (0..3_u8).prop_map(|byte| NodeId([byte; 32]))
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    (0..3_u64).prop_map(Incarnation)
}

/// Trackers as they arise: by joining.
fn tracker() -> impl Strategy<Value = Tracker> {
    let shards = vec((0..3_usize).prop_map(|index| ShardIndex::new(index).unwrap()), 0..3);
    let synced = btree_map(0..4_u64, shards.prop_map(ShardSet::from_iter), 0..3);
    (0..4_u64, 0..4_u64, 0..4_u64, synced).prop_map(|(acked, released, retired, synced)| {
        let mut tracker = Tracker::default();
        tracker.merge_with(&Tracker { acked, released, retired, synced });
        tracker
    })
}

fn progress() -> impl Strategy<Value = ControlState> {
    let skipped = (0..4_u64, 0..4_u64).prop_map(|(acked, synced)| Skipped { acked, synced });
    let parts = (
        btree_map(node(), latest(incarnation()), 0..3),
        btree_map((node(), incarnation()), tracker(), 0..3),
        btree_map(node(), skipped, 0..3),
        btree_map(bucket_id(), latest(any::<bool>()), 0..3),
    );
    parts.prop_map(|(incarnations, trackers, skipped, closing)| ControlState {
        closing,
        incarnations,
        trackers,
        skipped,
        ..ControlState::default()
    })
}

fn state() -> impl Strategy<Value = ControlState> {
    let secret = (stamp(), 0..3_u8).prop_map(|(drawn, byte)| ClusterSecret { drawn, token_key: [byte; 32] });
    let token_id = (0..3_u8).prop_map(|byte| AdminTokenId([byte; 12]));
    let names = (
        vec(secret, 0..3),
        btree_map(bucket_id(), lifetime(bucket()), 0..3),
        btree_map(name(), latest(option::of(bucket_id())), 0..3),
        btree_map(key_id(), lifetime(key()), 0..3),
        btree_map((key_id(), name()), latest(option::of(bucket_id())), 0..3),
        btree_map((key_id(), bucket_id()), permission(), 0..3),
        btree_map(token_id, lifetime(admin_token()), 0..3),
    );
    let layout = (
        layouts(),
        btree_map(node(), latest(staged_role()), 0..3),
        option::of(latest(option::of(parameters()))),
    );
    (names, layout, progress()).prop_map(|(names, layout, progress)| {
        let (secrets, buckets, global_aliases, keys, local_aliases, permissions, admin_tokens) = names;
        let (layouts, staged_roles, staged_parameters) = layout;
        ControlState {
            secrets: Secrets::from_iter(secrets),
            closing: progress.closing,
            buckets,
            global_aliases,
            keys,
            local_aliases,
            permissions,
            admin_tokens,
            layouts,
            staged_roles,
            staged_parameters,
            incarnations: progress.incarnations,
            trackers: progress.trackers,
            skipped: progress.skipped,
        }
    })
}

fn merged(mut left: ControlState, right: &ControlState) -> ControlState {
    left.merge_with(right);
    left
}

proptest! {
    #[test]
    fn merging_is_commutative(a in state(), b in state()) {
        prop_assert_eq!(merged(a.clone(), &b), merged(b, &a));
    }

    #[test]
    fn merging_is_associative(a in state(), b in state(), c in state()) {
        prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a, &merged(b, &c)));
    }

    #[test]
    fn merging_is_idempotent(a in state(), b in state()) {
        prop_assert_eq!(merged(a.clone(), &a), a.clone());
        let both = merged(a, &b);
        prop_assert_eq!(merged(both.clone(), &b), both);
    }

    #[test]
    fn what_is_persisted_reads_back_as_it_was(a in state()) {
        prop_assert_eq!(ControlState::from_rows(&a.to_rows()), Ok(a));
    }

    #[test]
    fn a_gain_is_what_merging_would_change(a in state(), b in state()) {
        let gain = a.gain(&b);
        let all = merged(a.clone(), &b);
        prop_assert_eq!(merged(a.clone(), &gain), all.clone());
        let rows = |state: &ControlState| state.to_rows().into_iter().collect::<BTreeMap<_, _>>();
        let (before, after) = (rows(&a), rows(&all));
        let changed: BTreeMap<_, _> =
            after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
        prop_assert_eq!(rows(&gain), changed);
    }

    #[test]
    fn no_row_makes_the_reader_panic(key in vec(any::<u8>(), 0..50), value in vec(any::<u8>(), 0..200)) {
        let _ = ControlState::from_rows(&[(key, value)]);
    }

    #[test]
    fn a_damaged_row_is_refused_or_reads_as_another_sound_one(a in state(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut rows = a.to_rows();
        prop_assume!(!rows.is_empty());
        let index = at.index(rows.len());
        let value = &mut rows[index].1;
        let byte = at.index(value.len());
        value[byte] ^= 1_u8 << bit;
        if let Ok(read) = ControlState::from_rows(&rows) {
            prop_assert_eq!(ControlState::from_rows(&read.to_rows()), Ok(read));
        }
    }
}
