//! Calls that a node answers for itself alone, whichever node they reach: the one that is asked passes them on.

use super::health::version;
use super::model::{
    LocalGetNodeInfoResponse, LocalGetNodeStatisticsResponse, LocalGetWorkerInfoRequest,
    LocalGetWorkerVariableRequest, LocalListWorkersRequest, WorkerInfoResp, WorkerStateResp, WorkerVariable,
};
use super::{NodeView, VariableError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;
use troupe_actors::ids::NodeId;

/// A call. What nodes of other versions send and understand: variants are told apart by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LocalCall {
    /// What the node runs.
    GetNodeInfo,
    /// Its numbers.
    GetNodeStatistics,
    /// What runs in its background.
    ListWorkers(LocalListWorkersRequest),
    /// One of these.
    GetWorkerInfo(LocalGetWorkerInfoRequest),
    /// What can be changed of them.
    GetWorkerVariable(LocalGetWorkerVariableRequest),
    /// Changes it.
    SetWorkerVariable(WorkerVariable),
}

/// What a node says to a call: JSON, or the reason for a refusal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LocalAnswer {
    /// The body of the call's answer.
    Success(Value),
    /// For a person.
    Error(String),
}

/// Answers for this node. Reads stores: it may block for some milliseconds.
pub(crate) fn answer(node: NodeId, view: &dyn NodeView, call: LocalCall) -> LocalAnswer {
    let answered = match call {
        LocalCall::GetNodeInfo => Ok(json!(LocalGetNodeInfoResponse {
            node_id: node.to_string(),
            garage_version: version(),
            garage_features: Some(vec!["k2v".to_owned(), "lmdb".to_owned()]),
            rust_version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            db_engine: "lmdb".to_owned(),
        })),
        LocalCall::GetNodeStatistics => {
            Ok(json!(LocalGetNodeStatisticsResponse { freeform: freeform(view) }))
        }
        LocalCall::ListWorkers(wanted) => {
            let workers = view.workers().into_iter().filter(|worker| is_wanted(worker, wanted));
            Ok(json!(workers.collect::<Vec<_>>()))
        }
        LocalCall::GetWorkerInfo(LocalGetWorkerInfoRequest { id }) => {
            let worker = view.workers().into_iter().find(|worker| worker.id == id);
            worker.map(|worker| json!(worker)).ok_or_else(|| format!("no worker has the id {id}"))
        }
        LocalCall::GetWorkerVariable(LocalGetWorkerVariableRequest { variable }) => {
            let mut variables = view.variables();
            match variable {
                None => Ok(json!(variables)),
                Some(name) => match variables.remove(name.as_str()) {
                    Some(value) => Ok(json!({ name: value })),
                    None => Err(VariableError::Unknown { name }.to_string()),
                },
            }
        }
        LocalCall::SetWorkerVariable(WorkerVariable { variable, value }) => {
            match view.set_variable(&variable, &value) {
                Ok(value) => Ok(json!(WorkerVariable { variable, value })),
                Err(error) => Err(error.to_string()),
            }
        }
    };
    answered.map_or_else(LocalAnswer::Error, LocalAnswer::Success)
}

fn is_wanted(worker: &WorkerInfoResp, wanted: LocalListWorkersRequest) -> bool {
    let is_busy = matches!(worker.state, WorkerStateResp::Busy | WorkerStateResp::Throttled { .. });
    (is_busy || !wanted.busy_only) && (worker.consecutive_errors > 0 || !wanted.error_only)
}

/// Version and numbers, a line each.
pub(super) fn freeform(view: &dyn NodeView) -> String {
    let mut text = format!("{}\n", version());
    for gauge in view.gauges() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{:<32} {}", gauge.name, gauge.value);
    }
    text
}
