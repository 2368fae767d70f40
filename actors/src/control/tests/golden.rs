//! What is on disk is read by every later version: these bytes never change.

use super::*;
use crate::ids::ShardIndex;
use crate::layout::{
    Incarnation, LayoutParameters, NodeRole, ShardSet, Skipped, StagedRole, Tracker, ZoneRedundancy,
};

/// `bb` stands for a stamp at 1,000 ms by node `aa…`.
fn check(delta: ControlState, key: &str, value: &str) {
    let stamp = format!("e807{}", "aa".repeat(32));
    let bucket = "22".repeat(32);
    let expand = |text: &str| text.replace('S', &stamp).replace('B', &bucket).replace([' ', '\n'], "");
    let rows: Vec<_> = delta.to_rows().iter().map(|(k, v)| (hex::encode(k), hex::encode(v))).collect();
    assert_eq!(rows, [(expand(key), expand(value))]);
    assert_eq!(ControlState::from_rows(&delta.to_rows()), Ok(delta));
}

const AT: Stamp = Stamp { time_ms: 1_000, node: NODE };

fn with(change: impl FnOnce(&mut ControlState)) -> ControlState {
    let mut delta = ControlState::default();
    change(&mut delta);
    delta
}

#[test]
fn the_clusters_secret() {
    let secrets = Secrets::from_iter([ClusterSecret { drawn: AT, token_key: [9; 32] }]);
    let value = format!("01 S {}", "09".repeat(32));
    check(with(|d| d.secrets = secrets.clone()), "0e e3d9121c416d5f39", &value);
    // As an earlier version wrote it.
    let value = format!("01e807{}{}", "aa".repeat(32), "09".repeat(32));
    let first = ControlState::from_rows(&[(vec![1], hex::decode(value).unwrap())]).unwrap();
    assert_eq!(first.secrets, secrets);
}

#[test]
fn a_bucket_alive_and_deleted() {
    let rule = CorsRule {
        id: None,
        allowed_origins: vec!["*".to_owned()],
        allowed_methods: vec!["GET".to_owned()],
        allowed_headers: Vec::new(),
        expose_headers: Vec::new(),
        max_age_seconds: Some(60),
    };
    let bucket = BucketState { created_ms: 1_000, cors_rules: Latest::new(AT, vec![rule]) };
    check(
        with(|d| _ = d.buckets.insert(BUCKET, Lifetime::Live(bucket))),
        "02 B",
        "01 00 e807 S 01 00 01 01 2a 01 03 474554 00 00 01 3c",
    );
    check(with(|d| _ = d.buckets.insert(BUCKET, Lifetime::Deleted)), "02 B", "01 01");
}

#[test]
fn a_bucket_that_is_about_to_be_deleted() {
    check(with(|d| _ = d.closing.insert(BUCKET, Latest::new(AT, true))), "0f B", "01 S 01");
}

#[test]
fn aliases_global_and_local() {
    let target = Latest::new(AT, Some(BUCKET));
    check(with(|d| _ = d.global_aliases.insert(alias("abc"), target.clone())), "03 616263", "01 S 01 B");
    check(with(|d| _ = d.global_aliases.insert(alias("abc"), Latest::new(AT, None))), "03 616263", "01 S 00");
    check(
        with(|d| _ = d.local_aliases.insert((KEY, alias("abc")), target)),
        &format!("05 {} 616263", "11".repeat(12)),
        "01 S 01 B",
    );
}

#[test]
fn an_access_key() {
    let key = KeyState {
        secret: Latest::new(AT, SecretKey::from_random([0x33; 32])),
        created_ms: 1_000,
        name: Latest::new(AT, "k".parse().unwrap()),
        expires_ms: Latest::new(AT, Some(2)),
        may_create_buckets: Latest::new(AT, true),
    };
    check(
        with(|d| _ = d.keys.insert(KEY, Lifetime::Live(key))),
        &format!("04 {}", "11".repeat(12)),
        &format!("01 00 S 40 {} e807 S 01 6b S 01 02 S 01", "33".repeat(64)),
    );
}

#[test]
fn a_permission() {
    let flag = |allowed| Latest::new(AT, allowed);
    let permission = PermissionState { read: flag(true), write: flag(false), owner: flag(true) };
    check(
        with(|d| _ = d.permissions.insert((KEY, BUCKET), permission)),
        &format!("06 {} B", "11".repeat(12)),
        "01 S 01 S 00 S 01",
    );
}

#[test]
fn an_admin_token() {
    let token = AdminTokenState {
        secret_sha256: [6; 32],
        created_ms: 1_000,
        name: Latest::new(AT, "t".parse().unwrap()),
        expires_ms: Latest::new(AT, None),
        scope: Latest::new(AT, vec!["*".to_owned()]),
    };
    check(
        with(|d| _ = d.admin_tokens.insert(AdminTokenId([5; 12]), Lifetime::Live(token))),
        &format!("07 {}", "05".repeat(12)),
        &format!("01 00 {} e807 S 01 74 S 00 S 01 01 2a", "06".repeat(32)),
    );
}

#[test]
fn staged_layout_changes() {
    let role = NodeRole { zone: "z".to_owned(), capacity_bytes: None, tags: vec!["t".to_owned()] };
    let stage = |change| with(|d| _ = d.staged_roles.insert(NODE, Latest::new(AT, change)));
    let key = format!("09 {}", "aa".repeat(32));
    check(stage(StagedRole::Unchanged), &key, "01 S 00");
    check(stage(StagedRole::Assign(role)), &key, "01 S 01 01 7a 00 01 01 74");
    check(stage(StagedRole::Remove), &key, "01 S 02");
    let parameters = LayoutParameters { zone_redundancy: ZoneRedundancy::AtLeast(2) };
    check(with(|d| d.staged_parameters = Some(Latest::new(AT, Some(parameters)))), "0a", "01 S 01 01 02");
}

#[test]
fn how_far_nodes_are_with_a_layout() {
    let (node, incarnation) = ("aa".repeat(32), Incarnation(7));
    check(
        with(|d| _ = d.incarnations.insert(NODE, Latest::new(AT, incarnation))),
        &format!("0b {node}"),
        "01 S 07",
    );
    let shards = ShardSet::from_iter(ShardIndex::new(0));
    let tracker = Tracker { acked: 4, released: 3, retired: 2, synced: [(4, shards)].into() };
    check(
        with(|d| _ = d.trackers.insert((NODE, incarnation), tracker)),
        &format!("0c {node} 0000000000000007"),
        &format!("01 04 03 02 01 04 01 {}", "00".repeat(15)),
    );
    let skipped = Skipped { acked: 4, synced: 3 };
    check(with(|d| _ = d.skipped.insert(NODE, skipped)), &format!("0d {node}"), "01 04 03");
}

#[test]
fn a_row_of_a_newer_version_is_refused_rather_than_misread() {
    let refusal = |key: &[u8], value: &[u8]| {
        ControlState::from_rows(&[(key.to_vec(), value.to_vec())]).unwrap_err().to_string()
    };
    assert_eq!(refusal(&[127], &[1]), "row 7f of the control plane was written by a newer version of Troupe");
    assert_eq!(refusal(&[10], &[2]), "row 0a of the control plane was written by a newer version of Troupe");
    assert_eq!(refusal(&[10], &[1]), "row 0a of the control plane is corrupt");
    assert_eq!(refusal(&[2, 7], &[1, 1]), "row 0207 of the control plane is corrupt");
}
