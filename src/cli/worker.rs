use super::client::Client;
use super::error::CliError;
use super::status::ID_CHARS;
use super::table::{fields, print, table};
use crate::admin::model::{
    LocalGetWorkerInfoRequest, LocalGetWorkerVariableRequest, LocalListWorkersRequest, MultiResponse,
    WorkerInfoResp, WorkerStateResp, WorkerVariable,
};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub(super) enum WorkerCommand {
    /// List what runs in the background
    List(ListArgs),
    /// Show everything about one of them
    Info {
        /// Its number, as `worker list` tells it
        tid: u64,
    },
    /// Show the variables of the background's work
    Get {
        /// Ask every node
        #[arg(short, long)]
        all_nodes: bool,
        /// Only this one
        variable: Option<String>,
    },
    /// Change a variable, now and for later starts
    Set {
        /// On every node
        #[arg(short, long)]
        all_nodes: bool,
        /// Its name, as `worker get` tells it
        variable: String,
        /// What it is to be
        value: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Of every node
    #[arg(short, long)]
    all_nodes: bool,
    /// Only those that have something to do
    #[arg(short, long)]
    busy: bool,
    /// Only those that failed last
    #[arg(short, long)]
    errors: bool,
}

pub(super) async fn run(client: &Client, command: WorkerCommand) -> Result<(), CliError> {
    match command {
        WorkerCommand::List(args) => list(client, &args).await,
        WorkerCommand::Info { tid } => info(client, tid).await,
        WorkerCommand::Get { all_nodes, variable } => {
            let body = LocalGetWorkerVariableRequest { variable };
            let answers: MultiResponse<BTreeMap<String, String>> =
                client.post("GetWorkerVariable", &[nodes(all_nodes)], &body).await?;
            let rows = answers.success.iter().flat_map(|(node, variables)| {
                variables.iter().map(|(name, value)| vec![short(node), name.clone(), value.clone()])
            });
            print(&table(&["Node", "Variable", "Value"], rows))?;
            failures(&answers.error)
        }
        WorkerCommand::Set { all_nodes, variable, value } => {
            let body = WorkerVariable { variable, value };
            let answers: MultiResponse<WorkerVariable> =
                client.post("SetWorkerVariable", &[nodes(all_nodes)], &body).await?;
            let rows = answers.success.iter();
            let rows = rows.map(|(node, set)| vec![short(node), set.variable.clone(), set.value.clone()]);
            print(&table(&["Node", "Variable", "Value"], rows))?;
            failures(&answers.error)
        }
    }
}

fn nodes(all: bool) -> (&'static str, &'static str) {
    ("node", if all { "*" } else { "self" })
}

fn short(node: &str) -> String {
    node.chars().take(ID_CHARS).collect()
}

/// Nodes that did not answer, or refused: the first is told.
fn failures(errors: &BTreeMap<String, String>) -> Result<(), CliError> {
    match errors.iter().next() {
        None => Ok(()),
        Some((node, reason)) => Err(CliError::NodeRefused { node: short(node), reason: reason.clone() }),
    }
}

async fn list(client: &Client, args: &ListArgs) -> Result<(), CliError> {
    let wanted = LocalListWorkersRequest { busy_only: args.busy, error_only: args.errors };
    let answers: MultiResponse<Vec<WorkerInfoResp>> =
        client.post("ListWorkers", &[nodes(args.all_nodes)], &wanted).await?;
    let mut head = vec!["TID", "State", "Name", "Queue", "Progress", "Errors", "Consec", "Last"];
    if args.all_nodes {
        head.insert(0, "Node");
    }
    let rows = answers.success.iter().flat_map(|(node, workers)| {
        workers.iter().map(move |worker| {
            let mut row = row(worker);
            if args.all_nodes {
                row.insert(0, short(node));
            }
            row
        })
    });
    print(&table(&head, rows))?;
    failures(&answers.error)
}

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}

fn row(worker: &WorkerInfoResp) -> Vec<String> {
    vec![
        worker.id.to_string(),
        state(worker.state),
        worker.name.clone(),
        or_dash(worker.queue_length.map(|length| length.to_string())),
        or_dash(worker.progress.clone()),
        worker.errors.to_string(),
        worker.consecutive_errors.to_string(),
        or_dash(worker.last_error.as_ref().map(|error| format!("{} s ago", error.secs_ago))),
    ]
}

fn state(state: WorkerStateResp) -> String {
    match state {
        WorkerStateResp::Busy => "Busy".to_owned(),
        WorkerStateResp::Throttled { duration_secs } => format!("Busy, waits {duration_secs:.1} s"),
        WorkerStateResp::Idle => "Idle".to_owned(),
        WorkerStateResp::Done => "Done".to_owned(),
    }
}

async fn info(client: &Client, id: u64) -> Result<(), CliError> {
    let body = LocalGetWorkerInfoRequest { id };
    let answers: MultiResponse<WorkerInfoResp> = client.post("GetWorkerInfo", &[nodes(false)], &body).await?;
    for worker in answers.success.values() {
        let mut rows = vec![
            ("Task id", worker.id.to_string()),
            ("Worker name", worker.name.clone()),
            ("Worker state", state(worker.state)),
            ("Total errors", worker.errors.to_string()),
            ("Consecutive errs", worker.consecutive_errors.to_string()),
        ];
        if let Some(error) = &worker.last_error {
            rows.push(("Last error", format!("{}, {} s ago", error.message, error.secs_ago)));
        }
        rows.extend(worker.progress.clone().map(|progress| ("Progress", progress)));
        rows.extend(worker.queue_length.map(|length| ("Queue length", length.to_string())));
        rows.extend(worker.freeform.iter().map(|line| ("", line.clone())));
        print(&fields(&rows))?;
    }
    failures(&answers.error)
}
