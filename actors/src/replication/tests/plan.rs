use crate::ids::{NodeId, ShardIndex};
use crate::layout::{Layout, LayoutVersion};
use crate::replication::plan::{Consistency, PlanError, write_plan};
use std::sync::Arc;

#[test]
fn nobody_takes_a_write_before_there_is_a_layout() {
    let layout = Layout::new(Arc::new(LayoutVersion::empty()));
    let shard = ShardIndex::new(7).unwrap();
    assert_eq!(
        write_plan(&layout, NodeId([1; 32]), shard, Consistency::Consistent),
        Err(PlanError::NoLayout)
    );
}
