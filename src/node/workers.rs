//! What runs in the background of a node, for people.

use super::view::StoreView;
use crate::admin::model::{WorkerInfoResp, WorkerLastError, WorkerStateResp};
use crate::config::Bytes;
use troupe_actors::antientropy::Progress;
use troupe_actors::control::Standing;
use troupe_actors::ids::NodeId;
use troupe_actors::membership::{MemberState, Membership};
use troupe_actors::store::journalled::JournalStats;

/// Every worker. The numbers of the first ones and of the checkpoints never change while the node runs, as the comparisons with
/// other nodes come last.
pub(super) fn list(view: &StoreView) -> Vec<WorkerInfoResp> {
    let progress = view.entropy.progress();
    let mut workers =
        vec![anti_entropy(&progress), hand_over(&progress), control(view), membership(&view.membership)];
    let lanes = view.stores.iter().enumerate();
    workers.extend(lanes.map(|(lane, store)| checkpoint(lane, &store.journal_stats())));
    workers.extend(comparisons(&progress));
    for (number, worker) in (1..).zip(&mut workers) {
        worker.id = number;
    }
    workers
}

fn worker(name: impl Into<String>, is_busy: bool) -> WorkerInfoResp {
    WorkerInfoResp {
        id: 0,
        name: name.into(),
        state: if is_busy { WorkerStateResp::Busy } else { WorkerStateResp::Idle },
        errors: 0,
        consecutive_errors: 0,
        last_error: None,
        persistent_errors: None,
        progress: None,
        queue_length: None,
        tranquility: None,
        freeform: Vec::new(),
    }
}

fn short(node: NodeId) -> String {
    node.to_string().chars().take(16).collect()
}

fn anti_entropy(progress: &Progress) -> WorkerInfoResp {
    let is_busy = progress.running + progress.waiting > 0;
    let mut worker = worker(WorkerInfoResp::ANTI_ENTROPY, is_busy);
    if is_busy && progress.throttled_ms > 0 {
        worker.state = WorkerStateResp::Throttled { duration_secs: progress.throttled_ms as f32 / 1000.0 };
    }
    let (equal, all) =
        progress.peers.values().fold((0, 0), |(equal, all), peer| (equal + peer.equal, all + peer.shards));
    worker.progress = Some(format!("{equal}/{all} copies equal"));
    worker.queue_length = Some((progress.running + progress.waiting) as u64);
    worker.errors = progress.failures;
    worker.consecutive_errors = progress.consecutive_failures;
    worker.last_error = progress.last_failure.map(|failure| WorkerLastError {
        message: format!(
            "the round of shard {} with node {} was given up, and is tried again",
            failure.shard,
            short(failure.peer)
        ),
        secs_ago: progress.now_ms.saturating_sub(failure.at_ms) / 1000,
    });
    worker.freeform = vec![
        format!("{} rounds at work, {} shards wait for theirs", progress.running, progress.waiting),
        format!("since the start: {} comparisons, {} rounds", progress.comparisons, progress.rounds),
        format!("since the start: {} items repaired, {} transferred", progress.items, Bytes(progress.bytes)),
        format!("the oldest comparison is {} s old", progress.oldest_ms / 1000),
    ];
    worker
}

/// Shards on their way here and off, and those that lost their memory.
fn hand_over(progress: &Progress) -> WorkerInfoResp {
    let Progress { held, receiving, amnesiac, dropping, .. } = *progress;
    let mut worker = worker(WorkerInfoResp::HAND_OVER, progress.is_handing_over());
    worker.progress =
        Some(format!("{}/{held} shards complete", held - (receiving + amnesiac + dropping).min(held)));
    worker.queue_length = Some((receiving + amnesiac + dropping) as u64);
    worker.freeform = vec![
        format!("{receiving} shards come from their older replicas"),
        format!("{amnesiac} shards lost their memory and are compared with all other replicas"),
        format!("{dropping} shards are removed"),
    ];
    worker
}

fn control(view: &StoreView) -> WorkerInfoResp {
    let status = view.control.status();
    let serves = view.control.serves();
    let mut worker = worker("Control exchange", !serves);
    worker.freeform = vec![match status.standing {
        Standing::Joining => "waits to hear from a cluster".to_owned(),
        Standing::AgreedAt(_) if serves => "agreed with a majority of the nodes with a role".to_owned(),
        Standing::AgreedAt(_) => "heard of no majority of the nodes with a role for too long".to_owned(),
        Standing::Alone => "no other node has a role".to_owned(),
    }];
    let foreign = status.foreign.iter().map(|node| format!("node {} is of another cluster", short(*node)));
    worker.freeform.extend(foreign);
    worker
}

fn membership(membership: &Membership) -> WorkerInfoResp {
    let members = membership.members();
    let count = |state: MemberState| members.iter().filter(|(_, member)| member.state == state).count();
    let (up, suspected, down) =
        (count(MemberState::Up), count(MemberState::Suspected), count(MemberState::Down));
    let mut worker = worker("Membership", false);
    worker.freeform = vec![format!("other nodes: {up} up, {suspected} suspected, {down} down")];
    worker
}

fn checkpoint(lane: usize, journal: &JournalStats) -> WorkerInfoResp {
    let mut worker = worker(format!("Checkpoint of lane {lane}"), journal.is_checkpointing);
    worker.progress = Some(format!(
        "{} of the journal's {} used",
        Bytes(journal.journal_bytes),
        Bytes(journal.journal_bytes_max)
    ));
    worker.queue_length = Some(journal.lag_groups);
    worker.freeform = vec![
        format!("{} of memory hold what the tree lacks", Bytes(journal.memtable_bytes)),
        format!("the last checkpoint took {:.3} s", journal.last_checkpoint.as_secs_f64()),
        format!("the tree is {:.0} s behind", journal.lag.as_secs_f64()),
    ];
    worker
}

/// One for each node with replicas of the same shards.
fn comparisons(progress: &Progress) -> impl Iterator<Item = WorkerInfoResp> {
    progress.peers.iter().map(|(node, peer)| {
        let mut worker =
            worker(format!("Comparison with {}", short(*node)), peer.is_up && peer.differing > 0);
        worker.progress = Some(format!("{}/{} shards equal", peer.equal, peer.shards));
        worker.queue_length = Some(peer.differing as u64);
        if !peer.is_up {
            worker.freeform.push("waits for a connection".to_owned());
        }
        worker
    })
}
