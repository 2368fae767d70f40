use super::assignment::{Assignment, AssignmentError};
use super::role::{LayoutParameters, NodeRole, StagedRole};
use crate::ids::NodeId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The hash of a layout version's content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayoutId(pub [u8; 32]);

impl fmt::Debug for LayoutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayoutId({})", hex::encode(self.0))
    }
}

/// One version of the layout. Never changed once made.
///
/// Persisted and hashed as postcard, fields in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LayoutVersion {
    /// Counted from 1; 0 is the empty layout that every node starts with.
    pub number: u64,
    /// The version it was made from.
    pub parent: LayoutId,
    /// How many replicas each shard has.
    pub replication_factor: u8,
    /// What the assignment was computed under.
    pub parameters: LayoutParameters,
    /// Every node that has a role.
    pub roles: BTreeMap<NodeId, NodeRole>,
    /// Which nodes hold each shard.
    pub assignment: Assignment,
}

impl LayoutVersion {
    /// The layout before anything was applied: no roles, no owners.
    pub fn empty() -> LayoutVersion {
        LayoutVersion {
            number: 0,
            parent: LayoutId([0; 32]),
            replication_factor: 0,
            parameters: LayoutParameters::default(),
            roles: BTreeMap::new(),
            assignment: Assignment::default(),
        }
    }

    /// The version that the staged changes make of this one.
    ///
    /// # Errors
    /// [`AssignmentError`] if the roles make no assignment.
    pub fn next<'s>(
        &self,
        staged_roles: impl IntoIterator<Item = (&'s NodeId, &'s StagedRole)>,
        staged_parameters: Option<LayoutParameters>,
        replication_factor: u8,
    ) -> Result<LayoutVersion, AssignmentError> {
        let mut roles = self.roles.clone();
        for (node, change) in staged_roles {
            match change {
                StagedRole::Unchanged => {}
                StagedRole::Assign(role) => _ = roles.insert(*node, role.clone()),
                StagedRole::Remove => _ = roles.remove(node),
            }
        }
        let parameters = staged_parameters.unwrap_or(self.parameters);
        let factor = usize::from(replication_factor);
        let assignment = Assignment::compute(&roles, parameters, factor, &self.assignment)?;
        let number = self.number + 1;
        Ok(LayoutVersion { number, parent: self.id(), replication_factor, parameters, roles, assignment })
    }

    /// SHA-256 of the persisted form.
    pub fn id(&self) -> LayoutId {
        LayoutId(Sha256::digest(self.encode()).into())
    }

    /// The bytes that are persisted and hashed.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("maps and sequences know their lengths, and a vector grows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ShardIndex;
    use crate::layout::Layout;
    use crate::limits::SHARD_COUNT;
    use std::sync::Arc;

    fn one_node(zone: &str) -> BTreeMap<NodeId, StagedRole> {
        let role = NodeRole {
            zone: zone.to_owned(),
            capacity_bytes: Some(1_000_000_000),
            tags: vec!["first".to_owned()],
        };
        BTreeMap::from([(NodeId([7; 32]), StagedRole::Assign(role))])
    }

    #[test]
    fn the_same_changes_to_the_same_version_make_the_same_one() {
        let next = |zone| LayoutVersion::empty().next(&one_node(zone), None, 1).unwrap();
        assert_eq!(next("a").id(), next("a").id());
        assert_ne!(next("a").id(), next("b").id());
        let second = next("a").next(&one_node("a"), None, 1).unwrap();
        assert_eq!(second.parent, next("a").id());
        assert_ne!(second.id(), next("a").id());
    }

    #[test]
    fn every_shard_is_routed_to_its_replicas() {
        let empty = Layout::new(Arc::new(LayoutVersion::empty()));
        assert!(!empty.is_assigned());
        assert!(ShardIndex::all().all(|shard| empty.replicas(shard).is_empty()));
        let first = LayoutVersion::empty().next(&one_node("a"), None, 1).unwrap();
        let layout = Layout::new(Arc::new(first));
        assert!(layout.is_assigned());
        assert!(ShardIndex::all().all(|shard| layout.replicas(shard) == [NodeId([7; 32])]));
    }

    #[test]
    fn the_persisted_form_never_changes() {
        let version = LayoutVersion::empty().next(&one_node("par1"), None, 1).unwrap();
        let bytes = version.encode();
        let (head, table) = bytes.split_at(bytes.len() - SHARD_COUNT);
        let parent = hex::encode(LayoutVersion::empty().id().0);
        let node = "07".repeat(32);
        assert_eq!(
            hex::encode(head),
            format!("01{parent}010001{node}0470617231018094ebdc030105666972737401{node}8008")
        );
        assert!(table.iter().all(|byte| *byte == 0));
        assert_eq!(parent, "762b023699a0e48aa95763f0cf7c0467f1d6e9880308c78ebbc1c423de7072d3");
    }
}
