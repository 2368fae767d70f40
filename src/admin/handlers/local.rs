//! Calls that name the nodes that are to answer: `node` is `self`, `*` or an id. Left out, it means `self`.

use crate::admin::Admin;
use crate::admin::call::{Call, json};
use crate::admin::error::{AdminError, AdminResult};
use crate::admin::local::{self, LocalAnswer, LocalCall};
use crate::admin::model::MultiResponse;
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use troupe_actors::ids::NodeId;

pub(super) async fn run(admin: &Admin, call: &Call, local_call: LocalCall) -> AdminResult {
    let answers = asked(admin, call)?.into_iter().map(|node| {
        let local_call = local_call.clone();
        async move { (node, ask(admin, node, local_call).await) }
    });
    let mut response = MultiResponse::<Value> { success: BTreeMap::new(), error: BTreeMap::new() };
    for (node, answer) in join_all(answers).await {
        match answer {
            LocalAnswer::Success(value) => _ = response.success.insert(node.to_string(), value),
            LocalAnswer::Error(reason) => _ = response.error.insert(node.to_string(), reason),
        }
    }
    json(&response)
}

fn asked(admin: &Admin, call: &Call) -> Result<Vec<NodeId>, AdminError> {
    let this = admin.identity.node;
    match call.parameter("node") {
        None | Some("self") => Ok(vec![this]),
        Some("*") => Ok(known(admin).into_iter().collect()),
        Some(id) => {
            let mut known = known(admin).into_iter();
            let node = known.find(|node| node.to_string() == id);
            node.map(|node| vec![node]).ok_or_else(|| AdminError::NoSuchNode(id.to_owned()))
        }
    }
}

/// Nodes with a role, and those that are up.
fn known(admin: &Admin) -> BTreeSet<NodeId> {
    let up = admin.view.peers().into_iter().filter(|(_, peer)| peer.state.is_up()).map(|(node, _)| node);
    let snapshot = admin.control.snapshot();
    let roles = snapshot.layout.version().roles.keys().copied();
    roles.chain(up).chain([admin.identity.node]).collect()
}

async fn ask(admin: &Admin, node: NodeId, call: LocalCall) -> LocalAnswer {
    if node != admin.identity.node {
        return admin.view.ask(node, call).await;
    }
    let view = admin.view.clone();
    let answer = tokio::task::spawn_blocking(move || local::answer(node, &*view, call)).await;
    answer.unwrap_or_else(|_| LocalAnswer::Error("the node is stopping".to_owned()))
}
