use serde::{Deserialize, Serialize};

/// Which workers to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalListWorkersRequest {
    /// Those that have something to do.
    #[serde(default)]
    pub busy_only: bool,
    /// Those that failed last.
    #[serde(default)]
    pub error_only: bool,
}

/// Which worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LocalGetWorkerInfoRequest {
    /// As the list tells it.
    pub id: u64,
}

/// What runs in the background of a node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerInfoResp {
    /// The same as long as the node runs.
    pub id: u64,
    /// What it does.
    pub name: String,
    /// Whether it works.
    pub state: WorkerStateResp,
    /// Failures since the start.
    pub errors: u64,
    /// Failures since it last succeeded.
    pub consecutive_errors: u64,
    /// The last failure.
    #[serde(default)]
    pub last_error: Option<WorkerLastError>,
    /// Failures that do not go away by themselves.
    #[serde(default)]
    pub persistent_errors: Option<u64>,
    /// How far it is, for people.
    #[serde(default)]
    pub progress: Option<String>,
    /// What waits.
    #[serde(default)]
    pub queue_length: Option<u64>,
    /// Troupe's workers have rates instead, see the variables.
    #[serde(default)]
    pub tranquility: Option<u32>,
    /// Lines for people.
    pub freeform: Vec<String>,
}

impl WorkerInfoResp {
    /// What the worker that compares and repairs replicas is called.
    pub const ANTI_ENTROPY: &str = "Anti-entropy";

    /// What the worker is called that takes in the shards which a node gains and removes those that it loses.
    pub const HAND_OVER: &str = "Hand-over";

    /// Whether replicas differ, or shards are on their way.
    pub fn is_syncing(&self) -> bool {
        let is_busy = matches!(self.state, WorkerStateResp::Busy | WorkerStateResp::Throttled { .. });
        is_busy && (self.name == WorkerInfoResp::ANTI_ENTROPY || self.name == WorkerInfoResp::HAND_OVER)
    }
}

/// Whether a worker works.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WorkerStateResp {
    /// It has something to do.
    Busy,
    /// It has something to do, and waits, as its rate is bounded.
    #[serde(rename_all = "camelCase")]
    Throttled {
        /// For so long.
        duration_secs: f32,
    },
    /// It waits for something to do.
    Idle,
    /// It has ended.
    Done,
}

/// A failure of a worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerLastError {
    /// For people.
    pub message: String,
    /// How long ago.
    pub secs_ago: u64,
}

/// Which variable to read; all of them without a name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LocalGetWorkerVariableRequest {
    /// Its name.
    #[serde(default)]
    pub variable: Option<String>,
}

/// A variable and its value: what to set, and what was set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkerVariable {
    /// Its name.
    pub variable: String,
    /// Its value.
    pub value: String,
}
