use super::*;
use crate::ids::ShardIndex;
use crate::layout::{LayoutParameters, NodeRole, StagedRole, ZoneRedundancy};

const OTHER_BUCKET: BucketId = BucketId([0x44; 32]);
const READ: Permissions = Permissions { read: true, write: false, owner: false };

fn plane_with_bucket_and_key() -> Plane {
    let mut plane = Plane::new(1);
    plane.run(create_bucket(BUCKET, "photos")).unwrap();
    plane.run(create_key(KEY, "app")).unwrap();
    plane
}

#[test]
fn a_bucket_is_found_by_alias_and_by_id_and_a_local_alias_wins_over_a_global_one() {
    let mut plane = plane_with_bucket_and_key();
    plane.run(create_bucket(OTHER_BUCKET, "music")).unwrap();
    plane.run(Command::AddLocalAlias { id: OTHER_BUCKET, key: KEY, alias: alias("photos") }).unwrap();
    let key = plane.snapshot.key(&KEY.to_string()).unwrap();
    let resolve = |name: &str| plane.snapshot.resolve_bucket(name, key).map(|bucket| bucket.id);
    assert_eq!(resolve("photos"), Some(OTHER_BUCKET));
    assert_eq!(resolve("music"), Some(OTHER_BUCKET));
    assert_eq!(resolve(&BUCKET.to_string()), Some(BUCKET));
    assert_eq!(resolve("videos"), None);
    assert_eq!(resolve(&"0".repeat(64)), None);
    assert_eq!(plane.snapshot.resolve_global("photos").map(|bucket| bucket.id), Some(BUCKET));
}

#[test]
fn allowing_and_denying_changes_only_what_is_named() {
    let mut plane = plane_with_bucket_and_key();
    let permissions = |plane: &Plane| plane.snapshot.key(&KEY.to_string()).unwrap().permissions(BUCKET);
    assert_eq!(permissions(&plane), Permissions::default());
    plane.run(Command::Allow { key: KEY, id: BUCKET, permissions: Permissions::ALL }).unwrap();
    plane.run(Command::Deny { key: KEY, id: BUCKET, permissions: READ }).unwrap();
    assert_eq!(permissions(&plane), Permissions { read: false, write: true, owner: true });
    assert_eq!(plane.snapshot.bucket(BUCKET).unwrap().keys, [KEY]);
    plane.run(Command::Deny { key: KEY, id: BUCKET, permissions: Permissions::ALL }).unwrap();
    assert!(plane.snapshot.bucket(BUCKET).unwrap().keys.is_empty());
}

/// Each node used to stamp what it did not give, too: the later of the two took back what the earlier one had given.
#[test]
fn permissions_that_two_nodes_give_apart_both_survive() {
    let here = plane_with_bucket_and_key();
    let there = Plane::load(NodeId([0xbb; 32]), 1, here.rows.clone());
    let write = Permissions { write: true, ..Permissions::default() };
    let mut apart = [(here, READ), (there, write)];
    for ((plane, permissions), now) in apart.iter_mut().zip([5_000, 6_000]) {
        plane.now = WallMs(now);
        plane.run(Command::Allow { key: KEY, id: BUCKET, permissions: *permissions }).unwrap();
    }
    let [mut here, there] = apart.map(|(plane, _)| ControlState::from_rows(&listed(&plane.rows)).unwrap());
    here.merge_with(&there);
    let together = Permissions { read: true, ..write };
    assert_eq!(here.permissions[&(KEY, BUCKET)].get(), together);
}

#[test]
fn a_name_belongs_to_one_bucket_and_the_last_name_stays() {
    let mut plane = plane_with_bucket_and_key();
    plane.refuses(
        create_bucket(OTHER_BUCKET, "photos"),
        "the name `photos` is already taken by another bucket",
    );
    assert!(plane.snapshot.bucket(OTHER_BUCKET).is_none());
    let remove = |name| Command::RemoveGlobalAlias { id: BUCKET, alias: alias(name) };
    plane.refuses(
        remove("photos"),
        "`photos` is the bucket's last name: give it another one first, or delete the bucket",
    );
    plane.refuses(remove("music"), "`music` is not a name of this bucket");
    plane.run(Command::AddLocalAlias { id: BUCKET, key: KEY, alias: alias("mine") }).unwrap();
    plane.run(remove("photos")).unwrap();
    plane.run(create_bucket(OTHER_BUCKET, "photos")).unwrap();
    plane.refuses(
        Command::RemoveLocalAlias { id: BUCKET, key: KEY, alias: alias("mine") },
        "`mine` is the bucket's last name: give it another one first, or delete the bucket",
    );
}

#[test]
fn a_deleted_bucket_frees_its_names_but_never_its_id() {
    let mut plane = plane_with_bucket_and_key();
    plane.run(Command::AddLocalAlias { id: BUCKET, key: KEY, alias: alias("mine") }).unwrap();
    plane.run(Command::Allow { key: KEY, id: BUCKET, permissions: READ }).unwrap();
    plane.run(Command::DeleteBucket { id: BUCKET }).unwrap();
    let key = plane.snapshot.key(&KEY.to_string()).unwrap();
    assert!(plane.snapshot.resolve_bucket("photos", key).is_none());
    assert!(plane.snapshot.resolve_bucket("mine", key).is_none());
    assert_eq!((key.buckets().count(), key.local_aliases().count()), (0, 0));
    assert_eq!(plane.run(create_bucket(BUCKET, "again")), Err(ControlError::BucketIdTaken(BUCKET)));
    assert_eq!(plane.run(Command::DeleteBucket { id: BUCKET }), Err(ControlError::NoSuchBucket(BUCKET)));
    plane.run(create_bucket(OTHER_BUCKET, "photos")).unwrap();
}

#[test]
fn a_deleted_key_is_gone_for_ever_with_its_names_and_secret() {
    let mut plane = plane_with_bucket_and_key();
    plane.run(Command::AddLocalAlias { id: BUCKET, key: KEY, alias: alias("mine") }).unwrap();
    plane.run(Command::DeleteKey { id: KEY }).unwrap();
    assert!(plane.snapshot.key(&KEY.to_string()).is_none());
    assert!(plane.snapshot.bucket(BUCKET).unwrap().local_aliases.is_empty());
    assert_eq!(plane.run(create_key(KEY, "again")), Err(ControlError::KeyIdTaken(KEY)));
    let secret = SecretKey::from_random([0x33; 32]);
    let rows = listed(&plane.rows);
    let holds_secret = |row: &Row| row.1.windows(64).any(|window| window == secret.reveal().as_bytes());
    assert!(!rows.iter().any(holds_secret));
}

#[test]
fn a_key_is_renamed_expires_and_is_made_immortal_again() {
    let mut plane = plane_with_bucket_and_key();
    let update = |name: Option<&str>, expires_ms| Command::UpdateKey {
        id: KEY,
        name: name.map(|name| name.parse().unwrap()),
        expires_ms,
        may_create_buckets: None,
    };
    plane.run(update(Some("renamed"), Some(Some(5_000)))).unwrap();
    let key = plane.snapshot.key(&KEY.to_string()).unwrap().clone();
    assert_eq!(key.name.as_str(), "renamed");
    assert!(!key.is_expired(4_999) && key.is_expired(5_000));
    plane.run(update(None, Some(None))).unwrap();
    assert!(!plane.snapshot.key(&KEY.to_string()).unwrap().is_expired(u64::MAX));
}

#[test]
fn everything_is_there_after_a_restart_and_later_changes_win_even_if_the_clock_went_back() {
    let mut plane = plane_with_bucket_and_key();
    plane.now = WallMs(1_000_000);
    plane.run(Command::Allow { key: KEY, id: BUCKET, permissions: Permissions::ALL }).unwrap();
    let rules = vec![CorsRule {
        allowed_origins: vec!["*".to_owned()],
        allowed_methods: vec!["GET".to_owned()],
        ..CorsRule::default()
    }];
    plane.run(Command::SetCorsRules { id: BUCKET, rules: rules.clone() }).unwrap();
    let mut plane = plane.restarted();
    assert_eq!(plane.now, WallMs(1_000));
    assert_eq!(plane.snapshot.bucket(BUCKET).unwrap().cors_rules, rules);
    plane.run(Command::Deny { key: KEY, id: BUCKET, permissions: READ }).unwrap();
    let key = plane.snapshot.key(&KEY.to_string()).unwrap();
    assert_eq!(key.permissions(BUCKET), Permissions { read: false, write: true, owner: true });
}

fn storage(capacity_bytes: u64) -> StagedRole {
    StagedRole::Assign(NodeRole {
        zone: "z".to_owned(),
        capacity_bytes: Some(capacity_bytes),
        tags: Vec::new(),
    })
}

fn stage(node: NodeId, change: StagedRole) -> Command {
    Command::StageLayout { roles: vec![(node, change)], parameters: None }
}

#[test]
fn a_layout_is_staged_applied_under_the_next_number_and_then_routes() {
    let mut plane = Plane::new(1);
    plane.refuses(Command::ApplyLayout { version: 1 }, "there are no staged changes to apply");
    plane.run(stage(NODE, storage(1_000_000))).unwrap();
    assert!(!plane.snapshot.layout.is_assigned());
    plane.refuses(
        Command::ApplyLayout { version: 2 },
        "version 2 cannot be applied: the layout is at version 0, so the next one is 1",
    );
    plane.run(Command::ApplyLayout { version: 1 }).unwrap();
    assert!(ShardIndex::all().all(|shard| plane.snapshot.layout.replicas(shard) == [NODE]));
    assert!(plane.snapshot.staged_roles.is_empty());
    plane.run(stage(NODE, storage(1_000_000))).unwrap();
    assert!(plane.snapshot.staged_roles.is_empty(), "staging what is already so stages nothing");
}

#[test]
fn a_reverted_layout_leaves_nothing_staged() {
    let mut plane = Plane::new(1);
    plane.run(stage(NODE, storage(1_000_000))).unwrap();
    let parameters = LayoutParameters { zone_redundancy: ZoneRedundancy::AtLeast(1) };
    plane.run(Command::StageLayout { roles: Vec::new(), parameters: Some(parameters) }).unwrap();
    assert_eq!(plane.snapshot.next_layout(1).unwrap().parameters, parameters);
    plane.run(Command::RevertLayout).unwrap();
    assert!(plane.snapshot.staged_roles.is_empty() && plane.snapshot.staged_parameters.is_none());
    plane.refuses(Command::ApplyLayout { version: 1 }, "there are no staged changes to apply");
}

#[test]
fn a_layout_that_cannot_be_assigned_is_refused_and_stays_staged() {
    let mut plane = Plane::new(3);
    plane.run(stage(NODE, storage(1_000_000))).unwrap();
    let refusal = plane.run(Command::ApplyLayout { version: 1 }).unwrap_err().to_string();
    assert!(refusal.starts_with("the replication factor is 3, but 1 node(s) have a capacity"), "{refusal}");
    assert_eq!(plane.snapshot.staged_roles.len(), 1);
    let other = NodeId([0xbb; 32]);
    plane.refuses(
        stage(other, StagedRole::Remove),
        &format!("node {other} has no role that could be removed"),
    );
    plane.refuses(
        stage(other, storage(1)),
        &format!("node {other}: a capacity is at least 1 KB; a node without capacity is a gateway"),
    );
}

#[test]
fn an_admin_token_has_a_scope_and_can_be_taken_back() {
    let mut plane = Plane::new(1);
    let id = AdminTokenId([5; 12]);
    let create = |scope: &[&str]| Command::CreateAdminToken {
        id,
        secret_sha256: [6; 32],
        name: "ci".parse().unwrap(),
        expires_ms: None,
        scope: scope.iter().map(|name| (*name).to_owned()).collect(),
    };
    plane.refuses(create(&[]), "the scope of an admin token is a list of 1 to 128 endpoint names, or `*`");
    plane.run(create(&["ListBuckets"])).unwrap();
    assert_eq!(plane.snapshot.admin_token(id).unwrap().scope, ["ListBuckets"]);
    plane.run(Command::DeleteAdminToken { id }).unwrap();
    assert!(plane.snapshot.admin_token(id).is_none());
    assert_eq!(plane.run(create(&["*"])), Err(ControlError::AdminTokenIdTaken(id)));
}
