//! What a node by itself is given at its start: a layout in which it holds everything, a bucket, a key.
//!
//! Every step looks first and does only what is missing, so the same start may be repeated.

use crate::config::BootstrapConfig;
use std::path::Path;
use troupe_actors::control::{
    AccessKey, Alias, Command, Control, ControlError, FreeText, KeyId, Permissions, SecretKey,
};
use troupe_actors::ids::{BucketId, NodeId};
use troupe_actors::layout::{NodeRole, StagedRole};

/// An access key in full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Credentials {
    /// The public half.
    pub(crate) id: KeyId,
    /// The secret half.
    pub(crate) secret: SecretKey,
}

/// A bucket and a key that are made with a new node or cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Defaults {
    /// The bucket's name.
    pub(crate) bucket: Option<Alias>,
    /// The key; it may do everything with the bucket.
    pub(crate) key: Option<Credentials>,
}

/// The node could not be given what it was to get.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionError {
    /// A node by itself holds one copy.
    #[error(
        "a single node holds one copy of everything: set `replication_factor = 1`, or start without --single-node"
    )]
    ReplicationFactor,
    /// A layout is in force in which others hold shards.
    #[error(
        "the layout gives shards to other nodes: a node with such a layout does not start with --single-node"
    )]
    OtherNodes,
    /// The key is there with another secret.
    #[error("access key {0} exists with another secret: keys keep their secrets; give another id")]
    OtherSecret(KeyId),
    /// The key has expired.
    #[error("access key {0} exists and has expired: give it a new expiration, or give another id")]
    Expired(KeyId),
    /// The control plane refused.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// The zone of a node without a configured one.
const ZONE_DEFAULT: &str = "dc1";

/// What people call the default key.
const KEY_NAME: &str = "default key";

/// What a node offers whose disk does not tell its size.
const CAPACITY_BYTES_DEFAULT: u64 = 1_000_000_000_000;

/// Gives every shard to `node`, unless a layout has done so.
///
/// # Errors
/// [`ProvisionError`] if a layout gives shards to others.
pub(crate) async fn single_node_layout(
    control: &Control,
    node: NodeId,
    replication_factor: usize,
    metadata_dir: &Path,
) -> Result<(), ProvisionError> {
    if replication_factor != 1 {
        return Err(ProvisionError::ReplicationFactor);
    }
    let snapshot = control.snapshot();
    let current = snapshot.layout.version();
    if snapshot.layout.is_assigned() {
        let holds_all = current.roles.get(&node).is_some_and(|role| role.capacity_bytes.is_some());
        return if holds_all { Ok(()) } else { Err(ProvisionError::OtherNodes) };
    }
    let roles = vec![(node, role_of_disk(metadata_dir, &BootstrapConfig::default()))];
    control.change(Command::StageLayout { roles, parameters: None }).await?;
    control.change(Command::ApplyLayout { version: current.number + 1 }).await?;
    log::info!("layout version {} applied: this node holds everything", current.number + 1);
    Ok(())
}

/// The role that a node offers: as configured, or else what its disk suggests.
pub(crate) fn role_of_disk(metadata_dir: &Path, configured: &BootstrapConfig) -> StagedRole {
    let capacity_bytes = configured.capacity_bytes.or_else(|| disk_bytes(metadata_dir));
    StagedRole::Assign(NodeRole {
        zone: configured.zone.clone().unwrap_or_else(|| ZONE_DEFAULT.to_owned()),
        capacity_bytes: Some(capacity_bytes.unwrap_or(CAPACITY_BYTES_DEFAULT)),
        tags: Vec::new(),
    })
}

/// Makes the default bucket and key, as far as they are asked for.
///
/// # Errors
/// [`ProvisionError`].
pub(crate) async fn provision_defaults(control: &Control, defaults: &Defaults) -> Result<(), ProvisionError> {
    let bucket = match &defaults.bucket {
        Some(alias) => Some(self::bucket(control, alias).await?),
        None => None,
    };
    if let Some(credentials) = &defaults.key {
        let name: FreeText = KEY_NAME.parse().expect("it is a name");
        let is_usable = key(control, credentials, &name).await?;
        if let Some(bucket) = bucket.filter(|_| is_usable) {
            allow_all(control, credentials.id, bucket).await?;
        }
    }
    Ok(())
}

fn disk_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_blocks.checked_mul(disk.f_frsize).filter(|bytes| *bytes >= 1_000_000)
}

/// Makes a bucket called `alias`, unless there is one.
///
/// # Errors
/// [`ProvisionError::Control`].
pub(crate) async fn bucket(control: &Control, alias: &Alias) -> Result<BucketId, ProvisionError> {
    if let Some(bucket) = control.snapshot().resolve_global(alias.as_str()) {
        return Ok(bucket.id);
    }
    let id = BucketId(rand::random());
    control
        .change(Command::CreateBucket { id, global_alias: Some(alias.clone()), local_alias: None })
        .await?;
    log::info!("bucket {alias} created");
    Ok(id)
}

/// Makes exactly this access key, unless it is there. `false` if it cannot be used: whoever deleted it or let it expire
/// meant that, so the node starts without it, and the log says so.
///
/// # Errors
/// [`ProvisionError`] if the id belongs to another key.
pub(crate) async fn key(
    control: &Control,
    wanted: &Credentials,
    name: &FreeText,
) -> Result<bool, ProvisionError> {
    if let Some(key) = control.snapshot().key_by_id(wanted.id) {
        if key.secret != wanted.secret {
            return Err(ProvisionError::OtherSecret(wanted.id));
        }
        let is_usable = usable(key);
        if let Err(error) = &is_usable {
            log::warn!("the default key is of no use: {error}");
        }
        return Ok(is_usable.is_ok());
    }
    match create_key(control, wanted, name).await {
        Ok(()) => Ok(true),
        Err(ProvisionError::Control(ControlError::KeyIdTaken(id))) => {
            log::warn!("the default key {id} was deleted and is not made again: give another id");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The access key called `name`, made if there is none.
///
/// # Errors
/// [`ProvisionError`].
pub(crate) async fn key_named(control: &Control, name: &FreeText) -> Result<Credentials, ProvisionError> {
    if let Some(key) = control.snapshot().keys().into_iter().find(|key| key.name == *name) {
        usable(key)?;
        return Ok(Credentials { id: key.id, secret: key.secret.clone() });
    }
    let fresh = Credentials { id: KeyId(rand::random()), secret: SecretKey::from_random(rand::random()) };
    create_key(control, &fresh, name).await?;
    Ok(fresh)
}

fn usable(key: &AccessKey) -> Result<(), ProvisionError> {
    let now = troupe_actors::clock::wall_now();
    if key.is_expired(now.0) { Err(ProvisionError::Expired(key.id)) } else { Ok(()) }
}

async fn create_key(
    control: &Control,
    credentials: &Credentials,
    name: &FreeText,
) -> Result<(), ProvisionError> {
    let Credentials { id, secret } = credentials.clone();
    let name = name.clone();
    let command = Command::CreateKey { id, secret, name, expires_ms: None, may_create_buckets: false };
    control.change(command).await?;
    log::info!("access key {id} created");
    Ok(())
}

/// Lets a key do everything with a bucket.
///
/// # Errors
/// [`ProvisionError::Control`].
pub(crate) async fn allow_all(control: &Control, key: KeyId, id: BucketId) -> Result<(), ProvisionError> {
    Ok(control.change(Command::Allow { key, id, permissions: Permissions::ALL }).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::Arbiter;
    use std::sync::Arc;
    use troupe_actors::control::ControlOptions;
    use troupe_actors::layout::Incarnation;
    use troupe_actors::layout::LayoutVersion;
    use troupe_actors::store::Epoch;
    use troupe_actors::store::lane::LaneHandle;
    use troupe_actors::store::lane::actor::LaneActor;
    use troupe_actors::store::memory::MemoryStore;

    const NODE: NodeId = NodeId([1; 32]);

    async fn control() -> Control {
        control_with(&[]).await
    }

    async fn control_with(rows: &[(Vec<u8>, Vec<u8>)]) -> Control {
        let options = ControlOptions {
            node: NODE,
            replication_factor: 1,
            token_key: [7; 32],
            incarnation: Incarnation(1),
            has_peers: false,
        };
        let store = Arc::new(MemoryStore::new(Epoch(1)));
        let lane = LaneActor::start_on(&Arbiter::current(), store, Box::new(|reason| panic!("{reason}")));
        Control::start(rows, LaneHandle::new(lane.recipient()), options).await.unwrap()
    }

    fn credentials(secret: u8) -> Credentials {
        Credentials { id: KeyId([2; 12]), secret: SecretKey::from_random([secret; 32]) }
    }

    #[actix_web::test]
    async fn provisioning_twice_is_provisioning_once() {
        let control = control().await;
        let name: FreeText = "default".parse().unwrap();
        for _ in 0..2 {
            single_node_layout(&control, NODE, 1, Path::new("/")).await.unwrap();
            let id = bucket(&control, &"photos".parse().unwrap()).await.unwrap();
            key(&control, &credentials(3), &name).await.unwrap();
            assert_eq!(key_named(&control, &name).await.unwrap(), credentials(3));
            allow_all(&control, KeyId([2; 12]), id).await.unwrap();
        }
        let snapshot = control.snapshot();
        assert_eq!(snapshot.layout.version().number, 1);
        assert_eq!((snapshot.buckets().len(), snapshot.keys().len()), (1, 1));
        let bucket = snapshot.resolve_global("photos").unwrap();
        assert_eq!(snapshot.keys()[0].permissions(bucket.id), Permissions::ALL);
    }

    #[actix_web::test]
    async fn a_key_with_another_secret_is_not_replaced() {
        let control = control().await;
        let name: FreeText = "default".parse().unwrap();
        key(&control, &credentials(3), &name).await.unwrap();
        let refused = key(&control, &credentials(4), &name).await.unwrap_err();
        assert!(matches!(refused, ProvisionError::OtherSecret(_)), "{refused}");
        assert!(!refused.to_string().contains(credentials(4).secret.reveal()));
    }

    #[actix_web::test]
    async fn a_layout_of_other_nodes_is_not_touched() {
        let roles = [(NodeId([9; 32]), role_of_disk(Path::new("/"), &BootstrapConfig::default()))];
        let version =
            LayoutVersion::empty().next(roles.iter().map(|(node, role)| (node, role)), None, 1).unwrap();
        let key = [&[8][..], &version.number.to_be_bytes()].concat();
        let control = control_with(&[(key, [&[1][..], &version.encode()].concat())]).await;
        let refused = single_node_layout(&control, NODE, 1, Path::new("/")).await;
        assert!(matches!(refused, Err(ProvisionError::OtherNodes)));
        let refused = single_node_layout(&control, NODE, 3, Path::new("/")).await;
        assert!(matches!(refused, Err(ProvisionError::ReplicationFactor)));
    }
}
